# SPDX-License-Identifier: Apache-2.0
"""A compiled model behind the C interface that every harness has: ``shw_new``, ``_free``, ``_trace`` and ``_run``."""

from __future__ import annotations

import ctypes
from pathlib import Path


class CompiledModel:
    """One model of a library, and the waveform that it writes.

    Args:
        library: of :func:`shiftwork.device.build.build_library`. job: the structure that ``shw_run`` takes.
        waves: file that receives a VCD waveform of everything the model does, or None.
    """

    def __init__(self, library: Path, job: type[ctypes.Structure], waves: Path | None) -> None:
        found = ctypes.CDLL(str(library))
        found.shw_new.restype = ctypes.c_void_p
        found.shw_free.argtypes = [ctypes.c_void_p]
        found.shw_run.argtypes = [ctypes.c_void_p, ctypes.POINTER(job)]
        found.shw_trace.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self._library, self._waves = found, waves
        self._handle: int | None = None
        self.reset()

    def reset(self) -> None:
        """Start from a fresh model after reset; a waveform file starts anew."""
        self.close()
        self._handle = self._library.shw_new()
        if self._waves is not None:
            self._library.shw_trace(self._handle, str(self._waves).encode())

    def close(self) -> None:
        """Free the model (and finish the waveform file)."""
        if self._handle is not None:
            self._library.shw_free(self._handle)
            self._handle = None

    def run(self, job: ctypes.Structure) -> int:
        """Run a job; the status that the harness returns."""
        return int(self._library.shw_run(self._handle, ctypes.byref(job)))
