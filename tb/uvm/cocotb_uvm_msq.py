# SPDX-License-Identifier: Apache-2.0
"""The UVM test of the Mix and Match engine."""

from collections.abc import Iterable

import pyuvm
from engine_uvm import EngineTest
from msq_stimulus import MsqCoverage, codes, extremes, lengths, switches

from msq_tiles import MsqPins, random_tile
from tiles import Tile


@pyuvm.test()
class MsqEngineTest(EngineTest):
    PINS = MsqPins
    COVERAGE = MsqCoverage

    def directed(self) -> Iterable[Iterable[Tile]]:
        return (tiles(self.rng, self.pins) for tiles in (codes, extremes, switches, lengths))

    def short(self) -> Tile:
        return random_tile(self.rng, self.pins, length=4 * self.pins.lanes)

    def any(self) -> Tile:
        return random_tile(self.rng, self.pins)
