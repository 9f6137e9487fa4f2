# SPDX-License-Identifier: Apache-2.0
"""Data files: ``.npz`` with ``x`` (N, ...) float and, where there are any, labels ``y`` (N,).

A model of several inputs takes an array of the name of each; so may one of a single input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

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
        limit: keep the first samples only; all for None.
        labels: read them, where there are any.

    Raises:
        ShiftworkError: missing, empty or damaged file, no array of an input, wrong shape or type, NaN or Inf, labels
            out of range.
    """
    path = Path(path)
    if limit is not None and limit < 1:
        raise ShiftworkError(f"limit {limit} is below 1 sample")
    ends, classes = network.ends, network.classes
    wanted = (*ends.inputs, "x", *(("y",) if labels else ()))
    with _archive(path) as archive:
        arrays = {name: archive[name] for name in dict.fromkeys(wanted) if name in archive.files}
    parts = [_input(path, ends, entry, arrays) for entry in ends.entries]
    if len({len(part) for part in parts}) > 1:
        raise ShiftworkError(f"data {path}: the inputs have {', '.join(str(len(part)) for part in parts)} samples")
    x = parts[0] if len(parts) == 1 else np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
    y = arrays.get("y") if labels and "y" not in ends.inputs else None
    if y is not None:
        if y.dtype.kind not in "iu" or y.ndim != 1:
            raise ShiftworkError(f"data {path}: labels 'y' must be a vector of integers, not {y.dtype} {y.shape}")
        if len(y) != len(x):
            raise ShiftworkError(f"data {path}: {len(y)} labels for {len(x)} samples")
        if classes is None:
            raise ShiftworkError(f"data {path}: labels 'y' given, but the model's output is no class vector")
        if int(y.min()) < 0 or int(y.max()) >= classes:
            raise ShiftworkError(f"data {path}: labels {int(y.min())}..{int(y.max())} are outside 0..{classes - 1}")
    x = np.ascontiguousarray(x[:limit], dtype=np.float32)
    if not np.isfinite(x).all():
        raise ShiftworkError(f"data {path}: 'x' holds NaN or Inf")
    return Data(x, None if y is None else y[:limit].astype(np.int64), path.name)


def array_sizes(path: str | Path) -> dict[str, tuple[int, ...]]:
    """Sizes of the axes of the arrays of a data file, by name.

    Raises:
        ShiftworkError: as :func:`load_data`.
    """
    result = {}
    with _archive(Path(path)) as archive:
        assert archive.zip is not None  # it is open
        for member in (name for name in archive.zip.namelist() if name.endswith(".npy")):
            with archive.zip.open(member) as header:
                version = np.lib.format.read_magic(header)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                result[member.removesuffix(".npy")] = read(header)[0]
    return result


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
    except Exception as error:
        raise ShiftworkError(f"data {path}: not a readable .npz file (empty, truncated or damaged)") from error


def _input(path: Path, ends: Ends, entry: Entry, arrays: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Samples (N, ...) of an input."""
    name = entry.name if entry.name in arrays or len(ends.entries) > 1 else "x"
    if name not in arrays:
        raise ShiftworkError(f"data {path}: no array {name!r}")
    array, batch = arrays[name], entry.batch_axis
    sizes = [str(size) for size in entry.shape]
    expected = f"({', '.join([*sizes[:batch], 'N', *sizes[batch:]])})"
    if array.dtype.kind not in ("fiu" if entry.whole else "f"):
        raise ShiftworkError(f"data {path}: {name!r} is {array.dtype}, float32 is expected")
    shape = array.shape
    if array.ndim != len(entry.shape) + 1 or (*shape[:batch], *shape[batch + 1 :]) != entry.shape:
        raise ShiftworkError(f"data {path}: {name!r} has shape {shape}, the model expects {expected}")
    if shape[batch] == 0:
        raise ShiftworkError(f"data {path}: {name!r} holds no samples")
    return np.moveaxis(array, batch, 0)
