# SPDX-License-Identifier: Apache-2.0
"""The system of a small board through the pins of its serial line: its words, memory, registers; grids of tiles."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import cocotb
import numpy as np
import pytest
from cocotb.triggers import ClockCycles
from numpy.typing import NDArray

from board_host import BoardError, Host
from shiftwork.board.frames import MAGIC, MAX_WORDS, PROTOCOL, WORD, BoardWord, Request, Space, Status
from shiftwork.board.tile_runs import BUSY, CONSTANTS, DONE, FAULT, VERSION, Run, TileRegister
from shiftwork.compile.instructions import ENGINE_KINDS
from shiftwork.golden import mac_units, tr_units
from shiftwork.golden.tr_units import TileConfig
from shiftwork.tensors import arithmetic
from streams import rng, start
from tr_tiles import illegal_config, random_config, values

ENGINE = os.environ.get("ENGINE", "mac")
GRIDS = int(os.environ.get("SHW_GRIDS", "6"))
LARGEST = (1 << 31) - 1
LIMITS = ((-128, 127), (0, 255), (0, 96), (-8, 7))


@dataclass
class Grid:
    """Operands of a grid of tiles and what belongs to its results, with the run that reads them.

    Attributes:
        config: of the engine. rows, cols: values ``(blocks, codes, beats)``.
        constants: ``(channels, 4)``: bias, its shift, that of the shortcut, the right shift.
        shortcuts: codes ``(row blocks, column blocks, ROWS, COLS)``, or None. relu, low, high: of the post unit.
        run: where all of it lies.
    """

    config: TileConfig
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    constants: NDArray[np.int64]
    shortcuts: NDArray[np.int64] | None
    relu: bool
    low: int
    high: int
    run: Run

    @property
    def sums(self) -> bool:
        """Whether the results are sums."""
        return bool(self.run.settings["sums"])

    def products(self) -> NDArray[np.int64]:
        """Dot products ``(row blocks, column blocks, ROWS, COLS)``."""
        model = mac_units.tile if ENGINE == "mac" else lambda one, other: tr_units.tile(self.config, one, other)
        return np.array([[model(one, other) for other in self.cols] for one in self.rows])

    def expected(self) -> bytes:
        """What the memory holds afterwards."""
        acc = self.products()
        height, width, rows, cols = acc.shape
        if self.run.settings["channels_on_rows"]:
            bias, left, other, right = self.constants.T.reshape(4, height, 1, rows, 1)
        else:
            bias, left, other, right = self.constants.T.reshape(4, 1, width, 1, cols)
        if not self.sums:
            words = (bias, left, self.shortcuts, other, right, self.relu, self.low, self.high)
            return arithmetic.module_output(acc, *words).astype(np.uint8).tobytes()
        total = arithmetic.module_sum(acc, bias, left, self.shortcuts, other)
        return (np.maximum(total, 0) if self.relu else total).astype("<i4").tobytes()


class Bench:
    """The board and a host at its line."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = rng("board_tile")
        self.rows, self.cols = int(dut.ROWS.value), int(dut.COLS.value)
        self.half = 4 << int(dut.MEMORY_W.value)
        self.made = 0  # grids

    async def begin(self) -> None:
        await start(self.dut, low=("led_busy", "led_done", "led_fault", "led_activity"), uart_rx=1)
        self.host = Host(self.dut)

    async def refused(self, request: Request, status: Status = Status.BUS) -> None:
        """A request that is answered with this status."""
        with pytest.raises(BoardError) as found:
            await self.host.done(request)
        assert found.value.status == status

    async def read(self, register: TileRegister) -> int:
        return await self.host.read32(WORD * register)

    async def write(self, run: Run) -> None:
        """The registers of a run, which begins."""
        words = run.words()
        await self.host.done(Request(Space.REGISTERS, WORD * TileRegister.ENGINE_SETTINGS, len(words) // WORD, words))

    async def ended(self) -> int:
        """STATUS after a run."""
        for _ in range(2000):
            if not self.dut.led_busy.value:
                break
            await ClockCycles(self.dut.clk, 50)
        status = await self.read(TileRegister.STATUS)
        lights = {"busy": BUSY, "done": DONE, "fault": FAULT}
        assert status == sum(bit for name, bit in lights.items() if getattr(self.dut, f"led_{name}").value)
        return status

    def place(self, sizes: list[int], limit: int) -> list[int]:
        """Addresses for parts of a half, in any order, with any room between them."""
        order = self.rng.sample(range(len(sizes)), len(sizes))
        room = (limit - sum(-(-size // WORD) * WORD for size in sizes)) // WORD
        assert room >= 0
        cuts = sorted(self.rng.randint(0, room) for _ in sizes)
        places, at = [0] * len(sizes), 0
        for cut, index in zip(cuts, order, strict=True):
            places[index] = at + WORD * cut
            at += -(-sizes[index] // WORD) * WORD
        return places

    def grid(self, beats: int | None = None, tiles: int | None = None, config: TileConfig | None = None) -> Grid:
        """A random one, in what is not given. beats: of a tile. tiles: blocks of a side."""
        generator = self.rng
        if config is None:
            config = random_config(generator, terms=(0, 1, 3))
            config = replace(config, tr_en=config.tr_en and ENGINE == "tr")
        beats = beats or generator.choice((1, 2, 3, 5, 8, 17, 40, generator.randint(1, 70)))
        height, width = (tiles or generator.choice((1, 2, 2, 3, 3)) for _ in range(2))
        kind = ("uniform", "uniform", "corner", "sparse", "small")
        rows = values(generator, (height * self.rows, beats), config.row_signed, generator.choice(kind))
        cols = values(generator, (width * self.cols, beats), config.col_signed, generator.choice(kind))
        self.made += 1
        on_rows, sums = bool(self.made & 1), bool(self.made & 2)
        shortcut, signed, relu = (generator.random() < 0.5 for _ in range(3))
        channels = height * self.rows if on_rows else width * self.cols
        constants = np.array(
            [
                (generator.randint(-(1 << 20), 1 << 20), generator.randrange(8), generator.randrange(20), right)
                for right in (generator.randrange(20) for _ in range(channels))
            ]
        )
        shape = (height, width, self.rows, self.cols)
        codes = np.random.default_rng(generator.getrandbits(32)).integers(0, 256, shape)
        low, high = generator.choice(LIMITS)
        results = int(np.prod(shape))
        lower = [beats * height * self.rows, CONSTANTS * channels, results, results * (WORD if sums else 1)]
        places = self.place(lower, self.half)
        run = Run(
            settings={
                "cfg_row_signed": int(config.row_signed),
                "cfg_col_signed": int(config.col_signed),
                "cfg_tr_en": int(config.tr_en),
                "cfg_encoding": int(config.hese),
                "cfg_slice_shift": config.slice_shift,
                "cfg_data_terms": config.data_terms,
                "cfg_group": config.group,
                "cfg_group_budget": config.budget,
                "channels_on_rows": int(on_rows),
                "sums": int(sums),
                "post_relu": int(relu),
                "post_shortcut_enable": int(shortcut),
                "post_shortcut_signed": int(signed),
                "post_low": low & 0x1FF,
                "post_high": high & 0x1FF,
            },
            row_tiles=height,
            col_tiles=width,
            beats=beats,
            columns=self.place([beats * width * self.cols], self.half)[0],
            **dict(zip(("rows", "constants", "shortcuts", "results"), places, strict=True)),
        )
        return Grid(
            config,
            rows.reshape(height, self.rows, beats),
            cols.reshape(width, self.cols, beats),
            constants,
            (codes.astype(np.int8).astype(np.int64) if signed else codes) if shortcut else None,
            relu,
            low,
            high,
            run,
        )

    async def load(self, grid: Grid) -> None:
        """Write what a grid reads, and a mark where its results come."""
        run = grid.run
        bias, left, other, right = grid.constants.T
        words = np.stack([bias, right | other << 8 | left << 16], axis=1).astype(np.uint32)
        parts = {
            run.rows: grid.rows.astype(np.uint8).transpose(0, 2, 1).tobytes(),
            run.constants: words.tobytes(),
            run.results: b"\xa5" * len(self.around(grid)),
            self.half + run.columns: grid.cols.astype(np.uint8).transpose(0, 2, 1).tobytes(),
        }
        if grid.shortcuts is not None:
            parts[run.shortcuts] = grid.shortcuts.astype(np.uint8).tobytes()
        for address, data in parts.items():
            await self.host.write_memory(address, data + bytes(-len(data) % WORD))

    def around(self, grid: Grid) -> bytes:
        """The words of the results; what they do not fill keeps its mark."""
        data = grid.expected()
        return data + b"\xa5" * (-len(data) % WORD)

    async def check(self, grid: Grid) -> None:
        """What a run has written."""
        expected = self.around(grid)
        assert await self.host.read_memory(grid.run.results, len(expected)) == expected, grid.run


@cocotb.test()
async def words_memory_and_registers(dut) -> None:
    """What the board says; both halves of the memory; what is refused: registers of the other direction, and beyond."""
    bench = Bench(dut)
    await bench.begin()
    host = bench.host
    expected = {
        BoardWord.MAGIC: MAGIC,
        BoardWord.PROTOCOL: PROTOCOL,
        BoardWord.KIND: 1 << 16 | int(dut.BOARD.value),
        BoardWord.CLOCK: int(dut.CLOCK_KHZ.value),
        BoardWord.MEMORY: 2 * bench.half,
        BoardWord.CLOCKS_PER_BIT: int(dut.CLOCKS_PER_BIT.value),
    }
    for which, value in expected.items():
        before = dut.led_activity.value
        assert await host.board_word(which) == value, which.name
        assert dut.led_activity.value != before
    await bench.refused(Request(Space.BOARD, 0, 1, bytes(4)))
    kind = ENGINE_KINDS[ENGINE] | bench.rows << 8 | bench.cols << 16 | VERSION << 24
    assert [await bench.read(register) for register in list(TileRegister)[:3]] == [kind, 0, 0]
    for register in TileRegister:
        if register > TileRegister.CYCLES:
            await bench.refused(Request(Space.REGISTERS, WORD * register, 1))
        else:
            await bench.refused(Request(Space.REGISTERS, WORD * register, 1, bytes(4)))
    for register in (len(TileRegister), 32, 1023):
        await bench.refused(Request(Space.REGISTERS, WORD * register, 1))
        await bench.refused(Request(Space.REGISTERS, WORD * register, 1, bytes(4)))
    end = 2 * bench.half
    within = [0, bench.half - WORD, *(1 << bit for bit in range(2, bench.half.bit_length() - 1))]
    places = [base + at for base in (0, bench.half) for at in within]
    image = {address: bench.rng.randbytes(WORD) for address in places}
    for address, word in image.items():
        await host.done(Request(Space.MEMORY, address, 1, word))
    for address in bench.rng.sample(places, len(places)):
        assert await host.done(Request(Space.MEMORY, address, 1)) == image[address], hex(address)
    await bench.refused(Request(Space.MEMORY, end, 1), Status.ADDRESS)


@cocotb.test()
async def grids(dut) -> None:
    """Grids of any shape, settings and places: every result equals the models, nothing beside them changes."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(GRIDS):
        grid = bench.grid()
        await bench.load(grid)
        await bench.write(grid.run)
        assert await bench.ended() == DONE
        cycles = await bench.read(TileRegister.CYCLES)
        tiles = grid.run.row_tiles * grid.run.col_tiles
        assert tiles * grid.run.beats < cycles < 20 * (tiles + 2) * (grid.run.beats + 16)
        await bench.check(grid)


@cocotb.test()
async def the_host_beside_a_run(dut) -> None:
    """The host reads and writes both halves of the memory while a run goes on: both get what is theirs."""
    bench = Bench(dut)
    await bench.begin()
    for turn in range(4):
        grid = bench.grid(beats=100, tiles=6)
        await bench.load(grid)
        codes, place = (grid.rows, grid.run.rows) if turn % 2 else (grid.cols, bench.half + grid.run.columns)
        data = codes.astype(np.uint8).transpose(0, 2, 1).tobytes()[: WORD * MAX_WORDS]
        await bench.write(grid.run)
        await bench.host.done(Request(Space.MEMORY, place, 4, data[: 4 * WORD]))
        assert dut.led_busy.value == 1
        assert await bench.host.done(Request(Space.MEMORY, place, MAX_WORDS)) == data
        assert await bench.ended() == DONE
        await bench.check(grid)


@cocotb.test()
async def faults_restarts_and_resets(dut) -> None:
    """Empty grids, settings that the engine refuses; a run that is stopped, started again or reset leaves no trace."""
    bench = Bench(dut)
    await bench.begin()
    grid = bench.grid(beats=20)
    for change in ({"row_tiles": 0}, {"col_tiles": 0}, {"beats": 0}):
        await bench.write(replace(grid.run, **change))
        assert await bench.ended() == FAULT
    for _ in range(3):
        if ENGINE == "tr":
            bad = bench.grid(config=illegal_config(bench.rng))
            await bench.write(bad.run)
            assert await bench.ended() == FAULT
        await bench.load(grid)
        await bench.write(grid.run)
        assert await bench.ended() == DONE
        await bench.check(grid)
    long = replace(grid.run, row_tiles=40, col_tiles=40)
    stop = Request(Space.REGISTERS, WORD * TileRegister.RUN, 1, bytes(WORD))
    for turn in range(9):
        await bench.write(long)
        assert dut.led_busy.value == 1
        await ClockCycles(dut.clk, bench.rng.randint(0, 300))
        if turn % 3 == 0:
            await bench.host.done(stop)
            assert await bench.ended() == 0
        elif turn % 3 == 1:
            await bench.host.reset()
            assert await bench.ended() == 0
        await bench.load(grid)  # what the long run still writes comes first
        await bench.write(grid.run)
        assert await bench.ended() == DONE
        if turn % 3 != 2:
            await bench.check(grid)
    data = bench.rng.randbytes(WORD * MAX_WORDS)
    await bench.host.write_memory(0, data)
    assert await bench.host.read_memory(0, len(data)) == data
