# SPDX-License-Identifier: Apache-2.0
"""Generated parts of the pages about whole networks: results, scales, streams, exponential codes, the demo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shiftwork.blocks.manifest import Manifest
from shiftwork.docs.markdown import NETWORKS, measurement, table
from shiftwork.measure import records
from shiftwork.measure.entries import COLS, ROWS, accelerated

_SCALES = ("maxabs", "mse", "joint")
_SWEPT = ("cifar10_resnet20", "mnist_lenet5")


def _entries(book: Manifest) -> dict[str, records.Record]:
    """The measured runs of whole networks by name."""
    known = records.read(records.file_of(book.root, "networks"))
    return {name: record for name, record in known.items() if "golden" in record}


def _results(book: Manifest) -> str:
    entries = _entries(book)
    rows = []
    for network, title in NETWORKS.items():
        plain = entries.get(f"{network}.weights.qt")
        for budget in ("k12", "auto"):
            entry = entries.get(f"{network}.weights.{budget}")
            if plain is None or entry is None:
                continue
            golden, rtl = entry["golden"], entry["rtl"]
            rows.append(
                (
                    title,
                    "g=8, k=12, s=3" if budget == "k12" else "default: g=32, k per layer, s=all",
                    f"{golden['samples']:,}",
                    f"{golden['float_accuracy']:.2f}",
                    f"{plain['golden']['accuracy']:.2f}",
                    f"{golden['accuracy']:.2f}",
                    _times(golden["fewer_pairs_than_qt"]),
                    f"{plain['golden']['term_pairs_per_mac_present']:.2f}, {golden['term_pairs_per_mac_present']:.2f}",
                    f"{rtl['cycles'] / rtl['samples']:,.0f}",
                    _times(plain["rtl"]["cycles"] / plain["rtl"]["samples"] * rtl["samples"] / rtl["cycles"]),
                    f"{rtl['mismatches']} of {rtl['compared']:,}",
                    rtl["samples"],
                )
            )
    if not rows:
        return "Not measured yet.\n"
    head = (
        "network", "`tr`", "samples", "float %", "`fixed8` %", "`tr` %", "fewer pairs by the bound",
        "pairs present QT, `tr`", "cycles a sample", "fewer cycles than QT", "RTL mismatches", "samples on RTL",
    )  # fmt: skip
    return table(head, rows, range(2, 12)) + _simulated(entries)


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}x"


def _simulated(entries: Mapping[str, Mapping[str, Any]]) -> str:
    tools = sorted({(e["rtl"]["simulator"], e["rtl"]["rows"], e["rtl"]["cols"]) for e in entries.values()})
    text = "; ".join(f"{simulator}, engine of {rows} x {cols} cells" for simulator, rows, cols in tools)
    return f"\nSimulated: accuracy on the golden model, mismatches and cycles on the RTL ({text}).\n"


def _of_scales(book: Manifest, network: str) -> list[dict[str, Any]]:
    """Accuracy of a network, one entry per scale method; empty unless all are measured."""
    entries = [measurement(book.root, f"accuracy.{network}.{scale}") for scale in _SCALES]
    known = [entry for entry in entries if entry is not None]
    return known if len(known) == len(_SCALES) else []


def _accuracy(book: Manifest) -> str:
    widths, tensors, equal, counts = [], [], [], []
    for network, title in NETWORKS.items():
        known = _of_scales(book, network)
        if known:
            counts.append((title, *known[0]["quantizations"], known[0]["calibration_samples"]))
            for index, first in enumerate(known[0]["results"]):
                figures = [f"{known[0]['float_accuracy']:.2f}"]
                figures += [f"{entry['results'][index]['accuracy']:.2f}" for entry in known]
                figures += [f"{100 * entry['results'][index]['output_error']:.1f}" for entry in known]
                if first["per_tensor"]:
                    tensors.append((title, *figures[1:]))
                else:
                    widths.append((title, f"{known[0]['samples']:,}", first["bits"], *figures))
        entry = measurement(book.root, f"equality.{network}")
        if entry is not None:
            rtl, some = entry["rtl"], entry["modules"] < entry["all_modules"]
            modules = f"first {entry['modules']} of {entry['all_modules']}" if some else f"all {entry['modules']}"
            equal.append((title, modules, f"{rtl['compared']:,}", rtl["mismatches"]))
    if not widths:
        return "Not measured yet.\n"
    scales = tuple(f"{scale} %" for scale in _SCALES) + tuple(f"{scale} error %" for scale in _SCALES)
    text = table(("network", "samples", "bits", "float %", *scales), widths, range(1, 10))
    text += "\nOne weight scale per tensor in place of one per output channel, 8 bits:\n\n"
    text += table(("network", *scales), tensors, range(1, 7))
    text += "\nTensors that are quantized, and samples that calibrated:\n\n"
    text += table(("network", "operator by operator", "unified modules", "calibration samples"), counts, (1, 2, 3))
    if equal:
        text += "\nJoint scales at 8 bits on the RTL, one sample, every module compared with the golden model:\n\n"
        text += table(("network", "modules", "values compared", "mismatches"), equal, (2, 3))
    return text + (
        "\nSimulated on the golden model; weights and activations have the same width. Error: 2-norm of the error of "
        "the network output over that of the output.\n"
    )


def _scales(book: Manifest) -> str:
    rows = []
    for network, title in NETWORKS.items():
        known = _of_scales(book, network)
        if known:
            figures = (f"{entry['results'][0]['accuracy']:.2f}" for entry in known)
            rows.append((title, f"{known[0]['samples']:,}", f"{known[0]['float_accuracy']:.2f}", *figures))
    if not rows:
        return "Not measured yet.\n"
    text = table(("network", "samples", "float %", *(f"`{scale}` %" for scale in _SCALES)), rows, range(1, 6))
    return text + "\nSimulated on the golden model, 8 bits, one weight scale per output channel.\n"


def _exponential(book: Manifest) -> str:
    rows = []
    for network, title in NETWORKS.items():
        entry = measurement(book.root, f"dnateq.{network}")
        if entry is not None:
            figures = (entry[name] for name in ("float_accuracy", "accuracy", "weight_bits", "activation_bits"))
            rtl = entry["rtl"]
            rows.append(
                (
                    title,
                    f"{entry['samples']:,}",
                    *(f"{figure:.2f}" for figure in figures),
                    f"{100 * entry['smaller_than_int8']:.1f}",
                    f"{rtl['mismatches']} of {rtl['compared']:,}",
                    rtl["samples"],
                )
            )
    if not rows:
        return "Not measured yet.\n"
    head = (
        "network",
        "samples",
        "float %",
        "`dnateq` %",
        "bits per weight",
        "bits per activation",
        "weights smaller than int8 by %",
        "RTL mismatches",
        "samples on RTL",
    )
    text = table(head, rows, range(1, 9))
    mean = sum(float(row[6]) for row in rows) / len(rows)
    return (
        f"{text}\nSimulated: accuracy on the golden model, mismatches on the RTL, cycles as predicted. Bits are "
        "averages and include the sign. On the average of these networks the weights are "
        f"{mean:.1f} % smaller than int8.\n"
    )


def _streams(book: Manifest) -> str:
    entries = _entries(book)
    text = ""
    for network in _SWEPT:
        chosen = [entry for name, entry in entries.items() if name.startswith(f"{network}.")]
        rows = []
        for entry in sorted(chosen, key=lambda entry: (entry["stream"] != "weights", _cycles_per_mac(entry["rtl"]))):
            golden, rtl = entry["golden"], entry["rtl"]
            rows.append(
                (
                    entry["stream"],
                    _budget(entry),
                    f"{golden['accuracy']:.2f}",
                    f"{golden['terms_per_mac']:.3f}",
                    f"{_cycles_per_mac(rtl):.3f}",
                    f"{100 * rtl['fill']:.1f}",
                    f"{100 * _convolution_utilisation(rtl):.1f}",
                    rtl["mismatches"],
                )
            )
        if rows:
            head = (
                "streamed", "budget", "accuracy %", "terms per MAC", "cycles per MAC", "cells in use %",
                "utilisation %", "RTL mismatches",
            )  # fmt: skip
            text += f"{NETWORKS[network]}:\n\n" + table(head, rows, range(2, 8)) + "\n"
    return text.rstrip("\n") + "\n" + _simulated(entries) if text else "Not measured yet.\n"


def _cycles_per_mac(rtl: Mapping[str, Any]) -> float:
    """Cycles per reduction step of each layer, averaged over the multiply-accumulates."""
    return float(
        sum(x["macs"] * x["cycles"] / x["beats"] for x in rtl["layers"]) / sum(x["macs"] for x in rtl["layers"])
    )


def _convolution_utilisation(rtl: Mapping[str, Any]) -> float:
    """Token bound over cycles of the convolutions."""
    layers = [layer for layer in rtl["layers"] if layer["kind"] == "conv"]
    return float(sum(x["utilisation"] * x["cycles"] for x in layers) / sum(x["cycles"] for x in layers))


def _budget(entry: Mapping[str, Any]) -> str:
    if entry["scheme"] == "fixed8":
        return "none (QT)"
    if entry["stream"] == "weights":
        if entry["budget"] == "auto":
            return "auto, g=32, s=all"
        return f"k={entry['budget']} of g={entry['group']}, s={entry['data_terms'] or 'all'}"
    return f"{entry['budget']}, g={entry['group']}" + ("" if entry["budget"] == "auto" else ", terms per value")


def _speed(book: Manifest) -> str:
    entry = measurement(book.root, "simulation_speed")
    if entry is None:
        return "Not measured yet.\n"
    return (
        f"Whole network (ResNet-20, {entry['rows']} x {entry['cols']} cells): {entry['network'] / 1e3:.1f} thousand "
        f"clock cycles per CPU second, the bare engine in a C++ loop {entry['bare'] / 1e3:.1f}, "
        f"ratio {entry['ratio']:.2f}. Simulated, one machine, one run.\n"
    )


def _demo(book: Manifest) -> str:
    entry = measurement(book.root, "demo")
    return "" if entry is None else "```\n" + "\n".join(entry["output"]).strip("\n") + "\n```\n"


def _accelerated(book: Manifest) -> str:
    rows, tools, exact = [], set(), True
    for one in accelerated():
        entry = measurement(book.root, one.name)
        if entry is None:
            continue
        rtl, count = entry["rtl"], entry["rtl"]["samples"]
        exact &= rtl["cycles"] == rtl["predicted_cycles"]
        some = entry["modules"] < entry["all_modules"]
        title = NETWORKS[entry["network"]] + (f", first {entry['modules']} modules" if some else "")
        traffic = (rtl["bytes_read"] + rtl["bytes_written"]) / count / 1024
        rows.append((title, f"`{one.scheme}`", f"`{one.engine}`", one.activation_memory, f"{rtl['cycles'] // count:,}",
                     f"{rtl['utilisation']:.3f}", f"{traffic:,.0f}", f"{rtl['mismatches']} of {rtl['compared']:,}",
                     count))  # fmt: skip
        tools.add(f"{rtl['simulator']}, memory latency {entry['latency']} cycles")
    if not rows:
        return "Not measured yet.\n"
    head = ("network", "scheme", "engine", "KiB", "cycles an image", "of the array's bound", "KiB moved an image",
            "mismatches", "images")  # fmt: skip
    text = f"\nSimulated: {'; '.join(sorted(tools))}; accelerator of {ROWS} x {COLS}; `tr` with g = 8, k = 12.\n"
    text += "Cycles are those that the model of cycles predicts.\n" if exact else ""
    return table(head, rows, (3, 4, 5, 6, 7, 8)) + text


PARTS: dict[str, Callable[[Manifest], str]] = {
    "results": _results,
    "accuracy": _accuracy,
    "scales": _scales,
    "exponential": _exponential,
    "streams": _streams,
    "speed": _speed,
    "accelerated": _accelerated,
    "demo": _demo,
}
"""By the names that pages use."""
