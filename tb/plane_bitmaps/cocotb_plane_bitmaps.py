# SPDX-License-Identifier: Apache-2.0
"""Plane bitmaps: every code under both rules and signs, partial windows, reads that hold, reset.

Both sides are played cycle by cycle. A window: code in cycle c, its lane in c + 1, so the capture comes with c + 2 or
later; then its planes, the write of each one cycle after it, which reaches the memory LANDS cycles later.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

import cocotb
from cocotb.triggers import FallingEdge

from shiftwork.codes import terms
from shiftwork.golden.tr_units import PLANES
from streams import rng, start

LANDS = 2

Word = tuple[int, int]
"""A word of the ring, and a plane."""


@dataclass
class Window:
    """lanes: lane -> (code, signed, hese), in order of arrival. word, quarter: its place. planes: those written."""

    lanes: dict[int, tuple[int, bool, bool]]
    word: int
    quarter: int
    planes: list[int]
    gap: int = 0

    def bits(self, plane: int) -> tuple[int, int]:
        """There is a digit; it is negative."""
        nonzero = negative = 0
        for lane, (code, signed, hese) in self.lanes.items():
            value = code - 256 if signed and code > 127 else code
            digit = int(terms.encode([value], "hese" if hese else "binary")[0][plane])
            nonzero |= (digit != 0) << lane
            negative |= (digit < 0) << lane
        return nonzero, negative


class Bench:
    def __init__(self, dut, salt: str) -> None:
        self.dut = dut
        self.rng = rng(salt)
        self.words = 1 << int(dut.RING_W.value)
        self.memory: dict[Word, list[tuple[int, int] | None]] = defaultdict(lambda: [None] * 4)
        self.fetched: list[tuple[int, int] | None] = [None] * 4
        self.shown: list[tuple[int, int] | None] = [None] * 4
        self.compared = 0

    async def begin(self) -> None:
        names = ("code", "code_signed", "code_hese", "lane_write", "capture", "plane", "write", "write_word")
        idle = dict.fromkeys((*names, "write_plane", "read_enable", "read_word", "read_plane"), 0)
        await start(self.dut, **idle)

    def schedule(self, windows: list[Window]) -> dict[int, dict[str, int]]:
        """Cycle -> ports; a window is captured as early as its codes and the planes of the one before allow."""
        ports: dict[int, dict[str, int]] = defaultdict(dict)
        code = 0  # cycle of the next code
        captured = 0  # first cycle in which the next capture may come
        for window in windows:
            for lane, (value, signed, hese) in window.lanes.items():
                ports[code] |= {"code": value, "code_signed": int(signed), "code_hese": int(hese)}
                ports[code + 1]["lane_write"] = 1 << lane
                code += 1 + (self.rng.randrange(3) if self.rng.random() < 0.2 else 0)
            last = max(cycle for cycle in ports if "lane_write" in ports[cycle]) if window.lanes else captured
            capture = max(captured, last + 1) + window.gap
            code = max(code, capture - 1)  # a lane may be written with the capture of the window before
            ports[capture]["capture"] = 1
            for number, plane in enumerate(window.planes):
                ports[capture + 1 + number]["plane"] = plane
                ports[capture + 2 + number] |= {
                    "write": 1 << window.quarter,
                    "write_word": window.word,
                    "write_plane": plane,
                }
                self.written[capture + 2 + number + LANDS] = ((window.word, plane), window.quarter, window.bits(plane))
            captured = capture + max(1, len(window.planes))
        return ports

    async def play(self, windows: list[Window], reads: float = 0.0, cycles: int | None = None) -> None:
        """Play the windows, or their first cycles and one of reset, while random words are read."""
        self.written: dict[int, tuple[Word, int, tuple[int, int]]] = {}
        ports = self.schedule(windows)
        end = max(ports) + 1 + LANDS
        for cycle in range(end if cycles is None else min(end, cycles)):
            read = None
            if self.rng.random() < reads:
                read = self.rng.randrange(self.words), self.rng.randrange(PLANES)
            await self.step(ports[cycle], self.written.get(cycle), read)
        self.dut.lane_write.value = self.dut.capture.value = self.dut.write.value = 0
        if cycles is not None:
            await self.reset(self.written.get(min(end, cycles)))

    async def reset(self, write: tuple[Word, int, tuple[int, int]] | None) -> None:
        """One cycle, in which a write may reach the memory."""
        self.dut.rst.value, self.dut.read_enable.value = 1, 0
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0
        if write is not None:
            self.memory[write[0]][write[1]] = write[2]

    async def step(
        self, ports: dict[str, int], write: tuple[Word, int, tuple[int, int]] | None, read: Word | None
    ) -> None:
        dut = self.dut
        names = ("code", "code_signed", "code_hese", "plane", "write_word", "write_plane")
        values = {name: self.rng.getrandbits(len(getattr(dut, name))) for name in names}  # where nobody looks
        values["plane"] = values["write_plane"] = self.rng.randrange(PLANES)
        values |= {"lane_write": 0, "capture": 0, "write": 0} | ports
        where = read or (self.rng.randrange(self.words), self.rng.randrange(PLANES))
        values |= {"read_enable": int(read is not None), "read_word": where[0], "read_plane": where[1]}
        for name, value in values.items():
            getattr(dut, name).value = value
        await FallingEdge(dut.clk)
        if read is not None:
            self.shown = self.fetched
            collision = write is not None and write[0] == read
            self.fetched = [None] * 4 if collision else list(self.memory[read])
        if write is not None:
            self.memory[write[0]][write[1]] = write[2]
        for quarter, expected in enumerate(self.shown):
            if expected is None:
                continue
            nonzero = int(dut.nonzero.value) >> (8 * quarter) & 255
            negative = int(dut.negative.value) >> (8 * quarter) & 255
            assert (nonzero, negative & nonzero) == expected, f"quarter {quarter}"
            assert int(dut.any.value) >> quarter & 1 == (nonzero != 0), f"quarter {quarter}"
            self.compared += 1

    async def read_all(self, holds: float = 0.0) -> None:
        """Every word, one after the other, read_enable low now and then."""
        order = [(word, plane) for word in range(self.words) for plane in range(PLANES)]
        self.rng.shuffle(order)
        queue = deque([*order, order[0], order[0]])
        while queue:
            read = None if self.rng.random() < holds else queue.popleft()
            await self.step({}, None, read)

    def lane(self) -> tuple[int, bool, bool]:
        kind = self.rng.random()
        code = self.rng.choice((0, 1, 127, 128, 129, 255)) if kind < 0.2 else self.rng.randrange(256)
        return code, self.rng.random() < 0.5, self.rng.random() < 0.6

    def window(self, word: int, quarter: int, gap: int = 0) -> Window:
        lanes = self.rng.choice((range(8), range(8), range(self.rng.randint(1, 8)), self.rng.sample(range(8), 3)))
        planes = list(range(PLANES - 1, -1, -1))
        if self.rng.random() < 0.3:
            self.rng.shuffle(planes)
        return Window({lane: self.lane() for lane in lanes}, word, quarter, planes, gap)

    async def fill(self) -> None:
        """Every quarter of every word has a content."""
        planes = list(range(PLANES))
        places = [(word, quarter) for word in range(self.words) for quarter in range(4)]
        await self.play([Window({lane: self.lane() for lane in range(8)}, *place, planes) for place in places])


@cocotb.test()
async def every_code(dut) -> None:
    """All codes, signed and unsigned, under both rules, in every lane; the memory is read while it is written."""
    bench = Bench(dut, "codes")
    await bench.begin()
    await bench.fill()
    kinds = [(code, signed, hese) for code in range(256) for signed in (False, True) for hese in (False, True)]
    bench.rng.shuffle(kinds)
    planes = list(range(PLANES - 1, -1, -1))
    places = [(word, quarter) for word in range(bench.words) for quarter in range(4)]
    for begin in range(0, len(kinds), 8 * len(places)):
        part = kinds[begin : begin + 8 * len(places)]
        windows = [Window(dict(enumerate(part[8 * n : 8 * n + 8])), *places[n], planes) for n in range(len(part) // 8)]
        await bench.play(windows, reads=0.9)
        await bench.read_all()
    assert bench.compared > 1000


@cocotb.test()
async def partial_windows(dut) -> None:
    """Any lanes of a window, or none: the others are empty. Any planes, in any order."""
    bench = Bench(dut, "partial")
    await bench.begin()
    await bench.fill()
    for _ in range(12):
        windows = []
        for _ in range(8):
            place = bench.rng.randrange(bench.words), bench.rng.randrange(4)
            windows.append(bench.window(*place, gap=bench.rng.choice((0, 0, 0, 1, 5))))
            if bench.rng.random() < 0.2:
                windows[-1].lanes.clear()
            if bench.rng.random() < 0.2:
                del windows[-1].planes[bench.rng.randrange(1, PLANES) :]
        await bench.play(windows, reads=bench.rng.choice((0.3, 0.9, 1.0)))
        await bench.read_all(holds=bench.rng.choice((0.0, 0.6)))


@cocotb.test()
async def read_holds(dut) -> None:
    """Without read_enable both steps of a read stay, whatever the address does."""
    bench = Bench(dut, "holds")
    await bench.begin()
    await bench.fill()
    await bench.read_all(holds=0.8)
    await bench.play([bench.window(0, n & 3) for n in range(16)], reads=0.2)
    assert bench.compared > 100


@cocotb.test()
async def reset_at_any_cycle(dut) -> None:
    """A reset empties the lanes; what is in the memory stays."""
    bench = Bench(dut, "reset")
    await bench.begin()
    await bench.fill()
    for _ in range(25):
        place = bench.rng.randrange(bench.words), bench.rng.randrange(4)
        full = Window(dict.fromkeys(range(8), (85, False, False)), *place, [0])
        await bench.play([full], cycles=bench.rng.randint(2, 11))
        window = bench.window(*place)
        window.lanes = {lane: bench.lane() for lane in bench.rng.sample(range(8), bench.rng.randrange(4))}
        await bench.play([window], reads=0.5)
    await bench.read_all()
