# SPDX-License-Identifier: Apache-2.0
"""Gives `fusesoc run --target=sim` an honest exit code, and says what it lacks. Two roles:

* imported as the first cocotb module of a simulation, it provides the seed and the reference models of the library that
  FuseSoC took the core from, and when the simulator ends it turns "no test ran" and "a test failed" into exit code 1
  (a cocotb simulation ends with 0 in either case);
* run as a script before the build, it looks for the simulator, for cocotb, for numpy and for GPI_USERS, without which
  cocotb 2.1 silently runs no test, and prints the one line that brings what is missing.
"""

import atexit
import importlib.util
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

GPI_USERS = 'export GPI_USERS="$(cocotb-config --libpython);$(cocotb-config --pygpi-entry-point)"'
COMMANDS = {"verilator": "verilator", "icarus": "iverilog"}
MODULES = ("cocotb", "cocotbext.axi", "numpy", "yaml")


def described(folder: Path) -> str:
    """What FuseSoC wrote down about the design that is simulated in this folder."""
    return next((path.read_text() for path in folder.glob("*.eda.yml")), "")


def library(folder: Path) -> Path:
    """The clone that the cores of the design come from."""
    found = re.search(r"^\s*core_file:\s*(\S+)/fusesoc_cores/\S+\.core$", described(folder), re.MULTILINE)
    return (folder / found[1]).resolve() if found else Path("PATH-OF-SHIFTWORK")


def known(module: str) -> bool:
    """Whether Python finds the module; nothing is imported but the package around it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def missing_line(folder: Path) -> str | None:
    """The line for the shell without which no test would run; None when nothing is missing."""
    tool = re.search(r"^\s*tool:\s*(verilator|icarus)$", described(folder), re.MULTILINE)
    simulator = tool[1] if tool else "verilator"
    commands = ("cocotb-config", COMMANDS[simulator], *(("vvp",) if simulator == "icarus" else ()))
    steps = []
    if not all(map(shutil.which, commands)) or not all(map(known, MODULES)):
        clone = shlex.quote(str(library(folder)))
        steps += [f"make -C {clone} simulators SIM={simulator}", f". {clone}/.venv/bin/activate"]
    if steps or not os.environ.get("GPI_USERS"):
        steps.append(GPI_USERS)
    return " && ".join(steps) or None


def verdict(results: Path) -> None:
    """End the process with exit code 1 unless at least one test ran and all passed."""
    suites = ElementTree.parse(results).findall("testsuite") if results.exists() else []
    count = {
        name: sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "skipped", "failures", "errors")
    }
    ran, failed = count["tests"] - count["skipped"], count["failures"] + count["errors"]
    if failed or not ran:
        print(f"FAILED: {failed} of {ran} tests", file=sys.stderr, flush=True)
        os._exit(1)


if __name__ == "__main__":
    line = missing_line(Path.cwd())
    if line:
        sys.exit(f"No test would run. In this shell, first:\n  {line}")
else:
    os.environ.setdefault("SHW_SEED", "1")
    sys.path.insert(0, str(library(Path.cwd()) / "tools"))
    _results = Path(os.environ.get("COCOTB_RESULTS_FILE", "results.xml")).absolute()
    _results.unlink(missing_ok=True)
    atexit.register(verdict, _results)
