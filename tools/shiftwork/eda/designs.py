# SPDX-License-Identifier: Apache-2.0
"""The engines and baselines that are synthesized side by side: modules, parameters, ports, wrappers.

Yosys 0.70 cannot set the parameters of a top level with arrays of generated instances, so every design is wrapped in a
module without parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shiftwork.blocks import manifest

TOP = "shw_synth_top"
ACC_W = 22
"""Accumulator width of the term-revealing engine: what the slices of networks need."""
POSITIONS_W = 9
"""Address width of the totals of a column of the weight-stationary arrays: 512 positions of 32 bits are a block RAM."""

SUBCELLS = {
    "shw_tr_row": "cells",
    "shw_tmac_row": "cells",
    "shw_mac_array": "cells",
    "shw_booth_array": "cells",
    "shw_exp_count_cell": "cells",
    "shw_tr_row_edge": "row edges",
    "shw_tmac_row_edge": "row edges",
    "shw_class_lists": "row edges",
    "shw_class_walker": "row edges",
    "shw_term_truncate": "truncators",
    "shw_slice_totals": "column edges",
    "shw_class_totals": "column edges",
    "shw_column_totals": "column edges",
    "shw_tmac_column": "column edges",
    "shw_exp_count_column": "column edges",
    "shw_class_drain": "drain",
    "shw_lutram": "tables",
}
"""Part that a module directly below a design belongs to; everything else is ``control``."""


@dataclass(frozen=True)
class Design:
    """One design of ``rows x cols`` cells.

    Attributes:
        key: short name. title: for tables. module: in the manifest. parameters: of the module.
        ports: (direction, name, width). dsp: multiplications may become DSP blocks.
    """

    key: str
    title: str
    module: str
    parameters: Mapping[str, int | str]
    ports: tuple[tuple[str, str, int], ...]
    dsp: bool = False

    @property
    def rows(self) -> int:
        """Rows of the array."""
        return int(self.parameters.get("ROWS", 1))

    @property
    def cols(self) -> int:
        """Columns of the array."""
        return int(self.parameters["COLS"])

    @property
    def cells(self) -> int:
        """Cells of the array."""
        return self.rows * self.cols

    def wrapper(self) -> str:
        """Verilog of :data:`TOP`: the ports of the design, its parameters set."""
        pins = ", ".join(f".{name}({name})" for _, name, _ in self.ports)
        return self.top(f"  {self.module} #({self.values()}) u_design ({pins});\n")

    def values(self) -> str:
        """The parameters as an instance of the module sets them."""
        words = {name: f'"{value}"' if isinstance(value, str) else value for name, value in self.parameters.items()}
        return ", ".join(f".{name}({word})" for name, word in words.items())

    def top(self, body: str) -> str:
        """Verilog of :data:`TOP` with the ports of the design around a body."""
        ports = ",\n".join(f"  {way} wire {f'[{width - 1}:0] ' * (width > 1)}{name}" for way, name, width in self.ports)
        return f"module {TOP} (\n{ports}\n);\n{body}endmodule\n"

    def sources(self) -> list[Path]:
        """Verilog files below the wrapper."""
        return manifest.load().sources(self.module)


def _engine_ports(rows: int, cols: int) -> tuple[tuple[str, str, int], ...]:
    bits = {"cfg_group": 9, "cfg_group_budget": 11, "cfg_data_terms": 4}
    switches = ("cfg_encoding", "cfg_row_signed", "cfg_col_signed", "in_valid", "in_last", "out_ready")
    return (
        *(("input", name, 1) for name in ("clk", "rst", "cfg_tr_en")),
        *(("input", name, width) for name, width in bits.items()),
        *(("input", name, 1) for name in switches),
        ("input", "in_row", rows * 8),
        ("input", "in_col", cols * 8),
        *(("output", name, 1) for name in ("cfg_error", "in_ready", "out_valid", "out_last")),
        ("output", "out_acc", cols * 32),
    )


def _array_ports(rows: int, cols: int) -> tuple[tuple[str, str, int], ...]:
    return (
        *(("input", name, 1) for name in ("clk", "rst", "load", "x_signed", "in_valid", "in_first", "in_last")),
        ("input", "in_position", POSITIONS_W),
        ("input", "in_w", cols * 8),
        ("input", "in_x", rows * 8),
        ("output", "out_valid", cols),
        ("output", "out_total", cols * 32),
    )


def designs(rows: int, cols: int, family: str = "generic") -> dict[str, Design]:
    """Every design of one shape, by key; ``family`` chooses the cells of ``tr`` and ``tr_truncate``.

    ``tr`` cannot truncate gathered values (TRUNCATE = 0), ``tr_truncate`` can; ``mac`` and ``booth`` take unsigned and
    signed data values, ``mac_signed`` and ``booth_signed`` signed ones only.
    """
    shape: dict[str, int | str] = {"ROWS": rows, "COLS": cols}
    engine = _engine_ports(rows, cols)
    slices = (("input", "cfg_slice_shift", 2), *engine)
    depth: dict[str, int | str] = {"DEPTH": 256, "ACC_W": ACC_W, "FAMILY": family}
    ports = _array_ports(rows, cols)
    names = {"mac": ("inferred array", "inferred"), "booth": ("Booth array", "Booth")}
    found = [
        Design("tr", "tr_engine", "shw_tr_engine", shape | depth | {"TRUNCATE": 0}, slices),
        Design("tr_truncate", "tr_engine, truncating", "shw_tr_engine", shape | depth | {"TRUNCATE": 1}, slices),
        Design("tmac", "tmac_engine", "shw_tmac_engine", shape, engine),
    ]
    for cells, (array, multipliers) in names.items():
        whole = shape | {"CELLS": cells, "ADDR_W": POSITIONS_W}
        title = f"{multipliers}, signed data only"
        found += [
            Design(cells, array, "shw_stationary_array", whole | {"SIGNED_ONLY": 0}, ports),
            Design(f"{cells}_signed", title, "shw_stationary_array", whole | {"SIGNED_ONLY": 1}, ports),
        ]
    return {design.key: design for design in found}


def cell_row(cols: int, family: str) -> Design:
    """One row of the engine's cells with its operand memory, without edges: the array alone."""
    ports = (
        *(("input", name, 1) for name in ("clk", "rst", "write_enable", "op_term", "op_fill", "op_signed")),
        *(("input", name, width) for name, width in (("write_address", 9), ("write_data", cols * 9), ("op", 2))),
        *(("input", name, width) for name, width in (("op_address", 9), ("north", cols * ACC_W))),
        ("output", "acc", cols * ACC_W),
    )
    parameters: dict[str, int | str] = {"COLS": cols, "ACC_W": ACC_W, "ADDR_W": 9, "FAMILY": family}
    return Design("row", "one row of cells, no edges", "shw_tr_row", parameters, ports)
