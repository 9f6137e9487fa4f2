# SPDX-License-Identifier: Apache-2.0
"""shw_im2col and shw_act_memory together: every beat's word of random layers against the im2col of the tensor.

The expected words come from shiftwork.tensors.im2col, which knows nothing of blocks; the order of the beats is spelled
out here."""

import itertools
from types import SimpleNamespace

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge
from nests import NestBench

from shiftwork.golden.blocks_layout import Nest, Place, block_shape, split_words, store, words
from shiftwork.tensors.im2col import windows
from streams import STALLS, go_pattern, pack, rng, start

LATENCY = 9 + 3
"""Of shw_im2col and of shw_act_memory."""
GARBAGE = 0xA5
"""What lies beside the map in its blocks."""


def seen(codes: np.ndarray, nest: Nest, fill: int) -> np.ndarray:
    """What the taps see at every output position: (rows, columns, ky, kx, channels), whole blocks."""
    block, stride = block_shape(nest.cols), 2 if nest.split else 1
    rows, columns = nest.blocks_y * block.height, nest.blocks_x * block.width
    reach_y = (rows - 1) * stride + nest.dilation_y * (nest.kernel_y - 1) + 1
    reach_x = (columns - 1) * stride + nest.dilation_x * (nest.kernel_x - 1) + 1
    skipped, above = max(0, -nest.pad_y), max(0, nest.pad_y)
    codes = codes[skipped:]
    if not len(codes):  # all taps are below the map
        codes = np.full((1, *codes.shape[1:]), fill, codes.dtype)
    behind = [max(0, reach_y - len(codes) - above), max(0, reach_x - nest.width - nest.pad_x)]
    module = SimpleNamespace(
        weight=np.empty((1, nest.kernel_y, nest.kernel_x, 1)),
        stride=(stride, stride),
        pads=(above, nest.pad_x, *behind),
        dilation=(nest.dilation_y, nest.dilation_x),
        groups=1,
    )
    return windows(codes[None], module, fill)[0, :rows, :columns]


def expected(codes: np.ndarray, nest: Nest, fill: int) -> list[int]:
    """The word of every beat, in order."""
    block, view = block_shape(nest.cols), seen(codes, nest, fill)
    outer = [range(n) for n in (nest.groups, nest.tiles, nest.blocks_y, nest.blocks_x)]
    taps = [range(nest.kernel_y), range(nest.kernel_x)]
    result = []
    for group, _, by, bx in itertools.product(*outer):
        rows = slice(by * block.height, (by + 1) * block.height)
        part = view[rows, bx * block.width : (bx + 1) * block.width]
        if nest.taps_inner:
            order = [(ky, kx, c) for c, ky, kx in itertools.product(range(nest.channels), *taps)]
        else:
            parts = itertools.product(range(nest.channel_tiles), *taps, range(nest.channels))
            order = [(ky, kx, part * nest.channels + c) for part, ky, kx, c in parts]
        for ky, kx, channel in order:
            word = part[:, :, ky, kx, group * nest.channel_tiles * nest.channels + channel]
            result.append(int.from_bytes(word.tobytes(), "little"))
    return result


class Bench(NestBench):
    def __init__(self, dut) -> None:
        super().__init__(dut, LATENCY)
        self.rng = rng("words")
        self.cols = int(dut.COLS.value)
        self.words = 1 << int(dut.ADDR_W.value)
        self.block = block_shape(self.cols)

    async def begin(self) -> None:
        await start(self.dut, low=("busy",), start=0, step=0, fill=0, write_rows=0)

    def case(self, kernel: int, split: bool, inner: bool, most: int) -> Nest:
        """A layer that fits the memory, with a kernel as large as `kernel` and about `most` beats at most."""
        pick, below = self.rng.choice, self.rng.randint
        kernel_y, kernel_x = pick(((kernel, kernel), (kernel, below(1, kernel)), (below(1, kernel), kernel)))
        stride = 2 if split else 1
        while True:
            height, width = below(1, 3 * self.block.height * stride), below(1, 3 * self.block.width * stride)
            dilation_y, dilation_x = pick(((1, 1), (1, 1), (2, 2), (1, 3), (4, 1)))
            pad_y, pad_x = below(0, dilation_y * (kernel_y - 1)), below(0, dilation_x * (kernel_x - 1))
            if below(0, 3) == 0:
                pad_y = below(-height - 2 * self.block.height, 0)
            groups, tiles = (1, 1) if inner else (below(1, 3), below(1, 2))
            map_blocks = self.block.count((height - 1) // stride + 1, (width - 1) // stride + 1)
            blocks_y, blocks_x = (max(1, n + below(-1, 1)) for n in map_blocks)
            channels, channel_tiles = below(1, 5), 1 if inner else pick((1, 1, 2, 3))
            block_stride = groups * channel_tiles * channels + below(0, 3)
            row_stride = map_blocks[1] * block_stride + below(0, 3)
            phase_stride = map_blocks[0] * row_stride + below(0, 3)  # not looked at without split
            beats = kernel_y * kernel_x * groups * tiles * blocks_y * blocks_x * channels * channel_tiles
            if phase_stride * (4 if split else 1) <= self.words and beats <= max(most, 2 * kernel_y * kernel_x):
                break
        return Nest(
            self.cols,
            Place(below(0, self.words - 1), row_stride, block_stride, phase_stride),
            height,
            width,
            blocks_y,
            blocks_x,
            channels,
            kernel_y,
            kernel_x,
            dilation_y,
            dilation_x,
            pad_y,
            pad_x,
            split,
            groups,
            tiles,
            inner,
            channel_tiles,
        )

    async def fill_memory(self, nest: Nest, codes: np.ndarray) -> None:
        """Write the words of a tensor, one row of a block after the other."""
        dut = self.dut
        image = np.zeros((self.words, self.cols), np.uint8)
        used = np.zeros_like(image)
        laid = (split_words if nest.split else words)(codes, self.cols, GARBAGE)
        store(image, nest.place, laid)
        store(used, nest.place, np.ones_like(laid))
        for address in np.flatnonzero(used[:, 0]).tolist():
            dut.write_address.value = pack([address] * 2, (self.words - 1).bit_length())
            for row, values in enumerate(image[address].reshape(self.block.height, -1).tolist()):
                dut.write_rows.value, dut.write_data.value = 1 << row, pack(values, 8)
                await FallingEdge(dut.clk)
        dut.write_rows.value = 0

    async def layer(self, nest: Nest, stall: str) -> None:
        channels = nest.groups * nest.channel_tiles * nest.channels
        codes = np.frombuffer(self.rng.randbytes(nest.height * nest.width * channels), np.uint8)
        codes = codes.reshape(nest.height, nest.width, channels)
        fill = self.rng.choice((0, 0, 128, self.rng.randrange(256)))
        await self.fill_memory(nest, codes)
        self.dut.fill.value = fill
        answers = expected(codes, nest, fill)
        assert len(answers) == nest.beats
        compared = 0

        def check(beat: int | None) -> None:
            nonlocal compared
            if beat is not None:
                compared += 1
                word = int(self.dut.word.value)
                assert word == answers[beat], f"beat {beat}: {word:#x}, not {answers[beat]:#x}: {nest}"

        await self.run(nest, go_pattern(stall, self.rng), check)
        assert compared == nest.beats


async def layers(dut, *, split: bool, inner: bool, kernels: range, most: int) -> None:
    bench = Bench(dut)
    await bench.begin()
    for number, kernel in enumerate(kernels):
        await bench.layer(bench.case(kernel, split, inner, most), STALLS[number % 3])


@cocotb.test()
async def convolutions(dut) -> None:
    await layers(dut, split=False, inner=False, kernels=range(1, 12), most=200)


@cocotb.test()
async def convolutions_of_stride_two(dut) -> None:
    await layers(dut, split=True, inner=False, kernels=range(1, 12), most=200)


@cocotb.test()
async def poolings(dut) -> None:
    for split in (False, True):
        await layers(dut, split=split, inner=True, kernels=range(1, 6), most=150)
