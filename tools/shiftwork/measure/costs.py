# SPDX-License-Identifier: Apache-2.0
"""Measurements of cost: areas of all blocks, and what ``shiftwork synth`` finds."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shiftwork.blocks import manifest
from shiftwork.blocks.manifest import ROOT
from shiftwork.compile import ExpEngine, MacEngine, MsqEngine, TrEngine
from shiftwork.compile.accelerator import Accelerator
from shiftwork.cost import accel_area, dnateq_area, msq_area
from shiftwork.cost.wish import CostWish
from shiftwork.device.simulated_accelerator import SimulationWish
from shiftwork.eda import bitstream, ecp5, mapping, netlist, output_registers, yosys
from shiftwork.eda.designs import TOP, Design, designs
from shiftwork.errors import ShiftworkError
from shiftwork.measure.bench import Bench, data_file
from shiftwork.measure.entries import ACCELERATOR_COSTS, CODES_COSTS, COSTS, PREPARED
from shiftwork.measure.records import Record
from shiftwork.progress import Progress
from shiftwork.report.synth import synth
from shiftwork.schemes import EngineWish, engine_wish

_TR = designs(2, 8)["tr"]
SMALL = replace(_TR, parameters={**_TR.parameters, "DEPTH": 128})

FAMILIES = {
    "ice40": ("synth_ice40 -device hx", "-DSHW_NO_LUTRAM", ("SB_LUT4", "SB_DFF.*", "SB_RAM40_4K")),
    "gowin": ("synth_gowin", "", ("LUT[1-4]|ALU", "DFF.*", "SDPX9B|SDPB|DPX9B|DPB|pROM")),
    "ecp5": ("synth_ecp5 -nodsp -nowidelut", "", ("LUT4", "TRELLIS_FF", "DP16KD|PDPW16KD")),
    "xc7": ("synth_xilinx -family xc7 -noiopad -noclkbuf -nodsp -flatten", "", ("LUT[1-6]", "FD.E", "RAMB.*")),
}
"""Yosys script, macro, and cells that are LUTs, flip-flops and block RAM; LUT RAM and carry cells are not counted."""


def _counts(area: netlist.Area) -> Record:
    """An area as the records hold it."""
    return {
        "cells": int(area.cells),
        "luts": int(area.packed),
        "flip_flops": int(area.flip_flops),
        "block_rams": area.block_ram,
        "dsp": int(area.dsp),
    }


def area(blocks: Sequence[str] | None = None, progress: Progress | None = None) -> Record:
    """Cells of every block with its default parameters, hierarchy kept; DSPs where a block is made for them.

    Args:
        blocks: names; None is every block of the manifest. progress: told of each.

    Raises:
        ShiftworkError: Yosys is missing or fails, or there is no such block.
    """
    folder = ROOT / "build" / "measure" / "area"
    folder.mkdir(parents=True, exist_ok=True)
    book = manifest.load()
    names = list(blocks or book.blocks)
    for name in names:
        if name not in book.blocks:
            raise ShiftworkError(f"{name}: no such block")
    found = []
    for index, name in enumerate(names, 1):
        if progress is not None:
            progress.item(index, len(names), name)
        commands = [f"read_verilog {path}" for path in book.sources(name)]
        block = book.blocks[name]
        multipliers = "" if "PRODUCTS" in block.parameters or "engines/dnateq" in str(block.file) else " -nodsp"
        commands += [f"synth_xilinx -family xc7 -noiopad -noclkbuf{multipliers} -top {name}", f"write_json {name}.json"]
        yosys.run(commands, folder, name)
        total = netlist.areas(output_registers.read(folder / f"{name}.json"))[name]
        found.append(
            {
                "block": name,
                "parameters": {key: facts["default"] for key, facts in book.blocks[name].parameters.items()},
                **_counts(total),
            }
        )
    return {"name": "area", "tool": f"Yosys {yosys.version()}", "family": "xc7", "blocks": found}


def joined(before: Record, now: Record) -> Record:
    """The record of areas with some blocks measured again, in the order of the manifest.

    Raises:
        ShiftworkError: the others were measured with another tool.
    """
    if before["tool"] != now["tool"]:
        raise ShiftworkError(f"area: the other blocks were measured with {before['tool']}, these with {now['tool']}")
    blocks = {entry["block"]: entry for entry in [*before["blocks"], *now["blocks"]]}
    return now | {"blocks": [blocks[name] for name in manifest.load().blocks if name in blocks]}


def engine_designs() -> dict[str, Design]:
    """Engines and accelerators in small shapes, by name: what is watched from change to change."""
    small = {"activation_memory": 2, "weight_words": 64, "constants": 64}
    return {
        "tr 2 x 16": designs(2, 16)["tr"],
        "tr 2 x 16, truncating": designs(2, 16)["tr_truncate"],
        "tmac 2 x 16": designs(2, 16)["tmac"],
        "msq (2 fixed + 2 SP2) x 4 x 8": msq_area.engine_design(MsqEngine(2, 2, 4, 8), 4),
        "dnateq 4 rows on 2 x 8": dnateq_area.sums_design(ExpEngine(4, 8, 2), dnateq_area.MIDDLE),
        "Booth array 2 x 16": designs(2, 16)["booth"],
        "accelerator tr 2 x 8": accel_area.design(Accelerator(TrEngine(2, 8), **small), "xc7"),
        "accelerator mac 2 x 8": accel_area.design(Accelerator(MacEngine(2, 8), **small), "xc7"),
    }


def engine_areas(progress: Progress | None = None) -> Record:
    """Area and longest path of :func:`engine_designs` on 7-series.

    Args:
        progress: told of each.
    """
    found: list[Record] = []
    chosen = engine_designs()
    for index, (name, design) in enumerate(chosen.items(), 1):
        if progress is not None:
            progress.item(index, len(chosen), name)
        done = mapping.synthesize(design, ROOT / "build" / "measure" / "area_engines" / design.key)
        found.append(
            {
                "design": name,
                **_counts(done.area),
                "delay_ps": done.delay_ps,
            }
        )
    return {"name": "area_engines", "tool": f"Yosys {yosys.version()}", "family": "xc7", "designs": found}


def board_areas(progress: Progress | None = None) -> Record:
    """What the netlists of the boards' bitstreams take, before placement.

    Args:
        progress: told of each.
    """
    found: list[Record] = []
    for index, name in enumerate(bitstream.BOARDS, 1):
        if progress is not None:
            progress.item(index, len(bitstream.BOARDS), name)
        mapped = yosys.read_netlist(bitstream.netlist(name))
        counts = _counts(netlist.areas(mapped)[f"shw_{bitstream.board(name).core}"])
        found.append({"design": name, **{figure: value for figure, value in counts.items() if figure != "luts"}})
    return {"name": "area_boards", "tool": f"Yosys {yosys.version()}", "designs": found}


def built(name: str, progress: Progress) -> Record:
    """What ``make bitstream`` tells of a board, but for its time: placed and routed, one seed.

    Args:
        name: of :data:`shiftwork.eda.bitstream.BOARDS`. progress: told of each tool.
    """
    found = bitstream.build(name, progress)
    return {
        "name": f"bitstream.{name}",
        "tool": f"Yosys {yosys.version()}, nextpnr {ecp5.version()}",
        "used": {title: list(counts) for title, counts in found.used.items()},
        "wanted_mhz": found.wanted_mhz,
        "fmax_mhz": round(found.fmax_mhz, 1),
        "path": found.path,
        "sha256": found.sha256,
    }


def small_arrays() -> Record:
    """The term-revealing engine of :data:`SMALL` on each of :data:`FAMILIES`: logic, flip-flops, block RAM."""
    folder = ROOT / "build" / "measure" / "area"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.v").write_text(SMALL.wrapper())
    found = []
    for family, (script, define, kinds) in FAMILIES.items():
        commands = [f"read_verilog {define} {path}" for path in [*SMALL.sources(), Path("small.v")]]
        commands += [f"hierarchy -top {TOP}", f"{script} -top {TOP}", "write_json small.json"]
        yosys.run(commands, folder, f"small_{family}")
        mapped = yosys.read_netlist(folder / "small.json")
        types = Counter(str(cell["type"]) for module in mapped.values() for cell in module["cells"].values())
        counts = [sum(n for name, n in types.items() if re.fullmatch(kind, name)) for kind in kinds]
        found.append({"family": family, **dict(zip(("luts", "flip_flops", "block_ram"), counts, strict=True))})
    parameters = {name: SMALL.parameters[name] for name in ("ROWS", "COLS", "DEPTH", "TRUNCATE")}
    return {
        "name": "area_small",
        "tool": f"Yosys {yosys.version()}",
        "parameters": parameters,
        "families": found,
    }


def _synth(
    name: str, scheme: str, wish: CostWish, engine: EngineWish, accelerator: SimulationWish | None = None
) -> Record:
    """What ``shiftwork synth`` writes."""
    PREPARED.mkdir(parents=True, exist_ok=True)
    target = PREPARED / f"{name}.json"
    synth(scheme, wish, engine, accelerator or SimulationWish(), target)
    content: Record = json.loads(target.read_text())
    return content


def _resnet20(bench: Bench, **wish: Any) -> CostWish:
    """A study of cost on codes of ResNet-20."""
    model = bench.folder / "models" / "cifar10_resnet20.onnx"
    return CostWish(model=model, data=data_file("cifar_resnet20"), calib_data=data_file("cifar_resnet20_calib"), **wish)


def cost(bench: Bench, name: str) -> Record:
    """``shiftwork synth tr`` on ResNet-20: LUT-cycles, placement or net toggles, as :data:`COSTS` says."""
    rows, cols, samples, kind, keys = COSTS[name]
    wish = _resnet20(bench, samples=samples, design=tuple(keys), ecp5=kind == "ecp5", toggles=kind == "toggles")
    return _synth(name, "tr", wish, engine_wish("tr")(rows=rows, cols=cols))


def requantizers() -> Record:
    """``shiftwork synth requant`` on the digits example."""
    content = _synth("synth_requant", "requant", CostWish(), EngineWish())
    return {"name": "synth_requant", "command": "shiftwork synth requant", **content}


def codes_cost(bench: Bench, name: str) -> Record:
    """``shiftwork synth`` on codes of ResNet-20, as :data:`CODES_COSTS` says."""
    scheme, samples, toggles = CODES_COSTS[name]
    wish = _resnet20(bench, samples=samples, toggles=toggles)
    content = _synth(name, scheme, wish, EngineWish())
    words = [f"shiftwork synth {scheme}", *_files(wish), *(["--toggles"] if toggles else [])]
    return {"name": name, "command": " ".join(words), **content}


def accelerator_cost(bench: Bench, name: str) -> Record:
    """``shiftwork synth accel`` with ResNet-8, as :data:`ACCELERATOR_COSTS` says."""
    rows, cols, memory, keys, families = ACCELERATOR_COSTS[name]
    folder = PREPARED / "synth_accel"
    folder.mkdir(parents=True, exist_ok=True)
    wish = CostWish(
        model=bench.model("cifar10_resnet8_mlperftiny"),
        data=data_file("cifar_resnet8"),
        calib_data=data_file("cifar_resnet8_calib"),
        samples=1,
        design=keys,
        family=families,
        keep=folder,
    )
    shape = engine_wish("tr")(rows=rows, cols=cols)
    content = _synth(name, "accel", wish, shape, SimulationWish(activation_memory=memory))
    words = [f"shiftwork synth accel --rows {rows} --cols {cols} --activation-memory {memory}", *_files(wish)]
    words += [*(f"--design {key}" for key in keys), *(f"--family {family}" for family in families)]
    return {"name": name, "command": " ".join(words), **content}


def _files(wish: CostWish) -> list[str]:
    """Options that name the network and its samples."""
    files = {"--model": wish.model, "--data": wish.data, "--calib-data": wish.calib_data}
    return [
        *(f"{option} {file.name}" for option, file in files.items() if file is not None),
        f"--samples {wish.samples}",
    ]
