# SPDX-License-Identifier: Apache-2.0
"""shw_axi_registers, whose file is generated, against the description that it is generated from."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full
# AxiLiteMaster drives at rising edges: its writes have to take effect after what others sample there
ENV = {"COCOTB_TRUST_INERTIAL_WRITES": "0"}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        pytest.param(
            {"ROWS": 64, "COLS": 8, "KIND": 3, "DEPTH": 0, "ACT_W": 16, "WEIGHT_W": 9, "CONST_W": 12, "TOKEN_W": 16},
            marks=FULL,
        ),
    ],
)
def test_registers(simulator, parameters):
    simulate(simulator, "shw_axi_registers", "cocotb_axi_registers", parameters=parameters, env=ENV)


@pytest.mark.parametrize("width", [1, 17])
def test_illegal(simulator, width):
    assert "shw_ILLEGAL_TOKEN_W" in elaboration_fails(simulator, "shw_axi_registers", {"TOKEN_W": width})
