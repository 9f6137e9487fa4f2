# SPDX-License-Identifier: Apache-2.0
"""A command takes dataclasses: their settings become its options."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import MISSING, Field
from functools import wraps
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from shiftwork.schemes import SCHEMES
from shiftwork.settings import settings


def option_of(name: str) -> str:
    """What a setting is called on the command line."""
    return f"--{name.replace('_', '-')}"


def takes(**groups: type) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the settings of dataclasses as options beside its own parameters.

    Args:
        groups: the dataclass of every parameter that the command gets built from its options.
    """

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [item.replace(kind=item.KEYWORD_ONLY) for item in own if item.name not in groups]
        for group in groups.values():
            hints = get_type_hints(group)
            parameters += [_parameter(item, hints[item.name]) for item in settings(group)]

        @wraps(command)
        def run(**given: Any) -> int:
            for name, group in groups.items():
                values = {item.name: given.pop(item.name) for item in settings(group)}
                lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
                given[name] = group(**values | lists)
            return command(**given)

        run.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
        run.__annotations__ = {item.name: item.annotation for item in parameters} | {"return": int}
        return run

    return decorate


def _parameter(item: Field[Any], kind: Any) -> inspect.Parameter:
    """A setting as a parameter that typer understands: a flag for a bool, a repeatable option for a tuple."""
    default: Any = inspect.Parameter.empty if item.default is MISSING else item.default
    if get_origin(kind) is tuple:
        kind, default = list[get_args(kind)[0]], list(default)  # type: ignore[misc]
    text = item.metadata["help"].replace("{schemes}", ", ".join(SCHEMES))
    text = re.sub(r"`(\w+)`", lambda found: option_of(found[1]), text)
    option = typer.Option(option_of(item.name), help=text, metavar=item.metadata["metavar"])
    return inspect.Parameter(
        item.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )
