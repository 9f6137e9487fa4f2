# SPDX-License-Identifier: Apache-2.0
"""Digits of every code of either kind."""

import cocotb
from cocotb.triggers import Timer

from shiftwork.codes import sp2
from shiftwork.golden import msq_units

VALUES = [[*range(8), *range(-8, 0)], [0 if code == 8 else int(sp2.decode(code)) for code in range(16)]]
"""Values of the codes: two's complement, and eighths in which negative zero counts as 0."""


@cocotb.test()
async def every_code(dut) -> None:
    """The bits equal the model, and the digits make up the value."""
    for kind in (0, 1):
        for code in range(16):
            dut.code.value, dut.sp2.value = code, kind
            await Timer(1, unit="ns")
            bits = int(dut.digits.value)
            digits = msq_units.digits(code, bool(kind))
            assert bits == msq_units.digit_bits(digits), f"sp2 {kind} code {code:04b}: {bits:06b}, expected {digits}"
            one = [(bits >> 3 * d & 1) + 2 * (bits >> 3 * d + 1 & 1) for d in (0, 1)]
            d0, d1 = (-one[d] if bits >> 3 * d + 2 & 1 else one[d] for d in (0, 1))
            assert d0 + 4 * d1 == VALUES[kind][code], f"sp2 {kind} code {code:04b}: {d0} + 4 * {d1}"
            assert max(one) <= 2
