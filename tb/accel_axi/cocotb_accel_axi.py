# SPDX-License-Identifier: Apache-2.0
"""The accelerator on a bus: networks through registers and memory against the golden model; faults, stops, resets.

The rules of the bus (`axi_rules`) are checked in every cycle of every test.
"""

import logging
import os
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, FallingEdge, First, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

from axi_rules import AxiRules, Window, watch
from shiftwork import example
from shiftwork.compile import TrEngine
from shiftwork.compile.accelerator import Accelerator, AcceleratorProgram, compile_accelerator
from shiftwork.compile.instructions import BYTES, decode, encode
from shiftwork.device.driver import AcceleratorFault, AcceleratorStopped, AsyncAcceleratorDriver
from shiftwork.device.registers import BY_NAME, ENGINE_KINDS
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize
from streams import STALLS, go_pattern, rng, start

MODULES = int(os.environ.get("SHW_MODULES", "0"))  # of the digits network; 0: all
ROUNDS = int(os.environ.get("SHW_ROUNDS", "1"))  # how often the random tests turn
SIZE = 1 << 20  # bytes of memory


@lru_cache
def network(scheme: str, modules: int = MODULES):
    graph = import_onnx(example.MODEL)
    calibration = load_data(example.CALIBRATION, graph, 64)
    whole = quantize(Quantization(scheme), graph, calibration.x, calibration.y)
    return whole.first(modules) if modules else whole


@lru_cache
def samples(scheme: str, modules: int = MODULES):
    """Codes of samples, and what the golden model makes of them."""
    chosen = network(scheme, modules)
    x = load_data(example.TEST, import_onnx(example.MODEL), 20).x
    return golden.quantize_input(chosen, x.astype(np.float64)), golden.run(chosen, x)[chosen.output]


class Bench:
    """Memory with gaps and errors, a master of the registers, the driver between them."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = rng("accel_axi")
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=SIZE)
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        self.broken: dict[str, range] = {}  # addresses at which memory answers an error, by "read" and "write"
        for side, name in ((self.ram.read_if, "read"), (self.ram.write_if, "write")):
            setattr(side, f"_{name}", self._or_error(name, getattr(side, f"_{name}")))
        self.rules = AxiRules(reads=int(dut.READS.value), writes=int(dut.WRITES.value))
        self.driver = AsyncAcceleratorDriver(self, watchdog=5000, waits=10)
        parameters = {name: int(getattr(dut, name).value) for name in ("ROWS", "COLS", "ADDR_W", "WEIGHTS", "CONST_W")}
        self.shape = Accelerator(
            TrEngine(parameters["ROWS"], parameters["COLS"]),
            activation_memory=(parameters["COLS"] << parameters["ADDR_W"]) // 1024,
            weight_words=parameters["WEIGHTS"],
            constants=1 << parameters["CONST_W"],
        )

    def _or_error(self, name: str, access: Any):
        async def wrapped(address: int, *arguments):
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
        """For the interrupt, or (it is raised already, or nobody waits for it) some cycles."""
        if int(self.dut.irq.value):
            await ClockCycles(self.dut.clk, 50)
        else:
            await First(RisingEdge(self.dut.irq), ClockCycles(self.dut.clk, 20_000))

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
        return (not go for go in go_pattern(kind, self.rng))

    async def load(self, scheme: str, base: int = 0, modules: int = MODULES) -> AcceleratorProgram:
        program = compile_accelerator(network(scheme, modules), self.shape)
        self.use(await self.driver.load(program, base))
        self.scheme, self.modules = scheme, modules
        return program

    def use(self, loaded) -> None:
        """Another program that is in memory already."""
        self.driver.loaded = loaded
        self.rules.read_window, self.rules.write_window = Window(*loaded.read_window), Window(*loaded.write_window)

    async def spoil(self) -> None:
        """No result is in memory."""
        loaded = self.driver.chosen()
        area = loaded.program.output
        self.ram.write(loaded.base + area.address, b"\xa5" * (area.words * self.shape.engine.cols))

    async def same(self, sample: int) -> None:
        """The output equals the golden model's."""
        expected = samples(self.scheme, self.modules)[1][sample]
        found = await self.driver.get()
        assert expected.size and found.shape == expected.shape
        wrong = int(np.count_nonzero(found != expected))
        assert not wrong, f"{wrong} of {expected.size} codes of sample {sample} differ"

    async def right(self, sample: int = 0) -> None:
        """A run gives the golden model's output and leaves the bus clean."""
        await self.spoil()
        await self.driver.put(samples(self.scheme, self.modules)[0][sample])
        await self.driver.run()
        await RisingEdge(self.dut.clk)
        assert self.rules.clean
        await self.same(sample)
        assert await self.driver.read("STATUS") == {"busy": 0, "done": 1, "fault": 0}
        assert await self.driver.read("FAULT_CODE") == {"code": 0}


@cocotb.test()
async def networks(dut) -> None:
    """Samples of a network, with gaps on every channel: the same bits."""
    bench = Bench(dut)
    await bench.begin()
    await bench.load("tr")
    cycles = {}
    for turn, kind in enumerate((*STALLS, *("random",) * (ROUNDS - 1))):
        bench.stalls(kind, kind)
        await bench.right(turn)
        counters = await bench.driver.counters()
        cycles[kind] = counters["CYCLES"]
        bench.dut._log.error("%s %s", kind, counters)
