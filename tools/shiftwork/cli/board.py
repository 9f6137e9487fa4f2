# SPDX-License-Identifier: Apache-2.0
"""The commands `board ...`: what is done with a board behind a serial port."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shiftwork.board.simulated_board import SystemWish
from shiftwork.board.uart import BAUD
from shiftwork.cli import options as o
from shiftwork.cli.takes import takes
from shiftwork.device.simulated_accelerator import AcceleratorWish
from shiftwork.errors import SettingError
from shiftwork.outputs import check_targets, write_json
from shiftwork.progress import Progress
from shiftwork.schemes import EngineWish, engine_wish

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shiftwork.board.identity import Identity
    from shiftwork.board.on_board import BoardAccelerator

Program = Annotated[Path, typer.Argument(metavar="NET.shw", help="What `compile` wrote.")]
SHOWN = 20
"""Predictions that are printed."""
WIDE = 160
"""Columns where the output is no terminal."""

board = typer.Typer(
    name="board", help="Boards behind a serial port.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


def _print(rows: Iterable[tuple[str, str]]) -> None:
    """Print names and what they stand for, side by side."""
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    console.print(table)


def _opened(port: str, baud: int) -> BoardAccelerator:
    """The accelerator of a board."""
    from shiftwork.board.on_board import BoardAccelerator
    from shiftwork.board.uart import UartTransport

    return BoardAccelerator(UartTransport(port, baud))


def _described(port: str, baud: int, found: Identity) -> Iterable[tuple[str, str]]:
    """What a board said of itself."""
    yield "board", f"{found.board} at {port}, {baud:,} baud (it counts {found.baud:,.0f})"
    yield "system", f"{found.system}, built from release {found.release}"
    if found.engine is not None:
        yield "engine", f"{found.engine.kind}, {found.engine.rows} rows, {found.engine.cols} columns"
    if found.shape is not None:
        shape = found.shape
        memories = f"{shape.activation_words:,} words of activations ({shape.activation_memory} KiB)"
        yield "its memories", f"{memories}, {shape.weight_words:,} of weights, {shape.constants:,} constants"
    yield "memory", f"{found.memory:,} bytes for programs and data"
    yield "clock", f"{found.clock / 1000:g} MHz"
    yield "dropped", f"{found.dropped:,} frames with a wrong checksum since reset"


@board.command()
def info(port: o.Port, baud: o.Baud = BAUD) -> int:
    """What a board is: system, engine, memories, clock."""
    from shiftwork.board.identity import identify
    from shiftwork.board.uart import UartTransport

    with UartTransport(port, baud) as transport:
        _print(_described(port, baud, identify(transport)))
    return 0


@board.command()
def load(program: Program, port: o.Port, baud: o.Baud = BAUD) -> int:
    """Write a program with its weights to a board, and compare what its memory holds then."""
    from shiftwork.compile.program_file import read

    compiled = read(program)
    with _opened(port, baud) as device, Progress().items() as progress:
        device.load(compiled, progress.item)
    print(f"{compiled.memory.size:,} bytes written to {device.identity.board}, and read back")
    return 0


@board.command()
def run(
    program: Program,
    data: o.DataFile,
    port: o.Port,
    baud: o.Baud = BAUD,
    limit: o.Limit = None,
    json: o.JsonFile = None,
) -> int:
    """Load a program and run it on samples: classes, accuracy, cycles, speed."""
    import numpy as np

    from shiftwork.compile.program_file import read
    from shiftwork.golden.model import accuracy, predictions
    from shiftwork.network.data import Known, load_data
    from shiftwork.network.ends import Ends
    from shiftwork.report.text import speed_line

    check_targets((program, data), json=json)
    compiled = read(program)
    source, result = compiled.input, compiled.output
    ends = Ends.of_maps(source.name, source.image, result.name, result.image, source.copies, source.info.fraction)
    height, width, channels = result.image
    used = load_data(data, Known(ends, channels if height == width == 1 else None), limit)
    codes = source.info.encode(ends.maps(used.x.astype(np.float64), {source.name: source.image})[source.name])
    outputs, cycles, seconds = [], 0, 0.0
    steps = Progress(steps=2)
    with _opened(port, baud) as device:
        steps.step(f"load {program.name}, {compiled.memory.size:,} bytes")
        with steps.items() as progress:
            device.load(compiled, progress.item)
        steps.step(f"execute {len(codes)} samples on {device.identity.board}")
        with steps.items() as progress:
            for index, sample in enumerate(codes):
                progress.item(index + 1, len(codes), f"sample {index + 1}")
                memory = compiled.memory.copy()
                compiled.put(memory, sample)
                counters = device.run(compiled, memory)
                outputs.append(compiled.get(memory))
                cycles += counters.cycles
                seconds += counters.seconds
    classes = predictions(np.stack(outputs))
    content: dict[str, Any] = {"program": program.name, "samples": len(codes), "predictions": classes.tolist()}
    shown = " ".join(map(str, classes[:SHOWN])) + (" ..." if len(classes) > SHOWN else "")
    rows = [("predictions", shown)]
    if used.y is not None:
        content["accuracy"] = accuracy(np.stack(outputs), used.y)
        rows.append(("accuracy", f"{content['accuracy']:.2f} % of {len(codes)} samples"))
    content |= {"cycles": cycles, "clock": device.identity.clock, "seconds": seconds}
    rows.append(("cycles", f"{cycles:,}, {cycles / len(codes):,.0f} a sample"))
    rows.append(("speed", speed_line(cycles, len(codes), device.identity.clock, seconds)))
    _print(rows)
    if json is not None:
        write_json(json, content)
    return 0


@board.command()
def counters(port: o.Port, baud: o.Baud = BAUD) -> int:
    """The counters of the last run."""
    from shiftwork.device.registers import COUNTERS

    with _opened(port, baud) as device:
        found = device.counters()
    _print((one.name, f"{found[one.name]:>14,}  {one.meaning}") for one in COUNTERS)
    return 0


@board.command()
@takes(shape=engine_wish("fixed8"), accelerator=AcceleratorWish, wish=SystemWish)
def simulate(
    shape: EngineWish,
    accelerator: AcceleratorWish,
    wish: SystemWish,
    board: Annotated[
        str | None, typer.Option(help="What the bitstream of a board is built from, such as ulx3s.")
    ] = None,
    gates: Annotated[
        bool, typer.Option("--gates", help="With --board: the netlist of the bitstream, cell by cell.")
    ] = False,
    tiles: Annotated[
        bool, typer.Option("--tiles", help="The engine alone, as on boards too small for the accelerator.")
    ] = False,
    noise: Annotated[float, typer.Option(help="Probability that a bit on the serial line is wrong.")] = 0.0,
    waves: Annotated[Path | None, typer.Option(metavar="F.vcd", help="Write a waveform of everything.")] = None,
) -> int:
    """A board in Verilator behind a pseudo-terminal, until it is interrupted: everything here works with it."""
    import sys

    from shiftwork.board.simulated_board import SimulatedBoard, around
    from shiftwork.eda.systems import gates_of_board, of_board

    check_targets(waves=waves)
    if board is None:
        if gates:
            raise SettingError("`gates` belongs to `board`")
        engine = shape.build("fixed8")
        if tiles and accelerator.given:
            raise SettingError(f"`{next(iter(accelerator.given))}` is one of the accelerator, `tiles` leaves it out")
        target = engine if tiles else accelerator.accelerator(engine)
        system, what = around(target, **wish.given), f"board with {engine} engine"
    else:
        for name in (*shape.given, *accelerator.given, *wish.given, *(["tiles"] if tiles else ())):
            raise SettingError(f"`{name}` is what the board has: leave it out")
        system, what = (gates_of_board if gates else of_board)(board), board
    Progress().step(f"{what} in Verilator (built once, then cached)")
    with SimulatedBoard(system, noise, waves) as simulated:
        print(simulated.port)
        sys.stdout.flush()
        simulated.wait()
    return 0
