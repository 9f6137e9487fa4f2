# SPDX-License-Identifier: Apache-2.0
"""The records below docs/measurements/ and the list of what is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from shiftwork.blocks.manifest import ROOT
from shiftwork.errors import ShiftworkError
from shiftwork.measure import __main__ as command
from shiftwork.measure import records, runs
from shiftwork.measure.bench import Bench

FILES = sorted((ROOT / "docs" / "measurements").iterdir())
CONTENT = {"floats": [0.1, 1 / 3, 5e-324, 1.0], "words": 'a "quoted" | word', "nothing": None, "empty": {}, "none": []}


def test_every_record_has_an_entry_and_every_entry_a_record() -> None:
    known = {name for path in FILES for name in records.read(path)}
    assert known == set(command.jobs(Bench(ROOT)))
    assert all(records.file_of(ROOT, name) in FILES for name in known)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_storing_a_record_again_changes_nothing(tmp_path: Path, path: Path) -> None:
    for name, record in reversed(records.read(path).items()):
        records.store(tmp_path, name, record)
    assert (tmp_path / "docs" / "measurements" / path.name).read_text() == path.read_text()


def test_one_record_is_replaced(tmp_path: Path) -> None:
    assert records.load(tmp_path, "synth_b") is None
    records.store(tmp_path, "synth_b", CONTENT)
    records.store(tmp_path, "synth_a", {"long": ["x" * 100] * 4, "layers": [{"name": "a"}, {"name": "b"}]})
    before = records.file_of(tmp_path, "synth_b").read_text().splitlines()
    records.store(tmp_path, "synth_b", {**CONTENT, "words": "others"})
    after = records.file_of(tmp_path, "synth_b").read_text().splitlines()
    assert records.load(tmp_path, "synth_b") == {**CONTENT, "words": "others"}
    assert [old for old, new in zip(before, after, strict=True) if old != new] == [
        line for line in before if "quoted" in line
    ]


@pytest.mark.parametrize("text", ["{", "[]", '{"demo": 1}'])
def test_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    path = records.file_of(tmp_path, "demo")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ShiftworkError, match="networks"):
        records.load(tmp_path, "demo")


def test_command_measures_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--only`` chooses, ``--force`` measures again, a mismatch makes the exit code 1."""
    figures = iter(({"round": 1}, {"round": 2, "rtl": {"mismatches": 3}}))
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(runs, "demo", lambda: next(figures))
    words = ["--data", str(tmp_path), "--only", "dem*"]
    assert command.main(words) == 0
    assert command.main(words) == 0
    assert records.load(tmp_path, "demo") == {"round": 1}
    assert command.main([*words, "--force"]) == 1
    assert records.read(records.file_of(tmp_path, "demo")) == {"demo": {"round": 2, "rtl": {"mismatches": 3}}}


def test_missing_data_is_a_mistake_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["--data", str(tmp_path), "--only", "simulation_speed", "--force"]) == 2
    assert "measure: error: " in capfd.readouterr().err
