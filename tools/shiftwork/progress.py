# SPDX-License-Identifier: Apache-2.0
"""Visible progress on stderr: a bar on a terminal, `[i/n]` lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

OnItem = Callable[[int, int, str], None]
"""Told about every item: its number from 1, how many there are, its name."""

_SHORT = 5.0  # seconds of items from which on what is left is estimated
_PAUSE = 0.5  # seconds between lines


@dataclass
class Progress:
    """Steps of a run and the items inside a step.

    Attributes:
        steps: number of steps that :meth:`step` will announce. quiet: print nothing.
    """

    steps: int = 1
    quiet: bool = False
    _step: int = field(default=0, init=False)
    _bar: Any = field(default=None, init=False, repr=False)
    _task: Any = field(default=None, init=False, repr=False)
    _begin: float | None = field(default=None, init=False, repr=False)
    _told: float = field(default=0.0, init=False, repr=False)

    def step(self, text: str) -> None:
        """Announce the next step."""
        self._step += 1
        if not self.quiet:
            print(f"[{self._step}/{self.steps}] {text}", file=sys.stderr, flush=True)

    @contextmanager
    def items(self) -> Iterator[Progress]:
        """Items are announced by :meth:`item` inside this context."""
        if self.quiet or not sys.stderr.isatty():
            yield self
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        times = (TimeElapsedColumn(), TimeRemainingColumn())
        columns = (TextColumn("  {task.description:32.32}"), BarColumn(), MofNCompleteColumn(), *times)
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            self._bar, self._task = bar, bar.add_task("", total=None)
            try:
                yield self
            finally:
                self._bar = None

    def item(self, index: int, total: int, name: str) -> None:
        """Item ``index`` of ``total`` begins, counted from 1; a line says how long the others may take."""
        if self.quiet or total == 1:
            return
        now = time.monotonic()
        if index == 1 or self._begin is None:
            self._begin = now
        if self._bar is not None:
            self._bar.update(self._task, completed=index - 1, total=total, description=name)
        else:
            if now - self._told < _PAUSE and 1 < index < total:
                return
            self._told = now
            left = (now - self._begin) / max(1, index - 1) * (total - index + 1)
            words = f", about {left:.0f} s left" if now - self._begin > _SHORT else ""
            print(f"    [{index}/{total}] {name}{words}", file=sys.stderr, flush=True)
