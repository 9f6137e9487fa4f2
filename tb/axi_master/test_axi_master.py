# SPDX-License-Identifier: Apache-2.0
"""shw_axi_master and shw_burst_split."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("reads", "writes", "id_width", "rounds"),
    [
        (4, 4, 1, 0.5),
        pytest.param(4, 4, 1, 5, marks=FULL),
        pytest.param(2, 2, 6, 2, marks=FULL),
        pytest.param(16, 8, 4, 2, marks=FULL),
    ],
)
def test_master(simulator, reads, writes, id_width, rounds):
    parameters = {"READS": reads, "WRITES": writes, "ID_W": id_width}
    # AxiRam drives at rising edges: its writes have to take effect after what others sample there
    env = {"COCOTB_TRUST_INERTIAL_WRITES": "0", "SHW_ROUNDS": str(rounds)}
    simulate(simulator, "shw_axi_master", "cocotb_axi_master", parameters=parameters, env=env)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"READS": 1}, "shw_ILLEGAL_READS"),
        ({"READS": 6}, "shw_ILLEGAL_READS"),
        ({"READS": 128}, "shw_ILLEGAL_READS"),
        ({"WRITES": 1}, "shw_ILLEGAL_WRITES"),
        ({"WRITES": 6}, "shw_ILLEGAL_WRITES"),
        ({"ID_W": 0}, "shw_ILLEGAL_ID_W"),
        ({"ID_W": 17}, "shw_ILLEGAL_ID_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_axi_master", parameters)
