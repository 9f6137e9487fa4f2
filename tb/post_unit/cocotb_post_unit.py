# SPDX-License-Identifier: Apache-2.0
"""Post unit: modules of every kind beat by beat against shiftwork.golden.arithmetic, stalls, latency, reset."""

import random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles

from shiftwork.golden import arithmetic
from streams import STALLS, StreamSink, StreamSource, pack, reset, rng, start

LATENCY = 6
FIELDS = (
    "last",
    "acc",
    "bias",
    "bias_shift",
    "shortcut",
    "shortcut_shift",
    "shift",
    "cfg_relu",
    "cfg_shortcut_enable",
    "cfg_shortcut_signed",
    "cfg_low",
    "cfg_high",
)
LIMITS = ((-128, 127), (0, 255), (0, 96), (0, 15), (-8, 7), (-256, 255))
LARGEST = (1 << 31) - 1

Lane = tuple[int, int, int, int, int, int]  # acc, bias, bias shift, shortcut, shortcut shift, shift


def lane_sum(lane: Lane, enabled: bool) -> int:
    acc, bias, bias_shift, shortcut, shortcut_shift, _ = lane
    return acc + (bias << bias_shift) + (shortcut << shortcut_shift if enabled else 0)


def random_lane(generator: random.Random, signed: bool, enabled: bool) -> Lane:
    """A lane whose whole sum is below 2^31 in magnitude; partial sums need not be."""
    while True:

        def some(most: int) -> int:
            return generator.getrandbits(generator.randint(1, most)) * generator.choice((-1, 1))

        bias_shift, shortcut_shift = generator.randrange(32), generator.randrange(32)
        bias = max(some(generator.randint(1, 31)) >> generator.choice((0, bias_shift)), -LARGEST - 1)
        shortcut = generator.choice((0, 1, 127, 128, 255, generator.randrange(256)))
        shortcut = shortcut - 256 if signed and shortcut > 127 else shortcut
        lane = (some(31), bias, bias_shift, shortcut, shortcut_shift, generator.randrange(32))
        if generator.random() < 0.1:  # the largest sums
            rest = lane_sum((0, *lane[1:]), enabled)
            acc = generator.choice((LARGEST, -LARGEST)) - rest
            lane = (acc, *lane[1:])
        if abs(lane_sum(lane, enabled)) <= LARGEST and abs(lane[0]) <= LARGEST:
            return lane


def make_beat(lanes: list[Lane], relu: int, enable: int, signed: int, low: int, high: int, last: int) -> dict[str, int]:
    columns = list(zip(*lanes, strict=True))
    return {
        "last": last,
        "acc": pack(columns[0], 32),
        "bias": pack(columns[1], 32),
        "bias_shift": pack(columns[2], 5),
        "shortcut": pack(columns[3], 8),
        "shortcut_shift": pack(columns[4], 5),
        "shift": pack(columns[5], 5),
        "cfg_relu": relu,
        "cfg_shortcut_enable": enable,
        "cfg_shortcut_signed": signed,
        "cfg_low": low & 511,
        "cfg_high": high & 511,
    }


def result(lanes: list[Lane], relu: int, enable: int, low: int, high: int, last: int) -> dict[str, int]:
    acc, bias, bias_shift, shortcut, shortcut_shift, shift = (np.array(c) for c in zip(*lanes, strict=True))
    codes = arithmetic.module_output(
        acc, bias, bias_shift, shortcut if enable else None, shortcut_shift, shift, bool(relu), low, high
    )
    sums = [lane_sum(lane, bool(enable)) for lane in lanes]
    if relu:
        sums = [max(total, 0) for total in sums]
    return {"last": last, "code": pack(codes.tolist(), 8), "sum": pack(sums, 32)}


def random_beats(dut: Any, generator: random.Random, count: int) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    sent, wanted = [], []
    for _ in range(count):
        relu, enable, signed, last = (generator.randrange(2) for _ in range(4))
        low, high = generator.choice(LIMITS)
        lanes = [random_lane(generator, bool(signed), bool(enable)) for _ in range(int(dut.LANES.value))]
        sent.append(make_beat(lanes, relu, enable, signed, low, high, last))
        wanted.append(result(lanes, relu, enable, low, high, last))
    return sent, wanted


async def begin(dut, source_stall: str = "none", sink_stall: str = "none") -> tuple[StreamSource, StreamSink]:
    await start(dut, in_valid=0, out_ready=0)
    source = StreamSource(dut, "in", FIELDS, stall=source_stall)
    return source, StreamSink(dut, "out", ["last", "code", "sum"], stall=sink_stall)


@cocotb.test()
async def stalls(dut) -> None:
    """Every beat has its own operands, shifts and configuration."""
    generator = rng("stalls")
    source, sink = await begin(dut)
    for source_stall in STALLS:
        for sink_stall in (*STALLS, "after_valid"):
            source.set_stall(source_stall)
            sink.set_stall(sink_stall)
            sink.clear()
            sent, wanted = random_beats(dut, generator, 150)
            source.send(sent)
            await sink.expect(wanted)


@cocotb.test()
async def latency_and_throughput(dut) -> None:
    source, sink = await begin(dut)
    sent, wanted = random_beats(dut, rng("rate"), 50)
    source.send(sent)
    await sink.expect(wanted)
    assert source.cycles == list(range(source.cycles[0], source.cycles[0] + 50))
    assert sink.cycles == [cycle + LATENCY for cycle in source.cycles]


@cocotb.test()
async def published_vectors(dut) -> None:
    """docs/numerics.md section 2: 4280 -> 33, with the shortcut -13 << 7: 2616 -> 20."""
    source, sink = await begin(dut)
    lanes = [(16 * 38 + 40 * 14 + 24 * 79 + 64 * 6, 26, 5, -13, 7, 7)] * int(dut.LANES.value)
    for enable, total, code in ((0, 4280, 33), (1, 2616, 20)):
        sink.clear()
        source.send([make_beat(lanes, 0, enable, 1, -128, 127, 1)])
        await sink.expect([{"last": 1, "code": pack([code] * len(lanes), 8), "sum": pack([total] * len(lanes), 32)}])


@cocotb.test()
async def extremes(dut) -> None:
    """Largest sums with every shift, partial sums that wrap, every shortcut shift with the largest codes."""
    source, sink = await begin(dut)
    count = int(dut.LANES.value)
    cases: list[tuple[Lane, int]] = []
    for shift in range(32):
        cases += [((value, 0, 0, 0, 0, shift), 1) for value in (LARGEST, -LARGEST, 0, 1, -1)]
        cases += [((LARGEST, 1 << 30, 1, -1, 31, shift), 1)]  # acc + bias wraps, the shortcut brings it back
    for place in range(32):
        for code, signed in ((-128, 1), (127, 1), (-1, 1), (255, 0), (128, 0)):
            acc = 5 - (code << place)
            if abs(acc) <= LARGEST:
                cases.append(((acc, 0, 0, code, place, 0), signed))
    sent, wanted = [], []
    for lane, signed in cases:
        for relu in (0, 1):
            sent.append(make_beat([lane] * count, relu, 1, signed, -128, 127, 0))
            wanted.append(result([lane] * count, relu, 1, -128, 127, 0))
    source.send(sent)
    await sink.expect(wanted)


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    generator = rng("reset")
    source, sink = await begin(dut, "random", "random")
    for _ in range(20):
        source.send(random_beats(dut, generator, 20)[0])
        await ClockCycles(dut.clk, generator.randint(1, 40))
        await reset(dut, source, sink)
        assert not int(dut.out_valid.value)
        sent, wanted = random_beats(dut, generator, 3)
        source.send(sent)
        await sink.expect(wanted)
        sink.clear()
