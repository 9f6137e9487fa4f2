# SPDX-License-Identifier: Apache-2.0
"""shw_plane_lists (and shw_group_reveal inside it), and shw_tmac_row_front before it, against
shiftwork.golden.tr_units.PlaneLists."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("index_w", [4, pytest.param(8, marks=pytest.mark.full)])
@pytest.mark.parametrize("block", ["shw_plane_lists", "shw_tmac_row_front"])
def test_lists(simulator, block, index_w):
    simulate(simulator, block, "cocotb_plane_lists", parameters={"INDEX_W": index_w})


@pytest.mark.parametrize("index_w", [3, 11])
def test_illegal_width(simulator, index_w):
    assert "shw_ILLEGAL_INDEX_W" in elaboration_fails(simulator, "shw_plane_lists", {"INDEX_W": index_w})
