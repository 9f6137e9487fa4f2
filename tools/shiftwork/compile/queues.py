# SPDX-License-Identifier: Apache-2.0
"""Instructions in order, with the tokens that the two queues of the accelerator need (``docs/accelerator.md``).

A layer takes one token, which the last load or store before it gives: all that stands before a layer has been moved
when it starts, except weights, for which the ring waits. A move takes a token where a layer uses what it reads or
overwrites, unless a move before it has waited for that layer or a later one; that layer gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from shiftwork.compile.instructions import TARGETS, encode, sealed


@dataclass(frozen=True)
class Span:
    """Words of one memory, from ``first`` to before ``end``."""

    memory: str
    first: int
    end: int

    def meets(self, other: Span) -> bool:
        """True where both have words in common."""
        return self.memory == other.memory and self.first < other.end and other.first < self.end


@dataclass(frozen=True)
class _Use:
    run: int
    span: Span
    written: bool


@dataclass(frozen=True)
class _Waiting:
    """A store that is not in the program yet: behind which layer, its fields, what it reads and writes."""

    run: int
    values: dict[str, int]
    source: Span
    target: Span


class Queues:
    """The program that is written.

    Args:
        header: fields of its header.
    """

    def __init__(self, header: Mapping[str, int]) -> None:
        self.entries: list[tuple[str, dict[str, int]]] = [("header", dict(header))]
        self._runs: list[int] = []  # entries that are layers
        self._ended = 0  # layers that have ended when the next move begins
        self._uses: list[_Use] = []
        self._giver: int | None = None  # the last move before the next layer
        self._waiting: list[_Waiting] = []

    def load(self, target: str, values: Mapping[str, int], source: Span, into: Span | None) -> None:
        """A load of external memory ``source``; ``into``: what it fills (None: the ring)."""
        self.flush(lambda one: one.target.meets(source) or (into is not None and one.source.meets(into)))
        reads, writes = [source], [] if into is None else [into]
        self._move("load", {"target": TARGETS[target], **values}, reads, writes)

    def store(self, values: Mapping[str, int], source: Span, target: Span) -> None:
        """A store of what the last layer wrote: it comes behind the next layer, or earlier where it has to."""
        self._waiting.append(_Waiting(len(self._runs) - 1, dict(values), source, target))

    def flush(self, chosen: Callable[[_Waiting], bool] = lambda _: True) -> None:
        """Put stores that wait into the program, up to the last one that is chosen."""
        count = max((index + 1 for index, one in enumerate(self._waiting) if chosen(one)), default=0)
        ready, self._waiting = self._waiting[:count], self._waiting[count:]
        for one in ready:
            self._move("store", one.values, [one.source], [one.target])

    def make_room(self, spans: Iterable[Span]) -> None:
        """Put the stores into the program whose words a layer is about to overwrite."""
        spans = list(spans)
        self.flush(lambda one: any(one.source.meets(span) for span in spans))

    def run(self, values: Mapping[str, int], reads: Iterable[Span], writes: Iterable[Span]) -> int:
        """A layer; its number in the program. Its weights are loaded last before it."""
        fields = dict(values)
        if self._giver is not None:
            self.entries[self._giver][1]["give_token"] = 1
            fields["take_token"] = 1
        self._giver = None
        number = len(self._runs)
        self._uses += [_Use(number, span, False) for span in reads] + [_Use(number, span, True) for span in writes]
        self._runs.append(len(self.entries))
        self.entries.append(("run", fields))
        self.flush(lambda one: one.run < number)
        return self._runs[-1]

    def _move(self, kind: str, values: Mapping[str, int], reads: list[Span], writes: list[Span]) -> None:
        needed = 0
        for use in self._uses:
            if any(use.span.meets(span) for span in (*writes, *(reads if use.written else ()))):
                needed = use.run + 1  # they are in order
        waits = needed > self._ended
        if waits:
            self.entries[self._runs[needed - 1]][1]["give_token"] = 1
            self._ended = needed
            self._uses = [use for use in self._uses if use.run >= needed]
        if kind != "load" or values["target"] != TARGETS["weights"]:
            self._giver = len(self.entries)
        self.entries.append((kind, {**values, "take_token": int(waits)}))

    def encoded(self) -> bytes:
        """The program."""
        self.entries[0][1]["instructions"] = len(self.entries)
        return sealed(b"".join(encode(kind, values) for kind, values in self.entries))
