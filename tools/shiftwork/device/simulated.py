# SPDX-License-Identifier: Apache-2.0
"""The simulated device: the tile engine and the post unit, compiled by Verilator, one call per layer."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from shiftwork.blocks import manifest
from shiftwork.codes.exponential import ACC_BITS, MAX_BITS, resize
from shiftwork.compile.engine import Engine, ExpEngine, MsqEngine, Requant, TrEngine
from shiftwork.compile.operands import TileProgram, pack_codes
from shiftwork.device.build import build_library
from shiftwork.errors import ShiftworkError
from shiftwork.network.integer import IntegerModule
from shiftwork.quantize.bounds import SLICE_DEPTH
from shiftwork.settings import setting, within

HERE = Path(__file__).resolve().parent
_ENCODINGS = {"binary": 0, "hese": 1}
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
    """What the device returned for one module.

    Attributes:
        codes: ``(images, height, width, channels)`` output: int8 or uint8, int64 when the module is not requantized.
        products: int64, the engine's dot products, same shape; None unless asked for.
        cycles: clock cycles from the first beat offered to the last beat out of the engine, both included.
        total_cycles: the same, to the last beat out of the post unit.
        in_beats, in_waits: input beats, and cycles in which a beat waited. out_beats, out_waits: same at the output.
        seconds: of the simulation, by the clock of the call.
    """

    codes: NDArray[np.integer]
    products: NDArray[np.int64] | None
    cycles: int
    total_cycles: int
    in_beats: int
    in_waits: int
    out_beats: int
    out_waits: int
    seconds: float


class LayerJob(ctypes.Structure):
    """Mirror of ``struct LayerJob`` in harness.cpp."""

    _fields_: ClassVar = [
        *[
            (name, ctypes.c_void_p)
            for name in (
                "row_blocks", "col_blocks", "row_sp2", "tiles", "tables", "bias", "bias_shift", "shortcut_shift",
                "shift", "factor", "shortcut", "codes", "sums", "products",
            )
        ],
        *[(name, ctypes.c_uint64) for name in ("table_words", "tile_count", "beats", "watchdog", "seed")],
        *[
            (name, ctypes.c_uint32)
            for name in (
                "in_gap", "out_stall", "tr_en", "group", "budget", "data_terms", "encoding", "row_signed", "col_signed",
                "exponent_bits", "shortcut_bits", "slice_length", "lane_is_channel", "shortcut_signed", "relu", "low",
                "high",
            )
        ],
        *[
            (name, ctypes.c_uint64)
            for name in ("cycles", "total_cycles", "in_beats", "in_waits", "out_beats", "out_waits")
        ],
    ]  # fmt: skip


def _whole_words(vectors: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """``(vectors, bytes)`` as 32-bit words, the last one filled up."""
    return np.ascontiguousarray(np.pad(vectors, ((0, 0), (0, -vectors.shape[1] % 4)))).view("<u4")


def _pack(values: NDArray[np.int32], width: int) -> NDArray[np.uint32]:
    """``(vectors, lanes)`` of ``width`` bits, up to 8, as packed lanes, lane 0 lowest, in 32-bit words."""
    return _whole_words(pack_codes(values.astype(np.uint8), width))


def _words(values: NDArray[np.int64], size: int) -> NDArray[np.uint32]:
    """``(vectors, lanes)`` as bytes of ``size`` a lane, lane 0 first, in 32-bit words."""
    lanes = np.ascontiguousarray(values.astype("<i8")).view(np.uint8).reshape(*values.shape, 8)[..., :size]
    return _whole_words(lanes.reshape(len(values), -1))


def _numbers(lanes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Two's complement numbers of the bytes along the last axis."""
    size = lanes.shape[-1]
    wide = np.zeros((*lanes.shape[:-1], 8), np.uint8)
    wide[..., 8 - size :] = lanes
    return np.asarray(wide.view("<i8")[..., 0] >> (8 * (8 - size)), np.int64)


def device_sources(kind: str) -> list[Path]:
    """Verilog files of the simulated top with everything below it; kind: ``tr``, ``tmac``, ``msq`` or ``exp``."""
    blocks = manifest.load()
    files = {path: None for name in (f"shw_{kind}_engine", "shw_post_unit") for path in blocks.sources(name)}
    return [*files, HERE / "rtl" / "shw_sim_top.v"]


@dataclass
class SimulatedDevice:
    """One engine with its post unit.

    Attributes:
        engine: which, in which shape.
        requant: how the post unit requantizes.
        waves: file that receives a VCD waveform of everything the device does, or None.
        watchdog: cycles without any handshake after which a run counts as hung.
    """

    engine: Engine = field(default_factory=TrEngine)
    requant: Requant = "shift"
    waves: Path | None = None
    watchdog: int = 200_000
    _library: ctypes.CDLL = field(init=False, repr=False)
    _handle: int | None = field(init=False, default=None, repr=False)
    _acc_bytes: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        engine = self.engine
        self._acc_bytes = ACC_BITS // 8 if isinstance(engine, ExpEngine) else 4
        path = build_library(
            "shw_sim_top",
            device_sources(engine.kind),
            HERE / "harness.cpp",
            parameters={
                "ENGINE": engine.kind,
                "ROWS": engine.rows,
                "COLS": engine.cols,
                "OPERAND_W": 8 * engine.operand_bytes,
                "DEPTH": SLICE_DEPTH,
                "FIXED_ROWS": engine.fixed_rows if isinstance(engine, MsqEngine) else 0,
                "FOLD": engine.fold if isinstance(engine, ExpEngine) else 1,
                "BITS": MAX_BITS,
                "REQUANT": self.requant,
                "ACC_W": 8 * self._acc_bytes,
            },
            defines={
                "SHW_ROWS": engine.rows,
                "SHW_COLS": engine.cols,
                "SHW_OPERAND_BYTES": engine.operand_bytes,
                "SHW_ACC_BYTES": self._acc_bytes,
                "SHW_EXPONENT_BITS": MAX_BITS,
            },
            trace=self.waves is not None,
        )
        library = ctypes.CDLL(str(path))
        library.shw_new.restype = ctypes.c_void_p
        library.shw_free.argtypes = [ctypes.c_void_p]
        library.shw_run.argtypes = [ctypes.c_void_p, ctypes.POINTER(LayerJob)]
        library.shw_trace.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self._library = library
        self.reset()

    def reset(self) -> None:
        """Start from a fresh model after reset; a waveform file starts anew."""
        self.close()
        self._handle = self._library.shw_new()
        if self.waves is not None:
            self._library.shw_trace(self._handle, str(self.waves).encode())

    def close(self) -> None:
        """Free the model (and finish the waveform file)."""
        if self._handle is not None:
            self._library.shw_free(self._handle)
            self._handle = None

    def run(
        self,
        module: IntegerModule,
        program: TileProgram,
        stalls: Stalls | None = None,
        products: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> LayerResult:
        """Run every tile of a module.

        Args:
            module: for its configuration (terms, ReLU, clamp).
            program: operands and constants compiled for this engine.
            stalls: random gaps and backpressure, None for none.
            products: return the engine's dot products too. clock: what ``seconds`` is measured with.

        Raises:
            ShiftworkError: naming the module, when the device hangs or refuses the configuration.
        """
        stalls = stalls or Stalls()
        if program.rule not in _ENCODINGS:
            raise ShiftworkError(f"the engine encodes by {' or '.join(_ENCODINGS)}, not by {program.rule!r}")
        if program.engine != self.engine:
            raise ShiftworkError(f"{module.name}: compiled for a {program.engine} engine, not for {self.engine}")
        expected = "scale" if module.factor is not None else "encode" if program.codes is not None else "shift"
        if module.requantize and self.requant != expected:
            raise ShiftworkError(f"{module.name}: the device's post unit requantizes by {self.requant}")
        shape = (len(program.tiles), self.engine.rows, self.engine.cols)
        layer = program.codes
        codes = np.zeros(shape, np.uint8 if module.low >= 0 or layer is not None else np.int8)
        sums = None if module.requantize else np.zeros((*shape, self._acc_bytes), np.uint8)
        dots = np.zeros((*shape, self._acc_bytes), np.uint8) if products else None
        memories: dict[str, NDArray[np.generic] | None] = {
            "row_blocks": program.row_blocks,
            "col_blocks": program.col_blocks,
            "row_sp2": program.row_sp2,
            "tiles": program.tiles,
            "tables": None if layer is None else layer.tables.astype(np.int64),
            "bias": _words(program.bias, self._acc_bytes),
            "bias_shift": _pack(program.bias_shift, 5),
            "shortcut_shift": _pack(program.shortcut_shift, 6),
            "shift": _pack(program.shift, 6),
            "factor": program.factor.astype(np.uint16) if self.requant == "scale" else None,
            "shortcut": program.shortcut,
            "codes": codes,
            "sums": sums,
            "products": dots,
        }
        memories = {name: None if array is None else np.ascontiguousarray(array) for name, array in memories.items()}
        job = LayerJob()
        for name, array in memories.items():
            setattr(job, name, None if array is None else array.ctypes.data)
        if layer is not None:
            job.table_words, job.slice_length = len(layer.tables), layer.slice_length
            job.exponent_bits, job.shortcut_bits = layer.bits, layer.shortcut_bits
        job.tile_count, job.beats = len(program.tiles), program.beats
        job.watchdog, job.seed = self.watchdog, stalls.seed
        job.in_gap, job.out_stall = round(stalls.in_gap * 65536), round(stalls.out_stall * 65536)
        terms = module.terms
        job.tr_en = int(terms.enabled)
        job.group, job.budget, job.data_terms = terms.group, terms.budget, terms.data_terms
        job.encoding = _ENCODINGS[program.rule]
        job.row_signed, job.col_signed = int(program.row_signed), int(program.col_signed)
        job.lane_is_channel, job.shortcut_signed = int(program.lane_is_channel), int(program.shortcut_signed)
        job.relu = int(module.relu)
        if module.requantize and layer is None:
            job.low, job.high = module.low & 0x1FF, module.high & 0x1FF

        start = clock()
        status = self._library.shw_run(self._handle, ctypes.byref(job))
        seconds = clock() - start
        if status != 0:
            self.reset()
            reason = _STATUS.get(status, f"status {status}").format(watchdog=self.watchdog)
            raise ShiftworkError(f"{module.name}: {reason}")
        result: NDArray[np.integer]
        if sums is None:
            result = program.gather(codes)
            if layer is not None:
                result = resize(result, MAX_BITS, layer.output_bits)
        else:  # the sums of a network output leave the post unit unclamped; only ReLU6 bounds them
            result = np.clip(program.gather(_numbers(sums)), module.low, module.high)
        return LayerResult(
            codes=result,
            products=None if dots is None else program.gather(_numbers(dots)),
            cycles=job.cycles,
            total_cycles=job.total_cycles,
            in_beats=job.in_beats,
            in_waits=job.in_waits,
            out_beats=job.out_beats,
            out_waits=job.out_waits,
            seconds=seconds,
        )
