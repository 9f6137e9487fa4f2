# SPDX-License-Identifier: Apache-2.0
"""The transport over a serial port: words, and every kind of trouble with its own message and recovery."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_board import FakeBoard
from serial import Serial

from shiftwork.board import uart
from shiftwork.board.frames import BoardWord, Request, Response, Space, Status
from shiftwork.board.identity import identify
from shiftwork.board.uart import BoardError, UartTransport
from shiftwork.compile import MacEngine
from shiftwork.compile.accelerator import Accelerator
from shiftwork.errors import ShiftworkError

SHAPE = Accelerator(MacEngine(4, 16), activation_memory=64, weight_words=512, constants=128)
TIMEOUT = 0.15
DATA = random.Random(5).randbytes(4000)


@pytest.fixture
def board() -> Iterator[FakeBoard]:
    with FakeBoard(SHAPE) as found:
        yield found


def opened(board: FakeBoard) -> UartTransport:
    return UartTransport(board.port, timeout=TIMEOUT)


def at_every(count: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Change every count-th piece of data."""
    seen = 0

    def step(data: bytes) -> bytes:
        nonlocal seen
        seen += 1
        return change(data) if seen % count == 0 else data

    return step


def damaged(data: bytes) -> bytes:
    return data[:-3] + bytes([data[-3] ^ 4]) + data[-2:]


def test_words(board: FakeBoard):
    told = []
    with opened(board) as transport:
        transport.told = lambda *what: told.append(what)
        transport.write_memory(0x100, DATA)
        assert transport.read_memory(0x100, len(DATA)) == DATA
        assert board.memory[0x100 : 0x100 + len(DATA)].tobytes() == DATA
        assert told == [(1, 1, "write 4,096 bytes"), (1, 1, "read 4,096 bytes")]
        transport.write32(0x58, 0x1234_5678)
        assert transport.read32(0x58) == 0x1234_5678
        assert transport.read_memory(0, 0) == b""
        assert transport.retried == 0
        with pytest.raises(ShiftworkError, match="6 bytes at 0x0: the board moves words of 4 bytes"):
            transport.read_memory(0, 6)


def test_identity(board: FakeBoard):
    with opened(board) as transport:
        found = identify(transport)
        assert found.shape == SHAPE and found.accelerator == SHAPE and found.engine == SHAPE.engine
        with pytest.raises(BoardError, match="the board simulation holds no tile engine, its system is: accelerator"):
            _ = found.tile_engine
        assert (found.board, found.system, found.clock, found.memory) == ("simulation", "accelerator", 24_000, 1 << 17)
        assert (found.baud, found.dropped, found.release) == (3_000_000, 0, "0.1.0")
        board.words[BoardWord.KIND] = 1 << 16 | 2
        identity = board.registers[0]
        board.registers[0] = 1 << 24 | 4 << 16 | 2 << 8 | 3
        found = identify(transport)
        assert (found.board, found.system, found.shape) == ("icebreaker", "tile engine", None)
        assert found.tile_engine == found.engine == MacEngine(2, 4)
        with pytest.raises(BoardError, match="the board icebreaker holds no accelerator, its system is: tile engine"):
            _ = found.accelerator
        board.words[BoardWord.KIND] = 0
        board.registers[0] = identity
        assert identify(transport).shape == SHAPE
        board.registers[0] = 5
        with pytest.raises(BoardError, match="no accelerator of this version: identity 0x5"):
            identify(transport)
        board.words[BoardWord.PROTOCOL] = 2
        with pytest.raises(BoardError, match="the board speaks version 2 of the frames, this release version 1"):
            identify(transport)
        board.words[BoardWord.MAGIC] = 3
        with pytest.raises(BoardError, match="no board of this project: it answers 0x00000003"):
            identify(transport)


def test_no_port(tmp_path: Path):
    with pytest.raises(BoardError, match="nothing: there is no such port: is the board plugged in"):
        UartTransport(str(tmp_path / "nothing"))
    (tmp_path / "file").write_text("")
    with pytest.raises(BoardError, match="file: it is no serial port"):
        UartTransport(str(tmp_path / "file"))


def test_no_baud_rate(board: FakeBoard):
    with pytest.raises(BoardError, match="no baud rate of a serial port: -5"):
        UartTransport(board.port, baud=-5)


def test_a_second_host(board: FakeBoard):
    with opened(board) as first:
        with pytest.raises(BoardError, match="another program has the port"):
            opened(board)
        first.write32(0x58, 7)
        assert first.read32(0x58) == 7
    with opened(board) as second:
        assert second.read32(0x58) == 7


def test_no_answer(board: FakeBoard):
    with opened(board) as transport:
        assert transport.read32(0x58) == 0
        board.hear = lambda data: b""
        begin = time.monotonic()
        with pytest.raises(BoardError, match="no answer at 3000000 baud after 4 tries: is it the port of the board"):
            transport.read32(0x58)
        assert time.monotonic() - begin > uart.TRIES * TIMEOUT
        board.hear = lambda data: data
        assert transport.read32(0x58) == 0


def test_nothing_but_damage(board: FakeBoard):
    with opened(board) as transport:
        board.say = damaged
        with pytest.raises(BoardError, match=r"what arrives is damaged, \d+ bytes belong to no answer: is the baud"):
            transport.read32(0x58)
        board.say = lambda data: data
        assert transport.read32(0x58) == 0


TROUBLES = {
    "an answer is lost": ("say", lambda data: b""),
    "an answer is damaged": ("say", damaged),
    "an answer is cut": ("say", lambda data: data[: len(data) // 2]),
    "noise before an answer": ("say", lambda data: b"\x5a\x00\x01\x3f" + data),
    "a request is damaged": ("hear", damaged),
    "a request is cut": ("hear", lambda data: data[:-5]),
    "noise before a request": ("hear", lambda data: b"\xa5\x01\x02\xff" + data),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_recovery(board: FakeBoard, name: str):
    """Everything is answered in the end, once the trouble is rare enough."""
    side, change = TROUBLES[name]
    with opened(board) as transport:
        transport.read32(0x58)
        setattr(board, side, at_every(6, change))
        transport.write_memory(0x40, DATA)
        assert transport.read_memory(0x40, len(DATA)) == DATA
        transport.write32(0x58, 3)
        assert transport.read32(0x58) == 3
        assert transport.retried > 0 or name == "noise before an answer"


def test_a_late_answer_is_no_strangers(board: FakeBoard):
    with opened(board) as transport:
        transport.read32(0x58)
        board.say = at_every(1, lambda data: (time.sleep(3 * TIMEOUT), data)[1])
        threading.Timer(2 * TIMEOUT, lambda: setattr(board, "say", lambda data: data)).start()
        transport.write32(0x58, 9)
        assert transport.read32(0x58) == 9


def test_what_an_earlier_host_asked(board: FakeBoard):
    """Answers that nobody fetched, and half a frame, are no trouble of the next host."""
    with Serial(board.port, 3_000_000) as line:
        line.write(Request(Space.BOARD, 0, 8).encode(1) + Request(Space.MEMORY, 0, 64, bytes(256)).encode(2)[:100])
    with opened(board) as transport:
        os.write(board.master, Response(Status.DONE, 3, 1).encode())
        assert transport.read32(0x58) == 0


def test_another_host(board: FakeBoard):
    with opened(board) as transport:
        board.say = at_every(6, lambda data: data + data)
        with pytest.raises(BoardError, match="an answer to another host arrives"):
            transport.write_memory(0x40, DATA)
    board.say = lambda data: data
    with opened(board) as transport:
        transport.read32(0x58)
        os.write(board.master, Response(Status.DONE, (transport._tag + 100) % 256, 1).encode())
        with pytest.raises(BoardError, match="an answer to another host arrives: only one may speak to the board"):
            transport.read32(0x58)
        assert transport.read32(0x58) == 0


def test_a_refusal(board: FakeBoard):
    with opened(board) as transport:
        with pytest.raises(BoardError, match=r"refuses a read of 2 words at 0x20000 of memory: an address that is not"):
            transport.read_memory(1 << 17, 8)
        with pytest.raises(BoardError, match="refuses a write of 1 words at 0x0 of board: the bus answers"):
            transport.exchange([Request(Space.BOARD, 0, 1, bytes(4))])
        assert transport.read32(0x58) == 0


def test_unplugged(board: FakeBoard):
    with opened(board) as transport:
        transport.read32(0x58)
        board.say = at_every(5, lambda data: (board.unplug(), data)[1])
        with pytest.raises(BoardError, match="the port is gone in the middle of a transfer: unplugged"):
            transport.read_memory(0, 1 << 14)
    with pytest.raises(BoardError, match="there is no such port"):
        opened(board)
