# SPDX-License-Identifier: Apache-2.0
"""Generated parts of the pages about the cost of whole accelerators: area by part, LUT-cycles, one device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shiftwork.blocks.manifest import Manifest
from shiftwork.cost.accel_area import AIM, LIMIT
from shiftwork.cost.devices import DEVICES
from shiftwork.docs.markdown import NETWORKS, measurement, table
from shiftwork.measure.entries import anchor_runs
from shiftwork.report.cost_accel import FAMILIES

_MISSING = "Not measured yet.\n"
_SHAPES = ("synth_accel_8x64_128", "synth_accel_4x32_64")
_DEVICE = DEVICES["xc7z020"]
_SHARE = 0.8
"""Share of a device's LUTs, block RAMs and DSPs that a design may take."""


@dataclass(frozen=True)
class Anchor:
    """A published accelerator for one network on :data:`_DEVICE`: fpgaConvNet, MLPerf Tiny v1.1, closed division.

    Attributes:
        rate: inferences a second. mhz: clock. luts, dsp, rams: LUTs, DSP48 and RAMB36. accuracy: percent.
    """

    rate: float
    mhz: float
    luts: int
    dsp: int
    rams: int
    accuracy: float

    @property
    def cycles(self) -> float:
        """Clock cycles from inference to inference."""
        return self.mhz * 1e6 / self.rate


ANCHORS = {
    "cifar10_resnet8_mlperftiny": Anchor(2431, 143, 47_000, 211, 93, 86.0),
    "kws_dscnn_mlperftiny": Anchor(3088, 143, 37_000, 188, 97, 91.1),
}
"""By network."""
_CLOCK = 100e6
"""In Hz, at which inferences a second are given for accelerators that are not placed."""
_LUTS = 2 / 3
"""Most LUTs of an accelerator of shift-and-add cells over those of the anchor."""


def _area(book: Manifest) -> str:
    """Every accelerator as a whole, then the parts of that with the term-revealing engine."""
    found = [entry for name in _SHAPES if (entry := measurement(book.root, name)) is not None]
    if not found:
        return _MISSING
    rows: list[tuple[str, ...]] = []
    for entry in found:
        for family, designs in entry["families"].items():
            for mapped in designs.values():
                engine, area = mapped["parts"]["engine"], mapped["area"]
                where = (f"{entry['rows']} x {entry['cols']}", FAMILIES[family], mapped["title"])
                packed = f"{area['packed']:,.0f}" if family == "xc7" else ""
                figures = (f"{area['cells']:,.0f}", packed, *_others(area))
                rows.append((*where, *figures, f"{engine['cells']:,.0f}", f"{mapped['ratio']:.2f}"))
    head = ("cells", "family", "engine", "LUTs", "packed", "flip-flops", "block RAM", "DSP", "LUTs of the engine",
            "all over engine")  # fmt: skip
    text = table(head, rows, range(3, 10)) + "\nLUTs, flip-flops and block RAM by part, with the `tr` engine:\n\n"
    columns = [(entry, family) for entry in found for family in entry["families"]]
    names = columns[0][0]["families"]["xc7"]["tr"]["parts"]
    lines = []
    for part in names:
        line = [part]
        for entry, family in columns:
            mapped = entry["families"][family]["tr"]
            area = mapped["parts"][part]
            share = 100 * area["cells"] / mapped["area"]["cells"]
            line += [f"{area['cells']:,.0f} ({share:.0f} %)", f"{area['flip_flops']:,.0f}", f"{area['block_ram']:g}"]
        lines.append(line)
    heads = [f"{entry['rows']} x {entry['cols']}, {FAMILIES[family]}: LUTs" for entry, family in columns]
    columns_of_parts = ("part", *(word for first in heads for word in (first, "flip-flops", "block RAM")))
    return text + table(columns_of_parts, lines, range(1, len(columns_of_parts))) + _ratio(found) + _footer(found)


def _others(area: Mapping[str, float]) -> tuple[str, ...]:
    return f"{area['flip_flops']:,.0f}", f"{area['block_ram']:g}", f"{area['dsp']:,.0f}"


def _ratio(found: list[dict[str, Any]]) -> str:
    """The target that the whole has over its engine."""
    wide = next((entry for entry in found if (entry["rows"], entry["cols"]) == (8, 64)), None)
    if wide is None:
        return ""
    mapped = wide["families"]["xc7"]["tr"]
    ratio, packed = mapped["ratio"], mapped["area"]["packed"] / mapped["parts"]["engine"]["packed"]
    return (
        f"\nLUTs of everything over those of the `tr` engine, 8 x 64, 7-series: {ratio:.2f} "
        f"(limit {LIMIT}, {'met' if ratio <= LIMIT else 'missed'}; aim {AIM}); packed {packed:.2f}.\n"
    )


def _footer(found: list[dict[str, Any]]) -> str:
    memories = sorted({f"{entry['shape']['activation_memory']} KiB" for entry in found})
    mappings = {designs["tr"]["mapping"]: None for entry in found for designs in entry["families"].values()}
    scripts = "; ".join(f"`{mapping}`" for mapping in mappings)
    return (
        f"\nSynthesized, not placed ({found[0]['tool']}: {scripts}; DSPs in the engine, where it has them), "
        f"hierarchy kept, {' and '.join(memories)} of activation memory. Block RAM in RAMB36 or DP16KD; a DSP is a "
        "DSP48E1 of two products or a MULT18X18D of one.\n"
    )


def _work(book: Manifest) -> str:
    """LUT-cycles per MAC of whole accelerators."""
    found = [entry for name in _SHAPES if (entry := measurement(book.root, name)) is not None]
    if not found:
        return _MISSING
    rows = []
    for entry in found:
        runs = {(run["engine"], run["scheme"]): run for run in entry["runs"]}
        for family, work in entry["work"].items():
            for line in work:
                mapped = entry["families"][family][line["design"]]
                run = runs[mapped["parameters"]["ENGINE"], line["scheme"]]
                time = "" if line["time_over_mac"] is None else f"{line['time_over_mac']:.2f}"
                rows.append(
                    (
                        f"{entry['rows']} x {entry['cols']}", FAMILIES[family], mapped["title"], f"`{line['scheme']}`",
                        f"{run['cycles']:,}", f"{100 * run['utilisation']:.0f}", f"{line['lut_cycles']:.0f}",
                        f"{mapped['area']['block_ram'] * run['per_mac']:.2f}",
                        f"{mapped['area']['dsp'] * run['per_mac']:.2f}", f"{line['over_mac']:.2f}", time,
                    )
                )  # fmt: skip
    head = (
        "cells", "family", "engine", "scheme", "cycles", "utilisation %", "LUT-cycles per MAC", "block RAM-cycles",
        "DSP-cycles", "over mac in LUTs", "each at its own clock",
    )  # fmt: skip
    network = NETWORKS[found[0]["network"].removesuffix(".onnx")]
    return table(head, rows, range(4, 11)) + (
        f"\n{network}, {found[0]['samples']} sample, simulated, every module equal to the golden model; `tr`: g = 8, "
        "k = 12, s = 3. Synthesized, not placed; own clocks are logic delays without routing.\n"
    )


def _runs(book: Manifest) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    """Runs beside the anchors, each with the area of its accelerator on 7-series and the tool that mapped it."""
    for wanted in anchor_runs():
        run = measurement(book.root, wanted.name)
        area = measurement(book.root, f"synth_accel_{wanted.rows}x{wanted.cols}_{wanted.activation_memory}")
        key = {"mac": "mac_dsp"}.get(wanted.engine, wanted.engine)
        if run is not None and area is not None and key in area["families"]["xc7"]:
            yield run, area["families"]["xc7"][key], area["tool"]


def _anchor(book: Manifest) -> str:
    """Accelerators on one device beside published ones."""
    found = list(_runs(book))
    if not found:
        return _MISSING
    rows: list[tuple[object, ...]] = []
    for network, anchor in ANCHORS.items():
        title = NETWORKS[network].partition(",")[0]
        figures = (f"{anchor.cycles:,.0f}", f"{anchor.rate:,.0f}", f"{anchor.luts / 1e3:.0f}K", anchor.dsp, anchor.rams)
        rows.append((title, "fpgaConvNet", "", *figures, "1.00", "1.00", "1.00", "", f"{anchor.accuracy:.1f}"))
        for run, mapped, _ in found:
            if run["network"] != network:
                continue
            area, cycles = mapped["area"], run["rtl"]["cycles"] / run["rtl"]["samples"]
            shares = {
                "LUTs": area["cells"] / _DEVICE.luts, "block RAM": area["block_ram"] / _DEVICE.rams,
                "DSP": area["dsp"] / _DEVICE.dsp,
            }  # fmt: skip
            largest = max(shares, key=lambda name: shares[name])
            engine = f"`{run['engine']}`, {run['rows']} x {run['cols']}, {run['activation_memory']} KiB"
            how = f"`{run['scheme']}`" + (f", k = {run['budget']}" if run["budget"] else "")
            rows.append(
                (
                    title, engine, how, f"{cycles:,.0f}", f"{_CLOCK / cycles:,.0f}", f"{area['cells']:,.0f}",
                    f"{area['dsp']:.0f}",
                    f"{area['block_ram']:g}", f"{cycles / anchor.cycles:.2f}",
                    f"{area['cells'] / anchor.luts:.2f}", f"{area['packed'] / anchor.luts:.2f}",
                    f"{100 * shares[largest]:.0f} % of {largest}", f"{run['accuracy']:.1f}",
                )
            )  # fmt: skip
    head = (
        "network", "accelerator", "scheme", "cycles", "a second", "LUTs", "DSP", "RAMB36", "cycles over anchor",
        "LUTs over anchor", "packed", "largest share of the device", "accuracy %",
    )  # fmt: skip
    tool, rtl = found[0][2], found[0][0]["rtl"]
    return table(head, rows, (3, 4, 5, 6, 7, 8, 9, 10, 12)) + (
        f"\nXC7Z020: {_DEVICE.luts:,} LUTs, {_DEVICE.rams} RAMB36, {_DEVICE.dsp} DSP48E1; a design is to take at most "
        f"{100 * _SHARE:.0f} % of each. Targets for `tr`: fewer cycles than the anchor, at most {_LUTS:.2f} of its "
        "LUTs, no DSP. Anchors: as submitted to MLPerf Tiny v1.1, placed, a second at the 143 MHz they ran with, "
        f"accuracy on its samples. Here: synthesized ({tool}), not placed, a second at an assumed {_CLOCK / 1e6:.0f} "
        f"MHz; cycles simulated ({rtl['simulator']}, memory of "
        f"{found[0][0]['latency']} cycles latency), every module equal to the golden model; accuracy of "
        f"{found[0][0]['golden_samples']} samples.\n"
    )


PARTS: dict[str, Callable[[Manifest], str]] = {"accel-area": _area, "accel-work": _work, "accel-anchor": _anchor}
"""By the names that pages use."""
