# SPDX-License-Identifier: Apache-2.0
"""The simulated accelerator: ``shw_accel`` compiled by Verilator, with its external memory beside the clock loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from shiftwork.blocks import manifest
from shiftwork.compile import Engine
from shiftwork.compile.accelerator import Accelerator, AcceleratorProgram
from shiftwork.device.build import build_library
from shiftwork.device.compiled import CompiledModel
from shiftwork.device.job import ProgramJob, program_header
from shiftwork.device.registers import FAULTS
from shiftwork.device.simulated import Stalls
from shiftwork.errors import ShiftworkError
from shiftwork.settings import setting, settings, unless_given, within

HERE = Path(__file__).resolve().parent
LATENCY = 30
"""Cycles from a read request to its first word, where nothing else is asked for."""


@dataclass(frozen=True)
class AcceleratorWish:
    """What a user asks of the accelerator; None is a default of :class:`~shiftwork.compile.accelerator.Accelerator`."""

    activation_memory: int | None = unless_given(Accelerator, "activation_memory")
    weight_words: int | None = unless_given(Accelerator, "weight_words")
    constants: int | None = unless_given(Accelerator, "constants")

    @property
    def given(self) -> dict[str, int]:
        """The settings that were given."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def accelerator(self, engine: Engine) -> Accelerator:
        """The accelerator around an engine."""
        wanted = {item.name for item in settings(AcceleratorWish)}
        return Accelerator(engine, **{name: value for name, value in self.given.items() if name in wanted})


@dataclass(frozen=True)
class SimulationWish(AcceleratorWish):
    """What a user asks of the simulated accelerator; None is the default of :class:`SimulatedAccelerator`."""

    memory_latency: int | None = setting(
        None, f"Cycles from a read of the accelerator's memory to the first word. [default: {LATENCY}]"
    )

    def device(self, engine: Engine, waves: Path | None = None) -> SimulatedAccelerator:
        """The simulated accelerator; building it takes a minute."""
        latency = {} if self.memory_latency is None else {"latency": self.memory_latency}
        return SimulatedAccelerator(self.accelerator(engine), waves=waves, **latency)


@dataclass
class Counters:
    """What a run did.

    Attributes:
        cycles: from the start to the end of the program. beats: that the engine took.
        waits_weights, waits_results: cycles in which a beat waited for weights, or for the engine.
        words_read, words_written: of 64 bits. seconds: of the simulation.
        layers: cycles in which each layer starts and in which its (last) results are written, by the module's name.
    """

    cycles: int
    beats: int
    waits_weights: int
    waits_results: int
    words_read: int
    words_written: int
    seconds: float
    layers: dict[str, tuple[int, int]]


@dataclass
class SimulatedAccelerator:
    """The accelerator in one shape, and external memory of a fixed latency.

    Attributes:
        shape: of it. latency: cycles from a read request to its first word, then a word a cycle.
        waves: file that receives a VCD waveform, or None. watchdog: cycles without progress that count as a hang.
    """

    executor: ClassVar[Literal["accel"]] = "accel"
    shape: Accelerator = field(default_factory=Accelerator)
    latency: int = LATENCY
    waves: Path | None = None
    watchdog: int = 100_000
    _model: CompiledModel = field(init=False, repr=False)

    def __post_init__(self) -> None:
        within("memory_latency", self.latency, 1, 10_000)
        path = build_library(
            "shw_accel",
            list(manifest.load().sources("shw_accel")),
            HERE / "accelerator.cpp",
            parameters=self.shape.parameters(),
            defines={},
            trace=self.waves is not None,
            headers={"program_job.h": program_header(), "model.h": (HERE / "model.h").read_text()},
        )
        self._model = CompiledModel(path, ProgramJob, self.waves)

    @property
    def engine(self) -> Engine:
        """The engine inside."""
        return self.shape.engine

    def has_room(self, program: AcceleratorProgram) -> bool:
        """Whether memory holds a program: always."""
        return True

    def close(self) -> None:
        """Free the model (and finish the waveform file)."""
        self._model.close()

    def run(
        self,
        program: AcceleratorProgram,
        memory: NDArray[np.uint8],
        stalls: Stalls | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> Counters:
        """Run a program once.

        Args:
            program: compiled for this shape, or for less memory.
            memory: uint8, external memory with the input; results appear in it.
            stalls: of memory: ``in_gap`` of what is read, ``out_stall`` of what is written. clock: for ``seconds``.

        Raises:
            ShiftworkError: a hang or a fault, as of a program for another shape; names the module where the program
                stood.
        """
        job = ProgramJob()
        job.memory, job.size = memory.ctypes.data, memory.size
        job.program_address, job.program_count = program.program_address, program.program_count
        stalls = stalls or Stalls()
        job.latency, job.watchdog, job.seed = self.latency, self.watchdog, stalls.seed
        job.in_gap, job.out_stall = round(stalls.in_gap * 65536), round(stalls.out_stall * 65536)
        times = np.zeros((len(program.names), 2), np.uint64)
        job.layers, job.layer_count = times.ctypes.data, len(times)
        start = clock()
        status = self._model.run(job)
        seconds = clock() - start
        if status:
            self._model.reset()
            names = program.names
            index = int(job.fault_index)
            where = f"instruction {index}" + (f" (node {names[index]!r})" if index in names else "")
            reason = {
                1: f"the accelerator hangs: nothing happens for {self.watchdog} cycles",
                2: FAULTS.get(job.fault_code, f"fault {job.fault_code}"),
                3: f"it reaches outside its memory, at {job.fault_address:#x}",
            }[status]
            raise ShiftworkError(f"{where}: {reason}")
        layers = program.spans((int(begin), int(end)) for begin, end in times)
        counted = (job.beats, job.waits_weights, job.waits_results, job.words_read, job.words_written)
        return Counters(job.cycles, *counted, seconds, layers)
