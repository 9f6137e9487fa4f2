# SPDX-License-Identifier: Apache-2.0
"""The UVM environment of the engines, and the proof that its scoreboard can fail."""

import pytest

from runner import simulate

SHAPES = {
    "tr": {"ROWS": 3, "COLS": 5},
    "msq": {"FIXED_ROWS": 2, "SP2_ROWS": 2, "COLS": 2, "LANES": 4},
    "exp": {"ROWS": 4, "COLS": 2},
}

QUICK = ["msq", *(pytest.param(engine, marks=pytest.mark.full) for engine in ("tr", "exp"))]
"""Engines in the quick tests; those of all engines are alike."""


def run(simulator, engine, amount, fault=""):
    simulate(
        simulator,
        f"shw_{engine}_engine",
        f"cocotb_uvm_{engine}",
        parameters=SHAPES[engine],
        env={"AMOUNT": str(amount), "FAULT": fault},
    )


@pytest.mark.parametrize("engine", QUICK)
def test_engine(simulator, engine):
    run(simulator, engine, 10)


@pytest.mark.full
@pytest.mark.parametrize("engine", SHAPES)
def test_engine_long(simulator, engine):
    run(simulator, engine, 100 if simulator == "icarus" else 600)


@pytest.mark.parametrize("engine", QUICK)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("model", "scoreboard: result 0 differs"),
        pytest.param("lost", "scoreboard: 1 results are missing", marks=pytest.mark.full),
        pytest.param("extra", "scoreboard: results are left over", marks=pytest.mark.full),
        ("silent", "scoreboard: nothing was compared"),
    ],
)
def test_spoiled_environment_fails(simulator, engine, fault, reason):
    with pytest.raises(pytest.fail.Exception, match=reason):
        run(simulator, engine, 0, fault)
