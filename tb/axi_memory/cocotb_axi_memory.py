# SPDX-License-Identifier: Apache-2.0
"""Memory behind AXI and a port for words: both against one model, side by side, under gaps; errors, rates, reset."""

from __future__ import annotations

import logging
import os
from itertools import count

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotbext.axi import AxiBurstType, AxiBus, AxiMaster, AxiResp

from streams import STALLS, go_pattern, reset, rng, start

ROUNDS = int(os.environ.get("SHW_ROUNDS", "1"))  # how often the random tests turn
WORD, PAGE = 4, 4096


class Bench:
    """A master on AXI, another one at the word port, and what the memory has to hold."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = rng("axi_memory")
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
        self.size = 8 << int(dut.ADDR_W.value)
        self.master = AxiMaster(AxiBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        self.image = bytearray()

    async def begin(self) -> None:
        low = ("word_done", "s_axi_bvalid", "s_axi_rvalid")
        await start(self.dut, low=low, word_valid=0, word_write=0, word_address=0, word_wdata=0)
        self.image = bytearray(self.rng.randbytes(self.size))
        await self.master.write(0, bytes(self.image))

    def stalls(self, kind: str) -> None:
        """Gaps of the five channels."""
        for side in (self.master.write_if, self.master.read_if):
            for name, channel in vars(side).items():
                if name.endswith("_channel"):
                    gaps = (not go for go in go_pattern(kind, self.rng))
                    channel.set_pause_generator(gaps if kind != "none" else None)
                    channel.pause = False

    async def word(self, address: int, value: int | None = None) -> int:
        """A word is written, or read, at once; checks how long it takes."""
        dut = self.dut
        await FallingEdge(dut.clk)
        dut.word_valid.value, dut.word_write.value = 1, int(value is not None)
        dut.word_address.value = address // WORD
        dut.word_wdata.value = self.rng.getrandbits(32) if value is None else value
        await FallingEdge(dut.clk)
        dut.word_valid.value = 0
        dut.word_address.value = self.rng.randrange(self.size // WORD)
        if value is None:
            for _ in range(2):
                assert dut.word_done.value == 0
                await FallingEdge(dut.clk)
        assert dut.word_done.value == 1
        return int(dut.word_rdata.value) if value is None else value

    async def words(self, first: int, last: int, number: int) -> None:
        """Random words between two addresses are written and read, with pauses."""
        for _ in range(number):
            address = self.rng.randrange(first, last, WORD)
            if self.rng.random() < 0.5:
                data = self.rng.randbytes(WORD)
                self.image[address : address + WORD] = data
                await self.word(address, int.from_bytes(data, "little"))
            else:
                expected = int.from_bytes(self.image[address : address + WORD], "little")
                assert await self.word(address) == expected, hex(address)
            await ClockCycles(self.dut.clk, self.rng.choice((1, 1, 1, 2, 5, 20)))

    async def bursts(self, first: int, last: int, number: int, reads: bool = True, writes: bool = True) -> None:
        """Random runs of bytes between two addresses are written and read over AXI."""
        for _ in range(number):
            size = self.rng.choice((1, 8, self.rng.randint(1, 64), self.rng.randint(1, min(1500, last - first))))
            address = self.rng.randint(first, last - size)
            if writes and (not reads or self.rng.random() < 0.5):
                data = self.rng.randbytes(size)
                self.image[address : address + size] = data
                assert (await self.master.write(address, data)).resp == AxiResp.OKAY
            else:
                found = await self.master.read(address, size)
                assert found.resp == AxiResp.OKAY
                assert found.data == self.image[address : address + size], hex(address)

    def transfers(self, channel: str) -> list[int]:
        """The cycles in which a channel transfers, from now on."""
        valid, ready = (getattr(self.dut, f"s_axi_{channel}{end}") for end in ("valid", "ready"))
        cycles: list[int] = []

        async def watch() -> None:
            for cycle in count():
                await RisingEdge(self.dut.clk)
                if valid.value == 1 and ready.value == 1:
                    cycles.append(cycle)

        cocotb.start_soon(watch())
        return cycles

    async def same(self) -> None:
        """All of the memory, over AXI."""
        assert (await self.master.read(0, self.size)).data == self.image


@cocotb.test()
async def bursts(dut) -> None:
    """Reads and writes over AXI, side by side, of any bytes, under every stall pattern."""
    bench = Bench(dut)
    await bench.begin()
    for kind in STALLS:
        bench.stalls(kind)
        half = bench.size // 2
        tasks = [
            cocotb.start_soon(bench.bursts(0, half, 15 * ROUNDS, writes=False)),
            cocotb.start_soon(bench.bursts(half, bench.size, 15 * ROUNDS, reads=False)),
        ]
        for task in tasks:
            await task
        await bench.bursts(0, bench.size, 10 * ROUNDS)
    bench.stalls("none")
    await bench.same()


@cocotb.test()
async def words_beside_bursts(dut) -> None:
    """The word port while AXI reads and writes other places: it never waits, and nothing is lost on either side."""
    bench = Bench(dut)
    await bench.begin()
    third = bench.size // 3 // 8 * 8
    for kind in STALLS:
        bench.stalls(kind)
        tasks = [
            cocotb.start_soon(bench.bursts(0, third, 12 * ROUNDS, writes=False)),
            cocotb.start_soon(bench.bursts(third, 2 * third, 12 * ROUNDS, reads=False)),
        ]
        while not all(task.done() for task in tasks):
            await bench.words(2 * third, bench.size, 5)
    bench.stalls("none")
    await bench.same()


@cocotb.test()
async def words_while_reads_stand(dut) -> None:
    """A master that takes no data does not hold up the word port, and gets its data afterwards."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(5):
        bench.master.read_if.r_channel.pause = True
        task = cocotb.start_soon(bench.master.read(64, 400))
        await ClockCycles(dut.clk, bench.rng.randint(5, 15))
        await bench.words(1024, bench.size, 10)
        bench.master.read_if.r_channel.pause = False
        await task
        assert task.result().data == bench.image[64:464]


@cocotb.test()
async def rates(dut) -> None:
    """A beat per cycle, 2 cycles more for a burst; 3 cycles to a first beat, 1 from a last one to the response."""
    bench = Bench(dut)
    await bench.begin()
    beats = 256
    cycles = {name: bench.transfers(name) for name in ("ar", "r", "aw", "w", "b")}
    await bench.master.read(0, PAGE)
    await bench.master.write(0, bytes(bench.image[:PAGE]))
    assert [len(cycles[name]) for name in ("ar", "r", "aw", "w", "b")] == [2, 2 * beats, 2, 2 * beats, 2]
    for request, data in (("ar", "r"), ("aw", "w")):
        assert cycles[request][1] - cycles[request][0] == beats + 2
        assert cycles[data][beats - 1] - cycles[data][0] == beats - 1
    assert cycles["r"][0] - cycles["ar"][0] == 3
    assert cycles["w"][0] - cycles["aw"][0] == 1
    assert cycles["b"][0] - cycles["w"][beats - 1] == 1


@cocotb.test()
async def refused(dut) -> None:
    """Bursts beyond the memory, of other widths and kinds: DECERR, and nothing changes."""
    bench = Bench(dut)
    await bench.begin()
    for address in (bench.size, bench.size + 2048, 1 << 31, (1 << 32) - 2048):
        assert (await bench.master.read(address, 64)).resp == AxiResp.DECERR
        assert (await bench.master.write(address, bytes(64))).resp == AxiResp.DECERR
    for kind in ({"size": 2}, {"burst": AxiBurstType.FIXED}):
        assert (await bench.master.read(0, 64, **kind)).resp == AxiResp.DECERR
        assert (await bench.master.write(0, bytes(64), **kind)).resp == AxiResp.DECERR
    await bench.same()


@cocotb.test()
async def resets(dut) -> None:
    """In the middle of bursts and words: the memory works, and holds what was written before."""
    bench = Bench(dut)
    await bench.begin()
    for turn in range(10 * ROUNDS):
        size = bench.rng.randint(8, 1024)
        address = bench.rng.randint(0, bench.size - size)
        if turn % 2:
            cocotb.start_soon(bench.master.read(address, size))
        else:
            cocotb.start_soon(bench.master.write(address, bytes(bench.image[address : address + size])))
        await ClockCycles(dut.clk, bench.rng.randint(1, 60))
        await FallingEdge(dut.clk)
        dut.word_valid.value = turn % 3 == 0
        dut.word_write.value = 0
        await reset(dut)
        dut.word_valid.value = 0
        assert dut.word_done.value == 0
        await bench.words(0, bench.size, 3)
        await bench.bursts(0, bench.size, 3)
    await bench.same()
