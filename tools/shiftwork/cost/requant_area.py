# SPDX-License-Identifier: Apache-2.0
"""Area and switching of the four requantizers on three families, side by side (``shiftwork synth requant``).

Every requantizer is ``shw_requantize`` with 32-bit values, mapped flat by one Yosys with the family's own script. A
multiplication is mapped four ways: as Yosys infers it from ``*``, by Yosys's ``booth`` pass, as Booth rows on carry
chains (``shw_map_booth_rows.v``, the smallest of them), and onto DSPs. The netlists without DSPs then run in Icarus on
the accumulators of a network's layer: every result is compared with :mod:`shiftwork.tensors.arithmetic`, and all
changes of all nets count, the clock excepted. Cells have no delay there, so glitches do not count, which favours the
multipliers.

LUT-equivalents are what a design takes of the LUTs of a device:

* xc7: LUT1..6 and inverters, LUT RAM and shift registers as the LUTs they take. Carry chains and MUXF7/8 are free.
* ecp5: LUT4, two for a CCU2C (it uses the LUTs of a slice), six for a 16 x 4 LUT RAM (three slices).
* ice40: logic cells: SB_LUT4, and one for each SB_CARRY whose operands no LUT shares.

Neither a DSP nor a block RAM has an exchange rate into LUTs that would hold across designs, so rows that use one have
no LUT-equivalents. Block RAM occurs on ice40 only, which has no LUT RAM for the thresholds of a codebook.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.blocks import manifest
from shiftwork.cost.tr_toggles import pins, simulate, write_words
from shiftwork.eda import yosys
from shiftwork.eda.designs import TOP
from shiftwork.eda.netlist import local_area
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.integer import IntegerNetwork
from shiftwork.progress import Progress
from shiftwork.tensors import arithmetic
from shiftwork.tensors.im2col import weight_matrix

TARGET = 15.0
"""LUT-equivalents of ``multiply`` without DSPs over those of ``shift``, at least."""

PAPER = {"area": 15.0, "energy": 9.0}
"""What the paper on joint quantization claims for one quantization operation."""

FAMILIES = {
    "xc7": "synth_xilinx -family xc7 -noiopad -noclkbuf -flatten",
    "ecp5": "synth_ecp5 -nowidelut",
    "ice40": "synth_ice40",
}
"""Yosys script of each family, without its switch for DSPs."""

MULTIPLIERS = {
    "inferred": "inferred *",
    "booth": "Yosys booth pass",
    "rows": "Booth rows",
    "dsp": "DSP",
}
_ROWS = Path(__file__).with_name("shw_map_booth_rows.v")
_BEFORE_MAPPING = ("proc", "flatten", "opt", "wreduce", "opt_clean")

IN_W, SHIFT_W = 32, 6
VALUES = 2048
"""Accumulators that are simulated."""

REFERENCE = "shift"
RIVAL = "multiply"


@dataclass(frozen=True)
class Requantizer:
    """One row of the comparison.

    Attributes:
        key: short name. kind: KIND of ``shw_requantize``. width: OUT_W. latency: enabled cycles.
        multiplier: one of :data:`MULTIPLIERS`, or empty where nothing is multiplied.
        fixed: low and high are constants.
    """

    key: str
    kind: str
    width: int
    latency: int
    multiplier: str = ""
    fixed: bool = False

    @property
    def title(self) -> str:
        """For tables."""
        if self.kind == "codebook":
            return f"codebook, {1 << self.width} levels"
        return (
            self.kind
            + ", limits constant" * self.fixed
            + f", {MULTIPLIERS.get(self.multiplier)}" * bool(self.multiplier)
        )

    @property
    def dsp(self) -> bool:
        """Whether DSPs are allowed."""
        return self.multiplier == "dsp"


def requantizers() -> dict[str, Requantizer]:
    """Every row, by key; the reference comes first."""
    found = [Requantizer("shift", "shift", 8, 3), Requantizer("shift_fixed", "shift", 8, 3, fixed=True)]
    found += [Requantizer(f"{kind}_{how}", kind, 8, 6, how) for kind in ("scale", RIVAL) for how in MULTIPLIERS]
    found += [Requantizer(f"codebook{1 << width}", "codebook", width, width) for width in (4, 8)]
    return {entry.key: entry for entry in found}


@dataclass(frozen=True)
class Sums:
    """Accumulators of one layer, bias and shortcut included, and how each requantizer takes them to codes.

    Attributes:
        layer: its name. values: int64, in the order in which a lane of the post unit sees them: channel by channel.
        shift: of the layer. low, high: its clamp. scale: the real factor of ``scale`` and ``multiply``: the highest
            code over the largest magnitude of all sums of the layer (largest sum, if codes are unsigned).
        code_low: lowest code of the output tensor.
    """

    layer: str
    values: NDArray[np.int64]
    shift: int
    low: int
    high: int
    scale: float
    code_low: int

    def mantissa(self, bits: int) -> tuple[int, int]:
        """``scale`` as ``factor / 2**shift``, factor of ``bits`` bits with the highest one set."""
        fraction, exponent = math.frexp(self.scale)
        factor = math.floor(fraction * 2**bits + 0.5)
        if factor == 1 << bits:
            factor, exponent = factor >> 1, exponent + 1
        return factor, bits - exponent

    def operands(self, unit: Requantizer) -> tuple[int, int]:
        """The ports factor and shift.

        Raises:
            ShiftworkError: the scale is outside what the requantizer takes.
        """
        factor, shift, legal = 0, self.shift, range(32)
        if unit.kind == "scale":
            (factor, shift), legal = self.mantissa(16), range(1, 48)
        elif unit.kind == "multiply":
            factor, shift = self.mantissa(31)
            shift -= 31
        elif unit.kind == "codebook":
            return 0, 0
        if shift not in legal:
            raise ShiftworkError(f"layer {self.layer}: shift {shift} of {unit.kind} is outside 0..{legal[-1]}")
        return factor, shift

    def thresholds(self, levels: int) -> NDArray[np.int64]:
        """Of a codebook whose levels are evenly spaced codes of the layer's output, as real values on the scale of the
        sums: all codes with 256 levels, every sixteenth with 16."""
        codes = self.code_low + np.arange(levels, dtype=np.int64) * (256 // levels)
        return arithmetic.codebook_thresholds(codes << self.shift)

    def expected(self, unit: Requantizer) -> NDArray[np.int64]:
        """Results by the golden model, before the low bits are taken."""
        factor, shift = self.operands(unit)
        if unit.kind == "codebook":
            return arithmetic.codebook_round(self.values, self.thresholds(1 << unit.width))
        if unit.kind == "scale":
            rounded = arithmetic.scale_round(self.values, factor, 0, shift)
        elif unit.kind == "multiply":
            rounded = arithmetic.multiply_round(self.values, factor, shift)
        else:
            rounded = arithmetic.shift_round(self.values, shift)
        return np.clip(rounded, self.low, self.high)


def layer_sums(network: IntegerNetwork, x: NDArray[np.float32], count: int = VALUES) -> Sums:
    """Accumulators of the layer with the longest reduction times channels among those that requantize with one shift.

    Args:
        network: quantized with one scale per tensor. x: samples. count: how many at most; positions evenly spaced over
            all output positions of all samples, all channels of each.

    Raises:
        ShiftworkError: there is no such layer, or nothing in it is positive.
    """
    found = [
        m for m in network.convolutions if m.requantize and m.shift is not None and len(set(m.shift.tolist())) == 1
    ]
    if not found:
        raise ShiftworkError("no layer of the network requantizes with one shift")
    module = max(found, key=lambda m: weight_matrix(m).size)
    assert module.shift is not None
    total = golden.module_sums(network, module, golden.run(network, x))
    info = network.tensors[module.output]
    code_low, code_high = info.limits
    largest = int(np.abs(total).max() if info.signed else total.max())
    if largest <= 0:
        raise ShiftworkError(f"layer {module.name}: no sum is positive")
    positions = total.reshape(-1, total.shape[-1])
    wanted = min(len(positions), -(-count // positions.shape[1]))
    chosen = positions[np.arange(wanted) * len(positions) // wanted].reshape(-1)[:count]
    low = max(module.low, 0) if module.relu else module.low
    return Sums(module.name, chosen, int(module.shift[0]), low, module.high, code_high / largest, code_low)


@dataclass(frozen=True)
class Cost:
    """What a requantizer takes of a device.

    Attributes:
        luts: LUT cells (xc7: LUT1..6, inverters, LUT RAM and shift registers as LUTs; ecp5: LUT4; ice40: SB_LUT4).
        packed: xc7 only: estimate of physical LUT6. flip_flops, dsp, block_ram: cells.
        carry: CARRY4 of four bits, CCU2C of two, SB_CARRY of one. memory: LUTs of LUT RAM and shift registers.
        lut_equivalents: see the module; None with DSPs or block RAM.
    """

    luts: int
    packed: int | None
    flip_flops: int
    dsp: int
    carry: int
    memory: int
    block_ram: float
    lut_equivalents: int | None


def cost(family: str, module: Mapping[str, Any]) -> Cost:
    """Count the cells of a flat netlist of one module."""
    kinds = Counter(str(cell["type"]) for cell in module["cells"].values())

    def cells(*names: str) -> int:
        return sum(count for kind, count in kinds.items() if kind.startswith(names))

    if family == "xc7":
        area = local_area(module)
        found = Cost(
            round(area.cells),
            round(area.packed),
            round(area.flip_flops),
            round(area.dsp),
            round(area.carry4),
            round(area.memory),
            area.block_ram,
            round(area.cells),
        )
    elif family == "ecp5":
        luts, carry, memory = kinds["LUT4"], kinds["CCU2C"], 6 * kinds["TRELLIS_DPR16X4"]
        dsp, rams = cells("MULT18X18D", "ALU54B"), cells("DP16KD", "PDPW16KD")
        found = Cost(luts, None, kinds["TRELLIS_FF"], dsp, carry, memory, rams, luts + 2 * carry + memory)
    else:
        luts, carry = kinds["SB_LUT4"], kinds["SB_CARRY"]
        dsp, rams = kinds["SB_MAC16"], cells("SB_RAM40")
        found = Cost(luts, None, cells("SB_DFF"), dsp, carry, 0, rams, luts + lone_carries(module))
    return replace(found, lut_equivalents=None) if found.dsp or found.block_ram else found


def lone_carries(module: Mapping[str, Any]) -> int:
    """SB_CARRY cells that need a logic cell of their own: no SB_LUT4 is left that reads their operands on I1 and I2
    and their carry on I3, which is what sharing a logic cell takes."""

    def pin(cell: Mapping[str, Any], name: str) -> object:
        bits = cell["connections"].get(name) or ["x"]
        return bits[0]

    luts: Counter[tuple[object, ...]] = Counter()
    for cell in module["cells"].values():
        if cell["type"] == "SB_LUT4":
            luts[tuple(pin(cell, name) for name in ("I1", "I2", "I3"))] += 1
    alone = 0
    for cell in module["cells"].values():
        if cell["type"] == "SB_CARRY":
            wanted = tuple(pin(cell, name) for name in ("I0", "I1", "CI"))
            alone += not luts[wanted]
            luts[wanted] -= bool(luts[wanted])
    return alone


def ports(unit: Requantizer) -> tuple[tuple[str, str, int], ...]:
    """Ports of the wrapper (direction, name, width): those of ``shw_requantize`` that the requantizer reads."""
    used: list[tuple[str, int]] = [("clk", 1), ("enable", 1), ("value", IN_W)]
    if unit.multiplier:
        used.append(("factor", 16 if unit.kind == "scale" else 32))
    if unit.kind == "codebook":
        used += [("level_write", 1), ("level_address", unit.width), ("level_value", IN_W)]
    else:
        used.append(("shift", SHIFT_W if unit.kind == "scale" else SHIFT_W - 1))
        if not unit.fixed:
            used += [("low", unit.width + 1), ("high", unit.width + 1)]
    return (*(("input", name, width) for name, width in used), ("output", "result", unit.width))


def wrapper(unit: Requantizer, sums: Sums) -> str:
    """Verilog of :data:`~shiftwork.eda.designs.TOP`; ports that the requantizer does not read are 0."""
    shape = {"clk": 1, "enable": 1, "value": IN_W, "factor": 32, "shift": SHIFT_W}
    shape |= {"low": unit.width + 1, "high": unit.width + 1}
    shape |= {"level_write": 1, "level_address": 8, "level_value": IN_W}
    given = {name: width for _, name, width in ports(unit)}
    limits = {"low": sums.low, "high": sums.high} if unit.fixed else {}
    pins_of = {"result": "result"}
    for name, width in shape.items():
        if name in limits:
            pins_of[name] = f"{width}'d{limits[name] & ((1 << width) - 1)}"
        elif name not in given:
            pins_of[name] = f"{width}'d0"
        else:
            spare = width - given[name]
            pins_of[name] = f"{{{spare}'d0, {name}}}" if spare else name
    declared = ", ".join(f"{way} wire [{width - 1}:0] {name}" for way, name, width in ports(unit))
    connected = ", ".join(f".{name}({text})" for name, text in pins_of.items())
    parameters = f'.KIND("{unit.kind}"), .OUT_W({unit.width})'
    return f"module {TOP} ({declared});\n  shw_requantize #({parameters}) u_design ({connected});\nendmodule\n"


def script(family: str, unit: Requantizer) -> list[str]:
    """Yosys commands that map top.v to net.json and net.v."""
    paths = [*manifest.load().sources("shw_requantize"), Path("top.v")]
    commands = [*(f"read_verilog {path}" for path in paths), f"hierarchy -top {TOP}"]
    if family == "ice40":
        commands.append("setattr -unset ram_style */m:*")  # there is no LUT RAM: block RAM
    if unit.multiplier in ("booth", "rows"):
        commands += _BEFORE_MAPPING
        commands.append("booth" if unit.multiplier == "booth" else f"techmap -D {family.upper()} -map {_ROWS}")
        commands.append("opt_clean")
    switch = (" -dsp" if unit.dsp else "") if family == "ice40" else ("" if unit.dsp else " -nodsp")
    commands += [f"{FAMILIES[family]}{switch} -top {TOP}", "write_json net.json"]
    return [*commands, "splitnets", "opt_clean -purge", "write_verilog -noattr -noexpr net.v"]


def cell_models(family: str) -> str:
    """Verilog of the cells of a family as Yosys has them, so that Icarus reads it."""
    share = yosys.share()
    if family == "ecp5":  # the file has more than Icarus understands
        text = "".join((share / "ecp5" / name).read_text() for name in ("common_sim.vh", "ccu2c_sim.vh"))
        found = re.findall(r"^module (?:LUT2|LUT4|TRELLIS_FF|TRELLIS_DPR16X4|CCU2C)\b.*?^endmodule", text, re.M | re.S)
        return "\n".join(found) + "\n"
    if family == "ice40":
        return f'`define NO_ICE40_DEFAULT_ASSIGNMENTS\n`include "{share / "ice40" / "cells_sim.v"}"\n'
    return f'`include "{share / "xilinx" / "cells_sim.v"}"\n'


def toggles(family: str, unit: Requantizer, sums: Sums, folder: Path) -> tuple[int, int]:
    """Nets and toggles of the netlist in ``folder`` over all values, one a cycle, pipeline full, operands constant.

    Raises:
        ShiftworkError: Icarus is missing or fails, or a result differs from the golden model.
    """
    factor, shift = sums.operands(unit)
    constants = {"enable": 1, "factor": factor, "shift": shift, "low": sums.low, "high": sums.high}
    set_up = [
        f"{name} = {width}'d{constants[name] & ((1 << width) - 1)};"
        for way, name, width in ports(unit)
        if name in constants
    ]
    if unit.kind == "codebook":
        levels = sums.thresholds(1 << unit.width)
        write_words(folder / "levels.hex", [0, *levels.tolist()], IN_W)
        set_up.append('$readmemh("levels.hex", levels);')
        set_up.append(f"for (i = 1; i < {1 << unit.width}; i = i + 1) begin")
        set_up.append("level_write = 1; level_address = i; level_value = levels[i]; @(negedge clk); end")
        set_up.append("level_write = 0;")
    write_words(folder / "results.hex", sums.expected(unit).tolist(), unit.width)
    declared, connected = pins(ports(unit))
    last = len(sums.values) - 1
    prepared = "\n    ".join(set_up)
    bench = f"""`timescale 1ns/1ps
module bench;
{declared}
  {TOP} dut ({connected});
  reg [{IN_W - 1}:0] words [0:{last}];
  reg [{unit.width - 1}:0] results [0:{last}];
  reg [{IN_W - 1}:0] levels [0:255];
  integer i;
  always #5 clk = ~clk;
  initial begin
    $readmemh("words.hex", words);
    $readmemh("results.hex", results);
    $dumpfile("net.vcd");
    {prepared}
    value = words[0];
    repeat (16) @(negedge clk);
    $dumpvars(1, dut);
    for (i = 0; i < {last + unit.latency}; i = i + 1) begin
      value = words[i > {last} ? {last} : i];
      @(negedge clk);
      if (i + 1 >= {unit.latency} && result !== results[i + 1 - {unit.latency}]) begin
        $display("bench: fails at value %0d: %b, not %b", i + 1 - {unit.latency}, result,
                 results[i + 1 - {unit.latency}]);
        $finish;
      end
    end
    $finish;
  end
endmodule
"""
    (folder / "models.v").write_text(cell_models(family))
    return simulate(f"{unit.title}, {family}", bench, sums.values.tolist(), IN_W, folder, [Path("models.v")])


@dataclass(frozen=True)
class Row:
    """One requantizer on one family.

    Attributes:
        key, title: of the requantizer. family, cost: where, and what it takes.
        nets, toggles: single-bit nets, and changes per requantization; None with DSPs, whose inside is not visible.
        area_ratio, packed_ratio, toggle_ratio: over those of ``shift`` on the same family.
    """

    key: str
    title: str
    family: str
    cost: Cost
    nets: int | None
    toggles: float | None
    area_ratio: float | None = None
    packed_ratio: float | None = None
    toggle_ratio: float | None = None


def measure(family: str, unit: Requantizer, sums: Sums, folder: Path) -> Row:
    """Map one requantizer, count it, and simulate it unless it has DSPs.

    Raises:
        ShiftworkError: a tool is missing or fails, or the netlist computes something else than the golden model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "top.v").write_text(wrapper(unit, sums))
    yosys.run(script(family, unit), folder, "map")
    found = cost(family, yosys.read_netlist(folder / "net.json")[TOP])
    nets, count = (None, None) if found.dsp else toggles(family, unit, sums, folder)
    each = None if count is None else count / len(sums.values)
    return Row(unit.key, unit.title, family, found, nets, each)


def with_ratios(rows: Sequence[Row]) -> list[Row]:
    """The same rows, compared with the ``shift`` of their family."""
    base = {row.family: row for row in rows if row.key == REFERENCE}
    found = []
    for row in rows:
        one = base[row.family]
        ratios = (
            _ratio(row.cost.lut_equivalents, one.cost.lut_equivalents),
            _ratio(None if row.cost.lut_equivalents is None else row.cost.packed, one.cost.packed),
            _ratio(row.toggles, one.toggles),
        )
        found.append(replace(row, area_ratio=ratios[0], packed_ratio=ratios[1], toggle_ratio=ratios[2]))
    return found


def _ratio(value: float | None, base: float | None) -> float | None:
    return None if value is None or not base else value / base


def synth_requant(
    sums: Sums,
    families: Sequence[str] = tuple(FAMILIES),
    keys: Sequence[str] = (),
    folder: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Map, count and simulate the requantizers.

    Args:
        sums: accumulators (:func:`layer_sums`). families: of :data:`FAMILIES`.
        keys: of :func:`requantizers`, empty for all; the reference is always among them.
        folder: keeps scripts, logs and netlists; None: a temporary folder. progress: told about every netlist.

    Returns:
        Plain JSON values: ``tool``, ``mappings`` by family, ``layer``, ``values``, ``shift``, ``scale``, ``rows``,
        ``targets``.

    Raises:
        ShiftworkError: a tool is missing or fails, or a netlist computes something else than the golden model.
    """
    version = yosys.version()
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            return synth_requant(sums, families, keys, Path(temporary), progress)
    chosen = [unit for key, unit in requantizers().items() if not keys or key == REFERENCE or key in keys]
    jobs = [(family, unit) for family in families for unit in chosen]
    rows = []
    for index, (family, unit) in enumerate(jobs):
        if progress is not None:
            progress.item(index + 1, len(jobs), f"{family}: {unit.title}")
        rows.append(measure(family, unit, sums, folder / family / unit.key))
    rows = with_ratios(rows)
    return {
        "tool": f"Yosys {version}",
        "mappings": {family: FAMILIES[family] for family in families},
        "layer": sums.layer,
        "values": len(sums.values),
        "shift": sums.shift,
        "scale": sums.scale,
        "rows": [asdict(row) for row in rows],
        "target": TARGET,
        "paper": PAPER,
        "targets": [
            {"family": row.family, "key": row.key, "ratio": row.area_ratio, "met": row.area_ratio >= TARGET}
            for row in rows
            if row.key.startswith(RIVAL) and row.area_ratio is not None
        ],
    }
