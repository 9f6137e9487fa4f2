# SPDX-License-Identifier: Apache-2.0
"""shw_term_truncate against shiftwork.codes.terms.truncate, exhaustive."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("width", [8, *(pytest.param(w, marks=pytest.mark.full) for w in (2, 3, 4, 5, 6, 7))])
def test_every_code(simulator, width):
    simulate(simulator, "shw_term_truncate", "cocotb_term_truncate", parameters={"W": width})


@pytest.mark.parametrize("width", [1, 9])
def test_illegal_width(simulator, width):
    assert "shw_ILLEGAL_W" in elaboration_fails(simulator, "shw_term_truncate", {"W": width})
