# SPDX-License-Identifier: Apache-2.0
"""Sum of products of 4-bit operands: every pair of operands in every lane, extremes in all lanes, stalls."""

import os
from itertools import product

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from streams import STALLS, go_pattern, pack, rng


def latency(lanes: int) -> int:
    return {"inferred": 1, "booth": 2}[os.environ.get("SHW_KIND", "inferred")] + lanes.bit_length() - 1


async def check(dut, beats: list[list[tuple[int, int]]], stall: str = "none") -> None:
    """Feed (weight, value) of all lanes, a beat per enabled cycle; compare what leaves `latency` enabled cycles later,
    and that nothing moves in a stalled one."""
    lanes, x_w = int(dut.LANES.value), int(dut.X_W.value)
    wanted = [sum(weight * value + 128 for weight, value in beat) for beat in beats]
    depth, go, noise = latency(lanes), go_pattern(stall, rng(stall)), rng("noise")
    compared = 0
    await FallingEdge(dut.clk)
    for cycle, beat in enumerate([*beats, *([beats[0]] * (depth - 1))]):
        while not next(go):
            dut.enable.value = 0
            dut.weight.value, dut.x.value = noise.getrandbits(4 * lanes), noise.getrandbits(x_w * lanes)
            before = dut.out_sum.value
            await FallingEdge(dut.clk)
            assert dut.out_sum.value == before, "the sum moved in a stalled cycle"
        dut.enable.value = 1
        dut.weight.value = pack((weight for weight, _ in beat), 4)
        dut.x.value = pack((value for _, value in beat), x_w)
        await FallingEdge(dut.clk)
        if cycle >= depth - 1:
            index = cycle - depth + 1
            assert int(dut.out_sum.value) == wanted[index], f"{beats[index]}: {dut.out_sum.value}"
            compared += 1
    assert compared == len(beats) > 0
    dut.enable.value = 0


def values(dut) -> range:
    return range(-8, 16) if int(dut.X_W.value) == 5 else range(16)


@cocotb.test()
async def every_pair_in_every_lane(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    lanes, generator = int(dut.LANES.value), rng("pairs")
    pairs = list(product(range(-8, 8), values(dut)))
    columns = [generator.sample(pairs, len(pairs)) for _ in range(lanes)]
    await check(dut, [list(beat) for beat in zip(*columns, strict=True)])


@cocotb.test()
async def extremes_in_all_lanes(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    ends = [(weight, value) for weight in (-8, 7) for value in (min(values(dut)), max(values(dut)))]
    await check(dut, [[end] * int(dut.LANES.value) for end in ends])


@cocotb.test()
async def stalls(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    generator = rng("stalls")
    for stall in STALLS:
        beats = [
            [(generator.randint(-8, 7), generator.choice(values(dut))) for _ in range(int(dut.LANES.value))]
            for _ in range(60)
        ]
        await check(dut, beats, stall)
