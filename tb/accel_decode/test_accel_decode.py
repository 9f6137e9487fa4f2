# SPDX-License-Identifier: Apache-2.0
"""The decoders of instructions."""

import pytest

from runner import simulate


@pytest.mark.parametrize("name", ["accel_decode", "accel_decode_run", "accel_decode_results", "accel_decode_header"])
def test_decode(simulator, name):
    simulate(simulator, f"shw_{name}", f"cocotb_{name}")
