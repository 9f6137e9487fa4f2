# SPDX-License-Identifier: Apache-2.0
"""shw_accel_decode and shw_accel_decode_run."""

import pytest

from runner import simulate


@pytest.mark.parametrize(("block", "test"), [("shw_accel_decode", "moves"), ("shw_accel_decode_run", "layers")])
def test_decode(simulator, block, test):
    simulate(simulator, block, "cocotb_accel_decode", env={"COCOTB_TEST_FILTER": test})
