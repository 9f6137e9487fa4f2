# SPDX-License-Identifier: Apache-2.0
"""The UVM test of the term-revealing engine."""

from collections.abc import Iterable

import pyuvm
from engine_uvm import EngineTest
from tr_stimulus import TrCoverage, any_tile, corners, errors, short_tile, switches

from tiles import Tile
from tr_tiles import TrPins


@pyuvm.test()
class TrEngineTest(EngineTest):
    PINS = TrPins
    COVERAGE = TrCoverage

    def directed(self) -> Iterable[Iterable[Tile]]:
        return (tiles(self.rng, self.pins) for tiles in (corners, switches, errors))

    def short(self) -> Tile:
        return short_tile(self.rng, self.pins)

    def any(self) -> Tile:
        return any_tile(self.rng, self.pins)
