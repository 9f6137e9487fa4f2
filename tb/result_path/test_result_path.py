# SPDX-License-Identifier: Apache-2.0
"""shw_result_path against a model of its loop, shiftwork.tensors.arithmetic behind it."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full
SHAPES = {
    "8": {"COLS": 8, "ADDR_W": 9, "CONST_W": 6, "SHORTCUT_WORDS": 16},
    "4": {"COLS": 4, "ADDR_W": 6, "CONST_W": 4, "SHORTCUT_WORDS": 2},
    "8_few_words": {"COLS": 8, "ADDR_W": 10, "CONST_W": 12, "SHORTCUT_WORDS": 2},
    "16": {"COLS": 16, "ADDR_W": 12, "CONST_W": 7, "SHORTCUT_WORDS": 8},
    "32": {"COLS": 32, "ADDR_W": 16, "CONST_W": 16},
    "64": {},
    "128": {"COLS": 128, "ADDR_W": 11},
    "8_scale": {"COLS": 8, "ADDR_W": 9, "CONST_W": 6, "SHORTCUT_WORDS": 16, "REQUANT": "scale"},
    "64_scale": {"REQUANT": "scale"},
}
WIDE = ("32", "64", "128", "64_scale")


def run(simulator, shape):
    parameters = SHAPES[shape]
    env = {"REQUANT": parameters.get("REQUANT", "shift")}
    simulate(simulator, "shw_result_path", "cocotb_result_path", parameters=parameters, env=env)


@pytest.mark.parametrize(
    "shape", ["8", *(pytest.param(name, marks=FULL) for name in SHAPES if name not in ("8", *WIDE))]
)
def test_path(simulator, shape):
    run(simulator, shape)


@FULL
@pytest.mark.parametrize("shape", WIDE)
def test_wide(shape):
    run("verilator", shape)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"COLS": 2}, "shw_ILLEGAL_"),
        ({"COLS": 48}, "shw_ILLEGAL_COLS"),
        ({"COLS": 256}, "shw_ILLEGAL_COLS"),
        ({"ADDR_W": 5}, "shw_ILLEGAL_ADDR_W"),
        ({"ADDR_W": 17}, "shw_ILLEGAL_ADDR_W"),
        ({"CONST_W": 3}, "shw_ILLEGAL_CONST_W"),
        ({"CONST_W": 17}, "shw_ILLEGAL_CONST_W"),
        ({"SHORTCUT_WORDS": 3}, "shw_ILLEGAL_SHORTCUT_WORDS"),
        ({"SHORTCUT_WORDS": 32}, "shw_ILLEGAL_SHORTCUT_WORDS"),
        ({"REQUANT": "encode"}, "shw_ILLEGAL_REQUANT"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_result_path", parameters)
