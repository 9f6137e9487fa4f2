# SPDX-License-Identifier: Apache-2.0
"""A host in place of a CPU runs networks on the accelerator of a LiteX SoC: all it does goes over the SoC's bus."""

import json
import logging
import os
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, First, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster

from shiftwork import example
from shiftwork.compile import TrEngine
from shiftwork.compile.accelerator import Accelerator, compile_accelerator
from shiftwork.device.driver import AsyncAcceleratorDriver
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize

SOC = json.loads(Path(os.environ["SHW_SOC"]).read_text())
REGISTERS, MEMORY = SOC["memories"]["shiftwork"]["base"], SOC["memories"]["main_ram"]["base"]
EVENTS = {name: SOC["csr_registers"][f"shiftwork_ev_{name}"]["addr"] for name in ("status", "pending", "enable")}
SHAPE = Accelerator(TrEngine(8, 16), activation_memory=64, weight_words=512, constants=128)
"""What examples/litex/soc.py builds; the driver compares it with the registers."""
IMAGES = 2


class Host:
    """The driver's transport over the SoC's bus; addresses of memory are those of the bus.

    One access at a time, as a CPU does: LiteX's converter to wider buses takes an address that runs ahead for that of
    the word before.
    """

    def __init__(self, dut) -> None:
        self.dut = dut
        logging.getLogger(f"cocotb.{dut._name}.host").setLevel(logging.WARNING)
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "host"), dut.clk, dut.rst)
        self.interrupts = 0

    async def read_bus(self, address: int) -> int:
        return int.from_bytes((await self.master.read(address, 4)).data, "little")

    async def write_bus(self, address: int, value: int) -> None:
        assert not (await self.master.write(address, value.to_bytes(4, "little"))).resp, f"no answer at {address:#x}"

    async def read32(self, offset: int) -> int:
        return await self.read_bus(REGISTERS + offset)

    async def write32(self, offset: int, value: int) -> None:
        await self.write_bus(REGISTERS + offset, value)

    async def read_memory(self, address: int, size: int) -> bytes:
        assert size % 4 == 0
        words = [(await self.read_bus(at)).to_bytes(4, "little") for at in range(address, address + size, 4)]
        return b"".join(words)

    async def write_memory(self, address: int, data: bytes) -> None:
        for at in range(0, len(data), 4):
            await self.write_bus(address + at, int.from_bytes(data[at : at + 4], "little"))

    async def wait(self) -> None:
        """For the SoC's interrupt."""
        if not int(self.dut.irq.value):
            await First(RisingEdge(self.dut.irq), ClockCycles(self.dut.clk, 200_000))
        assert int(self.dut.irq.value), "no interrupt"
        assert await self.read_bus(EVENTS["status"]) & await self.read_bus(EVENTS["pending"])
        self.interrupts += 1


@cocotb.test
async def networks(dut):
    """The digits network with term revealing and without, two images each: all outputs equal the golden model."""
    graph = import_onnx(example.MODEL)
    calibration = load_data(example.CALIBRATION, graph, 64)
    images = load_data(example.TEST, graph, IMAGES).x.astype(np.float64)
    host = Host(dut)
    dut.rst.value = 1
    cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
    await ClockCycles(dut.clk, 10)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    driver = AsyncAcceleratorDriver(host, waits=2)
    await host.write_bus(EVENTS["enable"], 1)
    for scheme in ("tr", "fixed8"):
        network = quantize(Quantization(scheme), graph, calibration, inside=True)
        await driver.load(compile_accelerator(network, SHAPE), MEMORY)
        codes = golden.quantize_input(network, images)
        wanted = golden.run(network, codes)[network.output]
        for image in range(IMAGES):
            await driver.put(codes[image])
            await driver.run()
            np.testing.assert_array_equal(await driver.read(), wanted[image])
            dut._log.info(f"{scheme}: image {image} in {(await driver.counters())['CYCLES']} cycles")
    assert host.interrupts == 2 * IMAGES
