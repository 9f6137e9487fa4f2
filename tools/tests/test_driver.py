# SPDX-License-Identifier: Apache-2.0
"""The driver over a transport that answers at once, with a model of the accelerator behind it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from shiftwork import example
from shiftwork.compile import TrEngine
from shiftwork.compile.accelerator import Accelerator, AcceleratorProgram, compile_accelerator
from shiftwork.compile.instructions import BYTES, checksum, decode
from shiftwork.device import registers
from shiftwork.device.driver import AcceleratorDriver, AcceleratorFaultError, moved
from shiftwork.device.registers import BY_NAME
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.golden.blocks_layout import words
from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize

SHAPE = Accelerator(TrEngine(8, 16), activation_memory=64, weight_words=512, constants=128)
BASE = 0x4000


@lru_cache
def network() -> IntegerNetwork:
    graph = import_onnx(example.MODEL)
    calibration = load_data(example.CALIBRATION, graph, 64)
    return quantize(Quantization("tr"), graph, calibration, inside=True).first(1)


@lru_cache
def program() -> AcceleratorProgram:
    return compile_accelerator(network(), SHAPE)


def sample() -> np.ndarray:
    graph = import_onnx(example.MODEL)
    return golden.quantize_input(network(), load_data(example.TEST, graph, 1).x)


class Model:
    """Registers and memory; a start takes some reads of STATUS and lets the golden model compute."""

    def __init__(self) -> None:
        self.memory = bytearray(1 << 16)
        self.values = {
            BY_NAME["ID"].offset: registers.IDENTITY,
            BY_NAME["VERSION"].offset: BY_NAME["VERSION"].encode(map=registers.MAP_VERSION),
            BY_NAME["SHAPE"].offset: BY_NAME["SHAPE"].encode(rows=8, cols=16),
            BY_NAME["MEMORIES"].offset: BY_NAME["MEMORIES"].encode(activations=12, weights=9, constants=7),
        }
        self.busy = 0
        self.ends = BY_NAME["STATUS"].encode(done=1)
        self.slept: list[float] = []

    def read32(self, offset: int) -> int:
        if offset == BY_NAME["STATUS"].offset and self.busy:
            self.busy -= 1
            return 1
        return self.values.get(offset, 0)

    def write32(self, offset: int, value: int) -> None:
        self.values[offset] = value
        if offset == BY_NAME["CONTROL"].offset:
            self.busy = 3 if value == 1 else 0
            self.values[BY_NAME["STATUS"].offset] = self.ends if value == 1 else 0
            if value == 1:
                self.compute()

    def compute(self) -> None:
        chosen = program()
        start = BASE + chosen.input.address
        codes = sample()
        laid = words(codes[0], 16).reshape(-1).view(np.uint8)
        assert self.memory[start : start + laid.size] == laid.tobytes()
        result = words(golden.run(network(), codes)[network().output][0], 16).reshape(-1)
        start = BASE + chosen.output.address
        self.memory[start : start + result.size] = result.tobytes()

    def read_memory(self, address: int, size: int) -> bytes:
        return bytes(self.memory[address : address + size])

    def write_memory(self, address: int, data: bytes) -> None:
        self.memory[address : address + len(data)] = data


def pair() -> tuple[Model, AcceleratorDriver]:
    model = Model()
    return model, AcceleratorDriver(model, timeout=0.01, pause=0.001, sleep=model.slept.append)


def test_a_run():
    model, driver = pair()
    loaded = driver.load(program(), BASE)
    assert model.memory[BASE + program().input.address + 64 :][:64]
    driver.put(sample()[0])
    driver.run()
    assert model.slept == [0.001] * 3
    assert np.array_equal(driver.read(), golden.run(network(), sample())[network().output][0])
    assert model.values[BY_NAME["PROGRAM_ADDRESS"].offset] == BASE + program().program_address
    assert loaded.read_window == (BASE, BASE + program().memory.size - 8)
    model.values[registers.counter_offset("CYCLES") + 4] = 2
    assert driver.counters()["CYCLES"] == 2 << 32
    driver.override(tr_en=1, group=8, budget=12)
    assert BY_NAME["OVERRIDE"].decode(model.values[BY_NAME["OVERRIDE"].offset])["enable"] == 1
    driver.override()
    assert model.values[BY_NAME["OVERRIDE"].offset] == 0
    driver.stop()


def test_a_fault_has_words():
    model, driver = pair()
    with pytest.raises(ShiftworkError, match="no program is loaded"):
        driver.run()
    driver.load(program(), BASE)
    driver.put(sample()[0])
    model.ends = BY_NAME["STATUS"].encode(fault=1)
    index = program().instructions["conv1"][0]
    for code, words_of_it in registers.FAULTS.items():
        for name, value in (("FAULT_CODE", code), ("FAULT_INSTRUCTION", index), ("FAULT_ADDRESS", 0x40)):
            model.values[BY_NAME[name].offset] = value
        with pytest.raises(AcceleratorFaultError) as found:
            driver.run()
        text = str(found.value)
        assert text.startswith(f"instruction {index} (node 'conv1'): {words_of_it}")
        assert text.endswith(", at 0x40") == (4 <= code <= 7)
    model.ends = 0
    with pytest.raises(ShiftworkError, match="the run was stopped"):
        driver.run()


def test_a_run_without_end_is_stopped():
    model, driver = pair()
    driver.load(program(), BASE)
    driver.put(sample()[0])
    original = model.write32
    model.write32 = lambda offset, value: (original(offset, value), setattr(model, "busy", 1000))[0]  # type: ignore
    with pytest.raises(ShiftworkError, match="stays busy: the program does not end"):
        driver.run()
    assert BY_NAME["CONTROL"].decode(model.values[BY_NAME["CONTROL"].offset])["stop"] == 1


def test_another_device_is_refused():
    model, driver = pair()
    model.values[BY_NAME["ID"].offset] = 5
    with pytest.raises(ShiftworkError, match="no accelerator of this version"):
        driver.load(program())


def test_a_program_moves():
    memory, loaded = moved(program(), BASE)
    for index in range(program().program_count):
        at = program().program_address + BYTES * index
        before, after = (decode(m[at : at + BYTES].tobytes()) for m in (program().memory, memory))
        assert after[1].get("memory", 0) - before[1].get("memory", 0) == (BASE if before[0] in ("load", "store") else 0)
        if before[0] == "store":
            assert loaded.write_window[0] == after[1]["memory"]
    begin = program().program_address
    instructions = memory[begin : begin + BYTES * program().program_count].tobytes()
    assert decode(instructions[:BYTES])[1]["crc"] == checksum(instructions) != checksum(program().program)
    for base in (1, -64, 1 << 32):
        with pytest.raises(ShiftworkError, match="a program cannot lie at"):
            moved(program(), base)
