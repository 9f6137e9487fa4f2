# SPDX-License-Identifier: Apache-2.0
"""Net toggles per multiply-accumulate: simulation of mapped netlists on the codes of a network's layer.

A design is flattened and mapped to 7-series cells; Icarus simulates the netlist with Yosys's cell models and zero
delay, and every change of every net counts, the clock excepted. Values settle within a time step before they are
compared, so glitches do not count, for any design. Block RAM stays the behavioural memory of ``rtl/common``: its
address and data nets count, its inside does not.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms
from shiftwork.eda import yosys
from shiftwork.eda.designs import POSITIONS_W, TOP, Design
from shiftwork.eda.mapping import MAPPING
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.integer import IntegerNetwork
from shiftwork.tensors.im2col import im2col, weight_matrix

MEMORY = "shw_ram_sdp"
STEPS = 1024
"""Reduction steps that are simulated, about."""

GROUP, BUDGET = 8, 12

Counts = tuple[int, int]
"""Single-bit nets and their changes."""


@dataclass(frozen=True)
class Operands:
    """The product of one layer: ``data`` (positions, K) and ``weights`` (channels, K), both int64 codes.

    Attributes:
        layer: its name. data_signed: whether activations are two's complement.
    """

    layer: str
    data: NDArray[np.int64]
    weights: NDArray[np.int64]
    data_signed: bool


@dataclass(frozen=True)
class Toggles:
    """What one design did on one layer.

    Attributes:
        title, rows, cols: of the design. work: operand streamed, and how. nets: single-bit nets without the clock.
        toggles: changes of all nets. cycles: simulated. macs: multiply-accumulates done. per_mac: toggles per MAC.
    """

    title: str
    rows: int
    cols: int
    work: str
    nets: int
    toggles: int
    cycles: int
    macs: int
    per_mac: float


def layer_operands(network: IntegerNetwork, x: NDArray[np.float32], name: str | None = None) -> Operands:
    """Operands of a convolution of one group: ``name``, or that with the longest reduction times channels.

    Raises:
        ShiftworkError: there is no such layer.
    """
    tensors = golden.run(network, x)
    found = [m for m in network.convolutions if m.groups == 1 and name in (None, m.name)]
    if not found:
        raise ShiftworkError(f"no convolution {name or ''} of one group in the network")
    module = max(found, key=lambda m: weight_matrix(m).size)
    codes = im2col(tensors[module.inputs[0]].astype(np.int64), module)
    weights = weight_matrix(module).astype(np.int64)
    return Operands(module.name, codes, weights, network.tensors[module.inputs[0]].signed)


def count_changes(lines: Iterable[str], ignore: Sequence[str] = ("clk",)) -> tuple[int, int]:
    """Nets and single-bit changes in a VCD; the first value of a net, and changes from or to x or z, do not count.

    Args:
        lines: of the VCD. ignore: names of nets left out.
    """
    widths: dict[str, int] = {}
    values: dict[str, str] = {}
    left_out = set()
    toggles = 0
    for line in lines:
        head = line[0] if line else " "
        if head in "01xz":
            key, bits = line[1:].strip(), head
        elif head == "b":
            digits, key = line[1:].split()
            fill = "0" if digits[0] in "01" else digits[0]
            bits = digits.rjust(widths.get(key, 0), fill)
        else:
            words = line.split()
            if len(words) > 4 and words[0] == "$var":
                if words[4] in ignore:
                    left_out.add(words[3])
                else:
                    widths[words[3]] = int(words[2])
            continue
        if key in left_out or key not in widths:
            continue
        old = values.get(key)
        if old is not None:
            toggles += sum(a != b and a in "01" and b in "01" for a, b in zip(old, bits, strict=True))
        values[key] = bits
    return sum(widths.values()), toggles


def write_netlist(design: Design, folder: Path) -> None:
    """Write net.v: the flattened design, block RAM left as instances of the memory module."""
    (folder / "top.v").write_text(design.wrapper())
    sources = [*design.sources(), Path("top.v")]
    commands = [f"read_verilog {'-lib ' if path.stem == MEMORY else ''}{path}" for path in sources]
    commands += [f"hierarchy -top {TOP}", f"{MAPPING} -flatten -top {TOP}", "splitnets", "opt_clean -purge"]
    yosys.run([*commands, "write_verilog -noattr -noexpr net.v"], folder, "toggles")


def simulate(
    title: str,
    bench: str,
    words: Sequence[int],
    width: int,
    folder: Path,
    sources: Sequence[Path],
    ignore: Sequence[str] = ("clk",),
) -> Counts:
    """Compile net.v with a bench, run it, count; the bench reads ``words`` of ``width`` bits from words.hex.

    Args:
        title: for messages. bench: Verilog of a module ``bench`` that dumps net.vcd and displays ``bench: fails`` when
            something is wrong. words, width: stimulus. folder: with net.v. sources: cell models and memories.
        ignore: nets that do not count.

    Returns:
        Nets and toggles.

    Raises:
        ShiftworkError: Icarus is missing or fails, or the bench says so.
    """
    for tool in ("iverilog", "vvp"):
        if shutil.which(tool) is None:
            raise ShiftworkError(f"{tool} is not installed; run: apt-get install -y iverilog")
    (folder / "bench.v").write_text(bench)
    write_words(folder / "words.hex", words, width)
    compiled = ["iverilog", "-g2012", "-s", "bench", "-o", "bench.vvp", "bench.v", "net.v"]
    for command in ([*compiled, *map(str, sources)], ["vvp", "-n", "bench.vvp"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=3600)
        if done.returncode or "bench: fails" in done.stdout:
            raise ShiftworkError(f"{title}: {command[0]} fails: {(done.stderr or done.stdout).strip()[-300:]}")
    with (folder / "net.vcd").open() as vcd:
        return count_changes(vcd, ignore)


def write_words(path: Path, words: Sequence[int], width: int) -> None:
    """A file for ``$readmemh``: one word of ``width`` bits a line, as they would be in two's complement."""
    digits = -(-width // 4)
    path.write_text("\n".join(f"{word & (1 << width) - 1:0{digits}x}" for word in words) + "\n")


def run_netlist(
    design: Design, bench: str, words: Sequence[int], width: int, folder: Path, ignore: Sequence[str] = ("clk",)
) -> Counts:
    """:func:`simulate` with what :func:`write_netlist` wrote."""
    models = yosys.share() / "xilinx" / "cells_sim.v"
    memory = [path for path in design.sources() if path.stem == MEMORY]
    return simulate(design.title, bench, words, width, folder, [models, *memory], ignore)


def pins(ports: Sequence[tuple[str, str, int]]) -> tuple[str, str]:
    """Declarations and connections of a bench for ports (direction, name, width); inputs begin as 0."""
    kinds = {"input": "reg", "output": "wire"}
    declared = "\n".join(
        f"  {kinds[way]} {f'[{width - 1}:0] ' * (width > 1)}{name}{' = 0' * (way == 'input')};"
        for way, name, width in ports
    )
    return declared, ", ".join(f".{name}({name})" for _, name, _ in ports)


def _packed(values: NDArray[np.int64], width: int = 8) -> int:
    """Codes as one integer, ``width`` bits each, the first lowest."""
    return sum((int(value) & ((1 << width) - 1)) << (width * n) for n, value in enumerate(values))


Tiles = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Row codes (ROWS, K) and column codes (COLS, K) of every tile."""


def sample_tiles(design: Design, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Tiles:
    """Tiles of a layer, together about :data:`STEPS` reduction steps, from its first operands on.

    Args:
        design: its shape. rows: row operands of the layer, (count, K). cols: column operands (count, K).
    """
    count = max(1, -(-STEPS // rows.shape[1]))
    return [
        (
            rows[np.arange(tile * design.rows, (tile + 1) * design.rows) % len(rows)],
            cols[np.arange(tile * design.cols, (tile + 1) * design.cols) % len(cols)],
        )
        for tile in range(count)
    ]


def tile_toggles(
    design: Design,
    work: str,
    tiles: Tiles,
    results: Sequence[int],
    config: str,
    folder: Path,
    tables: Sequence[tuple[int, int, int]] = (),
) -> Toggles:
    """Toggles of a tile engine of one lane, from the first beat in to the last beat out.

    Args:
        design: an engine under the tile-engine contract. work: what it does, in words.
        tiles: codes, of the width that the ports of the design give an operand.
        results: of every tile, row by row. config: Verilog statements that set ``cfg_*``.
        folder: for scripts, netlist and VCD.
        tables: writes (select, address, data) to the table port, before counting begins.

    Raises:
        ShiftworkError: a tool is missing or fails, or the netlist computes wrong results.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_netlist(design, folder)
    rows, cols = design.rows, design.cols
    widths = {name: width for _, name, width in design.ports}
    code_w, out_w = widths["in_row"] // rows, widths["out_acc"] // cols
    words = []
    for row, col in tiles:
        for k in range(row.shape[1]):
            operands = _packed(row[:, k], code_w) << (code_w * cols) | _packed(col[:, k], code_w)
            words.append(int(k == row.shape[1] - 1) << (code_w * (rows + cols)) | operands)
    declared, connected = pins(design.ports)
    width = 1 + code_w * (rows + cols)
    write_words(folder / "sums.hex", results, out_w)
    writes = [f"{{table_select, table_address, table_data}} = {_table_word(widths, *entry)};" for entry in tables]
    writes = ["table_valid = 1;", *(f"{write} @(negedge clk);" for write in writes), "table_valid = 0;"]
    bench = f"""`timescale 1ns/1ps
module bench;
{declared}
  {TOP} dut ({connected});
  reg [{width - 1}:0] words [0:{len(words) - 1}];
  reg [{out_w - 1}:0] sums [0:{len(results) - 1}];
  reg taken;
  integer i, c, out;
  always #5 clk = ~clk;
  always @(posedge clk) taken <= in_valid && in_ready;
  always @(posedge clk) if (out_valid) begin
    for (c = 0; c < {cols}; c = c + 1)
      if (out_acc[c*{out_w} +: {out_w}] !== sums[out*{cols} + c])
        begin $display("bench: fails at %0d", out); $finish; end
    out <= out + 1;
  end
  initial begin
    $readmemh("words.hex", words);
    $readmemh("sums.hex", sums);
    $dumpfile("net.vcd");
    i = 0; out = 0; rst = 1; out_ready = 1;
    {config}
    repeat (4) @(negedge clk);
    rst = 0;
    repeat ({40 + 17 * rows}) @(negedge clk);
    {" ".join(writes if tables else [])}
    $dumpvars(1, dut);
    in_valid = 1; {{in_last, in_row, in_col}} = words[0];
    while (i < {len(words)}) begin
      @(negedge clk);
      if (taken) begin
        i = i + 1;
        if (i < {len(words)}) {{in_last, in_row, in_col}} = words[i]; else in_valid = 0;
      end
    end
    while (out < {len(results) // cols}) @(negedge clk);
    $finish;
  end
  initial begin #{20000 * len(words)} $display("bench: fails to end"); $finish; end
endmodule
"""
    nets, toggles = run_netlist(design, bench, words, width, folder)
    macs = len(words) * design.cells
    return Toggles(design.title, rows, cols, work, nets, toggles, simulated_cycles(folder), macs, toggles / macs)


def _table_word(widths: Mapping[str, int], select: int, address: int, data: int) -> str:
    """A write as one Verilog number: select, address, data."""
    address_w, data_w = widths["table_address"], widths["table_data"]
    word = (select << address_w | address) << data_w | data & ((1 << data_w) - 1)
    return f"{1 + address_w + data_w}'d{word}"


def engine_toggles(design: Design, operands: Operands, stream: str, folder: Path) -> Toggles:
    """Toggles of a term engine on whole tiles of a layer.

    Args:
        design: ``tr``, ``tr_truncate`` or ``tmac``. operands: of the layer.
        stream: ``weights`` (g = 8, k = 12) or ``activations`` (exact).
        folder: for scripts, netlist and VCD.

    Raises:
        ShiftworkError: a tool is missing or fails, or the netlist computes wrong sums.
    """
    budgeted = stream == "weights"
    streamed, gathered = (operands.weights, operands.data) if budgeted else (operands.data, operands.weights)
    signed = (True, operands.data_signed) if budgeted else (operands.data_signed, True)
    tiles = sample_tiles(design, streamed, gathered)
    expected: list[int] = []
    for row, col in tiles:
        kept = terms.reveal(row, GROUP, BUDGET).astype(np.int64) if budgeted else row
        expected += (kept @ col.T).reshape(-1).tolist()
    config = f"cfg_tr_en = {int(budgeted)}; cfg_group = {GROUP}; cfg_group_budget = {BUDGET}; cfg_encoding = 1;"
    config += f" cfg_row_signed = {int(signed[0])}; cfg_col_signed = {int(signed[1])};"
    work = f"weights, g = {GROUP}, k = {BUDGET}" if budgeted else "activations, exact"
    return tile_toggles(design, work, tiles, expected, config, folder)


def array_toggles(design: Design, operands: Operands, folder: Path) -> Toggles:
    """Toggles of a weight-stationary multiplier array: output positions stream through weights that stay for all of
    them; then the next ROWS of the reduction are loaded, and their sums added to the totals. The skew of the rows is
    done outside and not counted.

    Args:
        design: ``mac`` or ``booth``. operands: of the layer. folder: for scripts, netlist and VCD.

    Raises:
        ShiftworkError: a tool is missing or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_netlist(design, folder)
    rows, cols = design.rows, design.cols
    depth = operands.data.shape[1]
    positions = min(len(operands.data), STEPS, 1 << POSITIONS_W)
    slices = max(1, min(depth // rows, STEPS // positions))
    width = 1 + 8 * (cols + rows)
    ahead = rows + {"mac": 2, "booth": 5}[str(design.parameters["CELLS"])] - 4  # of the position, behind row 0's value
    words: list[int] = []
    controls: dict[int, int] = {}  # by the number of the word: valid, first, last, position
    for part in range(slices):
        lines = np.arange(part * rows, (part + 1) * rows) % depth
        weights = operands.weights[np.arange(cols) % len(operands.weights)][:, lines]
        data = operands.data[:positions][:, lines]
        words += [1 << (width - 1) | _packed(weights[:, r]) << (8 * rows) for r in reversed(range(rows))]
        skewed = np.zeros((positions + rows, rows), np.int64)
        for r in range(rows):
            skewed[r : r + positions, r] = data[:, r]
        ends = 4 | (part == 0) << 1 | (part == slices - 1)
        controls |= {len(words) + ahead + p: ends << POSITIONS_W | p for p in range(positions)}
        words += [_packed(values) for values in skewed]
    words += [0] * (ahead + 1)
    words = [controls.get(number, 0) << width | word for number, word in enumerate(words)]
    width += 3 + POSITIONS_W
    declared, connected = pins(design.ports)
    bench = f"""`timescale 1ns/1ps
module bench;
{declared}
  {TOP} dut ({connected});
  reg [{width - 1}:0] words [0:{len(words) - 1}];
  integer i;
  always #5 clk = ~clk;
  initial begin
    $readmemh("words.hex", words);
    $dumpfile("net.vcd");
    x_signed = {int(operands.data_signed)};
    rst = 1;
    for (i = 0; i < {rows + cols + 8}; i = i + 1) begin load = 1; @(negedge clk); end
    rst = 0;
    $dumpvars(1, dut);
    for (i = 0; i < {len(words)}; i = i + 1) begin
      {{in_valid, in_first, in_last, in_position, load, in_w, in_x}} = words[i];
      @(negedge clk);
    end
    repeat ({cols + 8}) @(negedge clk);
    $finish;
  end
endmodule
"""
    nets, toggles = run_netlist(design, bench, words, width, folder)
    macs = slices * positions * design.cells
    work = f"weights stay for {positions} positions"
    return Toggles(design.title, rows, cols, work, nets, toggles, simulated_cycles(folder), macs, toggles / macs)


def simulated_cycles(folder: Path) -> int:
    """Clock cycles between the first and the last time of net.vcd."""
    times = [int(line[1:]) for line in (folder / "net.vcd").open() if line.startswith("#")]
    return (times[-1] - times[0]) // 10_000
