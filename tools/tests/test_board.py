# SPDX-License-Identifier: Apache-2.0
"""The commands of boards and `run --executor uart`, on a board in Python with the model of the accelerator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_board import FakeBoard

from shiftwork import example
from shiftwork.board.frames import BoardWord
from shiftwork.cli import main
from shiftwork.compile import MacEngine, TrEngine
from shiftwork.compile.accelerator import Accelerator
from shiftwork.compile.program_file import read

SHAPE = Accelerator(TrEngine(8, 16), activation_memory=64, weight_words=512, constants=128)
COMPILE = ["--data", str(example.CALIBRATION), "--activation-memory", "64", "--weight-words", "512", "--constants"]
COMPILE += ["128", "--rows", "8"]
SAMPLES = 3
SMALL = 12 << 10


@pytest.fixture
def board() -> Iterator[FakeBoard]:
    with FakeBoard(SHAPE) as found:
        yield found


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits network for :data:`SHAPE`."""
    path = tmp_path_factory.mktemp("programs") / "digits.shw"
    words = ["compile", str(example.MODEL), "--scheme", "tr", "--cols", "16", "--output", str(path), *COMPILE]
    assert main(words) == 0
    return path


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_info(board: FakeBoard, command: Callable[..., tuple[int, str, str]]):
    code, out, _ = command("board", "info", "--port", board.port)
    assert code == 0
    for text in (f"simulation at {board.port}, 3,000,000 baud (it counts 3,000,000)", "accelerator, built from release",
                 "tr, 8 rows, 16 columns", "4,096 words of activations (64 KiB), 512 of weights, 128 constants",
                 "131,072 bytes", "24 MHz", "0 frames"):  # fmt: skip
        assert text in out


def test_a_tile_engine(board: FakeBoard, command: Callable[..., tuple[int, str, str]]):
    board.words[BoardWord.KIND] = 1 << 16 | 2
    board.registers[0] = 1 << 24 | 4 << 16 | 2 << 8 | 3
    code, out, _ = command("board", "info", "--port", board.port)
    assert code == 0
    for text in ("icebreaker at", "tile engine, built from release", "mac, 2 rows, 4 columns", "24 MHz"):
        assert text in out
    code, _, error = command("board", "counters", "--port", board.port)
    assert code == 2 and "the board icebreaker holds no accelerator, its system is: tile engine" in error
    for word, text in (
        (2 << 24 | 4 << 16 | 2 << 8 | 3, "version 2 of the registers of a tile engine, this release 1"),
        (1 << 24 | 4 << 16 | 2 << 8 | 2, "the board has an engine of an unknown kind, 2"),
    ):
        board.registers[0] = word
        code, _, error = command("board", "info", "--port", board.port)
        assert code == 2 and text in error
    board.words[BoardWord.KIND] = 7 << 16 | 2
    assert "system 7" in command("board", "info", "--port", board.port)[1]
    words = ["run", example.MODEL, "--data", example.TEST, "--executor", "uart", "--port", board.port]
    code, _, error = command(*words, "--scheme", "fixed8")
    assert code == 2 and "the board icebreaker holds no accelerator, its system is: system 7" in error


def test_load(board: FakeBoard, program: Path, command: Callable[..., tuple[int, str, str]]):
    memory = read(program).memory
    code, out, error = command("board", "load", program, "--port", board.port)
    assert code == 0 and f"{memory.size:,} bytes written to simulation, and read back" in out
    assert "] write 4,096 bytes" in error and "] read 4,096 bytes" in error
    assert np.array_equal(board.memory[: memory.size], memory)


def test_run(board: FakeBoard, program: Path, tmp_path: Path, command: Callable[..., tuple[int, str, str]]):
    target = tmp_path / "report.json"
    words = ["board", "run", program, "--data", example.TEST, "--port", board.port, "--limit", SAMPLES]
    code, out, _ = command(*words, "--json", target)
    report, labels = json.loads(target.read_text()), np.load(example.TEST)["y"][:SAMPLES]
    assert code == 0 and report["predictions"] == labels.tolist() and report["accuracy"] == 100.0
    for text in (" ".join(map(str, labels)), "100.00 % of 3 samples", "3,000, 1,000 a sample",
                 "24,000 samples/s at 24 MHz"):  # fmt: skip
        assert text in out
    code, out, _ = command("board", "counters", "--port", board.port)
    assert code == 0 and "CYCLES" in out and "1,000  cycles of the run" in out


def test_a_fault_in_words(board: FakeBoard, program: Path, command: Callable[..., tuple[int, str, str]]):
    start = board._start

    def damage() -> None:
        at = read(program).program_address
        board.memory[at + 100] ^= 1
        start()

    board._start = damage  # type: ignore[method-assign]
    code, _, error = command("board", "run", program, "--data", example.TEST, "--port", board.port)
    assert code == 2 and "instruction 0: the checksum of the program is wrong" in error


def test_what_does_not_fit(program: Path, command: Callable[..., tuple[int, str, str]]):
    with FakeBoard(Accelerator(MacEngine(8, 16), activation_memory=64, weight_words=512, constants=128)) as board:
        code, _, error = command("board", "load", program, "--port", board.port)
        assert code == 2 and "compiled for tr of 8 x 16, the accelerator is mac of 8 x 16" in error
        words = ["run", example.MODEL, "--data", example.TEST, "--executor", "uart", "--port", board.port]
        code, _, error = command(*words, "--scheme", "tr")
        assert code == 2 and "--scheme tr does not run on the engine of the board, mac" in error
    with FakeBoard(SHAPE, memory=1 << 12) as board:
        code, _, error = command("board", "load", program, "--port", board.port)
        assert code == 2 and "bytes, the board has 4,096" in error
    with FakeBoard(SHAPE) as board:
        board.memory.flags.writeable = False
        board._execute = lambda frame, before=board._execute: _kept(board, before, frame)  # type: ignore
        code, _, error = command("board", "load", program, "--port", board.port)
        assert code == 2 and "the memory of the board does not keep what is written, at 0x" in error


def _kept(board: FakeBoard, before: Callable[[bytes], object], frame: bytes) -> object:
    """Execute a frame, but change nothing in memory."""
    memory, board.memory = board.memory, board.memory.copy()
    answer = before(frame)
    board.memory = memory
    return answer


def test_run_on_a_board(board: FakeBoard, tmp_path: Path, command: Callable[..., tuple[int, str, str]]):
    """Every module is compared."""
    target = tmp_path / "report.json"
    words = ["run", example.MODEL, "--data", example.TEST, "--executor", "uart", "--limit", 2, "--scheme", "tr"]
    code, out, error = command(*words, "--port", board.port, "--json", target)
    assert code == 0 and "[4/4] execute 2 samples on simulation" in error and "[4/4] sample 2, every module" in error
    report = json.loads(target.read_text())
    assert report["mismatches"] == 0 and report["clock"] == 24_000 and report["predicted_cycles"] is None
    assert all(layer["compared"] > 0 and layer["executor"] == "uart" for layer in report["layers"])
    assert "24,000 samples/s at 24 MHz" in out and "not compared" not in out


def test_results_alone(command: Callable[..., tuple[int, str, str]]):
    """The memory holds the program, but not what every module writes."""
    words = ["run", example.MODEL, "--data", example.TEST, "--executor", "uart", "--limit", 2, "--scheme", "tr"]
    with FakeBoard(SHAPE, memory=SMALL) as board:
        code, out, _ = command(*words, "--port", board.port)
    assert code == 0 and "mismatches      0 of 20 elements" in out
    assert "modules         not compared: the memory of the board has no room for what they write" in out


def test_settings_that_contradict(board: FakeBoard, command: Callable[..., tuple[int, str, str]]):
    words = ["run", example.MODEL, "--data", example.TEST]
    for more, text in (
        (["--executor", "uart"], "--executor uart needs --port"),
        (["--port", board.port], "--port belongs to --executor uart"),
        (["--baud", 9600], "--baud belongs to --executor uart"),
        (["--executor", "uart", "--port", board.port, "--rows", 4], "--rows is what the board has: leave it out"),
        (["--executor", "uart", "--port", board.port, "--constants", 128], "--constants belongs to --executor accel"),
    ):
        code, _, error = command(*words, *more)
        assert code == 2 and text in error
