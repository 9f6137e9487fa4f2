# SPDX-License-Identifier: Apache-2.0
"""Values of every code of either kind."""

import cocotb
from cocotb.triggers import Timer

from shiftwork.codes import sp2
from shiftwork.golden import msq_units

VALUES = [[*range(8), *range(-8, 0)], [0 if code == 8 else int(sp2.decode(code)) for code in range(16)]]
"""Values of the codes: two's complement, and eighths in which negative zero counts as 0."""


@cocotb.test()
async def every_code(dut) -> None:
    for kind in (0, 1):
        for code in range(16):
            dut.code.value, dut.sp2.value = code, kind
            await Timer(1, unit="ns")
            have, want = dut.value.value.to_signed(), VALUES[kind][code]
            assert have == want == msq_units.value(code, bool(kind)), f"sp2 {kind} code {code:04b}: {have} not {want}"


@cocotb.test()
async def encoded_values(dut) -> None:
    """What the tools encode comes back."""
    dut.sp2.value = 1
    for magnitude in sp2.levels().tolist():
        for value in (magnitude, -magnitude):
            dut.code.value = int(sp2.encode(value))
            await Timer(1, unit="ns")
            assert dut.value.value.to_signed() == value
