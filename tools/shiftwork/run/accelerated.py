# SPDX-License-Identifier: Apache-2.0
"""A whole network on the accelerator, compared with the golden model module by module.

Every sample runs twice: as it would be used, which gives cycles and the network's output, and with a program that
copies what every module wrote to external memory, which gives the comparison of all modules. Slices, padding by
channels, and concatenations outside the activation memory are addresses: nothing is written, so nothing is compared but
what is written by the modules around them.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

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
        counters: of every sample, as it would be used. predicted_cycles: of all of them, where memory does not stall.
        mismatches, compared: of the network's output in those runs.
    """

    outputs: Codes
    layers: list[LayerReport]
    counters: list[Counters] = field(default_factory=list)
    predicted_cycles: int = 0
    mismatches: int = 0
    compared: int = 0


def execute_accelerator(
    network: IntegerNetwork,
    x: NDArray[np.generic],
    golden: Mapping[str, Codes],
    device: SimulatedAccelerator,
    counts: Mapping[str, Work] | None = None,
    stalls: Stalls | None = None,
    progress: OnItem | None = None,
    tamper: Callable[[CompiledNetwork], None] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> AcceleratorRun:
    """Run every sample of ``x`` and compare with the golden tensors.

    Args:
        network: the integer network. x: real samples as the ONNX input expects them, or codes.
        golden: every tensor of the golden model for the same samples. device: the accelerator.
        counts: work counted by the golden model, for the reports. stalls: of memory. progress: told about every sample.
        tamper: may change a program before it runs (fault injection in tests). clock: what seconds are measured with.

    Raises:
        ShiftworkError: nothing to compare, the network does not fit, or the device hangs or faults.
    """
    if len(x) == 0:
        raise ShiftworkError("no samples to execute: nothing would be compared")
    plain, traced = (compile_accelerator(network, device.shape, trace) for trace in (False, True))
    predicted = predict(plain, device.latency)
    if tamper is not None:
        tamper(plain)
        tamper(traced)
    codes = quantize_input(network, x.astype(np.float64)) if x.dtype.kind == "f" else x
    reports = layer_reports(network, "accel", counts)
    for report in reports:
        if report.kind in ADDRESSES and report.name not in traced.traces:
            report.executor = "address"
    for name, bound in bounds(network, plain, golden).items():
        next(report for report in reports if report.name == name).bound = bound * len(x)
    expected_cycles = between_ends(predicted.layers)
    for report in reports:
        if (cycles := expected_cycles.get(report.name)) is not None:
            report.predicted_cycles = cycles * len(x)
    result = AcceleratorRun(np.zeros_like(golden[network.output]), reports, predicted_cycles=predicted.cycles * len(x))
    for index, sample in enumerate(codes):
        if progress is not None:
            progress(index + 1, len(codes), f"sample {index + 1}")
        memory = plain.memory.copy()
        plain.put(memory, sample)
        counters = device.run(plain, memory, stalls, clock)
        result.counters.append(counters)
        taken = between_ends(counters.layers)
        for report in reports:
            if (cycles := taken.get(report.name)) is not None:
                report.cycles = (report.cycles or 0) + cycles
        output = plain.get(memory)
        expected = golden[network.output][index]
        result.outputs[index] = output
        result.compared += expected.size
        result.mismatches += int(np.count_nonzero(output != expected))
        memory = traced.memory.copy()
        traced.put(memory, sample)
        device.run(traced, memory, stalls, clock)
        for module, report in zip(network.modules, reports, strict=True):
            expected = golden[module.output][index]
            for area in traced.traces.get(module.name, ()):
                actual = traced.get(memory, area)
                report.compared += expected.size
                report.mismatches += int(np.count_nonzero(actual != expected))
    if result.compared == 0 or any(report.compared == 0 for report in reports if report.executor != "address"):
        raise ShiftworkError("nothing was compared with the golden model")
    return result
