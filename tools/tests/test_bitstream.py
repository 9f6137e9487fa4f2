# SPDX-License-Identifier: Apache-2.0
"""Bitstreams: pins of the boards, Edalize's tools from Python packages, what is read from reports."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from shiftwork.blocks.manifest import ROOT, load
from shiftwork.blocks.verilog import ports
from shiftwork.board import identity
from shiftwork.board.simulated_board import System
from shiftwork.board.uart import BAUD
from shiftwork.cli.boards import lines
from shiftwork.eda import bitstream, launcher, systems
from shiftwork.eda.bitstream import BOARDS, Bitstream
from shiftwork.errors import ShiftworkError
from shiftwork.progress import Progress

EDAM = {
    "name": "shiftwork_demo_0",
    "toplevel": "top",
    "parameters": {
        "ENGINE": {"datatype": "str", "default": "mac", "paramtype": "vlogparam"},
        "ROWS": {"datatype": "int", "default": 4, "paramtype": "vlogparam"},
    },
    "files": [
        {"name": "src/a.v", "file_type": "verilogSource-2005"},
        {"name": "constraints/ulx3s.lpf", "file_type": "LPF"},
        {"name": "src/top.v", "file_type": "verilogSource-2005"},
    ],
    "flow_options": {"arch": "ecp5", "yosys_synth_options": ["-nowidelut", "-nodsp"]},
}


CORES = sorted(path.stem for path in (ROOT / "fusesoc_cores" / "boards").glob("*/*.core"))
VENDOR = {"pynqz2": "zynq7", "artyz7": "zynq7", "zc706": "zynq7", "vc707": "vc707"}
"""Targets that need Vivado, and their cores."""
DESIGN = ROOT / "fusesoc_cores" / "boards" / "zynq7"


@pytest.mark.parametrize("core", [path.stem for path in (ROOT / "constraints").glob("*.[lpcx]*")])
def test_every_port_has_a_pin(core: str) -> None:
    assert core in CORES
    bitstream.check_pins(core, ROOT)


@pytest.mark.parametrize("name", CORES)
def test_cores_name_their_files(name: str) -> None:
    folder = ROOT / "fusesoc_cores" / "boards" / name
    core = yaml.safe_load((folder / f"{name}.core").read_text().removeprefix("CAPI=2:\n"))
    assert core["name"] == f"shiftwork:boards:{name}:{load().version}"
    for entry in core["filesets"].values():
        assert all((folder / file).is_file() for file in entry["files"])
    wanted = {target for target, board in BOARDS.items() if board.core == name}
    wanted |= {target for target, one in VENDOR.items() if one == name}
    assert {*core["targets"]} == {"default", *wanted}


def test_boards_are_known_by_their_number() -> None:
    for name in CORES:
        top = ROOT / "fusesoc_cores" / "boards" / name / f"shw_{name}.v"
        for number in re.findall(r"\.BOARD\((\d+)\)", top.read_text()):
            assert identity.BOARDS[int(number)] == name


@pytest.mark.parametrize("target", BOARDS)
def test_fusesoc_sets_a_bitstream_up(target: str, tmp_path: Path) -> None:
    """Each tool once, with the parameters that the simulated board has."""
    bitstream._fusesoc(target, tmp_path / "build", Progress(quiet=True), "--setup")
    build = launcher.described(tmp_path / "build")
    assert build["flow_options"]["frontends"] == ["yosys", "nextpnr"]
    system = systems.of_board(target)
    assert build["toplevel"] == system.top
    parameters = {name: facts for name, facts in build["parameters"].items() if facts["paramtype"] == "vlogparam"}
    assert {name: facts["default"] for name, facts in parameters.items()} == system.parameters
    names = {Path(entry["name"]).name for entry in build["files"]}
    assert {path.name for path in system.sources if path.parent != systems.CELLS} <= names


@pytest.mark.parametrize("target", VENDOR)
def test_vendor_projects_are_complete(target: str, tmp_path: Path) -> None:
    """FuseSoC writes the project; what it reads is there, its top level is that of a file or of the block design."""
    command = ["fusesoc", "--cores-root", str(ROOT / "fusesoc_cores"), "run", "--setup", "--work-root", str(tmp_path)]
    subprocess.run([*command, f"--target={target}", f"shiftwork:boards:{VENDOR[target]}"], check=True, cwd=tmp_path)
    script = next(tmp_path.glob("*_0.1.0.tcl")).read_text()
    files = re.findall(r"^(?:read_verilog|read_xdc|source) \{(.*)\}$", script, re.MULTILINE)
    assert len(files) > 50
    assert all((tmp_path / file).is_file() for file in files)
    top = re.search(r"set_property top (\w+)", script)
    assert top is not None
    modules = {Path(file).stem for file in files}
    assert top[1] in modules or "set_property top system_wrapper" in (DESIGN / "zynq7.tcl").read_text()


def test_the_block_design_connects_the_accelerator() -> None:
    inner = {port.name: port for port in ports((ROOT / "rtl" / "accel" / "shw_accel_axi.v").read_text())}
    cell = {port.name: port for port in ports((DESIGN / "shw_zynq7.v").read_text())}
    lights = {"status_busy", "status_done", "status_fault"}
    assert {*cell} - {"aclk", "aresetn"} == {*inner} - {"clk", "rst"} - lights
    for name in {*cell} & {*inner}:
        width = {"ID_W": "1"}.get(inner[name].width, inner[name].width)
        assert (cell[name].direction, cell[name].width) == (inner[name].direction, width)
    design = (DESIGN / "zynq7.tcl").read_text()
    pins = re.findall(r"get_bd_pins accel/(\w+)", design)
    assert sorted(pins) == ["aclk", "aresetn", "irq"]
    for bus in re.findall(r"get_bd_intf_pins accel/(\w+)", design):
        assert f"{bus}_awaddr" in cell
    assert re.search(r"PCW_S_AXI_HP0_DATA_WIDTH +64\n", design)
    assert cell["m_axi_wdata"].width == "64"
    assert "[get_bd_pins accel/irq] [get_bd_pins ps/IRQ_F2P]" in design


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (('LOCATE COMP "led[3]" SITE "D2";\n', ""), "no pin for led[3]"),
        (('COMP "led[3]"', 'COMP "led[4]"'), "no pin for led[3]; a pin for led[4], which shw_ulx3s.v has not"),
        (('SITE "D2"', 'SITE "C1"'), "pin C1 twice"),
        (
            ('LOCATE COMP "button" SITE "R1"', 'LOCATE COMP "led[0]" SITE "R1"'),
            "no pin for button; two pins for led[0]",
        ),
    ],
)
def test_a_wrong_pin_is_told(tmp_path: Path, change: tuple[str, str], fault: str) -> None:
    shutil.copytree(ROOT / "fusesoc_cores" / "boards", tmp_path / "fusesoc_cores" / "boards", symlinks=True)
    text = (ROOT / "constraints" / "ulx3s.lpf").read_text()
    assert change[0] in text
    (tmp_path / "constraints").mkdir()
    (tmp_path / "constraints" / "ulx3s.lpf").write_text(text.replace(*change))
    with pytest.raises(ShiftworkError) as raised:
        bitstream.check_pins("ulx3s", tmp_path)
    assert str(raised.value) == f"constraints/ulx3s.lpf: {fault}"


@pytest.mark.parametrize("name", ["ulx3s", "ulx3s_mac"])
def test_the_clock_is_what_the_pll_makes(name: str) -> None:
    """Of the oscillator's 25 MHz; nextpnr is told the same, and the serial line counts its bits in it."""
    text = (ROOT / "fusesoc_cores" / "boards" / "ulx3s" / "shw_ulx3s.v").read_text()
    system = systems.of_board(name)
    default = re.search(r"parameter MHZ += (\d+),", text)
    oscillator = re.search(r'FREQUENCY PORT "clk_25mhz" (\d+) MHZ;', (ROOT / "constraints" / "ulx3s.lpf").read_text())
    assert default is not None and oscillator is not None
    mhz, known = int(system.parameters.get("MHZ", default[1])), int(oscillator[1])
    assert f'FREQUENCY_PIN_CLKI = "{known}"' in text and ".CLKI_DIV(5), .CLKFB_DIV(MHZ / 5)," in text
    assert ".CLKOP_DIV(560 / MHZ)," in text and ".CLOCK_KHZ(MHZ * 1000)," in text
    assert known / 5 * (mhz / 5) == mhz and mhz % 5 == 0 and 560 % mhz == 0
    assert 1e6 * mhz / system.clocks_per_bit == pytest.approx(BAUD, rel=0.02)


def test_unknown_board() -> None:
    with pytest.raises(ShiftworkError, match=r"BOARD=mars: choose ulx3s, "):
        bitstream.board("mars")


def test_commands_of_a_build() -> None:
    assert launcher.commands(EDAM) == [
        "read_verilog src/a.v",
        "read_verilog src/top.v",
        'chparam -set ENGINE "mac" top',
        "chparam -set ROWS 4 top",
        "synth_ecp5 -nowidelut -nodsp -top top",
        "write_json shiftwork_demo_0.json",
    ]


def test_modules_are_dissolved_for_gowin() -> None:
    """After elaboration, which gives attributes anew: a module that keeps its hierarchy would get pads."""
    gowin = {**EDAM, "flow_options": {**EDAM["flow_options"], "arch": "gowin"}}
    found = launcher.commands(gowin)
    order = [found.index(f"hierarchy -top {EDAM['toplevel']}"), found.index("setattr -mod -unset keep_hierarchy *")]
    assert order == sorted(order) and found[order[1] + 1].startswith("synth_gowin")


def test_a_folder_without_a_build(tmp_path: Path) -> None:
    with pytest.raises(ShiftworkError, match=r"0 files \*\.eda\.yml where one build has one"):
        launcher.described(tmp_path)


def test_a_missing_tool_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(launcher.SCRIPTS, "ecppack", "a-script-that-nobody-has")
    with pytest.raises(ShiftworkError, match=r"ecppack is not installed; run: pip install 'shiftwork\[synth\]'"):
        launcher.launch("ecppack", [])


def test_an_unknown_tool_fails() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shiftwork.eda.launcher", "vivado"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("no vivado here: yosys, nextpnr-ecp5,")


def test_figures_of_an_ice40(tmp_path: Path) -> None:
    report, file = tmp_path / "report.json", tmp_path / "x.bin"
    used = {"ICESTORM_LC": 3400, "ICESTORM_RAM": 11, "ICESTORM_SPRAM": 4, "ICESTORM_DSP": 8}
    utilization = {name: {"used": count, "available": 5280} for name, count in used.items()}
    fmax = {"clk": {"achieved": 30.0, "constraint": 24.0}}
    report.write_text(json.dumps({"utilization": utilization, "fmax": fmax, "critical_paths": []}))
    file.write_bytes(b"bits")
    built = bitstream.read(BOARDS["icebreaker"], report, file, 12.0)
    assert built.used == {"LUT": (3400, 5280), "BRAM": (11, 5280), "SPRAM": (4, 5280), "DSP": (8, 5280)}


@pytest.mark.full
def test_an_icebreaker_is_built() -> None:
    """The whole way on the smallest board: it fits, it meets its clock."""
    built = bitstream.build("icebreaker", Progress(quiet=True))
    assert built.file.suffix == ".bin" and built.file.stat().st_size > 100_000
    assert built.wanted_mhz == 24.0 and built.slack_ns > 0
    assert built.used["SPRAM"] == (4, 4) and all(used <= there for used, there in built.used.values())


def test_figures_of_a_report(tmp_path: Path) -> None:
    report, file = tmp_path / "report.json", tmp_path / "x.bit"
    used = {"TRELLIS_COMB": 100, "TRELLIS_FF": 50, "DP16KD": 2, "MULT18X18D": 0}
    clocks = {"a": {"achieved": 125.0, "constraint": 100.0}, "b": {"achieved": 130.0, "constraint": 25.0}}
    utilization = {name: {"used": count, "available": 200} for name, count in used.items()}
    cells = (
        "u_top.u_core.u_fetch.word_TRELLIS_FF_Q_10",
        "u_top.take_LUT4_Z",
        "u_top.u_core.left_TRELLIS_FF_Q",
    )
    steps = [(0, "clk-to-q", 0.5), (1, "routing", 1.5), (1, "logic", 0.25), (2, "routing", 2.0), (2, "setup", 0.0)]
    path = [
        {"type": kind, "delay": delay, "from": {"cell": cells[0]}, "to": {"cell": cells[place]}}
        for place, kind, delay in steps
    ]
    paths = [{"from": "<async>", "to": "posedge a", "path": []}, {"from": "posedge a", "to": "posedge a", "path": path}]
    report.write_text(json.dumps({"utilization": utilization, "fmax": clocks, "critical_paths": paths}))
    file.write_bytes(b"bits")
    built = bitstream.read(BOARDS["ulx3s"], report, file, 12.0)
    assert built.used == {"LUT": (100, 200), "flip-flops": (50, 200), "BRAM": (2, 200), "DSP": (0, 200)}
    assert (built.fmax_mhz, built.wanted_mhz, built.slack_ns) == (125.0, 100.0, 2.0)
    text = "\n".join(lines(built))
    assert "clock 100 MHz, could be 125.0 MHz: slack 2.00 ns" in text
    assert "longest path: u_core.u_fetch.word to u_top.u_core.left: 1 cells, 4.2 ns, 3.5 of them routing" in text
    assert f"sha256 {built.sha256}" in text


def _digest(folder: Path, seed: str) -> str:
    """SHA-256 of the bitstream of a block, every tool in a process of its own, as in a build."""

    def start(tool: str, *words: str) -> None:
        command = [sys.executable, "-m", launcher.__name__, tool, *words]
        subprocess.run(command, check=True, cwd=folder, stderr=subprocess.DEVNULL)

    folder.mkdir()
    system = System("shw_host_bridge", tuple(load().sources("shw_host_bridge")), {"MEMORY_W": 12}, 4)
    systems.synthesize(system, "ecp5", ["-nowidelut", "-nodsp"], folder)
    start("nextpnr-ecp5", "--25k", "--package", "CABGA381", "--seed", seed, "--json", "shw_host_bridge.json",
          "--textcfg", "x.config", "--quiet")  # fmt: skip
    start("ecppack", "--compress", "x.config", "x.bit")
    return hashlib.sha256((folder / "x.bit").read_bytes()).hexdigest()


@pytest.mark.full
def test_a_bitstream_is_built_twice(tmp_path: Path) -> None:
    """The same bits from the same sources, in another folder; others where the placement is another."""
    first, again, other = (_digest(tmp_path / name, seed) for name, seed in (("a", "1"), ("b", "1"), ("c", "2")))
    assert first == again != other


def test_program_wants_a_bitstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        root = tmp_path

    monkeypatch.setattr(bitstream.manifest, "load", Elsewhere)
    with pytest.raises(ShiftworkError, match=r"run: make bitstream BOARD=ulx3s"):
        bitstream.program("ulx3s")


def test_slack_is_negative_where_timing_is_not_met() -> None:
    assert Bitstream(Path(), "", 0.0, {}, fmax_mhz=50.0, wanted_mhz=100.0).slack_ns == -10.0
