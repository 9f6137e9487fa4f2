# SPDX-License-Identifier: Apache-2.0
"""Layout of tensors in blocks, and what the im2col unit reads of them, against plain arrays."""

import itertools

import numpy as np
import pytest

from shiftwork.errors import ShiftworkError
from shiftwork.golden import blocks_layout as layout

COLS = (4, 8, 16, 32, 64, 128)
MAPS = ((1, 1, 1), (7, 5, 3), (16, 17, 2), (9, 1, 4), (1, 33, 2))


def codes_of(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_blocks_are_square_or_twice_as_wide():
    shapes = {4: (2, 2), 8: (2, 4), 16: (4, 4), 32: (4, 8), 64: (8, 8), 128: (8, 16)}
    assert {cols: (layout.block_shape(cols).height, layout.block_shape(cols).width) for cols in COLS} == shapes
    assert all(layout.block_shape(cols).cols == cols for cols in COLS)
    for cols in (0, 2, 12, 256):
        with pytest.raises(ShiftworkError, match=f"{cols} columns"):
            layout.block_shape(cols)


def test_a_word_is_one_channel_of_a_block():
    codes = codes_of((10, 12, 3))
    words = layout.words(codes, 8, fill=7)
    assert words.shape == (5, 3, 3, 8)
    assert words[4, 2, 1].tolist() == codes[8:10, 8:12, 1].ravel().tolist()
    assert layout.words(codes[:9], 8, fill=7)[4, 0, 0, 4:].tolist() == [7] * 4


@pytest.mark.parametrize("cols", COLS)
@pytest.mark.parametrize("shape", MAPS)
def test_maps_come_back(cols, shape):
    codes = codes_of(shape)
    assert np.array_equal(layout.tensor(layout.words(codes, cols, 99), *shape[:2]), codes)
    assert np.array_equal(layout.split_tensor(layout.split_words(codes, cols, 99), *shape[:2]), codes)
    signed = codes.view(np.int8).astype(np.int32)
    assert np.array_equal(layout.tensor(layout.words(signed, cols), *shape[:2]).view(np.int8), signed)
    wide = np.random.default_rng(1).integers(-(2**31), 2**31, shape)
    assert np.array_equal(layout.raw_tensor(layout.raw_words(wide, cols), *shape[:2]), wide)


def test_raw_words_have_the_low_byte_first():
    words = layout.raw_words(np.full((1, 1, 2), 0x01020304), 4)
    assert words[0, 0, :, 0].tolist() == [4, 3, 2, 1] * 2


def test_phases_are_even_and_odd_rows_and_columns():
    codes = codes_of((5, 6, 1))
    assert [phase.shape[:2] for phase in layout.split(codes)] == [layout.split_shape(5, 6, p) for p in range(4)]
    assert np.array_equal(layout.split(codes)[2], codes[1::2, 0::2])


@pytest.mark.parametrize("cols", COLS)
def test_words_of_odd_columns_are_swapped(cols):
    """Neighbours of a row of a block lie in different halves of the columns."""
    block = layout.block_shape(cols)
    codes = np.arange(block.cols, dtype=np.uint8).reshape(block.height, block.width, 1)
    laid = layout.split_words(codes, cols, 255)[:, 0, 0, 0].reshape(layout.PHASES, block.height, block.width)
    for y in range(block.height):
        even, odd = laid[2 * (y & 1), y >> 1], laid[2 * (y & 1) + 1, y >> 1]
        half = block.width // 2
        assert even.tolist() == [*codes[y, 0::2, 0].tolist(), *[255] * half]
        assert odd.tolist() == [*[255] * half, *codes[y, 1::2, 0].tolist()]


def test_a_map_of_other_blocks_is_refused():
    with pytest.raises(ShiftworkError, match="1 x 1 blocks of 16 positions do not hold a map of 5 x 4"):
        layout.tensor(np.zeros((1, 1, 1, 16), np.uint8), 5, 4)


@pytest.mark.parametrize("cols", COLS)
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("taps_inner", [False, True])
def test_reads_give_the_taps_of_the_map(cols, split, taps_inner):
    """Words of every beat against the map itself, position by position."""
    generator = np.random.default_rng(cols)
    block, stride = layout.block_shape(cols), 2 if split else 1
    for kernel, dilation, pad in ((1, 1, 0), (3, 1, 1), (3, 2, 2), (5, 3, 7), (11, 1, 5)):
        height, width = (int(generator.integers(1, 2 * stride * n + 3)) for n in (block.height, block.width))
        groups = 1 if taps_inner else 2
        codes = codes_of((height, width, 2 * groups), kernel)
        laid = (layout.split_words if split else layout.words)(codes, cols, 0xA5)
        place = layout.packed(laid.shape[-4:-2], 2 * groups, base=1000)
        memory = np.full((1024, cols), 0x5A, np.uint8)
        layout.store(memory, place, laid)
        nest = layout.Nest(
            cols,
            place,
            height,
            width,
            2,
            2,
            2,
            kernel,
            kernel,
            dilation,
            dilation,
            pad,
            pad,
            split,
            groups,
            1,
            taps_inner,
        )
        order = layout.beats(nest)
        words = layout.gather(memory, layout.requests(nest, 10), fill=3)
        assert len(words) == nest.beats == len(order.last)
        position = np.arange(cols)
        y = stride * (order.block_y[:, None] * block.height + position // block.width)
        x = stride * (order.block_x[:, None] * block.width + position % block.width)
        y, x = y + (order.tap_y * dilation - pad)[:, None], x + (order.tap_x * dilation - pad)[:, None]
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        channel = (order.group * 2 + order.channel)[:, None]
        expected = np.where(inside, codes[y.clip(0, height - 1), x.clip(0, width - 1), channel], 3)
        assert np.array_equal(words, expected)


def test_order_of_the_beats():
    place = layout.Place(0, 0, 0)
    convolution = layout.beats(layout.Nest(16, place, 9, 9, 2, 1, 2, kernel_y=2, groups=2, tiles=2))
    rows = zip(
        convolution.group, convolution.tile, convolution.block_y, convolution.tap_y, convolution.channel, strict=True
    )
    assert [tuple(map(int, row)) for row in rows][:9] == [
        *((0, 0, 0, tap, channel) for tap in (0, 1) for channel in (0, 1)),
        *((0, 0, 1, tap, channel) for tap in (0, 1) for channel in (0, 1)),
        (0, 1, 0, 0, 0),
    ]
    assert np.flatnonzero(convolution.last).tolist() == list(range(3, 32, 4))
    assert np.flatnonzero(convolution.final[:8]).tolist() == [4, 5, 6, 7]
    tiled = layout.beats(layout.Nest(16, place, 9, 9, 1, 1, 2, kernel_y=2, channel_tiles=2))
    rows = zip(tiled.channel_tile, tiled.tap_y, tiled.channel, strict=True)
    assert [tuple(map(int, row)) for row in rows] == list(itertools.product(range(2), repeat=3))
    assert np.flatnonzero(tiled.last).tolist() == [7]
    pooling = layout.beats(layout.Nest(16, place, 9, 9, 1, 1, 2, kernel_x=3, taps_inner=True))
    assert pooling.channel.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.flatnonzero(pooling.last).tolist() == [2, 5]
