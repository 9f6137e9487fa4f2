# SPDX-License-Identifier: Apache-2.0
"""shw_accel_fetch."""

from runner import simulate


def test_fetch(simulator):
    simulate(simulator, "shw_accel_fetch", "cocotb_accel_fetch")
