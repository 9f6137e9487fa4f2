# SPDX-License-Identifier: Apache-2.0
"""shw_accel_follow."""

from runner import simulate


def test_follow(simulator):
    simulate(simulator, "shw_accel_follow", "cocotb_accel_follow")
