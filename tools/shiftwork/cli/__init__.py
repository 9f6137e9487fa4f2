# SPDX-License-Identifier: Apache-2.0
"""The command `shiftwork`. Results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from shiftwork.errors import SettingError, ShiftworkError

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: words after the command's name; None takes those of the process.

    Returns:
        0; 1 when a check failed (mismatches, findings); 2 for a mistake of the user, told in one line on stderr.
    """
    import typer
    from typer.exceptions import Abort, Exit, TyperException

    from shiftwork.cli.app import app
    from shiftwork.cli.takes import option_of

    command = typer.main.get_command(app)
    try:
        code = command.main(None if arguments is None else list(arguments), "shiftwork", standalone_mode=False)
    except SettingError as error:
        return _fail(error.told(option_of))
    except ShiftworkError as error:
        return _fail(str(error))
    except TyperException as error:
        if not error.format_message():
            return USAGE_ERROR  # the help was shown instead
        return _fail(f"{error.format_message()} (see shiftwork --help)")
    except Exit as stop:
        return stop.exit_code
    except (Abort, KeyboardInterrupt):
        print("shiftwork: interrupted", file=sys.stderr)
        return 130
    return code if isinstance(code, int) else 0


def _fail(message: str) -> int:
    print(f"shiftwork: error: {' '.join(message.split())}", file=sys.stderr)
    return USAGE_ERROR
