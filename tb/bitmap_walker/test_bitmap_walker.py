# SPDX-License-Identifier: Apache-2.0
"""shw_bitmap_walker against shiftwork.golden.tr_units.masks; its time against shiftwork.compile.tr_cycles.Row."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("word_w", [3, *(pytest.param(w, marks=pytest.mark.full) for w in (1, 2, 4, 5))])
def test_walker(simulator, word_w):
    simulate(simulator, "shw_bitmap_walker", "cocotb_bitmap_walker", parameters={"WORD_W": word_w})


@pytest.mark.parametrize("word_w", [0, 6])
def test_illegal(simulator, word_w):
    assert "shw_ILLEGAL_WORD_W" in elaboration_fails(simulator, "shw_bitmap_walker", {"WORD_W": word_w})
