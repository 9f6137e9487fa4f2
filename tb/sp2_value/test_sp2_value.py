# SPDX-License-Identifier: Apache-2.0
"""shw_sp2_value against shiftwork.codes.sp2, exhaustive."""

from runner import simulate


def test_value(simulator):
    simulate(simulator, "shw_sp2_value", "cocotb_sp2_value")
