# SPDX-License-Identifier: Apache-2.0
"""A whole network on the accelerator, compared with the golden model module by module.

Every sample runs twice: as it would be used, which gives cycles and the network's output, and with a program that
copies what every module wrote to external memory, which gives the comparison of all modules. Slices, padding by
channels, and concatenations outside the activation memory are addresses: nothing is written, so nothing is compared but
what is written by the modules around them. On a board whose memory does not hold the second program, the network's
output alone is compared.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shiftwork.board.on_board import BoardAccelerator
from shiftwork.compile.accel_cycles import predict
from shiftwork.compile.accelerator import ADDRESSES, CompiledNetwork, compile_accelerator
from shiftwork.device.simulated import Stalls
from shiftwork.device.simulated_accelerator import Counters, SimulatedAccelerator
from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import quantize_input
from shiftwork.network.format import Codes, Work
from shiftwork.network.integer import IntegerNetwork
from shiftwork.progress import OnItem
from shiftwork.run.layers import LayerReport, layer_reports


def bounds(network: IntegerNetwork, program: CompiledNetwork, golden: Mapping[str, Codes]) -> dict[str, int]:
    """Cycles below which no schedule of the array can go, of one sample, by the module's name."""
    first = {name: codes[:1] for name, codes in golden.items()}
    first[network.input] = program.input.laid(first[network.input])
    layers = program.layers.values()
    return {one.module.name: one.engine.schedule(one.operands(first)).bound for one in layers}


def between_ends(spans: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """Cycles of every module: from the end of the one before to its own. spans: start and end of each."""
    names = sorted(spans, key=lambda name: spans[name][1])
    ends = [0, *(spans[name][1] for name in names)]
    return {name: end - before for name, (before, end) in zip(names, itertools.pairwise(ends), strict=True)}


@dataclass
class AcceleratorRun:
    """A finished run.

    Attributes:
        outputs: of the network. layers: a report per module.
        counters: of every sample, as it would be used.
        predicted_cycles: of all of them, where memory does not stall; None on a board.
        mismatches, compared: of the network's output in those runs.
        tensors: codes that every module wrote, by its name; what is only addressed, or was not traced, is missing.
    """

    outputs: Codes
    layers: list[LayerReport]
    counters: list[Counters] = field(default_factory=list)
    predicted_cycles: int | None = None
    mismatches: int = 0
    compared: int = 0
    tensors: dict[str, Codes] = field(default_factory=dict)


def execute_accelerator(
    network: IntegerNetwork,
    x: NDArray[np.generic],
    golden: Mapping[str, Codes],
    device: SimulatedAccelerator | BoardAccelerator,
    counts: Mapping[str, Work] | None = None,
    stalls: Stalls | None = None,
    progress: OnItem | None = None,
    tamper: Callable[[CompiledNetwork], None] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> AcceleratorRun:
    """Run every sample of ``x`` and compare with the golden tensors.

    Args:
        network: the integer network. x: real samples as the ONNX input expects them, or codes.
        golden: every tensor of the golden model for the same samples. device: the accelerator, simulated or on a board.
        counts: work counted by the golden model, for the reports. stalls: of memory. progress: told about every sample.
        tamper: may change a program before it runs (fault injection in tests). clock: what seconds are measured with.

    Raises:
        ShiftworkError: nothing to compare, the network does not fit, or the device hangs or faults.
    """
    if len(x) == 0:
        raise ShiftworkError("no samples to execute: nothing would be compared")
    plain, traced = (compile_accelerator(network, device.shape, trace) for trace in (False, True))
    result = AcceleratorRun(np.zeros_like(golden[network.output]), layer_reports(network, device.executor, counts))
    reports = {report.name: report for report in result.layers}
    for report in result.layers:
        if report.kind in ADDRESSES and report.name not in traced.traces:
            report.executor = "address"
    for name, bound in bounds(network, plain, golden).items():
        reports[name].bound = bound * len(x)
    if isinstance(device, SimulatedAccelerator):
        predicted = predict(plain, device.latency)
        result.predicted_cycles = predicted.cycles * len(x)
        for name, cycles in between_ends(predicted.layers).items():
            reports[name].predicted_cycles = cycles * len(x)
    programs = [plain, traced] if device.has_room(traced) else [plain]
    if tamper is not None:
        for program in programs:
            tamper(program)
    codes = quantize_input(network, x.astype(np.float64)) if x.dtype.kind == "f" else x
    for number, program in enumerate(programs):
        for index, sample in enumerate(codes):
            if progress is not None:
                what = f"sample {index + 1}" + (", every module" if program is traced else "")
                progress(number * len(codes) + index + 1, len(programs) * len(codes), what)
            memory = program.memory.copy()
            program.put(memory, sample)
            counters = device.run(program, memory, stalls, clock)
            if program is traced:
                _compare_modules(traced, memory, golden, index, reports, result.tensors)
                continue
            result.counters.append(counters)
            for name, cycles in between_ends(counters.layers).items():
                reports[name].cycles = (reports[name].cycles or 0) + cycles
            result.outputs[index] = plain.get(memory)
            expected = golden[network.output][index]
            result.compared += expected.size
            result.mismatches += int(np.count_nonzero(result.outputs[index] != expected))
    asked = result.layers if programs[-1] is traced else []
    if result.compared == 0 or any(report.compared == 0 for report in asked if report.executor != "address"):
        raise ShiftworkError("nothing was compared with the golden model")
    return result


def _compare_modules(
    traced: CompiledNetwork,
    memory: NDArray[np.uint8],
    golden: Mapping[str, Codes],
    index: int,
    reports: Mapping[str, LayerReport],
    tensors: dict[str, Codes],
) -> None:
    """Compare what every module wrote of a sample with its golden tensors, and keep it in ``tensors``."""
    for module in traced.network.modules:
        expected = golden[module.output][index]
        for area in traced.traces.get(module.name, ()):
            actual = traced.get(memory, area)
            reports[module.name].compared += expected.size
            reports[module.name].mismatches += int(np.count_nonzero(actual != expected))
            tensors.setdefault(module.name, np.zeros_like(golden[module.output]))[index] = actual
