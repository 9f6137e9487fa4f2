# SPDX-License-Identifier: Apache-2.0
"""Truncation: every (code, terms, sign, rule) against shiftwork.codes.terms.truncate."""

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from shiftwork.codes import terms


@cocotb.test()
async def every_code(dut) -> None:
    width = int(dut.W.value)
    size = 1 << width
    compared = 0
    Clock(dut.clk, 10, unit="ns").start()
    await FallingEdge(dut.clk)
    for is_signed in (0, 1):
        codes = np.arange(size)
        values = np.where(codes >= size >> 1, codes - size, codes) if is_signed else codes
        dut.is_signed.value = is_signed
        for rule in ("binary", "hese"):
            dut.hese.value = int(rule == "hese")
            for kept in range(16):
                want = terms.truncate(values, kept if kept <= 9 else 0, rule=rule).tolist()
                dut.terms.value = kept
                for code in range(size):
                    dut.code.value = code
                    await FallingEdge(dut.clk)
                    have = dut.value.value.to_signed()
                    assert have == want[code], f"{rule} {values[code]} terms {kept}: {have}, expected {want[code]}"
                    compared += 1
    assert compared == 64 * size
