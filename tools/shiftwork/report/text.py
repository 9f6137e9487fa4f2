# SPDX-License-Identifier: Apache-2.0
"""Runs as text: the table of their layers and their figures, one line each."""

from __future__ import annotations

from collections.abc import Sequence

from shiftwork.compile.accel_cycles import predict
from shiftwork.compile.accelerator import AcceleratorProgram
from shiftwork.device.simulated_accelerator import LATENCY
from shiftwork.network.promise import FEW, FEW_HELD, UNSURE, Promise
from shiftwork.network.saving import Saving
from shiftwork.quantize.expfit import TensorFit
from shiftwork.run.networks import RunReport
from shiftwork.schemes import SCHEMES
from shiftwork.table import Table

UNTRAINED = 3.0
"""Points of expected loss from which on a scheme that can be trained should be."""


def quantization_line(counts: dict[str, int]) -> str:
    """Quantizations for one sample (:func:`shiftwork.run.networks.quantizations`)."""
    return f"quantizations   {counts['unified']} in unified modules, {counts['op_by_op']} operator by operator"


def copies_lines(copies: int) -> list[str]:
    """How the network input enters, where it enters more than once."""
    return [f"input           {copies} copies, together {copies} times as fine"] if copies > 1 else []


def promise_lines(promise: Promise, scheme: str) -> list[str]:
    """What calibrated a network, what it is expected to lose, and what a user should mind."""
    source = f" of {promise.source}" if promise.source else ""
    loss, unit = f"{promise.estimate:.2f} +- {promise.error:.2f}", "points"
    if not promise.classes:
        unit = f"% of the output's power (SQNR {promise.sqnr:.1f} dB)"
    lines = [
        f"calibration     {promise.samples} samples{source}, {promise.held} of them held back",
        f"expected loss   {loss} {unit}, at most {promise.bound:.2f}; {promise.tolerated:g} tolerated",
    ]
    if not promise.kept:
        lines.append("warning         the loss may be more than what is tolerated")
    if promise.samples < FEW:
        lines.append(f"warning         {promise.samples} calibration samples say little: take {FEW} or more")
    elif promise.held < FEW_HELD:
        lines.append(f"warning         calibration samples repeat each other: {promise.held} held back differ")
    if promise.confidence < UNSURE:
        mean = f"{100 * promise.confidence:.0f} %"
        lines.append(
            f"warning         the network gives its classes {mean} in the mean: if it is right more often, its"
        )
        lines.append("                outputs are no log-probabilities, and it may lose more than is expected")
    if promise.estimate > UNTRAINED and scheme in SCHEMES and SCHEMES[scheme].trained:
        lines.append(f"warning         {scheme} needs training here: shiftwork train --unlabelled --scheme {scheme}")
    return lines


def saving_lines(saving: Saving) -> list[str]:
    """What term revealing buys beside conventional quantization (QT), of which sparsity alone saves work."""
    lines = [f"pairs present   {saving.pairs:.3f} per MAC on calibration samples, by QT {saving.plain_pairs:.3f}"]
    if saving.cycles and saving.plain_cycles:
        lines.append(
            f"cycles beside   {saving.cycles:,} predicted for a sample, by QT {saving.plain_cycles:,}: "
            f"{saving.plain_cycles / saving.cycles:.2f}x"
        )
        if saving.either_cycles and saving.either_cycles < saving.plain_cycles:
            lines.append(
                f"                {saving.plain_cycles / saving.either_cycles:.2f}x by QT that streams the better "
                f"operand in every layer, {saving.either_cycles:,}"
            )
    return lines


def layer_table(report: RunReport) -> Table:
    """The layers of a run as a table."""
    rtl, columns = report.executor == "rtl", report.columns
    table = Table(["layer", "kind", "on", "output", *columns.heads])
    if rtl:
        table.heads += [*(["tokens"] if columns.tokens else []), "cycles", "predicted", "compared", "mismatches"]
    elif report.executor == "accel":
        table.heads += ["bound", "cycles", "predicted", "compared", "mismatches"]
    elif report.executor == "uart":
        table.heads += ["bound", "cycles", "compared", "mismatches"]
    for layer in report.layers:
        height, width, channels = layer.shape
        row = [layer.name, layer.kind, layer.executor, f"{height}x{width}x{channels}", *columns.cells(layer.facts)]
        if rtl:
            row += [layer.tokens] if columns.tokens else []
            row += [layer.cycles, layer.predicted_cycles, layer.compared, layer.mismatches]
        elif report.executor == "accel":
            row += [layer.bound, layer.cycles, layer.predicted_cycles, layer.compared, layer.mismatches]
        elif report.executor == "uart":
            row += [layer.bound, layer.cycles, layer.compared, layer.mismatches]
        table.add(row)
    return table


def fit_table(fits: Sequence[TensorFit]) -> Table:
    """Codes of the tensors, their errors and what these do to the output, in percent, beside uniform codes."""
    heads = ["tensor", "kind", "bits", "base", "RMAE %", "uniform %", "full range %"]
    table = Table([*heads, "noise of the output %", "uniform %", "with sign %", "better"])
    for fit in fits:
        errors = [100 * error for error in (fit.rmae, fit.uniform, fit.full_range)]
        better = "exponential" if fit.wins else "uniform"
        noises = [f"{value:.4f}" for value in (fit.noise, fit.uniform_noise, fit.signed_noise)]
        table.add([fit.name, fit.kind, fit.code.bits + 1, fit.code.base, *errors, *noises, better])
    return table


def fit_lines(fits: Sequence[TensorFit]) -> list[str]:
    """Of how many tensors exponential codes are the better ones, and what all of them do to the output in sum."""
    lines = []
    for kind in ("activation", "weight"):
        some = [fit for fit in fits if fit.kind == kind]
        names = ("wins", "wins_signed", "noise", "uniform_noise", "signed_noise")
        won, won_signed, noise, uniform, signed = (sum(getattr(fit, name) for fit in some) for name in names)
        lines.append(
            f"{kind + 's':<15} {won} of {len(some)} better in exponential codes than in uniform ones of as many bits, "
            f"{won_signed} where all of these have a sign; noise of the output {noise:.3f} % in sum, in uniform codes "
            f"{uniform:.3f} %, with a sign {signed:.3f} %"
        )
    return lines


def program_lines(program: AcceleratorProgram) -> list[str]:
    """The figures of a program of the accelerator, one line each."""
    shape, (weights, constants) = program.shape, (program.loaded(name) for name in ("weights", "constants"))
    lines = [
        f"accelerator     {shape.engine.kind} engine, {shape.engine.rows} rows, {shape.engine.cols} columns",
        f"its memories    {shape.activation_words:,} words of activations, {shape.weight_words:,} of weights, "
        f"{shape.constants:,} constants",
        f"program         {program.program_count:,} instructions, {len(program.program):,} bytes",
        f"weights         {weights:,} bytes, constants {constants:,} bytes",
        f"image           {program.memory.size:,} bytes with room for input and results",
    ]
    cycles = predict(program, LATENCY).cycles
    lines.append(f"cycles          {cycles:,}, predicted for a memory that answers after {LATENCY} cycles")
    for what, area in (("input", program.input), ("output", program.output)):
        height, width, channels = area.image
        lines.append(f"{what:<15} {area.name!r}, {height} x {width} x {channels} of {area.info.bits} bits")
    return lines


def speed_line(cycles: int, samples: int, clock: int, seconds: float) -> str:
    """How fast a board runs. cycles: of all samples. clock: in kHz. seconds: with transfers of input and results."""
    rate = 1000 * clock * samples / cycles if cycles else 0.0
    return f"{rate:,.0f} samples/s at {clock / 1000:g} MHz, {samples / seconds:,.1f} with the transfers"


def summary_lines(report: RunReport) -> list[str]:
    """The figures of a whole run, one line each."""
    lines = [f"{report.model}: scheme {report.scheme}, executor {report.executor}, {report.samples} samples"]
    if report.accuracy is not None:
        other = ""
        if report.executor != "float" and report.float_accuracy is not None:
            loss = report.float_accuracy - report.accuracy
            other = f"; float {report.float_accuracy:.2f} %, loss {loss:.2f} +- {report.loss_error or 0:.2f} points"
        lines.append(f"accuracy        {report.accuracy:.2f} +- {report.accuracy_error or 0:.2f} %{other}")
    if report.agreement is not None and report.executor != "float":
        lines.append(f"same class      {report.agreement:.2f} % of the samples as the float model")
    if report.agreement is None:
        for name, error in report.errors.items():
            lines.append(f"error           {name!r}: SQNR {error['sqnr']:.1f} dB, at most {error['largest']:.4g}")
    if report.promise is not None:
        lines += promise_lines(report.promise, report.scheme)
    lines += copies_lines(report.input_copies)
    for name, note in report.notes.items():
        lines.append(f"node            {name!r}: {note}")
    if report.scales is not None:
        lines.append(f"scales          {report.scales}")
    if report.quantizations is not None:
        lines.append(quantization_line(report.quantizations))
    if report.model_bits is not None:
        lines.append(
            f"model           {report.model_bits:,} bits, {report.weight_bits:.2f} a weight; "
            f"{report.activation_bits:.2f} an activation"
        )
    if report.totals:
        lines += report.columns.lines(report.totals)
    if report.saving is not None:
        lines += saving_lines(report.saving)
    if report.cycles is not None and report.engine is not None:
        macs = report.device_macs
        per_mac = report.cycles * report.engine.cells / macs if macs else 0.0
        seconds = report.device_seconds or 1.0
        speed = f"simulated at {report.cycles / seconds / 1e3:.0f} kcycles/s"
        if report.clock is not None:
            speed = speed_line(report.cycles, report.samples, report.clock, seconds)
        predicted = "" if report.predicted_cycles is None else f" (predicted {report.predicted_cycles:,})"
        lines.append(
            f"cycles          {report.cycles:,}{predicted} on {report.engine.array}, "
            f"{per_mac:.2f} cell-cycles per MAC, {speed}"
        )
        lines.append(f"utilisation     {100 * (report.utilisation or 0):.1f} % of the {report.engine.bound_name}")
        if report.stalls is not None:
            waits = ", ".join(f"{cycles:,} cycles for {cause}" for cause, cycles in report.stalls.items())
            lines.append(f"beats waited    {waits}")
            lines.append(f"memory          {report.bytes_read:,} bytes read, {report.bytes_written:,} written")
            lines.append(f"per sample      {report.cycles / report.samples:,.0f} cycles, from the start to the result")
        if report.host_modules:
            count = f"{report.host_compared:,} elements: " if report.host_compared else ""
            lines.append(f"host computed   {count}{', '.join(report.host_modules)}")
        elif report.executor in ("accel", "uart"):
            lines.append("host computed   nothing")
        if report.executor == "uart" and not any(layer.compared for layer in report.layers):
            lines.append("modules         not compared: the memory of the board has no room for what they write")
        what = "board" if report.executor == "uart" else "RTL"
        lines.append(
            f"mismatches      {report.mismatches} of {report.compared:,} elements that the {what} computed, "
            "compared with the golden model"
        )
    return lines
