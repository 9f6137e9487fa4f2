# SPDX-License-Identifier: Apache-2.0
"""Exact cycles of programs of the accelerator, for an external memory of fixed latency.

:func:`predict` replays a program without data: every part of ``shw_accel`` has a class with its registers, and all of
them take one cycle after the other. Time depends on the weights, through the terms that a row streams, and on nothing
else.
"""

from __future__ import annotations

from dataclasses import dataclass

from shiftwork.compile.accel_cycles.layer import Layer
from shiftwork.compile.accel_cycles.machine import Instruction, Machine
from shiftwork.compile.accel_cycles.moves import Header, Move
from shiftwork.compile.accelerator import WORD, AcceleratorProgram
from shiftwork.compile.instructions import TARGETS, UNITS, decoded
from shiftwork.compile.tr_cycles import DEPTH, Reveal, Tile, walks
from shiftwork.compile.weight_stream import RULES, row_codes, stream_bytes


@dataclass(frozen=True)
class Prediction:
    """Cycles of a program.

    Attributes:
        cycles: from the start to the end of the program.
        layers: cycles in which each layer starts and in which its (last) results are written, by the module's name.
    """

    cycles: int
    layers: dict[str, tuple[int, int]]


def predict(program: AcceleratorProgram, latency: int) -> Prediction:
    """Predict a run of a program on the accelerator that it was compiled for.

    Args:
        program: it. latency: cycles from a read request to its first word, then a word a cycle.

    Raises:
        ShiftworkError: the program hangs.
    """
    found = Machine(program.shape, latency, instructions(program)).run()
    return Prediction(found.cycles, program.spans(found.layers))


def instructions(program: AcceleratorProgram) -> list[Instruction]:
    """The instructions of a program, layers with what their weights cost."""
    steps = decoded(program.program)
    weights = b"".join(
        program.memory[values["memory"] : values["memory"] + values["words"] * WORD].tobytes()
        for kind, values in steps
        if kind == "load" and values["target"] == TARGETS["weights"]
    )
    shape, engine, at = program.shape, program.shape.engine, 0
    found: list[Instruction] = []
    known: dict[tuple[object, ...], tuple[Tile, ...]] = {}
    for kind, values in steps:
        if kind != "run":
            found.append(Header() if kind == "header" else Move.of(kind, values))
            continue
        tiles: tuple[Tile, ...] = ()
        if values["unit"] == UNITS["engine"] and engine.kind == "tr":
            size = stream_bytes(values, engine.rows)
            key = (weights[at : at + size], *(values[name] for name in _COSTS))
            if key not in known:  # strips have the same weights
                known[key] = _tiles(values, weights[at : at + size], engine.rows)
            tiles, at = known[key], at + size
        found.append(Layer(values, engine.rows, engine.cols, shape.activation_words, tiles))
    return found


_COSTS = (
    "kernel_y", "kernel_x", "channels", "rows_apart", "row_signed", "tr_en", "group", "group_budget", "encoding",
    "slice_shift",
)  # fmt: skip


def _tiles(values: dict[str, int], stream: bytes, rows: int) -> tuple[Tile, ...]:
    """What the rows find in every row tile."""
    group = values["group"] if values["tr_en"] else 0
    reveal = Reveal(RULES[values["encoding"]], group, values["group_budget"], bool(values["row_signed"]))
    codes, shift = row_codes(values, stream, rows), values["slice_shift"]
    return tuple(Tile(walks(tile, reveal, DEPTH >> shift), tile.shape[1], reveal, shift) for tile in codes)
