# SPDX-License-Identifier: Apache-2.0
"""shw_requantize, every kind, against shiftwork.tensors.arithmetic."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("kind", "width"),
    [
        *(("shift", 8), ("scale", 8), ("codebook", 4)),
        pytest.param("multiply", 8, marks=pytest.mark.full),
        *(pytest.param(kind, 4, marks=pytest.mark.full) for kind in ("shift", "scale", "multiply")),
        pytest.param("codebook", 8, marks=pytest.mark.full),
    ],
)
def test_kinds(simulator, kind, width):
    parameters = {"KIND": kind, "OUT_W": width}
    simulate(simulator, "shw_requantize", "cocotb_requantize", parameters=parameters, env={"KIND": kind})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"KIND": "round"}, "shw_ILLEGAL_KIND"),
        ({"KIND": "scales"}, "shw_ILLEGAL_KIND"),
        ({"KIND": "shift", "OUT_W": 17}, "shw_ILLEGAL_OUT_W"),
        ({"KIND": "scale", "OUT_W": 1}, "shw_ILLEGAL_OUT_W"),
        ({"KIND": "multiply", "OUT_W": 17}, "shw_ILLEGAL_OUT_W"),
        ({"KIND": "codebook", "OUT_W": 9}, "shw_ILLEGAL_LEVELS"),
        ({"KIND": "codebook", "OUT_W": 1}, "shw_ILLEGAL_LEVELS"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_requantize", parameters)
