# SPDX-License-Identifier: Apache-2.0
"""The whole accelerator, cycle by cycle: ``shw_accel`` with a memory of fixed latency."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shiftwork.compile.accel_cycles.beats import READ, Im2col, Step, Turns, WeightRing
from shiftwork.compile.accel_cycles.layer import Layer
from shiftwork.compile.accel_cycles.layer_control import Follow, LayerControl
from shiftwork.compile.accel_cycles.moves import FETCHED, ExternalMemory, Fetch, Header, Move, Mover, ReadPort
from shiftwork.compile.accel_cycles.pool_control import Pool
from shiftwork.compile.accel_cycles.result_control import ResultPath
from shiftwork.compile.accel_cycles.tile_control import MacControl, MsqControl
from shiftwork.compile.accelerator import Accelerator
from shiftwork.compile.tr_cycles import TrControl
from shiftwork.errors import ShiftworkError
from shiftwork.golden.blocks_layout import block_shape

VECTOR = 2
"""Cycles from a step to its vector of weights."""
BEATS = 32
"""Most beats between a step and the engine."""
_HANG = 100_000
"""Cycles without progress that count as a hang."""
_Engine = TrControl | MacControl | MsqControl
_ENGINES: dict[str, type[_Engine]] = {"tr": TrControl, "mac": MacControl, "msq": MsqControl}


Instruction = Header | Move | Layer


@dataclass(frozen=True)
class Timing:
    """Cycles of a program: in all, and those in which every layer starts and in which its results are written."""

    cycles: int
    layers: list[tuple[int, int]]


class Pipe:
    """Valid bits beside a pipeline that never stalls (``shw_accel_tags``)."""

    def __init__(self, cycles: int) -> None:
        self._bits = 0
        self._mask = (1 << cycles) - 1
        self._shift = cycles - 1

    @property
    def late(self) -> int:
        """What came in so many cycles ago."""
        return self._bits >> self._shift

    def clock(self, now: int) -> None:
        """The edge."""
        self._bits = (self._bits << 1 | now) & self._mask


class Machine:
    """The accelerator.

    Args:
        shape: of it. latency: of external memory. program: its instructions.
    """

    def __init__(self, shape: Accelerator, latency: int, program: Sequence[Instruction]) -> None:
        engine, block = shape.engine, block_shape(shape.engine.cols)
        self.program = program
        # loads, stores, instructions
        self.memory = ExternalMemory(latency)
        self.port = ReadPort()
        self.fetch = Fetch()
        self.ring = WeightRing(engine.rows, shape.weight_words)
        self.mover = Mover(engine.cols, self.ring.room)
        self.stores = Pipe(READ + FETCHED - 1)  # words pass as many registers
        self.moved_tokens = self.layer_tokens = 0
        self.layers = LayerControl()
        self.follow = Follow()
        # steps and beats
        self.im2col = Im2col()
        self.step_turns, self.beat_turns = Turns(), Turns()
        self.underway = 0
        self.steps, self.vectors = Pipe(READ), Pipe(VECTOR)
        self.beats: deque[tuple[bool, int]] = deque()  # from a step on: last of a reduction, last slice
        self.words_held = self.vectors_held = 0
        self.slices: Iterator[int] = iter(())
        # units and results
        self.engine = _ENGINES[engine.kind](engine.rows)
        self.pool = Pool(block.height, block.width)
        self.results = ResultPath(block.height, engine.path == "scale")
        self.shortcuts = Pipe(READ + self.results.words_free - 1)

    def run(self) -> Timing:
        """All of the program.

        Raises:
            ShiftworkError: it hangs.
        """
        self.fetch.start(len(self.program))
        self.memory.cycle = 1
        quiet = 0
        while self.fetch.left or self.mover.busy or self.layers.busy:
            quiet = 0 if self._cycle() else quiet + 1
            if quiet > _HANG:
                raise ShiftworkError(f"instruction {self.fetch.index}: nothing happens for {_HANG} cycles")
        return Timing(self.memory.cycle, list(zip(self.layers.begun, self.layers.written, strict=True)))

    def _cycle(self) -> bool:
        """One cycle: every part reads registers of the others before their edge. True where something moves."""
        results, layers = self.results, self.layers
        shortcut, write, block = results.read_valid, results.write_valid, results.write_block
        fetches, results_busy, steps_left = self.mover.fetch_valid, results.busy, self.im2col.busy
        ended = layers.ended(results_busy)
        step = self._step(shortcut or fetches)
        taken, word, moved = self._moves(ended, write, fetches and not shortcut)
        self.ring.clock(word, step)
        self.follow.clock(block, step)
        self._beats(step, shortcut)
        self._starts()
        layers.clock(taken, steps_left, results_busy, self.memory.cycle - 1)
        return moved or write or step is not None

    def _step(self, direct: bool) -> Step | None:
        """A step, with its edge. direct: a read of a whole word has the turn."""
        layer, im2col = self.layers.layer, self.im2col
        if layer is None or direct or not im2col.busy or self.underway == BEATS:
            return None
        if not self.layers.may_read(self.follow.ready) or (layer.uses_engine and not self.ring.available):
            return None
        vector = layer.uses_engine and self.step_turns.advance(layer.turns)
        step = im2col.step(vector)
        self.beats.append((step.last, 0 if layer.uses_engine else next(self.slices)))
        return step

    def _moves(self, ended: bool, write: bool, fetch: bool) -> tuple[Layer | None, bool, bool]:
        """Memory, instructions, loads and stores.

        Args:
            ended: a layer ends. write: a result is written. fetch: a word to be stored is read.

        Returns:
            The layer that begins; whether a word for the ring is there; whether something moves.
        """
        memory, port, fetcher, mover, ring = self.memory, self.port, self.fetch, self.mover, self.ring
        accepted = port.valid and memory.read_ready
        free = not port.words or accepted
        asks, load = fetcher.read_valid, mover.load_words
        to_fetch = memory.word and port.order[0]
        to_mover = memory.word and not port.order[0]
        ring_word = to_mover and mover.to_weights
        loaded = to_mover and mover.data_ready(ring.ready, not write)
        written = to_mover and not write and mover.to_activations
        sent = mover.data_valid and memory.data_ready
        store = mover.store_words if memory.write_ready else 0

        new: Move | None = None
        taken: Layer | None = None
        header = False
        if fetcher.valid:
            held = self.program[fetcher.index]
            if isinstance(held, Header):
                header = True
            elif isinstance(held, Move):
                new = held if mover.ready else None
            elif self.layers.takes(held, self.moved_tokens > 0, self.underway):
                taken = held
        begins = mover.takes(self.layer_tokens > 0)
        self.moved_tokens += (mover.ended and mover.move.give_token) - (taken is not None and taken.take_token)
        self.layer_tokens -= begins and mover.queue[0].take_token
        self.layer_tokens += ended and self.layers.writing is not None and self.layers.writing.give_token

        word_taken = to_fetch or loaded
        request, last = port.words if accepted else 0, word_taken and memory.word_last
        asked = store > 0 or (load > 0 and free and not asks)
        mover.clock(new, begins, asked, loaded or sent, written, memory.done, ring.room, fetch, bool(self.stores.late))
        fetcher.clock(asks and free, to_fetch, header or new is not None or taken is not None)
        port.clock(accepted, free, asks, load, last)
        memory.clock(word_taken, request, sent, store)
        self.stores.clock(fetch)
        return taken, ring_word, word_taken or sent or request > 0

    def _beats(self, step: Step | None, shortcut: bool) -> None:
        """From steps to results. shortcut: a shortcut word is read."""
        layer, results = self.layers.layer, self.results
        beat = False
        if self.layers.busy:
            assert layer is not None
            unit: _Engine | Pool = self.engine if layer.uses_engine else self.pool
            beat = self.words_held > 0 and unit.in_ready and (not layer.uses_engine or self.vectors_held > 0)
            last, last_slice = self.beats.popleft() if beat else (False, 0)
            if beat and layer.uses_engine:
                self.vectors_held -= self.beat_turns.advance(layer.turns)
            offered, taken = unit.out_valid, results.source_ready
            unit.clock(beat, last, last_slice, taken)
            results.clock(offered, bool(self.shortcuts.late))
        self.words_held += self.steps.late - beat
        self.vectors_held += self.vectors.late
        self.underway += (step is not None) - beat
        self.steps.clock(step is not None)
        self.vectors.clock(step is not None and step.vector)
        self.shortcuts.clock(shortcut)

    def _starts(self) -> None:
        """The edges of the cycles in which the steps and the results of a layer start."""
        layers = self.layers
        if layers.starts:
            assert layers.layer is not None
            self.im2col.start(layers.layer)
            self.follow.start(layers.layer)
            if layers.layer.uses_engine:
                self.engine.begin(layers.layer.tile_sequence())
            else:
                self.pool.begin(layers.layer)
                self.slices = layers.layer.slices()
        if layers.writing_starts:
            assert layers.writing is not None
            self.results.start(layers.writing)
            self.follow.write_start(layers.writing)
