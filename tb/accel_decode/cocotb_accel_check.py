# SPDX-License-Identifier: Apache-2.0
"""shw_accel_check: an instruction is legal where encoding its fields makes it again."""

import cocotb
from cocotb.triggers import Timer
from cocotb_accel_decode import words

from shiftwork.compile.instructions import BYTES, KINDS, is_legal
from streams import rng


@cocotb.test()
async def legal(dut) -> None:
    """Every bit alone, random words, legal instructions, and those with one bit changed."""
    seen = {False: 0, True: 0}
    for word in words(rng("decode")):
        dut.instruction.value = word
        await Timer(1, unit="ns")
        good = is_legal(word.to_bytes(BYTES, "little"))
        seen[good] += 1
        assert bool(dut.illegal.value) != good, f"{word:#x} is {'legal' if good else 'illegal'}"
        assert bool(dut.is_header.value) == (word & 3 == KINDS["header"])
    assert min(seen.values()) > 300, seen
