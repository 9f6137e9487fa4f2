# SPDX-License-Identifier: Apache-2.0
"""Settings: fields of dataclasses that a user may choose. Name, default and help stand once, on the field."""

from __future__ import annotations

from dataclasses import MISSING, Field, field, fields
from typing import Any

from shiftwork.errors import SettingError


def setting(default: Any = MISSING, help: str = "", metavar: str | None = None) -> Any:
    """A dataclass field that the command line offers as an option of the same name.

    Args:
        default: MISSING makes it required. help: one sentence. metavar: what stands for the value in the help.
    """
    return field(default=default, metadata={"help": help, "metavar": metavar})


def settings(kind: type) -> list[Field[Any]]:
    """The fields of a dataclass that are settings."""
    return [item for item in fields(kind) if "help" in item.metadata]


def unless_given(kind: type, name: str) -> Any:
    """A setting of the same name in another dataclass, None there: its help, which names the default, stands once."""
    (item,) = (item for item in settings(kind) if item.name == name)
    return setting(None, f"{item.metadata['help']} [default: {item.default}]", item.metadata["metavar"])


def choose(name: str, value: object, legal: tuple[object, ...]) -> None:
    """Refuse a value that is none of ``legal``.

    Raises:
        SettingError: names the setting and the legal values.
    """
    if value not in legal:
        raise SettingError(f"`{name}` {value}: choose {' or '.join(map(str, legal))}")


def within(name: str, value: float, low: float, high: float) -> None:
    """Refuse a value outside ``low..high``.

    Raises:
        SettingError: names the setting and its range.
    """
    if not low <= value <= high:
        raise SettingError(f"`{name}` {value} is outside {low}..{high}")
