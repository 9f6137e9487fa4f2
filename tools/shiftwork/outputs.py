# SPDX-License-Identifier: Apache-2.0
"""Files that a user asked for: checked before any work is done, and written."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import SettingError


def check_targets(reads: Iterable[Path | None] = (), **targets: Path | Iterable[Path] | None) -> None:
    """Refuse what cannot be written, and what would overwrite another file of the same command.

    A file that is there keeps its content, one that is not is created for a moment.

    Args:
        reads: files that the command reads.
        targets: file or files that it will write, by setting; None is not asked for.

    Raises:
        SettingError: names the setting and the file.
    """
    taken = {_real(path): "the command reads it" for path in reads if path is not None}
    for name, asked in targets.items():
        for path in [asked] if isinstance(asked, Path) else asked or ():
            real = _real(path)
            if real in taken:
                raise SettingError(f"`{name}` {path}: {taken[real]}")
            _check(name, path, real)
            if os.path.isfile(real) or not os.path.exists(real):
                taken[real] = f"`{name}` is written there"


def check_folder(name: str, path: Path | None) -> None:
    """Make a folder, where there is none, and refuse one that nothing can be written into.

    Raises:
        SettingError: names the setting and the folder.
    """
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
        _create(path / f".shiftwork-{os.getpid()}")
    except OSError as error:
        raise _error(name, path, error) from error


def write_json(path: Path, content: object, name: str = "json") -> None:
    """Write a JSON file.

    Args:
        path: the file. content: plain JSON values. name: setting that asked for it.

    Raises:
        SettingError: the file cannot be written.
    """
    try:
        path.write_text(json.dumps(content, indent=1) + "\n")
    except OSError as error:
        raise _error(name, path, error) from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], name: str = "output") -> None:
    """Write an .npz file.

    Args:
        path: the file. arrays: by name. name: setting that asked for it.

    Raises:
        SettingError: the file cannot be written.
    """
    try:
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise _error(name, path, error) from error


def write_bytes(path: Path, content: bytes, name: str = "output") -> None:
    """Write a binary file.

    Args:
        path: the file. content: all of it. name: setting that asked for it.

    Raises:
        SettingError: the file cannot be written.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise _error(name, path, error) from error


def _error(name: str, path: Path, error: OSError) -> SettingError:
    return SettingError(f"`{name}` {path}: {error.strerror}")


def _real(path: Path) -> Path:
    """The file behind links."""
    return Path(os.path.realpath(path))


def _check(name: str, path: Path, real: Path) -> None:
    """Refuse a file that cannot be written; pipes are left alone, their reader would see an end."""
    if os.path.isdir(real):
        raise SettingError(f"`{name}` {path}: is a folder")
    if not os.path.isdir(real.parent):
        raise SettingError(f"`{name}` {path}: no such folder")
    try:
        if not os.path.exists(real):
            _create(real)
        elif not stat.S_ISFIFO(real.stat().st_mode):
            handle = os.open(real, os.O_WRONLY)
            try:
                os.write(handle, b"")  # a device that is always full says so
            finally:
                os.close(handle)
    except OSError as error:
        raise _error(name, path, error) from error


def _create(path: Path) -> None:
    """Create a file and remove it again."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    path.unlink()
