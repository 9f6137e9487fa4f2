# SPDX-License-Identifier: Apache-2.0
"""Data files: ``.npz`` with ``x`` (N, ...) float and, where there are any, labels ``y`` (N,)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.graph import FloatNetwork


@dataclass(frozen=True)
class Data:
    """Samples ``x`` float32 (N, ...) as the ONNX input expects, labels ``y`` int64 (N,) or None, and their file."""

    x: NDArray[np.float32]
    y: NDArray[np.int64] | None
    source: str = ""

    def first(self, limit: int | None) -> Data:
        """The first ``limit`` samples (all of them for None)."""
        return Data(self.x[:limit], None if self.y is None else self.y[:limit], self.source)


def load_data(path: str | Path, network: FloatNetwork, limit: int | None = None, labels: bool = True) -> Data:
    """Read and check a data file against the network that will use it.

    Args:
        path: ``.npz`` file.
        network: gives the sample shape and the number of classes.
        limit: keep the first samples only; all for None.
        labels: read them, where there are any.

    Raises:
        ShiftworkError: missing, empty or damaged file, no ``x``, wrong shape or type, NaN or Inf, labels out of range.
    """
    path = Path(path)
    if limit is not None and limit < 1:
        raise ShiftworkError(f"limit {limit} is below 1 sample")
    if not path.is_file():
        raise ShiftworkError(f"data {path}: no such file")
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ShiftworkError(f"data {path}: not an .npz archive")
        with archive:
            arrays = {name: archive[name] for name in (("x", "y") if labels else ("x",)) if name in archive.files}
    except ShiftworkError:
        raise
    except Exception as error:
        raise ShiftworkError(f"data {path}: not a readable .npz file (empty, truncated or damaged)") from error
    if "x" not in arrays:
        raise ShiftworkError(f"data {path}: no array 'x'")
    x, y = arrays["x"], arrays.get("y")
    expected = "(N, " + ", ".join(str(n) for n in network.onnx_input) + ")"
    if x.dtype.kind != "f":
        raise ShiftworkError(f"data {path}: 'x' is {x.dtype}, float32 is expected")
    if x.ndim == 0 or x.shape[1:] != network.onnx_input:
        raise ShiftworkError(f"data {path}: 'x' has shape {x.shape}, the model expects {expected}")
    if len(x) == 0:
        raise ShiftworkError(f"data {path}: 'x' holds no samples")
    if y is not None:
        if y.dtype.kind not in "iu" or y.ndim != 1:
            raise ShiftworkError(f"data {path}: labels 'y' must be a vector of integers, not {y.dtype} {y.shape}")
        if len(y) != len(x):
            raise ShiftworkError(f"data {path}: {len(y)} labels for {len(x)} samples")
        classes = network.classes
        if classes is None:
            raise ShiftworkError(f"data {path}: labels 'y' given, but the model's output is no class vector")
        if int(y.min()) < 0 or int(y.max()) >= classes:
            raise ShiftworkError(f"data {path}: labels {int(y.min())}..{int(y.max())} are outside 0..{classes - 1}")
    x = np.ascontiguousarray(x[:limit], dtype=np.float32)
    if not np.isfinite(x).all():
        raise ShiftworkError(f"data {path}: 'x' holds NaN or Inf")
    return Data(x, None if y is None else y[:limit].astype(np.int64), path.name)
