# SPDX-License-Identifier: Apache-2.0
"""Build a block and run its cocotb tests under pytest, on Verilator or Icarus, through cocotb-test.

Sources come from rtl/manifest.yml. A run passes only when at least one cocotb test ran and none failed; a failure
shows the seed, the first failing test and the command that repeats it with waves. Signals of the top-level module are
visible to the tests; those of the modules below it are so on Icarus only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cocotb_test.simulator
import pytest

from shiftwork.blocks import manifest

ROOT = Path(__file__).resolve().parents[1]
RTL = Path(os.environ.get("SHW_RTL", ROOT / "rtl"))
"""Where sources under rtl/ are read from; tb/negative puts a broken copy in their place."""
BUILD = Path(os.environ.get("SHW_BUILD", ROOT / "build" / "sim"))
SIMULATORS = ("verilator", "icarus")
TIMESCALE = "1ns/1ps"
LANGUAGE = {
    "verilator": ["+1364-2005ext+v", "--no-timing", "-Wno-fatal", "-Wno-TIMESCALEMOD"],
    "icarus": ["-g2005"],
}

Value = int | str

# the simulators of this virtual environment, also where it is not activated
os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])


class _Run(cocotb_test.simulator.Simulator):  # type: ignore[misc]
    """What both simulators share: every command writes to one log, and the environment given here wins."""

    overrides: Mapping[str, str] = {}
    log: Path
    timeout: float

    def set_env(self) -> None:
        super().set_env()
        self.env.update(self.overrides)

    def execute(self, cmds: list[list[str]]) -> None:
        with self.log.open("a") as log:
            for command in cmds:
                log.write(f"$ {' '.join(command)}\n")
                log.flush()
                try:
                    code = subprocess.run(
                        command, cwd=self.work_dir, env=self.env, stdout=log, stderr=log, timeout=self.timeout
                    ).returncode
                except subprocess.TimeoutExpired:
                    raise SystemExit(f"{Path(command[0]).name} did not end within {self.timeout:g} s") from None
                if code:
                    raise SystemExit(f"{Path(command[0]).name} ended with exit code {code}")


class _Icarus(_Run, cocotb_test.simulator.Icarus):  # type: ignore[misc]
    pass


class _Verilator(_Run, cocotb_test.simulator.Verilator):  # type: ignore[misc]
    """Public are only the ports and signals of the top level, and Verilator's own runtime is compiled once, not once
    per model: both make a build several times faster."""

    runtime: Path

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        root = Path(shutil.which("verilator") or "").resolve().parents[1] / "lib" / "verilator"
        settings = (root / "include" / "verilated.mk").read_text() + os.environ.get("CXX", "") + str(self.waves)
        self.runtime = BUILD / "verilator" / f"runtime-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"

    def execute(self, cmds: list[list[str]]) -> None:
        verilate, make, *rest = cmds
        super().execute([verilate])
        folder = Path(self.sim_dir)
        with self.runtime.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the first model compiles the runtime, others wait for it
            if not self.runtime.is_dir():
                super().execute([make])
                fresh = Path(tempfile.mkdtemp(dir=BUILD))
                for compiled in folder.glob("verilated*.o"):
                    shutil.copyfile(compiled, fresh / compiled.name)
                fresh.rename(self.runtime)
        makefile_written = (folder / "Vtop.mk").stat().st_mtime
        for compiled in self.runtime.glob("*.o"):
            mine = folder / compiled.name
            if not mine.exists() or mine.stat().st_mtime <= makefile_written:
                shutil.copyfile(compiled, mine)
        super().execute([make, *rest])

    def build_command(self) -> list[list[str]]:
        traced, self.waves = self.waves, False
        visible = Path(self.sim_dir) / "visible.vlt"
        text = f'`verilator_config\npublic_flat_rw -module "{self.toplevel_module}" -var "*"\n'
        if not visible.exists() or visible.read_text() != text:  # a new date would compile an unchanged model again
            visible.write_text(text)
        if traced:
            self.compile_args += ["--trace-vcd", "--trace-structs"]
            self.plus_args += ["--trace"]
        verilate, *rest = super().build_command()
        first_source = verilate.index(self.verilog_sources_flat[0])
        verilate[first_source:first_source] = [str(visible)]
        return [[word for word in verilate if word not in ("perl", "--public-flat-rw")], *rest]


_CLASSES = {"verilator": _Verilator, "icarus": _Icarus}


def simulate(
    simulator: str,
    block: str,
    module: str,
    *,
    parameters: Mapping[str, Value] | None = None,
    env: Mapping[str, str] | None = None,
    extra_sources: Iterable[Path | str] = (),
    toplevel: str | None = None,
    sources: Iterable[Path | str] | None = None,
    timeout: float = 1800.0,
) -> None:
    """Build `block` and run the cocotb tests of the Python module `module`, which lies beside the calling test.

    parameters: Verilog parameters of the top level. env: added to the environment of the simulation, which always holds
    SHW_SEED. extra_sources: further Verilog files (absolute, or relative to the repository). toplevel: a wrapper among
    the extra sources, where the block itself is not the top level. sources: replaces the block's sources of the
    manifest. timeout: seconds that one command may take.
    Fails the calling test unless at least one cocotb test ran and all of them passed.
    """
    top = toplevel or block
    test_file = Path(sys._getframe(1).f_code.co_filename).resolve()
    waves = os.environ.get("WAVES", "0") not in ("", "0")
    files = [*(manifest.load().sources(block) if sources is None else sources), *extra_sources]
    paths = [_source(path) for path in files]
    words = {name: f'"{value}"' if isinstance(value, str) else str(value) for name, value in (parameters or {}).items()}

    key = repr((paths, words, waves, LANGUAGE[simulator]))
    readable = re.sub(r"\W+", "", "_".join(f"{name}{value}" for name, value in words.items()))[:60]
    folder = BUILD / simulator / f"{top}-{readable or 'default'}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    seed = os.environ.get("SHW_SEED") or "1"

    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = _CLASSES[simulator](
            toplevel=top,
            module=module,
            verilog_sources=paths,
            parameters=words,
            python_search=[str(test_file.parent), str(ROOT / "tb" / "lib")],
            compile_args=list(LANGUAGE[simulator]),
            sim_build=str(folder),
            timescale=TIMESCALE,
            waves=waves,
        )
        run.log = folder / f"{module}.log"
        run.log.unlink(missing_ok=True)
        results = folder / f"{module}.results.xml"
        results.unlink(missing_ok=True)
        run.timeout = timeout
        run.overrides = {
            "COCOTB_RESULTS_FILE": str(results),
            "COCOTB_TRUST_INERTIAL_WRITES": "1",
            "COCOTB_RANDOM_SEED": seed,
            "SHW_SEED": seed,
            **(env or {}),
        }
        problem = None
        try:
            run.set_env()
            run.execute(run.build_command())
        except SystemExit as stop:
            problem = str(stop)
        ran, first_failure = _read_results(results)
    reason = first_failure or problem or ("" if ran else "no cocotb test ran")
    if reason:
        _fail(run, reason, test_file, simulator, seed)


def _source(path: Path | str) -> str:
    full = ROOT / path
    return str(RTL / full.relative_to(ROOT / "rtl") if full.is_relative_to(ROOT / "rtl") else full)


def _read_results(path: Path) -> tuple[int, str | None]:
    """Number of cocotb tests that ran, and the first failure as `test: message`."""
    if not path.exists():
        return 0, None
    ran, first = 0, None
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        ran += 1
        failure = case.find("failure")
        failure = case.find("error") if failure is None else failure
        if failure is not None and first is None:
            message = failure.get("error_msg") or failure.get("message") or failure.text or "failed"
            first = f"{case.get('classname')}.{case.get('name')}: {message.strip()}"
    return ran, first


def _fail(run: _Run, reason: str, test_file: Path, simulator: str, seed: str) -> None:
    pytest_test = os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[-1].split("[")[0].split(" ")[0]
    tail = "".join(run.log.read_text(errors="replace").splitlines(keepends=True)[-40:]) if run.log.exists() else ""
    folder = test_file.parent.relative_to(ROOT / "tb") if test_file.is_relative_to(ROOT / "tb") else Path(".")
    pytest.fail(
        f"{tail}\n{reason}\n  seed      {seed}\n  log       {run.log.relative_to(ROOT)}\n"
        f"  reproduce make sim BLOCK={folder} SIM={simulator} SEED={seed} WAVES=1"
        f" PYTEST_ARGS='-k {pytest_test}'",
        pytrace=False,
    )


def elaboration_fails(
    simulator: str, block: str, parameters: Mapping[str, Value], *, sources: Iterable[Path | str] | None = None
) -> str:
    """Assert that elaboration with illegal parameters stops at a module that names the mistake; returns the log."""
    files = [_source(path) for path in (manifest.load().sources(block) if sources is None else sources)]
    words = {name: f'"{value}"' if isinstance(value, str) else str(value) for name, value in parameters.items()}
    if simulator == "verilator":
        command = ["verilator", "--lint-only", "-Wno-fatal", "--top-module", block]
        command += [*LANGUAGE[simulator], *(f"-G{name}={word}" for name, word in words.items())]
    else:
        command = ["iverilog", *LANGUAGE[simulator], "-t", "null", "-s", block]
        command += [f"-P{block}.{name}={word}" for name, word in words.items()]
    result = subprocess.run([*command, *files], capture_output=True, text=True, timeout=300)
    log = result.stdout + result.stderr
    assert result.returncode != 0, f"{block} elaborates with {dict(parameters)}:\n{' '.join(command)}\n{log}"
    assert "shw_ILLEGAL_" in log, f"{block} with {dict(parameters)} stops for another reason:\n{log}"
    return log


def missing(simulators: Iterable[str]) -> list[str]:
    """Those of the simulators whose commands are not on PATH."""
    commands = {"verilator": ("verilator",), "icarus": ("iverilog", "vvp")}
    return [name for name in simulators if not all(map(shutil.which, commands[name]))]
