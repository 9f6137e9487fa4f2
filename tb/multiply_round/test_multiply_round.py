# SPDX-License-Identifier: Apache-2.0
"""shw_multiply_round against shiftwork.tensors.arithmetic.multiply_round."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("out_width", [8, *(pytest.param(width, marks=pytest.mark.full) for width in (2, 16))])
def test_values(simulator, out_width):
    simulate(simulator, "shw_multiply_round", "cocotb_multiply_round", parameters={"OUT_W": out_width})


@pytest.mark.parametrize("out_width", [1, 17])
def test_illegal(simulator, out_width):
    assert "shw_ILLEGAL_OUT_W" in elaboration_fails(simulator, "shw_multiply_round", {"OUT_W": out_width})
