# SPDX-License-Identifier: Apache-2.0
"""The one exception that means "the user's input is at fault"."""

from __future__ import annotations


class ShiftworkError(ValueError):
    """A mistake in a model, a data file or an argument.

    The message is one line and names the node, the argument or the file; the command line prints it and exits
    with code 2.
    """
