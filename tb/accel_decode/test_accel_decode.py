# SPDX-License-Identifier: Apache-2.0
"""shw_accel_decode, shw_accel_decode_run and shw_accel_decode_results."""

import pytest

from runner import simulate


@pytest.mark.parametrize("name", ["accel_decode", "accel_decode_run", "accel_decode_results"])
def test_decode(simulator, name):
    simulate(simulator, f"shw_{name}", f"cocotb_{name}")
