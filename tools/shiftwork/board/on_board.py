# SPDX-License-Identifier: Apache-2.0
"""The accelerator of a board: programs in its memory, runs, counters."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from shiftwork.board.frames import Request, Space
from shiftwork.board.identity import BoardDevice
from shiftwork.board.uart import BoardError
from shiftwork.compile import Engine
from shiftwork.compile.accelerator import WORD, Accelerator, AcceleratorProgram
from shiftwork.device.driver import AcceleratorDriver
from shiftwork.device.registers import COUNTERS, COUNTERS_BASE
from shiftwork.device.simulated import Stalls
from shiftwork.device.simulated_accelerator import Counters
from shiftwork.errors import ShiftworkError
from shiftwork.progress import OnItem


@dataclass
class BoardAccelerator(BoardDevice):
    """The accelerator of a board, with programs at address 0 of its memory.

    Attributes:
        shape, driver: of the accelerator.
        program: what was loaded, or None.
    """

    inside: ClassVar[bool] = True
    shape: Accelerator = field(init=False)
    driver: AcceleratorDriver = field(init=False, repr=False)
    program: AcceleratorProgram | None = None

    def attach(self) -> None:
        self.shape = self.identity.accelerator
        self.driver = AcceleratorDriver(self.transport)

    @property
    def engine(self) -> Engine:
        """The engine inside."""
        return self.shape.engine

    def has_room(self, program: AcceleratorProgram) -> bool:
        """Whether the memory of a program fits that of the board."""
        return program.memory.size <= self.identity.memory

    def load(self, program: AcceleratorProgram, told: OnItem | None = None) -> None:
        """Write a program with its weights to the board, and read it back.

        Raises:
            ShiftworkError: it is for another shape, it does not fit, or memory holds something else afterwards.
        """
        if not self.has_room(program):
            raise ShiftworkError(
                f"the program takes {program.memory.size:,} bytes, the board has {self.identity.memory:,}"
            )
        self.program, self.transport.told = None, told
        self.driver.load(program)
        data = program.memory.tobytes()
        found = self.transport.read_memory(0, len(data))
        self.transport.told = None
        if found != data:
            first = next(at for at, (one, other) in enumerate(zip(data, found, strict=True)) if one != other)
            raise BoardError(f"the memory of the board does not keep what is written, at {first:#x}")
        self.program = program

    def run(
        self,
        program: AcceleratorProgram,
        memory: NDArray[np.uint8],
        stalls: Stalls | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> Counters:
        """Run a program once, as :meth:`shiftwork.device.simulated_accelerator.SimulatedAccelerator.run` does.

        The program is loaded unless it was the last one. ``seconds`` counts the transfers of input and results as well.

        Raises:
            AcceleratorFaultError: the run ended with a fault. ShiftworkError: stalls are asked for, or as :meth:`load`.
        """
        if stalls is not None:
            raise ShiftworkError("the memory of a board does not stall at will")
        if self.program is not program:
            self.load(program)
        start = clock()
        area = program.input
        end = area.address + area.size(self.engine.cols)
        self.transport.write_memory(area.address, memory[area.address : end].tobytes())
        self.driver.run()
        first, last = program.write_window
        written = self.transport.read_memory(first, max(last + WORD - first, 0))
        memory[first : first + len(written)] = np.frombuffer(written, np.uint8)
        seconds = clock() - start
        found = self.counters()
        return Counters(
            cycles=found["CYCLES"],
            beats=found["BUSY"],
            waits_weights=found["STALL_WEIGHTS"],
            waits_results=found["STALL_RESULTS"],
            words_read=found["BEATS_READ"],
            words_written=found["BEATS_WRITTEN"],
            seconds=seconds,
            layers={},
        )

    def counters(self) -> dict[str, int]:
        """All counters of the last run, in one frame: their low words stand before the high ones."""
        (data,) = self.transport.exchange([Request(Space.REGISTERS, COUNTERS_BASE, 2 * len(COUNTERS))])
        return {one.name: int(value) for one, value in zip(COUNTERS, np.frombuffer(data, "<u8"), strict=True)}
