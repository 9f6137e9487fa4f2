# SPDX-License-Identifier: Apache-2.0
"""The cores as an importing user meets them: a git library, an empty working directory, nothing but `fusesoc run`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cocotb_tools.check_results import get_results

import runner
from shiftwork.blocks import cores, manifest

BLOCK = "shw_group_reveal"
EXAMPLE = "shiftwork:examples:dot_products"
BLOCKS = manifest.load()
SIMULATION, _ = cores.SIMULATIONS[os.environ.get("SIM") or "icarus"]


def call(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    result = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout[-6000:]}{result.stderr[-6000:]}"
    return result.stdout


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with this working tree, less what git ignores."""
    root = tmp_path_factory.mktemp("origin") / "shiftwork"
    ignored = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__")
    shutil.copytree(runner.ROOT, root, symlinks=True, ignore=ignored)
    author = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    call("git", "init", "-q", cwd=root)
    call("git", "add", "-A", cwd=root)
    call("git", *author, "commit", "-q", "-m", "import", cwd=root)
    return root


def registered(library: Path, folder: Path) -> Path:
    """The working directory `folder` with the library registered, cloned by FuseSoC itself."""
    call("fusesoc", "library", "add", "shiftwork", library.as_uri(), "--sync-type", "git", cwd=folder)
    clone = folder / "fusesoc_libraries" / "shiftwork"
    assert (clone / "rtl" / "manifest.yml").is_file()
    return folder


@pytest.fixture
def user(library: Path, tmp_path: Path) -> Path:
    """A working directory of one test, which may break its clone."""
    return registered(library, tmp_path)


@pytest.fixture(scope="module")
def reader(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory that several tests share; none changes its clone."""
    return registered(library, tmp_path_factory.mktemp("reader"))


def environment(clone: Path, gpi: bool = True) -> dict[str, str]:
    """A user's shell: the reference models of the clone are importable, cocotb is told its library."""
    env = {**os.environ, "PYTHONPATH": str(clone / "tools"), "COCOTB_TRUST_INERTIAL_WRITES": "1"}
    env.pop("GPI_USERS", None)
    if gpi:
        parts = [call("cocotb-config", option, cwd=clone).strip() for option in ("--libpython", "--pygpi-entry-point")]
        env["GPI_USERS"] = ";".join(parts)
    return env


def fusesoc(user: Path, target: str, block: str, gpi: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a target of the core that holds the block."""
    clone = user / "fusesoc_libraries" / "shiftwork"
    bench = runner.ROOT / "tb" / str(BLOCKS.blocks[block].testbench) / f"cocotb_{BLOCKS.blocks[block].testbench}.py"
    env = environment(clone, gpi)
    if bench.is_file() and "cocotbext" in bench.read_text():  # it drives at rising edges
        env["COCOTB_TRUST_INERTIAL_WRITES"] = "0"
    name = cores.vlnv(BLOCKS, BLOCKS.blocks[block].library)
    return subprocess.run(
        ["fusesoc", "run", f"--target={target}", name],
        cwd=user,
        env=env,
        capture_output=True,
        text=True,
        timeout=1200,
        stdin=subprocess.DEVNULL,
    )


def source(user: Path, block: str) -> Path:
    return user / "fusesoc_libraries" / "shiftwork" / "rtl" / BLOCKS.blocks[block].file


def test_all_cores_are_found(user):
    listed = call("fusesoc", "core", "list", cwd=user)
    found = {line.split()[0] for line in listed.splitlines() if line.startswith("shiftwork:")}
    assert found == {f"{EXAMPLE}:0", *(cores.vlnv(BLOCKS, library) for library in BLOCKS.libraries)}


@pytest.mark.parametrize("target", [cores.target("lint", BLOCK), "lint_verible"])
def test_lint(user, target):
    result = fusesoc(user, target, BLOCK)
    assert result.returncode == 0, result.stdout + result.stderr
    path = source(user, BLOCK)
    path.write_text(path.read_text().replace("endmodule", "\twire [1:0] two = 3'd7;\nendmodule"))
    result = fusesoc(user, target, BLOCK)
    assert result.returncode != 0, "a seeded fault passes the lint"


def test_depend(user):
    """A design that depends on the engine's library gets the files of that library and of those below, no more."""
    call("fusesoc", "run", "--target=lint", EXAMPLE, cwd=user)
    files = {path.name for path in user.glob("build/*/lint/src/shiftwork_rtl_*/**/*.v")}
    below = {"common", "codes", "engines/tr"}
    assert files == {block.file.name for block in BLOCKS.blocks.values() if block.library in below}


@pytest.mark.full
@pytest.mark.parametrize("folder", list(BLOCKS.libraries))
@pytest.mark.parametrize("kind", ["lint", "lint_verible"])
def test_lint_of_every_library(reader, folder, kind):
    """One block of each: `make lint` reads every block, and the targets of a library share its files."""
    block = next(block.name for block in BLOCKS.blocks.values() if block.library == folder)
    result = fusesoc(reader, cores.target(kind, block) if kind == "lint" else kind, block)
    assert result.returncode == 0, result.stdout + result.stderr


def simulate(user: Path, kind: str, block: str) -> None:
    target = cores.target(kind, block)
    result = fusesoc(user, target, block)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    ran, failed = get_results(next(user.glob(f"build/*/{target}/results.xml")))
    assert ran > 0
    assert failed == 0


def test_simulation(user):
    target = cores.target(SIMULATION, BLOCK)
    result = fusesoc(user, target, BLOCK, gpi=False)
    assert result.returncode != 0, "without GPI_USERS nothing runs, and that passes"
    assert "GPI_USERS" in result.stdout + result.stderr
    simulate(user, SIMULATION, BLOCK)
    path = source(user, BLOCK)
    text = path.read_text()
    assert text.count("left <= budget;") == 1
    path.write_text(text.replace("left <= budget;", "left <= ~budget;"))
    result = fusesoc(user, target, BLOCK)
    assert result.returncode != 0, "a seeded bug passes the simulation"
    assert "FAILED: " in result.stdout + result.stderr


@pytest.mark.full
def test_simulation_on_verilator(reader):
    kind, _ = cores.SIMULATIONS["verilator"]
    simulate(reader, kind, BLOCK)


@pytest.mark.full
@pytest.mark.parametrize(
    "block", sorted(name for name in BLOCKS.blocks if cores.simulated(BLOCKS, BLOCKS.blocks[name]))
)
def test_simulation_of_every_block(reader, block):
    simulate(reader, SIMULATION, block)


def test_failing_simulation(user):
    """The session alone, on Python: a missing, an empty and a failing result end with exit code 1."""
    suite = '<testsuites><testsuite tests="{}" skipped="{}" failures="{}" errors="{}"/></testsuites>'
    tests = {
        "absent": (None, 1),
        "empty": ("<testsuites/>", 1),
        "skipped": (suite.format(2, 2, 0, 0), 1),
        "failed": (suite.format(2, 0, 1, 0), 1),
        "error": (suite.format(2, 0, 0, 1), 1),
        "passed": (suite.format(2, 1, 0, 0), 0),
    }
    session = runner.ROOT / "tb" / "fusesoc"
    for name, (text, code) in tests.items():
        write = "" if text is None else f"pathlib.Path('results.xml').write_text({text!r})"
        script = f"import pathlib, sys; sys.path.insert(0, {str(session)!r}); import fusesoc_session; {write}"
        result = subprocess.run([sys.executable, "-c", script], cwd=user, capture_output=True, text=True)
        assert result.returncode == code, f"{name}: {result.stdout}{result.stderr}"
