# SPDX-License-Identifier: Apache-2.0
"""The measurements behind the documentation: accuracy, work and cycles of whole networks, training, cost.

``python -m shiftwork.measure --data DIR [--only PATTERN] [--force]`` writes a record below ``docs/measurements/`` for
every entry that has none yet. ``--check`` measures entries that have one again, writes nothing, and says which areas
and delays grew (``make synth``). DIR, which ``area*`` does without, holds ``models/*.onnx``, a script ``prepare.py OUT
NAME...`` that writes the data (images need Pillow, extra ``[measure]``), and for ``train_*`` (extra ``[train]``) a
function ``mnist(NAME)`` in that script and ``data/mnist_train60k.npz``. Trained networks are kept under
``build/measure``.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shiftwork.blocks.manifest import ROOT
from shiftwork.eda.bitstream import BOARDS
from shiftwork.errors import ShiftworkError
from shiftwork.measure import costs, records, regression, runs, trainings
from shiftwork.measure.attention import ATTENTIVE, TRANSFORMER, attention
from shiftwork.measure.bench import Bench
from shiftwork.measure.detection import CALIBRATION, DETECTED, IMAGES, MODEL, detection
from shiftwork.measure.entries import (
    ACCELERATOR_COSTS,
    BOARD_NETWORKS,
    CODES_COSTS,
    COSTS,
    EXPONENTIALS,
    ON_GATES,
    SUBJECTS,
    TERM_TRAININGS,
    TRAININGS,
    accelerated,
    anchor_runs,
    entries,
)
from shiftwork.measure.perplexity import PERPLEXITIES, perplexity
from shiftwork.measure.promises import PROMISED, PROMISES, promise
from shiftwork.measure.records import Record
from shiftwork.measure.shipped import SHIPPED, shipped
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import ALPHAS, SCALE_METHODS


@dataclass(frozen=True)
class Job:
    """How one record is measured, the data sets that it needs, and whether only a part of it is measured."""

    measure: Callable[[], Record]
    needs: tuple[str, ...] = ()
    part: bool = False


def jobs(bench: Bench, blocks: Sequence[str] | None = None) -> dict[str, Job]:
    """Every measurement by the name of its record; of ``area`` only these blocks."""
    found = {e.name: Job(partial(runs.measure, bench, e), (e.data, f"{e.data}_calib")) for e in entries()}
    for subject in SUBJECTS:
        for scale in SCALE_METHODS:
            job = Job(partial(runs.accuracy, bench, subject, scale), subject.sets)
            found[f"accuracy.{subject.network}.{scale}"] = job
        if subject.rtl_modules != 0:
            found[f"equality.{subject.network}"] = Job(partial(runs.equality, bench, subject), subject.sets)
    for subject in EXPONENTIALS:
        found[f"dnateq.{subject.network}"] = Job(partial(runs.exponential, bench, subject), subject.sets)
    for subject in PROMISES:
        for scheme in PROMISED:
            job = Job(partial(promise, bench, subject, scheme), subject.sets)
            found[f"promise.{subject.network}.{scheme}"] = job
    for scheme in DETECTED:
        found[f"detection.{MODEL}.{scheme}"] = Job(partial(detection, bench, scheme), (IMAGES, CALIBRATION))
    found |= {f"shipped.{name}": Job(partial(shipped, name)) for name in SHIPPED}
    found |= {name: Job(partial(perplexity, bench, name)) for name in PERPLEXITIES}
    for scheme in ATTENTIVE:
        found[f"attention.{TRANSFORMER.network}.{scheme}"] = Job(partial(attention, bench, scheme))
    for one in accelerated():
        found[one.name] = Job(partial(runs.accelerated, bench, one), one.subject.sets)
    found["boards"] = Job(partial(runs.boards, bench), tuple(name for one in BOARD_NETWORKS for name in one.sets))
    found |= {f"gates.{name}": Job(partial(runs.gates, bench, name)) for name in ON_GATES}
    resnet20 = ("cifar_resnet20", "cifar_resnet20_calib")
    found["simulation_speed"] = Job(partial(runs.speed, bench), resnet20)
    found["demo"] = Job(runs.demo)
    found["area"] = Job(partial(costs.area, blocks, Progress()), part=blocks is not None)
    found["area_engines"] = Job(partial(costs.engine_areas, Progress()))
    found["area_boards"] = Job(partial(costs.board_areas, Progress()))
    found |= {f"bitstream.{name}": Job(partial(costs.built, name, Progress(4))) for name in BOARDS}
    found["area_small"] = Job(costs.small_arrays)
    found["synth_requant"] = Job(costs.requantizers)
    found |= {name: Job(partial(costs.cost, bench, name), resnet20) for name in COSTS}
    resnet8 = ("cifar_resnet8", "cifar_resnet8_calib")
    found |= {name: Job(partial(costs.accelerator_cost, bench, name), resnet8) for name in ACCELERATOR_COSTS}
    found |= {run.name: Job(partial(runs.anchor, bench, run), run.subject.sets) for run in anchor_runs()}
    for name, training in TRAININGS.items():
        found[name] = Job(partial(trainings.before_and_after, bench, name), (training.test, training.data))
    for name, training in TERM_TRAININGS.items():
        found[name] = Job(partial(trainings.few_terms, bench, name), (training.test, training.data))
    for training in TRAININGS.values():
        for alpha in ALPHAS if training.rtl else ():
            job = Job(partial(trainings.trained, bench, training, alpha), (training.test,))
            found[f"msq.{training.network}.{alpha}"] = job
    return found | {name: Job(partial(costs.codes_cost, bench, name), resnet20) for name in CODES_COSTS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is missing; 1 when something differed from the golden model, 2 for a mistake of the user."""
    parser = argparse.ArgumentParser(prog="python -m shiftwork.measure", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with models/ and prepare.py")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="entries to measure, e.g. 'cifar10_resnet20.*'")
    parser.add_argument("--force", action="store_true", help="measure entries again that have a record")
    parser.add_argument("--check", action="store_true", help="compare with the records instead of writing them")
    parser.add_argument("--block", action="append", metavar="NAME", help="of `area`: only this block")
    options = parser.parse_args(arguments)
    try:
        if options.block and options.only != "area":
            raise ShiftworkError("`--block` belongs to `--only area`")
        bench = Bench(options.data or Path())
        known = jobs(bench, options.block)
        chosen = [n for n in known if fnmatch.fnmatch(n, options.only)]
        if not options.force:
            chosen = [n for n in chosen if (records.load(ROOT, n) is not None) == options.check]
        if not chosen:
            print(f"measure: nothing to do for {options.only!r}", file=sys.stderr)
        for name in chosen:
            if known[name].needs and options.data is None:
                raise ShiftworkError(f"{name} needs `--data DIR`, a folder with models/ and prepare.py")
        bench.prepare([data for name in chosen for data in known[name].needs])
        return (_check if options.check else _measure)(known, chosen)
    except ShiftworkError as error:
        print(f"measure: error: {error}", file=sys.stderr)
        return 2


def _measure(known: Mapping[str, Job], chosen: Sequence[str]) -> int:
    """Write the records; 1 where something differed from the golden model."""
    wrong = 0
    progress = Progress(len(chosen))
    for name in chosen:
        progress.step(name)
        result = known[name].measure()
        wrong += result.get("rtl", {}).get("mismatches", 0)
        before = records.load(ROOT, name) if known[name].part else None
        records.store(ROOT, name, result if before is None else costs.joined(before, result))
    return 1 if wrong else 0


def _check(known: Mapping[str, Job], chosen: Sequence[str]) -> int:
    """Compare with the records; 1 where something is worse, or nothing was compared."""
    changes: list[regression.Change] = []
    tools: dict[str, str] = {}
    progress = Progress(len(chosen))
    for name in chosen:
        progress.step(name)
        before, now = records.load(ROOT, name), known[name].measure()
        changes += regression.compare(before, now, known[name].part)
        if before is not None and before.get("tool") != now.get("tool"):
            tools[str(before.get("tool"))] = str(now.get("tool"))
    print(regression.report(changes, tools))
    return 1 if not changes or any(change.wrong for change in changes) else 0


if __name__ == "__main__":
    sys.exit(main())
