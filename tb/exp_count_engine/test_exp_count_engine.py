# SPDX-License-Identifier: Apache-2.0
"""shw_exp_count_engine, with its column edges, against shiftwork.golden.exp_units."""

import pytest

from runner import elaboration_fails, simulate

SHAPES = {
    "2x2_n3_short": {"ROWS": 2, "COLS": 2, "BITS": 3, "COUNT_W": 4},
    "2x3_n4": {"ROWS": 2, "COLS": 3, "BITS": 4, "COUNT_W": 8},
    "1x1_n3": {"ROWS": 1, "COLS": 1, "BITS": 3, "COUNT_W": 5},
    "3x2_n4": {"ROWS": 3, "COLS": 2, "BITS": 4, "COUNT_W": 6},
    "4x3_n5": {"ROWS": 4, "COLS": 3, "BITS": 5, "COUNT_W": 9},
    "2x2_n4_long": {"ROWS": 2, "COLS": 2, "BITS": 4, "COUNT_W": 12},
    "1x2_n7": {"ROWS": 1, "COLS": 2, "BITS": 7, "COUNT_W": 8},
}


def run(simulator, shape, amount, tests=""):
    simulate(
        simulator,
        "shw_exp_count_engine",
        "cocotb_exp_count_engine",
        parameters=SHAPES[shape],
        env={"AMOUNT": str(amount)} | ({"COCOTB_TEST_FILTER": tests} if tests else {}),
    )


def test_engine(simulator):
    run(simulator, "2x2_n3_short", 1)


@pytest.mark.full
@pytest.mark.parametrize("shape", SHAPES)
def test_engine_long(simulator, shape):
    """Every test on Verilator; on Icarus, which runs them all on the quick shapes, those of widths and stalls."""
    if simulator == "icarus":
        run(simulator, shape, 1, "extremes|random_tiles_under_stalls")
    else:
        run(simulator, shape, 5)


ILLEGAL = [
    ("shw_exp_count_engine", {"ROWS": 5}, "shw_ILLEGAL_ROWS"),
    ("shw_exp_count_engine", {"COUNT_W": 13}, "shw_ILLEGAL_COUNT_W"),
]
MORE_ILLEGAL = [
    ("shw_exp_count_engine", {"ROWS": 0}, "shw_ILLEGAL_ROWS"),
    ("shw_exp_count_engine", {"COLS": 0}, "shw_ILLEGAL_COLS"),
    ("shw_exp_count_engine", {"COLS": 1025}, "shw_ILLEGAL_COLS"),
    ("shw_exp_count_engine", {"BITS": 2}, "shw_ILLEGAL_BITS"),
    ("shw_exp_count_engine", {"BITS": 8}, "shw_ILLEGAL_BITS"),
    ("shw_exp_count_engine", {"COUNT_W": 3}, "shw_ILLEGAL_COUNT_W"),
    ("shw_exp_count_column", {"ROWS": 5, "ROW_W": 3}, "shw_ILLEGAL_ROWS"),
    ("shw_exp_count_column", {"ROWS": 3}, "shw_ILLEGAL_ROWS"),
    ("shw_exp_count_column", {"COUNT_W": 13}, "shw_ILLEGAL_COUNT_W"),
]


@pytest.mark.parametrize(
    ("block", "parameters", "name"), [*ILLEGAL, *(pytest.param(*one, marks=pytest.mark.full) for one in MORE_ILLEGAL)]
)
def test_illegal(simulator, block, parameters, name):
    assert name in elaboration_fails(simulator, block, parameters)
