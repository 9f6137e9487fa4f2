# SPDX-License-Identifier: Apache-2.0
"""The system of a board through the pins of its serial line: its words, memory, registers, and a whole network."""

from __future__ import annotations

import os
from functools import lru_cache

import cocotb
import numpy as np
import pytest
from cocotb.triggers import ClockCycles

from board_host import BoardError, Host
from shiftwork import example
from shiftwork.blocks import manifest
from shiftwork.board.frames import MAGIC, MAX_WORDS, PROTOCOL, WORD, BoardWord, Request, Space, Status
from shiftwork.compile import TrEngine
from shiftwork.compile.accelerator import Accelerator, compile_accelerator
from shiftwork.device.driver import AcceleratorFaultError, AsyncAcceleratorDriver
from shiftwork.device.registers import BY_NAME, IDENTITY, counter_offset
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize
from streams import rng, start

MODULES = int(os.environ.get("SHW_MODULES", "0"))  # of the digits network; 0: all
SAMPLES = 3


@lru_cache
def network() -> IntegerNetwork:
    """The digits network, or its first modules."""
    graph = import_onnx(example.MODEL)
    calibration = load_data(example.CALIBRATION, graph, 64)
    whole = quantize(Quantization("tr"), graph, calibration, inside=True)
    return whole.first(MODULES) if MODULES else whole


@lru_cache
def samples() -> tuple[np.ndarray, np.ndarray]:
    """Inputs as codes, and what the golden model makes of them."""
    x = load_data(example.TEST, import_onnx(example.MODEL), SAMPLES).x
    codes = golden.quantize_input(network(), x.astype(np.float64))
    return codes, golden.run(network(), codes)[network().output]


class Bench:
    """The board, a host at its line, the driver that the host uses."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = rng("board_accel")
        self.memory = 8 << int(dut.MEMORY_W.value)

    @property
    def shape(self) -> Accelerator:
        """What programs are compiled for."""
        value = {name: int(getattr(self.dut, name).value) for name in ("ROWS", "COLS", "ADDR_W", "WEIGHTS", "CONST_W")}
        return Accelerator(
            TrEngine(value["ROWS"], value["COLS"]),
            activation_memory=(value["COLS"] << value["ADDR_W"]) // 1024,
            weight_words=value["WEIGHTS"],
            constants=1 << value["CONST_W"],
        )

    async def begin(self) -> None:
        low = ("led_busy", "led_done", "led_fault", "led_activity")
        await start(self.dut, low=low, uart_rx=1)
        self.host = Host(self.dut)
        self.driver = AsyncAcceleratorDriver(self.host, waits=1000)

    async def refused(self, status: Status, request: Request) -> None:
        """A request that is answered with this status."""
        with pytest.raises(BoardError) as found:
            await self.host.done(request)
        assert found.value.status == status

    def leds(self) -> str:
        """Which of busy, done and fault are lit."""
        names = ("busy", "done", "fault")
        return " ".join(name for name in names if getattr(self.dut, f"led_{name}").value == 1)

    async def infer(self, index: int) -> None:
        """A sample, and its result, bit by bit."""
        codes, expected = samples()
        loaded = self.driver.chosen()
        area = loaded.program.output
        await self.host.write_memory(loaded.base + area.address, b"\xa5" * area.size(self.shape.engine.cols))
        await self.driver.put(codes[index])
        await self.driver.run()
        found = await self.driver.read()
        assert found.size and np.array_equal(found, expected[index]), f"sample {index}: {found}, not {expected[index]}"
        assert self.leds() == "done"


@cocotb.test()
async def words_of_the_board(dut) -> None:
    """What the parameters say; a write is an error of the bus and changes nothing; damaged frames are counted."""
    bench = Bench(dut)
    await bench.begin()
    major, minor, patch = (int(part) for part in manifest.load().version.split("."))
    expected = {
        BoardWord.MAGIC: MAGIC,
        BoardWord.PROTOCOL: PROTOCOL,
        BoardWord.KIND: int(dut.BOARD.value),
        BoardWord.CLOCK: int(dut.CLOCK_KHZ.value),
        BoardWord.MEMORY: bench.memory,
        BoardWord.CLOCKS_PER_BIT: int(dut.CLOCKS_PER_BIT.value),
        BoardWord.DROPPED: 0,
        BoardWord.RELEASE: major << 16 | minor << 8 | patch,
    }
    assert list(expected) == list(BoardWord)
    for which, value in expected.items():
        before = dut.led_activity.value
        assert await bench.host.board_word(which) == value, which.name
        assert dut.led_activity.value != before
    await bench.refused(Status.BUS, Request(Space.BOARD, 0, 2, bytes(8)))
    whole = await bench.host.done(Request(Space.BOARD, 0, 8))
    assert whole == b"".join(value.to_bytes(WORD, "little") for value in expected.values())
    await bench.host.sender.send(Request(Space.BOARD, 0, 1).encode(1)[:-1] + b"\x00")
    assert await bench.host.board_word(BoardWord.DROPPED) == 1
    assert bench.leds() == ""


@cocotb.test()
async def memory_and_registers(dut) -> None:
    """Words of the memory whose addresses differ in every bit, up to its end; registers; what lies outside."""
    bench = Bench(dut)
    await bench.begin()
    host = bench.host
    image = {}
    places = [0, bench.memory - WORD, *(1 << bit for bit in range(2, bench.memory.bit_length() - 1))]
    for address in places:
        image[address] = bench.rng.randbytes(WORD)
        await host.done(Request(Space.MEMORY, address, 1, image[address]))
    for address in bench.rng.sample(places, len(places)):
        assert await host.done(Request(Space.MEMORY, address, 1)) == image[address], hex(address)
    data = bench.rng.randbytes(WORD * 5)
    await host.write_memory(bench.memory - len(data), data)
    assert await host.read_memory(bench.memory - len(data), len(data)) == data
    await bench.refused(Status.ADDRESS, Request(Space.MEMORY, bench.memory, 1))
    await bench.refused(Status.ADDRESS, Request(Space.MEMORY, bench.memory - WORD, 2, bytes(8)))
    assert await host.read32(BY_NAME["ID"].offset) == IDENTITY
    await host.write32(BY_NAME["PROGRAM_ADDRESS"].offset, 0x12345678)
    await host.write32(BY_NAME["WATCHDOG"].offset, 0x89ABCDEF)
    assert await host.read32(BY_NAME["PROGRAM_ADDRESS"].offset) == 0x12345678
    assert await host.read32(BY_NAME["WATCHDOG"].offset) == 0x89ABCDEF
    assert await host.read32(counter_offset("CYCLES")) == 0


@cocotb.test()
async def inference(dut) -> None:
    """A network through the line equals the golden model, also while the host reads and writes the memory meanwhile."""
    bench = Bench(dut)
    await bench.begin()
    program = compile_accelerator(network(), bench.shape)
    base = 64
    await bench.driver.load(program, base)
    assert bench.memory - base > program.memory.size
    for index in range(SAMPLES - 1):
        await bench.infer(index)
    counters = await bench.driver.counters()
    assert counters["BEATS_READ"] > 0 and counters["BEATS_WRITTEN"] > 0
    free = bench.memory - WORD * MAX_WORDS  # behind the program
    data = bench.rng.randbytes(WORD * MAX_WORDS)
    await bench.driver.put(samples()[0][SAMPLES - 1])
    await bench.driver.start()
    assert bench.leds() == "busy"
    runs = 0
    while bench.leds() == "busy":
        await bench.host.done(Request(Space.MEMORY, free, 8, data[:32]), Request(Space.MEMORY, free, 8))
        runs += 1
    assert runs > 1
    await bench.driver.finish()
    assert np.array_equal(await bench.driver.read(), samples()[1][SAMPLES - 1])
    assert (await bench.driver.counters())["BUSY"] == counters["BUSY"]


@cocotb.test()
async def faults_and_resets(dut) -> None:
    """A damaged program is a fault; a reset in a run and in a frame leaves a board that works."""
    bench = Bench(dut)
    await bench.begin()
    program = compile_accelerator(network().first(1), bench.shape)
    await bench.driver.load(program)
    codes = samples()[0][0]
    expected = golden.run(network().first(1), samples()[0])[network().first(1).output][0]
    at = program.program_address + 64
    word = await bench.host.read_memory(at, 4)
    await bench.host.write_memory(at, bytes((word[0] ^ 3, *word[1:])))
    with pytest.raises(AcceleratorFaultError):
        await bench.driver.run()
    assert bench.leds() == "fault"
    await bench.host.write_memory(at, word)
    for turn in range(4):
        await bench.driver.put(codes)
        await bench.driver.run()
        assert np.array_equal(await bench.driver.read(), expected)
        assert bench.leds() == "done"
        await bench.driver.start()
        task = cocotb.start_soon(bench.host.sender.send(Request(Space.BOARD, 0, 8).encode(turn)))
        await ClockCycles(dut.clk, bench.rng.randint(10, 900))
        await bench.host.reset()
        await task
        await ClockCycles(dut.clk, 100 + (1 << int(dut.TIMEOUT_W.value)))  # what is left of the frame is dropped
        await bench.host.reset()
        assert bench.leds() == ""
