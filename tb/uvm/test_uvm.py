# SPDX-License-Identifier: Apache-2.0
"""The UVM environment of the engine, and the proof that its scoreboard can fail."""

import pytest

from runner import simulate


def run(simulator, amount, fault=""):
    simulate(
        simulator,
        "shw_tr_engine",
        "cocotb_uvm",
        parameters={"ROWS": 3, "COLS": 5},
        env={"AMOUNT": str(amount), "FAULT": fault},
    )


def test_engine(simulator):
    run(simulator, 10)


@pytest.mark.full
def test_engine_long(simulator):
    run(simulator, 100 if simulator == "icarus" else 600)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("model", "scoreboard: result 0 differs"),
        pytest.param("lost", "scoreboard: 1 results are missing", marks=pytest.mark.full),
        pytest.param("extra", "scoreboard: results are left over", marks=pytest.mark.full),
        ("silent", "scoreboard: nothing was compared"),
    ],
)
def test_spoiled_environment_fails(simulator, fault, reason):
    with pytest.raises(pytest.fail.Exception, match=reason):
        run(simulator, 0, fault)
