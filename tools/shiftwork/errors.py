# SPDX-License-Identifier: Apache-2.0
"""The exceptions that mean "the user's input is at fault"."""

from __future__ import annotations

import re
from collections.abc import Callable

_NAME = re.compile(r"`([a-z]\w*)`")


class ShiftworkError(ValueError):
    """A mistake in a model, a data file or an argument.

    The message is one line and names the node, the argument or the file; the command line prints it and exits
    with code 2.
    """


class SettingError(ShiftworkError):
    """A setting is at fault.

    Settings stand in backticks in the message that it is made with, ``"`rows` 65 is outside 1..64"``. As text it says
    ``rows 65 is outside 1..64``; :meth:`told` says it with the names that a user knows, such as ``--rows``.
    """

    @property
    def field(self) -> str:
        """The first setting named, empty if there is none."""
        found = _NAME.search(self.args[0])
        return found[1] if found else ""

    def told(self, name: Callable[[str], str]) -> str:
        """The message with every setting under the name that ``name`` gives it."""
        return _NAME.sub(lambda found: name(found[1]), self.args[0])

    def __str__(self) -> str:
        return self.told(lambda name: name.replace("_", " "))
