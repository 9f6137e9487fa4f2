# SPDX-License-Identifier: Apache-2.0
"""The commands `bitstream` and `program`: an FPGA board from sources to a loaded bitstream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shiftwork.progress import Progress
from shiftwork.table import Table

if TYPE_CHECKING:
    from shiftwork.eda.bitstream import Bitstream

Board = Annotated[str, typer.Argument(metavar="BOARD", help="ulx3s, ulx3s_mac, icebreaker or tangnano20k.")]


def lines(built: Bitstream) -> list[str]:
    """A bitstream as text: what it takes of the device, clock, file."""
    table = Table(["of the device", "used", "there are", "%"])
    for name, (used, there) in built.used.items():
        table.add([name, used, there, 100 * used / there])
    return [
        table.text(),
        f"clock {built.wanted_mhz:g} MHz, could be {built.fmax_mhz:.1f} MHz: slack {built.slack_ns:.2f} ns",
        f"longest path: {built.path}",
        f"{built.file}, {built.file.stat().st_size:,} bytes, built in {built.seconds:.0f} s",
        f"sha256 {built.sha256}",
    ]


def bitstream(board: Board) -> int:
    """Build the bitstream of a board with FuseSoC, Yosys and nextpnr; fails when a pin is missing or timing not met."""
    from shiftwork.eda.bitstream import build

    print("\n".join(lines(build(board, Progress(steps=4)))))
    return 0


def program(board: Board) -> int:
    """Load the bitstream of a board, built before, into the board that is plugged in."""
    from shiftwork.eda.bitstream import program as load

    load(board)
    return 0
