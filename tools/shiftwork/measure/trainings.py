# SPDX-License-Identifier: Apache-2.0
"""Measurements of training: networks of 4-bit rows before and after, and on the RTL; networks of few terms."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import Any

from shiftwork.compile import MsqEngine
from shiftwork.golden import model as golden
from shiftwork.measure.bench import Bench, data_file
from shiftwork.measure.entries import TERM_TRAININGS, TRAININGS, Training, trained_network
from shiftwork.measure.figures import accuracy_of, losses_of, on_rtl
from shiftwork.network.data import load_data
from shiftwork.network.floating import logits
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.progress import Progress
from shiftwork.quantize import msq
from shiftwork.quantize.quantization import CALIBRATION_SAMPLES
from shiftwork.quantize.recipe import Recipe
from shiftwork.schemes import SampleCycles, engine_for


def before_and_after(bench: Bench, name: str) -> dict[str, Any]:
    """Accuracy of a network of 4-bit rows before and after training, on the golden model."""
    from shiftwork.quantize.training import train

    training = TRAININGS[name]
    model = bench.model(training.network)
    network = import_onnx(model)
    samples, data = (load_data(data_file(name), network) for name in (training.test, training.data))
    assert samples.y is not None
    exact, results = logits(network, samples.x), []
    for scheme, alpha in training.kinds:
        print(f"    {scheme}, alpha {alpha}", file=sys.stderr, flush=True)
        begin = time.perf_counter()
        trained = train(network, data, Recipe(scheme=scheme, alpha=alpha, **training.settings), Progress())
        seconds = time.perf_counter() - begin
        trained.network.save(trained_network(training.network, scheme, alpha))
        untrained = msq.quantize(network, data.x[:CALIBRATION_SAMPLES], scheme, alpha=alpha)
        results.append(
            {
                "scheme": scheme,
                "alpha": alpha,
                "command": training.command(scheme, alpha),
                "untrained": losses_of(exact, untrained, samples),
                "trained": losses_of(exact, trained.network, samples),
                "holdout_accuracy": trained.accuracy,
                "epochs": len(trained.history),
                "best_epoch": trained.best,
                "seconds": round(seconds, 1),
            }
        )
    return {
        "name": name,
        "network": training.network,
        "recipe": {k: v for k, v in asdict(trained.recipe).items() if k not in ("scheme", "alpha")},
        "training_samples": len(data.x) - (trained.recipe.holdout or 0),
        "samples": len(samples.x),
        "float_accuracy": golden.accuracy(exact, samples.y),
        "results": results,
    }


def few_terms(bench: Bench, name: str) -> dict[str, Any]:
    """Predicted cycles of a network of few terms, and its loss before and after training."""
    from shiftwork.quantize.training import train

    training = TERM_TRAININGS[name]
    network = import_onnx(bench.model(training.network))
    samples, data = (load_data(data_file(name), network) for name in (training.test, training.data))
    assert samples.y is not None
    engine = engine_for("tr")
    begin = time.perf_counter()
    recipe = Recipe(scheme="tr", **training.settings)
    trained = train(network, data, recipe, Progress(), cycles=SampleCycles(engine, data.x[:1]))
    seconds = time.perf_counter() - begin
    trained.network.save(trained_network(training.network, "tr"))
    promise, saving = trained.network.promise, trained.network.saving
    assert promise is not None
    assert saving is not None
    return {
        "name": name,
        "network": training.network,
        "command": training.command("tr"),
        "recipe": asdict(trained.recipe),
        "training_samples": len(data.x) - promise.held,
        "held": promise.held,
        "samples": len(samples.x),
        **losses_of(logits(network, samples.x), trained.network, samples),
        "engine": str(engine),
        "cycles": saving.cycles,
        "plain_cycles": saving.plain_cycles,
        "untrained_estimate": trained.before.estimate,
        "untrained_bound": trained.before.bound,
        "estimate": promise.estimate,
        "bound": promise.bound,
        "epochs": len(trained.history),
        "best_epoch": trained.best,
        "seconds": round(seconds, 1),
    }


def trained(bench: Bench, training: Training, alpha: str) -> dict[str, Any]:
    """A trained network of scheme msq: accuracy on the golden model, its first samples on the RTL.

    Raises:
        ShiftworkError: it has not been trained (entry ``train_*``), or cycles differ from the prediction.
    """
    integer = IntegerNetwork.load(trained_network(training.network, "msq", alpha))
    model = bench.model(training.network)
    network = import_onnx(model)
    samples = load_data(data_file(training.test), network)
    assert samples.y is not None
    return {
        "name": f"msq.{training.network}.{alpha}",
        "network": training.network,
        "command": f"shiftwork simulate {trained_network(training.network, 'msq', alpha).name} "
        f"--data {training.test}.npz --limit {training.rtl}",
        "samples": len(samples.x),
        "float_accuracy": golden.accuracy(logits(network, samples.x), samples.y),
        "accuracy": accuracy_of(integer, samples),
        **on_rtl(training.network, integer, samples.first(training.rtl), MsqEngine()),
    }
