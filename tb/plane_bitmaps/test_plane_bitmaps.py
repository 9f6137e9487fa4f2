# SPDX-License-Identifier: Apache-2.0
"""shw_plane_bitmaps against shiftwork.codes.terms.encode."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    "ring_w", [2, pytest.param(4, marks=pytest.mark.full), pytest.param(6, marks=pytest.mark.full)]
)
def test_bitmaps(simulator, ring_w):
    simulate(simulator, "shw_plane_bitmaps", "cocotb_plane_bitmaps", parameters={"RING_W": ring_w})


@pytest.mark.parametrize("ring_w", [1, 7])
def test_illegal_ring(simulator, ring_w):
    assert "shw_ILLEGAL_RING_W" in elaboration_fails(simulator, "shw_plane_bitmaps", {"RING_W": ring_w})
