# SPDX-License-Identifier: Apache-2.0
"""Parameters that several commands share and that are no settings of a dataclass."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from shiftwork.errors import SettingError
from shiftwork.network.integer import IntegerNetwork

Model = Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="Trained network.")]
DataFile = Annotated[Path, typer.Option("--data", metavar="D.npz", help="x (N,...) float32, y (N,) labels.")]
NetworkFile = Annotated[Path, typer.Option("--output", "-o", metavar="NETWORK.npz", help="File to write.")]
Limit = Annotated[int | None, typer.Option(help="Use the first N samples only.")]
Modules = Annotated[int | None, typer.Option(help="Execute the first N modules only.")]
Port = Annotated[str, typer.Option(metavar="PORT", help="Serial port of the board, such as /dev/ttyUSB0.")]
Baud = Annotated[int, typer.Option(help="Bits a second of the serial line.")]
OutputsFile = Annotated[
    Path | None, typer.Option("--outputs", metavar="F.npz", help="Write results, predictions and labels.")
]
Tensors = Annotated[bool, typer.Option("--tensors", help="And the codes that every module wrote; with --outputs.")]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON.")]


def network_files(output: Path) -> tuple[Path, Path]:
    """The two files that a saved network consists of, named by one of them.

    Raises:
        SettingError: a folder is named.
    """
    if os.path.isdir(output):
        raise SettingError(f"`output` {output}: is a folder")
    return output.with_suffix(".npz"), output.with_suffix(".json")


def save(network: IntegerNetwork, output: Path) -> None:
    """Write a network and print the names of its files.

    Raises:
        SettingError: a file cannot be written.
    """
    try:
        written = network.save(output)
    except OSError as error:
        raise SettingError(f"`output` {output}: {error.strerror}") from error
    for path in written:
        print(path)
