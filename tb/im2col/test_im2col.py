# SPDX-License-Identifier: Apache-2.0
"""shw_im2col (with shw_im2col_axis, shw_block_address and shw_loop_counter inside it): its requests against
shiftwork.golden.blocks_layout; with shw_act_memory behind it, its words against the im2col of a tensor."""

import pytest

from runner import elaboration_fails, simulate
from shiftwork.blocks import manifest


def with_memory(simulator: str, module: str, cols: int, address_w: int) -> None:
    blocks = manifest.load()
    sources = [*blocks.sources("shw_im2col"), *blocks.sources("shw_act_memory")]
    simulate(
        simulator,
        "shw_im2col",
        module,
        parameters={"COLS": cols, "ADDR_W": address_w},
        toplevel="im2col_with_memory",
        sources=sources,
        extra_sources=["tb/im2col/im2col_with_memory.v"],
    )


@pytest.mark.parametrize(
    ("cols", "address_w"), [(8, 5), *(pytest.param(*p, marks=pytest.mark.full) for p in ((4, 4), (16, 9), (64, 11)))]
)
def test_requests(simulator, cols, address_w):
    simulate(simulator, "shw_im2col", "cocotb_im2col", parameters={"COLS": cols, "ADDR_W": address_w})


@pytest.mark.full
@pytest.mark.parametrize(("cols", "address_w"), [(128, 15), (32, 12)])
def test_requests_wide(cols, address_w):
    simulate("verilator", "shw_im2col", "cocotb_im2col", parameters={"COLS": cols, "ADDR_W": address_w})


def test_words(simulator):
    with_memory(simulator, "cocotb_words", *{"icarus": (16, 8), "verilator": (64, 9)}[simulator])


@pytest.mark.full
@pytest.mark.parametrize("cols", [8, 16, 32])
def test_words_of_shapes(simulator, cols):
    with_memory(simulator, "cocotb_words", cols, 9)


@pytest.mark.full
@pytest.mark.parametrize("cols", [4, 8, 16, 32, 64, 128])
def test_words_long(cols):
    with_memory("verilator", "cocotb_words_long", cols, 10)


@pytest.mark.parametrize(
    ("block", "parameters", "name"),
    [
        ("shw_im2col", {"COLS": 2}, "shw_ILLEGAL_COLS"),
        ("shw_im2col", {"COLS": 48}, "shw_ILLEGAL_COLS"),
        ("shw_im2col", {"COLS": 256}, "shw_ILLEGAL_COLS"),
        ("shw_im2col", {"ADDR_W": 3}, "shw_ILLEGAL_ADDR_W"),
        ("shw_im2col", {"ADDR_W": 16}, "shw_ILLEGAL_ADDR_W"),
        ("shw_im2col_axis", {"BLOCK_W": 5}, "shw_ILLEGAL_BLOCK_W"),
        ("shw_im2col_axis", {"ADDR_W": 16}, "shw_ILLEGAL_ADDR_W"),
        ("shw_block_address", {"ADDR_W": 3}, "shw_ILLEGAL_ADDR_W"),
        ("shw_loop_counter", {"W": 1}, "shw_ILLEGAL_W"),
    ],
)
def test_illegal(simulator, block, parameters, name):
    assert name in elaboration_fails(simulator, block, parameters)
