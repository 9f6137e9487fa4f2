# SPDX-License-Identifier: Apache-2.0
"""The command `train`: weights of 4 bits, or of few terms, trained from the float network (extra ``[train]``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shiftwork.cli import options as o
from shiftwork.cli.takes import takes
from shiftwork.errors import SettingError
from shiftwork.network.promise import Promise
from shiftwork.outputs import check_targets, write_json
from shiftwork.progress import Progress
from shiftwork.quantize.recipe import Recipe
from shiftwork.report.text import saving_lines
from shiftwork.schemes import SampleCycles, engine_for


def _expected(promise: Promise) -> str:
    unit = "points of accuracy" if promise.classes else "% of the output's power"
    return f"expected loss {promise.estimate:.2f} +- {promise.error:.2f} {unit}"


@takes(recipe=Recipe)
def train(
    model: o.Model,
    data: o.DataFile,
    output: o.NetworkFile,
    recipe: Recipe,
    checkpoint: Annotated[Path | None, typer.Option(metavar="FILE", help="Written after every epoch.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from --checkpoint.")] = False,
    json: o.JsonFile = None,
) -> int:
    """Train weights of 4 bits, or of few terms, from a float model; write the integer network for `simulate`.

    With `--unlabelled` it learns from what the float model says of the samples, and their labels are not read.
    """
    from shiftwork.network.data import load_data
    from shiftwork.network.importer import import_onnx

    recipe.check()
    if resume and checkpoint is None:
        raise SettingError("`resume` needs `checkpoint`")
    check_targets((model, data), output=o.network_files(output), checkpoint=checkpoint, json=json)
    from shiftwork.quantize.training import train as run

    progress = Progress(steps=3)
    progress.step(f"import {model.name}")
    network = import_onnx(model)
    samples = load_data(data, network, labels=not recipe.unlabelled)
    settled = recipe.settled(len(samples.x))
    assert settled.holdout is not None
    shares = f"{len(samples.x) - settled.holdout} samples, {settled.holdout} held out"
    progress.step(f"train ({recipe.scheme}) on {shares}")
    cycles = SampleCycles(engine_for(settled.scheme), samples.x[:1]) if settled.few_terms else None
    trained = run(network, samples, settled, progress, checkpoint, resume, cycles)
    progress.step(f"write {output}")
    o.save(trained.network, output)
    after = trained.network.promise
    assert after is not None
    begin = "weights of few terms" if settled.few_terms else "weights rounded with compensation"
    print(f"starts from {begin}: {_expected(trained.before)}")
    print(f"reached in epoch {trained.best} of {len(trained.history)}: {_expected(after)}")
    print(f"on {after.held} of {after.samples} samples, held out, which chose the epoch (0: the start)")
    if trained.network.saving is None:
        copies = trained.network.ends.copies
        more = f"; the input enters in {copies} copies" if copies > 1 else ""
        print(f"first and last layer have 4 bits like the others{more}")
    else:
        print(*saving_lines(trained.network.saving), sep="\n")
        if not after.kept:
            print(
                f"warning: {after.bound:.2f} points may be lost, {after.tolerated:g} are tolerated: take more --terms"
            )
    if trained.accuracy is not None:
        print(f"held-out accuracy {trained.accuracy:.2f} %; at the start {trained.start:.2f} %")
    if json is not None:
        write_json(json, {"model": model.name, "data": data.name, **trained.to_json()})
    return 0
