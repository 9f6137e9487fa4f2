# SPDX-License-Identifier: Apache-2.0
"""A whole network on the simulated device, compared with the golden model module by module.

Convolutions and fully connected layers run on the RTL; pooling, element-wise additions and code moves are computed by
the host with the golden functions, on the tensors that the RTL produced, and are named as such. Module n reads what
module n-1 of this executor wrote, never golden data.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile import Engine, TileProgram, compile_module, schedule
from shiftwork.compile.operands import weights_on_rows
from shiftwork.device.simulated import SimulatedDevice, Stalls
from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import ModuleCounts, evaluate, pairs_bound, quantize_input, reduction_length
from shiftwork.network.integer import EXPONENTIAL, MSQ_SCHEMES, IntegerModule, IntegerNetwork

Codes = NDArray[np.integer]
Progress = Callable[[int, int, str], None]
"""Called before each module with its index from 1, the number of modules, and its name."""

_OPERAND_BYTES = 256 << 20


@dataclass
class LayerReport:
    """One module: what ran where, what it cost, and whether it equals the golden model.

    Attributes:
        name, kind: of the module. executor: ``rtl`` or ``host`` (``golden`` when nothing else ran).
        shape: output (height, width, channels).
        stream, group, budget, data_terms: term revealing, ``stream`` alone under conventional quantization. None, like
            all that counts terms, for a layer of 4-bit or exponential codes.
        revealed: True when term revealing is on.
        macs: multiply-accumulates over all images. sp2_macs: those of SP2 rows, of a layer of 4-bit codes.
        weight_bits: of a stored code, live_macs: multiply-accumulates without a zero, of a layer of exponential codes.
        term_pairs: bound; term_pairs_present: counted; None where values are not made of terms.
        terms_per_mac: terms of the streamed operand per multiply-accumulate.
        tokens: terms and empty planes that the rows issued.
        bound: cycles below which no schedule can go (:class:`shiftwork.compile.Schedule`).
        beats: of input, one or, with lanes, several reduction steps of a whole tile each.
        cycles: of the RTL. predicted_cycles: by the cycle model.
        compared: elements compared with golden. mismatches: those that differ.
        seconds: wall time of the module on the device (compilation of its operands included).
    """

    name: str
    kind: str
    executor: Literal["rtl", "host", "golden"]
    shape: tuple[int, int, int]
    stream: str | None = None
    revealed: bool = False
    group: int | None = None
    budget: int | None = None
    data_terms: int | None = None
    macs: int = 0
    sp2_macs: int | None = None
    weight_bits: int | None = None
    live_macs: int | None = None
    term_pairs: int | None = 0
    term_pairs_present: int | None = 0
    terms_per_mac: float | None = None
    tokens: int | None = None
    bound: int | None = None
    beats: int | None = None
    cycles: int | None = None
    predicted_cycles: int | None = None
    compared: int = 0
    mismatches: int = 0
    seconds: float = 0.0


@dataclass
class Execution:
    """A finished run: the network's output codes, a report per module, and the seconds spent in the device alone."""

    outputs: Codes
    layers: list[LayerReport]
    device_seconds: float = 0.0
    samples: int = field(default=0)


def layer_reports(
    network: IntegerNetwork, executor: Literal["rtl", "golden"], counts: Mapping[str, ModuleCounts] | None = None
) -> list[LayerReport]:
    """Reports with the static facts of every module and, where given, the work that the golden model counted."""
    reports = []
    for module in network.modules:
        report = LayerReport(
            name=module.name,
            kind=_kind(network, module),
            executor=executor if module.kind == "conv" or executor == "golden" else "host",
            shape=network.tensors[module.output].shape,
        )
        work = None if counts is None else counts.get(module.name)
        if work is not None:
            report.macs = work.macs
        if module.kind == "conv" and not network.has_terms:
            report.term_pairs = report.term_pairs_present = None
        if module.kind == "conv" and network.scheme in MSQ_SCHEMES:
            report.sp2_macs = None if work is None else work.sp2_macs
        elif module.kind == "conv" and network.scheme == EXPONENTIAL:
            report.weight_bits = module.weight_bits
            report.live_macs = None if work is None else work.live_macs
        elif module.kind == "conv":
            report.stream = module.terms.stream
            report.revealed = module.terms.enabled
            if module.terms.enabled:
                report.group, report.budget = module.terms.group, module.terms.budget
                report.data_terms = module.terms.data_terms
            if work is not None:
                report.term_pairs = round(work.bound)
                report.term_pairs_present = work.pairs
                report.terms_per_mac = work.streamed / work.macs
        reports.append(report)
    return reports


def _kind(network: IntegerNetwork, module: IntegerModule) -> str:
    """``conv``, ``depthwise``, ``grouped``, ``fc`` or the module's own kind."""
    if module.kind != "conv" or module.weight is None:
        return module.kind
    if module.groups > 1:
        return "depthwise" if module.weight.shape[3] == 1 else "grouped"
    height, width, _ = network.tensors[module.inputs[0]].shape
    return "fc" if module.weight.shape[1:3] == (height, width) and not any(module.pads) else "conv"


def batch_size(network: IntegerNetwork, engine: Engine) -> int:
    """Images run at once, so that the operands of the largest module stay below 256 MiB."""
    largest = 1
    for module in network.modules:
        if module.kind == "conv":
            height, width, channels = network.tensors[module.output].shape
            lanes = engine.rows if weights_on_rows(module, engine) else engine.cols
            padded = -(-channels // lanes) * lanes
            largest = max(largest, height * width * (module.groups * reduction_length(module) + 5 * padded))
    return max(1, _OPERAND_BYTES // largest)


def execute(
    network: IntegerNetwork,
    x: NDArray[np.generic],
    golden: Mapping[str, Codes],
    device: SimulatedDevice,
    counts: Mapping[str, ModuleCounts] | None = None,
    stalls: Stalls | None = None,
    progress: Progress | None = None,
    tamper: Callable[[IntegerModule, TileProgram], None] | None = None,
    predict: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> Execution:
    """Run a network on the device and compare every module's output with the golden tensors.

    Args:
        network: the integer network.
        x: real samples as the ONNX input expects them, or codes (N, height, width, channels).
        golden: every tensor of the golden model for the same samples.
        device: the simulated device.
        counts: work counted by the golden model for the same samples, for the reports.
        stalls: random stalls on both sides of the device, None for none.
        progress: told about every module.
        tamper: may change the memories of a module before it runs (fault injection in tests).
        predict: run the cycle model beside the device. clock: what ``seconds`` are measured with.

    Raises:
        ShiftworkError: nothing to compare, or the device refuses or hangs.
    """
    if len(x) == 0:
        raise ShiftworkError("no samples to execute: nothing would be compared")
    reports = layer_reports(network, "rtl", counts)
    step = batch_size(network, device.engine)
    starts = range(0, len(x), step)
    total = len(starts) * len(network.modules)
    done = 0
    result = Execution(np.zeros_like(golden[network.output]), reports, samples=len(x))
    for start in starts:
        part = x[start : start + step]
        if np.issubdtype(part.dtype, np.floating):
            codes: Codes = quantize_input(network, part.astype(np.float64))
        else:
            codes = part.astype(golden[network.input].dtype)
        tensors: dict[str, Codes] = {network.input: codes}
        for module, report in zip(network.modules, reports, strict=True):
            done += 1
            if progress is not None:
                progress(done, total, module.name)
            begin = clock()
            if module.kind == "conv":
                program = compile_module(network, module, tensors, device.engine)
                if tamper is not None:
                    tamper(module, program)
                run = device.run(module, program, stalls, clock=clock)
                tensors[module.output] = run.codes
                report.seconds += clock() - begin
                result.device_seconds += run.seconds
                report.beats = (report.beats or 0) + run.in_beats
                report.cycles = (report.cycles or 0) + run.cycles
                if predict:
                    cost = schedule(program, module.terms)
                    report.predicted_cycles = (report.predicted_cycles or 0) + cost.cycles
                    report.bound = (report.bound or 0) + cost.bound
                    if cost.tokens is not None:
                        report.tokens = (report.tokens or 0) + cost.tokens
                if counts is None:
                    report.macs += program.macs
                    if report.term_pairs is not None:
                        report.term_pairs += round(program.macs * pairs_bound(module))
            else:
                tensors[module.output] = evaluate(network, module, tensors)
                report.seconds += clock() - begin
            expected = golden[module.output][start : start + len(part)]
            actual = tensors[module.output]
            if actual.shape != expected.shape:
                raise ShiftworkError(f"node {module.name!r}: the device returned {actual.shape}, not {expected.shape}")
            report.compared += expected.size
            report.mismatches += int(np.count_nonzero(actual != expected))
        result.outputs[start : start + len(part)] = tensors[network.output]
    if not reports or any(report.compared == 0 for report in reports):
        raise ShiftworkError("nothing was compared with the golden model")
    return result
