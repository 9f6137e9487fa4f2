# SPDX-License-Identifier: Apache-2.0
"""Net toggles per multiply-accumulate of the LUT units of ``shiftwork synth msq``, on the codes of a network's layer.

A unit computes dot products of the layer one behind the other, LANES reduction steps a cycle without a gap, rows of one
kind in turn for evenly spaced output positions. Operand registers and accumulators count, the ports before them and the
clock do not. Every total is compared. Units with DSP blocks are left out: what switches inside a DSP is not visible.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import sp2
from shiftwork.cost.msq_area import ACC_W, UnitDesign, units
from shiftwork.cost.tr_toggles import (
    STEPS,
    Toggles,
    layer_operands,
    pins,
    run_netlist,
    simulated_cycles,
    write_netlist,
    write_words,
)
from shiftwork.eda.designs import TOP
from shiftwork.errors import ShiftworkError
from shiftwork.golden import msq_units
from shiftwork.network.integer import IntegerNetwork, MixedRows
from shiftwork.progress import Progress

RUNS = (("sp2", True), ("sp2", False), ("inferred", False), ("booth", False))
"""Units that are simulated, and whether on the codes of SP2 rows or of fixed rows; the rivals take the latter only."""

_CHAIN = 4


@dataclass(frozen=True)
class Codes:
    """Operands of one unit, beat by beat.

    Attributes:
        layer: they come from. row, column: 4-bit codes (beats, lanes). row_sp2: kind of the row codes.
        col_signed: column codes are -8..7. dots: dot products, each of ``beats / dots`` beats.
    """

    layer: str
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    row_sp2: bool
    col_signed: bool
    dots: int

    @property
    def values(self) -> NDArray[np.int64]:
        """Column codes as numbers."""
        return msq_units.column_value(self.column, self.col_signed)

    @property
    def products(self) -> NDArray[np.int64]:
        """Products of all lanes (beats, lanes)."""
        return msq_units.value(self.row, self.row_sp2) * self.values


def layer_codes(
    network: IntegerNetwork, x: NDArray[np.float32], row_sp2: bool, lanes: int, steps: int = STEPS
) -> Codes:
    """Codes of the layer of :func:`~shiftwork.cost.tr_toggles.layer_operands`, for about ``steps`` beats.

    Args:
        network: of a scheme with SP2 or fixed rows. x: samples. row_sp2: kind of rows that are used.

    Raises:
        ShiftworkError: the layer has no such rows.
    """
    operands = layer_operands(network, x)
    kinds = cast(MixedRows, network.module(operands.layer).format).row_sp2
    rows = operands.weights[kinds == row_sp2] if kinds is not None else operands.weights[:0]
    if not len(rows):
        raise ShiftworkError(f"layer {operands.layer}: no {'SP2' if row_sp2 else 'fixed'} rows")
    filled = -(-rows.shape[1] // lanes) * lanes
    dots = max(1, -(-steps * lanes // filled))
    positions = np.arange(dots) * len(operands.data) // dots
    row, column = rows[np.arange(dots) % len(rows)], operands.data[positions]
    row = sp2.encode(row).astype(np.int64) if row_sp2 else row & 15
    fill = ((0, 0), (0, filled - rows.shape[1]))
    beats = [np.pad(codes, fill).reshape(-1, lanes) for codes in (row, column & 15)]
    return Codes(operands.layer, beats[0], beats[1], row_sp2, operands.data_signed, dots)


def operand_words(unit: UnitDesign, codes: Codes) -> dict[str, NDArray[np.int64]]:
    """Operands of a unit by port, one per lane (beats, lanes), as its edges form them."""
    if unit.module == "shw_dot_mac":
        width = int(unit.parameters["X_W"])
        return {"weight": codes.row, "x": codes.values & ((1 << width) - 1)}
    sign = codes.column >> 3
    once = np.where(codes.col_signed, 1 - sign, 0)
    twice = np.where(codes.col_signed, 1 - sign, sign)
    digits = msq_units.digit_bits(msq_units.digits(codes.row, codes.row_sp2))
    return {"digits": digits, "x": codes.column, "top_once": once, "top_twice": twice}


def totals(unit: UnitDesign, codes: Codes) -> list[int]:
    """What the accumulator holds after every dot product."""
    if unit.module == "shw_dot_mac":
        sums = (codes.products + 128).sum(-1)
    else:
        sums = msq_units.sp2_sum(codes.row, codes.row_sp2, codes.column, codes.col_signed)
    return [int(total) % (1 << ACC_W) for total in sums.reshape(codes.dots, -1).sum(-1)]


def port_words(unit: UnitDesign, codes: Codes) -> tuple[list[int], int]:
    """Words {last, add, operands} for every cycle, and their width; lanes arrive as the unit wants them."""
    beats, lanes = codes.row.shape
    skew = _CHAIN if unit.module == "shw_sp2_mac" else 1
    cycles = beats + unit.latency + 1
    last = np.zeros(cycles, np.int64)
    add = np.zeros(cycles, np.int64)
    add[unit.latency : unit.latency + beats] = 1
    each = beats // codes.dots
    last[unit.latency + each - 1 : unit.latency + beats : each] = 1
    operands = operand_words(unit, codes)
    words = [int(last[cycle]) << 1 | int(add[cycle]) for cycle in range(cycles)]
    for name, width in unit.operands:
        bits = width // lanes
        late = np.zeros((cycles, lanes), np.int64)
        for lane in range(lanes):
            late[lane % skew : lane % skew + beats, lane] = operands[name][:, lane]
        for cycle in range(cycles):
            word = sum(int(value) << (lane * bits) for lane, value in enumerate(late[cycle]))
            words[cycle] = words[cycle] << width | word
    return words, 2 + sum(width for _, width in unit.operands)


def unit_toggles(unit: UnitDesign, codes: Codes, folder: Path) -> Toggles:
    """Toggles of a unit over all beats, from the first one in to the last total.

    Args:
        unit: without DSP blocks. codes: operands. folder: for scripts, netlist and VCD.

    Raises:
        ShiftworkError: a tool is missing or fails, or the netlist computes a wrong total.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_netlist(unit, folder)
    words, width = port_words(unit, codes)
    wanted = totals(unit, codes)
    write_words(folder / "totals.hex", wanted, ACC_W)
    declared, connected = pins(unit.ports)
    operands = ", ".join(name for name, _ in unit.operands)
    bench = f"""`timescale 1ns/1ps
module bench;
{declared}
  {TOP} dut ({connected});
  reg [{width - 1}:0] words [0:{len(words) - 1}];
  reg [{ACC_W - 1}:0] totals [0:{len(wanted) - 1}];
  reg ended = 0, complete = 0;
  integer i, out;
  always #5 clk = ~clk;
  always @(posedge clk) begin
    ended <= add && last;
    complete <= ended;
    if (complete) begin
      if (total !== totals[out]) begin $display("bench: fails at dot product %0d: %0d", out, total); $finish; end
      out <= out + 1;
    end
  end
  initial begin
    $readmemh("words.hex", words);
    $readmemh("totals.hex", totals);
    $dumpfile("net.vcd");
    out = 0; rst = 1; enable = 1;
    repeat (20) @(negedge clk);
    rst = 0;
    repeat (2) @(negedge clk);
    $dumpvars(1, dut);
    for (i = 0; i < {len(words)}; i = i + 1) begin
      {{last, add, {operands}}} = words[i];
      @(negedge clk);
    end
    repeat (3) @(negedge clk);
    if (out != {len(wanted)}) $display("bench: fails to end, %0d dot products", out);
    $finish;
  end
endmodule
"""
    inputs = [name for way, name, _ in unit.ports if way == "input"]
    nets, toggles = run_netlist(unit, bench, words, width, folder, inputs)
    macs = codes.row.size
    work = f"{'SP2' if codes.row_sp2 else 'fixed'} codes"
    cycles = simulated_cycles(folder)
    return Toggles(unit.title, unit.rows, unit.cols, work, nets, toggles, cycles, macs, toggles / macs)


def synth_toggles(
    network: IntegerNetwork,
    x: NDArray[np.float32],
    lanes: int = 8,
    steps: int = STEPS,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Toggles of :data:`RUNS` on one layer of a network.

    Args:
        network: of scheme ``msq``. x: samples. lanes: of every unit. steps: beats, about.
        folder: keeps scripts, netlists and VCDs; None: a temporary folder. progress: told about every unit.

    Returns:
        Plain JSON values: ``layer``, ``lanes``, ``toggles``.

    Raises:
        ShiftworkError: the layer has rows of one kind only, a tool is missing or fails, or a netlist is wrong.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            return synth_toggles(network, x, lanes, steps, Path(temporary), progress)
    codes = {row_sp2: layer_codes(network, x, row_sp2, lanes, steps) for row_sp2 in (True, False)}
    known = units(lanes)
    done = []
    for index, (key, row_sp2) in enumerate(RUNS):
        if progress is not None:
            progress.item(index + 1, len(RUNS), f"toggles of {known[key].title}")
        done.append(unit_toggles(known[key], codes[row_sp2], folder / f"toggles_{key}_{'sp2' if row_sp2 else 'fixed'}"))
    base = next(entry.per_mac for entry, (key, _) in zip(done, RUNS, strict=True) if key == "inferred")
    entries = [asdict(entry) | {"of_inferred": entry.per_mac / base} for entry in done]
    return {"layer": codes[True].layer, "lanes": lanes, "toggles": entries}
