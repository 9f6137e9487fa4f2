# SPDX-License-Identifier: Apache-2.0
"""The tile engine of a board: layers of a network, run by run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from shiftwork.board.frames import WORD, Request, Space
from shiftwork.board.identity import SYSTEMS, BoardDevice, identify
from shiftwork.board.on_board import BoardAccelerator
from shiftwork.board.tile_runs import BUSY, FAULT, Part, TileRegister, parts
from shiftwork.board.uart import BoardError, UartTransport
from shiftwork.compile import Engine, Operands
from shiftwork.device.simulated import LayerResult, Stalls
from shiftwork.errors import ShiftworkError

_PATIENCE = 32
"""Cycles per beat of a run after which it hangs, a tile and a run counted as a few beats more."""


def connect(transport: UartTransport) -> BoardAccelerator | BoardTiles:
    """The system of a board, of whatever kind.

    Raises:
        BoardError: as :func:`identify`. The port is given back.
    """
    try:
        identity = identify(transport)
    except ShiftworkError:
        transport.close()
        raise
    kind = BoardTiles if identity.system == SYSTEMS[1] else BoardAccelerator
    return kind(transport, identity)


@dataclass
class BoardTiles(BoardDevice):
    """The tile engine of a board, as :func:`shiftwork.run.layers.execute` takes it.

    Attributes:
        engine: it.
    """

    inside: ClassVar[bool] = False
    engine: Engine = field(init=False)

    def attach(self) -> None:
        self.engine = self.identity.tile_engine
        self._write(TileRegister.RUN, bytes(WORD))  # drops that of an earlier host

    def run(
        self, operands: Operands, stalls: Stalls | None = None, *, clock: Callable[[], float] = time.perf_counter
    ) -> LayerResult:
        """Run every tile of a layer. ``seconds`` counts the transfers as well.

        Raises:
            ShiftworkError: naming the module, when it was compiled for another device, a tile of it does not fit the
                memory, the engine refuses the configuration or hangs; stalls are asked for.
        """
        if stalls is not None:
            raise ShiftworkError("the memory of a board does not stall at will")
        layer, engine = operands.layer, self.engine
        layer.check(engine, "shift")
        start, cycles = clock(), 0
        shape = (len(operands.tiles), engine.rows, engine.cols)
        results = np.zeros(shape if layer.module.requantize else (*shape, WORD), np.uint8)
        for part in parts(operands, self.identity.memory):
            for address, data in part.writes.items():
                self.transport.write_memory(address, data)
            cycles += self._run(part, layer.module.name)
            tiles = results[part.tiles]
            data = self.transport.read_memory(part.run.results, part.result_bytes)
            results[part.tiles] = np.frombuffer(data, np.uint8)[: tiles.size].reshape(tiles.shape)
        return LayerResult(operands.output(results), cycles, len(operands.tiles) * operands.beats, clock() - start)

    def _run(self, part: Part, name: str) -> int:
        """One run; its cycles."""
        self._write(TileRegister.ENGINE_SETTINGS, part.run.words())
        limit = _PATIENCE * (part.tiles.size + 16) * (part.run.beats + 16)
        while True:
            status, cycles = self._read(TileRegister.STATUS, 2)
            if status & FAULT:
                raise BoardError(f"{name}: the engine of the board refuses its configuration")
            if not status & BUSY:
                return cycles
            if cycles > limit:
                raise BoardError(f"{name}: the engine of the board hangs")

    def _write(self, first: TileRegister, data: bytes) -> None:
        """Write registers in a row."""
        self.transport.exchange([Request(Space.REGISTERS, WORD * first, len(data) // WORD, data)])

    def _read(self, first: TileRegister, count: int) -> list[int]:
        """Read registers in a row."""
        (data,) = self.transport.exchange([Request(Space.REGISTERS, WORD * first, count)])
        return [int(word) for word in np.frombuffer(data, "<u4")]
