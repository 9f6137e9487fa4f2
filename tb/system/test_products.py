# SPDX-License-Identifier: Apache-2.0
"""Products of two activations on the RTL: every engine that takes them, and the transformer of the examples."""

from __future__ import annotations

import os
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

import shiftwork.run.layers as executor
from shiftwork.codes.exponential import ACTIVATION_BITS, WEIGHT_BITS, Exponential
from shiftwork.compile import Engine, ExpEngine, MacEngine, MsqEngine, Operands, TrEngine, requant_of
from shiftwork.device.simulated import SimulatedDevice, Stalls
from shiftwork.example import CALIBRATION, TEST, TRANSFORMER
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.ends import Ends
from shiftwork.network.format import Work
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import ExponentialCodes, IntegerModule, IntegerNetwork, TensorInfo, Terms
from shiftwork.quantize.quantization import Quantization
from shiftwork.run.layers import Execution, execute
from shiftwork.schemes import quantize

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
SHAPE = (3, 11, 5, 70)
"""Rows of the map, positions, channels and length of the reduction: short tiles on either side, several slices."""

Made = tuple[IntegerNetwork, NDArray[np.integer]]
_device = lru_cache(maxsize=None)(SimulatedDevice)


def whole_numbers(signs: tuple[bool, bool], stream: str = "weights", raw: bool = False, seed: int = SEED) -> Made:
    """``x[:, :w] * table(x[:, w:])`` of random codes, and those of two samples. signs: of the operands."""
    rng = np.random.default_rng(seed)
    height, width, channels, depth = SHAPE
    first, second = (TensorInfo((height, size, depth), 5, sign) for size, sign in
                     zip((width, channels), signs, strict=True))  # fmt: skip
    x = TensorInfo((height, width + channels, depth), 5, signs[0])
    table = rng.permutation(256).astype(np.uint8)
    out = TensorInfo((height, width, channels), 0 if raw else 3, True, 32 if raw else 8)
    product = IntegerModule("product", "matmul", ["first", "second"], "out", format=Terms(stream=stream))  # type: ignore[arg-type]
    product.requantize, product.relu = not raw, raw
    product.shift = np.zeros(channels, np.int32) if raw else rng.integers(9, 14, channels).astype(np.int32)
    product.low, product.high = (0, (1 << 31) - 1) if raw else (-128, 127)
    network = _network("fixed8", x, first, second, out, table, product)
    low, high = x.limits
    codes = rng.integers(low, high + 1, (2, *x.shape)).astype(x.dtype)
    codes[0, 0, :, : depth // 2] = low  # the widest sums
    return network, codes


def exponentials(widths: tuple[int, int], seed: int = SEED) -> Made:
    """The same of random exponential codes, of exponents of two widths."""
    rng = np.random.default_rng(seed)
    height, width, channels, depth = SHAPE

    def info(shape: tuple[int, int, int], bits: int) -> TensorInfo:
        code = Exponential(bits, 2.0, 1.0, 0.0)
        levels = np.sort(rng.integers(0, 1 << ACTIVATION_BITS, 2 * code.radius + 1))
        return TensorInfo(shape, 5, False, bits + 1, code, tuple(levels.tolist()))

    def legal(bits: int) -> NDArray[np.uint8]:
        return np.delete(np.arange(2 << bits), 3 << (bits - 1)).astype(np.uint8)

    first, second, out = (info((height, rows, columns), bits) for rows, columns, bits in
                          ((width, depth, widths[0]), (channels, depth, widths[1]), (width, channels, 5)))  # fmt: skip
    x = TensorInfo((height, width + channels, depth), 5, False, first.bits, first.code, first.levels)
    assert second.code is not None and out.code is not None
    weights = np.sort(rng.integers(0, 1 << WEIGHT_BITS, 2 * second.code.radius + 1)).astype(np.int32)
    limits = np.sort(rng.integers(0, 1 << 33, 2 * out.code.radius))
    form = ExponentialCodes(second.code, weights, 5, limits)
    product = IntegerModule("product", "matmul", ["first", "second"], "out", format=form)
    product.low, product.high = -out.code.radius, out.code.radius
    table = rng.choice(legal(widths[1]), 256)
    network = _network("dnateq", x, first, second, out, table, product)
    for module in network.modules[:3]:
        module.format = ExponentialCodes()
    return network, rng.choice(legal(widths[0]), (2, *x.shape))


def _network(
    scheme: str, x: TensorInfo, first: TensorInfo, second: TensorInfo, out: TensorInfo, table: NDArray[np.uint8],
    product: IntegerModule,
) -> IntegerNetwork:  # fmt: skip
    width = first.shape[1]
    bounds = {"starts": (0, 0, 0), "stops": (x.shape[0], width, x.shape[2]), "steps": (1, 1, 1)}
    rest = {"starts": (0, width, 0), "stops": x.shape, "steps": (1, 1, 1)}
    looked = IntegerModule("looked up", "table", ["rest"], "second", table=table)
    modules = [
        IntegerModule("begin", "slice", ["x"], "first", attributes=bounds),
        IntegerModule("end", "slice", ["x"], "rest", attributes=rest), looked, product,
    ]  # fmt: skip
    kept = TensorInfo(second.shape, x.fraction, x.signed, x.bits, x.code, x.levels)
    tensors = {"x": x, "first": first, "rest": kept, "second": second, "out": out}
    return IntegerNetwork(scheme, Ends.of_maps("x", x.shape, "out", out.shape), tensors, modules)


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
            assert longer == 0 if stalls is None else longer >= 0, f"{layer.name}: {longer} cycles (seed {SEED})"
    return done


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("signs", SIGNS)
@pytest.mark.parametrize("name", ["tr", "tmac", "mac"])
def test_products_of_whole_numbers(name: str, signs: tuple[bool, bool], stalls: str) -> None:
    for stream in ("weights", "activations"):
        for raw in (False, True):
            network, x = whole_numbers(signs, stream, raw)
            layer = run(network, x, ENGINES[name], STALLS[stalls]).layers[-1]
            assert layer.executor == "rtl"
            assert layer.macs == len(x) * int(np.prod(SHAPE))


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("widths", [(4, 4), (3, 6), (7, 4)])
def test_products_of_exponential_codes(widths: tuple[int, int], stalls: str) -> None:
    network, x = exponentials(widths)
    assert run(network, x, ENGINES["exp"], STALLS[stalls]).layers[-1].executor == "rtl"


def test_samples_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = whole_numbers((False, True))
    whole = run(network, x, ENGINES["tr"])
    monkeypatch.setattr(executor, "_OPERAND_BYTES", 1)
    single = run(network, x, ENGINES["tr"])
    assert np.array_equal(whole.outputs["out"], single.outputs["out"])


def test_an_engine_that_takes_no_products_leaves_them_to_the_host() -> None:
    network, _ = whole_numbers((True, True))
    assert not MsqEngine().products
    layers = executor.layer_reports(network, "rtl", engine=MsqEngine())
    assert [layer.executor for layer in layers] == ["host"] * 4


def _wrong_code(operands: Operands) -> None:
    operands.layer.weights[0, operands.beats // 2] ^= 0x2


def _wrong_order(operands: Operands) -> None:
    operands.layer.slots = operands.layer.slots[:, ::-1]


@pytest.mark.parametrize("fault", [_wrong_code, _wrong_order])
@pytest.mark.parametrize("name", ENGINES)
def test_a_fault_of_a_product_is_found(name: str, fault: object) -> None:
    """A wrong code of the second operand, and results put back in the wrong order."""
    network, x = exponentials((4, 5)) if name == "exp" else whole_numbers((True, True))
    device = _device(ENGINES[name], requant_of(network))
    done = execute(network, x, golden.run(network, x, True), device, tamper=fault)  # type: ignore[arg-type]
    assert [layer.mismatches > 0 for layer in done.layers] == [False, False, False, True]


@pytest.mark.parametrize("scheme", WISHES)
def test_the_transformer(scheme: str) -> None:
    """What attention multiplies runs on the RTL; Softmax, normalizations, tables and moves are named as the host's."""
    network = import_onnx(TRANSFORMER)
    integer = quantize(WISHES[scheme], network, load_data(CALIBRATION, network))
    done = run(integer, load_data(TEST, network, 2).x, ENGINES["exp" if scheme == "dnateq" else "tr"])
    on_host = {layer.kind for layer in done.layers if layer.executor == "host"}
    assert on_host == {"host", "table", "reshape", "avgpool"}
    assert [layer.executor for layer in done.layers if layer.kind == "matmul"] == ["rtl"] * 4
