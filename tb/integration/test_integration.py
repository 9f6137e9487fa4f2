# SPDX-License-Identifier: Apache-2.0
"""The integration example runs as its README says, and its bench fails when a sum is not what it expects."""

import os
import subprocess
from itertools import pairwise
from pathlib import Path

import runner

EXAMPLE = runner.ROOT / "examples" / "integration"


def run(simulator: str, build: Path, expected: int) -> tuple[int, str]:
    """`make SIMULATOR` of the example: its exit code and output."""
    command = ["make", "-C", str(EXAMPLE), simulator, f"BUILD={build}", f"EXPECT={expected}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    return result.returncode, result.stdout + result.stderr


def test_smoke(simulator: str, tmp_path: Path) -> None:
    code, output = run(simulator, tmp_path, 4878)
    assert code == 0, output
    assert "PASS: 4 result beats" in output
    code, output = run(simulator, tmp_path, 4879)
    assert code != 0, output
    assert "FAIL: 4 result beats, 2 errors" in output


def test_source_folders_suffice() -> None:
    """Every file below the engine lies in a folder that sources.f names."""
    words = (EXAMPLE / "sources.f").read_text().split()
    folders = {(EXAMPLE / path).resolve() for option, path in pairwise(words) if option == "-y"}
    needed = {path.parent for path in runner.manifest.load().sources("shw_tr_engine")}
    assert needed <= folders
