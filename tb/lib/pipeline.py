# SPDX-License-Identifier: Apache-2.0
"""What the tests of pipelines that `enable` stalls share: values through them, lanes that come late, clamps to try."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cocotb.triggers import FallingEdge
from numpy.typing import NDArray

from streams import go_pattern, pack, rng


async def check(
    dut: Any,
    items: Sequence[Mapping[str, int]],
    wanted: Sequence[int],
    latency: int,
    stall: str = "none",
    result: str = "result",
) -> None:
    """Feed one item per enabled cycle; `latency` enabled cycles later the port `result` has to be what is wanted.

    items: port -> integer, negative ones become two's complement; there may be up to `latency` - 1 more items than
    results. While a cycle is stalled the ports are random, and `result` must not move.
    """
    assert len(items) >= len(wanted) > 0, "nothing to compare"
    go, noise = go_pattern(stall, rng(stall)), rng("idle")
    ports = {name: getattr(dut, name) for name in items[0]}
    output = getattr(dut, result)
    mask = (1 << len(output)) - 1
    have = compared = 0
    await FallingEdge(dut.clk)
    for cycle, item in enumerate([*items, *([items[0]] * latency)][: len(wanted) + latency - 1]):
        while not next(go):
            dut.enable.value = 0
            for handle in ports.values():
                handle.value = noise.getrandbits(len(handle))
            await FallingEdge(dut.clk)
            assert cycle < latency or int(output.value) == have, "the result moved in a stalled cycle"
        dut.enable.value = 1
        for name, handle in ports.items():
            handle.value = item[name] & ((1 << len(handle)) - 1)
        await FallingEdge(dut.clk)
        if cycle >= latency - 1:
            index = cycle - latency + 1
            have = int(output.value)
            assert have == wanted[index] & mask, f"{items[index]}: {have:#x}, expected {wanted[index]}"
            compared += 1
    assert compared == len(wanted)
    dut.enable.value = 0


def late_lanes(beats: Mapping[str, NDArray[np.int64]], widths: Mapping[str, int]) -> list[dict[str, int]]:
    """Items of :func:`check` from beats, port -> integers (beat, lane): lane l comes l % 4 cycles after lane 0.

    widths: port -> bits of a lane. Before the first beat and after the last one the lanes hold the first beat.
    """
    late = {
        port: [np.roll([*column, *[column[0]] * 3], lane % 4).tolist() for lane, column in enumerate(array.T)]
        for port, array in beats.items()
    }
    cycles = len(next(iter(late.values()))[0])
    return [
        {port: pack((lane[cycle] for lane in lanes), widths[port]) for port, lanes in late.items()}
        for cycle in range(cycles)
    ]


def limits(width: int) -> list[tuple[int, int]]:
    """(low, high) of signed and unsigned codes, ReLU6-like limits, the widest and the narrowest."""
    full, half = 1 << width, 1 << (width - 1)
    return [(-half, half - 1), (0, full - 1), (0, max(1, 6 * full // 16)), (-full, full - 1), (-1, 0), (1, 1)]


def boundary_codes(width: int) -> list[int]:
    """Results around every clamp of :func:`limits` and around 0."""
    full, half = 1 << width, 1 << (width - 1)
    near = {edge for limit in limits(width) for edge in limit} | {-full, -half, 0, half, full}
    return sorted({code + step for code in near for step in (-1, 0, 1)})
