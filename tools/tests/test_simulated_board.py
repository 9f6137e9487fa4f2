# SPDX-License-Identifier: Apache-2.0
"""The simulated board, end to end: Verilog of the system behind a pseudo-terminal, with whatever happens to a line."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from serial import Serial

from shiftwork import example
from shiftwork.board.frames import Request, Space
from shiftwork.board.identity import identify
from shiftwork.board.on_board import BoardAccelerator
from shiftwork.board.simulated_board import SimulatedBoard, around
from shiftwork.board.uart import BAUD, BoardError, UartTransport
from shiftwork.cli import main
from shiftwork.compile import MacEngine, TrEngine
from shiftwork.compile.accelerator import Accelerator
from shiftwork.eda.bitstream import BOARDS
from shiftwork.eda.systems import of_board
from shiftwork.errors import SettingError

SHAPE = Accelerator(MacEngine(4, 8), activation_memory=16, weight_words=256, constants=64)
TERMS = Accelerator(TrEngine(4, 8), activation_memory=16, weight_words=256, constants=64)
DATA = random.Random(7).randbytes(2000)
TIMEOUT = 5.0
"""Seconds that suffice where the machine is busy."""


@pytest.fixture
def board() -> Iterator[SimulatedBoard]:
    with SimulatedBoard(around(SHAPE)) as found:
        yield found


def opened(board: SimulatedBoard, **options: float) -> UartTransport:
    return UartTransport(board.port, **{"timeout": TIMEOUT} | options)  # type: ignore[arg-type]


def test_what_it_is(board: SimulatedBoard):
    with opened(board) as transport:
        found = identify(transport)
        assert found.shape == SHAPE
        assert (found.board, found.system, found.clock) == ("simulation", "accelerator", 12_000)
        assert (found.memory, found.clocks_per_bit, found.baud, found.dropped) == (256 << 10, 4, BAUD, 0)
        transport.write_memory(0x100, DATA)
        assert transport.read_memory(0x100, len(DATA)) == DATA
        top = found.memory
        transport.write_memory(top - 4, DATA[:4])
        assert transport.read_memory(top - 4, 4) == DATA[:4]
        for at in (top, 1 << 31):
            with pytest.raises(BoardError, match=rf"1 words at {at:#x} of memory: an address that is not"):
                transport.read_memory(at, 4)
        with pytest.raises(BoardError, match="refuses a write of 1 words at 0x0 of board: the bus answers with an"):
            transport.exchange([Request(Space.BOARD, 0, 1, bytes(4))])
        with pytest.raises(BoardError, match="refuses a read of 2 words at 0xffc of registers: an address"):
            transport.exchange([Request(Space.REGISTERS, 0xFFC, 2)])
        assert transport.retried == 0 and board.lost == 0


def test_digits(board: SimulatedBoard, tmp_path: Path):
    """Every module equals the golden model."""
    target = tmp_path / "report.json"
    words = ["run", str(example.MODEL), "--data", str(example.TEST), "--scheme", "fixed8", "--executor", "uart"]
    assert main([*words, "--port", board.port, "--limit", "1", "--json", str(target)]) == 0
    report = json.loads(target.read_text())
    assert report["mismatches"] == 0 and report["samples"] == 1 and report["cycles"] > 1000
    assert all(layer["compared"] > 0 for layer in report["layers"])


def test_another_baud_rate(board: SimulatedBoard):
    for baud in (2_000_000, 1_000_000):
        with (
            opened(board, baud=baud, timeout=0.2) as transport,
            pytest.raises(BoardError, match=f"no answer at {baud} baud after 4 tries"),
        ):
            identify(transport)
    with opened(board) as transport:
        assert identify(transport).shape == SHAPE


def test_a_cut_frame(board: SimulatedBoard):
    """A host dies while it writes; the next one is understood, at its second try if it is quick."""
    frame = Request(Space.MEMORY, 0x200, 64, DATA[:256]).encode(1)
    for size in (3, 9, 100, len(frame) - 1):
        with Serial(board.port, BAUD) as line:
            line.write(frame[:size])
        with opened(board, timeout=1.0) as transport:
            assert transport.read_memory(0x200, 256) == bytes(256)


def test_two_hosts(board: SimulatedBoard):
    with opened(board) as first:
        with pytest.raises(BoardError, match="another program has the port"):
            opened(board)
        assert identify(first).shape == SHAPE
        with Serial(board.port, BAUD) as second:  # which asks nobody
            second.write(Request(Space.BOARD, 0, 1).encode((first._tag + 100) % 256))
            with pytest.raises(BoardError, match="an answer to another host arrives: only one may speak"):
                first.read_memory(0, 4096)
        assert identify(first).shape == SHAPE


def test_unplugged():
    with SimulatedBoard(around(SHAPE)) as board, opened(board) as transport:
        transport.read32(0)
        threading.Timer(0.3, board.unplug).start()
        with pytest.raises(BoardError, match="the port is gone in the middle of a transfer: unplugged"):
            transport.read_memory(0, 256 << 10)
    with pytest.raises(BoardError, match="there is no such port"):
        opened(board)


def test_noise():
    """One bit of 30,000 is wrong: frames are dropped, answers are damaged, all of it is made good."""
    with SimulatedBoard(around(SHAPE), noise=3e-5) as board, opened(board, timeout=1.0) as transport:
        while not transport.retried or not identify(transport).dropped:
            transport.write_memory(0x100, DATA)
            assert transport.read_memory(0x100, len(DATA)) == DATA


@pytest.mark.full
def test_terms(tmp_path: Path):
    """The program of a file on the engine for term revealing, on a board of its own process; and no word of its end."""
    program, target = tmp_path / "digits.shw", tmp_path / "report.json"
    memories = ["--activation-memory", "16", "--weight-words", "256", "--constants", "64"]
    words = ["compile", str(example.MODEL), "--data", str(example.CALIBRATION), "--scheme", "tr", "--rows", "4"]
    assert main([*words, "--cols", "8", *memories, "--output", str(program)]) == 0
    command = [sys.executable, "-m", "shiftwork", "board", "simulate", "--rows", "4", "--cols", "8", *memories]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as simulated:
        assert simulated.stdout is not None
        port = simulated.stdout.readline().strip()
        assert os.path.exists(port)
        words = ["board", "run", str(program), "--data", str(example.TEST), "--port", port, "--limit", "3"]
        assert main([*words, "--json", str(target)]) == 0
        simulated.send_signal(signal.SIGINT)
        assert simulated.wait(30) == 130
    report = json.loads(target.read_text())
    assert report["accuracy"] == 100.0 and report["clock"] == 12_000
    with pytest.raises(BoardError, match="there is no such port"):
        UartTransport(port)


@pytest.mark.full
@pytest.mark.parametrize("name", BOARDS)
def test_what_a_bitstream_is_built_from(name: str, tmp_path: Path):
    """The top level of a board with its parameters: what it is, and every module of a network on it."""
    target = tmp_path / "report.json"
    with SimulatedBoard(of_board(name)) as board:
        with opened(board) as transport:
            found = identify(transport)
        assert found.board == BOARDS[name].core and abs(found.baud / BAUD - 1) < 0.02
        words = ["run", str(example.MODEL), "--data", str(example.TEST), "--scheme", "fixed8", "--executor", "uart"]
        assert main([*words, "--port", board.port, "--limit", "1", "--json", str(target)]) == 0
    report = json.loads(target.read_text())
    assert report["mismatches"] == 0 and all(layer["compared"] > 0 for layer in report["layers"])


def test_a_board_is_what_it_is(capsys: pytest.CaptureFixture[str]):
    assert main(["board", "simulate", "--board", "ulx3s", "--memory", "64"]) == 2
    assert "--memory is what the board has: leave it out" in capsys.readouterr().err
    assert main(["board", "simulate", "--board", "mars"]) == 2
    assert "BOARD=mars: choose ulx3s" in capsys.readouterr().err


@pytest.mark.full
def test_a_host_that_dies_during_a_run(board: SimulatedBoard, tmp_path: Path):
    """The next one finds an accelerator that works."""
    code = (
        "import sys\nfrom shiftwork.board.uart import UartTransport\nfrom shiftwork.board.on_board import *\n"
        "device = BoardAccelerator(UartTransport(sys.argv[1], timeout=5.0))\n"
        "print('up', flush=True)\nwhile True: device.transport.write_memory(0, bytes(4096))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, board.port], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None and host.stdout.readline() == "up\n"
        host.kill()
    with BoardAccelerator(opened(board)) as device:
        assert device.shape == SHAPE


def test_tiles_have_no_accelerator(capsys: pytest.CaptureFixture[str]):
    assert main(["board", "simulate", "--tiles", "--constants", "64"]) == 2
    assert "--constants is one of the accelerator, --tiles leaves it out" in capsys.readouterr().err
    assert main(["board", "simulate", "--tiles", "--rows", "3"]) == 2
    assert "--rows 3: the tile engine of a board has 1, 2 or 4" in capsys.readouterr().err


def test_illegal_boards():
    for values, text in (
        ({"memory": 100}, "memory 100: a power of two"),
        ({"memory": 2}, "memory 2 is outside 4..512"),
        ({"clocks_per_bit": 3}, "clocks per bit 3 is outside"),
    ):
        with pytest.raises(SettingError, match=text):
            around(SHAPE, **values)
    with pytest.raises(SettingError, match=r"noise 0.5 is outside 0.0..0.1"):
        SimulatedBoard(around(SHAPE), noise=0.5)
