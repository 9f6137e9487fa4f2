# SPDX-License-Identifier: Apache-2.0
"""FIFO in registers, FIRST below DATA_W: what out_data shows, and when."""

import cocotb
from cocotb.triggers import FallingEdge, ReadOnly

from streams import rng, start


@cocotb.test()
async def first_bits(dut) -> None:
    """FIRST bits are right from out_valid on, the others a cycle later, whatever stalls."""
    first, generator = int(dut.FIRST.value), rng("first")
    await start(dut, in_valid=0, in_data=0, out_ready=0)
    waiting, standing = [], False
    for _ in range(3000):
        await FallingEdge(dut.clk)
        dut.in_valid.value = generator.getrandbits(1)
        dut.in_data.value = generator.getrandbits(len(dut.in_data))
        dut.out_ready.value = generator.getrandbits(1)
        await ReadOnly()
        if dut.out_valid.value:
            have, want = int(dut.out_data.value), waiting[0]
            assert (have ^ want) & ((1 << first) - 1) == 0
            assert have == want or not standing
        leaves = bool(dut.out_valid.value and dut.out_ready.value)
        standing = bool(dut.out_valid.value) and not leaves
        if leaves:
            waiting.pop(0)
        if dut.in_valid.value and dut.in_ready.value:
            waiting.append(int(dut.in_data.value))
    assert len(waiting) <= int(dut.DEPTH.value)
