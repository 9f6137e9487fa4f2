# SPDX-License-Identifier: Apache-2.0
"""Post unit: modules of every kind beat by beat against shiftwork.tensors.arithmetic, stalls, latency, reset."""

import os
import random
from functools import partial
from typing import NamedTuple

import cocotb
import numpy as np
from post_ports import ENTERS, LEAVES

from shiftwork.tensors import arithmetic
from stream_bench import StreamBench
from streams import pack, rng

SCALE = os.environ.get("REQUANT", "shift") == "scale"
SHARED = os.environ.get("SHARED", "0") == "1"
SOURCES = int(os.environ.get("SOURCES", "1"))
CONSTANTS = ("bias", "bias_shift", "shortcut_shift", "factor", "shift")
LATENCY = 7 if SCALE else 6
LIMITS = ((-128, 127), (0, 255), (0, 96), (0, 15), (-8, 7), (-256, 255))
LARGEST = (1 << 31) - 1


class Lane(NamedTuple):
    """Operands of one lane; "scale" ignores bias_shift, "shift" ignores factor."""

    acc: int
    bias: int = 0
    bias_shift: int = 0
    shortcut: int = 0
    shortcut_shift: int = 0
    factor: int = 0
    shift: int = 1


def lane_sum(lane: Lane, enabled: bool) -> int:
    """The exact sum that leaves as out_sum, before ReLU."""
    if SCALE:
        return lane.acc + lane.bias
    shortcut = lane.shortcut << lane.shortcut_shift if enabled else 0
    return lane.acc + (lane.bias << lane.bias_shift) + shortcut


def random_lane(generator: random.Random, signed: bool, enabled: bool) -> Lane:
    """A legal lane. "shift": its whole sum is below 2^31 in magnitude; partial sums need not be."""

    def some(most: int) -> int:
        return generator.getrandbits(generator.randint(1, most)) * generator.choice((-1, 1))

    shortcut = generator.choice((0, 1, 127, 128, 255, generator.randrange(256)))
    shortcut = shortcut - 256 if signed and shortcut > 127 else shortcut
    factor = generator.choice((generator.randrange(1 << 16), generator.randrange(1 << 15, 1 << 16)))
    if SCALE:
        acc, bias = (generator.choice((some(31), LARGEST, -LARGEST - 1)) for _ in range(2))
        shifts = generator.randrange(32), generator.randrange(48), generator.randrange(1, 48)
        return Lane(acc, bias, shifts[0], shortcut, shifts[1], factor, shifts[2])
    while True:
        bias_shift, shortcut_shift = generator.randrange(32), generator.randrange(32)
        bias = max(some(generator.randint(1, 31)) >> generator.choice((0, bias_shift)), -LARGEST - 1)
        lane = Lane(some(31), bias, bias_shift, shortcut, shortcut_shift, factor, generator.randrange(32))
        if generator.random() < 0.1:  # the largest sums
            rest = lane_sum(lane, enabled) - lane.acc
            lane = lane._replace(acc=generator.choice((LARGEST, -LARGEST)) - rest)
        if abs(lane_sum(lane, enabled)) <= LARGEST and abs(lane.acc) <= LARGEST:
            return lane


def with_constants_of(first: Lane, generator: random.Random, signed: bool, enabled: bool) -> Lane:
    """A legal lane with the constants of another one: that lane itself where chance finds none."""
    constants = {name: getattr(first, name) for name in CONSTANTS}
    for _ in range(20):
        lane = random_lane(generator, signed, enabled)._replace(**constants)
        if SCALE or abs(lane_sum(lane, enabled)) <= LARGEST:
            return lane
    return first


def make_beat(lanes: list[Lane], relu: int, enable: int, signed: int, low: int, high: int, last: int) -> dict[str, int]:
    """The ports of a beat; bits that "shift" does not read, and numbers of other sources, are random."""
    columns = Lane(*zip(*lanes, strict=True))
    generator = rng(f"{lanes}")
    top = 0 if SCALE else generator.getrandbits(len(lanes))
    accs = [generator.getrandbits(32 * len(lanes)) for _ in range(SOURCES)]
    source = generator.randrange(SOURCES)
    accs[source] = pack(columns.acc, 32)
    unread = [((top >> lane) & 1) << 5 for lane in range(len(lanes))]
    return {
        "last": last,
        "source": 1 << source,
        "acc": pack(accs, 32 * len(lanes)),
        "bias": pack(columns.bias, 32),
        "bias_shift": pack(columns.bias_shift, 5),
        "shortcut": pack(columns.shortcut, 8),
        "shortcut_shift": pack(columns.shortcut_shift, 6) | pack(unread, 6),
        "factor": pack(columns.factor, 16),
        "shift": pack(columns.shift, 6) | pack(unread, 6),
        "cfg_relu": relu,
        "cfg_shortcut_enable": enable,
        "cfg_shortcut_signed": signed,
        "cfg_low": low & 511,
        "cfg_high": high & 511,
    }


def result(lanes: list[Lane], relu: int, enable: int, low: int, high: int, last: int) -> dict[str, int]:
    column = Lane(*(np.array(values, np.int64) for values in zip(*lanes, strict=True)))
    shortcut = column.shortcut if enable else None
    if SCALE:
        floor = max(low, 0) if relu else low
        value = column.acc + column.bias
        codes = arithmetic.scaled_output(
            value, column.factor, shortcut, column.shortcut_shift, column.shift, floor, high
        )
    else:
        codes = arithmetic.module_output(
            column.acc, column.bias, column.bias_shift, shortcut, column.shortcut_shift, column.shift, bool(relu),
            low, high,
        )  # fmt: skip
    sums = [lane_sum(lane, bool(enable)) for lane in lanes]
    if relu:
        sums = [max(total, 0) for total in sums]
    return {"last": last, "code": pack(codes.tolist(), 8), "sum": pack(sums, 32)}


def random_beats(
    lane_count: int, generator: random.Random, count: int
) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    sent, wanted = [], []
    for _ in range(count):
        relu, enable, signed, last = (generator.randrange(2) for _ in range(4))
        low, high = generator.choice(LIMITS)
        lanes = driven = [random_lane(generator, bool(signed), bool(enable)) for _ in range(lane_count)]
        if SHARED:  # what the other lanes offer as constants is not looked at
            lanes = [with_constants_of(lanes[0], generator, bool(signed), bool(enable)) for _ in lanes]
            lanes[0] = driven[0]
            driven = [lane._replace(**{name: getattr(own, name) for name in CONSTANTS})
                      for lane, own in zip(lanes, driven, strict=True)]  # fmt: skip
        sent.append(make_beat(driven, relu, enable, signed, low, high, last))
        wanted.append(result(lanes, relu, enable, low, high, last))
    return sent, wanted


async def begin(dut) -> StreamBench:
    bench = StreamBench(dut, (ENTERS, LEAVES))
    await bench.begin(table_valid=0)
    return bench


def beats(dut):
    return partial(random_beats, int(dut.LANES.value))


@cocotb.test()
async def stalls(dut) -> None:
    """Every beat has its own operands, shifts and configuration."""
    bench = await begin(dut)
    await bench.stalls(beats(dut), 150)


@cocotb.test()
async def latency_and_throughput(dut) -> None:
    bench = await begin(dut)
    await bench.rate(beats(dut), 50, LATENCY)
    assert not int(dut.table_ready.value), "there are no tables"


@cocotb.test()
async def published_vectors(dut) -> None:
    """docs/numerics.md section 2: 4280 -> 33, with the shortcut -13 << 7: 2616 -> 20; section 4: 3 2^15 / 2^16 -> 2."""
    bench = await begin(dut)
    cases: list[tuple[Lane, int, int, int]] = []  # lane, shortcut enabled, sum, code
    if SCALE:
        for lane, code in (
            (Lane(3, factor=1 << 15, shift=16), 2),
            (Lane(-3, factor=1 << 15, shift=16), -1),
            (Lane(900, 100, 31, 7, 20, 50000, 23), 7),
        ):
            cases.append((lane, 1, lane.acc + lane.bias, code))
    else:
        lane = Lane(16 * 38 + 40 * 14 + 24 * 79 + 64 * 6, 26, 5, -13, 7, 0, 7)
        cases += [(lane, 0, 4280, 33), (lane, 1, 2616, 20)]
    lanes = int(dut.LANES.value)
    for lane, enable, total, code in cases:
        bench.sink.clear()
        wanted = {"last": 1, "code": pack([code] * lanes, 8), "sum": pack([total] * lanes, 32)}
        await bench.check(([make_beat([lane] * lanes, 0, enable, 1, -128, 127, 1)], [wanted]))


def extreme_lanes() -> list[tuple[Lane, int]]:
    """Lanes at the edges, and whether their shortcut is signed."""
    cases: list[tuple[Lane, int]] = []
    codes = ((-128, 1), (127, 1), (-1, 1), (255, 0), (128, 0))
    if SCALE:
        for shift in range(1, 48):
            for factor in (0, 1, (1 << 16) - 1):
                for value in (LARGEST, -LARGEST - 1):  # sums of 33 bits
                    cases += [
                        (Lane(value, value, 0, 255, 47, factor, shift), 0),
                        (Lane(value, 1, 0, 0, 0, factor, shift), 0),
                    ]
        for place in range(48):  # the shortcut alone, back at its own scale, and beside the smallest product
            cases += [(Lane(1, 0, 0, code, place, 1, max(place, 1)), signed) for code, signed in codes]
        return cases
    for shift in range(32):
        cases += [(Lane(value, shift=shift), 1) for value in (LARGEST, -LARGEST, 0, 1, -1)]
        cases += [(Lane(LARGEST, 1 << 30, 1, -1, 31, 0, shift), 1)]  # acc + bias wraps, the shortcut brings it back
    for place in range(32):
        for code, signed in codes:
            acc = 5 - (code << place)
            if abs(acc) <= LARGEST:
                cases.append((Lane(acc, 0, 0, code, place, 0, 0), signed))
    return cases


def boundary_lanes(generator: random.Random) -> list[tuple[Lane, int]]:
    """ "scale": lanes whose exact sum is the smallest that rounds to a code, or one less; whether shortcuts are signed.

    The shortcut is given; product and code are chosen so that the sum comes out.
    """
    cases: list[tuple[Lane, int]] = []
    factors = np.arange(1, 1 << 16)
    needed = [*((shift, None) for shift in range(1, 48)), *((None, place) for place in range(48))] * 3
    while needed:
        shift, place = needed[-1]
        if shift is None:
            shift = max(1, min(47, place + generator.randint(-8, 8)))
        elif place is None:
            place = generator.randrange(48)
        signed = generator.randrange(2)
        shortcut = generator.choice((1, generator.randrange(256) - 128 * signed))
        code = max(-127, min(127, (shortcut << place) >> shift)) + generator.randrange(2)
        for total in ((code << shift) - (1 << (shift - 1)) - less for less in (0, 1)):
            product = total - (shortcut << place)
            fitting = factors[(product % factors == 0) & (abs(product) // factors <= LARGEST)]
            if len(fitting):
                factor = int(generator.choice(fitting))
                cases.append((Lane(product // factor, 0, 0, shortcut, place, factor, shift), signed))
                needed = needed[:-1]
    return cases


def alike(count: int, cases: list[tuple[Lane, int]]) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    """Beats of `count` equal lanes, with and without ReLU, and what has to leave."""
    both = [(lane, signed, relu) for lane, signed in cases for relu in (0, 1)]
    sent = [make_beat([lane] * count, relu, 1, signed, -128, 127, 0) for lane, signed, relu in both]
    return sent, [result([lane] * count, relu, 1, -128, 127, 0) for lane, _, relu in both]


@cocotb.test()
async def extremes(dut) -> None:
    """Largest sums with every shift, partial sums that wrap, every shortcut shift with the largest codes."""
    bench = await begin(dut)
    await bench.check(alike(int(dut.LANES.value), extreme_lanes()))


@cocotb.test(skip=not SCALE)
async def every_place_counts(dut) -> None:
    """Sums on both sides of a rounding boundary, with every shift, every shortcut shift and factors of any size."""
    bench = await begin(dut)
    await bench.check(alike(int(dut.LANES.value), boundary_lanes(rng("places"))))


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    bench = await begin(dut)
    await bench.resets(beats(dut), 30, 20)
