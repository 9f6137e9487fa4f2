# SPDX-License-Identifier: Apache-2.0
"""shw_sp2_digits against shiftwork.codes.sp2 and shiftwork.golden.msq_units.digits, exhaustive."""

from runner import simulate


def test_digits(simulator):
    simulate(simulator, "shw_sp2_digits", "cocotb_sp2_digits")
