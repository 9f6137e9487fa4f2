# SPDX-License-Identifier: Apache-2.0
"""What a tile program costs on its engine, known before it runs: the exact cycles and a bound below them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms as term_codes
from shiftwork.compile.cycles import Tile, predict_cycles, row_operations
from shiftwork.compile.engine import ExpEngine, MsqEngine
from shiftwork.compile.exp_cycles import ExpTile, class_counts, predict_exp_cycles, walks
from shiftwork.compile.msq_cycles import predict_msq_cycles
from shiftwork.compile.operands import TileProgram, unpack_codes
from shiftwork.golden.class_sums import ExpConfig, row_classes
from shiftwork.network.integer import TermConfig
from shiftwork.quantize.bounds import SLICE_DEPTH


@dataclass(frozen=True)
class Schedule:
    """Cost of one module on its engine.

    Attributes:
        cycles: from the first beat to the last result, without stalls.
        bound: cycles below which no schedule can go; ``bound / cycles`` is the utilisation. ``tr``: sum over slices of
            max(tokens of the longest row, beats), for engines that issue one token per row and cycle and take one beat
            per cycle. ``msq``: multiply-accumulates over those of a beat. ``exp``: sum over slices of max(values that
            are not zero in the rows of the longest line, beats).
        tokens: terms and empty planes of all real rows, summed over the tiles; None without terms.
    """

    cycles: int
    bound: int
    tokens: int | None = None


def streamed_values(program: TileProgram, terms: TermConfig) -> NDArray[np.integer]:
    """Values that the rows stream, after term revealing: ``(row blocks * ROWS, K)``."""
    blocks, depth, rows = program.row_blocks.shape
    codes = program.row_blocks.transpose(0, 2, 1).reshape(blocks * rows, depth)
    values = codes.view(np.int8) if program.row_signed else codes
    return term_codes.reveal(values, terms.group, terms.budget, program.rule) if terms.enabled else values


def schedule(program: TileProgram, terms: TermConfig) -> Schedule:
    """Predict what the engine does with a program (source and sink always ready)."""
    if isinstance(program.engine, MsqEngine):
        cycles = predict_msq_cycles(len(program.tiles), program.beats, program.engine)
        return Schedule(cycles, -(-program.macs // program.engine.beat_macs))
    if isinstance(program.engine, ExpEngine):
        return _exp_schedule(program, program.engine)
    return _tr_schedule(program, terms)


def _tr_schedule(program: TileProgram, terms: TermConfig) -> Schedule:
    blocks, depth, rows = program.row_blocks.shape
    cost = row_operations(streamed_values(program, terms), program.rule, SLICE_DEPTH)
    operations = cost.operations.reshape(blocks, rows, -1).max(axis=1)
    longest = cost.tokens.reshape(blocks, rows, -1).max(axis=1)
    beats = np.minimum(SLICE_DEPTH, depth - SLICE_DEPTH * np.arange(longest.shape[1]))
    entries = program.positions if program.lane_is_channel else program.channels
    row_index = np.arange(blocks * rows).reshape(blocks, rows) % (program.row_tiles * rows)
    real = cost.tokens.sum(axis=1).reshape(blocks, rows) * (row_index < entries)

    order = program.tiles[:, 0]
    group = terms.group if terms.enabled else 0
    tiles = [Tile(tuple(int(n) for n in row), depth, group) for row in operations]
    return Schedule(
        cycles=predict_cycles((tiles[block] for block in order), rows),
        tokens=int(real.sum(axis=1)[order].sum()),
        bound=int(np.maximum(longest, beats).sum(axis=1)[order].sum()),
    )


def row_tiles(program: TileProgram, engine: ExpEngine) -> list[ExpTile]:
    """How the engine walks through the rows of every block of a program of exponential codes."""
    assert program.codes is not None
    bits = program.codes.bits
    config = ExpConfig(bits, program.row_signed, program.codes.slice_length)
    codes = unpack_codes(program.row_blocks, bits + 1, engine.rows).transpose(0, 2, 1)
    counts = class_counts(*row_classes(codes, config, bits), config)
    blocks, slices = counts.shape[:2]
    found = walks(counts.reshape(blocks * slices, *counts.shape[2:]), engine.fold)
    return [ExpTile.of(found[block * slices : (block + 1) * slices], program.depth, config) for block in range(blocks)]


def _exp_schedule(program: TileProgram, engine: ExpEngine) -> Schedule:
    tiles = row_tiles(program, engine)
    order = program.tiles[:, 0].tolist()
    return Schedule(
        cycles=predict_exp_cycles((tiles[block] for block in order), engine.rows),
        bound=sum(tiles[block].bound for block in order),
    )
