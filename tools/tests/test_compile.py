# SPDX-License-Identifier: Apache-2.0
"""Operand matrices, tile order, bounds and predictions of the compiler, against direct sums in numpy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from shiftwork.compile import TileProgram, compile_module, schedule
from shiftwork.compile.operands import check_slices
from shiftwork.device.executor import batch_size
from shiftwork.device.simulated import _pack_shifts
from shiftwork.errors import ShiftworkError
from shiftwork.golden.executor import dot_products
from shiftwork.network.integer import IntegerModule, IntegerNetwork, Stream, TensorInfo, TermConfig

Codes = NDArray[np.integer]


def network_of(module: IntegerModule, source: TensorInfo, size: tuple[int, int]) -> IntegerNetwork:
    assert module.weight is not None
    tensors = {"x": source, "y": TensorInfo((*size, len(module.weight)), 3, True)}
    if module.shortcut is not None:
        tensors[module.shortcut] = TensorInfo(tensors["y"].shape, 2, True)
    return IntegerNetwork("tr", "x", "y", tensors, [module])


def example(stream: Stream, groups: int, signed: bool) -> tuple[IntegerNetwork, dict[str, Codes]]:
    rng = np.random.default_rng(11)
    weight = rng.integers(-127, 128, (6, 3, 2, 4 // groups)).astype(np.int8)
    module = IntegerModule("m", "conv", ["x"], "y", weight=weight, shortcut="s", groups=groups)
    module.stride, module.pads, module.terms = (2, 1), (1, 0, 1, 1), TermConfig(stream=stream)
    module.bias, module.shift = rng.integers(-99, 99, 6).astype(np.int32), np.arange(6, dtype=np.int32)
    module.bias_shift = module.shortcut_shift = np.arange(6, dtype=np.int32)
    network = network_of(module, TensorInfo((7, 5, 4), 3, signed), (4, 5))
    x = rng.integers(-128 if signed else 0, 128 if signed else 256, (3, 7, 5, 4))
    shortcut = rng.integers(-128, 128, (3, 4, 5, 6)).astype(np.int8)
    return network, {"x": x.astype(np.int8 if signed else np.uint8), "s": shortcut}


def products(program: TileProgram) -> NDArray[np.int32]:
    """What an engine returns for a program, in tile order."""
    rows = program.row_blocks.view(np.int8) if program.row_signed else program.row_blocks
    cols = program.col_blocks.view(np.int8) if program.col_signed else program.col_blocks
    found = [rows[r].astype(np.int64).T @ cols[c].astype(np.int64) for r, c, _ in program.tiles]
    return np.stack(found).astype(np.int32)


@pytest.mark.parametrize("stream", ["weights", "activations"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (4, 8), (5, 3), (8, 64)])
def test_tiles_compute_the_convolution(stream: Stream, groups: int, signed: bool, shape: tuple[int, int]) -> None:
    network, tensors = example(stream, groups, signed)
    module = network.modules[0]
    program = compile_module(network, module, tensors, *shape)
    expected = dot_products(network, module, tensors["x"])
    assert np.array_equal(program.gather(products(program)), expected)
    assert program.macs == expected.size * 6 * 4 // groups
    assert program.row_blocks.shape[1:] == (program.depth, shape[0])
    assert program.col_blocks.shape[1:] == (program.depth, shape[1])


@pytest.mark.parametrize("stream", ["weights", "activations"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("shape", [(1, 1), (4, 8), (5, 3)])
def test_constants_meet_their_channel(stream: Stream, groups: int, shape: tuple[int, int]) -> None:
    network, tensors = example(stream, groups, False)
    module = network.modules[0]
    program = compile_module(network, module, tensors, *shape)
    row = np.arange(shape[0])[None, :] * (not program.lane_is_channel)
    index = program.tiles[:, 2:] + row
    for values, want in ((program.bias, module.bias), (program.shift, module.shift)):
        assert want is not None
        seen = program.gather(np.ascontiguousarray(values[index]))
        assert np.array_equal(seen, np.broadcast_to(want, seen.shape))
    assert program.shortcut is not None
    assert np.array_equal(program.gather(program.shortcut.view(np.int8)), tensors["s"])


def test_padding_lanes_are_zero() -> None:
    network, tensors = example("weights", 1, False)
    program = compile_module(network, network.modules[0], tensors, 4, 64)
    assert program.row_tiles == 2
    assert not program.row_blocks[1, :, 2:].any()
    assert not program.col_blocks[0, :, 60:].any()


@pytest.mark.parametrize("lanes", [1, 3, 6, 7, 64])
def test_packed_shifts(lanes: int) -> None:
    values = np.random.default_rng(lanes).integers(0, 32, (9, lanes)).astype(np.int32)
    packed = _pack_shifts(values)
    assert packed.shape == (9, -(-lanes * 5 // 32))
    for vector, words in zip(values, packed, strict=True):
        whole = sum(int(word) << (32 * place) for place, word in enumerate(words))
        assert [(whole >> (5 * lane)) & 31 for lane in range(lanes)] == vector.tolist()


def test_tokens_of_real_rows_only() -> None:
    """One weight of three terms in planes 4, 2, 0: the other six planes cost one token each; padding rows cost none."""
    weight = np.full((1, 1, 1, 1), 21, np.int8)
    module = IntegerModule("m", "conv", ["x"], "y", weight=weight, terms=TermConfig(stream="weights"))
    network = network_of(module, TensorInfo((1, 5, 1), 0, False), (1, 5))
    x: Mapping[str, Codes] = {"x": np.ones((1, 1, 5, 1), np.uint8)}
    program = compile_module(network, module, x, 4, 2)
    cost = schedule(program, module.terms)
    assert len(program.tiles) == 3
    assert cost.tokens == 3 * 9
    assert cost.bound == 3 * 9
    assert cost.cycles > cost.bound


def test_a_slice_that_could_overflow_is_refused() -> None:
    weight = np.full((2, 1, 1, 256), 127, np.int8)
    module = IntegerModule("wide", "conv", ["x"], "y", weight=weight)
    network = network_of(module, TensorInfo((1, 1, 256), 0, False), (1, 1))
    check_slices(network, module)
    module.terms = TermConfig(True, "weights", 8, 8, 1)  # 127 becomes 128, 255 becomes 256
    with pytest.raises(ShiftworkError, match="'wide': a slice of 256 products can reach 8388608"):
        check_slices(network, module)


def test_a_raw_tensor_cannot_be_streamed() -> None:
    network, tensors = example("weights", 1, False)
    network.tensors["x"] = TensorInfo((7, 5, 4), 3, True, 32)
    with pytest.raises(ShiftworkError, match="'m': it reads 32-bit codes"):
        compile_module(network, network.modules[0], tensors, 4, 8)


def test_a_kernel_larger_than_the_map_is_refused() -> None:
    network, tensors = example("weights", 1, False)
    with pytest.raises(ShiftworkError, match="'m': the kernel is larger"):
        compile_module(network, network.modules[0], {**tensors, "x": np.zeros((1, 0, 5, 4), np.uint8)}, 4, 8)


def test_batches_are_never_empty() -> None:
    network, _ = example("weights", 1, False)
    assert batch_size(network, 8, 64) > 1000
    network.tensors["y"] = TensorInfo((30000, 30000, 6), 3, True)
    assert batch_size(network, 8, 64) == 1
