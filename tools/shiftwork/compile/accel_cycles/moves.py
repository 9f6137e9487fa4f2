# SPDX-License-Identifier: Apache-2.0
"""Words of external memory, cycle by cycle: the memory, the fetch of instructions, loads and stores.

Registers of a block are attributes; ``clock`` is the edge, its arguments are the signals of the cycle before it. A
property is a signal that depends on registers alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from shiftwork.compile.instructions import TARGETS

_INSTRUCTION = 8
"""Words of an instruction."""
_READS, _WRITES = 16, 4
"""Requests that memory holds."""
_ORDER = 8
"""Read requests underway."""
_MOVES = 8
"""Loads and stores in the queue of the mover."""
_CHUNK = 64
"""Words of a read request of the mover."""
_STORED = 4096
"""Words of a write request."""
FETCHED = 8
"""Words of the activation memory on their way to memory."""


class ExternalMemory:
    """Memory of a fixed latency, as the simulated accelerator has it: a word a cycle each way.

    Args:
        latency: cycles from a read request to its first word, and from the last word of a write to its acknowledgement.
    """

    def __init__(self, latency: int) -> None:
        self.latency = latency
        self.cycle = 0
        self.reads: deque[list[int]] = deque()  # words left, cycle of the first
        self.writes: deque[int] = deque()  # words left
        self.acknowledged: deque[int] = deque()  # cycles
        self.sample()

    def sample(self) -> None:
        """What memory offers in this cycle."""
        reads, acknowledged = self.reads, self.acknowledged
        self.word = bool(reads) and reads[0][1] <= self.cycle
        self.word_last = self.word and reads[0][0] == 1
        self.read_ready = len(reads) < _READS
        self.write_ready = len(self.writes) < _WRITES
        self.data_ready = bool(self.writes)
        self.done = bool(acknowledged) and acknowledged[0] <= self.cycle

    def clock(self, word_taken: bool, read: int, data: bool, write: int) -> None:
        """read, write: words of a request that is accepted, or 0."""
        if self.done:
            self.acknowledged.popleft()
        if word_taken:
            if self.word_last:
                self.reads.popleft()
            else:
                self.reads[0][0] -= 1
        if read:
            self.reads.append([read, self.cycle + self.latency])
        if data:
            self.writes[0] -= 1
            if not self.writes[0]:
                self.writes.popleft()
                self.acknowledged.append(self.cycle + self.latency)
        if write:
            self.writes.append(write)
        self.cycle += 1
        self.sample()


class ReadPort:
    """The read requests of ``shw_accel``: instructions first, then loads; whose words come is kept in order."""

    def __init__(self) -> None:
        self.words = 0  # of the request that is offered; 0: none
        self.is_fetch = False
        self.order: deque[bool] = deque()  # True: of the fetch

    @property
    def valid(self) -> bool:
        """A request is offered to memory."""
        return self.words > 0 and len(self.order) < _ORDER

    def clock(self, accepted: bool, free: bool, fetch: bool, load: int, last_taken: bool) -> None:
        """free: the register takes a request. load: words that the mover asks for, or 0. last_taken: of a request."""
        if last_taken:
            self.order.popleft()
        if accepted:
            self.order.append(self.is_fetch)
        if free:
            self.is_fetch = fetch
            self.words = _INSTRUCTION if fetch else load


class Fetch:
    """``shw_accel_fetch``."""

    def __init__(self) -> None:
        self.left = 0
        self.index = 0
        self.waiting = False
        self.full = False
        self.compared = False
        self.arrived = 0

    @property
    def valid(self) -> bool:
        """An instruction is offered; the last one a cycle later, when the checksum has been compared."""
        return self.full and (self.compared or self.left != 1)

    @property
    def read_valid(self) -> bool:
        """It asks for an instruction."""
        return self.left > 0 and not self.waiting and not self.full

    def start(self, count: int) -> None:
        """The edge of the cycle with ``start``."""
        self.left, self.index = count, 0

    def clock(self, asked: bool, word: bool, taken: bool) -> None:
        """taken: the instruction that is held."""
        self.compared = self.full
        if taken:
            self.left -= 1
            self.index += 1
            self.full = False
        if asked:
            self.waiting = True
        if word:
            self.arrived = (self.arrived + 1) % _INSTRUCTION
            if not self.arrived:
                self.waiting, self.full = False, True


class Header:
    """The first instruction, which is taken at once."""


@dataclass(frozen=True)
class Move:
    """A load or store: what its time depends on."""

    store: bool
    take_token: bool
    give_token: bool
    target: int
    words: int
    part: int

    @staticmethod
    def of(kind: str, values: Mapping[str, int]) -> Move:
        """Of an instruction."""
        return Move(kind == "store", bool(values["take_token"]), bool(values["give_token"]), values["target"],
                    values["words"], values["part"])  # fmt: skip


class Mover:
    """``shw_accel_mover``.

    Args:
        cols: codes of a word of the activation memory. ring: words of 64 bits that the weight ring has room for.
    """

    def __init__(self, cols: int, ring: int) -> None:
        self.whole = self.beats = cols // 8  # words of 64 bits of a word of the activation memory; that are moved
        self.halves = cols < 32  # a word of 64 bits is written in two cycles
        self.mask = 2 * ring - 1
        self.queue: deque[Move] = deque()
        self.move = Move(False, False, False, 0, 0, 0)
        self.active = False
        self.to_request = self.to_move = 0
        self.offer = 0  # words of the request that is offered; 0: none
        self.unacknowledged = 0
        self.beat = 0
        self.high = False
        self.words = 0  # of the activation memory, to be sent
        self.fetched = 0  # .. that are asked for and not yet sent
        self.to_fetch = 0

    @property
    def ready(self) -> bool:
        """The queue takes an instruction."""
        return len(self.queue) < _MOVES

    @property
    def busy(self) -> bool:
        """Instructions are not ended."""
        return self.active or bool(self.queue)

    @property
    def load_words(self) -> int:
        """Words of the read request that is offered, or 0."""
        return 0 if self.move.store else self.offer

    @property
    def store_words(self) -> int:
        """Words of the write request that is offered, or 0."""
        return self.offer if self.move.store else 0

    @property
    def to_activations(self) -> bool:
        """The words that come go to the activation memory."""
        return not self.move.store and self.move.target == TARGETS["activations"]

    @property
    def to_weights(self) -> bool:
        """The words that come go to the ring."""
        return not self.move.store and self.move.target == TARGETS["weights"]

    @property
    def fetch_valid(self) -> bool:
        """A store asks for a word of the activation memory."""
        return self.active and self.move.store and self.fetched < FETCHED and self.to_fetch > 0

    @property
    def data_valid(self) -> bool:
        """A store offers a word to memory."""
        return self.words > 0 and self.to_move != self.to_request

    def takes(self, token: bool) -> bool:
        """It begins an instruction."""
        return not self.active and bool(self.queue) and (token or not self.queue[0].take_token)

    @property
    def ended(self) -> bool:
        """An instruction ends."""
        return self.active and not self.to_move and not (self.move.store and self.unacknowledged)

    def data_ready(self, ring_ready: bool, write_ready: bool) -> bool:
        """It takes a word that comes."""
        if self.to_weights:
            return ring_ready
        return not self.to_activations or (write_ready and (self.high or not self.halves))

    def clock(
        self, new: Move | None, take: bool, asked: bool, moved: bool, written: bool, done: bool, room: int, fetch: bool,
        fetched: bool,
    ) -> None:  # fmt: skip
        """The edge.

        Args:
            new: an instruction that the queue takes. take: it begins the oldest one.
            asked: its request is accepted. moved: a word that comes, or that is sent, is taken.
            written: half a word of 64 bits is written, where there are halves. done: a write is acknowledged.
            room: of the ring. fetch: a word is asked for of the activation memory. fetched: one comes.
        """
        if self.active or take or done:
            self._edge(take, asked, moved, written, done, room, fetch, fetched)
        if new is not None:
            self.queue.append(new)

    def _edge(
        self, take: bool, asked: bool, moved: bool, written: bool, done: bool, room: int, fetch: bool, fetched: bool
    ) -> None:
        move, store = self.move, self.move.store
        spent = store and moved and self.beat == self.beats - 1
        ended = self.ended
        offer = 0
        if self.offer:
            offer = 0 if asked else self.offer
        elif self.active and self.to_request:
            offer = self._prepare(room)
        self.unacknowledged += (asked and store) - done
        if take:
            self.move = move = self.queue.popleft()
            self.active, self.beats = True, move.part or self.whole
            self.to_request = self.to_move = self.to_fetch = move.words
            self.beat, self.high, self.words, self.fetched = 0, False, 0, 0
        else:
            if ended:
                self.active = False
            if asked:
                self.to_request -= self.offer
            if moved:
                self.to_move -= 1
                self.beat = (self.beat + 1) % self.beats
            if written:
                self.high = not self.high
            if store:
                self.words += fetched - spent
                self.fetched += fetch - spent
                if fetch:
                    self.to_fetch = max(self.to_fetch - self.beats, 0)
        self.offer = offer

    def _prepare(self, room: int) -> int:
        """Words of the next request, or 0 while it may not be made."""
        if self.move.store:
            return 0 if self.unacknowledged >= 128 else min(self.to_request, _STORED)
        chunk = min(self.to_request, _CHUNK)
        if not self.to_weights:
            return chunk
        free = (room - self.to_move + self.to_request) & self.mask
        if free >= chunk:
            return chunk
        return 0 if self.to_move != self.to_request else free & 63
