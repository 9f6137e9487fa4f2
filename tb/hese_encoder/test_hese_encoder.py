# SPDX-License-Identifier: Apache-2.0
"""shw_hese_encoder against shiftwork.codes.terms, exhaustive."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("width", [8, *(pytest.param(w, marks=pytest.mark.full) for w in (1, 4, 16))])
def test_every_magnitude(simulator, width):
    simulate(simulator, "shw_hese_encoder", "cocotb_hese_encoder", parameters={"W": width})


@pytest.mark.parametrize("width", [0, 17])
def test_illegal_width(simulator, width):
    assert "shw_ILLEGAL_W" in elaboration_fails(simulator, "shw_hese_encoder", {"W": width})
