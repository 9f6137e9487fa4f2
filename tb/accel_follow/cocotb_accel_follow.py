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
    blocks_y, blocks_x, channels, tiles, write_tiles = (generator.randint(1, 4) for _ in range(5))
    channel_tiles = generator.choice((0, 0, write_tiles, write_tiles - 1, write_tiles + 1))  # 0: not in tiles
    read_y, read_x = (-(-blocks_y // 2), -(-blocks_x // 2)) if split else (blocks_y, blocks_x)
    pad = generator.randint(0, (kernel - 1) * dilation + 1)
    dut.split.value, dut.dilation_y.value, dut.pad_y.value = int(split), dilation, pad
    dut.write_blocks_y.value, dut.write_blocks_x.value, dut.write_tiles.value = blocks_y, blocks_x, write_tiles
    dut.channel_tiles.value, dut.blocks_x.value = int(channel_tiles > 0), read_x
    dut.write_start.value, dut.start.value = 1, 1
    await FallingEdge(dut.clk)
    dut.write_start.value, dut.start.value = 0, 0
    parts = max(channel_tiles, 1)
    steps = [(y, x, part, tap, channel) for _ in range(tiles) for y in range(read_y) for x in range(read_x)
             for part in range(parts) for tap in range(kernel) for channel in range(channels)]  # fmt: skip
    written, taken, waited, still, blocks = 0, 0, 0, 0, blocks_y * blocks_x
    rate = generator.choice((0.05, 0.3, 1.0))
    while taken < len(steps):
        y, x, part, tap, channel = steps[taken]
        last_y, last_x = (2 * y + 1, 2 * x + 2) if split else (y, x + 1)
        last_y += tap * dilation - pad > int(split)
        tile, block = divmod(written, blocks)
        needed = part if channel_tiles else write_tiles - 1
        allowed = (tile, *divmod(block, blocks_x)) > (needed, last_y, last_x)
        everything = written == write_tiles * blocks  # nothing waits any more
        ready = bool(dut.ready.value)
        assert allowed or not ready, f"block {last_y, last_x} is not written"
        still = still + 1 if allowed else 0
        assert ready or still <= LATENCY, f"step {steps[taken]} waits for nothing"
        waited += not ready and not everything
        step = (ready or everything) and generator.random() < 0.9
        dut.step.value = int(step)
        dut.step_row.value = int(channel == channels - 1)
        dut.step_tile.value = int(channel == channels - 1 and tap == kernel - 1)
        dut.step_last.value = int(channel == channels - 1 and tap == kernel - 1 and part == parts - 1)
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
    for name in ("write_start", "write_block", "start", "step", "step_row", "step_tile", "step_last", "step_final"):
        getattr(dut, name).value = 0
    await FallingEdge(dut.clk)
    generator, waited, steps = rng("follow"), 0, 0
    for _ in range(300):
        some = await follow(dut, generator)
        waited, steps = waited + some[0], steps + some[1]
    assert waited > 1000 and steps > 10000, (waited, steps)
