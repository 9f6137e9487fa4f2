# SPDX-License-Identifier: Apache-2.0
"""The generated parts of README.md and docs/: tables from the manifest, the Verilog, the tests and the measurements.

``python -m shiftwork.docs.pages`` rewrites what stands between ``<!-- generated:NAME -->`` and ``<!-- end -->`` and
creates the page of a block that has none; with ``--check`` it only says which files are out of date and exits with 1.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shiftwork.blocks import manifest
from shiftwork.blocks.manifest import Block, Manifest
from shiftwork.docs import dnateq_tables as docs_dnateq
from shiftwork.docs import msq_tables as docs_msq
from shiftwork.docs.markdown import NETWORKS, measurement, table
from shiftwork.errors import ShiftworkError
from shiftwork.network.importer import SUPPORTED_OPERATORS

_PART = re.compile(r"(<!-- generated:([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_PORT = re.compile(r"(input|output|inout)\s+(?:wire|reg)?\s*(?:signed\s*)?(\[[^]]*\])?\s*(\w+)\s*,?\s*(?://\s*(.*))?$")
_TEMPLATE = """# {name}

<!-- generated:summary -->
<!-- end -->

## Purpose

{purpose}

## Parameters

<!-- generated:parameters -->
<!-- end -->

## Ports

<!-- generated:ports -->
<!-- end -->

## Timing

<!-- generated:timing -->
<!-- end -->

## Area

<!-- generated:area -->
<!-- end -->

## Tests

<!-- generated:tests -->
<!-- end -->
"""

_USUAL = {
    "clk": "clock, rising edge",
    "rst": "reset, synchronous, active high",
    "in_valid": "a beat is offered; stays until taken",
    "in_ready": "the beat is taken at the next edge",
    "in_last": "last beat of the tile",
    "out_valid": "a beat is offered; stays until taken",
    "out_ready": "the beat is taken at the next edge",
    "out_last": "last beat of the tile",
    "in_row": "one code per row, row 0 in the low bits",
    "in_col": "one code per column, column 0 in the low bits",
    "out_acc": "one 32-bit result per column, column 0 in the low bits; one beat per row",
    "cfg_tr_en": "1: term revealing; 0: plain dot product, group, budget and data terms are not looked at",
    "cfg_group": "g, a power of two, 1..256",
    "cfg_group_budget": "k, terms kept per group, 1..2047",
    "cfg_data_terms": "s, terms kept per column value, 1..9; 0: all",
    "cfg_row_signed": "row codes are two's complement",
    "cfg_col_signed": "column codes are two's complement",
    "cfg_error": "the tile that began last is illegal",
}
_OPERATORS = {
    "Add": (
        "RTL or host",
        "a constant per channel is folded; a residual is fused into the convolution before it, else host",
    ),
    "AveragePool": ("host", "no dilation"),
    "BatchNormalization": ("folded", "into the convolution before it, else a depthwise 1 x 1 convolution"),
    "Clip": ("fused", "from 0 to a positive bound (ReLU6)"),
    "Concat": ("host", "channel axis"),
    "Constant": ("folded", ""),
    "Conv": ("RTL", "two dimensions; any kernel, stride, padding, dilation and groups; constant weights"),
    "Dropout": ("removed", "inference"),
    "Flatten": ("removed", "keeps the batch axis"),
    "Gemm": ("RTL", "constant weights; no transA"),
    "GlobalAveragePool": ("host", ""),
    "Identity": ("removed", ""),
    "MatMul": ("RTL", "constant weights"),
    "MaxPool": ("host", "no dilation"),
    "Pad": ("fused or host", "zeros; fused into the convolution after it where only height and width grow"),
    "Relu": ("fused", "into the module before it"),
    "Reshape": ("removed or host", "keeps the batch axis"),
    "Slice": ("host", "constant bounds, positive steps, not along the batch"),
}


def page_of(block: str) -> str:
    """File name of a block's page: the block without its prefix."""
    return block.removeprefix(manifest.PREFIX) + ".md"


@dataclass(frozen=True)
class Port:
    """One port: ``direction`` input or output, ``width`` as in the source (1 without a range).

    ``meaning`` is the comment beside it, what such a port always means, or the comment above its section.
    """

    name: str
    direction: str
    width: str
    meaning: str


def ports(text: str) -> list[Port]:
    """Ports of a module with an ANSI header, one per line, in their order.

    Raises:
        ShiftworkError: no module header.
    """
    header = re.search(r"\bmodule\s+\w+\s*(?:#\s*\(.*?^\)\s*)?\((.*?)^\);", text, re.DOTALL | re.MULTILINE)
    if header is None:
        raise ShiftworkError("no module header with ANSI ports")
    found, heading = [], ""
    for line in map(str.strip, header.group(1).splitlines()):
        match = _PORT.match(line)
        if match:
            direction, width, name, meaning = match.groups()
            found.append(Port(name, direction, _width(width), meaning or _USUAL.get(name) or heading))
        elif line.startswith("//"):
            heading = line.removeprefix("//").strip()
    return found


def _width(span: str | None) -> str:
    if span is None:
        return "1"
    high, low = span[1:-1].rsplit(":", 1)
    if low.strip() != "0":
        return span
    high = high.strip()
    if high.isdigit():
        return str(int(high) + 1)
    less = re.fullmatch(r"(.+)-(\d+)", high)
    if less is None:
        return f"{high}+1"
    return less[1] if less[2] == "1" else f"{less[1]}-{int(less[2]) - 1}"


def header_facts(text: str) -> dict[str, str]:
    """What the header comment of a Verilog file says after ``Backpressure:``, ``Reset:`` and ``Bit order:``."""
    comment = []
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        comment.append(line.removeprefix("//").strip())
    joined = " ".join(line for line in comment if not line.startswith("SPDX-License-Identifier"))
    words = r"(Parameters|Latency|Throughput|Backpressure|Reset|Bit order|Protocol|Loading|Values):"
    parts = re.split(words, joined)
    facts = {name: value.strip().rstrip(".") for name, value in zip(parts[1::2], parts[2::2], strict=True)}
    return {name: facts[name] for name in ("Backpressure", "Reset", "Bit order") if name in facts}


@dataclass(frozen=True)
class TestCase:
    """A test function: its file below the repository, its name and the first line of its docstring."""

    file: Path
    name: str
    purpose: str


def tests_in(root: Path, folder: Path) -> list[TestCase]:
    """Test functions (pytest and cocotb) of the Python files in a folder."""
    found = []
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            marks = " ".join(ast.unparse(mark) for mark in node.decorator_list)
            if (path.name.startswith("test_") and node.name.startswith("test_")) or re.match(r"cocotb\.test\b", marks):
                purpose = (ast.get_docstring(node) or "").strip().split("\n\n")[0].replace("\n", " ")
                found.append(TestCase(path.relative_to(root), node.name, purpose))
    return found


def _legal(facts: Mapping[str, Any]) -> str:
    if "values" in facts:
        return ", ".join(str(value) for value in facts["values"])
    return str(facts["legal"]) if "legal" in facts else f"{facts['min']}..{facts['max']}"


# -- parts of a block's page


def _summary(book: Manifest, block: Block) -> str:
    used = [other for other in book.blocks.values() if block.name in other.depends]
    lines = [f"{block.description}.\n", f"- Source: [rtl/{block.file}](../../rtl/{block.file})"]
    for label, names in (("Instantiates", block.depends), ("Used by", [other.name for other in used])):
        if names:
            lines.append(f"- {label}: " + ", ".join(f"[{name}]({page_of(name)})" for name in names))
    if len(book.closure(block.name)) > 1:
        files = " ".join(f"`{other.file}`" for other in book.closure(block.name))
        lines.append(f"- Files, dependencies first, below `rtl/`: {files}")
    return "\n".join(lines) + "\n"


def _parameters(book: Manifest, block: Block) -> str:
    if not block.parameters:
        return "None.\n"
    rows = [(f"`{n}`", facts["default"], _legal(facts), facts["description"]) for n, facts in block.parameters.items()]
    return table(("parameter", "default", "legal", "meaning"), rows)


def _ports(book: Manifest, block: Block) -> str:
    found = ports((book.root / "rtl" / block.file).read_text())
    rows = [(f"`{port.name}`", port.direction, port.width, port.meaning) for port in found]
    return table(("port", "direction", "width", "meaning"), rows)


def _timing(book: Manifest, block: Block) -> str:
    facts = {"Latency": block.latency, "Throughput": block.throughput}
    facts |= header_facts((book.root / "rtl" / block.file).read_text())
    return "".join(f"- {name}: {text}.\n" for name, text in facts.items())


def _area(book: Manifest, block: Block) -> str:
    area = measurement(book.root, "area")
    entries = [] if area is None else [entry for entry in area["blocks"] if entry["block"] == block.name]
    if area is None or not entries:
        return "Not measured on its own.\n"
    rows = [
        (
            _words(entry["parameters"]),
            *(f"{entry[name]:,g}" for name in _SIZES),
        )
        for entry in entries
    ]
    head = ("parameters", *_SIZES.values())
    return table(head, rows, range(1, 6)) + f"\nSynthesized: {area['tool']}, {area['family']}, not placed.\n"


def _words(parameters: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in parameters.items()) or "none"


def _tests(book: Manifest, block: Block) -> str:
    if block.testbench is None:
        return "Covered by the tests of the blocks that use it.\n"
    cases = tests_in(book.root, book.root / "tb" / block.testbench)
    rows = [(f"[{case.file.name}](../../{case.file})", f"`{case.name}`", case.purpose) for case in cases]
    return f"`make sim BLOCK={block.testbench}`, both simulators.\n\n" + table(("file", "test", "what it shows"), rows)


_BLOCK_PARTS: dict[str, Callable[[Manifest, Block], str]] = {
    "summary": _summary,
    "parameters": _parameters,
    "ports": _ports,
    "timing": _timing,
    "area": _area,
    "tests": _tests,
}


# -- parts of the README


def _catalogue(book: Manifest) -> str:
    area = measurement(book.root, "area")
    sizes: dict[str, Mapping[str, Any]] = {}
    for entry in [] if area is None else area["blocks"]:
        sizes.setdefault(entry["block"], entry)
    rows = []
    for block in book.blocks.values():
        size = sizes.get(block.name)
        numbers = [""] * len(_SIZES) if size is None else [f"{size[name]:,g}" for name in _SIZES]
        rows.append((f"[{block.name}](docs/blocks/{page_of(block.name)})", block.description, *numbers))
    text = table(("block", "what it does", *_SIZES.values()), rows, range(2, 7))
    if area is not None:
        text += f"\nSynthesized with the default parameters: {area['tool']}, {area['family']}, not placed.\n"
    return text


def _operators(book: Manifest) -> str:
    if set(_OPERATORS) != set(SUPPORTED_OPERATORS):
        raise ShiftworkError(f"operators to describe: {', '.join(sorted(set(_OPERATORS) ^ set(SUPPORTED_OPERATORS)))}")
    rows = [(name, where, note) for name, (where, note) in sorted(_OPERATORS.items())]
    return table(("ONNX operator", "where it runs", "what is supported"), rows)


_SIZES = {
    "cells": "LUT cells",
    "luts": "packed LUTs",
    "flip_flops": "flip-flops",
    "block_rams": "RAMB36",
    "dsp": "DSP48E1",
}
_SCALES = ("maxabs", "mse", "joint")
_SWEPT = ("cifar10_resnet20", "mnist_lenet5")


def _entries(book: Manifest) -> dict[str, dict[str, Any]]:
    """The measured runs of whole networks by name."""
    found = {}
    for path in sorted((book.root / "docs" / "measurements").glob("*.json")):
        content = json.loads(path.read_text())
        if "golden" in content:
            found[content["name"]] = content
    return found


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
                    f"g=8, {'k=12' if budget == 'k12' else 'k per layer'}, s={entry['data_terms'] or 'all'}",
                    f"{golden['samples']:,}",
                    f"{golden['float_accuracy']:.2f}",
                    f"{plain['golden']['accuracy']:.2f}",
                    f"{golden['accuracy']:.2f}",
                    f"{golden['fewer_pairs_than_qt']:.1f}",
                    f"{rtl['mismatches']} of {rtl['compared']:,}",
                    rtl["samples"],
                )
            )
    if not rows:
        return "Not measured yet.\n"
    head = (
        "network", "`tr`", "samples", "float %", "`fixed8` %", "`tr` %", "fewer term pairs than QT", "RTL mismatches",
        "samples on RTL",
    )  # fmt: skip
    return table(head, rows, (2, 3, 4, 5, 6, 7, 8)) + _simulated(entries)


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


def _cost(book: Manifest) -> str:
    parts = [_area_and_time(book, "synth_tr"), _area_and_time(book, "synth_tr_wide"), _placed(book), _toggles(book)]
    return "\n".join(part for part in parts if part) or "Not measured yet.\n"


def _area_and_time(book: Manifest, name: str) -> str:
    entry = measurement(book.root, name)
    if entry is None:
        return ""
    rows: list[tuple[object, ...]] = []
    for design in entry["designs"].values():
        area = design["area"]
        delay = "" if design["delay_ps"] is None else f"{design['delay_ps'] / 1e3:.2f}"
        per_cell = (f"{design['per_cell']:.1f}", f"{design['packed_per_cell']:.1f}")
        numbers = (f"{area['flip_flops']:,.0f}", area["block_ram"], delay)
        rows.append((design["title"], f"{area['cells']:,.0f}", *per_cell, *numbers))
    head = ("design", "LUT cells", "per array cell", "packed", "flip-flops", "block RAM", "logic delay in ns")
    text = f"Arrays of {entry['rows']} x {entry['cols']} cells:\n\n" + table(head, rows, range(1, 7))
    per_cell_of = {key: design["per_cell"] for key, design in entry["designs"].items()}
    text += "\n" + _shares(entry, "designs", "lut_cycles", per_cell_of, "LUT-cycles per MAC")
    return text + (
        f"\nSynthesized ({entry['tool']}, xc7, no DSPs, not placed; the delay without routing); "
        "cycles simulated. The arrays of multipliers take one step per cycle and are not charged for operand "
        "memories and edges.\n"
    )


def _shares(entry: Mapping[str, Any], kind: str, figure: str, per_cell: Mapping[str, float], title: str) -> str:
    """Comparisons with the arrays of multipliers."""
    titles = {key: design["title"] for key, design in entry[kind].items()}
    baselines = [key for key in ("mac", "booth") if key in titles]
    rows = []
    for found in entry["comparisons"]:
        limits = found.get("targets", {})
        cycles = found[figure] / per_cell[found["design"]]
        shares = [f"{found['ratios'][key]:.3f}{_target(limits.get(key))}" for key in baselines]
        if "cycles_per_step" in found:
            more = found["cycles_per_step"] / cycles
            shares += [f"{found['ratios'][key] * more:.3f}" for key in baselines]
        rows.append((titles[found["design"]], found["label"], f"{cycles:.3f}", f"{found[figure]:.1f}", *shares))
    head = ["engine", "streamed", "cycles per MAC", title, *(f"share of {titles[key]}" for key in baselines)]
    if any("cycles_per_step" in found for found in entry["comparisons"]):
        head += [f"of {titles[key]}, by step" for key in baselines]
    return table(head, rows, range(2, len(head)))


def _placed(book: Manifest) -> str:
    entry = measurement(book.root, "synth_tr_ecp5")
    if entry is None:
        return ""
    rows = [
        (
            d["title"],
            f"{d['comb']:,}",
            f"{d['per_cell']:.1f}",
            f"{d['flip_flops']:,}",
            d["block_ram"],
            f"{d['fmax_mhz']:.1f}",
        )
        for d in entry["placements"].values()
    ]
    head = ("design", "COMB", "per array cell", "flip-flops", "block RAM", "Fmax in MHz")
    per_cell = {key: design["per_cell"] for key, design in entry["placements"].items()}
    text = f"ECP5, arrays of {entry['rows']} x {entry['cols']} cells:\n\n" + table(head, rows, range(1, 6)) + "\n"
    text += _shares(entry, "placements", "comb_cycles", per_cell, "COMB-cycles per MAC")
    return text + f"\nPlaced and routed ({entry['tool']}); cycles simulated.\n"


def _toggles(book: Manifest) -> str:
    entry = measurement(book.root, "synth_tr_toggles")
    if entry is None:
        return ""
    rows = [(d["title"], d["work"], f"{d['per_mac']:.1f}", f"{d['of_inferred']:.2f}") for d in entry["toggles"]]
    head = ("design", "work", "net toggles per MAC", "share of inferred array")
    text = f"Net toggles, arrays of {entry['rows']} x {entry['cols']} cells:\n\n" + table(head, rows, (2, 3))
    return text + f"\nNetlist simulation, glitches not counted ({entry['tool']}), codes of {entry['layer']}.\n"


def _requant(book: Manifest) -> str:
    entry = measurement(book.root, "synth_requant")
    if entry is None:
        return "Not measured yet.\n"
    area, ratios = [], []
    counts = ("luts", "packed", "flip_flops", "dsp", "carry", "memory", "block_ram", "lut_equivalents")
    for row in entry["rows"]:
        numbers = (row["cost"][name] for name in counts)
        area.append((row["family"], row["title"], *("" if n is None else f"{n:,.0f}" for n in numbers)))
        if row["toggles"] is not None:
            over = (row["area_ratio"], row["packed_ratio"], row["toggle_ratio"])
            figures = ("" if share is None else f"{share:.1f}" for share in over)
            ratios.append((row["family"], row["title"], *figures, f"{row['toggles']:.0f}"))
    head = (
        "family", "requantizer", "LUTs", "packed", "flip-flops", "DSP", "carry cells", "LUT RAM, SRL", "block RAM",
        "LUT-equivalents",
    )  # fmt: skip
    shares = ("LUT-equivalents", "packed", "net toggles", "toggles per requantization")
    reached = [
        f"{_title(entry, found)}: {'met' if found['met'] else 'missed'} on {found['family']} ({found['ratio']:.1f})"
        for found in entry["targets"]
    ]
    paper = entry["paper"]
    return (
        table(head, area, range(2, 10))
        + "\nThe same over `shift`, and net toggles:\n\n"
        + table(("family", "requantizer", *shares), ratios, range(2, 6))
        + f"\nTarget: {entry['target']:g} times the LUT-equivalents of `shift` for `multiply` without DSPs. "
        + "; ".join(reached)
        + f". The paper claims {paper['area']:g} times in area and {paper['energy']:g} times in energy.\n"
        f"\nSynthesized, not placed ({entry['tool']}: {'; '.join(f'`{m}`' for m in entry['mappings'].values())}). "
        f"Simulated: the netlists on {entry['values']:,} sums of layer {entry['layer']} of {entry['network']}, every "
        "result equal to the golden model, glitches not counted, nor what happens inside LUT RAM and shift registers. "
        "LUT-equivalents: LUTs with LUT RAM; on ecp5 two more for every CCU2C, on ice40 one for every carry alone in a "
        "logic cell; none where there are DSPs or block RAM.\n"
    )


def _requant_shares(book: Manifest) -> str:
    entry = measurement(book.root, "synth_requant")
    if entry is None:
        return "Not measured yet.\n"
    rows = [
        (row["title"], f"{row['cost']['luts']:,}", *(f"{row[name]:.1f}" for name in ("area_ratio", "toggle_ratio")))
        for row in entry["rows"]
        if row["family"] == "xc7" and row["area_ratio"] is not None
    ]
    text = table(("requantizer", "LUT cells", "LUT cells over `shift`", "net toggles over `shift`"), rows, (1, 2, 3))
    return text + f"\nSynthesized ({entry['tool']}, xc7, no DSPs, not placed) and simulated as a netlist.\n"


def _title(entry: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    return next(str(row["title"]) for row in entry["rows"] if row["key"] == target["key"])


def _target(limit: float | None) -> str:
    return "" if limit is None else f" (target {limit})"


def _demo(book: Manifest) -> str:
    entry = measurement(book.root, "demo")
    return "" if entry is None else "```\n" + "\n".join(entry["output"]).strip("\n") + "\n```\n"


_PAGE_PARTS: dict[str, Callable[[Manifest], str]] = {
    "blocks": _catalogue,
    "operators": _operators,
    "accuracy": _accuracy,
    "scales": _scales,
    "exponential": _exponential,
    "results": _results,
    "streams": _streams,
    "speed": _speed,
    "demo": _demo,
    "cost": _cost,
    "requant": _requant,
    "requant_shares": _requant_shares,
    **docs_msq.PARTS,
    **docs_dnateq.PARTS,
}


# -- files


def render(book: Manifest, path: Path, text: str) -> str:
    """The text of a page with every generated part renewed.

    Raises:
        ShiftworkError: a part of an unknown name.
    """
    block = book.blocks.get(manifest.PREFIX + path.stem) if path.parent.name == "blocks" else None

    def renew(match: re.Match[str]) -> str:
        name = match.group(2)
        if block is not None and name in _BLOCK_PARTS:
            content = _BLOCK_PARTS[name](book, block)
        elif block is None and name in _PAGE_PARTS:
            content = _PAGE_PARTS[name](book)
        else:
            raise ShiftworkError(f"{path.relative_to(book.root)}: no generated part {name!r}")
        return match.group(1) + content + match.group(4)

    return _PART.sub(renew, text)


def pages(book: Manifest) -> dict[Path, str]:
    """Every page with its text as it should be: README.md, docs/ and a page for every block."""
    root = book.root
    texts = {path: path.read_text() for path in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]}
    for block in book.blocks.values():
        texts.setdefault(
            root / "docs" / "blocks" / page_of(block.name),
            _TEMPLATE.format(name=block.name, purpose=f"{block.description}."),
        )
    return {path: render(book, path, text) for path, text in texts.items()}


def main(arguments: Sequence[str]) -> int:
    """Rewrite the generated parts, or with ``--check`` list the files in which they are out of date."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m shiftwork.docs.pages [--check]", file=sys.stderr)
        return 2
    book = manifest.load()
    stale = [path for path, text in pages(book).items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        print(f"{path.relative_to(book.root)}: {'out of date' if arguments else 'written'}")
    if arguments:
        return 1 if stale else 0
    texts = pages(book)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
