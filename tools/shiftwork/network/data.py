# SPDX-License-Identifier: Apache-2.0
"""Data files: ``.npz`` with ``x`` (N, ...) float and, where there are any, labels ``y`` (N,).

A model of several inputs takes an array of the name of each; so may one of a single input."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import SEEK_CUR
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.ends import Ends, Entry


@dataclass(frozen=True)
class Data:
    """Samples ``x`` float32 (N, ...) in the layout of the ONNX input, or (N, values) of several inputs one behind the
    other; labels ``y`` int64 (N,) or None; and their file."""

    x: NDArray[np.float32]
    y: NDArray[np.int64] | None
    source: str = ""

    def first(self, limit: int | None) -> Data:
        """The first ``limit`` samples (all of them for None)."""
        return Data(self.x[:limit], None if self.y is None else self.y[:limit], self.source)


class Taker(Protocol):
    """What takes samples: ends, and the number of classes that it tells apart."""

    @property
    def ends(self) -> Ends:
        """Inputs and outputs."""

    @property
    def classes(self) -> int | None:
        """None where it gives no classes."""


@dataclass(frozen=True)
class Known:
    """A :class:`Taker` of which nothing else is known."""

    ends: Ends
    classes: int | None


def load_data(path: str | Path, network: Taker, limit: int | None = None, labels: bool = True) -> Data:
    """Read and check a data file against the network that will use it.

    Args:
        path: ``.npz`` file.
        network: gives the inputs and the number of classes.
        limit: the first samples only, of a file of any size: the others do not come into memory. All for None.
        labels: read them, where there are any.

    Raises:
        ShiftworkError: missing, empty or damaged file, no array of an input, wrong shape or type, NaN or Inf, labels
            out of range.
    """
    path = Path(path)
    if limit is not None and limit < 1:
        raise ShiftworkError(f"limit {limit} is below 1 sample")
    ends, classes = network.ends, network.classes
    with _archive(path) as archive:
        headers = _headers(archive)
        entries = [(entry, _checked(path, ends, entry, headers)) for entry in ends.entries]
        counts = [headers[name].shape[entry.batch_axis] for entry, name in entries]
        if len(set(counts)) > 1:
            raise ShiftworkError(f"data {path}: the inputs have {', '.join(map(str, counts))} samples")
        labels = labels and "y" in headers and "y" not in ends.inputs
        if labels:
            _check_labels(path, headers["y"], counts[0], classes)
        parts = [_read(archive, name, entry.batch_axis, limit) for entry, name in entries]
        y = _read(archive, "y", 0, limit).astype(np.int64) if labels else None
    x = parts[0] if len(parts) == 1 else np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
    if y is not None and classes is not None and (int(y.min()) < 0 or int(y.max()) >= classes):
        raise ShiftworkError(f"data {path}: labels {int(y.min())}..{int(y.max())} are outside 0..{classes - 1}")
    x = np.ascontiguousarray(x, dtype=np.float32)
    if not np.isfinite(x).all():
        raise ShiftworkError(f"data {path}: 'x' holds NaN or Inf")
    return Data(x, y, path.name)


def array_sizes(path: str | Path) -> dict[str, tuple[int, ...]]:
    """Sizes of the axes of the arrays of a data file, by name.

    Raises:
        ShiftworkError: as :func:`load_data`.
    """
    with _archive(Path(path)) as archive:
        return {name: header.shape for name, header in _headers(archive).items()}


@dataclass(frozen=True)
class _Header:
    """What an array file says of itself."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


def _header(file: IO[bytes]) -> _Header:
    """Of an array file that is read from its beginning; its values come next."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return _Header(*read(file))


def _headers(archive: np.lib.npyio.NpzFile) -> dict[str, _Header]:
    """Of all arrays, by their names."""
    assert archive.zip is not None  # it is open
    found = {}
    for name in archive.zip.namelist():
        if name.endswith(".npy"):
            with archive.zip.open(name) as file:
                found[name.removesuffix(".npy")] = _header(file)
    return found


def _read(archive: np.lib.npyio.NpzFile, name: str, axis: int, limit: int | None) -> NDArray[Any]:
    """The first samples of an array, (N, ...); no others come into memory. axis: of the samples."""
    assert archive.zip is not None
    with archive.zip.open(f"{name}.npy") as file:
        header = _header(file)
        shape, axis = (header.shape[::-1], len(header.shape) - 1 - axis) if header.fortran else (header.shape, axis)
        count = shape[axis] if limit is None else min(limit, shape[axis])
        before, size = math.prod(shape[:axis]), math.prod(shape[axis + 1 :]) * header.dtype.itemsize
        kept = np.empty((before, count * size), np.uint8)
        for place in range(before):
            if place > 0:
                file.seek((shape[axis] - count) * size, SEEK_CUR)
            kept[place] = np.frombuffer(file.read(count * size), np.uint8)
    array = kept.view(header.dtype).reshape(*shape[:axis], count, *shape[axis + 1 :])
    return np.moveaxis(array.T, -1 - axis, 0) if header.fortran else np.moveaxis(array, axis, 0)


@contextmanager
def _archive(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """A data file, open."""
    if not path.is_file():
        raise ShiftworkError(f"data {path}: no such file")
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ShiftworkError(f"data {path}: not an .npz archive")
        with archive:
            yield archive
    except ShiftworkError:
        raise
    except MemoryError as error:
        raise ShiftworkError(f"data {path}: more samples than fit into memory: take fewer") from error
    except Exception as error:
        raise ShiftworkError(f"data {path}: not a readable .npz file (empty, truncated or damaged)") from error


def _checked(path: Path, ends: Ends, entry: Entry, headers: Mapping[str, _Header]) -> str:
    """Name of the array of an input, which fits it."""
    name = entry.name if entry.name in headers or len(ends.entries) > 1 else "x"
    if name not in headers:
        raise ShiftworkError(f"data {path}: no array {name!r}")
    shape, kind, batch = headers[name].shape, headers[name].dtype, entry.batch_axis
    if kind.hasobject:
        raise ShiftworkError(f"data {path}: {name!r} is not readable: it holds objects")
    if kind.kind not in ("fiub" if entry.whole else "f"):
        raise ShiftworkError(f"data {path}: {name!r} is {kind}, float32 is expected")
    if len(shape) != len(entry.shape) + 1 or (*shape[:batch], *shape[batch + 1 :]) != entry.shape:
        sizes = [str(size) for size in entry.shape]
        expected = f"({', '.join([*sizes[:batch], 'N', *sizes[batch:]])})"
        raise ShiftworkError(f"data {path}: {name!r} has shape {shape}, the model expects {expected}")
    if shape[batch] == 0:
        raise ShiftworkError(f"data {path}: {name!r} holds no samples")
    return name


def _check_labels(path: Path, header: _Header, samples: int, classes: int | None) -> None:
    if header.dtype.kind not in "iu" or len(header.shape) != 1:
        raise ShiftworkError(f"data {path}: labels 'y' must be a vector of integers, not {header.dtype} {header.shape}")
    if header.shape[0] != samples:
        raise ShiftworkError(f"data {path}: {header.shape[0]} labels for {samples} samples")
    if classes is None:
        raise ShiftworkError(f"data {path}: labels 'y' given, but the model's output is no class vector")
