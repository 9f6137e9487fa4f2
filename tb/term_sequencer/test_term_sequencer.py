# SPDX-License-Identifier: Apache-2.0
"""shw_term_sequencer against shiftwork.golden.tr_units.operations; its time against tr_cycles.Sequencer."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("word_w", [3, *(pytest.param(w, marks=pytest.mark.full) for w in (1, 2, 5))])
def test_sequencer(simulator, word_w):
    simulate(simulator, "shw_term_sequencer", "cocotb_term_sequencer", parameters={"WORD_W": word_w})


@pytest.mark.parametrize("word_w", [0, 6])
def test_illegal(simulator, word_w):
    assert "shw_ILLEGAL_WORD_W" in elaboration_fails(simulator, "shw_term_sequencer", {"WORD_W": word_w})
