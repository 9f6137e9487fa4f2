# SPDX-License-Identifier: Apache-2.0
"""Areas and delays measured again and compared with their records (``make synth``).

A record of areas is the baseline. What grew beyond its tolerance is an error until the record is measured again on
purpose: ``python -m shiftwork.measure --only RECORD --force``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shiftwork.measure.records import Record
from shiftwork.table import Table

Verdict = Literal["same", "within", "grew", "shrank", "new", "gone"]


@dataclass(frozen=True)
class Tolerance:
    """How far a figure may move: the larger of a share of the baseline and an absolute amount.

    Attributes:
        share: of the baseline. absolute: in the figure's unit. falls: a smaller figure is the worse one.
    """

    share: float
    absolute: float
    falls: bool = False


TOLERANCES = {
    "cells": Tolerance(0.01, 4),
    "luts": Tolerance(0.01, 4),
    "flip_flops": Tolerance(0.01, 4),
    "block_ram": Tolerance(0, 0),
    "block_rams": Tolerance(0, 0),
    "dsp": Tolerance(0, 0),
    "delay_ps": Tolerance(0.03, 0),
    "fmax_mhz": Tolerance(0.05, 0, falls=True),
}
"""Figures that are compared, by their name in the records."""
NAMES = ("block", "design", "family")
"""Fields that name an entry of a list."""


@dataclass(frozen=True)
class Change:
    """One figure of one entry.

    Attributes:
        place: record and entry, e.g. ``area shw_fifo``. figure: of :data:`TOLERANCES`.
        before: in the record; None where the entry is new. now: measured; None where it is gone.
    """

    place: str
    figure: str
    before: float | None
    now: float | None

    @property
    def verdict(self) -> Verdict:
        """What happened: ``within`` its tolerance, or beyond it."""
        if self.before is None:
            return "new"
        if self.now is None:
            return "gone"
        if self.before == self.now:
            return "same"
        tolerance = TOLERANCES[self.figure]
        if abs(self.now - self.before) <= max(tolerance.absolute, tolerance.share * self.before):
            return "within"
        return "grew" if (self.now > self.before) != tolerance.falls else "shrank"

    @property
    def wrong(self) -> bool:
        """It has to be looked at: worse than the baseline, or without one."""
        return self.verdict in ("grew", "new")


def compare(before: Record | None, now: Record, part: bool = False) -> list[Change]:
    """All figures of a record, before and now.

    Args:
        before: the baseline; None where there is none. now: measured.
        part: only some entries were measured, the others are not gone.
    """
    old, new = dict(_figures(before or {})), dict(_figures(now))
    names = [*new, *(key for key in old if key not in new and not part)]
    return [Change(f"{now['name']} {place}", figure, old.get((place, figure)), new.get((place, figure)))
            for place, figure in names]  # fmt: skip


def _figures(record: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], float]]:
    """Figures of the entries of a record, by entry and figure."""
    for value in record.values():
        for entry in value if isinstance(value, list) else ():
            place = next((str(entry[name]) for name in NAMES if name in entry), None)
            if place is not None:
                yield from (((place, figure), float(entry[figure])) for figure in TOLERANCES if figure in entry)


def report(changes: Sequence[Change], tools: Mapping[str, str]) -> str:
    """What changed, as a table, and how many figures were compared.

    Args:
        tools: by the version that a record was measured with, the version here, where they differ.
    """
    shown = Table(["entry", "figure", "baseline", "now", "change", ""])
    for c in changes:
        if c.verdict not in ("same", "within"):
            shown.add((c.place, c.figure, _number(c.before), _number(c.now), _share(c), c.verdict))
    lines = [shown.text()] if shown.rows else []
    lines += [f"baseline of {old}, here {new}: differences may be those of the tool" for old, new in tools.items()]
    worse = sum(change.wrong for change in changes)
    within = sum(change.verdict == "within" for change in changes)
    return "\n".join([*lines, f"{len(changes)} figures compared, {within} moved within tolerance, {worse} worse"])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.6g}"


def _share(change: Change) -> str:
    if change.before is None or change.now is None or not change.before:
        return ""
    return f"{100 * (change.now / change.before - 1):+.1f} %"
