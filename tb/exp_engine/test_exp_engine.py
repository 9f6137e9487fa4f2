# SPDX-License-Identifier: Apache-2.0
"""shw_exp_engine, with its lists, walkers and drain, against shiftwork.golden.class_sums.tile."""

import pytest

from runner import elaboration_fails, simulate

SHAPES = {
    "4x3": {"ROWS": 4, "COLS": 3},
    "3x2_single": {"ROWS": 3, "FOLD": 1, "COLS": 2, "BITS": 3},
    "1x1": {"ROWS": 1, "FOLD": 1, "COLS": 1},
    "6x5_fold3": {"ROWS": 6, "FOLD": 3, "COLS": 5, "BITS": 5},
    "4x2_one_line": {"ROWS": 4, "FOLD": 4, "COLS": 2, "DEPTH": 512},
    "2x2_wide": {"ROWS": 2, "FOLD": 1, "COLS": 2, "BITS": 7},
    "8x16": {"ROWS": 8, "COLS": 16},
    "8x64": {},
}


def run(simulator, shape, amount, tests=""):
    environment = {"AMOUNT": str(amount)}
    if tests:
        environment["COCOTB_TEST_FILTER"] = tests
    simulate(simulator, "shw_exp_engine", "cocotb_exp_engine", parameters=SHAPES[shape], env=environment)


def test_engine(simulator):
    run(simulator, "4x3", 2)


def test_single(simulator):
    """A row of cells for every row."""
    run(simulator, "3x2_single", 1, "cycles_are_predicted")


@pytest.mark.full
def test_wide_engine(simulator):
    """The default shape; Icarus, far slower with wide arrays, gets a smaller one."""
    run(simulator, "8x64" if simulator == "verilator" else "8x16", 1, "random_tiles_under_stalls|cycles_are_predicted")


@pytest.mark.full
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if not shape.startswith("8x")])
def test_engine_long(simulator, shape):
    """Every test on Verilator; on Icarus, which runs them all on the quick shapes, those of widths and stalls."""
    if simulator == "icarus":
        run(simulator, shape, 1, "largest_sums|random_tiles_under_stalls")
    else:
        run(simulator, shape, 8)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ROWS": 0}, "shw_ILLEGAL_"),
        ({"ROWS": 65, "FOLD": 1}, "shw_ILLEGAL_ROWS"),
        ({"ROWS": 3, "FOLD": 2}, "shw_ILLEGAL_ROWS"),
        ({"FOLD": 0}, "shw_ILLEGAL_FOLD"),
        ({"ROWS": 17, "FOLD": 17}, "shw_ILLEGAL_FOLD"),
        ({"COLS": 1025}, "shw_ILLEGAL_COLS"),
        ({"BITS": 2}, "shw_ILLEGAL_BITS"),
        ({"BITS": 8}, "shw_ILLEGAL_BITS"),
        ({"DEPTH": 128}, "shw_ILLEGAL_DEPTH"),
    ],
)
def test_illegal(simulator, parameters, name):
    small = {"ROWS": 2, "COLS": 1}
    assert name in elaboration_fails(simulator, "shw_exp_engine", small | parameters)
