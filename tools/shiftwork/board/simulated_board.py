# SPDX-License-Identifier: Apache-2.0
"""The simulated board: ``shw_board_accel`` or ``shw_board_tile`` compiled by Verilator, its serial line wired to a
pseudo-terminal.

The bits on the line are as long as the speed says that a host sets for the pseudo-terminal: at another one than the
board's they are wrong, as on a wire.
"""

from __future__ import annotations

import os
import threading
import tty
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from shiftwork.blocks import manifest
from shiftwork.board.uart import BAUD
from shiftwork.compile import Engine
from shiftwork.compile.accelerator import WORD, Accelerator
from shiftwork.device import job
from shiftwork.device.build import build_library
from shiftwork.device.compiled import CompiledModel
from shiftwork.device.simulated import HERE as DEVICE
from shiftwork.errors import SettingError
from shiftwork.settings import setting, within

HERE = Path(__file__).resolve().parent
_TIMEOUT_W = 14
"""The board drops a frame that stands still for 2^14 clocks: a host waits for it, and its clock is slow."""
_SLICE = 50_000
"""Clocks between two looks at whether the board is still plugged in."""
_TILE_SIDES = (1, 2, 4)
"""Rows and columns that the engine of ``shw_board_tile`` may have."""
_TILE_MEMORY = 256
"""Its largest memory in KiB."""


@dataclass(frozen=True)
class LineWish:
    """What a user asks of the simulated board beside its accelerator or engine."""

    memory: int = setting(256, "KiB of the board's memory for programs and data.")
    clocks_per_bit: int = setting(4, f"Clocks of the board in a bit at {BAUD} baud.")
    noise: float = setting(0.0, "Probability that a bit on the serial line is wrong.")

    def __post_init__(self) -> None:
        within("memory", self.memory, 4, 512)
        within("clocks_per_bit", self.clocks_per_bit, 4, 1000)
        within("noise", self.noise, 0.0, 0.1)
        if self.memory & (self.memory - 1):
            raise SettingError(f"`memory` {self.memory}: a power of two")


def _system(shape: Accelerator | Engine, wish: LineWish) -> tuple[str, dict[str, int | str]]:
    """Verilog module of a system and the parameters of what computes.

    Raises:
        SettingError: there is no such tile engine, or not with so much memory.
    """
    if isinstance(shape, Accelerator):
        return "shw_board_accel", shape.parameters()
    within("memory", wish.memory, 4, _TILE_MEMORY)
    for name, value in (("rows", shape.rows), ("cols", shape.cols)):
        if value not in _TILE_SIDES:
            raise SettingError(f"`{name}` {value}: the tile engine of a board has 1, 2 or 4")
    return "shw_board_tile", {"ENGINE": shape.kind, "ROWS": shape.rows, "COLS": shape.cols}


@dataclass
class SimulatedBoard:
    """A board on a pseudo-terminal. It runs inside a ``with``, beside what the body does.

    Attributes:
        shape: of the accelerator, or the tile engine that it has instead. wish: what else it has.
        waves: file that receives a VCD waveform, or None.
        port: name of the pseudo-terminal. lost: bytes that a host did not take in time.
    """

    shape: Accelerator | Engine
    wish: LineWish = field(default_factory=LineWish)
    waves: Path | None = None
    port: str = field(init=False)
    lost: int = 0

    def __post_init__(self) -> None:
        words = self.wish.memory * 1024 // WORD
        top, parameters = _system(self.shape, self.wish)
        path = build_library(
            top,
            list(manifest.load().sources(top)),
            HERE / "board.cpp",
            parameters=parameters
            | {
                "MEMORY_W": words.bit_length() - 1,
                "TIMEOUT_W": _TIMEOUT_W,
                "CLOCKS_PER_BIT": self.wish.clocks_per_bit,
                "CLOCK_KHZ": BAUD * self.wish.clocks_per_bit // 1000,
                "BOARD": 0,
            },
            defines={},
            trace=self.waves is not None,
            headers={
                "top.h": f'#include "V{top}.h"\nusing Top = V{top};\n',
                "serial_job.h": job.serial_header(),
                "model.h": (DEVICE / "model.h").read_text(),
            },
        )
        self._model = CompiledModel(path, job.SerialJob, self.waves)
        self._line, self._host = os.openpty()
        tty.setraw(self._host)
        os.set_blocking(self._line, False)
        self.port = os.ttyname(self._host)
        self._is_plugged = True
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> SimulatedBoard:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.unplug()

    def wait(self) -> None:
        """Wait until the board is unplugged."""
        self._thread.join()

    def unplug(self) -> None:
        """Take the board away: the port is gone."""
        self._is_plugged = False
        self.wait()

    def _serve(self) -> None:
        one = job.SerialJob()
        one.port, one.clock, one.cycles = self._line, BAUD * self.wish.clocks_per_bit, _SLICE
        one.noise = round(self.wish.noise * (1 << 32))
        while self._is_plugged:
            self._model.run(one)
            self.lost = one.lost
        os.close(self._line)
        os.close(self._host)
        self._model.close()
