# SPDX-License-Identifier: Apache-2.0
"""Scripts for Vivado, two per block that others import: one adds its files to a project, one packages it as IP-XACT.

`shiftwork.blocks.cores` writes them beside the core files. Interfaces follow from the names of ports: `m_axi_*` is an
AXI4 master, `s_axi_*` an AXI4-Lite slave, `irq` an interrupt; `clk` and `rst` are clock and reset of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shiftwork.blocks import manifest
from shiftwork.blocks.verilog import ports

FOLDER = "vivado"
CONSTRAINTS = f"{FOLDER}/shw_ooc.xdc"
"""The clock of a block that is synthesized by itself."""

REGISTERS = 4096
"""Bytes of registers of an AXI4-Lite slave."""

SIGNALS = {
    "clk": ("clock", "CLK", "slave", {}),
    "rst": ("reset", "RST", "slave", {"POLARITY": "ACTIVE_HIGH"}),
    "irq": ("interrupt", "INTERRUPT", "master", {"SENSITIVITY": "LEVEL_HIGH"}),
}
"""Port -> kind of its interface, name there, mode, parameters."""

BUSES = {"s_axi": ("slave", "AXI4LITE"), "m_axi": ("master", "AXI4")}
"""First part of the ports of a bus -> mode, protocol."""


def _head(block: manifest.Block, does: str) -> str:
    return (
        f"# SPDX-License-Identifier: Apache-2.0\n# {block.name}: {does}\n"
        "# Not run here: needs Vivado, 2020.2 or later. Generated from rtl/manifest.yml by `shiftwork cores`.\n"
    )


def project(blocks: manifest.Manifest, name: str) -> str:
    """Script that adds the files of a block and of all below it, and the constraints, to the open project."""
    files = "".join(f"  {path.relative_to(blocks.root)}\n" for path in blocks.sources(name))
    return f"""{_head(blocks.blocks[name], "adds its files and constraints to the open project.")}
set shw_root [file dirname [file dirname [file normalize [info script]]]]
foreach file {{
{files}}} {{ add_files -norecurse -fileset sources_1 [file join $shw_root $file] }}

# The clock counts where the block is synthesized by itself; in a design it is the design's.
set shw_constraints [file join $shw_root {CONSTRAINTS}]
add_files -norecurse -fileset constrs_1 $shw_constraints
set_property USED_IN {{synthesis implementation out_of_context}} [get_files $shw_constraints]
"""


def package(blocks: manifest.Manifest, name: str) -> str:
    """Script that packages a block as IP-XACT into ip/<block> of the folder that Vivado runs in."""
    block = blocks.blocks[name]
    # An IP's version has two numbers.
    version = ".".join(blocks.version.split(".")[:2])
    names = [port.name for port in ports((blocks.root / "rtl" / block.file).read_text())]
    buses = [bus for bus in BUSES if any(port.startswith(f"{bus}_") for port in names)]
    lines = []
    for port in (port for port in SIGNALS if port in names):
        kind, logical, mode, parameters = SIGNALS[port]
        lines += ["", *_interface(port, f"signal:{kind}", mode, {logical: port}, parameters)]
    for bus in buses:
        mode, protocol = BUSES[bus]
        signals = {port.removeprefix(f"{bus}_").upper(): port for port in names if port.startswith(f"{bus}_")}
        lines += ["", *_interface(bus, "interface:aximm", mode, signals, {"PROTOCOL": protocol}), *_addresses(bus)]
    lines += ["", "# What belongs to the clock"]
    lines += [f"ipx::associate_bus_interfaces -busif {bus} -clock clk $core" for bus in buses]
    lines += ["ipx::associate_bus_interfaces -clock clk -reset rst $core", "", "# Legal values"]
    lines += [line for parameter, facts in block.parameters.items() for line in _legal(parameter, facts)]
    return f"""{_head(block, f"packages it into ip/{name} of the folder that Vivado runs in.")}
set here [file dirname [file normalize [info script]]]
create_project -force {name}_ip [file normalize ip/project]
source [file join $here {name}.tcl]
set_property top {name} [get_filesets sources_1]
ipx::package_project -root_dir [file normalize ip/{name}] -import_files -set_current true \\
  -vendor shiftwork -library {block.library.rpartition("/")[2]} -taxonomy /UserIP
set core [ipx::current_core]
set_property version {version} $core
set_property display_name {{Shiftwork {name}}} $core
set_property description {{{block.description}}} $core
set families {{}}
foreach family [lsort -unique [get_property FAMILY [get_parts]]] {{ lappend families $family Production }}
set_property supported_families $families $core

# Interfaces as they are told here, not as they were guessed from names
ipx::remove_all_bus_interface $core
foreach map [ipx::get_memory_maps * -of_objects $core] {{
  ipx::remove_memory_map [get_property name $map] $core
}}
foreach space [ipx::get_address_spaces * -of_objects $core] {{
  ipx::remove_address_space [get_property name $space] $core
}}
{chr(10).join(lines)}

ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
close_project -delete
"""


def _interface(bus: str, kind: str, mode: str, signals: dict[str, str], parameters: dict[str, str]) -> list[str]:
    """Commands that make an interface of ports; signals: name in the interface -> port."""
    lines = [
        f"set bus [ipx::add_bus_interface {bus} $core]",
        f"set_property bus_type_vlnv xilinx.com:{kind}:1.0 $bus",
        f"set_property abstraction_type_vlnv xilinx.com:{kind}_rtl:1.0 $bus",
        f"set_property interface_mode {mode} $bus",
    ]
    for name, value in parameters.items():
        lines.append(f"set_property value {value} [ipx::add_bus_parameter {name} $bus]")
    for logical, port in signals.items():
        lines.append(f"set_property physical_name {port} [ipx::add_port_map {logical} $bus]")
    return lines


def _addresses(bus: str) -> list[str]:
    """Commands that say what a slave answers at, and what a master reaches."""
    if BUSES[bus][0] == "master":
        return [
            f"set space [ipx::add_address_space {bus} $core]",
            "set_property range 4294967296 $space",
            "set_property width 32 $space",
            f"set_property master_address_space_ref {bus} $bus",
        ]
    return [
        f"set map [ipx::add_memory_map {bus} $core]",
        f"set_property slave_memory_map_ref {bus} $bus",
        "set block [ipx::add_address_block reg0 $map]",
        "set_property base_address 0 $block",
        f"set_property range {REGISTERS} $block",
        "set_property width 32 $block",
        "set_property usage register $block",
    ]


def _legal(name: str, facts: Mapping[str, Any]) -> list[str]:
    """Commands that limit a parameter; what the manifest says in words is left to elaboration."""
    if "values" in facts:
        limits = {"type": "list", "list": f"{{{' '.join(map(str, facts['values']))}}}"}
    elif "min" in facts:
        limits = {"type": "range_long", "range_minimum": facts["min"], "range_maximum": facts["max"]}
    else:
        return []
    lines = [f"set parameter [ipx::get_user_parameters {name} -of_objects $core]"]
    return lines + [f"set_property value_validation_{key} {value} $parameter" for key, value in limits.items()]
