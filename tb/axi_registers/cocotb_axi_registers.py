# SPDX-License-Identifier: Apache-2.0
"""Registers over AXI4-Lite: reset values, ports, strobes, pulses, the lock while busy, interrupts, counters, reset."""

import logging

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster

from shiftwork.device import registers
from shiftwork.device.registers import BY_NAME, COUNTERS, REGISTERS, Field, Register
from streams import STALLS, go_pattern, rng, start

PARAMETERS = {
    ("SHAPE", "rows"): "ROWS",
    ("SHAPE", "cols"): "COLS",
    ("ENGINE", "kind"): "KIND",
    ("ENGINE", "depth"): "DEPTH",
    ("MEMORIES", "activations"): "ACT_W",
    ("MEMORIES", "weights"): "WEIGHT_W",
    ("MEMORIES", "constants"): "CONST_W",
}


def fields(access: str) -> list[tuple[Register, Field]]:
    return [(r, f) for r in REGISTERS for f in r.fields if f.access == access and not f.constant]


class Bench:
    """A master of the bus, and a model of what the registers hold."""

    def __init__(self, dut) -> None:
        self.dut, self.rng = dut, rng("registers")
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        self.pulses = {field.port: 0 for _, field in fields("pulse")}
        self.held = {(r.name, f.name): f.reset for r, f in fields("rw")}

    async def begin(self) -> None:
        inputs = [field.port for access in ("ro", "w1c") for _, field in fields(access)]
        inputs += [counter.port for counter in COUNTERS]
        low = ["irq", "s_axi_bvalid", "s_axi_rvalid", *self.pulses]
        await start(self.dut, low=low, **dict.fromkeys(inputs, 0))
        cocotb.start_soon(self._watch())
        await FallingEdge(self.dut.clk)

    def stalls(self, kind: str) -> None:
        for side in (self.master.write_if, self.master.read_if):
            for name, channel in vars(side).items():
                if name.endswith("_channel"):
                    gaps = (not go for go in go_pattern(kind, self.rng))
                    channel.set_pause_generator(gaps if kind != "none" else None)
                    channel.pause = False

    async def _watch(self) -> None:
        """Count the cycles of pulses; B and R stay until they are taken."""
        dut = self.dut
        waiting: dict[str, object] = {}
        while True:
            await RisingEdge(dut.clk)
            if int(dut.rst.value):
                waiting = {}
                continue
            for name in self.pulses:
                self.pulses[name] += int(getattr(dut, name).value)
            for channel, payload in (("b", dut.s_axi_bresp), ("r", dut.s_axi_rdata)):
                valid, ready = getattr(dut, f"s_axi_{channel}valid"), getattr(dut, f"s_axi_{channel}ready")
                now = str(payload.value) if int(valid.value) else None
                assert waiting.get(channel) in (None, now), f"{channel} changed or vanished while it waited"
                waiting[channel] = now if not int(ready.value) else None

    async def write(self, offset: int, word: int, strobes: int = 15) -> None:
        """Any runs of strobed bytes; the master makes one transfer of each."""
        data = word.to_bytes(4, "little")
        first = 0
        while first < 4:
            last = first
            while last < 4 and strobes >> last & 1:
                last += 1
            if last > first:
                await self.master.write(offset + first, data[first:last])
            first = last + 1

    async def read(self, offset: int) -> int:
        return int.from_bytes((await self.master.read(offset, 4)).data, "little")

    async def read_counter(self, name: str) -> int:
        offset = registers.counter_offset(name)
        low = await self.read(offset)
        return (await self.read(offset + 4)) << 32 | low

    def written(self, register: Register, word: int, strobes: int = 15) -> None:
        """What a write does to the fields that keep it."""
        mask = sum(0xFF << 8 * byte for byte in range(4) if strobes >> byte & 1)
        for field in register.fields:
            if field.access == "rw":
                old = self.held[register.name, field.name] << field.low
                self.held[register.name, field.name] = (old & ~mask | word & mask & field.mask) >> field.low

    async def same(self, inputs: dict[str, int] | None = None) -> None:
        """Everything that can be read, and the ports of what is kept."""
        for register in REGISTERS:
            want = 0
            for field in register.fields:
                if field.access == "rw":
                    value = self.held[register.name, field.name]
                    port = int(getattr(self.dut, field.port).value)
                    assert port == (value << field.low if field.padded else value), field.port
                elif field.constant:
                    value = self.constant(register, field)
                else:
                    value = (inputs or {}).get(field.port, 0)
                want |= value << field.low
            got = await self.read(register.offset)
            assert got == want, f"{register.name}: {got:#x}, expected {want:#x}"

    def constant(self, register: Register, field: Field) -> int:
        parameter = PARAMETERS.get((register.name, field.name))
        if parameter:
            return int(getattr(self.dut, parameter).value)
        return {
            "id": registers.IDENTITY,
            "map": registers.MAP_VERSION,
            "release": registers.release(),
        }[field.name]


@cocotb.test()
async def every_register(dut) -> None:
    """Reset values, inputs, random writes with strobes, words that are no register."""
    bench = Bench(dut)
    await bench.begin()
    await bench.same()
    for kind in STALLS:
        bench.stalls(kind)
        inputs = {}
        for _, field in fields("ro"):
            value = bench.rng.getrandbits(field.width) if field.port != "status_busy" else 0
            inputs[field.port] = value
            getattr(dut, field.port).value = value
        for _ in range(20):
            register = bench.rng.choice([r for r in REGISTERS if r.name not in ("CONTROL", "INTERRUPT_STATUS")])
            word, strobes = bench.rng.getrandbits(32), bench.rng.choice((15, 15, bench.rng.randint(1, 15)))
            await bench.write(register.offset, word, strobes)
            bench.written(register, word, strobes)
        await bench.same(inputs)
        for offset in (0x14, 0x3C, 0x60, 0x100, 0x840, 0xFFC):
            await bench.write(offset, bench.rng.getrandbits(32))
            assert await bench.read(offset) == 0
        await bench.same(inputs)


@cocotb.test()
async def pulses(dut) -> None:
    """Writing 1 makes one cycle; 0, other bits and bytes without strobe make none; start only while idle."""
    bench = Bench(dut)
    await bench.begin()
    control = BY_NAME["CONTROL"]
    wanted = dict.fromkeys(bench.pulses, 0)
    for _ in range(40):
        word, strobes, busy = bench.rng.getrandbits(32), bench.rng.choice((15, 1, 14)), bench.rng.getrandbits(1)
        dut.status_busy.value = busy
        await bench.write(control.offset, word, strobes)
        for field in control.fields:
            if strobes & 1 and word & field.mask and not (field.idle_only and busy):
                wanted[field.port] += 1
        await ClockCycles(dut.clk, 2)
        assert bench.pulses == wanted
        assert await bench.read(control.offset) == 0


@cocotb.test()
async def locked_while_busy(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    dut.status_busy.value = 1
    for register in REGISTERS:
        if any(field.access == "rw" for field in register.fields):
            word = bench.rng.getrandbits(32)
            await bench.write(register.offset, word)
            if not any(field.idle_only for field in register.fields):
                bench.written(register, word)
    await bench.same({"status_busy": 1})


@cocotb.test()
async def interrupts(dut) -> None:
    """An event sets its bit, also in the cycle of its clearing; only writing 1 clears it; enable gates irq alone."""
    bench = Bench(dut)
    await bench.begin()
    enable, status = BY_NAME["INTERRUPT_ENABLE"], BY_NAME["INTERRUPT_STATUS"]
    held = enabled = 0
    for _ in range(60):
        action = bench.rng.choice(("event", "clear", "enable", "both"))
        bits = bench.rng.randint(0, 3)
        if action == "enable":
            enabled = bits
            await bench.write(enable.offset, bits)
        if action in ("event", "both"):
            for field in status.fields:
                getattr(dut, field.port).value = int(bool(bits & field.mask))
            await FallingEdge(dut.clk)
            held |= bits
        if action in ("clear", "both"):
            clear = bench.rng.randint(0, 3)
            await bench.write(status.offset, clear)
            held &= ~clear
            if action == "both":  # the events last longer than the write
                held |= bits
        for field in status.fields:
            getattr(dut, field.port).value = 0
        await ClockCycles(dut.clk, 3)
        assert bool(dut.irq.value) == bool(held & enabled)
        assert await bench.read(status.offset) == held
        await FallingEdge(dut.clk)


@cocotb.test()
async def counters(dut) -> None:
    """All count side by side; a start sets them to 0."""
    bench = Bench(dut)
    await bench.begin()
    for turn in range(3):
        bench.stalls(STALLS[turn])
        counts = dict.fromkeys((counter.name for counter in COUNTERS), 0)
        for _ in range(150):
            for counter in COUNTERS:
                handle = getattr(dut, counter.port)
                amount = bench.rng.getrandbits(len(handle))
                handle.value = amount
                counts[counter.name] += amount
            await FallingEdge(dut.clk)
        for counter in COUNTERS:
            getattr(dut, counter.port).value = 0
        await ClockCycles(dut.clk, 3)
        for counter in COUNTERS:
            assert await bench.read_counter(counter.name) == counts[counter.name], counter.name
        assert await bench.read(registers.COUNTERS_BASE + 8 * 15) == 0
        await bench.write(BY_NAME["CONTROL"].offset, BY_NAME["CONTROL"].encode(start=1))
        await ClockCycles(dut.clk, 2)
        for counter in COUNTERS:
            assert await bench.read_counter(counter.name) == 0
        await FallingEdge(dut.clk)


@cocotb.test()
async def resets(dut) -> None:
    """In the middle of transfers: reset values, and the bus works."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(12):
        bench.stalls("random")
        for register, _ in fields("rw"):
            await bench.write(register.offset, bench.rng.getrandbits(32))
        await FallingEdge(dut.clk)
        dut.interrupt_set_done.value = 1
        tasks = [cocotb.start_soon(bench.write(BY_NAME["WATCHDOG"].offset, 5)), cocotb.start_soon(bench.read(0x80))]
        await ClockCycles(dut.clk, bench.rng.randint(1, 12))
        await FallingEdge(dut.clk)
        dut.interrupt_set_done.value = 0
        dut.rst.value = 1
        for task in tasks:
            task.cancel()
        await ClockCycles(dut.clk, 2)
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        await FallingEdge(dut.clk)
        bench.held = {(r.name, f.name): f.reset for r, f in fields("rw")}
        bench.stalls("none")
        await bench.same()
