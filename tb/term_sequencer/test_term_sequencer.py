# SPDX-License-Identifier: Apache-2.0
"""shw_term_sequencer against shiftwork.golden.tr_units.operations."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("index_w", "block"),
    [(4, 4), *(pytest.param(*p, marks=pytest.mark.full) for p in ((6, 16), (6, 8), (8, 16), (8, 32)))],
)
def test_sequencer(simulator, index_w, block):
    simulate(
        simulator,
        "shw_term_sequencer",
        "cocotb_term_sequencer",
        parameters={"INDEX_W": index_w, "BLOCK": block},
        toplevel="sequencer_with_lists",
        extra_sources=["tb/term_sequencer/sequencer_with_lists.v"],
    )


@pytest.mark.parametrize("index_w", [3, 11])
def test_illegal_width(simulator, index_w):
    assert "shw_ILLEGAL_INDEX_W" in elaboration_fails(simulator, "shw_term_sequencer", {"INDEX_W": index_w})


@pytest.mark.parametrize("block", [0, 2, 24, 64])
def test_illegal_block(simulator, block):
    assert "shw_ILLEGAL_BLOCK" in elaboration_fails(simulator, "shw_term_sequencer", {"BLOCK": block})
