# SPDX-License-Identifier: Apache-2.0
"""shw_act_memory against shiftwork.golden.blocks_layout; 64 columns quickly in tb/im2col."""

import pytest

from runner import elaboration_fails, simulate


def run(simulator: str, cols: int, address_w: int, fill_bits: int) -> None:
    parameters = {"COLS": cols, "ADDR_W": address_w, "FILL_BITS": fill_bits}
    simulate(simulator, "shw_act_memory", "cocotb_act_memory", parameters=parameters)


def test_memory(simulator):
    run(simulator, *{"icarus": (8, 3, 255), "verilator": (16, 4, 128)}[simulator])


@pytest.mark.full
@pytest.mark.parametrize(("cols", "address_w", "fill_bits"), [(4, 4, 255), (8, 5, 0), (16, 5, 255), (32, 3, 128)])
def test_shapes(simulator, cols, address_w, fill_bits):
    run(simulator, cols, address_w, fill_bits)


@pytest.mark.full
@pytest.mark.parametrize(("cols", "address_w", "fill_bits"), [(64, 6, 255), (128, 4, 128)])
def test_wide(cols, address_w, fill_bits):
    run("verilator", cols, address_w, fill_bits)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"COLS": 2}, "shw_ILLEGAL_COLS"),
        ({"COLS": 24}, "shw_ILLEGAL_COLS"),
        ({"COLS": 256}, "shw_ILLEGAL_COLS"),
        ({"ADDR_W": 0}, "shw_ILLEGAL_ADDR_W"),
        ({"ADDR_W": 17}, "shw_ILLEGAL_ADDR_W"),
        ({"FILL_BITS": 256}, "shw_ILLEGAL_FILL_BITS"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_act_memory", parameters)
