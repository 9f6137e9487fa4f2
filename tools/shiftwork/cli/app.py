# SPDX-License-Identifier: Apache-2.0
"""The commands. Heavy imports wait until a command needs them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from shiftwork import __version__
from shiftwork.cli import options as o
from shiftwork.cli.train import train
from shiftwork.errors import ShiftworkError
from shiftwork.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shiftwork.compile import Engine
    from shiftwork.device.simulated import SimulatedDevice
    from shiftwork.network.data import Data
    from shiftwork.network.graph import FloatNetwork
    from shiftwork.network.integer import IntegerNetwork
    from shiftwork.run.networks import Executor, RunReport

app = typer.Typer(
    name="shiftwork",
    help="Trained networks as integers, run bit for bit on shift-and-add hardware.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(show: bool) -> None:
    if show:
        print(f"shiftwork {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    pass


def _calibration(network: FloatNetwork, data: Data | None, file: Path | None, count: int) -> Data:
    from shiftwork.network.data import load_data

    if count < 1:
        raise ShiftworkError(f"--calibrate {count} is below 1 sample")
    if file is not None:
        return load_data(file, network, count)
    assert data is not None
    return data.first(count)


def _device(engine: Engine, network: IntegerNetwork, progress: Progress, waves: Path | None = None) -> SimulatedDevice:
    from shiftwork.compile import requant_of
    from shiftwork.device.simulated import SimulatedDevice

    progress.step(f"device: {engine} engine in Verilator (built once, then cached)")
    return SimulatedDevice(engine, requant_of(network), waves)


def _finish(report: RunReport, json: Path | None) -> int:
    """Print a report; the exit code."""
    from shiftwork.run.networks import layer_table, summary_lines

    if report.layers:
        print(layer_table(report).text())
        print()
    print("\n".join(summary_lines(report)))
    if json is not None:
        report.write(json)
    return 0 if report.ok else 1


@app.command()
def run(
    model: o.Model,
    data: o.DataFile,
    scheme: o.Scheme = "tr",
    executor: Annotated[str, typer.Option(help="float, golden or rtl.")] = "golden",
    stream: o.StreamOption = "weights",
    group: o.Group = None,
    budget: o.Budget = None,
    data_terms: o.DataTerms = None,
    scale: o.Scale = None,
    weight_bits: o.WeightBits = 8,
    activation_bits: o.ActivationBits = 8,
    sp2_share: o.Sp2Share = None,
    alpha: o.Alpha = None,
    exponent_bits: o.ExponentBits = None,
    per_tensor: o.PerTensor = False,
    depthwise: o.Depthwise = False,
    max_loss: o.MaxLoss = None,
    max_error: o.MaxError = 0.05,
    layer: o.LayerOption = None,
    overrides: o.Overrides = None,
    limit: o.Limit = None,
    calibrate: o.Calibrate = o.CALIBRATION_SAMPLES,
    calib_data: o.CalibrationFile = None,
    rows: o.EngineRows = None,
    cols: o.EngineCols = None,
    fixed_rows: o.FixedRows = None,
    sp2_rows: o.Sp2Rows = None,
    lanes: o.Lanes = None,
    fold: o.Fold = None,
    modules: o.Modules = None,
    json: o.JsonFile = None,
) -> int:
    """Quantize a model, execute it and, on the RTL, compare every layer with the golden model."""
    from shiftwork.compile import engine_for
    from shiftwork.network.data import load_data
    from shiftwork.network.floating import reference
    from shiftwork.network.importer import import_onnx
    from shiftwork.run.networks import EXECUTORS, run_float, run_integer

    wish = o.Quantization(
        scheme, stream, group, budget, data_terms, o.scale_of(scheme, scale), per_tensor, depthwise, max_loss,
        max_error, tuple(layer or ()), overrides, weight_bits, activation_bits, sp2_share, alpha,
        exponent_bits,
    )  # fmt: skip
    wish.check()
    o.choose("--executor", executor, EXECUTORS)
    engine = engine_for(scheme, rows, cols, fixed_rows, sp2_rows, lanes, fold) if executor == "rtl" else None
    o.check_target("--json", json)
    progress = Progress(steps={"float": 2, "golden": 4, "rtl": 5}[executor])
    progress.step(f"import {model.name}")
    network = import_onnx(model)
    samples = load_data(data, network)
    used = samples if limit is None else load_data(data, network, limit)
    progress.step(f"float model on {len(used.x)} samples")
    outputs: NDArray[np.float32] | None = reference(model, used.x, network.batch)
    if executor == "float":
        assert outputs is not None
        return _finish(run_float(model.name, outputs, used), json)
    calibration = _calibration(network, samples, calib_data, calibrate)
    progress.step(f"quantize ({scheme}) with {len(calibration.x)} calibration samples")
    integer = wish.quantize(network, calibration.x, calibration.y, progress)
    device = None if engine is None else _device(engine, integer, progress)
    progress.step(f"execute {len(used.x)} samples on {executor}")
    if modules is not None:
        integer, used, outputs = integer.first(modules), replace(used, y=None), None
    report = run_integer(model.name, integer, used, cast("Executor", executor), progress, device, reference=outputs)
    return _finish(report, json)


@app.command()
def quantize(
    model: o.Model,
    data: o.DataFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="NETWORK.npz", help="File to write.", show_default=False)
    ],
    scheme: o.Scheme = "tr",
    stream: o.StreamOption = "weights",
    group: o.Group = None,
    budget: o.Budget = None,
    data_terms: o.DataTerms = None,
    scale: o.Scale = None,
    weight_bits: o.WeightBits = 8,
    activation_bits: o.ActivationBits = 8,
    sp2_share: o.Sp2Share = None,
    alpha: o.Alpha = None,
    exponent_bits: o.ExponentBits = None,
    per_tensor: o.PerTensor = False,
    depthwise: o.Depthwise = False,
    max_loss: o.MaxLoss = None,
    max_error: o.MaxError = 0.05,
    layer: o.LayerOption = None,
    overrides: o.Overrides = None,
    calibrate: o.Calibrate = o.CALIBRATION_SAMPLES,
    calib_data: o.CalibrationFile = None,
    fit_plot: o.FitPlot = None,
    json: o.JsonFile = None,
) -> int:
    """Write the integer network: an .npz for `simulate`, and the same as readable JSON beside it."""
    from shiftwork.network.data import load_data
    from shiftwork.network.importer import import_onnx
    from shiftwork.network.integer import EXPONENTIAL
    from shiftwork.quantize.dnateq import fit_report
    from shiftwork.report.fit_plot import check_plot, draw_fits
    from shiftwork.run.networks import fit_table, quantization_line, quantizations, write_json

    wish = o.Quantization(
        scheme, stream, group, budget, data_terms, o.scale_of(scheme, scale), per_tensor, depthwise, max_loss,
        max_error, tuple(layer or ()), overrides, weight_bits, activation_bits, sp2_share, alpha,
        exponent_bits,
    )  # fmt: skip
    wish.check()
    o.check_target("--output", output)
    o.check_target("--json", json)
    if fit_plot is not None:
        if scheme != EXPONENTIAL:
            raise ShiftworkError(f"--fit-plot belongs to --scheme {EXPONENTIAL}, not to --scheme {scheme}")
        o.check_target("--fit-plot", fit_plot)
        check_plot(fit_plot)
    progress = Progress(steps=3)
    progress.step(f"import {model.name}")
    network = import_onnx(model)
    calibration = _calibration(network, load_data(data, network), calib_data, calibrate)
    progress.step(f"quantize ({scheme}) with {len(calibration.x)} calibration samples")
    integer = wish.quantize(network, calibration.x, calibration.y, progress)
    progress.step(f"write {output}")
    try:
        written = integer.save(output)
    except OSError as error:
        raise ShiftworkError(f"--output {output}: {error.strerror}") from error
    for path in written:
        print(path)
    counts = quantizations(integer)
    print(quantization_line(counts))
    content: dict[str, Any] = {"model": model.name, "scheme": scheme, "scale": wish.scale, "quantizations": counts}
    if scheme == EXPONENTIAL:
        fits = fit_report(network, calibration.x, integer)
        print(fit_table(fits).text())
        content["fits"] = [asdict(fit) for fit in fits]
        if fit_plot is not None:
            draw_fits(fits, fit_plot)
            print(fit_plot)
    if json is not None:
        write_json(json, content)
    return 0


app.command()(train)


@app.command()
def simulate(
    network: Annotated[
        Path | None, typer.Argument(metavar="NETWORK.npz", help="What `quantize` wrote.", show_default=False)
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="D.npz", help="x (N,...) float32, y (N,).", show_default=False)
    ] = None,
    executor: Annotated[str, typer.Option(help="golden or rtl.")] = "rtl",
    limit: o.Limit = None,
    rows: o.EngineRows = None,
    cols: o.EngineCols = None,
    fixed_rows: o.FixedRows = None,
    sp2_rows: o.Sp2Rows = None,
    lanes: o.Lanes = None,
    fold: o.Fold = None,
    in_gap: Annotated[float, typer.Option(help="Probability of an idle cycle before an input beat.")] = 0.0,
    out_stall: Annotated[float, typer.Option(help="Probability of a cycle in which the output is not taken.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the stalls.")] = 1,
    waves: Annotated[
        Path | None, typer.Option(metavar="F.vcd", help="Write a waveform of everything.", show_default=False)
    ] = None,
    benchmark: Annotated[
        bool, typer.Option("--benchmark", help="Measure the whole network against the bare engine.")
    ] = False,
    modules: o.Modules = None,
    json: o.JsonFile = None,
) -> int:
    """Execute an integer network, on the RTL compared with the golden model layer by layer."""
    from shiftwork.compile import engine_for
    from shiftwork.device.simulated import Stalls
    from shiftwork.network.integer import IntegerNetwork
    from shiftwork.run.benchmark import benchmark_lines, measure
    from shiftwork.run.networks import run_integer, write_json

    o.choose("--executor", executor, ("golden", "rtl"))
    o.check_target("--json", json)
    o.check_target("--waves", waves)
    for name, value in (("--in-gap", in_gap), ("--out-stall", out_stall)):
        if not 0.0 <= value <= 0.95:
            raise ShiftworkError(f"{name} {value} is outside 0..0.95")
    if network is None:
        raise ShiftworkError("NETWORK.npz is missing: the file that `shiftwork quantize` wrote")
    if data is None:
        raise ShiftworkError("--data is missing: the samples to execute")
    progress = Progress(steps=(2 if executor == "golden" else 3) + benchmark)
    progress.step(f"load {network.name}")
    integer = IntegerNetwork.load(network)
    used = _samples(integer, data, limit)
    if modules is not None:
        integer, used = integer.first(modules), replace(used, y=None)
    if executor == "golden":
        for option, given in (("--benchmark", benchmark), ("--waves", waves is not None)):
            if given:
                raise ShiftworkError(f"{option} belongs to --executor rtl")
    device = None
    if executor == "rtl":
        engine = engine_for(integer.scheme, rows, cols, fixed_rows, sp2_rows, lanes, fold)
        device = _device(engine, integer, progress, waves)
    progress.step(f"execute {len(used.x)} samples on {executor}")
    stalls = Stalls(in_gap, out_stall, seed)
    report = run_integer(network.name, integer, used, cast("Executor", executor), progress, device, stalls)
    if device is not None and waves is not None:
        device.close()
    code = _finish(report, None if benchmark else json)
    if benchmark:
        assert device is not None
        progress.step("benchmark: bare engine and whole network, alternating")
        result = measure(integer, used, device)
        print("\n".join(benchmark_lines(result)))
        if json is not None:
            write_json(json, {**report.to_json(), "benchmark": result.to_json()})
    return code


def _samples(network: IntegerNetwork, path: Path, limit: int | None) -> Data:
    """Samples of a data file for a saved network, checked like those of an ONNX model."""
    from shiftwork.network.data import load_data
    from shiftwork.network.graph import FloatNetwork

    height, width, channels = network.tensors[network.input].shape
    shape = (channels,) if height == width == 1 else (channels, height, width)
    shapes = {name: info.shape for name, info in network.tensors.items()}
    return load_data(path, FloatNetwork(path, network.input, network.output, shape, None, shapes, []), limit)


@app.command()
def demo(
    limit: Annotated[int, typer.Option(help="Test images that run on the RTL.")] = 100,
    json: o.JsonFile = None,
) -> int:
    """The shipped digits network under float, fixed8, tr and msq; the integers on the RTL, every layer compared."""
    from shiftwork.report.demo import demo as run_demo

    o.check_target("--json", json)
    return int(run_demo(limit, json))


@app.command()
def doctor() -> int:
    """Versions of the tools, and the command that installs what is missing."""
    from shiftwork.cli.doctor import check

    return check()


@app.command()
def cores(
    check: Annotated[bool, typer.Option("--check", help="Compare only; exit code 1 when they differ.")] = False,
) -> int:
    """Regenerate the FuseSoC core files from rtl/manifest.yml."""
    from shiftwork.blocks.cores import run as run_cores

    return run_cores(check)


@app.command()
def synth(
    scheme: Annotated[str, typer.Argument(help="tr, dnateq: engines; msq: 4-bit units; requant: requantizers.")] = "tr",
    model: Annotated[
        Path | None, typer.Option(metavar="MODEL.onnx", help="Network for cycles and sums. [default: digits example]")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="D.npz", help="Its samples.", show_default=False)
    ] = None,
    calib_data: o.CalibrationFile = None,
    cycles: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Take cycles from `run --json` reports; repeatable.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Samples that run on the RTL; all but tr: on the golden model.")] = 5,
    rows: o.EngineRows = None,
    cols: o.EngineCols = None,
    fold: o.Fold = None,
    design: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Map this design only, such as tr or booth; repeatable.")
    ] = None,
    ecp5: Annotated[bool, typer.Option("--ecp5", help="Place and route on an ECP5-85 instead.")] = False,
    toggles: Annotated[bool, typer.Option("--toggles", help="Count the net toggles of the netlists instead.")] = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep scripts, logs and netlists.", show_default=False)
    ] = None,
    json: o.JsonFile = None,
) -> int:
    """Area and LUT-cycles per MAC of the engines (tr, dnateq) beside inferred and Booth arrays (Yosys, 7-series); area
    and switching of 4-bit units (msq; 7-series, ECP5) or of requantizers (requant; 7-series, ECP5, iCE40)."""
    from shiftwork.report.cost_tr import synth as run_synth

    o.check_target("--json", json)
    return run_synth(
        scheme,
        model,
        data,
        calib_data,
        cycles or [],
        samples,
        rows,
        cols,
        fold,
        design or [],
        ecp5,
        toggles,
        keep,
        json,
    )


@app.command()
def plan(
    device: Annotated[
        str, typer.Option(help="xc7z020, xc7z045, xc7vx485t, ecp5-85f or ice40up5k.", show_default=False)
    ],
    network: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="NETWORK.npz of `quantize`, or MODEL.onnx.", show_default=False),
    ] = None,
    clock: Annotated[float, typer.Option(metavar="MHZ", help="Clock of all designs, 1..1000 MHz.")] = 100.0,
    json: o.JsonFile = None,
) -> int:
    """Propose an msq engine for a device from synthesized unit costs, beside designs of multipliers alone."""
    from shiftwork.report.cost_plan import plan as run_plan

    o.check_target("--json", json)
    return run_plan(device, network, clock, json)
