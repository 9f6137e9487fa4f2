# SPDX-License-Identifier: Apache-2.0
"""The command `shiftwork`. Results go to stdout, progress and errors to stderr.

Nothing is imported before :func:`main` watches for an interrupt.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

USAGE_ERROR = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: words after the command's name; None takes those of the process.

    Returns:
        0; 1 when a check failed (mismatches, findings) or nobody reads the output; 2 for a mistake of the user, told in
        one line on stderr; 130 after an interrupt.
    """
    interrupts: list[int] = []
    try:
        code = _watched(arguments, interrupts)
        if not interrupts:
            return code
    except BaseException as error:
        # Imports, the command line's library and children that got the signal too turn an interrupt into other errors.
        if not interrupts and not isinstance(error, KeyboardInterrupt):
            raise
    print("shiftwork: interrupted", file=sys.stderr)
    return INTERRUPTED


def _watched(arguments: Sequence[str] | None, interrupts: list[int]) -> int:
    """Run the command line and note interrupts in ``interrupts``."""
    import os
    import signal
    import threading

    def interrupt(number: int, _: object) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    def unraisable(found: Any) -> None:
        if not isinstance(found.exc_value, KeyboardInterrupt):
            sys.__unraisablehook__(found)
            return
        os.write(2, b"shiftwork: interrupted\n")  # inside a destructor, where it would be lost
        os._exit(INTERRUPTED)

    usual, known = sys.unraisablehook, None
    if threading.current_thread() is threading.main_thread():
        known = signal.signal(signal.SIGINT, interrupt)
        sys.unraisablehook = unraisable
    try:
        return _run(arguments, interrupts)
    finally:
        if known is not None:
            signal.signal(signal.SIGINT, known)
            sys.unraisablehook = usual


def _run(arguments: Sequence[str] | None, interrupts: list[int]) -> int:
    """Run the command line; mistakes of the user become one line."""
    import os

    import typer
    from typer.exceptions import Exit, TyperException

    from shiftwork.cli.app import app
    from shiftwork.cli.takes import option_of
    from shiftwork.errors import SettingError, ShiftworkError

    command = typer.main.get_command(app)
    try:
        if sys.stdout is sys.__stdout__ and sys.stdout is not None:
            os.write(sys.stdout.fileno(), b"")  # a full device says so before the work
        code = command.main(None if arguments is None else list(arguments), "shiftwork", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except ShiftworkError as error:
        if interrupts:
            raise
        return _fail(error.told(option_of) if isinstance(error, SettingError) else str(error))
    except TyperException as error:
        if interrupts:
            raise
        if not error.format_message():
            return USAGE_ERROR  # the help was shown instead
        return _fail(f"{error.format_message()} (see shiftwork --help)")
    except Exit as stop:
        return stop.exit_code
    except OSError as error:
        if interrupts:
            raise
        if error.filename is None:  # not a file: standard output; what is left in it would be tried again at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 1
        return _fail(f"{error.filename or 'standard output'}: {error.strerror or error}")
    return code if isinstance(code, int) else 0


def _fail(message: str) -> int:
    print(f"shiftwork: error: {' '.join(message.split())}", file=sys.stderr)
    return USAGE_ERROR
