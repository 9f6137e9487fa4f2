# SPDX-License-Identifier: Apache-2.0
"""The decoders of instructions, and the check."""

import pytest

from runner import simulate


@pytest.mark.parametrize("name", ["decode", "decode_run", "decode_results", "decode_header", "check"])
def test_decode(simulator, name):
    simulate(simulator, f"shw_accel_{name}", f"cocotb_accel_{name}")
