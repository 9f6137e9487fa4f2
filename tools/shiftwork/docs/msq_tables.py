# SPDX-License-Identifier: Apache-2.0
"""Generated parts of the pages about rows of 4 bits: training, whole networks, units, plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from shiftwork.blocks.manifest import Manifest
from shiftwork.cost import planner
from shiftwork.cost.devices import DEVICES
from shiftwork.docs.markdown import NETWORKS, measurement, table
from shiftwork.measure.entries import TERM_TRAININGS

_MISSING = "Not measured yet.\n"
_TRAINED = ("digits", "mnist_lenet5", "cifar10_resnet20", "kws_dscnn_mlperftiny", "imagenet_squeezenet1_1")
_WHEN = ("untrained", "trained")
_PLANS = ("xc7z020", "xc7z045")


def _training(book: Manifest) -> str:
    """Accuracy before and after training, one row per scheme."""
    text = ""
    for network in _TRAINED:
        entry = measurement(book.root, f"train_{network}")
        if entry is None:
            continue
        rows = [
            (
                f"`{found['scheme']}`",
                "free" if found["alpha"] == "free" else "power of two",
                *(f"{found[when]['float_accuracy'] - found[when]['loss']:.2f}" for when in _WHEN),
                *(f"{found[when]['loss']:.2f} ± {found[when]['loss_error']:.2f}" for when in _WHEN),
                *(f"{found[when]['tested_estimate']:.2f} ± {found[when]['tested_error']:.2f}" for when in _WHEN),
                found["epochs"],
                f"{found['seconds']:.0f}",
            )
            for found in entry["results"]
        ]
        head = (
            "scheme", "alpha", "not trained %", "trained %", "loss, not trained", "trained",
            "by probabilities, not trained", "trained", "epochs", "seconds",
        )  # fmt: skip
        text += f"{NETWORKS[network]}, float {entry['float_accuracy']:.2f} %; {entry['samples']:,} test samples, "
        text += f"{entry['training_samples']:,} training samples:\n\n" + table(head, rows, range(2, 10)) + "\n"
    if not text:
        return _MISSING
    return text + (
        "Simulated on the golden model. Losses in points with their standard error: by labels, and as the class "
        "probabilities of the float network estimate them on the same samples. The seconds are those of one run on one "
        "thread.\n"
    )


def _term_training(book: Manifest) -> str:
    """Cycles and losses of networks of few terms, one row per network."""
    rows = []
    for name, training in TERM_TRAININGS.items():
        entry = measurement(book.root, name)
        if entry is None:
            continue
        searched = measurement(book.root, f"promise.{training.network}.tr")
        fewer = "" if searched is None else f"{entry['plain_cycles'] / searched['cycles']:.2f}"
        rows.append(
            (
                NETWORKS[training.network],
                f"{entry['recipe']['terms']:g}",
                f"{entry['cycles']:,}",
                f"{entry['plain_cycles'] / entry['cycles']:.2f}",
                fewer,
                f"{entry['untrained_estimate']:.2f}",
                f"{entry['estimate']:.2f}",
                f"{entry['bound']:.2f}",
                f"{entry['loss']:.2f} ± {entry['loss_error']:.2f}",
                f"{entry['training_samples']}, {entry['held']}, {entry['samples']:,}",
                f"{entry['seconds']:.0f}",
            )
        )
    if not rows:
        return _MISSING
    head = (
        "network", "terms per value", "cycles a sample", "times fewer than `fixed8`", "`quantize`",
        "expected loss, not trained", "trained", "at most", "loss, points", "samples trained on, held out, tested",
        "seconds",
    )  # fmt: skip
    return table(head, rows, range(1, 11)) + (
        "\nTrained without labels. Beside it stands what `quantize --scheme tr` reaches at 0.5 points without "
        "training. Loss on the golden model against onnxruntime, with its standard error (paired); predicted cycles of "
        "the engine of 8 x 64; seconds on one thread.\n"
    )


def _networks(book: Manifest) -> str:
    """Whole trained networks on the RTL."""
    rows = []
    for network in _TRAINED:
        for alpha in ("free", "pot"):
            entry = measurement(book.root, f"msq.{network}.{alpha}")
            if entry is not None:
                rtl = entry["rtl"]
                rows.append(
                    (
                        NETWORKS[network],
                        "free" if alpha == "free" else "power of two",
                        f"{entry['float_accuracy']:.2f}",
                        f"{entry['accuracy']:.2f}",
                        rtl["samples"],
                        f"{rtl['mismatches']} of {rtl['compared']:,}",
                        f"{rtl['cycles'] / rtl['samples']:,.0f}",
                        f"{100 * rtl['utilisation']:.1f}",
                    )
                )
    if not rows:
        return _MISSING
    head = (
        "network", "alpha", "float %", "`msq` %", "samples on RTL", "RTL mismatches", "cycles per sample",
        "lanes in use %",
    )  # fmt: skip
    engine = _engines(book)
    return table(head, rows, range(2, 8)) + (
        "\nSimulated: accuracy on the golden model, mismatches and cycles on the RTL; cycles equal the prediction in "
        f"every layer ({engine}).\n"
    )


def _engines(book: Manifest) -> str:
    """Simulator and engine of the runs on the RTL."""
    found = [measurement(book.root, f"msq.{network}.{alpha}") for network in _TRAINED for alpha in ("free", "pot")]
    return "; ".join(sorted({f"{e['rtl']['simulator']}, engine of {e['engine']}" for e in found if e is not None}))


def _units(book: Manifest) -> str:
    """Area and toggles of the units beside their rivals, the engine all in, ECP5."""
    entry = measurement(book.root, "synth_msq")
    if entry is None:
        return _MISSING
    rows = []
    for key, unit in entry["units"].items():
        per_mac, ratio = unit["per_mac"], entry["ratios"].get(key)
        rows.append(
            (
                unit["title"],
                f"{per_mac['cells']:.1f}",
                f"{per_mac['packed']:.1f}",
                f"{per_mac['dsp']:.2f}" if per_mac["dsp"] else "",
                *(("", "") if ratio is None else (f"{ratio['cells']:.2f}", f"{ratio['packed']:.2f}")),
                f"{unit['delay_ps'] / 1e3:.2f}",
            )
        )
    head = (
        "unit", "LUT cells per MAC", "packed", "DSP per MAC", "SP2 unit over it, cells", "packed",
        "logic delay in ns",
    )  # fmt: skip
    text = f"Units of {entry['lanes']} lanes with their accumulators, per lane-MAC:\n\n" + table(
        head, rows, range(1, 8)
    )
    text += "\n" + "; ".join(
        f"{found['text']} {found['value']:.2f} (target {found['limit']:g}, {'met' if found['met'] else 'missed'})"
        for found in entry["targets"]
    )
    text += f".\n\n{entry['engine']['title'].replace('engine', 'Engine', 1)}, everything included, per lane-MAC:\n\n"
    text += _all_in(entry["engine"]) + "\n"
    text += _toggles(entry["toggles"]) + "\n" + _placed(entry["ecp5"])
    return text + (
        f"\nSynthesized ({entry['tool']}, xc7, not placed; the delay without routing), simulated as netlists on codes "
        f"of {entry['toggles']['layer']} (glitches not counted, DSP blocks not visible); ECP5 placed and routed "
        f"({entry['ecp5']['tool']}).\n"
    )


def _all_in(engine: Mapping[str, Any]) -> str:
    """What a lane-MAC of either kind of row takes, by part."""
    rows = []
    sp2, fixed = (engine["per_mac"][kind] for kind in ("SP2", "fixed"))
    names = [
        ("units", "SP2 units", "fixed units"),
        ("row edges", "SP2 row edges", "fixed row edges"),
        *((name, name, name) for name in sp2 if name in fixed),
    ]
    for title, one, other in names:
        rows.append(
            (
                title,
                f"{sp2[one]['cells']:.2f}",
                f"{sp2[one]['packed']:.2f}",
                f"{fixed[other]['cells']:.2f}",
                f"{fixed[other]['packed']:.2f}",
                f"{fixed[other]['dsp']:.2f}",
            )
        )
    head = ("part", "SP2 rows: LUT cells", "packed", "fixed rows: LUT cells", "packed", "DSP")
    return table(head, rows, range(1, 6))


def _toggles(toggles: Mapping[str, Any]) -> str:
    rows = [(d["title"], d["work"], f"{d['per_mac']:.1f}", f"{d['of_inferred']:.2f}") for d in toggles["toggles"]]
    return table(("unit", "work", "net toggles per MAC", "share of inferred"), rows, (2, 3))


def _placed(ecp5: Mapping[str, Any]) -> str:
    rows = [
        (d["title"], d["macs"], f"{d['comb']:,}", f"{d['per_cell']:.1f}", d["multipliers"], f"{d['fmax_mhz']:.1f}")
        for d in ecp5["placements"].values()
    ]
    head = ("ECP5", "lane-MACs", "COMB", "COMB per MAC", "MULT18X18D", "Fmax in MHz")
    return table(head, rows, range(1, 6))


@cache
def _planned(device: str) -> dict[str, Any]:
    """The plan for the peak of a device."""
    return planner.plan(DEVICES[device], planner.CLOCK)


def _plan(_: Manifest) -> str:
    """What the command prints for the first device."""
    from shiftwork.report.cost_plan import lines

    return "```\n" + "\n".join(lines(_planned(_PLANS[0]))) + "\n```\n"


def _devices(_: Manifest) -> str:
    """The mixed engine of every device, in short."""
    rows = []
    for name in DEVICES:
        result = _planned(name)
        mixed = result["designs"]["mixed"]
        shape = [mixed["engine"][key] for key in ("fixed_rows", "sp2_rows", "cols", "lanes", "products")]
        ratios = [f"{result['ratios']['peak'][key]:.2f}" for key in ("one_mac", "packed")]
        rows.append((name, *shape, f"{mixed['macs_per_cycle']:,}", f"{mixed['peak_gops']:,.1f}", *ratios))
    head = ("device", "FIXED_ROWS", "SP2_ROWS", "COLS", "LANES", "PRODUCTS", "MACs per cycle", "peak GOPS")
    text = table((*head, "over one MAC per multiplier", "over packed multipliers alone"), rows, range(1, 10))
    return text + "\nEstimated from synthesized parts; no design was placed, and the clock is not checked.\n"


def _plans(_: Manifest) -> str:
    """Mixed engines that the planner proposes, beside multipliers alone."""
    rows = []
    tool = ""
    for device in _PLANS:
        entry = _planned(device)
        tool = entry["tool"]
        for key, title in (("mixed", "mixed"), ("packed", "packed multipliers alone"), ("one_mac", "one MAC a DSP")):
            design = entry["designs"][key]
            shape = design.get("engine")
            share = "" if key == "mixed" else f"{entry['ratios']['peak'][key]:.2f}"
            words = (
                ""
                if shape is None
                else (
                    f"{design['instances']} x ({shape['fixed_rows']} + {shape['sp2_rows']}) x {shape['cols']} x "
                    f"{shape['lanes']}"
                )
            )
            rows.append(
                (
                    entry["device"]["name"],
                    title,
                    words,
                    f"{design['luts']:,.0f}" if "luts" in design else "",
                    f"{design['dsp']:,.0f}",
                    f"{design['macs_per_cycle']:,}",
                    f"{design['peak_gops']:,.0f}",
                    share,
                )
            )
    head = (
        "device", "design", "engines x (fixed + SP2 rows) x columns x lanes", "LUTs", "DSP", "MACs per cycle",
        "GOPS peak", "mixed over it",
    )  # fmt: skip
    return table(head, rows, range(3, 8)) + (
        f"\nEstimated by `shiftwork plan` from synthesized parts ({tool}) at the same clock of {planner.CLOCK:g} MHz; "
        "a post unit is included, memories and the world around are not. At most 80 % of the LUTs and as many block "
        "RAMs as feed the operands every cycle.\n"
    )


PARTS: dict[str, Callable[[Manifest], str]] = {
    "training": _training,
    "term_training": _term_training,
    "msq_networks": _networks,
    "msq_units": _units,
    "plans": _plans,
    "plan": _plan,
    "devices": _devices,
}
"""By the names that pages use."""
