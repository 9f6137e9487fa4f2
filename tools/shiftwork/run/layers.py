# SPDX-License-Identifier: Apache-2.0
"""A whole network on a tile engine, simulated or of a board, compared with the golden model module by module.

Convolutions and fully connected layers run on the RTL, tables where the device has one, and products of two activations
on engines that can do it; pooling, element-wise additions and code moves are computed by the host with the golden
functions, on the tensors that the RTL produced, and are named as such. Module n reads what module n-1 of this executor
wrote, never golden data.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile import Engine, Operands, compile_network, table_cycles
from shiftwork.compile.products import product_operands, product_result
from shiftwork.device.simulated import LayerResult, SimulatedDevice, Stalls
from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import entering, evaluate
from shiftwork.network.format import Codes, Facts, Work
from shiftwork.network.integer import IntegerModule, IntegerNetwork
from shiftwork.progress import OnItem

Executor = Literal["rtl", "accel", "uart", "golden"]


class TileDevice(Protocol):
    """A tile engine with its post unit: a layer a call."""

    @property
    def executor(self) -> Executor:
        """What reports call it."""

    @property
    def engine(self) -> Engine:
        """The engine."""

    def run(self, operands: Operands, stalls: Stalls | None = None, *, clock: Callable[[], float] = ...) -> LayerResult:
        """Run every tile of a layer."""


_OPERAND_BYTES = 256 << 20


@dataclass
class LayerReport:
    """One module: what ran where, what it cost, and whether it equals the golden model.

    Attributes:
        name, kind: of the module.
        executor: ``rtl``, ``accel``, ``uart`` or ``host`` (``golden`` when nothing else ran); ``address`` for what the
            accelerator only addresses.
        shape: output (height, width, channels).
        facts: settings and work of a convolution by its format (:meth:`shiftwork.network.format.Format.facts`).
        tokens: terms and empty planes that the rows issued, where there are terms.
        bound: cycles below which no schedule can go (:class:`shiftwork.compile.Schedule`).
        beats: of input, one or, with lanes, several reduction steps of a whole tile each.
        cycles: of the RTL. predicted_cycles: by the cycle model.
        compared: elements compared with golden. mismatches: those that differ.
        seconds: wall time of the module on the device (gathering of its operands included).
    """

    name: str
    kind: str
    executor: Literal["rtl", "accel", "uart", "address", "host", "golden"]
    shape: tuple[int, int, int]
    facts: Facts = field(default_factory=dict)
    tokens: int | None = None
    bound: int | None = None
    beats: int | None = None
    cycles: int | None = None
    predicted_cycles: int | None = None
    compared: int = 0
    mismatches: int = 0
    seconds: float = 0.0

    @property
    def macs(self) -> int:
        """Multiply-accumulates over all samples; 0 for what is no convolution."""
        return int(self.facts.get("macs", 0))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, the facts beside the others."""
        values = asdict(self)
        facts: Facts = values.pop("facts")
        return values | facts


@dataclass
class Execution:
    """A finished run: codes of the tensors that leave, a report per module, the seconds spent in the device alone, and
    the codes that every module wrote, where asked for."""

    outputs: dict[str, Codes]
    layers: list[LayerReport]
    device_seconds: float = 0.0
    samples: int = field(default=0)
    tensors: dict[str, Codes] = field(default_factory=dict)


def layer_reports(
    network: IntegerNetwork,
    executor: Executor,
    counts: Mapping[str, Work] | None = None,
    device: TileDevice | None = None,
) -> list[LayerReport]:
    """Reports with the static facts of every module and, where given, the work that the golden model counted.

    device: a tile engine that executes what it takes, and the host the rest; None: the executor does all.
    """
    return [
        LayerReport(
            name=module.name,
            kind=_kind(network, module),
            executor=executor if device is None or runs_on(device, module) else "host",
            shape=network.tensors[module.output].shape,
            facts=module.format.facts(module, (counts or {}).get(module.name)) if module.multiplies else {},
        )
        for module in network.modules
    ]


def runs_on(device: TileDevice, module: IntegerModule) -> bool:
    """Whether a device computes a module; boards have no table."""
    return isinstance(device, SimulatedDevice) if module.kind == "table" else device.engine.takes(module)


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
            lanes = engine.rows if engine.weights_on_rows(module) else engine.cols
            padded = -(-channels // lanes) * lanes
            largest = max(largest, height * width * (module.groups * module.depth + 5 * padded))
        elif engine.takes(module):
            (height, width, depth), (_, channels, _) = (network.tensors[name].shape for name in module.inputs)
            sizes = (channels, width) if engine.weights_on_rows(module) else (width, channels)
            rows, columns = (-(-size // n) * n for size, n in zip(sizes, (engine.rows, engine.cols), strict=True))
            largest = max(largest, height * (depth * (rows + columns) + 2 * rows * columns))
    return max(1, _OPERAND_BYTES // largest)


def execute(
    network: IntegerNetwork,
    x: NDArray[np.generic],
    golden: Mapping[str, Codes],
    device: TileDevice,
    counts: Mapping[str, Work] | None = None,
    stalls: Stalls | None = None,
    progress: OnItem | None = None,
    tamper: Callable[[Operands], None] | None = None,
    predict: bool = True,
    keep: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> Execution:
    """Run a network on the device and compare every module's output with the golden tensors.

    Args:
        network: the integer network.
        x: real samples as the ONNX input expects them, or codes (N, height, width, channels).
        golden: every tensor of the golden model for the same samples.
        device: the tile engine, simulated or of a board.
        counts: work counted by the golden model for the same samples, for the reports.
        stalls: random stalls on both sides of the device, None for none.
        progress: told about every module.
        tamper: may change what the device is given of a module before it runs (fault injection in tests).
        predict: run the cycle model beside the device. keep: the codes of every module, under its name.
        clock: what ``seconds`` are measured with.

    Raises:
        ShiftworkError: nothing to compare, or the device refuses or hangs.
    """
    if len(x) == 0:
        raise ShiftworkError("no samples to execute: nothing would be compared")
    program = compile_network(network, device.engine)
    reports = layer_reports(network, device.executor, counts, device)
    step = batch_size(network, device.engine)
    starts = range(0, len(x), step)
    total = len(starts) * len(network.modules)
    done = 0
    outputs = {name: np.zeros_like(golden[name]) for name in network.outputs}
    result = Execution(outputs, reports, samples=len(x))
    if keep:
        result.tensors = {module.name: np.zeros_like(golden[module.output]) for module in network.modules}
    for start in starts:
        part = x[start : start + step]
        tensors = entering(network, part)
        for module, report in zip(network.modules, reports, strict=True):
            done += 1
            if progress is not None:
                progress(done, total, module.name)
            begin = clock()
            if module.kind == "table" and isinstance(device, SimulatedDevice):
                assert module.table is not None
                found = network.tensors[module.output].dtype
                run = device.table(
                    tensors[module.inputs[0]], module.table.view(found), stalls, name=module.name, clock=clock
                )
                tensors[module.output] = run.codes
                report.seconds += clock() - begin
                result.device_seconds += run.seconds
                report.cycles = (report.cycles or 0) + run.cycles
                if predict:
                    lookup = table_cycles(run.codes.size, device.engine.cols)
                    report.predicted_cycles = (report.predicted_cycles or 0) + lookup
                    report.bound = (report.bound or 0) + -(-run.codes.size // device.engine.cols)
            elif device.engine.takes(module):
                product = module.kind == "matmul"
                if product:
                    operands = product_operands(network, module, device.engine, tensors)
                else:
                    operands = program.layers[module.name].operands(tensors)
                if tamper is not None:
                    tamper(operands)
                run = device.run(operands, stalls, clock=clock)
                shape = (len(part), *network.tensors[module.output].shape)
                tensors[module.output] = product_result(run.codes, shape) if product else run.codes
                report.seconds += clock() - begin
                result.device_seconds += run.seconds
                report.beats = (report.beats or 0) + run.in_beats
                report.cycles = (report.cycles or 0) + run.cycles
                if predict:
                    cost = device.engine.schedule(operands)
                    if device.executor == "rtl":  # the memory of a board makes it wait
                        report.predicted_cycles = (report.predicted_cycles or 0) + cost.cycles
                    report.bound = (report.bound or 0) + cost.bound
                    if cost.tokens is not None:
                        report.tokens = (report.tokens or 0) + cost.tokens
            else:
                tensors[module.output] = evaluate(network, module, tensors)
                report.seconds += clock() - begin
            expected = golden[module.output][start : start + len(part)]
            actual = tensors[module.output]
            if actual.shape != expected.shape:
                raise ShiftworkError(f"node {module.name!r}: the device returned {actual.shape}, not {expected.shape}")
            report.compared += expected.size
            report.mismatches += int(np.count_nonzero(actual != expected))
            if keep:
                result.tensors[module.name][start : start + len(part)] = actual
        for name, codes in result.outputs.items():
            codes[start : start + len(part)] = tensors[name]
    if not reports or any(report.compared == 0 for report in reports):
        raise ShiftworkError("nothing was compared with the golden model")
    return result
