# SPDX-License-Identifier: Apache-2.0
"""shw_term_sequencer against shiftwork.golden.tr_units.operations."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("word_w", "slot_w"), [(1, 2), *(pytest.param(*p, marks=pytest.mark.full) for p in ((3, 3), (2, 4), (5, 5)))]
)
def test_sequencer(simulator, word_w, slot_w):
    parameters = {"WORD_W": word_w, "SLOT_W": slot_w}
    simulate(simulator, "shw_term_sequencer", "cocotb_term_sequencer", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"WORD_W": 0}, "shw_ILLEGAL_WORD_W"),
        ({"WORD_W": 6}, "shw_ILLEGAL_WORD_W"),
        ({"SLOT_W": 1}, "shw_ILLEGAL_SLOT_W"),
        ({"SLOT_W": 6}, "shw_ILLEGAL_SLOT_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_term_sequencer", parameters)
