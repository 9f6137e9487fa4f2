# SPDX-License-Identifier: Apache-2.0
"""Seeded bugs: the tests of a block must fail on a broken copy of it, and pass on an unbroken one.

They stand beside the tests that catch them, in tb/<folder>/mutants.yml. Each replaces one exact text of a source:
  find, replace  a text that occurs once in the source, and what stands there instead
  block          optional: the block that it breaks, where that is not shw_<folder>
  file           optional: the source relative to rtl/, where that is not the one of the block
  select         optional: expression that picks among the pytest tests of the folder
  tests          optional: regular expression that picks among its cocotb tests
  quick          optional: true for the few that `make test` runs as well
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from runner import ROOT
from shiftwork.blocks import manifest

WORK = ROOT / "build" / "negative"


@dataclass(frozen=True)
class Mutant:
    folder: str
    block: str
    file: str
    find: str
    replace: str
    select: str = ""
    tests: str = ""
    quick: bool = False


def mutants_in(path: Path) -> list[Mutant]:
    """The seeded bugs of one mutants.yml."""
    found = []
    for entry in yaml.safe_load(path.read_text()):
        block = entry.get("block", f"{manifest.PREFIX}{path.parent.name}")
        file = manifest.load().blocks[block].file
        found.append(Mutant(path.parent.name, **{"block": block, "file": file, **entry}))
    return found


MUTANTS = [mutant for path in sorted((ROOT / "tb").glob("*/mutants.yml")) for mutant in mutants_in(path)]


def run_tests(name: str, folder: str, source: Path, select: str = "", tests: str = "") -> tuple[int, str]:
    """Exit code and output of the quick tests of a folder on Icarus, with the sources of `source`."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-o", f"cache_dir={WORK / name}", "-p", "no:xdist"]
    command += ["-m", "not full", "-k", f"not illegal and ({select})" if select else "not illegal", f"tb/{folder}"]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COCOTB_", "WAVES"))}
    env |= {"SIM": "icarus", "SHW_RTL": str(source), "SHW_BUILD": str(WORK / name / "sim")}
    if tests:
        env["COCOTB_TEST_FILTER"] = tests
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    return result.returncode, result.stdout + result.stderr


@pytest.fixture
def copy(request: pytest.FixtureRequest):
    """A copy of rtl/ that this test may break."""
    name = re.sub(r"\W+", "_", request.node.name)
    shutil.rmtree(WORK / name, ignore_errors=True)
    target = WORK / name / "rtl"
    shutil.copytree(ROOT / "rtl", target)
    yield name, target
    shutil.rmtree(WORK / name)


def identity(mutant: Mutant) -> str:
    return f"{mutant.block}-{[m for m in MUTANTS if m.block == mutant.block].index(mutant)}"


@pytest.mark.parametrize(
    "mutant",
    [pytest.param(m, id=identity(m), marks=() if m.quick else (pytest.mark.full,)) for m in MUTANTS],
)
def test_mutant_is_killed(mutant: Mutant, copy: tuple[str, Path]):
    name, rtl = copy
    source = rtl / mutant.file
    text = source.read_text()
    source.write_text(text.replace(mutant.find, mutant.replace))
    code, log = run_tests(name, mutant.folder, rtl, mutant.select, mutant.tests)
    assert code == 1, f"the tests of {mutant.folder} pass with the bug in, or did not run (exit code {code}):\n{log}"
    assert re.search(r"^cocotb_\w+\.\w+: ", log, re.MULTILINE), f"not a cocotb test, but something else failed:\n{log}"
    assert "iverilog ended with exit code" not in log, log


def test_unbroken_copy_passes(copy: tuple[str, Path]):
    name, rtl = copy
    code, log = run_tests(name, "plane_lists", rtl)
    assert code == 0, log


def test_every_mutant_breaks_one_place():
    wrong = [identity(m) for m in MUTANTS if (ROOT / "rtl" / m.file).read_text().count(m.find) != 1]
    assert not wrong, f"their text does not occur once: {', '.join(wrong)}"


def test_every_block_has_a_mutant():
    without = set(manifest.load().blocks) - {mutant.block for mutant in MUTANTS}
    assert not without, f"no seeded bug for {sorted(without)}"
