# SPDX-License-Identifier: Apache-2.0
"""The accelerator on a bus: networks through registers and memory against the golden model; faults, stops, resets.

The rules of the bus (`axi_rules`) are checked in every cycle of every test.
"""

import logging
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.triggers import ClockCycles, Event, FallingEdge, First, RisingEdge
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam, AxiResp, axi_slave

from axi_rules import AxiRules, Window, watch
from shiftwork import example
from shiftwork.compile import TrEngine, instructions
from shiftwork.compile.accelerator import ENGINES, Accelerator, AcceleratorProgram, compile_accelerator
from shiftwork.compile.instructions import BYTES, decode, sealed
from shiftwork.device.driver import AcceleratorFaultError, AcceleratorStoppedError, AsyncAcceleratorDriver, Loaded
from shiftwork.device.registers import BY_NAME
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize
from streams import STALLS, go_pattern, rng, start

MODULES = int(os.environ.get("SHW_MODULES", "1"))  # of the digits network; 0: all
CHEAP = -1  # in place of a number of modules: four channels of the first one, of a map of 4 x 4
ENGINE = os.environ.get("SHW_ENGINE", "tr")  # inside; it runs the scheme of its name
ROUNDS = float(os.environ.get("SHW_ROUNDS", "1"))  # how often the random tests turn
SIZE = 1 << 20  # bytes of memory


@lru_cache
def network(scheme: str, modules: int = MODULES) -> IntegerNetwork:
    """The digits network, or its first modules."""
    graph = import_onnx(example.MODEL)
    calibration = load_data(example.CALIBRATION, graph, 64)
    whole = quantize(Quantization(scheme), graph, calibration, inside=True)
    if modules != CHEAP:
        return whole.first(modules) if modules else whole
    cheap = whole.first(1)
    for name, info in cheap.tensors.items():
        cheap.tensors[name] = replace(info, shape=(4, 4, min(info.shape[2], 4)))
    module = cheap.modules[0]
    cut = {}
    for name in ("weight", "bias", "bias_shift", "shift"):
        values = getattr(module, name)
        cut[name] = values[:4] if np.ndim(values) and len(values) > 4 else values
    cheap.modules[0] = replace(module, **cut)
    return cheap


@lru_cache
def inputs(scheme: str, modules: int = MODULES) -> np.ndarray:
    """Codes of samples."""
    x = load_data(example.TEST, import_onnx(example.MODEL), 20).x
    codes = golden.quantize_input(network(scheme), x.astype(np.float64))
    return codes[:, :4, :4] if modules == CHEAP else codes


@lru_cache
def outputs(scheme: str, modules: int = MODULES) -> np.ndarray:
    """What the golden model makes of them."""
    chosen = network(scheme, modules)
    return golden.run(chosen, inputs(scheme, modules))[chosen.output]


def burst_of(request: int, words: int, at: int) -> int:
    """Address of the burst in which a request (both bytes) accesses `at`."""
    assert request <= at < request + 8 * words
    return max(request, at & ~0x7FF)


class Bench:
    """Memory with gaps and errors, a master of the registers, the driver between them."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = rng("accel_axi")
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=SIZE)
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        self.broken: dict[str, range] = {}  # addresses at which memory answers an error, by "read" and "write"
        self.silent: dict[str, range] = {}  # and at which it does not answer until `speak` is set
        self.speak = Event()
        self.beats: dict[tuple[str, int], int] = {}  # of the engine, by program
        for side, name in ((self.ram.read_if, "read"), (self.ram.write_if, "write")):
            setattr(side, f"_{name}", self._or_error(name, getattr(side, f"_{name}")))
        self.rules = AxiRules(reads=int(dut.READS.value), writes=int(dut.WRITES.value))
        self.driver = AsyncAcceleratorDriver(self, watchdog=5000, waits=400)
        parameters = {name: int(getattr(dut, name).value) for name in ("ROWS", "COLS", "ADDR_W", "WEIGHTS", "CONST_W")}
        self.shape = Accelerator(
            ENGINES[ENGINE](parameters["ROWS"], parameters["COLS"]),
            activation_memory=(parameters["COLS"] << parameters["ADDR_W"]) // 1024,
            weight_words=parameters["WEIGHTS"],
            constants=1 << parameters["CONST_W"],
        )

    def _or_error(self, name: str, access: Any):
        async def wrapped(address: int, *arguments):
            if address in self.silent.get(name, range(0)):
                await self.speak.wait()
            if address in self.broken.get(name, range(0)):
                raise ValueError("no memory here")
            return await access(address, *arguments)

        return wrapped

    async def begin(self) -> None:
        watch(self.dut, self.rules)
        low = ("irq", "s_axi_bvalid", "s_axi_rvalid", "m_axi_arvalid", "m_axi_awvalid", "m_axi_wvalid")
        await start(self.dut, low=low)
        await FallingEdge(self.dut.clk)

    # The transport of the driver.

    async def read32(self, offset: int) -> int:
        return int.from_bytes((await self.master.read(offset, 4)).data, "little")

    async def write32(self, offset: int, value: int) -> None:
        await self.master.write(offset, value.to_bytes(4, "little"))

    async def read_memory(self, address: int, size: int) -> bytes:
        return bytes(self.ram.read(address, size))

    async def write_memory(self, address: int, data: bytes) -> None:
        self.ram.write(address, data)

    async def wait(self) -> None:
        """For the interrupt, or some cycles."""
        if int(self.dut.irq.value):
            await ClockCycles(self.dut.clk, 20)
        else:
            await First(RisingEdge(self.dut.irq), ClockCycles(self.dut.clk, 200))

    # What tests do.
    def stalls(self, kind: str, registers: str = "none") -> None:
        """Gaps of the channels of memory, and of those of the registers."""
        for side, stall in (
            (self.ram.write_if, kind),
            (self.ram.read_if, kind),
            (self.master.write_if, registers),
            (self.master.read_if, registers),
        ):
            for name, channel in vars(side).items():
                if name.endswith("_channel"):
                    channel.set_pause_generator(self._gaps(stall) if stall != "none" else None)
                    channel.pause = False

    def _gaps(self, kind: str) -> Iterator[bool]:
        if kind != "latency":
            yield from (not go for go in go_pattern(kind, self.rng))
        while True:  # memory is away for a while
            yield from (False for _ in range(self.rng.randint(1, 60)))
            yield from (True for _ in range(self.rng.randint(5, 60)))

    async def load(self, scheme: str, modules: int = MODULES, base: int = 0) -> AcceleratorProgram:
        program = compile_accelerator(network(scheme, modules), self.shape)
        self.use(await self.driver.load(program, base), scheme, modules)
        return program

    def use(self, loaded: Loaded, scheme: str, modules: int) -> None:
        """A program that is in memory."""
        self.scheme, self.modules = scheme, modules
        self.driver.loaded = loaded
        self.rules.read_window, self.rules.write_window = Window(*loaded.read_window), Window(*loaded.write_window)

    def moves(self, kind: str, target: int = 0) -> tuple[int, dict[str, int]]:
        """Index and fields, as they are in memory, of the first instruction of a kind (a load: of a target)."""
        loaded = self.driver.chosen()
        for index in range(loaded.program.program_count):
            found, fields = decode(bytes(self.ram.read(loaded.registers["PROGRAM_ADDRESS"] + BYTES * index, BYTES)))
            if found == kind and (kind != "load" or fields["target"] == target):
                return index, fields
        raise AssertionError(kind)

    def change(self, index: int, seal: bool = True, **fields: int) -> None:
        """Other fields of an instruction, legal or not, and the checksum of the program with them."""
        at = self.driver.chosen().registers["PROGRAM_ADDRESS"] + BYTES * index
        word = int.from_bytes(self.ram.read(at, BYTES), "little")
        offset, unknown = 0, dict(fields)
        for field in instructions.fields(decode(word.to_bytes(BYTES, "little"))[0]):
            if field.name in fields:
                mask = (1 << field.width) - 1 << offset
                word = word & ~mask | unknown.pop(field.name) << offset
            offset += field.width
        assert not unknown
        self.ram.write(at, word.to_bytes(BYTES, "little"))
        if seal:
            begin, count = self.driver.chosen().registers["PROGRAM_ADDRESS"], self.driver.chosen().program.program_count
            self.ram.write(begin, sealed(bytes(self.ram.read(begin, BYTES * count))))

    async def same(self, sample: int, expected: np.ndarray | None = None) -> None:
        """The output equals the golden model's."""
        expected = outputs(self.scheme, self.modules)[sample] if expected is None else expected
        found = await self.driver.read()
        assert expected.size and found.shape == expected.shape
        wrong = int(np.count_nonzero(found != expected))
        assert not wrong, f"{wrong} of {expected.size} codes of sample {sample} differ"

    async def prepare(self, sample: int) -> None:
        """No result is in memory, and a sample."""
        loaded = self.driver.chosen()
        area = loaded.program.output
        cols = self.shape.engine.cols
        self.ram.write(loaded.base + area.address, b"\xa5" * area.size(cols))
        await self.driver.put(inputs(self.scheme, self.modules)[sample])

    async def right(self, sample: int = 0, expected: np.ndarray | None = None) -> dict[str, int]:
        """A run gives the golden model's output, leaves the bus clean and counts right; returns the counters."""
        await self.prepare(sample)
        before, begun = dict(self.rules.counts), get_sim_time("ns")
        await self.driver.run()
        passed = (get_sim_time("ns") - begun) / 10
        await RisingEdge(self.dut.clk)
        assert self.rules.clean
        await self.same(sample, expected)
        assert int(self.dut.irq.value) == 1
        assert await self.driver.register("STATUS") == {"busy": 0, "done": 1, "fault": 0}
        assert await self.driver.register("INTERRUPT_STATUS") == {"done": 1, "fault": 0}
        assert await self.driver.register("FAULT_CODE") == {"code": 0}
        counters = await self.driver.counters()
        names = {"BEATS_READ": "r", "BEATS_WRITTEN": "w", "BURSTS_READ": "ar", "BURSTS_WRITTEN": "aw"}
        for name, channel in names.items():
            assert counters[name] == self.rules.counts[channel] - before[channel] > 0, name
        assert counters["BUSY"] == self.beats.setdefault((self.scheme, self.modules), counters["BUSY"]) > 0
        assert counters["BUSY"] + counters["STALL_MEMORY"] < counters["CYCLES"] < passed
        return counters

    async def fault(self, code: int, index: int, address: int = 0, **changes: int) -> None:
        """A run ends with this fault; nothing is left of it, and the next run is right."""
        loaded = self.driver.chosen()
        registers = loaded.registers | changes
        read, write = ([registers[f"{side}_WINDOW_{end}"] for end in ("FIRST", "LAST")] for side in ("READ", "WRITE"))
        self.rules.read_window, self.rules.write_window = Window(*read), Window(*write)
        await self.prepare(0)
        with pytest.raises(AcceleratorFaultError) as found:
            await self.driver.run(**changes)
        got = (found.value.code, found.value.instruction, found.value.address)
        assert got == (code, index, address), f"{found.value}: {got}, expected {(code, index, address)}"
        await RisingEdge(self.dut.clk)
        assert self.rules.clean
        assert int(self.dut.irq.value) == 1
        assert await self.driver.register("STATUS") == {"busy": 0, "done": 0, "fault": 1}
        assert await self.driver.register("INTERRUPT_STATUS") == {"done": 0, "fault": 1}
        self.broken = {}
        await self.driver.load(loaded.program, loaded.base)
        self.use(self.driver.chosen(), self.scheme, self.modules)
        await self.right(self.rng.randrange(20))


@cocotb.test()
async def networks(dut) -> None:
    """Samples of a network, with gaps on every channel: the same bits."""
    bench = Bench(dut)
    await bench.begin()
    await bench.load(ENGINE)
    cycles = {}
    for turn, kind in enumerate(
        ("none", "latency", "random", "periodic")[: 2 + math.floor(ROUNDS)] * math.ceil(ROUNDS)
    ):
        bench.stalls(kind, kind)
        cycles[kind] = (await bench.right(turn % 20))["CYCLES"]
    assert cycles["none"] < cycles["latency"]


@cocotb.test()
async def seeds(dut) -> None:
    """A cheap program with other gaps in every run."""
    bench = Bench(dut)
    await bench.begin()
    await bench.load("tr", CHEAP)
    for turn in range(round(12 * ROUNDS)):
        bench.stalls(bench.rng.choice(("random", "latency")), bench.rng.choice(STALLS))
        await bench.right(turn % 20)


@cocotb.test()
async def two_programs(dut) -> None:
    """In turns, at different places of memory, without a reset."""
    bench = Bench(dut)
    await bench.begin()
    loaded = []
    for base, scheme, modules in ((0, "tr", CHEAP), (0x8040, "fixed8", CHEAP if ROUNDS <= 1 else MODULES)):
        await bench.load(scheme, modules, base)
        loaded.append((bench.driver.chosen(), scheme, modules))
    for turn in range(10 * math.ceil(ROUNDS)):
        for program in loaded:
            bench.use(*program)
            await bench.right(turn % 20)


@cocotb.test()
async def other_programs(dut) -> None:
    """A program for another shape or for larger memories is refused, and so is a place that is none."""
    bench = Bench(dut)
    await bench.begin()
    shape = bench.shape
    rows, cols = 24 - max(shape.engine.rows, 8), 64 if shape.engine.cols < 64 else 8
    others = [
        (replace(shape, engine=TrEngine(rows, shape.engine.cols)), f"compiled for tr of {rows} x"),
        (
            replace(shape, engine=TrEngine(shape.engine.rows, cols), activation_memory=16),
            f"x {cols}, the accelerator is",
        ),
        (replace(shape, activation_memory=2 * shape.activation_memory), "words of activations"),
        (replace(shape, weight_words=2 * shape.weight_words), "words of weights"),
        (replace(shape, constants=2 * shape.constants), "words of constants"),
    ]
    for other, message in others:
        with pytest.raises(ShiftworkError, match=message):
            await bench.driver.load(compile_accelerator(network("tr", CHEAP), other))
    with pytest.raises(ShiftworkError, match="cannot lie at 0x20"):
        await bench.driver.load(compile_accelerator(network("tr", CHEAP), shape), 32)
    await bench.load("tr", CHEAP)
    await bench.right()


@cocotb.test()
async def commands(dut) -> None:
    """Start while busy, stop while idle, start and stop at once, bits of the interrupt."""
    bench = Bench(dut)
    await bench.begin()
    await bench.load("tr", CHEAP)
    idle = {"busy": 0, "done": 0, "fault": 0}
    assert await bench.driver.register("STATUS") == idle
    for how in ("stop", "soft_reset"):
        await bench.driver.write_register("CONTROL", **{how: 1})
        await bench.driver.write_register("CONTROL", **{how: 1, "start": 1})
        await ClockCycles(dut.clk, 30)
        assert await bench.driver.register("STATUS") == idle and not bench.rules.counts["ar"]
    usual = await bench.right(1)
    # nothing that is written while busy counts
    await bench.prepare(2)
    await bench.driver.start()
    for _ in range(4):
        await bench.driver.write_register("CONTROL", start=1)
        for name in (*bench.driver.chosen().registers, "WATCHDOG", "OVERRIDE"):
            await bench.write32(BY_NAME[name].offset, bench.rng.getrandbits(32))
    assert (await bench.driver.register("STATUS"))["busy"] == 1, "the program is too short for this test"
    await bench.driver.finish()
    await bench.same(2)
    counters = await bench.driver.counters()
    assert all(counters[name] == usual[name] for name in ("BUSY", "BEATS_READ", "BEATS_WRITTEN"))
    # the interrupt
    assert int(dut.irq.value) == 1
    await bench.driver.write_register("INTERRUPT_STATUS", done=1)
    await ClockCycles(dut.clk, 4)
    assert int(dut.irq.value) == 0
    assert await bench.driver.register("STATUS") == idle | {"done": 1}
    await bench.driver.stop()  # changes nothing
    assert await bench.driver.register("STATUS") == idle | {"done": 1}
    await bench.driver.stop(reset=True)
    assert await bench.driver.register("STATUS") == idle
    # a soft reset forgets a fault
    with pytest.raises(AcceleratorFaultError, match="instruction 0: the length or the address"):
        await bench.driver.run(PROGRAM_LENGTH=0)
    assert await bench.driver.register("STATUS") == idle | {"fault": 1}
    await bench.driver.stop(reset=True)
    assert await bench.driver.register("STATUS") == idle and await bench.driver.register("FAULT_CODE") == {"code": 0}
    await bench.right(3)


@cocotb.test()
async def overrides(dut) -> None:
    """Settings of term revealing from registers, in place of those of the program, and back."""
    bench = Bench(dut)
    await bench.begin()
    await bench.load("tr", CHEAP)
    whole = network("tr", CHEAP)
    for changes in ({"enabled": False}, {"enabled": True, "group": 8, "budget": 4, "data_terms": 1}):
        other = whole.copy()
        form = replace(whole.modules[0].format, **changes)
        other.modules[0] = replace(whole.modules[0], format=form)
        expected = golden.run(other, inputs("tr", CHEAP)[:1])[other.output][0]
        fields = {"tr_en": int(form.enabled), "group": form.group, "budget": form.budget, "data_terms": form.data_terms}
        await bench.driver.override(**fields)
        await bench.right(0, expected)
    assert np.count_nonzero(expected != outputs("tr", CHEAP)[0])
    await bench.driver.override()
    await bench.right(0)


@cocotb.test()
async def malformed(dut) -> None:
    """Programs that are none, instructions that are none, fields that this memory does not have, a refused engine."""
    bench = Bench(dut)
    await bench.begin()
    program = await bench.load("tr", CHEAP, 0x1000)
    place = bench.driver.chosen().registers["PROGRAM_ADDRESS"]
    run, _ = bench.moves("run")
    store, _ = bench.moves("store")
    weights, _ = bench.moves("load", 1)
    for length in (0, 8, BYTES * program.program_count + 8, BYTES << 16):
        await bench.fault(9, 0, PROGRAM_LENGTH=length)
    await bench.fault(9, 0, PROGRAM_ADDRESS=place + 8)
    for index in (weights, run, program.program_count - 1):
        bench.stalls(bench.rng.choice(STALLS))
        bench.change(index, kind=3)
        await bench.fault(1, index)
    bench.change(0, kind=0)
    await bench.fault(1, 0)
    bench.change(weights, words=0)
    await bench.fault(1, weights)
    bench.change(store, memory=bench.moves("store")[1]["memory"] + 4)
    await bench.fault(1, store)
    bench.change(run, group=0)
    await bench.fault(2, run)
    bench.change(run, plain_base=0x8000)
    await bench.fault(3, run)
    bench.change(run, constants=0x8000)
    await bench.fault(3, run)


@cocotb.test()
async def headers(dut) -> None:
    """Programs of another version, length or shape, and damaged ones."""
    bench = Bench(dut)
    await bench.begin()
    program = await bench.load("tr", CHEAP, 0x1000)
    header = program.shape.header
    others = {name: header[name] + 1 for name in ("engine", "rows", "cols", "activations", "weights", "constants")}
    for code, changes in (
        (1, {"magic": 0}),
        (1, {"version": 2}),
        (9, {"instructions": program.program_count + 1}),
        *((10, {name: value}) for name, value in others.items()),
    ):
        bench.stalls(bench.rng.choice(STALLS))
        bench.change(0, **changes)
        await bench.fault(code, 0)
    bench.change(0, crc=bench.rng.getrandbits(32), seal=False)
    await bench.fault(11, 0)
    last = bench.driver.chosen().registers["PROGRAM_ADDRESS"] + BYTES * program.program_count - 1
    bench.ram.write(last, b"\1")  # bits that a store does not use
    await bench.fault(11, 0)
    less = {name: header[name] - 1 for name in ("activations", "weights", "constants")}
    bench.change(0, **less)
    await bench.right(3)


@cocotb.test()
async def places(dut) -> None:
    """Loads and stores of words that the on-chip memories do not have."""
    bench = Bench(dut)
    await bench.begin()
    await bench.load("tr", CHEAP, 0x1000)
    words, constants = bench.shape.activation_words, bench.shape.constants
    load, table, store = bench.moves("load", 0)[0], bench.moves("load", 2)[0], bench.moves("store")[0]
    for index, changes in (
        (load, {"place": words}),
        (load, {"place": 0xFFFF}),
        (table, {"place": constants - 1}),
        (table, {"burst": 1, "gap": constants}),
        (store, {"place": words - 1}),
        (store, {"burst": 1, "gap": 0xFFFF}),
    ):
        bench.stalls(bench.rng.choice((*STALLS, "latency")))
        bench.change(index, **changes)
        await bench.fault(3, index)


@cocotb.test()
async def windows(dut) -> None:
    """A load, a store or an instruction outside its window is named, with its address; nothing outside is touched."""
    bench = Bench(dut)
    await bench.begin()
    await bench.load("tr", CHEAP, 0x1000)
    loaded = bench.driver.chosen()
    place = loaded.registers["PROGRAM_ADDRESS"]
    first, last = loaded.read_window
    for target in (0, 1, 2):
        bench.stalls(bench.rng.choice(STALLS))
        index, fields = bench.moves("load", target)
        outside = first - 8 if target == 1 else last + 8
        bench.change(index, memory=outside)
        await bench.fault(4, index, outside)
    for index in (0, 3):  # instructions
        end = place + BYTES * index - 8
        await bench.fault(4, index, place + BYTES * index, READ_WINDOW_LAST=end)
    index, fields = bench.moves("store")
    for shift in (-8, 8):
        bench.stalls(bench.rng.choice(STALLS))
        bench.change(index, memory=fields["memory"] + shift)
        await bench.fault(5, index, fields["memory"] + shift)
    await bench.fault(5, index, fields["memory"], WRITE_WINDOW_FIRST=(1 << 32) - 8, WRITE_WINDOW_LAST=0)


@cocotb.test()
async def errors(dut) -> None:
    """Memory answers SLVERR or DECERR to a load, a store or the fetch of an instruction."""
    bench = Bench(dut)
    await bench.begin()
    program = await bench.load("tr", CHEAP, 0x1000)
    place = bench.driver.chosen().registers["PROGRAM_ADDRESS"]
    for answer in (AxiResp.SLVERR, AxiResp.DECERR):
        axi_slave.AxiResp = type("Answers", (), {"OKAY": AxiResp.OKAY, "SLVERR": answer})
        try:
            for kind, target in (("load", 0), ("load", 1), ("load", 2), ("store", 0)):
                bench.stalls(bench.rng.choice((*STALLS, "latency")))
                index, fields = bench.moves(kind, target)
                at = fields["memory"] + 8 * bench.rng.randrange(fields["words"])
                bench.broken = {"read" if kind == "load" else "write": range(at, at + 8)}
                burst = burst_of(fields["memory"], fields["words"], at)
                await bench.fault(6 if kind == "load" else 7, index, burst)
            index = bench.rng.randrange(program.program_count)
            at = place + BYTES * index + 8 * bench.rng.randrange(8)
            bench.broken = {"read": range(at, at + 8)}
            await bench.fault(6, index, place + BYTES * index)
        finally:
            axi_slave.AxiResp = AxiResp


@cocotb.test()
async def watchdog(dut) -> None:
    """Memory that does not answer: a fault at once; the accelerator stays busy until memory has finished the bursts."""
    bench = Bench(dut)
    await bench.begin()
    program = await bench.load("tr", CHEAP, 0x1000)
    place = bench.driver.chosen().registers["PROGRAM_ADDRESS"]
    store, stored = bench.moves("store")
    cases = [(name, store) for name in ("aw", "w", "b")] + [("ar", 0), ("r", 0)]
    cases += [(index, index) for index in (bench.moves("load", 0)[0], bench.moves("load", 1)[0])]
    cases += [("fetch", program.program_count - 1), ("write", store)]
    channels = {name: getattr(bench.ram.read_if, f"{name}_channel") for name in ("ar", "r")}
    channels |= {name: getattr(bench.ram.write_if, f"{name}_channel") for name in ("aw", "w", "b")}
    for case, index in cases:
        await bench.prepare(0)
        bench.speak.clear()
        if case in channels:
            channels[case].pause = True
        elif case == "write":
            bench.silent = {"write": range(stored["memory"], stored["memory"] + 8)}
        else:
            at = place + BYTES * index
            if case != "fetch":
                at = decode(bytes(bench.ram.read(at, BYTES)))[1]["memory"]
            bench.silent = {"read": range(at, at + 8)}
        limit = bench.driver.watchdog = bench.rng.randint(150, 400)
        await bench.driver.start()
        for _ in range(100):
            if int(dut.irq.value):
                break
            await bench.wait()
        await ClockCycles(dut.clk, 100)
        assert await bench.driver.register("STATUS") == {"busy": 1, "done": 0, "fault": 1}, case
        assert await bench.driver.register("FAULT_CODE") == {"code": 8}
        cycles = (await bench.driver.counters())["CYCLES"]
        await bench.driver.write_register("CONTROL", start=1)  # still busy
        for channel in channels.values():
            channel.pause = False
        bench.speak.set()
        with pytest.raises(AcceleratorFaultError) as found:
            await bench.driver.finish()
        assert (found.value.code, found.value.instruction) == (8, index), f"{case}: {found.value}"
        assert limit < cycles and bench.rules.clean
        bench.silent = {}
        await bench.right(1)
    bench.driver.watchdog = 1  # nothing happens for a cycle now and then
    with pytest.raises(AcceleratorFaultError, match="watchdog"):
        await bench.driver.run()
    bench.driver.watchdog = 0  # no limit
    channels["r"].pause = True
    await bench.driver.start()
    await ClockCycles(dut.clk, 1000)
    assert await bench.driver.register("STATUS") == {"busy": 1, "done": 0, "fault": 0}
    channels["r"].pause = False
    await bench.driver.finish()
    await bench.right(2)


@cocotb.test()
async def stops(dut) -> None:
    """Stop, soft reset and reset at any cycle: the bus gets clean, the next run is right."""
    bench = Bench(dut)
    await bench.begin()
    await bench.load("tr", CHEAP, 0x1000)
    length = (await bench.right())["CYCLES"]
    ended = 0
    for turn in range(round(30 * ROUNDS)):
        bench.stalls(bench.rng.choice((*STALLS, "latency")))
        await bench.prepare(turn % 20)
        await bench.driver.start()
        if turn % 4:
            await ClockCycles(dut.clk, bench.rng.randrange(length + length // 4))
        else:  # while it stores
            await RisingEdge(dut.m_axi_awvalid)
            await ClockCycles(dut.clk, bench.rng.randrange(1, 12))
        how = bench.rng.choice(("stop", "stop", "soft", "soft", "rst"))
        if how == "rst":
            await FallingEdge(dut.clk)
            dut.rst.value = 1
            await ClockCycles(dut.clk, 3)
            await FallingEdge(dut.clk)
            dut.rst.value = 0
            await FallingEdge(dut.clk)
        else:
            if how == "soft" and bench.rng.random() < 0.5:
                await bench.driver.write_register("CONTROL", stop=1)
            await bench.driver.stop(reset=how == "soft")
        assert bench.rules.clean
        status = await bench.driver.register("STATUS")
        assert status["fault"] == 0 and (status["done"] == 0 or how == "stop")
        ended += status["done"]
        before = dict(bench.rules.offered)
        await ClockCycles(dut.clk, bench.rng.randrange(20))
        assert bench.rules.offered == before
        if bench.rng.random() < 0.5:
            bench.stalls("none")
        if how == "stop" and not status["done"]:
            with pytest.raises(AcceleratorStoppedError):
                await bench.driver.finish()
        await bench.right(bench.rng.randrange(20))
    assert ended < 15 * ROUNDS and bench.rules.masked > 0
