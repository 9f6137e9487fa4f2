# SPDX-License-Identifier: Apache-2.0
"""shw_bitmap_walker against shiftwork.golden.tr_units.blocks; its time against shiftwork.compile.tr_cycles.Row."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("word_w", "slot_w"),
    [(3, 3), *(pytest.param(*p, marks=pytest.mark.full) for p in ((1, 2), (2, 2), (3, 2), (4, 3), (5, 5)))],
)
def test_walker(simulator, word_w, slot_w):
    parameters = {"WORD_W": word_w, "SLOT_W": slot_w}
    simulate(simulator, "shw_bitmap_walker", "cocotb_bitmap_walker", parameters=parameters)


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
    assert name in elaboration_fails(simulator, "shw_bitmap_walker", parameters)
