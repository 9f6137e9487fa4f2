# SPDX-License-Identifier: Apache-2.0
"""Small models held against onnxruntime: as float graphs, and as integer networks, in memory and from a file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.golden.model import finished, run
from shiftwork.network.floating import activations, reference
from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize import fixed8


def weights(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Random float32 weights by name and shape."""
    rng = np.random.default_rng(5)
    return {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def only(network: FloatNetwork) -> FloatModule:
    """The only module of a network."""
    assert len(network.modules) == 1
    return network.modules[0]


def samples_of(network: FloatNetwork, count: int) -> NDArray[np.float32]:
    """Random samples of a network."""
    return np.random.default_rng(9).normal(0, 1, (count, *network.ends.sample_shape)).astype(np.float32)


def check(path: Path, samples: int | NDArray[np.float32] = 3) -> FloatNetwork:
    """Import, compare the float graph with onnxruntime, return the network."""
    network = import_onnx(path)
    x = samples_of(network, samples) if isinstance(samples, int) else samples
    expected = reference(network, x)
    assert list(expected) == list(network.ends.outputs)
    parts = [network.ends.finish(tensors) for tensors in activations(network, x)]
    same(parts[0], expected, 1e-4)
    assert set(network.shapes) == {*network.inputs, *network.constants, *(m.output for m in network.modules)}
    return network


def check_integers(network: FloatNetwork, x: NDArray[np.float32], error: float = 0.05) -> IntegerNetwork:
    """Quantize to 8 bits; outputs follow onnxruntime by a relative 2-norm, and survive a file."""
    integer = fixed8.quantize(network, x)
    codes = run(integer, x, collect=False)
    found, expected = finished(integer, codes), reference(network, x)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == value.shape
        assert np.linalg.norm(found[name] - value) <= error * np.linalg.norm(value), name
    with tempfile.TemporaryDirectory() as folder:
        loaded = IntegerNetwork.load(integer.save(Path(folder) / "network")[0])
    again = run(loaded, x, collect=False)
    for name, value in codes.items():
        assert np.array_equal(again[name], value)
    same(finished(loaded, again), found, 0)
    return integer


def same(found: Mapping[str, NDArray[Any]], expected: Mapping[str, NDArray[Any]], error: float) -> None:
    """Arrays by name, equal but for a relative and absolute error."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        np.testing.assert_allclose(found[name], value, rtol=error, atol=error, err_msg=name)
