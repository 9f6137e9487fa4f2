# SPDX-License-Identifier: Apache-2.0
"""The two tables of the README: results and cost, each line beside the strongest figure to compare it with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shiftwork.blocks.manifest import Manifest
from shiftwork.docs.cost_tables import time_ratio
from shiftwork.docs.markdown import NETWORKS, measurement, table

_MISSING = "Not measured yet.\n"
_TR = "[Term Revealing](https://arxiv.org/abs/2007.06389)"
_TEQ = "[DNA-TEQ](https://arxiv.org/abs/2306.16430)"
_FPGACONVNET = "[fpgaConvNet](https://github.com/mlcommons/tiny_results_v1.1/tree/main/closed/fpgaconvnet)"
_BUDGET = "weights budgeted"


def _results(book: Manifest) -> str:
    """One line per scheme, and the networks of a public benchmark."""
    rows: list[tuple[str, ...] | None] = [_revealed(book), *_eight_bits(book), _mixed(book), _exponential(book)]
    if None in rows:
        return _MISSING
    head = ("network", "scheme", "samples", "float %", "here %", "RTL mismatches", "beside it")
    return table(head, (row for row in rows if row is not None), (2, 3, 4, 5)) + (
        "\nSimulated: accuracy on the golden model, mismatches on the RTL. Boards: as submitted to MLPerf Tiny "
        "v1.1, on the samples of that benchmark.\n"
    )


def _revealed(book: Manifest) -> tuple[str, ...] | None:
    entry, plain = (measurement(book.root, f"cifar10_resnet20.weights.{name}") for name in ("auto", "qt"))
    if entry is None or plain is None:
        return None
    golden = entry["golden"]
    return _row(
        entry["network"],
        f"`tr`, {plain['rtl']['cycles'] / entry['rtl']['cycles']:.2f} times fewer cycles than `fixed8` on the engine",
        golden,
        entry["rtl"],
        f"{_TR}, authors' release, ResNet-18, ImageNet, g=8, k=12, s=3: 69.62 to 69.50 %",
    )


def _eight_bits(book: Manifest) -> list[tuple[str, ...] | None]:
    """Networks of MLPerf Tiny with 8 bits, beside an FPGA of its closed division."""
    rows: list[tuple[str, ...] | None] = []
    for network, peer in (
        ("cifar10_resnet8_mlperftiny", "86.0 %, 6,790 inferences a second on a ZC706"),
        ("kws_dscnn_mlperftiny", "91.1 %, 3,088 inferences a second on a ZedBoard"),
    ):
        accuracy = measurement(book.root, f"accuracy.{network}.joint")
        equal = measurement(book.root, f"equality.{network}")
        if accuracy is None or equal is None:
            rows.append(None)
            continue
        figures = {**accuracy, **accuracy["results"][0]}
        beside = f"{_FPGACONVNET}: {peer}"
        rows.append(_row(network, "`joint`, 8 bits, scales are powers of two", figures, equal["rtl"], beside))
    return rows


def _mixed(book: Manifest) -> tuple[str, ...] | None:
    network = "cifar10_resnet20"
    entry, trained = measurement(book.root, f"msq.{network}.free"), measurement(book.root, f"train_{network}")
    if entry is None or trained is None:
        return None
    rival = next(found for found in trained["results"] if found["scheme"] == "fixed4" and found["alpha"] == "free")
    accuracy = rival["trained"]["float_accuracy"] - rival["trained"]["loss"]
    beside = f"`fixed4`, plain 4-bit integers trained the same way: {accuracy:.2f} %"
    return _row(network, "`msq`, 4 bits, trained", entry, entry["rtl"], beside)


def _exponential(book: Manifest) -> tuple[str, ...] | None:
    network = "cifar10_resnet20"
    known = [entry for name in NETWORKS if (entry := measurement(book.root, f"dnateq.{name}")) is not None]
    entry = measurement(book.root, f"dnateq.{network}")
    if entry is None:
        return None
    mean = sum(round(100 * found["smaller_than_int8"], 1) for found in known) / len(known)
    beside = f"{_TEQ}: 40 % smaller than int8 on its networks; {mean:.1f} % on the {len(known)} here"
    return _row(network, f"`dnateq`, {entry['weight_bits']:.2f} bits a weight", entry, entry["rtl"], beside)


def _row(network: str, scheme: str, figures: Mapping[str, Any], rtl: Mapping[str, Any], beside: str) -> tuple[str, ...]:
    return (
        NETWORKS[network],
        scheme,
        f"{figures['samples']:,}",
        f"{figures['float_accuracy']:.2f}",
        f"{figures['accuracy']:.2f}",
        f"{rtl['mismatches']} of {rtl['compared']:,}",
        beside,
    )


def _cost(book: Manifest) -> str:
    """What a multiply-accumulate takes, beside Booth multipliers of the same run and the published form."""
    rows = [*_arrays(book), *_placed(book), *_class_sums(book), *_shift_add(book)]
    if not rows:
        return _MISSING
    head = (
        "per multiply-accumulate", "LUT cells x cycles", "block RAM x cycles", "Booth multipliers", "over Booth",
        "over Booth, each at its own clock", "others in the same run",
    )  # fmt: skip
    return table(head, rows, range(1, 6)) + "\n" + _accelerator(book) + _requantizer(book)


def _arrays(book: Manifest) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name in ("synth_tr_wide", "synth_tr"):
        entry = measurement(book.root, name)
        if entry is None:
            continue
        designs = entry["designs"]
        found = {c["design"]: c for c in entry["comparisons"] if c["label"].startswith(_BUDGET)}
        ram = designs["tr"]["area"]["block_ram"] / entry["rows"] / entry["cols"] * found["tr"]["cycles"]["per_mac"]
        published = f"published cells {found['tmac']['lut_cycles']:.1f}" if "tmac" in found else ""
        rows.append(
            (
                f"`tr` engine, {entry['rows']} x {entry['cols']} cells, xc7",
                f"{found['tr']['lut_cycles']:.1f}",
                f"{ram:.2f}",
                f"{designs['booth']['per_cell']:.1f}",
                f"{found['tr']['ratios']['booth']:.2f}",
                f"{time_ratio(found['tr'], designs):.2f}",
                published,
            )
        )
    return rows


def _placed(book: Manifest) -> list[tuple[str, ...]]:
    entry = measurement(book.root, "synth_tr_ecp5")
    if entry is None:
        return []
    found = next(c for c in entry["comparisons"] if c["label"] == _BUDGET)
    placed = entry["placements"]
    ram = placed["tr"]["block_ram"] / entry["rows"] / entry["cols"] * found["cycles_per_mac"]
    return [
        (
            f"`tr` engine, {entry['rows']} x {entry['cols']} cells, ECP5, placed",
            f"{found['comb_cycles']:.1f}",
            f"{ram:.2f}",
            f"{placed['booth']['per_cell']:.1f}",
            f"{found['ratios']['booth']:.2f}",
            f"{found['time_ratios']['booth']:.2f}",
            "",
        )
    ]


def _class_sums(book: Manifest) -> list[tuple[str, ...]]:
    entry = measurement(book.root, "synth_dnateq")
    if entry is None:
        return []
    run, designs = entry["runs"]["sums4"], entry["designs"]
    share = run["ratios"]["booth"]["cells"]
    counters, lut_ram = entry["runs"]["counts4"]["area"]["cells"], designs["table8"]["per_cell"]["cells"]
    return [
        (
            f"`dnateq` engine, exponents of 4 bits, and {run['area']['dsp']:.2f} DSP, xc7",
            f"{run['area']['cells']:.1f}",
            f"{run['area']['block_ram']:.2f}",
            f"{designs['booth']['per_cell']['cells']:.1f}",
            f"{share:.2f}",
            f"{share * designs['sums4']['delay_ps'] / designs['booth']['delay_ps']:.2f}",
            f"published counters {counters:.1f}, LUT RAM table {lut_ram:.1f}",
        )
    ]


def _shift_add(book: Manifest) -> list[tuple[str, ...]]:
    entry = measurement(book.root, "synth_msq")
    if entry is None:
        return []
    unit, booth, share = entry["units"]["sp2"], entry["units"]["booth"], entry["ratios"]["booth"]["cells"]
    return [
        (
            "`msq` shift-add unit, 4 bits, xc7",
            f"{unit['per_mac']['cells']:.1f}",
            f"{unit['per_mac']['block_ram']:.2f}",
            f"{booth['per_mac']['cells']:.1f}",
            f"{share:.2f}",
            f"{share * unit['delay_ps'] / booth['delay_ps']:.2f}",
            f"LUT RAM table {entry['units']['table']['per_mac']['cells']:.1f}",
        )
    ]


def _accelerator(book: Manifest) -> str:
    """Whole accelerators, with term revealing and with multipliers in LUTs."""
    entry = measurement(book.root, "synth_accel_8x64_128")
    plain, budget = (measurement(book.root, f"cifar10_resnet8_mlperftiny.weights.{how}") for how in ("qt", "k12"))
    if entry is None or plain is None or budget is None:
        return ""
    found = {(line["design"], line["scheme"]): line for line in entry["work"]["xc7"]}
    revealed, whole, rival = found["tr", "tr"], found["tr", "fixed8"], found["mac", "fixed8"]
    points = plain["golden"]["accuracy"] - budget["golden"]["accuracy"]
    return (
        f"An accelerator of {entry['rows']} x {entry['cols']} cells takes {rival['lut_cycles']:.0f} LUT cells x cycles "
        "per multiply-accumulate of ResNet-8 with multipliers in LUTs (`mac`). With the `tr` engine it takes "
        f"{whole['over_mac']:.2f} times as many under `fixed8`, {revealed['over_mac']:.2f} times under `tr` with k = "
        f"12, which costs {points:.1f} points of accuracy, and more block RAM. "
    )


def _requantizer(book: Manifest) -> str:
    entry, tool = measurement(book.root, "synth_requant"), measurement(book.root, "synth_tr")
    if entry is None or tool is None:
        return ""
    found = {row["key"]: row for row in entry["rows"] if row["family"] == "xc7"}
    return (
        f"A requantizer by a shift takes {found['shift']['cost']['luts']} LUT cells. One by multiplication takes "
        f"{found['multiply_rows']['area_ratio']:.1f} times as many from Booth rows, "
        f"{found['multiply_inferred']['area_ratio']:.1f} times as inferred. The "
        f"[paper](https://arxiv.org/abs/1901.02064) claims {entry['paper']['area']:g} times.\nSynthesized "
        f"({tool['tool']}), not placed unless a line says so. xc7 clocks are logic delays without routing.\n"
    )


PARTS: dict[str, Callable[[Manifest], str]] = {"summary-results": _results, "summary-cost": _cost}
"""By the names that pages use."""
