# SPDX-License-Identifier: Apache-2.0
"""Reader of programs: every instruction once and in order, one at a time, with memory of any latency, and resets.

A third of the programs are damaged in one bit, which the last instruction has to tell.
"""

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

from shiftwork.compile.instructions import BITS, BYTES, sealed
from streams import STALLS, StreamSink, go_pattern, reset, rng, start


class Bench:
    """Memory on one side, a sink of instructions on the other."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.generator = rng("memory")
        self.latency = (1, 1)  # cycles from a request to its first word, at least and at most
        self.gaps = "none"
        self.words: list[int] = []
        self.wait = 0

    async def begin(self) -> None:
        dut = self.dut
        self.read = StreamSink(dut, "read", ["address"])
        self.out = StreamSink(dut, "out", ["index", "instruction", "damaged"])
        self.read.on_beat = self.request
        cocotb.start_soon(self.memory())
        await start(dut, low=["read_valid", "out_valid", "busy"], start=0, address=0, count=0, data_valid=0, data=0)

    def request(self, beat) -> None:
        assert not self.words, "a request while another is on its way"
        assert beat["address"] in self.content, f"address {beat['address']:#x}"
        word = self.content[beat["address"]]
        self.words = [word >> 64 * i & (1 << 64) - 1 for i in range(8)]
        self.wait = self.generator.randint(*self.latency)

    async def memory(self) -> None:
        go = go_pattern(self.gaps, self.generator)
        pattern = self.gaps
        while True:
            await RisingEdge(self.dut.clk)
            if self.dut.rst.value:
                self.words = []
            await FallingEdge(self.dut.clk)
            if pattern != self.gaps:
                pattern, go = self.gaps, go_pattern(self.gaps, self.generator)
            offered = bool(self.words) and self.wait <= 1 and next(go)
            self.wait = max(self.wait - 1, 0)
            self.dut.data_valid.value = int(offered)
            self.dut.data.value = self.words.pop(0) if offered else self.generator.getrandbits(64)

    async def program(self, count: int, address: int | None = None) -> list[dict[str, int]]:
        """Start a program of random instructions; what has to leave."""
        dut = self.dut
        if address is None:
            address = 64 * self.generator.getrandbits(26)
        size, damaged = BYTES * count, self.generator.random() < 1 / 3
        content = sealed(self.generator.randbytes(size)) if count else b""
        bit = self.generator.choice((self.generator.randrange(BITS * count), 96, 127)) if count else 0
        content = (int.from_bytes(content, "little") ^ damaged << bit).to_bytes(size, "little") if count else b""
        wanted = [
            {
                "index": i,
                "instruction": int.from_bytes(content[BYTES * i : BYTES * (i + 1)], "little"),
                "damaged": int(damaged and i == count - 1),
            }
            for i in range(count)
        ]
        self.content = {(address + 64 * i) % 2**32: beat["instruction"] for i, beat in enumerate(wanted)}
        self.read.clear()
        self.out.clear()
        await FallingEdge(dut.clk)
        dut.start.value, dut.address.value, dut.count.value = 1, address, count
        await FallingEdge(dut.clk)
        assert bool(dut.busy.value) == (count > 0)
        dut.start.value, dut.address.value, dut.count.value = 0, self.generator.getrandbits(32), 3
        return wanted

    async def ended(self, wanted: list[dict[str, int]]) -> None:
        """Wait for the end: `busy` falls with the last instruction that is taken."""
        for _ in range(2000):
            assert bool(self.dut.busy.value) == (len(self.out.received) < len(wanted))
            if len(self.out.received) == len(wanted):
                break
            await FallingEdge(self.dut.clk)
        assert self.out.received == wanted

    async def idle(self) -> None:
        """Nothing is left, and nothing more comes."""
        assert not self.dut.busy.value
        requests, beats = len(self.read.received), len(self.out.received)
        await ClockCycles(self.dut.clk, 20)
        assert (len(self.read.received), len(self.out.received)) == (requests, beats)


@cocotb.test()
async def programs(dut) -> None:
    """Every pair of stall patterns; `busy` falls with the last instruction that is taken."""
    bench = Bench(dut)
    await bench.begin()
    for memory in STALLS:
        for out in (*STALLS, "after_valid"):
            bench.gaps, bench.latency = memory, (1, 1) if memory == "none" else (1, 30)
            bench.read.set_stall(memory)
            bench.out.set_stall(out)
            count = bench.generator.choice((1, 2, 3, 7))
            wanted = await bench.program(count, 2**32 - 64 if count > 2 else None)
            await bench.ended(wanted)
            assert len(bench.read.received) == count
            await bench.idle()


@cocotb.test()
async def one_after_the_other(dut) -> None:
    """Programs that start as soon as the one before has ended; an empty one ends at once."""
    bench = Bench(dut)
    await bench.begin()
    for count in (2, 0, 1, 1, 3, 0, 0, 2):
        wanted = await bench.program(count)
        await bench.ended(wanted)
    await bench.idle()


@cocotb.test()
async def rate(dut) -> None:
    """9 cycles and the latency of memory an instruction, one more for the last; the request comes right after start."""
    bench = Bench(dut)
    await bench.begin()
    for latency in (1, 12):
        bench.latency = (latency, latency)
        await bench.program(5)
        began = bench.read.cycle
        await bench.out.receive(5)
        assert bench.read.cycles == [began + 1 + (latency + 9) * i for i in range(5)]
        assert bench.out.cycles == [cycle + latency + 8 + (i == 4) for i, cycle in enumerate(bench.read.cycles)]
        await bench.idle()


@cocotb.test()
async def reset_in_mid_program(dut) -> None:
    """Whatever was on its way or held is forgotten, and the next program is right."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(40):
        bench.gaps = bench.generator.choice(STALLS)
        bench.latency = (1, 6)
        bench.out.set_stall(bench.generator.choice(STALLS))
        await bench.program(4)
        await ClockCycles(dut.clk, bench.generator.randint(1, 60))
        await reset(dut, bench.read, bench.out, cycles=bench.generator.randint(1, 2))
        await bench.idle()
        wanted = await bench.program(2)
        await bench.out.expect(wanted)
