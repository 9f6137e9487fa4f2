# SPDX-License-Identifier: Apache-2.0
"""Perplexity of a recurrent language model, which leaves its state to the next step."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.measure.bench import Bench
from shiftwork.network.data import Data
from shiftwork.network.floating import reference
from shiftwork.network.format import Work
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import CALIBRATION_SAMPLES, Quantization
from shiftwork.run.networks import run_integer
from shiftwork.schemes import quantize

MODEL = "wikitext2_lstm200_tied"
WORDS = "wikitext2_ids_dev"
PERPLEXITIES: dict[str, Quantization | None] = {
    "perplexity.float": None,
    "perplexity.fixed8": Quantization("fixed8"),
    **{
        f"perplexity.tr.k{budget}": Quantization("tr", group=8, budget=str(budget), data_terms=0)
        for budget in (24, 20, 16, 12)
    },
}
"""Settings by the name of their record; None is the float model."""
STREAMS = 20
"""Parts of the text that are read side by side."""
STEPS = 1000
"""Words of every part that are foretold."""
_CALIBRATED = 60  # steps of which calibration samples are taken
_COUNTED = 10  # steps of which term pairs are counted

Step = Callable[[NDArray[np.float32]], dict[str, NDArray[Any]]]
"""Outputs of the model for samples, by name."""


def perplexity(bench: Bench, name: str) -> dict[str, Any]:
    """Perplexity on the first words of every part of the test text, term pairs, and equality of a step on the RTL.

    Raises:
        ShiftworkError: the data are not there.
    """
    network = import_onnx(bench.model(MODEL), _sizes())
    texts = _texts(bench)
    wish = PERPLEXITIES[name]
    words = _streams(texts["test_a"])[: STEPS + 1]
    result: dict[str, Any] = {"name": name, "network": MODEL, "words": words[1:].size, "streams": STREAMS}
    if wish is None:
        return {**result, "perplexity": _read(words, lambda x: reference(network, x))}
    seen = _calibration(network, _streams(texts["train_calib"]))
    integer = quantize(wish, network, Data(seen, None, WORDS))
    found = _read(words, lambda x: golden.finished(integer, golden.run(integer, x, collect=False)))
    counts: dict[str, Work] = {}
    golden.run(integer, seen[: STREAMS * _COUNTED], False, counts)
    facts = [integer.module(module).format.facts(integer.module(module), work) for module, work in counts.items()]
    macs = sum(fact["macs"] for fact in facts)
    report = run_integer(MODEL, integer, Data(seen[:1], None), "rtl", Progress(quiet=True), bench.device)
    return {
        **result,
        "scheme": wish.scheme,
        "group": wish.group,
        "budget": wish.budget,
        "calibration_samples": len(seen),
        "perplexity": found,
        "pairs_per_mac_bound": sum(fact["term_pairs"] for fact in facts) / macs,
        "pairs_per_mac_present": sum(fact["term_pairs_present"] for fact in facts) / macs,
        "rtl": {
            "samples": 1,
            "compared": report.compared,
            "host_compared": report.host_compared,
            "mismatches": report.mismatches,
            "cycles": report.cycles,
            "engine": str(report.engine),
        },
    }


def _sizes() -> dict[str, tuple[int, ...]]:
    """Axes of a step: one word, and the state of one layer."""
    return {"ids": (1, STREAMS), "h0": (1, STREAMS, 200), "c0": (1, STREAMS, 200)}


def _texts(bench: Bench) -> dict[str, NDArray[np.uint16]]:
    path = bench.folder / "data" / f"{WORDS}.npz"
    if not path.is_file():
        raise ShiftworkError(f"data {path}: no such file")
    with np.load(path) as archive:
        return {name: archive[name] for name in ("test_a", "train_calib")}


def _streams(words: NDArray[np.uint16]) -> NDArray[np.int64]:
    """A text as texts side by side: (steps, streams)."""
    steps = len(words) // STREAMS
    return words[: steps * STREAMS].reshape(STREAMS, steps).T.astype(np.int64)


def _calibration(network: FloatNetwork, words: NDArray[np.int64]) -> NDArray[np.float32]:
    """Samples of words and the states before them."""
    found: list[NDArray[np.float32]] = []

    def step(x: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        found.append(x)
        return reference(network, x)

    _read(words[: _CALIBRATED + 1], step)
    order = np.random.default_rng(0).permutation(_CALIBRATED * STREAMS)[:CALIBRATION_SAMPLES]
    return np.concatenate(found)[order]


def _read(words: NDArray[np.int64], step: Step) -> float:
    """Perplexity of every next word. words: (steps, streams)."""
    state = np.zeros((2, words.shape[1], 200), np.float32)
    total = 0.0
    for now, following in itertools.pairwise(words):
        out = step(np.concatenate([now[:, None].astype(np.float32), *state], axis=1))
        state = np.stack([out["hn"][0], out["cn"][0]])
        logits = out["logits"].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        chosen = logits[np.arange(len(logits)), following]
        total += float((np.log(np.exp(logits).sum(axis=1)) - chosen).sum())
    return math.exp(total / words[1:].size)
