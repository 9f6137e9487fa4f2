# SPDX-License-Identifier: Apache-2.0
"""shw_hese_serial against shiftwork.codes.terms.encode."""

from runner import simulate


def test_words(simulator):
    simulate(simulator, "shw_hese_serial", "cocotb_hese_serial")
