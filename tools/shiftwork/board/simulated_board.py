# SPDX-License-Identifier: Apache-2.0
"""The simulated board: Verilog of a system compiled by Verilator, its serial line wired to a pseudo-terminal.

The bits on the line are as long as the speed says that a host sets for the pseudo-terminal: at another one than the
board's they are wrong, as on a wire.
"""

from __future__ import annotations

import os
import threading
import tty
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
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
MEMORY, CLOCKS_PER_BIT = 256, 4
"""KiB of memory, and clocks of a bit of the serial line, where nothing else is asked for."""
_TIMEOUT_W = 14
"""The board drops a frame that stands still for 2^14 clocks: a host waits for it, and its clock is slow."""
_SLICE = 50_000
"""Clocks between two looks at whether the board is still plugged in."""
_TILE_SIDES = (1, 2, 4)
"""Rows and columns that the engine of ``shw_board_tile`` may have."""
_TILE_MEMORY = 256
"""Its largest memory in KiB."""


@dataclass(frozen=True)
class Pins:
    """Pins of a top level beside those of the serial line, ``uart_rx`` and ``uart_tx``.

    Attributes:
        clock, reset: inputs. released: the level of reset that lets the system run.
        busy: a light that says that a program runs, as C++ reads the port.
    """

    clock: str = "clk"
    reset: str = "rst"
    released: int = 0
    busy: str = "led_busy"

    def header(self, top: str) -> str:
        """``top.h``: the class of a top level, and its pins by their purpose."""
        pins = "".join(f"#define PIN_{name.upper()} {pin}\n" for name, pin in asdict(self).items())
        return f'#include "V{top}.h"\nusing Top = V{top};\n{pins}'


@dataclass(frozen=True)
class System:
    """What stands on a board: Verilog.

    Attributes:
        top: its module. sources: files, each module once. parameters: of the top.
        clocks_per_bit: of the serial line at :data:`BAUD`. pins: of the top.
    """

    top: str
    sources: tuple[Path, ...]
    parameters: Mapping[str, int | str]
    clocks_per_bit: int
    pins: Pins = Pins()


@dataclass(frozen=True)
class SystemWish:
    """What a user asks of the simulated system beside its accelerator; None is the default of :func:`around`."""

    memory: int | None = setting(None, f"KiB of the board's memory for programs and data. [default: {MEMORY}]")
    clocks_per_bit: int | None = setting(
        None, f"Clocks of the board in a bit at {BAUD} baud. [default: {CLOCKS_PER_BIT}]"
    )

    @property
    def given(self) -> dict[str, int]:
        """The settings that were given."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def around(shape: Accelerator | Engine, memory: int = MEMORY, clocks_per_bit: int = CLOCKS_PER_BIT) -> System:
    """``shw_board_accel`` with an accelerator of any shape, or ``shw_board_tile`` with a tile engine.

    Args:
        shape: of the accelerator or engine. memory: KiB, a power of two, 4..512, of a tile engine 4..256.
        clocks_per_bit: 4..1000.

    Raises:
        SettingError: a value is illegal, or there is no such tile engine.
    """
    within("memory", memory, 4, 512 if isinstance(shape, Accelerator) else _TILE_MEMORY)
    within("clocks_per_bit", clocks_per_bit, 4, 1000)
    if memory & (memory - 1):
        raise SettingError(f"`memory` {memory}: a power of two")
    own: Mapping[str, int | str]
    if isinstance(shape, Accelerator):
        top, own = "shw_board_accel", shape.parameters()
    else:
        for name, value in (("rows", shape.rows), ("cols", shape.cols)):
            if value not in _TILE_SIDES:
                raise SettingError(f"`{name}` {value}: the tile engine of a board has 1, 2 or 4")
        top, own = "shw_board_tile", {"ENGINE": shape.kind, "ROWS": shape.rows, "COLS": shape.cols}
    parameters = dict(own) | {
        "MEMORY_W": (memory * 1024 // WORD).bit_length() - 1,
        "TIMEOUT_W": _TIMEOUT_W,
        "CLOCKS_PER_BIT": clocks_per_bit,
        "CLOCK_KHZ": BAUD * clocks_per_bit // 1000,
        "BOARD": 0,
    }
    return System(top, tuple(manifest.load().sources(top)), parameters, clocks_per_bit)


@dataclass
class SimulatedBoard:
    """A board on a pseudo-terminal. It runs inside a ``with``, beside what the body does.

    Attributes:
        system: on it. noise: probability that a bit on the serial line is wrong, at most 0.1.
        waves: file that receives a VCD waveform, or None.
        port: name of the pseudo-terminal. lost: bytes that a host did not take in time.
    """

    system: System
    noise: float = 0.0
    waves: Path | None = None
    port: str = field(init=False)
    lost: int = 0

    def __post_init__(self) -> None:
        within("noise", self.noise, 0.0, 0.1)
        system, model = self.system, (DEVICE / "model.h").read_text()
        path = build_library(
            system.top,
            list(system.sources),
            HERE / "board.cpp",
            parameters=system.parameters,
            defines={},
            trace=self.waves is not None,
            headers={"serial_job.h": job.serial_header(), "model.h": model, "top.h": system.pins.header(system.top)},
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
        one.port, one.clock, one.cycles = self._line, BAUD * self.system.clocks_per_bit, _SLICE
        one.noise = round(self.noise * (1 << 32))
        while self._is_plugged:
            self._model.run(one)
            self.lost = one.lost
        os.close(self._line)
        os.close(self._host)
        self._model.close()
