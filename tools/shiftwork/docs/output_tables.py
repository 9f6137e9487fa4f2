# SPDX-License-Identifier: Apache-2.0
"""Generated tables of networks that are more than layers behind each other: words that follow, faces, attention."""

from __future__ import annotations

from collections.abc import Callable

from shiftwork.blocks.manifest import Manifest
from shiftwork.docs.markdown import measurement, table
from shiftwork.measure.attention import ATTENTIVE, TRANSFORMER
from shiftwork.measure.detection import DETECTED, MODEL, SCORE
from shiftwork.measure.perplexity import PERPLEXITIES
from shiftwork.measure.shipped import SHIPPED


def _perplexity(book: Manifest) -> str:
    known = [entry for name in PERPLEXITIES if (entry := measurement(book.root, name)) is not None]
    if not known:
        return "Not measured yet.\n"
    whole = next((entry["pairs_per_mac_bound"] for entry in known if entry.get("scheme") == "fixed8"), None)
    rows = []
    for entry in known:
        if "scheme" not in entry:
            rows.append(("float, onnxruntime", f"{entry['perplexity']:.2f}", *[""] * 5))
            continue
        budget = "" if entry["budget"] is None else f", g = {entry['group']}, k = {entry['budget']}"
        bound, rtl = entry["pairs_per_mac_bound"], entry["rtl"]
        rows.append(
            (
                f"`{entry['scheme']}`{budget}",
                f"{entry['perplexity']:.2f}",
                f"{bound:.2f}",
                "" if whole is None else f"{whole / bound:.2f}x",
                f"{entry['pairs_per_mac_present']:.2f}",
                f"{rtl['cycles']:,}",
                f"{rtl['mismatches']} of {rtl['compared']:,}",
            )
        )
    words = known[0]["words"]
    head = ("scheme", "perplexity", "pairs a MAC, bound", "fewer", "present", "cycles a word", "mismatches")
    return table(head, rows, range(1, 7)) + (
        f"\nPerplexity of {words:,} words, the first ones of {known[0]['streams']} parts of the test text; the state "
        "of every part is carried from word to word; on the golden model. A word runs on the RTL, compared module by "
        "module. `python -m shiftwork.measure --only 'perplexity.*'`.\n"
    )


def _detection(book: Manifest) -> str:
    rows = []
    for scheme in DETECTED:
        entry = measurement(book.root, f"detection.{MODEL}.{scheme}")
        if entry is None:
            continue
        scores, boxes, rtl = entry["errors"]["scores"], entry["errors"]["boxes"], entry["rtl"]
        rows.append(
            (
                f"`{scheme}`",
                f"{scores['sqnr']:.1f} dB, {scores['largest']:.3f}",
                f"{boxes['sqnr']:.1f} dB, {boxes['largest']:.3f}",
                f"{entry['anchors_differ']} of {entry['anchors']}",
                f"{entry['faces_lost']} of {entry['faces']}, {entry['faces_new']} new",
                f"{rtl['mismatches']} of {rtl['compared']:,}, {entry['modules']} of {entry['all_modules']} modules",
                str(entry["images"]),
            )
        )
    if not rows:
        return "Not measured yet.\n"
    head = (
        "scheme", "scores: SQNR, largest error", "boxes", f"places above {SCORE} that differ", "faces that are lost",
        "mismatches on the RTL", "images",
    )  # fmt: skip
    return table(head, rows, range(1, 7)) + (
        "\nOn the golden model against onnxruntime; the images are those of 120 on which the float model is sure of "
        f"most places. A face is lost where no box above {SCORE} shares half of its area. "
        "`python -m shiftwork.measure --only 'detection.*'`.\n"
    )


def _attention(book: Manifest) -> str:
    rows, tools = [], set()
    for scheme in ATTENTIVE:
        entry = measurement(book.root, f"attention.{TRANSFORMER.network}.{scheme}")
        if entry is None:
            continue
        rtl, count = entry["rtl"], entry["rtl"]["samples"]
        all_elements = rtl["compared"] + rtl["host_compared"]
        rows.append(
            (
                f"`{scheme}`",
                f"{entry['float_accuracy']:.2f}",
                f"{entry['accuracy']:.2f}",
                f"{entry['weight_bits']:.1f}, {entry['activation_bits']:.1f}",
                entry["engine"],
                f"{rtl['cycles'] // count:,}",
                f"{rtl['product_cycles'] // count:,}" if rtl["products"] else "host",
                f"{100 * rtl['compared'] / all_elements:.0f}",
                f"{rtl['mismatches']} of {rtl['compared']:,}",
            )
        )
        tools.add(f"{entry['samples']} images on the golden model, {count} on the RTL ({rtl['simulator']})")
    if not rows:
        return "Not measured yet.\n"
    head = (
        "scheme", "float %", "accuracy %", "bits w, a", "engine", "cycles a sample", "of products",
        "elements by the RTL %", "mismatches",
    )  # fmt: skip
    return table(head, rows, (1, 2, 3, 5, 6, 7, 8)) + (
        f"\nSimulated: {'; '.join(sorted(tools))}. Cycles are those that the model of cycles predicts. "
        "`python -m shiftwork.measure --only 'attention.*'`.\n"
    )


def _shipped(book: Manifest) -> str:
    known = [entry for name in SHIPPED if (entry := measurement(book.root, f"shipped.{name}")) is not None]
    if not known:
        return "Not measured yet.\n"
    rows = [
        (
            f"`light_{entry['network']}`",
            entry["modules"],
            sum(entry["host"].values()),
            entry["moves"],
            f"{entry['macs'] / 1e6:,.0f}",
            f"{entry['seconds']:.0f}",
            f"{entry['gigabytes']:.1f}",
        )
        for entry in known
    ]
    head = ("network", "modules", "in float on the host", "moves", "MMACs", "seconds", "GiB")
    return table(head, rows, range(1, 7)) + (
        "\n`shiftwork run` on one sample, from the file to the report: import, onnxruntime, calibration, golden model; "
        "seconds on one machine, largest memory of the process. `python -m shiftwork.measure --only 'shipped.*'`.\n"
    )


PARTS: dict[str, Callable[[Manifest], str]] = {
    "perplexity": _perplexity,
    "detection": _detection,
    "shipped": _shipped,
    "attention": _attention,
}
