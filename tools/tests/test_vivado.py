# SPDX-License-Identifier: Apache-2.0
"""Scripts for Vivado in a Tcl interpreter whose Vivado commands keep what they are told, and refuse what is wrong."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shiftwork.blocks.manifest import ROOT, load
from shiftwork.blocks.verilog import ports

tkinter = pytest.importorskip("tkinter", reason="Python has no Tcl; run: apt-get install -y python3-tk")

TOPS = load().tops
SCRIPTS = ROOT / "vivado"

MASTER = {
    **dict.fromkeys(f"{c}{n}" for c in ("AW", "AR") for n in ("ID", "ADDR", "LEN", "SIZE", "BURST", "CACHE", "PROT")),
    **dict.fromkeys(["WDATA", "WSTRB", "WLAST", *(f"{c}VALID" for c in ("AW", "W", "AR")), "BREADY", "RREADY"]),
}
"""What a master of AXI4 drives."""
DRIVEN = {
    **dict.fromkeys(MASTER, "master"),
    **dict.fromkeys(
        ["AWREADY", "WREADY", "ARREADY", "BID", "BRESP", "BVALID", "RID", "RDATA", "RRESP", "RLAST", "RVALID"], "slave"
    ),
}
"""Signal of AXI4 -> who drives it."""
LITE = {f"{c}{n}" for c in ("AW", "AR") for n in ("ADDR", "PROT", "VALID", "READY")} | {
    *["WDATA", "WSTRB", "WVALID", "WREADY", "BRESP", "BVALID", "BREADY", "RDATA", "RRESP", "RVALID", "RREADY"]
}
SIGNALS = {
    "xilinx.com:interface:aximm": DRIVEN,
    "xilinx.com:signal:clock": {"CLK": "master"},
    "xilinx.com:signal:reset": {"RST": "master"},
    "xilinx.com:signal:interrupt": {"INTERRUPT": "master"},
}
PROPERTIES = {
    "fileset": {"top"},
    "file": {"USED_IN"},
    "core": {"version", "display_name", "description", "supported_families"},
    "bus_interface": {
        *("bus_type_vlnv", "abstraction_type_vlnv", "interface_mode"),
        *("slave_memory_map_ref", "master_address_space_ref"),
    },
    "bus_parameter": {"value"},
    "port_map": {"physical_name"},
    "memory_map": set[str](),
    "address_space": {"range", "width"},
    "address_block": {"base_address", "range", "width", "usage"},
    "user_parameter": {
        f"value_validation_{name}" for name in ("type", "list", "range_minimum", "range_maximum")
    },
}  # fmt: skip


class Vivado:
    """An interpreter with the commands that the scripts use, and what they made.

    Attributes:
        top: the block that a project is packaged of. files: of the project, by fileset. made: object -> its properties.
        associated: options of `associate_bus_interfaces`. done: commands that end a package, in their order.
    """

    def __init__(self) -> None:
        self.tcl = tkinter.Tcl()
        self.files: dict[str, list[Path]] = {"sources_1": [], "constrs_1": []}
        self.made: dict[str, dict[str, str]] = {}
        self.associated: list[dict[str, str]] = []
        self.done: list[str] = []
        self.failures: list[Exception] = []
        self.tcl.eval("namespace eval ipx {}")
        names = "create_project add_files get_files get_filesets get_parts get_property set_property close_project"
        for name in names.split():
            self.define(name, getattr(self, name))
        for name in ("create_xgui_files", "update_checksums", "check_integrity", "save_core"):
            self.define(f"ipx::{name}", lambda core, name=name: self.done.append(f"{name} {core}"))
        for kind in ("bus_interface", "memory_map", "address_space", "bus_parameter", "port_map", "address_block"):
            self.define(f"ipx::add_{kind}", lambda name, of, kind=kind: self.add(kind, name, of))
        for kind in ("memory_map", "address_space"):
            self.define(f"ipx::get_{kind}s", lambda name, _, of, kind=kind: self.of(kind, of))
            self.define(f"ipx::remove_{kind}", lambda name, of, kind=kind: self.remove(kind, name, of))
        self.define("ipx::package_project", self.package_project)
        self.define("ipx::current_core", lambda: "core")
        self.define("ipx::remove_all_bus_interface", self.remove_all_bus_interface)
        self.define("ipx::associate_bus_interfaces", self.associate_bus_interfaces)
        self.define("ipx::get_user_parameters", self.get_user_parameters)

    def define(self, name: str, command: Callable[..., object]) -> None:
        def call(*words: str) -> object:
            try:
                return command(*words) or ""
            except Exception as error:
                self.failures.append(error)
                raise

        self.tcl.createcommand(name, call)

    def run(self, script: Path, folder: Path) -> None:
        with contextlib.chdir(folder):
            try:
                self.tcl.eval(f"source {{{script}}}")
            except tkinter.TclError:
                # Tcl knows only that a command in Python failed.
                raise (self.failures or [tkinter.TclError(self.tcl.eval("set errorInfo"))])[0] from None

    # -- projects

    def create_project(self, *words: str) -> None:
        force, _name, folder = words
        assert force == "-force" and Path(folder).is_absolute()

    def close_project(self, delete: str) -> None:
        assert delete == "-delete"

    def add_files(self, *words: str) -> None:
        norecurse, fileset, into, file = words
        assert (norecurse, fileset) == ("-norecurse", "-fileset")
        assert Path(file).is_file(), file
        assert Path(file) not in self.files[into], f"{file} twice"
        self.files[into].append(Path(file))

    def get_files(self, file: str) -> str:
        assert any(Path(file) in files for files in self.files.values()), file
        return self.keep(f"file {file}")

    def get_filesets(self, name: str) -> str:
        assert name in self.files
        return self.keep(f"fileset {name}")

    def get_parts(self) -> str:
        return "xc7z020clg400-1 xc7z045ffg900-2 xc7vx485tffg1761-2"

    def get_property(self, name: str, of: str) -> str:
        if name == "FAMILY":
            return " ".join({"xc7z": "zynq", "xc7v": "virtex7"}[part[:4]] for part in of.split())
        assert name == "name"
        return of.rpartition("/")[2]

    def set_property(self, name: str, value: str, of: str) -> None:
        kind = of.split(" ")[0] if " " in of else of.split("/")[-2:][0]
        assert name in PROPERTIES[kind], f"{kind} has no property {name}"
        assert name not in self.made[of], f"{name} of {of} twice"
        self.made[of][name] = str(value)

    # -- packages

    def keep(self, name: str) -> str:
        self.made.setdefault(name, {})
        return name

    def package_project(self, *words: str) -> None:
        assert words[2] == "-import_files"
        options = dict(zip(words[3::2], words[4::2], strict=True)) | {words[0]: words[1]}
        assert {*options} == {"-root_dir", "-set_current", "-vendor", "-library", "-taxonomy"}
        self.top = self.made["fileset sources_1"]["top"]
        assert self.top in {file.stem for file in self.files["sources_1"]}
        self.keep("core")
        # What Vivado guesses of names
        for kind in ("bus_interface", "memory_map"):
            self.add(kind, "guessed", "core")

    def add(self, kind: str, name: str, of: str) -> str:
        assert of in self.made and f"{of}/{kind}/{name}" not in self.made
        return self.keep(f"{of}/{kind}/{name}")

    def of(self, kind: str, core: str) -> str:
        return " ".join(name for name in self.made if name.startswith(f"{core}/{kind}/") and name.count("/") == 2)

    def remove(self, kind: str, name: str, core: str) -> None:
        del self.made[f"{core}/{kind}/{name}"]

    def remove_all_bus_interface(self, core: str) -> None:
        for name in self.of("bus_interface", core).split():
            del self.made[name]

    def associate_bus_interfaces(self, *words: str) -> None:
        assert words[-1] == "core"
        options = dict(zip(words[:-1:2], words[1:-1:2], strict=True))
        assert {*options} <= {"-busif", "-clock", "-reset"}
        assert all(f"core/bus_interface/{name}" in self.made for name in options.values())
        self.associated.append(options)

    def get_user_parameters(self, name: str, of_objects: str, core: str) -> str:
        assert of_objects == "-of_objects"
        assert name in load().blocks[self.top].parameters
        return self.keep(f"{core}/user_parameter/{name}")

    def below(self, kind: str, of: str = "core") -> dict[str, dict[str, str]]:
        """Name -> properties of the objects of a kind in an object."""
        start = f"{of}/{kind}/"
        return {name.removeprefix(start): made for name, made in self.made.items() if re.match(f"{start}[^/]+$", name)}


@pytest.mark.parametrize("top", TOPS)
def test_a_project_gets_its_files(tmp_path, top):
    """From an empty directory; those that the manifest names, and a clock for synthesis of the block by itself."""
    vivado = Vivado()
    vivado.run(SCRIPTS / f"{top}.tcl", tmp_path)
    assert vivado.files["sources_1"] == list(load().sources(top))
    (constraints,) = vivado.files["constrs_1"]
    assert "out_of_context" in vivado.made[f"file {constraints}"]["USED_IN"].split()
    clocked = re.findall(r"get_ports (\w+)", constraints.read_text())
    assert {*clocked} <= {port.name for port in ports((ROOT / "rtl" / load().blocks[top].file).read_text())}


@pytest.mark.parametrize("top", TOPS)
def test_a_package_is_complete(tmp_path, top):
    """Every port that is named exists and has the direction of its interface; no port of an interface is left out."""
    vivado = Vivado()
    vivado.run(SCRIPTS / f"{top}_ip.tcl", tmp_path)
    block = load().blocks[top]
    assert vivado.top == top and vivado.made["core"]["version"] == "0.1"
    assert vivado.made["core"]["supported_families"] == "virtex7 Production zynq Production"
    directions = {port.name: port.direction for port in ports((ROOT / "rtl" / block.file).read_text())}
    buses = vivado.below("bus_interface")
    mapped = []
    for name, bus in buses.items():
        kind = bus["bus_type_vlnv"].removesuffix(":1.0")
        assert bus["abstraction_type_vlnv"] == f"{kind}_rtl:1.0"
        drives = SIGNALS[kind]
        maps = vivado.below("port_map", f"core/bus_interface/{name}")
        for logical, port in maps.items():
            mode = bus["interface_mode"]
            wanted = "output" if drives[logical] == mode else "input"
            assert directions[port["physical_name"]] == wanted, logical
        wanted_signals = {"s_axi": LITE, "m_axi": {*DRIVEN}}.get(name, {*drives})
        assert {*maps} == wanted_signals
        mapped += [port["physical_name"] for port in maps.values()]
    assert len(mapped) == len({*mapped})
    left = {name for name in directions if re.match("clk|rst|irq|[sm]_axi", name)} - {*mapped}
    assert not left
    parameters = {name: vivado.below("bus_parameter", f"core/bus_interface/{name}") for name in buses}
    assert parameters["rst"] == {"POLARITY": {"value": "ACTIVE_HIGH"}}
    busses = [name for name in ("s_axi", "m_axi") if name in buses]
    assert vivado.associated[-1] == {"-clock": "clk", "-reset": "rst"}
    assert vivado.associated[:-1] == [{"-busif": name, "-clock": "clk"} for name in busses]
    last = ["create_xgui_files", "update_checksums", "check_integrity", "save_core"]
    assert vivado.done == [f"{name} core" for name in last]
    limited = vivado.below("user_parameter")
    for name, facts in block.parameters.items():
        if "values" in facts:
            assert limited[name]["value_validation_list"].split() == [str(value) for value in facts["values"]]
        elif "min" in facts:
            assert int(limited[name]["value_validation_range_minimum"]) == facts["min"]
            assert int(limited[name]["value_validation_range_maximum"]) == facts["max"]
        else:
            assert name not in limited


def test_what_the_accelerator_is_packaged_with(tmp_path):
    """Addresses of both buses, protocols, the interrupt; names as the block design of a board uses them."""
    vivado = Vivado()
    vivado.run(SCRIPTS / "shw_accel_axi_ip.tcl", tmp_path)
    buses = vivado.below("bus_interface")
    assert {*buses} == {"clk", "rst", "irq", "s_axi", "m_axi"}
    assert buses["s_axi"]["slave_memory_map_ref"] == "s_axi" and buses["s_axi"]["interface_mode"] == "slave"
    registers = {"base_address": "0", "range": "4096", "width": "32", "usage": "register"}
    assert vivado.below("memory_map") == {"s_axi": {}}
    assert vivado.below("address_block", "core/memory_map/s_axi") == {"reg0": registers}
    assert buses["m_axi"]["master_address_space_ref"] == "m_axi" and buses["m_axi"]["interface_mode"] == "master"
    assert vivado.below("address_space") == {"m_axi": {"range": str(1 << 32), "width": "32"}}
    values = {name: vivado.below("bus_parameter", f"core/bus_interface/{name}") for name in buses}
    assert values["s_axi"]["PROTOCOL"]["value"] == "AXI4LITE"
    assert values["m_axi"]["PROTOCOL"]["value"] == "AXI4"
    assert values["irq"]["SENSITIVITY"]["value"] == "LEVEL_HIGH" and buses["irq"]["interface_mode"] == "master"


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("shw_accel.v", "shw_none.v"),
        ("add_port_map RDATA", "add_port_map RDATUM"),
        ("set_property physical_name m_axi_rdata", "set_property physical_name m_axi_wdata"),
        ("set_property interface_mode master $bus", "set_property interface_mode slave $bus"),
        ("ipx::save_core", "ipx::store_core"),
    ],
)
def test_a_wrong_script_is_found(tmp_path, monkeypatch, text, instead):
    """The tests above can fail."""
    for name in ("shw_accel_axi.tcl", "shw_accel_axi_ip.tcl"):
        script = (SCRIPTS / name).read_text().replace("[file normalize [info script]]", f"{{{SCRIPTS / name}}}")
        changed = script.replace(text, instead)
        changed = changed.replace("[file join $here shw_accel_axi.tcl]", f"{tmp_path}/shw_accel_axi.tcl")
        (tmp_path / name).write_text(changed)
    monkeypatch.setitem(test_a_package_is_complete.__globals__, "SCRIPTS", tmp_path)
    with pytest.raises((AssertionError, KeyError, tkinter.TclError)):
        test_a_package_is_complete(tmp_path, "shw_accel_axi")
