# SPDX-License-Identifier: Apache-2.0
"""shw_copy: a register."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    "width", [8, pytest.param(1, marks=pytest.mark.full), pytest.param(64, marks=pytest.mark.full)]
)
def test_copy(simulator, width):
    simulate(simulator, "shw_copy", "cocotb_copy", parameters={"W": width})


@pytest.mark.parametrize("width", [0, 65])
def test_illegal_width(simulator, width):
    assert "shw_ILLEGAL_W_must_be_1_to_64" in elaboration_fails(simulator, "shw_copy", {"W": width})
