# SPDX-License-Identifier: Apache-2.0
"""A layer follows the one before: random maps, kernels and rates; ready as soon as it may be, never before."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from streams import rng

LATENCY = 2  # cycles from what allows a step to `ready`


async def follow(dut, generator) -> tuple[int, int]:
    """One layer behind another; cycles in which a step had to wait, and steps."""
    split, kernel, dilation = generator.random() < 0.4, generator.randint(1, 4), generator.randint(1, 3)
    blocks_y, blocks_x, channels, tiles = (generator.randint(1, 4) for _ in range(4))
    read_y, read_x = (-(-blocks_y // 2), -(-blocks_x // 2)) if split else (blocks_y, blocks_x)
    pad = generator.randint(0, (kernel - 1) * dilation + 1)
    dut.split.value, dut.dilation_y.value, dut.pad_y.value = int(split), dilation, pad
    dut.write_blocks_x.value, dut.blocks_x.value = blocks_x, read_x
    dut.write_start.value, dut.start.value = 1, 1
    await FallingEdge(dut.clk)
    dut.write_start.value, dut.start.value = 0, 0
    steps = [(y, x, tap, channel) for _ in range(tiles) for y in range(read_y) for x in range(read_x)
             for tap in range(kernel) for channel in range(channels)]  # fmt: skip
    written, taken, waited, still = 0, 0, 0, 0
    rate = generator.choice((0.05, 0.3, 1.0))
    while taken < len(steps):
        y, x, tap, channel = steps[taken]
        last_y, last_x = y + (tap * dilation - pad > int(split)), x + 1
        if split:
            last_y, last_x = 2 * last_y + 1, 2 * last_x + 1
        allowed = written // blocks_x > last_y or (written // blocks_x == last_y and written % blocks_x > last_x)
        everything = written == blocks_y * blocks_x  # nothing waits any more
        ready = bool(dut.ready.value)
        assert allowed or not ready, f"block {last_y, last_x} is not written"
        still = still + 1 if allowed else 0
        assert ready or still <= LATENCY, f"step {steps[taken]} waits for nothing"
        waited += not ready and not everything
        step = (ready or everything) and generator.random() < 0.9
        dut.step.value = int(step)
        dut.step_row.value = int(channel == channels - 1)
        dut.step_last.value = int(channel == channels - 1 and tap == kernel - 1)
        dut.step_final.value = int(y == read_y - 1 and x == read_x - 1)
        write = not everything and generator.random() < rate
        dut.write_block.value = int(write)
        if step:
            taken += 1
            still = 0
        written += write
        await FallingEdge(dut.clk)
    dut.step.value, dut.write_block.value = 0, 0
    await FallingEdge(dut.clk)
    return waited, len(steps)


@cocotb.test()
async def layers_behind_each_other(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    for name in ("write_start", "write_block", "start", "step", "step_row", "step_last", "step_final"):
        getattr(dut, name).value = 0
    await FallingEdge(dut.clk)
    generator, waited, steps = rng("follow"), 0, 0
    for _ in range(300):
        some = await follow(dut, generator)
        waited, steps = waited + some[0], steps + some[1]
    assert waited > 1000 and steps > 10000, (waited, steps)
