# SPDX-License-Identifier: Apache-2.0
"""The generated tables of losses, promised and measured, and of what term revealing saves."""

from __future__ import annotations

from collections.abc import Callable

from shiftwork.blocks.manifest import Manifest
from shiftwork.docs.markdown import NETWORKS, table
from shiftwork.measure import records
from shiftwork.measure.promises import PROMISED, PROMISES
from shiftwork.network.format_terms import QT_PAIRS

SHORT = {"digits": "digits example", **NETWORKS}


def _promises(book: Manifest) -> str:
    known = records.read(records.file_of(book.root, "promise."))
    rows, beyond, foretold, total = [], list[str](), list[str](), 0
    for subject in PROMISES:
        for scheme in PROMISED:
            entry = known.get(f"promise.{subject.network}.{scheme}")
            if entry is None:
                continue
            total += 1
            name = f"{SHORT[subject.network].split(',')[0]} under `{scheme}`"
            most = max(entry["bound"], entry["tolerated"])
            if entry["loss"] > most + entry["loss_error"]:
                beyond.append(name)
            if entry["tested_estimate"] > most + entry["tested_error"]:
                foretold.append(name)
            rows.append(
                (
                    SHORT[subject.network],
                    f"`{scheme}`",
                    f"{entry['loss']:.2f} ± {entry['loss_error']:.2f}",
                    f"{entry['tested_estimate']:.2f} ± {entry['tested_error']:.2f}",
                    f"{entry['estimate']:.2f}",
                    f"{entry['bound']:.2f}",
                    "yes" if entry["kept"] else "no, and says so",
                    f"{entry['weight_bits']:.1f}, {entry['activation_bits']:.1f}",
                    f"{entry['cycles']:,}",
                    f"{entry['quantize_seconds']:.0f}",
                    f"{entry['calibration_samples']}, {entry['samples']:,}",
                )
            )
    if not rows:
        return "Not measured yet.\n"
    head = (
        "network", "scheme", "loss, points", "by probabilities", "expected", "at most", "0.5 kept", "bits w, a",
        "cycles a sample", "seconds", "samples calibrated, tested",
    )  # fmt: skip
    return table(head, rows, range(2, 11)) + (
        f"\n{len(beyond)} of {total} losses are beyond what is tolerated and what is foretold at most by more than "
        f"their standard error: {', '.join(beyond) or 'none'}. By probabilities it is {len(foretold)}: "
        f"{', '.join(foretold) or 'none'}. Loss: on the golden model against onnxruntime, by labels, with its standard "
        "error (paired); by probabilities: the estimate on the tested samples themselves. Cycles: of the convolutions, "
        "predicted for the scheme's default engine; seconds on one machine, `python -m shiftwork.measure --only "
        "'promise.*'`.\n"
    )


def _saved(book: Manifest) -> str:
    rows = []
    for subject in PROMISES:
        entry = records.load(book.root, f"promise.{subject.network}.tr")
        if entry is None:
            continue
        saving = entry["saving"]
        cycles, plain, either = (saving[name] for name in ("cycles", "plain_cycles", "either_cycles"))
        rows.append(
            (
                SHORT[subject.network],
                f"{QT_PAIRS / saving['bound']:.2f}x",
                f"{saving['plain_pairs']:.2f}, {saving['pairs']:.2f}",
                f"{saving['plain_pairs'] / saving['pairs']:.2f}x",
                *(f"{number:,}" for number in (plain, either, cycles)),
                *(f"{ratio:.2f}x" for ratio in (plain / either, either / cycles, plain / cycles)),
            )
        )
    if not rows:
        return "Not measured yet.\n"
    head = (
        "network", "fewer by the bound, all layers", "pairs present QT, `tr`", "fewer present", "cycles QT",
        "QT, better operand", "`tr`", "by the operand", "by fewer terms", "together",
    )  # fmt: skip
    return table(head, rows, range(1, 10)) + (
        f"\nThe bound of a layer that is not revealed is {QT_PAIRS}. Pairs per MAC on calibration samples, cycles of "
        "one of them, predicted for the default engine: `python -m shiftwork.measure --only 'promise.*.tr'`.\n"
    )


PARTS: dict[str, Callable[[Manifest], str]] = {"promises": _promises, "saved": _saved}
