# SPDX-License-Identifier: Apache-2.0
"""Simulation speed: a whole network on the device against the bare engine in a C++ loop, in turns, in CPU seconds."""

from __future__ import annotations

import ctypes
import time
from dataclasses import asdict, dataclass
from typing import Any, cast

from shiftwork.blocks import manifest
from shiftwork.compile.tr_engine import SLICE_DEPTH
from shiftwork.device.build import build_library
from shiftwork.device.simulated import HERE, SimulatedDevice
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import Data
from shiftwork.network.format_terms import Terms
from shiftwork.network.integer import IntegerNetwork
from shiftwork.run.layers import execute

ROUNDS = 3


@dataclass(frozen=True)
class Benchmark:
    """Clock cycles per CPU second.

    Attributes:
        bare: the engine alone, constant operands.
        network: a whole network: operands gathered and loaded, every layer run, pooling and code moves by the host;
            without the golden model, the comparison and the cycle prediction.
        device: the same run, the compiled model with its memories alone.
        ratio: network / bare. cycles: simulated per round. rows, cols: shape of the engine.
    """

    bare: float
    network: float
    device: float
    ratio: float
    cycles: int
    rows: int
    cols: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def _bare_library(rows: int, cols: int) -> ctypes.CDLL:
    path = build_library(
        "shw_tr_engine",
        manifest.load().sources("shw_tr_engine"),
        HERE / "bare.cpp",
        parameters={"ROWS": rows, "COLS": cols, "DEPTH": SLICE_DEPTH},
        defines={"SHW_ROWS": rows, "SHW_COLS": cols},
    )
    library = ctypes.CDLL(str(path))
    library.bare_new.restype = ctypes.c_void_p
    library.bare_new.argtypes = [*[ctypes.c_uint32] * 4, ctypes.c_uint64]
    library.bare_run.restype = ctypes.c_double
    library.bare_run.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
    library.bare_free.argtypes = [ctypes.c_void_p]
    return library


def measure(network: IntegerNetwork, data: Data, device: SimulatedDevice, rounds: int = ROUNDS) -> Benchmark:
    """Run the network and the bare engine in turns, for the same number of cycles and under the same configuration.

    Args:
        network: the integer network. data: its samples. device: the simulated device. rounds: repetitions.

    Raises:
        ShiftworkError: the network has no layer for the engine, or it is not the ``tr`` engine.
    """
    engine = device.engine
    if engine.kind != "tr":
        raise SettingError(f"`benchmark` measures the tr engine, not the {engine.kind} engine")
    library = _bare_library(engine.rows, engine.cols)
    tensors = golden.run(network, data.x, True)
    modules = network.convolutions
    if not modules:
        raise ShiftworkError("the network has no convolution or fully connected layer")
    terms = cast(Terms, modules[len(modules) // 2].format)
    bare = library.bare_new(int(terms.enabled), terms.group, terms.budget, terms.data_terms, 1)
    bare_seconds = network_seconds = device_seconds = 0.0
    cycles = 0
    for _ in range(rounds):
        done = execute(network, data.x, tensors, device, clock=time.process_time, predict=False)
        cycles = sum(layer.cycles or 0 for layer in done.layers)
        network_seconds += sum(layer.seconds for layer in done.layers)
        device_seconds += done.device_seconds
        bare_seconds += library.bare_run(bare, cycles, SLICE_DEPTH)
    library.bare_free(bare)
    total = rounds * cycles
    return Benchmark(
        bare=total / bare_seconds,
        network=total / network_seconds,
        device=total / device_seconds,
        ratio=bare_seconds / network_seconds,
        cycles=cycles,
        rows=engine.rows,
        cols=engine.cols,
    )


def benchmark_lines(result: Benchmark) -> list[str]:
    """The result as text."""
    return [
        f"bare engine     {result.bare / 1e3:.1f} kcycles per CPU second ({result.rows} x {result.cols}, C++ loop)",
        f"whole network   {result.network / 1e3:.1f} kcycles per CPU second (device alone {result.device / 1e3:.1f})",
        f"ratio           {result.ratio:.2f}",
    ]
