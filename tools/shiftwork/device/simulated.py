# SPDX-License-Identifier: Apache-2.0
"""The simulated device: the tile engine, the post unit and the table, compiled by Verilator, one call per layer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from shiftwork.blocks import manifest
from shiftwork.codes.exponential import MAX_BITS
from shiftwork.compile import Engine, Operands, TrEngine
from shiftwork.compile.packing import signed_numbers
from shiftwork.device.build import build_library
from shiftwork.device.compiled import CompiledModel
from shiftwork.device.job import LayerJob, header
from shiftwork.errors import ShiftworkError
from shiftwork.network.format import Requant
from shiftwork.settings import setting, within
from shiftwork.tensors.arithmetic import check_look_up

HERE = Path(__file__).resolve().parent
_MEMORIES = ("row_sp2", "tables", "bias", "bias_shift", "shortcut_shift", "shift", "factor")
_SELECT_TABLE = 4  # table_select of shw_sim_top
_STATUS = {
    1: "the device hangs: no handshake for {watchdog} cycles",
    2: "the engine refuses its configuration (cfg_error)",
    3: "the device marks the last beat of a tile at the wrong place",
}


@dataclass(frozen=True)
class Stalls:
    """Random stalls of a run.

    Attributes:
        in_gap: probability 0..0.95 of an idle cycle before each input beat.
        out_stall: probability 0..0.95 of a cycle without ``out_ready``.
        seed: of both patterns.
    """

    in_gap: float = setting(0.0, "Probability of an idle cycle before an input beat.")
    out_stall: float = setting(0.0, "Probability of a cycle in which the output is not taken.")
    seed: int = setting(1, "Seed of the stalls.")

    def __post_init__(self) -> None:
        within("in_gap", self.in_gap, 0.0, 0.95)
        within("out_stall", self.out_stall, 0.0, 0.95)


@dataclass
class LayerResult:
    """What a device returned for one module.

    Attributes:
        codes: ``(images, height, width, channels)`` output: int8 or uint8, int64 when the module is not requantized.
        cycles: clock cycles that it took. in_beats: input beats.
        seconds: by the clock of the call.
    """

    codes: NDArray[np.integer]
    cycles: int
    in_beats: int
    seconds: float


@dataclass
class SimulatedResult(LayerResult):
    """What the simulated device knows besides. Its cycles are those from the first beat offered to the last beat out of
    the engine, both included, its seconds those of the simulation.

    Attributes:
        products: int64, the engine's dot products, in the shape of the codes; None unless asked for.
        total_cycles: as the cycles, to the last beat out of the post unit.
        in_waits, out_beats, out_waits: cycles in which an input beat waited; output beats, and the same for them.
    """

    products: NDArray[np.int64] | None
    total_cycles: int
    in_waits: int
    out_beats: int
    out_waits: int


def device_sources(kind: str) -> list[Path]:
    """Verilog files of the simulated top with all below it; kind: ``tr``, ``tmac``, ``mac``, ``msq`` or ``exp``."""
    blocks = manifest.load()
    parts = (f"shw_{kind}_engine", "shw_post_unit", "shw_table")
    files = {path: None for name in parts for path in blocks.sources(name)}
    return [*files, HERE / "rtl" / "shw_sim_top.v"]


@dataclass
class SimulatedDevice:
    """One engine with its post unit and a table.

    Attributes:
        engine: which, in which shape.
        requant: how the post unit requantizes.
        waves: file that receives a VCD waveform of everything the device does, or None.
        watchdog: cycles without any handshake after which a run counts as hung.
    """

    executor: ClassVar[Literal["rtl"]] = "rtl"
    engine: Engine = field(default_factory=TrEngine)
    requant: Requant = "shift"
    waves: Path | None = None
    watchdog: int = 200_000
    _model: CompiledModel = field(init=False, repr=False)

    def __post_init__(self) -> None:
        engine = self.engine
        path = build_library(
            "shw_sim_top",
            device_sources(engine.kind),
            HERE / "harness.cpp",
            parameters={**engine.parameters(), "BITS": MAX_BITS, "REQUANT": self.requant},
            defines={
                "SHW_ROWS": engine.rows,
                "SHW_COLS": engine.cols,
                "SHW_OPERAND_BYTES": engine.operand_bytes,
                "SHW_ACC_BYTES": engine.acc_bits // 8,
                "SHW_EXPONENT_BITS": MAX_BITS,
            },
            trace=self.waves is not None,
            headers={"layer_job.h": header(), "model.h": (HERE / "model.h").read_text()},
        )
        self._model = CompiledModel(path, LayerJob, self.waves)

    def close(self) -> None:
        """Free the model (and finish the waveform file)."""
        self._model.close()

    def run(
        self,
        operands: Operands,
        stalls: Stalls | None = None,
        products: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> SimulatedResult:
        """Run every tile of a layer.

        Args:
            operands: a layer compiled for this engine, with the activations of a batch.
            stalls: random gaps and backpressure, None for none.
            products: return the engine's dot products too. clock: what ``seconds`` is measured with.

        Raises:
            ShiftworkError: naming the module, when it was compiled for another device, or the device hangs or refuses
                the configuration.
        """
        stalls, layer, module = stalls or Stalls(), operands.layer, operands.layer.module
        layer.check(self.engine, self.requant)
        tiles = operands.tiles
        shape, acc_bytes = (len(tiles), self.engine.rows, self.engine.cols), self.engine.acc_bits // 8
        codes = np.zeros(shape, np.uint8)
        sums = None if module.requantize else np.zeros((*shape, acc_bytes), np.uint8)
        dots = np.zeros((*shape, acc_bytes), np.uint8) if products else None
        memories: dict[str, NDArray[np.generic] | None] = {
            "row_blocks": operands.row_blocks,
            "col_blocks": operands.col_blocks,
            "shortcut": operands.shortcut,
            "tiles": tiles,
            "codes": codes,
            "sums": sums,
            "products": dots,
        }
        memories |= {name: layer.read(name) for name in _MEMORIES}
        job = LayerJob()
        for name, array in memories.items():
            setattr(job, name, None if array is None else array.ctypes.data)
        for name, value in layer.configuration.items():
            setattr(job, name, value)
        tables = memories["tables"]
        job.table_words = 0 if tables is None else len(tables)
        job.tile_count, job.beats, job.weights_on_rows = len(tiles), operands.beats, int(layer.weights_on_rows)
        job.cfg_bypass = 1
        seconds = self._finish(job, module.name, stalls, clock)
        return SimulatedResult(
            codes=operands.output(codes if sums is None else sums),
            products=None if dots is None else operands.gather(signed_numbers(dots)),
            cycles=job.cycles,
            total_cycles=job.total_cycles,
            in_beats=job.in_beats,
            in_waits=job.in_waits,
            out_beats=job.out_beats,
            out_waits=job.out_waits,
            seconds=seconds,
        )

    def table(
        self,
        codes: NDArray[np.integer],
        table: NDArray[np.integer],
        stalls: Stalls | None = None,
        *,
        name: str = "table",
        clock: Callable[[], float] = time.perf_counter,
    ) -> LayerResult:
        """An element-wise function: load its table, and stream all codes through it, as many a beat as the engine has
        columns.

        Args:
            codes: int8 or uint8, of any shape, at least one.
            table: int8 or uint8, shape (256,): what becomes of a code, which is read as an unsigned byte.
            stalls: random gaps between beats and backpressure, None for none.
            name: of the module, for errors. clock: what ``seconds`` is measured with.

        Returns:
            Codes in their shape, of the table's type. The cycles are those from the first word of the table to the last
            beat, both included; without stalls :func:`shiftwork.compile.table_cycles`.

        Raises:
            ShiftworkError: naming the module; an array of another type or shape, or the device hangs.
        """
        try:
            check_look_up(codes, table)
        except ShiftworkError as error:
            raise ShiftworkError(f"{name}: {error}") from None
        lanes = self.engine.cols
        beats = -(-codes.size // lanes)
        stream, results = np.zeros((2, beats * lanes), np.uint8)
        stream[: codes.size] = codes.reshape(-1).view(np.uint8)
        words = np.stack([np.full(256, _SELECT_TABLE), np.arange(256), table.astype(np.int64) & 255], axis=1)
        job = LayerJob()
        job.stream, job.tables, job.codes = stream.ctypes.data, words.ctypes.data, results.ctypes.data
        job.beats, job.table_words = beats, len(words)
        seconds = self._finish(job, name, stalls or Stalls(), clock)
        found = results[: codes.size].view(table.dtype).reshape(codes.shape)
        return LayerResult(codes=found, cycles=job.cycles, in_beats=beats, seconds=seconds)

    def _finish(self, job: LayerJob, name: str, stalls: Stalls, clock: Callable[[], float]) -> float:
        """Run a job of the module `name`; the seconds that it took.

        Raises:
            ShiftworkError: naming the module, when the device hangs or refuses the configuration.
        """
        job.watchdog, job.seed = self.watchdog, stalls.seed
        job.in_gap, job.out_stall = round(stalls.in_gap * 65536), round(stalls.out_stall * 65536)
        start = clock()
        status = self._model.run(job)
        seconds = clock() - start
        if status != 0:
            self._model.reset()
            reason = _STATUS.get(status, f"status {status}").format(watchdog=self.watchdog)
            raise ShiftworkError(f"{name}: {reason}")
        return seconds
