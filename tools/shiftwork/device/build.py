# SPDX-License-Identifier: Apache-2.0
"""Compile Verilog with Verilator into a shared library, without make and without Perl, and cache the result.

The cache key is the hash of every source, the parameters, the flags and the tool versions: a change of any of them
builds anew, nothing else does.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from shiftwork.device.toolchain import Verilator, find_compiler, find_verilator
from shiftwork.errors import ShiftworkError

REPOSITORY = Path(__file__).resolve().parents[3]

VERILATOR_FLAGS = (
    "--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-timing", "--no-assert",
    "--output-split", "20000", "--output-split-cfuncs", "300", "-Wno-fatal", "-Wno-lint", "-Wno-style",
)  # fmt: skip
COMPILER_FLAGS = (
    "-std=gnu++20", "-fPIC", "-faligned-new", "-fcf-protection=none", "-fvisibility-inlines-hidden", "-w",
    "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0", "-DVL_TIME_PRECISION_FS=0",
)  # fmt: skip
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
RUNTIME_TRACE = ("verilated_vcd_c.cpp",)


def cache_folder() -> Path:
    """``build/device`` of the repository, or the user's cache folder when the repository is read-only."""
    folder = REPOSITORY / "build" / "device"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "shiftwork" / "device"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@lru_cache(maxsize=1)
def _compiler_version() -> str:
    done = subprocess.run([find_compiler(), "--version"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0] if done.stdout else "unknown"


def _run(command: Sequence[str | Path], what: str, log: Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        log.write_text(" ".join(str(part) for part in command) + "\n" + done.stdout + done.stderr)
        lines = [line for line in (done.stderr + done.stdout).splitlines() if "rror" in line]
        reason = lines[0].strip() if lines else f"exit code {done.returncode}"
        raise ShiftworkError(f"{what} failed: {reason} (all output: {log})")


def build_library(
    top: str,
    sources: Sequence[Path],
    harness: Path,
    parameters: Mapping[str, int | str],
    defines: Mapping[str, int],
    trace: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Path:
    """Shared library of a Verilated top and its C++ harness, built when the cache has none.

    Args:
        top: name of the top module. sources: its Verilog files. harness: the C++ file with the C interface.
        parameters: Verilog parameters of the top. defines: macros of the harness.
        trace: with support for waveforms (slower). headers: generated headers that the harness includes, by name.

    Returns:
        Path of the library.

    Raises:
        ShiftworkError: a missing tool, a missing source or a failed build, with the log file.
    """
    for source in [*sources, harness]:
        if not source.is_file():
            raise ShiftworkError(
                f"source not found: {source} (the simulated device runs from a clone of the repository)"
            )
    verilator = find_verilator()
    find_compiler()
    key = hashlib.sha256()
    recipe = (top, sorted(parameters.items()), sorted(defines.items()), trace, verilator.version, _compiler_version())
    written = dict(headers or {})
    key.update(repr((recipe, sorted(written.items()), VERILATOR_FLAGS, COMPILER_FLAGS)).encode())
    for source in [*sources, harness]:
        key.update(source.name.encode() + b"\0" + source.read_bytes())
    folder = cache_folder() / f"{top}-{key.hexdigest()[:20]}"
    library = folder / "device.so"
    if library.is_file():
        return library
    with open(cache_folder() / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.is_file():
            _build(top, sources, harness, parameters, defines, trace, written, folder)
    return library


def _flags(verilator: Verilator, trace: bool) -> list[str]:
    include = verilator.root / "include"
    return [
        *COMPILER_FLAGS,
        f"-I{include}",
        f"-I{include / 'vltstd'}",
        f"-DVM_TRACE={int(trace)}",
        f"-DVM_TRACE_VCD={int(trace)}",
        "-DVM_TRACE_FST=0",
        "-DVM_TRACE_SAIF=0",
    ]


def _runtime(verilator: Verilator, compiler: Path, trace: bool, log: Path) -> Path:
    """Object file of Verilator's own run time; the same for every model, so it is built once."""
    flags = _flags(verilator, trace)
    recipe = repr((verilator.version, _compiler_version(), flags))
    target = cache_folder() / f"runtime-{hashlib.sha256(recipe.encode()).hexdigest()[:20]}.o"
    if not target.is_file():
        sources = [verilator.root / "include" / name for name in (*RUNTIME, *(RUNTIME_TRACE if trace else ()))]
        with tempfile.TemporaryDirectory(prefix=".runtime-", dir=cache_folder()) as folder:
            unit = Path(folder) / "runtime.cc"
            unit.write_text("".join(f'#include "{path}"\n' for path in sources))
            _run(
                [compiler, *flags, "-O1", "-c", unit, "-o", unit.with_suffix(".o")],
                "compiling Verilator's run time",
                log,
            )
            unit.with_suffix(".o").replace(target)
    return target


def _build(
    top: str,
    sources: Sequence[Path],
    harness: Path,
    parameters: Mapping[str, int | str],
    defines: Mapping[str, int],
    trace: bool,
    headers: Mapping[str, str],
    folder: Path,
) -> None:
    verilator, compiler = find_verilator(), find_compiler()
    log = cache_folder() / f"{folder.name}.log"
    work = Path(tempfile.mkdtemp(prefix=".build-", dir=cache_folder()))
    try:
        command: list[str | Path] = [verilator.program, *VERILATOR_FLAGS, "--top-module", top, "-Mdir", work]
        command += [
            f'-G{name}="{value}"' if isinstance(value, str) else f"-G{name}={value}"
            for name, value in parameters.items()
        ]
        command += ["--trace-vcd"] if trace else []
        environment = {**os.environ, "VERILATOR_ROOT": str(verilator.root)}
        done = subprocess.run(
            [str(part) for part in [*command, *sources]], capture_output=True, text=True, check=False, env=environment
        )
        if done.returncode != 0:
            log.write_text(done.stdout + done.stderr)
            lines = [line for line in done.stderr.splitlines() if line.startswith("%Error")]
            reason = lines[0] if lines else f"exit code {done.returncode}"
            raise ShiftworkError(f"Verilator on {top}: {reason} (all output: {log})")

        for name, text in headers.items():
            (work / name).write_text(text)
        flags = _flags(verilator, trace)
        flags += [f"-I{work}", f"-DSHW_TRACE={int(trace)}", *(f"-D{name}={value}" for name, value in defines.items())]
        generated = sorted(work.glob("*.cpp"), key=lambda path: -path.stat().st_size)
        # A few large translation units: parsing the headers costs more than compiling what a generated file holds.
        slow = [path for path in generated if "__Slow" in path.name or "__Syms" in path.name or "__Trace" in path.name]
        hot = [path for path in generated if path not in slow]
        parts = max(1, min(os.cpu_count() or 1, len(hot)))
        units = {f"hot{part}": (hot[part::parts], "-O2") for part in range(parts)}
        units |= {"harness": ([harness], "-O2"), "slow": (slow, "-O0")}

        def compile_unit(name: str) -> Path:
            files, level = units[name]
            unit = work / f"{name}.cc"
            unit.write_text("".join(f'#include "{path}"\n' for path in files))
            _run([compiler, *flags, level, "-c", unit, "-o", unit.with_suffix(".o")], f"compiling {top}", log)
            return unit.with_suffix(".o")

        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            runtime = pool.submit(_runtime, verilator, compiler, trace, log)
            objects = [*pool.map(compile_unit, units), runtime.result()]
        _run([compiler, "-shared", "-o", work / "device.so", *objects, "-lpthread"], f"linking {top}", log)
        folder.mkdir(exist_ok=True)
        (work / "device.so").replace(folder / "device.so")
    finally:
        shutil.rmtree(work, ignore_errors=True)
