# SPDX-License-Identifier: Apache-2.0
"""shw_tr_cell against shiftwork.golden.tr_units.Cell."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("width", "t_width"),
    [(24, 10), *(pytest.param(*widths, marks=FULL) for widths in ((10, 10), (48, 10), (21, 14), (10, 2), (48, 48)))],
)
def test_cell(simulator, width, t_width):
    simulate(simulator, "shw_tr_cell", "cocotb_tr_cell", parameters={"ACC_W": width, "T_W": t_width})


@pytest.mark.parametrize("width", [22, pytest.param(21, marks=FULL)])
def test_carry_cells(simulator, width):
    """A model in the place of the primitive, which is proved in tb/formal."""
    simulate(simulator, "shw_tr_cell", "cocotb_tr_cell", parameters={"ACC_W": width, "FAMILY": "ecp5"})


@pytest.mark.parametrize("width", [9, 49])
def test_illegal_width(simulator, width):
    assert "shw_ILLEGAL_ACC_W" in elaboration_fails(simulator, "shw_tr_cell", {"ACC_W": width})


def test_illegal_family(simulator):
    assert "shw_ILLEGAL_FAMILY" in elaboration_fails(simulator, "shw_tr_cell", {"FAMILY": "xc7"})


@pytest.mark.parametrize("t_width", [1, 25])
def test_illegal_value_width(simulator, t_width):
    assert "shw_ILLEGAL_T_W" in elaboration_fails(simulator, "shw_tr_cell", {"T_W": t_width})
