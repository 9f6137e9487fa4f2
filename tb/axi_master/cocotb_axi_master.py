# SPDX-License-Identifier: Apache-2.0
"""AXI master against AxiRam of cocotbext-axi: copies under gaps on every channel, windows, errors, stop, reset.

The rules of the bus (`axi_rules`) are checked in every cycle of every test.
"""

import logging
import os
from collections.abc import Iterator

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotbext.axi import AxiBus, AxiRam

from axi_rules import AxiRules, Window, watch
from streams import STALLS, StreamSource, go_pattern, rng, start

READ = 0x4000_0000  # where reads go
WRITE = 0x8000_0000  # where writes go
REGION = 0x8000
ROUNDS = float(os.environ.get("SHW_ROUNDS", "1"))  # how often the random tests turn
Request = tuple[int, int]  # byte address, words


class Bench:
    """Memory, sources of requests and data, a sink that lets read data vanish, counters of the event pulses."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = rng("axi")
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=2**32)
        self.broken: range = range(0)  # addresses at which memory answers SLVERR
        for side, name in ((self.ram.read_if, "_read"), (self.ram.write_if, "_write")):
            setattr(side, name, self._or_error(getattr(side, name)))
        self.rules = AxiRules(reads=int(dut.READS.value), writes=int(dut.WRITES.value))
        self.rd = StreamSource(dut, "rd", ["address", "words"])
        self.wr = StreamSource(dut, "wr", ["address", "words"])
        self.wdata = StreamSource(dut, "wdata", ["wdata"])
        self.got: list[tuple[int, int]] = []
        self.done = 0
        self.events = dict.fromkeys(("read_beat", "write_beat", "read_burst", "write_burst"), 0)
        self.ready = go_pattern("none", self.rng)
        self.possible: list[set[int]] = []
        self.at_fault: dict[str, int] | None = None

    def _or_error(self, access):
        async def wrapped(address: int, *arguments):
            if address in self.broken:
                raise ValueError("no memory here")
            return await access(address, *arguments)

        return wrapped

    async def begin(self) -> None:
        dut = self.dut
        watch(dut, self.rules)
        low = ("idle", "fault_window", "fault_bus", "rd_ready", "wr_ready", "rdata_valid", "wdata_ready", "wdone")
        low += ("m_axi_arvalid", "m_axi_awvalid", "m_axi_wvalid")
        self.windows(Window(READ, READ + REGION - 8), Window(WRITE, WRITE + REGION - 8))
        await start(dut, low=low, stop=0, clear=0, rdata_ready=0)
        cocotb.start_soon(self._sink())
        self.fill()

    def fill(self) -> None:
        """New contents of both regions."""
        self.memory = {base: [self.rng.getrandbits(64) for _ in range(REGION // 8)] for base in (READ, WRITE)}
        for base, words in self.memory.items():
            self.ram.write_qwords(base, words)

    def windows(self, read: Window, write: Window) -> None:
        self.rules.read_window, self.rules.write_window = read, write
        for name, window in (("read", read), ("write", write)):
            getattr(self.dut, f"{name}_window_first").value = window.first
            getattr(self.dut, f"{name}_window_last").value = window.last

    def stalls(self, memory: str, user: str) -> None:
        """Gaps of the five channels, and of the streams."""
        for source in (self.rd, self.wr, self.wdata):
            source.set_stall(user)
        self.ready = go_pattern(user, self.rng)
        channels = (*vars(self.ram.write_if).items(), *vars(self.ram.read_if).items())
        for name, channel in channels:
            if name.endswith("_channel"):
                channel.set_pause_generator(self._gaps(memory) if memory != "none" else None)
                channel.pause = False

    def _gaps(self, kind: str) -> Iterator[bool]:
        return (not go for go in go_pattern(kind, self.rng))

    async def _sink(self) -> None:
        dut = self.dut
        events = {name: getattr(dut, f"event_{name}") for name in self.events}
        rising, falling = RisingEdge(dut.clk), FallingEdge(dut.clk)
        while True:
            await rising
            if not int(dut.rst.value):
                if int(dut.rdata_valid.value) and int(dut.rdata_ready.value):
                    self.got.append((int(dut.rdata.value), int(dut.rdata_last.value)))
                self.done += int(dut.wdone.value)
                for name, handle in events.items():
                    self.events[name] += int(handle.value)
                faulty = int(dut.fault_window.value) or int(dut.fault_bus.value)
                if faulty and self.at_fault is None:
                    self.at_fault = dict(self.rules.offered)
            await falling
            dut.rdata_ready.value = next(self.ready)

    def request(self, reads: list[Request], writes: list[Request]) -> list[tuple[int, int]]:
        """Send requests, writes with random data; returns the read data that have to come."""
        self.rd.send({"address": address, "words": words} for address, words in reads)
        self.wr.send({"address": address, "words": words} for address, words in writes)
        for address, words in writes:
            values = [self.rng.getrandbits(64) for _ in range(words)]
            self.wdata.send({"wdata": value} for value in values)
            first = (address - WRITE) // 8
            self.memory[WRITE][first : first + words] = values
            for possible, value in zip(self.possible[first : first + words], values, strict=False):
                possible.add(value)
        expected = []
        for address, words in reads:
            first = (address - READ) // 8
            values = self.memory[READ][first : first + words]
            expected += [(value, int(n == words - 1)) for n, value in enumerate(values)]
        return expected

    async def until(self, condition, what: str, limit: int = 60_000) -> int:
        """Cycles until the condition holds."""
        for cycle in range(limit):
            if condition():
                return cycle
            await FallingEdge(self.dut.clk)
        raise AssertionError(f"{what}: not within {limit} cycles")

    async def copy(self, reads: list[Request], writes: list[Request]) -> int:
        """Requests, and everything about them is right; returns the cycles."""
        self.got, self.done = [], 0
        expected = self.request(reads, writes)
        cycles = await self.until(
            lambda: len(self.got) >= len(expected) and self.done >= len(writes), f"{reads} {writes}"
        )
        await self.until(lambda: int(self.dut.idle.value), "idle", 20)
        assert self.rules.clean
        assert self.got == expected
        assert self.done == len(writes)
        self.same_memory()
        await ClockCycles(self.dut.clk, 2)
        counts = self.rules.counts
        assert self.events["read_beat"] == counts["r"] and self.events["read_burst"] == counts["ar"]
        assert self.events["write_beat"] == counts["w"] and self.events["write_burst"] == counts["aw"]
        return cycles

    def same_memory(self) -> None:
        for base, words in self.memory.items():
            assert self.ram.read_qwords(base, len(words)) == words

    def random_requests(self, base: int, words: int) -> list[Request]:
        """Requests of about so many words together, around the borders of bursts and pages; writes do not overlap."""
        found, at = [], self.rng.choice((0, 1, 250, 511, self.rng.randrange(512)))
        while words > 0 and at < REGION // 8:
            length = self.rng.choice((1, 2, 3, 255, 256, 257, 512, self.rng.randint(1, 40), self.rng.randint(1, 700)))
            length = min(length, REGION // 8 - at)
            found.append((base + 8 * at, length))
            at += length + self.rng.choice((0, 0, 1, self.rng.randint(0, 100)))
            words -= length
        return found

    async def settle(self, address: int | None, kind: str, write: bool | None = None) -> None:
        """After a fault or stop: the bus gets clean and stays quiet; what is faulty is named; clear ends it."""
        dut = self.dut
        if address is not None:
            await self.until(lambda: self.at_fault is not None, "fault")
        await self.until(lambda: int(dut.idle.value), "idle")
        assert self.rules.clean, "idle while the bus is busy"
        assert int(dut.fault_window.value) == (kind == "window")
        assert int(dut.fault_bus.value) == (kind == "bus")
        if address is not None:
            assert int(dut.fault_address.value) == address, hex(int(dut.fault_address.value))
            assert bool(dut.fault_write.value) == write
            assert self.rules.offered == self.at_fault, "a burst began after the fault"
        before = dict(self.rules.offered)
        await ClockCycles(dut.clk, self.rng.randint(1, 40))
        await FallingEdge(dut.clk)
        assert self.rules.offered == before and int(dut.idle.value)
        for source in (self.rd, self.wr, self.wdata):
            source.clear()
        await FallingEdge(dut.clk)
        dut.clear.value = 1
        await FallingEdge(dut.clk)
        dut.clear.value = 0
        assert not int(dut.fault_window.value) and not int(dut.fault_bus.value)
        self.at_fault = None

    def remember(self) -> None:
        """What every word to be written may hold after a run that is stopped: what it holds now, and what is sent."""
        self.possible = [{value} for value in self.memory[WRITE]]

    def forget_writes(self) -> None:
        """A stopped run has written a part of its words, and nothing else: that is what is in memory now."""
        now = self.ram.read_qwords(WRITE, REGION // 8)
        assert all(value in possible for value, possible in zip(now, self.possible, strict=True))
        self.memory[WRITE] = now


@cocotb.test()
async def copies(dut) -> None:
    """Reads and writes side by side under every pair of stall patterns."""
    bench = Bench(dut)
    await bench.begin()
    for memory in STALLS:
        for user in STALLS:
            bench.stalls(memory, user)
            count = round(100 * ROUNDS)
            await bench.copy(bench.random_requests(READ, count), bench.random_requests(WRITE, count))
    assert bench.rules.most_reads > 1 and bench.rules.most_writes > 1


@cocotb.test()
async def one_word_a_cycle(dut) -> None:
    """Long runs in both directions at the memory's rate."""
    bench = Bench(dut)
    await bench.begin()
    cycles = await bench.copy([(READ + 8, 800)], [(WRITE + 16, 800)])
    assert cycles < 800 * 1.05 + 40, cycles


@cocotb.test()
async def windows(dut) -> None:
    """The words at both ends of a window may be accessed; the burst that goes one further is not issued."""
    bench = Bench(dut)
    await bench.begin()
    for turn in range(round(8 * ROUNDS)):
        write, below = bool(turn & 1), bool(turn & 2)
        base = WRITE if write else READ
        first, last = base + 8 * bench.rng.randint(1, 400), base + 8 * bench.rng.randint(600, 900)
        whole = Window(base, base + REGION - 8)
        part = Window(first, last)
        other = Window(READ, READ + REGION - 8) if write else Window(WRITE, WRITE + REGION - 8)
        bench.windows(*((other, part) if write else (part, other)))
        bench.stalls(bench.rng.choice(STALLS), bench.rng.choice(STALLS))
        words = (last - first) // 8 + 1
        legal = [(first, words)] if turn < 4 else [(first, 1), (last, 1), (last - 72, 10)]
        await bench.copy(*(([], legal) if write else (legal, [])))

        bench.remember()
        bad = (first - 8, bench.rng.randint(1, 20)) if below else (last - 8 * bench.rng.randint(0, 300), 302)
        requests = [(first, 3), bad, (first, 5)]
        bench.request(*(([], requests) if write else (requests, [])))
        start_of_burst = bad[0] if below else _burst_that_leaves(bad, last)
        await bench.settle(start_of_burst, "window", write)
        bench.windows(*((other, whole) if write else (whole, other)))
        bench.forget_writes()
        await bench.copy([(READ + 64, 5)], [(WRITE + 64, 5)])


def _burst_that_leaves(request: Request, last: int) -> int:
    """Address of the first burst of a request that ends behind `last`."""
    address, end = request[0], request[0] + 8 * request[1] - 8
    while min(end, address | 0x7F8) <= last:
        address = (address | 0x7FF) + 1
    return address


@cocotb.test()
async def top_of_memory(dut) -> None:
    """The last word of the address space is one like others; what is beyond it is outside, not at address 0."""
    bench = Bench(dut)
    await bench.begin()
    everything = Window(0, 0xFFFF_FFF8)
    bench.windows(everything, everything)
    values = [bench.rng.getrandbits(64) for _ in range(4)]
    bench.ram.write_qwords(0xFFFF_FFE0, values)
    bench.rd.send([{"address": 0xFFFF_FFE0, "words": 4}])
    await bench.until(lambda: len(bench.got) == 4, "four words")
    assert [value for value, _ in bench.got] == values
    for source, write in ((bench.rd, False), (bench.wr, True)):
        bench.remember()
        source.send([{"address": 0xFFFF_FFE0, "words": 5}])
        bench.wdata.send({"wdata": value} for value in values)
        await bench.settle(0, "window", write)


@cocotb.test()
async def errors(dut) -> None:
    """SLVERR at one word: its burst is named, no data of it and after it arrive, nothing is acknowledged."""
    bench = Bench(dut)
    await bench.begin()
    for turn in range(round(6 * ROUNDS)):
        write = bool(turn & 1)
        base = WRITE if write else READ
        bench.stalls(bench.rng.choice(STALLS), bench.rng.choice(STALLS))
        at = base + 8 * bench.rng.randint(0, 299)
        bench.broken = range(at, at + 8)
        bench.remember()
        bench.got, bench.done = [], 0
        both = [(base, 100), (base + 800, 200), (base + 0x2000, 300)]
        expected = bench.request(*(([], both) if write else (both, [])))
        await bench.settle(max(base + (800 if at >= base + 800 else 0), at & ~0x7FF), "bus", write)
        assert bench.got == expected[: len(bench.got)]
        assert len(bench.got) <= (0 if write else (at - base) // 8)
        assert bench.done <= (at >= base + 800)
        bench.broken = range(0)
        bench.forget_writes()
        await bench.copy([(READ + 64, 5)], [(WRITE + 64, 5)])


@cocotb.test()
async def stops(dut) -> None:
    """Stop at any cycle: bursts in flight end, with strobes 0 where data are missing; the next requests are right."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(round(6 * ROUNDS)):
        bench.stalls(bench.rng.choice(STALLS), bench.rng.choice(STALLS))
        bench.remember()
        bench.request(bench.random_requests(READ, 300), bench.random_requests(WRITE, 300))
        if bench.rng.random() < 0.5:
            bench.wdata.pause(100_000)  # write data never come
        await ClockCycles(dut.clk, bench.rng.randint(1, 90))
        await FallingEdge(dut.clk)
        dut.stop.value = 1
        sent = dict(bench.rules.offered)  # a burst that is offered from the next edge on was issued before
        for burst, valid in (("ar", dut.m_axi_arvalid), ("aw", dut.m_axi_awvalid)):
            sent[burst] += int(int(valid.value) and not bench.rules.pending(burst))
        await ClockCycles(dut.clk, bench.rng.randint(1, 3))
        await FallingEdge(dut.clk)
        dut.stop.value = 0
        await bench.settle(None, "stop")
        assert bench.rules.offered == sent
        bench.forget_writes()
        bench.stalls("none", "none")
        await bench.copy([(READ + 64, 5), (READ, 60)], [(WRITE + 64, 5), (WRITE + 128, 60)])
    assert bench.rules.masked > 100 and bench.rules.strobed > 100


@cocotb.test()
async def clear_needs_idle(dut) -> None:
    """A clear while bursts are in flight is not looked at."""
    bench = Bench(dut)
    await bench.begin()
    bench.remember()
    bench.request([(READ, 1000)], [(WRITE, 1000)])
    await ClockCycles(dut.clk, 30)
    await FallingEdge(dut.clk)
    dut.stop.value = 1
    await FallingEdge(dut.clk)
    dut.stop.value, dut.clear.value = 0, 1
    await ClockCycles(dut.clk, 20)
    await FallingEdge(dut.clk)
    dut.clear.value = 0
    assert not int(dut.idle.value) and not int(dut.rd_ready.value)
    await bench.settle(None, "stop")
    bench.forget_writes()
    await bench.copy([(READ, 10)], [(WRITE, 10)])


@cocotb.test()
async def resets(dut) -> None:
    """Reset of master and bus at any cycle: everything is dropped, the requests that follow are right."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(round(8 * ROUNDS)):
        bench.stalls("random", "random")
        bench.remember()
        bench.request(bench.random_requests(READ, 300), bench.random_requests(WRITE, 300))
        await ClockCycles(dut.clk, bench.rng.randint(1, 150))
        await FallingEdge(dut.clk)
        dut.rst.value = 1
        await ClockCycles(dut.clk, 3)
        await FallingEdge(dut.clk)
        for source in (bench.rd, bench.wr, bench.wdata):
            source.clear()
        dut.rst.value = 0
        bench.forget_writes()
        bench.events = dict.fromkeys(bench.events, 0)
        bench.rules.counts = dict.fromkeys(bench.rules.counts, 0)
        bench.stalls("none", "none")
        await bench.copy([(READ + 64, 5)], [(WRITE + 64, 5)])
