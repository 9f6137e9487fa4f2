# SPDX-License-Identifier: Apache-2.0
"""The UVM test of the engine of exponential codes."""

from collections.abc import Iterable

import pyuvm
from engine_uvm import EngineTest
from exp_stimulus import ExpCoverage, any_tile, classes, codes, errors, short_tile, slices, switches

from exp_tiles import ExpPins, random_tables
from tiles import Tile


@pyuvm.test()
class ExpEngineTest(EngineTest):
    PINS = ExpPins
    COVERAGE = ExpCoverage

    async def reset(self) -> None:
        await super().reset()
        await self.pins.load(random_tables(self.rng, self.pins.bits))

    def directed(self) -> Iterable[Iterable[Tile]]:
        return (tiles(self.rng, self.pins) for tiles in (codes, classes, slices, switches, errors))

    def short(self) -> Tile:
        return short_tile(self.rng, self.pins)

    def any(self) -> Tile:
        return any_tile(self.rng, self.pins)
