# SPDX-License-Identifier: Apache-2.0
"""A board behind a pseudo-terminal, in Python: frames as ``shw_host_bridge`` takes them, the model of the accelerator
behind them, and whatever trouble a test wants."""

from __future__ import annotations

import os
import threading
import time
import tty
from collections.abc import Callable

import numpy as np

from shiftwork.board.frames import (
    CRC,
    MAGIC,
    MAX_WORDS,
    PROTOCOL,
    REQUEST,
    REQUEST_HEAD,
    WORD,
    BoardWord,
    Response,
    Space,
    Status,
    is_whole,
)
from shiftwork.compile.accelerator import Accelerator
from shiftwork.device import registers
from shiftwork.device.accelerator_model import Machine
from shiftwork.device.registers import BY_NAME, FAULTS
from shiftwork.errors import ShiftworkError

SILENCE = 0.05
"""Seconds after which a frame that lacks bytes is dropped."""


class FakeBoard:
    """A board in a thread.

    Attributes:
        port: name of the pseudo-terminal. words: about the board. registers: by offset. memory: uint8.
        hear, say: what becomes of bytes that arrive, and of an answer's bytes. frames: that were executed.
    """

    def __init__(self, shape: Accelerator, memory: int = 1 << 17) -> None:
        self.shape, self.memory = shape, np.zeros(memory, np.uint8)
        self.hear: Callable[[bytes], bytes] = lambda data: data
        self.say: Callable[[bytes], bytes] = lambda data: data
        self.frames = 0
        self.words = {
            BoardWord.MAGIC: MAGIC,
            BoardWord.PROTOCOL: PROTOCOL,
            BoardWord.KIND: 0,
            BoardWord.CLOCK: 24_000,
            BoardWord.MEMORY: memory,
            BoardWord.CLOCKS_PER_BIT: 8,
            BoardWord.DROPPED: 0,
            BoardWord.RELEASE: registers.release(),
        }
        header = shape.header
        memories = {name: header[name] for name in ("activations", "weights", "constants")}
        self.registers = {
            BY_NAME["ID"].offset: registers.IDENTITY,
            BY_NAME["VERSION"].offset: BY_NAME["VERSION"].encode(map=registers.MAP_VERSION),
            BY_NAME["SHAPE"].offset: BY_NAME["SHAPE"].encode(rows=shape.engine.rows, cols=shape.engine.cols),
            BY_NAME["ENGINE"].offset: BY_NAME["ENGINE"].encode(kind=header["engine"]),
            BY_NAME["MEMORIES"].offset: BY_NAME["MEMORIES"].encode(**memories),
        }
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._lock = threading.Lock()
        self._buffer = bytearray()
        self._heard = 0.0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> FakeBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()
        self._thread.join(10)

    def unplug(self) -> None:
        """The port is gone."""
        with self._lock:  # the board itself may do so, while the test ends
            for one in (self.master, self._slave):
                if one >= 0:
                    os.close(one)
            self.master = self._slave = -1

    def _serve(self) -> None:
        while True:
            try:
                data = os.read(self.master, 1 << 12)
            except OSError:
                return
            if time.monotonic() - self._heard > SILENCE:
                self._buffer.clear()
            self._heard = time.monotonic()
            self._buffer += self.hear(data)
            while (frame := self._frame()) is not None:
                if answer := self.say(self._execute(frame).encode()):
                    try:
                        os.write(self.master, answer)
                    except OSError:
                        return

    def _frame(self) -> bytes | None:
        """The next whole frame; what is none is dropped."""
        while (begin := self._buffer.find(REQUEST)) >= 0:
            del self._buffer[:begin]
            if len(self._buffer) < 4:
                return None
            size = REQUEST_HEAD + CRC + (WORD * (self._buffer[3] + 1) if self._buffer[1] & 1 else 0)
            if len(self._buffer) < size:
                return None
            frame = bytes(self._buffer[:size])
            del self._buffer[:size]
            if is_whole(frame):
                return frame
            self.words[BoardWord.DROPPED] += 1
        self._buffer.clear()
        return None

    def _execute(self, frame: bytes) -> Response:
        self.frames += 1
        command, tag, count = frame[1], frame[2], frame[3] + 1
        address, payload = int.from_bytes(frame[4:8], "little"), frame[8:-CRC]
        space, writes = command >> 1, command & 1
        limits = {Space.MEMORY: self.memory.size, Space.REGISTERS: 1 << 12, Space.BOARD: WORD * len(BoardWord)}
        if space not in limits:
            status = Status.COMMAND
        elif count > MAX_WORDS:
            status = Status.COUNT
        elif address % WORD or address + WORD * count > limits[Space(space)]:
            status = Status.ADDRESS
        elif space == Space.BOARD and writes:
            status = Status.BUS
        elif space == Space.MEMORY:
            if not writes:
                return Response(Status.DONE, tag, count, self.memory[address : address + WORD * count].tobytes())
            self.memory[address : address + WORD * count] = np.frombuffer(payload, np.uint8)
            return Response(Status.DONE, tag, count)
        else:
            offsets = range(address, address + WORD * count, WORD)
            if writes:
                for offset, at in zip(offsets, range(0, len(payload), WORD), strict=True):
                    self.write(offset, int.from_bytes(payload[at : at + WORD], "little"))
                return Response(Status.DONE, tag, count)
            known = (
                self.registers if space == Space.REGISTERS else {WORD * word: self.words[word] for word in BoardWord}
            )
            return Response(
                Status.DONE, tag, count, b"".join(known.get(offset, 0).to_bytes(WORD, "little") for offset in offsets)
            )
        return Response(status, tag, count)

    def write(self, offset: int, value: int) -> None:
        """Write a register; a start runs the program."""
        if offset == BY_NAME["CONTROL"].offset:
            if value & 1:
                self._start()
        else:
            self.registers[offset] = value

    def _start(self) -> None:
        known = self.registers
        address, length = (known[BY_NAME[name].offset] for name in ("PROGRAM_ADDRESS", "PROGRAM_LENGTH"))
        status = {"done": 1}
        machine = Machine(self.shape)
        try:
            machine.run(self.memory[address : address + length].tobytes(), self.memory)
        except ShiftworkError as error:
            status = {"fault": 1}
            codes = [code for code, words in FAULTS.items() if str(error).endswith(words)]
            known[BY_NAME["FAULT_CODE"].offset] = codes[0]
        known[BY_NAME["STATUS"].offset] = BY_NAME["STATUS"].encode(**status)
        known[registers.counter_offset("CYCLES")] = 1000
        known[registers.counter_offset("BEATS_READ")] = machine.loaded
