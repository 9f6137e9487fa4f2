# SPDX-License-Identifier: Apache-2.0
"""shw_axi_memory."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("address", "ids", "rounds"),
    [(9, 1, 1), pytest.param(9, 4, 4, marks=FULL), pytest.param(11, 1, 4, marks=FULL)],
)
def test_memory(simulator, address, ids, rounds):
    # AxiMaster drives at rising edges: its writes have to take effect after what others sample there
    env = {"COCOTB_TRUST_INERTIAL_WRITES": "0", "SHW_ROUNDS": str(rounds)}
    parameters = {"ADDR_W": address, "ID_W": ids}
    simulate(simulator, "shw_axi_memory", "cocotb_axi_memory", parameters=parameters, env=env)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ADDR_W": 8}, "shw_ILLEGAL_ADDR_W"),
        ({"ADDR_W": 17}, "shw_ILLEGAL_ADDR_W"),
        ({"ID_W": 0}, "shw_ILLEGAL_ID_W"),
        ({"ID_W": 17}, "shw_ILLEGAL_ID_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_axi_memory", parameters)
