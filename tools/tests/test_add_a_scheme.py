# SPDX-License-Identifier: Apache-2.0
"""docs/add-a-scheme.md: a fifth scheme, registered by one line, runs everywhere that schemes run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import ternary

from shiftwork.cli import main
from shiftwork.example import CALIBRATION, MODEL, TEST
from shiftwork.network.integer import IntegerNetwork
from shiftwork.schemes import SCHEMES

FILES = ["--data", str(TEST), "--calib-data", str(CALIBRATION)]


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEMES, ternary.TERNARY.name, ternary.TERNARY)


def test_it_is_about_a_hundred_lines() -> None:
    assert len(Path(ternary.__file__).read_text().splitlines()) <= 110


@pytest.mark.parametrize("stream", ["weights", "activations"])
def test_golden_and_rtl(stream: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.json"
    command = ["run", str(MODEL), *FILES, "--scheme", "ternary", "--stream", stream, "--json", str(report)]
    assert main(command) == 0
    found = json.loads(report.read_text())
    assert found["samples"] > 500
    assert found["accuracy"] > 60  # far above chance; nothing is trained or fitted
    assert 0 < found["nonzero_macs"] < found["macs"]

    assert main([*command, "--executor", "rtl", "--limit", "3", "--rows", "4", "--cols", "8"]) == 0
    text = capsys.readouterr().out
    assert "nonzero %" in text
    found = json.loads(report.read_text())
    assert found["mismatches"] == 0 < found["compared"]
    assert found["cycles"] == found["predicted_cycles"]


def test_files_and_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "ternary.npz"
    quantize = ["quantize", str(MODEL), *FILES, "--scheme", "ternary", "--output", str(target)]
    assert main(quantize) == 0
    loaded = IntegerNetwork.load(target)
    assert {type(module.format) for module in loaded.convolutions} == {ternary.Ternary}
    for module in loaded.convolutions:
        assert module.weight is not None
        assert all(len(np.unique(np.abs(row[row != 0]))) <= 1 for row in module.weight)
    assert main(["simulate", str(target), "--data", str(TEST), "--limit", "2", "--rows", "4", "--cols", "8"]) == 0
    capsys.readouterr()
    assert main([*quantize, "--budget", "12"]) == 2
    assert "--budget belongs to --scheme tr, not to --scheme ternary" in capsys.readouterr().err
