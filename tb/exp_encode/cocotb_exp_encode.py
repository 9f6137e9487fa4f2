# SPDX-License-Identifier: Apache-2.0
"""Exponential codes of sums: around every threshold, layers of fewer bits, limited exponents, ReLU, loading, stalls."""

from typing import Any, NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from pipeline import check
from shiftwork.codes import exponential
from streams import STALLS, rng


class Layer(NamedTuple):
    """Thresholds (2R,) of n bits, and the largest exponent that may occur."""

    bits: int
    limits: list[int]
    high: int


async def begin(dut: Any) -> tuple[int, int]:
    """Start the clock; returns BITS and the largest value."""
    dut.enable.value = 0
    dut.threshold_write.value = 0
    Clock(dut.clk, 10, unit="ns").start()
    return len(dut.code) - 1, (1 << (len(dut.value) - 1)) - 1


async def load(dut: Any, layer: Layer) -> None:
    """Write all thresholds in random order, and a word that is no threshold to address 0."""
    unit_bits, top = len(dut.code) - 1, (1 << len(dut.threshold_value)) - 1
    words = exponential.threshold_words(layer.limits, layer.bits, unit_bits, layer.high).tolist()
    order = list(enumerate([rng("no threshold").getrandbits(3), *words]))
    rng("order").shuffle(order)
    for address, word in order:
        await FallingEdge(dut.clk)
        dut.threshold_write.value = 1
        dut.threshold_address.value = address
        dut.threshold_value.value = min(word, top)
    await FallingEdge(dut.clk)
    dut.threshold_write.value = 0
    dut.threshold_address.value = rng("idle").getrandbits(unit_bits)


async def compare(dut: Any, values: list[int], layer: Layer, stall: str = "none") -> None:
    """Every value inside the width, with ReLU and without in random order, against the golden model."""
    unit_bits, top = len(dut.code) - 1, (1 << (len(dut.value) - 1)) - 1
    items = [{"value": value, "relu": relu} for value in values if abs(value) <= top for relu in (0, 1)]
    rng("shuffle").shuffle(items)
    limits = layer.limits[: layer.high + exponential.radius(layer.bits)]
    both = [
        exponential.encode_thresholds([item["value"] for item in items], limits, layer.bits, relu)
        for relu in (False, True)
    ]
    chosen = [both[item["relu"]][index] for index, item in enumerate(items)]
    wanted = exponential.resize(chosen, layer.bits, unit_bits).tolist()
    await check(dut, items, wanted, unit_bits, stall, "code")


def random_layer(salt: str, unit_bits: int, top: int) -> Layer:
    """Any thresholds that do not decrease, a few of them equal, of any n."""
    generator = rng(salt)
    bits = generator.randint(3, unit_bits)
    r = exponential.radius(bits)
    some = sorted(generator.randint(-3, top) >> generator.randint(0, top.bit_length()) for _ in range(2 * r))
    return Layer(bits, some, generator.choice((r, generator.randint(-r, r))))


def layers(unit_bits: int, top: int) -> list[Layer]:
    """Geometric thresholds of every n, with and without a limit; equal ones; some not positive or out of reach."""
    found = []
    beyond = 1 << (exponential.ACC_BITS - 1)
    for bits in range(3, unit_bits + 1):
        r = exponential.radius(bits)
        code = exponential.Exponential(bits, 1 + 6 / r, 1.0, 0.1)
        fraction = top.bit_length() - 1 - int(code.levels[-1]).bit_length()
        limits = exponential.thresholds(code, fraction).tolist()
        found += [Layer(bits, limits, high) for high in (r, r - 1, 0, 1 - r, -r)]
        found.append(Layer(bits, [-beyond] * r + [beyond] * r, r))
        found.append(Layer(bits, [0] * (r - 1) + [min(5, top)] * 2 + [top] * (r - 1), r))
    return found


@cocotb.test()
async def around_thresholds(dut) -> None:
    """Both sides of every threshold with both signs, extremes and zero; every value where there are at most 2^11."""
    unit_bits, top = await begin(dut)
    for layer in layers(unit_bits, top):
        await load(dut, layer)
        near = {limit + step for limit in layer.limits for step in (-1, 0, 1)} | {0, 1, 2, top - 1, top}
        values = sorted(near | {-value for value in near}) if top >= 1 << 10 else list(range(-top, top + 1))
        await compare(dut, values, layer)


@cocotb.test()
async def random_values(dut) -> None:
    """Values of every size under every stall pattern; new thresholds for each, written while enable is low."""
    unit_bits, top = await begin(dut)
    for stall in STALLS:
        generator = rng(f"random/{stall}")
        layer = random_layer(stall, unit_bits, top)
        await load(dut, layer)
        size = top.bit_length()
        values = [generator.getrandbits(generator.randint(1, size)) * generator.choice((-1, 1)) for _ in range(200)]
        await compare(dut, values, layer, stall)


@cocotb.test()
async def published_thresholds(dut) -> None:
    """docs/numerics.md section 7: n = 3, b = 2, alpha = 1, beta = 0 at Q = 5."""
    unit_bits, top = await begin(dut)
    layer = Layer(3, [6, 12, 23, 46, 91, 182], 3)
    await load(dut, layer)
    cases = [(0, 0, None), (1, 0, -3), (5, 0, -3), (6, 0, -2), (22, 1, -1), (23, 0, 0), (181, 1, 2), (182, 0, 3)]
    cases += [(-5, 0, -3), (-6, 0, -2), (-182, 0, 3), (-182, 1, None), (-1, 1, None)]
    cases = [(value, relu, exponent) for value, relu, exponent in cases if abs(value) <= top]
    wanted = [
        1 << (unit_bits - 1)
        if exponent is None
        else exponent & ((1 << unit_bits) - 1) | (1 << unit_bits if value < 0 else 0)
        for value, _, exponent in cases
    ]
    await check(dut, [{"value": v, "relu": relu} for v, relu, _ in cases], wanted, unit_bits, "random", "code")
