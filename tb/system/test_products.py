# SPDX-License-Identifier: Apache-2.0
"""Products of two activations on the RTL: every engine that takes them, and the transformer of the examples."""

from __future__ import annotations

import os
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

import shiftwork.run.layers as executor
from shiftwork.compile import Engine, ExpEngine, MacEngine, MsqEngine, Operands, TrEngine, requant_of
from shiftwork.device.simulated import SimulatedDevice, Stalls
from shiftwork.example import CALIBRATION, TEST, TRANSFORMER
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.format import Work
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize.quantization import Quantization
from shiftwork.run.layers import Execution, execute
from shiftwork.schemes import quantize
from system.networks import least_longer
from system.product_networks import SHAPE, exponentials, whole_numbers

SEED = int(os.environ.get("SHW_SEED") or "1")
ENGINES: dict[str, Engine] = {
    "tr": TrEngine(4, 8),
    "tmac": TrEngine(4, 8, "tmac"),
    "mac": MacEngine(4, 7),
    "exp": ExpEngine(4, 8, 2),
}
STALLS = {"flowing": None, "stalling": Stalls(0.2, 0.4, SEED)}
WISHES = {
    "fixed8": Quantization("fixed8"),
    "tr": Quantization("tr", budget="12"),
    "dnateq": Quantization("dnateq", exponent_bits=5),
}
SIGNS = [(False, False), (False, True), (True, False), (True, True)]
_device = lru_cache(maxsize=None)(SimulatedDevice)


def run(network: IntegerNetwork, x: NDArray[np.generic], engine: Engine, stalls: Stalls | None = None) -> Execution:
    counts: dict[str, Work] = {}
    expected = golden.run(network, x, True, counts)
    done = execute(network, x, expected, _device(engine, requant_of(network)), counts, stalls)
    for layer in done.layers:
        assert layer.compared > 0, layer.name
        assert layer.mismatches == 0, f"{layer.name}: {layer.mismatches} of {layer.compared} differ (seed {SEED})"
        if layer.executor == "rtl" and engine.kind != "tmac":  # of which no model predicts cycles
            assert layer.cycles and layer.predicted_cycles
            longer = layer.cycles - layer.predicted_cycles
            least = 0 if stalls is None else least_longer(network, layer.predicted_cycles)
            assert longer >= least and (stalls is not None or longer == 0), f"{layer.name}: {longer} (seed {SEED})"
    return done


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("signs", SIGNS)
@pytest.mark.parametrize("name", ["tr", "tmac", "mac"])
def test_products_of_whole_numbers(name: str, signs: tuple[bool, bool], stalls: str) -> None:
    for stream in ("weights", "activations"):
        for raw in (False, True):
            network, x = whole_numbers(signs, SEED, stream, raw)
            layer = run(network, x, ENGINES[name], STALLS[stalls]).layers[-1]
            assert layer.executor == "rtl"
            assert layer.macs == len(x) * int(np.prod(SHAPE))


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("widths", [(4, 4), (3, 6), (7, 4)])
def test_products_of_exponential_codes(widths: tuple[int, int], stalls: str) -> None:
    network, x = exponentials(widths, SEED)
    assert run(network, x, ENGINES["exp"], STALLS[stalls]).layers[-1].executor == "rtl"


def test_samples_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = whole_numbers((False, True), SEED)
    whole = run(network, x, ENGINES["tr"])
    monkeypatch.setattr(executor, "_OPERAND_BYTES", 1)
    single = run(network, x, ENGINES["tr"])
    assert np.array_equal(whole.outputs["out"], single.outputs["out"])


def test_4_bit_rows_take_no_products() -> None:
    network, _ = whole_numbers((True, True), SEED)
    product = network.module("product")
    assert ENGINES["tr"].takes(product)
    assert not MsqEngine().takes(product)


def _wrong_code(operands: Operands) -> None:
    operands.layer.weights[0, operands.beats // 2] ^= 0x2


def _wrong_order(operands: Operands) -> None:
    operands.layer.slots = operands.layer.slots[:, ::-1]


@pytest.mark.parametrize("fault", [_wrong_code, _wrong_order])
@pytest.mark.parametrize("name", ENGINES)
def test_a_fault_of_a_product_is_found(name: str, fault: object) -> None:
    """A wrong code of the second operand, and results put back in the wrong order."""
    network, x = exponentials((4, 5), SEED) if name == "exp" else whole_numbers((True, True), SEED)
    device = _device(ENGINES[name], requant_of(network))
    done = execute(network, x, golden.run(network, x, True), device, tamper=fault)  # type: ignore[arg-type]
    assert [layer.mismatches > 0 for layer in done.layers] == [False, False, False, True]


@pytest.mark.parametrize("scheme", WISHES)
def test_the_transformer(scheme: str) -> None:
    """What attention multiplies runs on the RTL; Softmax, normalizations and moves are named as the host's."""
    network = import_onnx(TRANSFORMER)
    integer = quantize(WISHES[scheme], network, load_data(CALIBRATION, network))
    done = run(integer, load_data(TEST, network, 2).x, ENGINES["exp" if scheme == "dnateq" else "tr"])
    on_host = {layer.kind for layer in done.layers if layer.executor == "host"}
    assert on_host == {"host", "reshape", "avgpool"}
    assert [layer.executor for layer in done.layers if layer.kind == "matmul"] == ["rtl"] * 4
