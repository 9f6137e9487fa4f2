# SPDX-License-Identifier: Apache-2.0
"""shw_codebook_round against shiftwork.tensors.arithmetic.codebook_round and against the nearest level."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("in_width", "levels"),
    [
        (32, 16),
        *(pytest.param(*p, marks=pytest.mark.full) for p in ((32, 256), (12, 16), (9, 256), (64, 4), (33, 64))),
    ],
)
def test_values(simulator, in_width, levels):
    parameters = {"IN_W": in_width, "LEVELS": levels}
    simulate(simulator, "shw_codebook_round", "cocotb_codebook_round", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"IN_W": 1}, "shw_ILLEGAL_IN_W"),
        ({"IN_W": 65}, "shw_ILLEGAL_IN_W"),
        ({"LEVELS": 2}, "shw_ILLEGAL_LEVELS"),
        ({"LEVELS": 17}, "shw_ILLEGAL_LEVELS"),
        ({"LEVELS": 512}, "shw_ILLEGAL_LEVELS"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_codebook_round", parameters)
