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
TOP = "shw_tr_engine"
EXAMPLE = "shiftwork:examples:dot_products"
ACCELERATOR = "shiftwork:examples:accelerator"
BLOCKS = manifest.load()
SESSION = Path(__file__).parent / f"{cores.SESSION}.py"
GPI_USERS = 'export GPI_USERS="$(cocotb-config --libpython);$(cocotb-config --pygpi-entry-point)"'
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
    """A user's shell: nothing of this repository's own, cocotb is told its library."""
    own = ("GPI_USERS", "PYTHONPATH", "COCOTB_TRUST_INERTIAL_WRITES")
    env = {name: value for name, value in os.environ.items() if name not in own}
    if gpi:
        parts = [call("cocotb-config", option, cwd=clone).strip() for option in ("--libpython", "--pygpi-entry-point")]
        env["GPI_USERS"] = ";".join(parts)
    return env


def fusesoc(user: Path, target: tuple[str, str], gpi: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a target of a core."""
    name, core = target
    return subprocess.run(
        ["fusesoc", "run", f"--target={name}", core],
        cwd=user,
        env=environment(user, gpi),
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
    libraries = {cores.vlnv(BLOCKS, library) for library in BLOCKS.libraries}
    tops = {cores.target(BLOCKS, "default", name)[1] for name in BLOCKS.tops}
    assert {f"{EXAMPLE}:0", f"{ACCELERATOR}:0", *libraries, *tops} <= found
    assert {name.rsplit(":", 1)[0] for name in tops} >= {"shiftwork:accel:shw_accel_axi", "shiftwork:tr:shw_tr_engine"}


@pytest.mark.parametrize(
    ("target", "block"),
    [
        (cores.target(BLOCKS, "lint", BLOCK), BLOCK),
        (("lint_verible", cores.vlnv(BLOCKS, "engines/tr")), BLOCK),
        pytest.param(cores.target(BLOCKS, "lint", TOP), TOP, marks=pytest.mark.full),
    ],
    ids=["block", "library", "top"],
)
def test_lint(user, target, block):
    result = fusesoc(user, target)
    assert result.returncode == 0, result.stdout + result.stderr
    path = source(user, block)
    path.write_text(path.read_text().replace("endmodule", "\twire [1:0] two = 3'd7;\nendmodule"))
    result = fusesoc(user, target)
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
    verible = kind, cores.vlnv(BLOCKS, folder)
    result = fusesoc(reader, cores.target(BLOCKS, kind, block) if kind == "lint" else verible)
    assert result.returncode == 0, result.stdout + result.stderr


def simulate(user: Path, kind: str, block: str) -> None:
    target = cores.target(BLOCKS, kind, block)
    result = fusesoc(user, target)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    name, core = target
    ran, failed = get_results(user / "build" / core.replace(":", "_") / name / "results.xml")
    assert ran > 0
    assert failed == 0


def test_simulation(user):
    target = cores.target(BLOCKS, SIMULATION, BLOCK)
    result = fusesoc(user, target, gpi=False)
    assert result.returncode != 0, "without GPI_USERS nothing runs, and that passes"
    assert f"first:\n  {GPI_USERS}\n" in result.stdout + result.stderr
    simulate(user, SIMULATION, BLOCK)
    path = source(user, BLOCK)
    text = path.read_text()
    assert text.count("left <= budget;") == 1
    path.write_text(text.replace("left <= budget;", "left <= ~budget;"))
    result = fusesoc(user, target)
    assert result.returncode != 0, "a seeded bug passes the simulation"
    assert "FAILED: " in result.stdout + result.stderr


@pytest.mark.full
def test_simulation_on_verilator(reader):
    kind, _ = cores.SIMULATIONS["verilator"]
    simulate(reader, kind, BLOCK)


@pytest.mark.parametrize("family", ["generic", pytest.param("ecp5", marks=pytest.mark.full)])
def test_a_design_that_depends_on_the_accelerator(user, family):
    """An empty directory, a core and a bench of the user's own."""
    clone = user / "fusesoc_libraries" / "shiftwork"
    text = (clone / "examples" / "accelerator" / "copy.v").read_text()
    (user / "mine.v").write_text(text.replace('.ENGINE("tr")', f'.ENGINE("tr"), .FAMILY("{family}")'))
    core = (clone / "examples" / "accelerator" / "accelerator.core").read_text()
    assert 'depend: ["shiftwork:accel:shw_accel_axi"]' in core
    (user / "mine.core").write_text(core.replace(ACCELERATOR, "me:me:mine").replace("copy.v", "mine.v"))
    call("fusesoc", "library", "add", "mine", str(user), cwd=user)
    output = call("fusesoc", "run", "--target=sim", "me:me:mine", cwd=user, env=environment(user, False))
    assert "PASS: a program in" in output


def test_what_is_missing_is_one_line(tmp_path):
    """Without a simulator or cocotb: the line sets up the clone that the core came from."""
    clone, work = tmp_path / "lib", tmp_path / "work"
    for folder in (clone / "fusesoc_cores", work):
        folder.mkdir(parents=True)
    described = "cores:\n  a:\n    core_file: ../lib/fusesoc_cores/shw_tr.core\nflow_options:\n  tool: icarus\n"
    (work / "x.eda.yml").write_text(described)
    set_up = f"make -C {clone} simulators SIM=icarus && . {clone}/.venv/bin/activate && {GPI_USERS}"
    for more, line in (({"GPI_USERS": "given"}, ""), ({}, GPI_USERS), ({"PATH": str(tmp_path)}, set_up)):
        env = environment(tmp_path, False) | more
        result = subprocess.run([sys.executable, str(SESSION)], cwd=work, env=env, capture_output=True, text=True)
        assert result.stderr.endswith(f"\n  {line}\n" if line else "")
        assert bool(line) == bool(result.returncode)


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
    session = SESSION.parent
    for name, (text, code) in tests.items():
        write = "" if text is None else f"pathlib.Path('results.xml').write_text({text!r})"
        script = f"import pathlib, sys; sys.path.insert(0, {str(session)!r}); import fusesoc_session; {write}"
        result = subprocess.run([sys.executable, "-c", script], cwd=user, capture_output=True, text=True)
        assert result.returncode == code, f"{name}: {result.stdout}{result.stderr}"
