# SPDX-License-Identifier: Apache-2.0
"""The command `train`: 4-bit weights and activations, trained from the float network (extra ``[train]``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shiftwork.cli import options as o
from shiftwork.errors import ShiftworkError
from shiftwork.network.integer import MSQ_SCHEMES
from shiftwork.progress import Progress


def train(
    model: o.Model,
    data: Annotated[
        Path, typer.Option("--data", metavar="TRAIN.npz", help="x (N,...) float32, y (N,).", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="NETWORK.npz", help="File to write.", show_default=False)
    ],
    scheme: Annotated[str, typer.Option(help="msq, fixed4, sp2 or pot.")] = "msq",
    sp2_share: o.Sp2Share = None,
    alpha: o.Alpha = None,
    epochs: Annotated[int, typer.Option(help="At most.")] = 10,
    patience: Annotated[int, typer.Option(help="Stop after so many epochs that were no better on held-out data.")] = 10,
    batch: Annotated[int, typer.Option(help="Samples a step.")] = 64,
    rate: Annotated[float, typer.Option(help="Learning rate of Adam at the start; falls to 0.")] = 1e-3,
    rho: Annotated[float, typer.Option(help="Weight of the ADMM term.")] = 1e-2,
    distill: Annotated[
        float, typer.Option(help="Share of the loss that compares with the float network instead of the labels.")
    ] = 0.5,
    shift: Annotated[int, typer.Option(help="Move every image by up to so many pixels at random.")] = 0,
    flip: Annotated[bool, typer.Option("--flip", help="Mirror every second image at random.")] = False,
    holdout: Annotated[
        int | None,
        typer.Option(help="Last samples, held out to choose the epoch. [default: a tenth]", show_default=False),
    ] = None,
    search: Annotated[
        list[int] | None,
        typer.Option(metavar="EPOCH", help="Search activation scales after this epoch; repeatable. [default: 0]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the order of the samples.")] = 1,
    threads: Annotated[int, typer.Option(help="Of PyTorch; another number may round other sums.")] = 1,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Written after every epoch.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from --checkpoint.")] = False,
    json: o.JsonFile = None,
) -> int:
    """Train 4-bit weights and activations from a float model; write the integer network for `simulate`."""
    from shiftwork.network.data import load_data
    from shiftwork.network.importer import import_onnx
    from shiftwork.quantize.msq import SP2_SHARE
    from shiftwork.quantize.training import Recipe
    from shiftwork.quantize.training import train as run
    from shiftwork.run.networks import write_json

    o.choose("--scheme", scheme, MSQ_SCHEMES)
    if sp2_share is not None and scheme != "msq":
        raise ShiftworkError(f"--sp2-share belongs to --scheme msq, not to --scheme {scheme}")
    for name, path in (("--output", output), ("--checkpoint", checkpoint), ("--json", json)):
        o.check_target(name, path)
    progress = Progress(steps=3)
    progress.step(f"import {model.name}")
    network = import_onnx(model)
    samples = load_data(data, network)
    held_out = max(1, len(samples.x) // 10) if holdout is None else holdout
    share = SP2_SHARE if sp2_share is None else sp2_share
    recipe = Recipe(
        scheme, share, alpha or "free", epochs, patience, batch, rate, rho, distill, shift, flip, held_out,
        tuple(search or (0,)), seed, threads,
    )  # fmt: skip
    recipe.check(len(samples.x))
    progress.step(f"train ({scheme}) on {len(samples.x) - held_out} samples, {held_out} held out")
    trained = run(network, samples, recipe, progress, checkpoint, resume)
    progress.step(f"write {output}")
    try:
        written = trained.network.save(output)
    except OSError as error:
        raise ShiftworkError(f"--output {output}: {error.strerror}") from error
    for file in written:
        print(file)
    print(f"held-out accuracy {trained.accuracy:.2f} % (epoch {trained.best}); at the start {trained.start:.2f} %")
    if json is not None:
        write_json(json, {"model": model.name, "data": data.name, **trained.to_json()})
    return 0
