# SPDX-License-Identifier: Apache-2.0
"""The commands. Heavy imports wait until a command needs them."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from shiftwork import __version__
from shiftwork.board.uart import BAUD
from shiftwork.cli import options as o
from shiftwork.cli.board import board as board_app
from shiftwork.cli.boards import bitstream, program
from shiftwork.cli.takes import takes
from shiftwork.cli.train import train
from shiftwork.cost.wish import CostWish
from shiftwork.device.simulated import Stalls
from shiftwork.device.simulated_accelerator import AcceleratorWish, SimulationWish
from shiftwork.errors import SettingError
from shiftwork.outputs import check_targets, write_json
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import Calibration, Quantization
from shiftwork.schemes import SCHEMES, EngineWish, check, engine_wish, scheme_of
from shiftwork.schemes import quantize as quantized
from shiftwork.settings import choose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shiftwork.board.on_board import BoardAccelerator
    from shiftwork.board.on_tiles import BoardTiles
    from shiftwork.compile import Engine
    from shiftwork.device.simulated import SimulatedDevice
    from shiftwork.device.simulated_accelerator import SimulatedAccelerator
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


def _device(
    executor: str,
    engine: Engine,
    accelerator: SimulationWish,
    network: IntegerNetwork,
    progress: Progress,
    waves: Path | None = None,
) -> SimulatedDevice | SimulatedAccelerator:
    """The engine alone, or the accelerator around it."""
    from shiftwork.compile import requant_of
    from shiftwork.device.simulated import SimulatedDevice

    what = "accelerator with" if executor == "accel" else "device:"
    progress.step(f"{what} {engine} engine in Verilator (built once, then cached)")
    if executor == "accel":
        return accelerator.device(engine, waves)
    return SimulatedDevice(engine, requant_of(network), waves)


def _belongs_to_accelerator(accelerator: SimulationWish, executor: str) -> None:
    """Refuse settings of the accelerator where another executor is asked for."""
    if executor != "accel" and accelerator.given:
        raise SettingError(f"`{next(iter(accelerator.given))}` belongs to `executor` accel")


def _board(
    executor: str, scheme: str, shape: EngineWish, port: str | None, baud: int | None
) -> BoardAccelerator | BoardTiles | None:
    """The board, where that executes."""
    if executor != "uart":
        for name, value in (("port", port), ("baud", baud)):
            if value is not None:
                raise SettingError(f"`{name}` belongs to `executor` uart")
        return None
    if port is None:
        raise SettingError("`executor` uart needs `port`")
    if shape.given:
        raise SettingError(f"`{next(iter(shape.given))}` is what the board has: leave it out")
    from shiftwork.board.on_tiles import connect
    from shiftwork.board.uart import UartTransport

    board = connect(UartTransport(port, BAUD if baud is None else baud))
    if type(board.engine) not in scheme_of(scheme).engines:
        board.close()
        raise SettingError(f"`scheme` {scheme} does not run on the engine of the board, {board.engine.kind}")
    return board


def _imported(model: Path, data: Path, progress: Progress) -> FloatNetwork:
    """Import a model: a step; what is refused of it is listed."""
    from shiftwork.network.data import array_sizes
    from shiftwork.report.inspection import inspect

    progress.step(f"import {model.name}")
    with progress.items() as shown:
        found = inspect(model, array_sizes(data), shown.item)
    if found.refusal is not None:
        print(found.refusals())
    return found.accepted()


def _quantize(
    wish: Quantization, known: Calibration, model: Path, data: Path, progress: Progress, engine: Engine | None = None
) -> tuple[FloatNetwork, Data, IntegerNetwork]:
    """Import and quantize a model: two steps; the float network, the calibration samples, the integer network."""
    network = _imported(model, data, progress)
    calibration = known.load(network, data)
    progress.step(f"quantize ({wish.scheme}) with {len(calibration.x)} calibration samples")
    return network, calibration, quantized(wish, network, calibration, progress, engine)


def _finish(report: RunReport, json: Path | None, outputs: Path | None = None) -> int:
    """Print a report and write what was asked for; the exit code."""
    from shiftwork.report.text import layer_table, summary_lines

    if report.layers:
        print(layer_table(report).text())
        print()
    print("\n".join(summary_lines(report)))
    if json is not None:
        report.write(json)
    if outputs is not None and report.results is not None:
        report.results.write(outputs)
        print(outputs)
    return 0 if report.ok else 1


def _check_tensors(outputs: Path | None, tensors: bool) -> None:
    if tensors and outputs is None:
        raise SettingError("`tensors` needs `outputs`")


@app.command("inspect")
@takes(shape=engine_wish(), accelerator=AcceleratorWish)
def inspect_model(
    model: o.Model,
    shape: EngineWish,
    accelerator: AcceleratorWish,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="D.npz", help="Samples: sizes of dynamic axes, scales. [default: random]"),
    ] = None,
    scheme: Annotated[str, typer.Option(help=f"{', '.join(SCHEMES)}.")] = Quantization.scheme,
    json: o.JsonFile = None,
) -> int:
    """What becomes of every node of a model, what is refused, and whether the accelerator takes it; exit code 1 when
    it does not run."""
    from shiftwork.network.data import array_sizes
    from shiftwork.report.inspection import inspect, to_json, total_lines, tried

    engine, target = shape.build(scheme), accelerator.accelerator(shape.build(scheme, inside=True))
    check_targets((model, data), json=json)
    progress = Progress(steps=2)
    progress.step(f"read {model.name}")
    with progress.items() as shown:
        found = inspect(model, None if data is None else array_sizes(data), shown.item)
    print(found.table().text(), "", *total_lines(found), sep="\n")
    trial = None
    if found.refusal is None:
        progress.step("quantize with plain scales and compile")
        trial = tried(found.accepted(), scheme, engine, target, data)
        print("\n".join(trial.lines()))
    if json is not None:
        write_json(json, to_json(found, trial))
    return 1 if trial is None or trial.golden else 0


@app.command()
@takes(wish=Quantization, known=Calibration, shape=engine_wish(), accelerator=SimulationWish)
def run(
    model: o.Model,
    data: o.DataFile,
    wish: Quantization,
    known: Calibration,
    shape: EngineWish,
    accelerator: SimulationWish,
    executor: Annotated[str, typer.Option(help="float, golden, rtl (engine alone), accel or uart (board).")] = "golden",
    port: Annotated[str | None, typer.Option(metavar="PORT", help="Serial port of the board, with uart.")] = None,
    baud: Annotated[int | None, typer.Option(help=f"Bits a second of that port. [default: {BAUD}]")] = None,
    limit: o.Limit = None,
    modules: o.Modules = None,
    outputs: o.OutputsFile = None,
    tensors: o.Tensors = False,
    json: o.JsonFile = None,
) -> int:
    """Quantize a model, execute it and, on the RTL or a board, compare every layer with the golden model."""
    from shiftwork.network.data import load_data
    from shiftwork.network.floating import reference
    from shiftwork.run.networks import EXECUTORS, run_float, run_integer

    check(wish)
    known.check()
    choose("executor", executor, EXECUTORS)
    _belongs_to_accelerator(accelerator, executor)
    board = _board(executor, wish.scheme, shape, port, baud)
    wish = check(wish, inside=executor == "accel" or (board is not None and board.inside))
    engine = shape.build(wish.scheme, executor == "accel") if executor in ("rtl", "accel") else None
    if engine is not None and executor == "accel":
        accelerator.accelerator(engine)  # refuses a shape that there is not
    _check_tensors(outputs, tensors)
    check_targets((model, data, known.calib_data, wish.overrides), json=json, outputs=outputs)
    with board or nullcontext():
        progress = Progress(steps={"float": 2, "golden": 4, "uart": 4}.get(executor, 5))
        network = _imported(model, data, progress)
        used = load_data(data, network, limit)
        progress.step(f"float model on {len(used.x)} samples")
        with progress.items():
            floats: dict[str, NDArray[Any]] | None = reference(network, used.x, progress.item)
        if executor == "float":
            assert floats is not None
            return _finish(run_float(model.name, floats, used), json, outputs)
        calibration = known.load(network, data)
        progress.step(f"quantize ({wish.scheme}) with {len(calibration.x)} calibration samples")
        integer = quantized(wish, network, calibration, progress, board.engine if board else engine)
        device = board if engine is None else _device(executor, engine, accelerator, integer, progress)
        progress.step(f"execute {len(used.x)} samples on {board.identity.board if board else executor}")
        if modules is not None:
            integer, used, floats = integer.first(modules), replace(used, y=None), None
        kind = cast("Executor", executor)
        report = run_integer(model.name, integer, used, kind, progress, device, reference=floats, keep=tensors)
        report.notes = network.notes
        return _finish(report, json, outputs)


@app.command()
@takes(wish=Quantization, known=Calibration)
def quantize(
    model: o.Model,
    data: o.DataFile,
    output: o.NetworkFile,
    wish: Quantization,
    known: Calibration,
    fit_plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw how the codes of dnateq fit every tensor: .png or .svg."),
    ] = None,
    json: o.JsonFile = None,
) -> int:
    """Write the integer network: an .npz for `simulate`, and the same as readable JSON beside it."""
    from shiftwork.quantize import dnateq
    from shiftwork.report.fit_plot import check_plot, draw_fits
    from shiftwork.report.text import copies_lines, fit_lines, fit_table, promise_lines, quantization_line, saving_lines
    from shiftwork.run.networks import quantizations

    wish = check(wish)
    known.check()
    if fit_plot is not None:
        if wish.scheme != dnateq.SCHEME:
            raise SettingError(f"`fit_plot` belongs to `scheme` {dnateq.SCHEME}, not to `scheme` {wish.scheme}")
        check_plot(fit_plot)
    reads = (model, data, known.calib_data, wish.overrides)
    check_targets(reads, output=o.network_files(output), fit_plot=fit_plot, json=json)
    progress = Progress(steps=3)
    network, calibration, integer = _quantize(wish, known, model, data, progress)
    progress.step(f"write {output}")
    o.save(integer, output)
    counts = quantizations(integer)
    assert integer.promise is not None
    print("\n".join([*promise_lines(integer.promise, wish.scheme), *copies_lines(integer.ends.copies)]))
    print(quantization_line(counts))
    if integer.saving is not None:
        print("\n".join(saving_lines(integer.saving)))
    content: dict[str, Any] = {"model": model.name, "scheme": wish.scheme, "scale": integer.scales}
    content["promise"] = asdict(integer.promise)
    content |= {"quantizations": counts, "input_copies": integer.ends.copies}
    if wish.scheme == dnateq.SCHEME:
        with progress.items() as shown:
            fits = dnateq.fit_report(network, calibration.x, integer, shown.item)
        print(fit_table(fits).text())
        print(*fit_lines(fits), sep="\n")
        content["fits"] = [asdict(fit) for fit in fits]
        if fit_plot is not None:
            draw_fits(fits, fit_plot)
            print(fit_plot)
    if json is not None:
        write_json(json, content)
    return 0


@app.command("compile")
@takes(wish=Quantization, known=Calibration, shape=engine_wish(), accelerator=AcceleratorWish)
def compile_file(
    model: o.Model,
    data: o.DataFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="NET.shw", help="File to write.")],
    wish: Quantization,
    known: Calibration,
    shape: EngineWish,
    accelerator: AcceleratorWish,
    listing: Annotated[bool, typer.Option("--listing", help="Print the instructions.")] = False,
) -> int:
    """Quantize a model and compile it for the accelerator: program and memory image in one file."""
    from shiftwork.compile.accelerator import compile_accelerator
    from shiftwork.compile.program_file import write
    from shiftwork.report.text import program_lines

    wish = check(wish, inside=True)
    known.check()
    target = accelerator.accelerator(shape.build(wish.scheme, inside=True))
    check_targets((model, data, known.calib_data, wish.overrides), output=output)
    progress = Progress(steps=3)
    _, _, integer = _quantize(wish, known, model, data, progress, target.engine)
    progress.step(f"compile for the accelerator with {target.engine}")
    program = compile_accelerator(integer, target)
    write(program, output)
    print(output)
    print("\n".join(program_lines(program)))
    if listing:
        print()
        print("\n".join(program.listing()))
    return 0


app.command()(train)
app.add_typer(board_app)
app.command()(bitstream)
app.command()(program)


@app.command()
@takes(shape=engine_wish(), stalls=Stalls, accelerator=SimulationWish)
def simulate(
    network: Annotated[Path, typer.Argument(metavar="NETWORK.npz", help="What `quantize` wrote.")],
    data: o.DataFile,
    shape: EngineWish,
    stalls: Stalls,
    accelerator: SimulationWish,
    executor: Annotated[str, typer.Option(help="golden, rtl (engine alone) or accel.")] = "rtl",
    limit: o.Limit = None,
    waves: Annotated[Path | None, typer.Option(metavar="F.vcd", help="Write a waveform of everything.")] = None,
    benchmark: Annotated[
        bool, typer.Option("--benchmark", help="Measure the whole network against the bare engine.")
    ] = False,
    modules: o.Modules = None,
    outputs: o.OutputsFile = None,
    tensors: o.Tensors = False,
    json: o.JsonFile = None,
) -> int:
    """Execute an integer network, on the RTL compared with the golden model layer by layer."""
    from shiftwork.device.simulated import SimulatedDevice
    from shiftwork.network.data import load_data
    from shiftwork.network.integer import IntegerNetwork
    from shiftwork.run.benchmark import benchmark_lines, measure
    from shiftwork.run.networks import run_integer

    choose("executor", executor, ("golden", "rtl", "accel"))
    _belongs_to_accelerator(accelerator, executor)
    if executor != "rtl" and benchmark:
        raise SettingError("`benchmark` belongs to `executor` rtl")
    if executor == "golden" and waves is not None:
        raise SettingError("`waves` belongs to `executor` rtl or accel")
    _check_tensors(outputs, tensors)
    check_targets((network, data), waves=waves, json=json, outputs=outputs)
    progress = Progress(steps=(2 if executor == "golden" else 3) + benchmark)
    progress.step(f"load {network.name}")
    integer = IntegerNetwork.load(network)
    used = load_data(data, integer, limit)
    if modules is not None:
        integer, used = integer.first(modules), replace(used, y=None)
    device = None
    if executor != "golden":
        engine = shape.build(integer.scheme, executor == "accel")
        device = _device(executor, engine, accelerator, integer, progress, waves)
    progress.step(f"execute {len(used.x)} samples on {executor}")
    kind = cast("Executor", executor)
    report = run_integer(network.name, integer, used, kind, progress, device, stalls, keep=tensors)
    if device is not None and waves is not None:
        device.close()
    code = _finish(report, None if benchmark else json, outputs)
    if benchmark:
        assert isinstance(device, SimulatedDevice)
        progress.step("benchmark: bare engine and whole network, alternating")
        result = measure(integer, used, device)
        print("\n".join(benchmark_lines(result)))
        if json is not None:
            write_json(json, {**report.to_json(), "benchmark": result.to_json()})
    return code


@app.command()
def demo(
    limit: Annotated[int, typer.Option(help="Test images that run on the RTL.")] = 100,
    json: o.JsonFile = None,
) -> int:
    """The shipped digits network under float, fixed8, tr and msq; the integers on the RTL, every layer compared."""
    from shiftwork.report.demo import demo as run_demo

    check_targets(json=json)
    return int(run_demo(limit, json))


@app.command()
def doctor() -> int:
    """Versions of the tools, and the command that installs what is missing."""
    from shiftwork.cli.doctor import check as check_tools

    return check_tools()


@app.command()
def cores(
    check: Annotated[bool, typer.Option("--check", help="Compare only; exit code 1 when they differ.")] = False,
) -> int:
    """Regenerate the FuseSoC core files from rtl/manifest.yml."""
    from shiftwork.blocks.cores import run as run_cores

    return run_cores(check)


@app.command()
def bundle(
    block: Annotated[str, typer.Option(metavar="BLOCK", help="Block to import, by its name.")] = "shw_accel_axi",
    engine: Annotated[str | None, typer.Option(help="Its parameter ENGINE.")] = None,
    rows: Annotated[int | None, typer.Option(help="Its parameter ROWS.")] = None,
    cols: Annotated[int | None, typer.Option(help="Its parameter COLS.")] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Another parameter; may be repeated.")
    ] = None,
    no_lutram: Annotated[
        bool, typer.Option("--no-lutram", help="For families without LUT RAM: iCE40, GateMate, Efinix, MAX 10.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="The list of files instead, dependencies first.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write. [default: standard output]")
    ] = None,
) -> int:
    """A block with all below it as one Verilog file, its parameters' defaults as asked for; or the list of files."""
    from shiftwork.blocks import bundle as bundles
    from shiftwork.blocks import manifest
    from shiftwork.outputs import write_bytes

    blocks = manifest.load()
    found = bundles.block(blocks, block)
    asked = {"ENGINE": engine, "ROWS": rows, "COLS": cols}
    values = {name: value for name, value in asked.items() if value is not None}
    values |= bundles.parsed(parameters or (), found)
    bundles.check(found, values)
    if listing and (values or no_lutram):
        raise SettingError("`list` names the files as they are: it takes no parameters")
    check_targets(output=output)
    text = bundles.file_list(blocks, found) if listing else bundles.bundle(blocks, found, values, not no_lutram)
    if output is None:
        print(text, end="")
    else:
        write_bytes(output, text.encode(), "output")
        print(output)
    return 0


@app.command()
def headers(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder to write into.")] = Path(),
) -> int:
    """Headers for C: shw_registers.h, the accelerator's registers, and shw_file.h, what `compile` writes."""
    from shiftwork.compile import program_file
    from shiftwork.device import registers
    from shiftwork.outputs import check_folder, write_bytes

    check_folder("output", output)
    for name, text in (("shw_registers.h", registers.c_header()), ("shw_file.h", program_file.c_header())):
        write_bytes(output / name, text.encode())
        print(output / name)
    return 0


@app.command()
@takes(wish=CostWish, shape=engine_wish("tr", "dnateq"), accelerator=SimulationWish)
def synth(
    wish: CostWish,
    shape: EngineWish,
    accelerator: SimulationWish,
    scheme: Annotated[
        str, typer.Argument(help="tr, dnateq: engines; msq: 4-bit units; requant: requantizers; accel: accelerator.")
    ] = "tr",
    json: o.JsonFile = None,
) -> int:
    """Area and LUT-cycles per MAC of the engines (tr, dnateq) beside inferred and Booth arrays (Yosys, 7-series); area
    and switching of 4-bit units (msq; 7-series, ECP5) or of requantizers (requant; 7-series, ECP5, iCE40); area by part
    and LUT-cycles per MAC of whole accelerators (accel; 7-series, ECP5)."""
    from shiftwork.report.synth import synth as run_synth

    check_targets((wish.model, wish.data, wish.calib_data, *wish.cycles), json=json)
    return run_synth(scheme, wish, shape, accelerator, json)


@app.command()
def plan(
    device: Annotated[str, typer.Option(help="xc7z020, xc7z045, xc7vx485t, ecp5-85f or ice40up5k.")],
    network: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="NETWORK.npz of `quantize`, or MODEL.onnx."),
    ] = None,
    clock: Annotated[float, typer.Option(metavar="MHZ", help="Clock of all designs, 1..1000 MHz.")] = 100.0,
    json: o.JsonFile = None,
) -> int:
    """Propose an msq engine for a device from synthesized unit costs, beside designs of multipliers alone."""
    from shiftwork.report.cost_plan import plan as run_plan

    check_targets((network,), json=json)
    return run_plan(name=device, network=network, clock=clock, json=json)
