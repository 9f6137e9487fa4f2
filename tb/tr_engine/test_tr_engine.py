# SPDX-License-Identifier: Apache-2.0
"""shw_tr_engine, with its loader and row edges, against shiftwork.golden.tr_units.tile."""

import pytest

from runner import elaboration_fails, simulate

SHAPES = {
    "3x5": {"ROWS": 3, "COLS": 5},
    "1x2_exact": {"ROWS": 1, "COLS": 2, "TRUNCATE": 0},
    "1x1": {"ROWS": 1, "COLS": 1},
    "8x5": {"ROWS": 8, "COLS": 5},
    "9x2": {"ROWS": 9, "COLS": 2},
    "4x16": {"ROWS": 4, "COLS": 16},
    "8x64": {"ROWS": 8, "COLS": 64},
    "2x3_shallow": {"ROWS": 2, "COLS": 3, "DEPTH": 32},
    "3x2_shallow": {"ROWS": 3, "COLS": 2, "DEPTH": 128},
    "2x3_deep": {"ROWS": 2, "COLS": 3, "DEPTH": 512, "ACC_W": 32},
    "2x3_ecp5": {"ROWS": 2, "COLS": 3, "FAMILY": "ecp5"},
    "5x2_deepest": {"ROWS": 5, "COLS": 2, "DEPTH": 1024, "ACC_W": 20, "TRUNCATE": 0},
}


def run(simulator, shape, amount, tests=""):
    simulate(
        simulator,
        "shw_tr_engine",
        "cocotb_tr_engine",
        parameters=SHAPES[shape],
        env={"AMOUNT": str(amount), "COCOTB_TEST_FILTER": tests} if tests else {"AMOUNT": str(amount)},
    )


@pytest.mark.parametrize("shape", ["2x3_shallow", "1x2_exact"])
def test_engine(simulator, shape):
    run(simulator, shape, 2)


@pytest.mark.full
def test_wide_engine(simulator):
    """The default shape; Icarus, far slower with wide arrays, gets a smaller one."""
    shape = "8x64" if simulator == "verilator" else "4x16"
    run(simulator, shape, 1, "random_tiles_under_stalls|illegal_configurations")


@pytest.mark.full
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape not in ("4x16", "8x64")])
def test_engine_long(simulator, shape):
    """Every test on Verilator; on Icarus, which runs them all on the quick shapes, those of widths and stalls."""
    if simulator == "icarus":
        run(simulator, shape, 1, "extreme_values|random_tiles_under_stalls")
    else:
        run(simulator, shape, 25)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ROWS": 0}, "shw_ILLEGAL_ROWS"),
        ({"ROWS": 65}, "shw_ILLEGAL_ROWS"),
        ({"COLS": 0}, "shw_ILLEGAL_"),
        ({"COLS": 1025}, "shw_ILLEGAL_COLS"),
        ({"DEPTH": 16}, "shw_ILLEGAL_DEPTH"),
        ({"DEPTH": 96}, "shw_ILLEGAL_DEPTH"),
        ({"ACC_W": 19}, "shw_ILLEGAL_ACC_W"),
        ({"ACC_W": 33}, "shw_ILLEGAL_ACC_W"),
        ({"TRUNCATE": 2}, "shw_ILLEGAL_TRUNCATE"),
    ],
)
def test_illegal(simulator, parameters, name):
    small = {"ROWS": 1, "COLS": 1}
    assert name in elaboration_fails(simulator, "shw_tr_engine", small | parameters)


@pytest.mark.parametrize(
    ("block", "parameters", "name"),
    [
        ("shw_tr_loader", {"DEPTH": 2048, "WORD_W": 6}, "shw_ILLEGAL_DEPTH"),
        ("shw_tr_loader", {"WORD_W": 2}, "shw_ILLEGAL_WORD_W"),
        ("shw_tr_loader", {"TRUNCATE": 3}, "shw_ILLEGAL_TRUNCATE"),
        ("shw_tr_row_edge", {"WORD_W": 6}, "shw_ILLEGAL_WORD_W"),
    ],
)
def test_illegal_parts(simulator, block, parameters, name):
    assert name in elaboration_fails(simulator, block, parameters)
