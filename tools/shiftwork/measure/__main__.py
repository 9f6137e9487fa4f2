# SPDX-License-Identifier: Apache-2.0
"""The measurements behind the documentation: accuracy, work and cycles of whole networks, training, cost.

``python -m shiftwork.measure --data DIR [--only PATTERN] [--force]`` writes a record below ``docs/measurements/`` for
every entry that has none yet. DIR holds ``models/*.onnx``, a script ``prepare.py OUT NAME...`` that writes the data
(images need Pillow, extra ``[measure]``), and for ``train_*`` (extra ``[train]``) a function ``mnist(NAME)`` in that
script and ``data/mnist_train60k.npz``. Trained networks are kept under ``build/measure``.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shiftwork.blocks.manifest import ROOT
from shiftwork.errors import ShiftworkError
from shiftwork.measure import costs, records, runs, trainings
from shiftwork.measure.bench import Bench
from shiftwork.measure.entries import (
    ACCELERATOR_COSTS,
    CODES_COSTS,
    COSTS,
    EXPONENTIALS,
    SUBJECTS,
    TRAININGS,
    accelerated,
    anchor_runs,
    entries,
)
from shiftwork.measure.records import Record
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import ALPHAS, SCALE_METHODS


@dataclass(frozen=True)
class Job:
    """How one record is measured, and the data sets that it needs."""

    measure: Callable[[], Record]
    needs: tuple[str, ...] = ()


def jobs(bench: Bench) -> dict[str, Job]:
    """Every measurement by the name of its record."""
    found = {e.name: Job(partial(runs.measure, bench, e), (e.data, f"{e.data}_calib")) for e in entries()}
    for subject in SUBJECTS:
        for scale in SCALE_METHODS:
            job = Job(partial(runs.accuracy, bench, subject, scale), subject.sets)
            found[f"accuracy.{subject.network}.{scale}"] = job
        if subject.rtl_modules != 0:
            found[f"equality.{subject.network}"] = Job(partial(runs.equality, bench, subject), subject.sets)
    for subject, loss in EXPONENTIALS:
        found[f"dnateq.{subject.network}"] = Job(partial(runs.exponential, bench, subject, loss), subject.sets)
    for one in accelerated():
        found[one.name] = Job(partial(runs.accelerated, bench, one), one.subject.sets)
    resnet20 = ("cifar_resnet20", "cifar_resnet20_calib")
    found["simulation_speed"] = Job(partial(runs.speed, bench), resnet20)
    found["demo"] = Job(runs.demo)
    found["area"] = Job(costs.area)
    found["area_small"] = Job(costs.small_arrays)
    found["synth_requant"] = Job(costs.requantizers)
    found |= {name: Job(partial(costs.cost, bench, name), resnet20) for name in COSTS}
    resnet8 = ("cifar_resnet8", "cifar_resnet8_calib")
    found |= {name: Job(partial(costs.accelerator_cost, bench, name), resnet8) for name in ACCELERATOR_COSTS}
    found |= {run.name: Job(partial(runs.anchor, bench, run), run.subject.sets) for run in anchor_runs()}
    for name, training in TRAININGS.items():
        found[name] = Job(partial(trainings.before_and_after, bench, name), (training.test, training.data))
    for training in TRAININGS.values():
        for alpha in ALPHAS:
            job = Job(partial(trainings.trained, bench, training, alpha), (training.test,))
            found[f"msq.{training.network}.{alpha}"] = job
    return found | {name: Job(partial(costs.codes_cost, bench, name), resnet20) for name in CODES_COSTS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is missing; 1 when something differed from the golden model, 2 for a mistake of the user."""
    parser = argparse.ArgumentParser(prog="python -m shiftwork.measure", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with models/ and prepare.py")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="entries to measure, e.g. 'cifar10_resnet20.*'")
    parser.add_argument("--force", action="store_true", help="measure entries again that have a record")
    options = parser.parse_args(arguments)
    bench = Bench(options.data)
    known = jobs(bench)
    wrong = 0
    try:
        chosen = [n for n in known if fnmatch.fnmatch(n, options.only)]
        chosen = [n for n in chosen if options.force or records.load(ROOT, n) is None]
        progress = Progress(len(chosen))
        bench.prepare([data for name in chosen for data in known[name].needs])
        for name in chosen:
            progress.step(name)
            result = known[name].measure()
            wrong += result.get("rtl", {}).get("mismatches", 0)
            records.store(ROOT, name, result)
    except ShiftworkError as error:
        print(f"measure: error: {error}", file=sys.stderr)
        return 2
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
