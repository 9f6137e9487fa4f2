# SPDX-License-Identifier: Apache-2.0
"""Parts of the cycle model of the accelerator (its cycles are held to the RTL in tb/system)."""

from __future__ import annotations

import random

import pytest

from shiftwork.compile import TrEngine
from shiftwork.compile.accel_cycles.layer import Layer
from shiftwork.compile.accel_cycles.machine import Machine
from shiftwork.compile.accel_cycles.moves import Move
from shiftwork.compile.accel_cycles.tile_control import MacControl, MsqControl
from shiftwork.compile.accelerator import Accelerator
from shiftwork.compile.instructions import RUN, decode, encode
from shiftwork.compile.mac_cycles import predict_mac_cycles
from shiftwork.compile.msq_cycles import predict_msq_cycles
from shiftwork.errors import ShiftworkError


def cycles(engine: MacControl | MsqControl, tiles: int, length: int, rows: int) -> int:
    """From the first beat to the last result, source and sink always ready."""
    taken = results = cycle = 0
    while results < tiles * rows:
        beat = taken < tiles * length and engine.in_ready
        results += engine.out_valid
        engine.clock(beat, beat and taken % length == length - 1, 0, True)
        taken, cycle = taken + beat, cycle + 1
    return cycle


@pytest.mark.parametrize("seed", range(60))
def test_engines_alone(seed: int) -> None:
    choose = random.Random(seed)
    rows = choose.choice([2, 4, 8, 16])
    length = choose.choice([1, 3, 9, 25, 72, 256, 300, choose.randrange(1, 900)])
    assert cycles(MacControl(rows), 9, length, rows) == predict_mac_cycles(9, length, rows)
    assert cycles(MsqControl(rows), 9, length, rows) == predict_msq_cycles(9, length, rows, 1)


def layer(**fields: int) -> Layer:
    ones = {field.name: field.low for field in RUN if not field.signed}
    return Layer(decode(encode("run", ones | {"plain": 1} | fields))[1], 2, 8, 64)


def test_the_last_row_of_a_window_inside_the_map() -> None:
    """Blocks of 2 x 4 over a map of 3 rows: below it only row 0 counts."""
    assert list(layer(unit=2, reduce=1, kernel_y=2, dilation_y=2, height=3, channels=2).slices()) == [1, 0] * 2


def test_beats_that_are_dropped_and_shortcuts() -> None:
    found = list(layer(tiles=2, out_channels=3, shortcut_enable=1, shortcut_first=1, shortcut_count=1).beats())
    assert [beat.drop for beat in found] == [False, False, False, True]
    assert [beat.need for beat in found] == [False, True, False, False]


def test_a_program_that_hangs() -> None:
    move = Move(store=False, take_token=True, give_token=False, target=0, words=8, part=0)
    with pytest.raises(ShiftworkError, match="nothing happens"):
        Machine(Accelerator(TrEngine(2, 8), 1), 1, [move]).run()
