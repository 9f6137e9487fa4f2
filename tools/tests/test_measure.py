# SPDX-License-Identifier: Apache-2.0
"""The records below docs/measurements/ and the list of what is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shiftwork.blocks.manifest import ROOT
from shiftwork.errors import ShiftworkError
from shiftwork.measure import __main__ as command
from shiftwork.measure import costs, records, regression, runs
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


AREA = {
    "name": "area",
    "tool": "Yosys 1",
    "blocks": [
        {"block": "shw_a", "cells": 1000, "flip_flops": 10, "block_rams": 1.0, "delay_ps": 2000},
        {"block": "shw_b", "cells": 20, "flip_flops": 5, "block_rams": 0.0, "delay_ps": 900},
    ],
}


def _verdicts(*changed: tuple[int, str, float]) -> dict[tuple[str, str], str]:
    """Verdicts that are not ``same`` when these figures of :data:`AREA` are measured otherwise."""
    now: dict[str, Any] = {**AREA, "blocks": [dict(block) for block in AREA["blocks"]]}  # type: ignore[call-overload]
    for block, figure, value in changed:
        now["blocks"][block][figure] = value
    found = regression.compare(AREA, now)
    assert len(found) == 8
    return {(c.place, c.figure): c.verdict for c in found if c.verdict != "same"}


def test_areas_move_within_their_tolerance_or_grow() -> None:
    """1 % or 4 of what is counted in logic, 3 % of a delay, nothing of block RAM; the better figure is no error."""
    assert _verdicts() == {}
    assert _verdicts((0, "cells", 1010), (1, "cells", 24), (0, "delay_ps", 2060)) == {
        ("area shw_a", "cells"): "within", ("area shw_b", "cells"): "within", ("area shw_a", "delay_ps"): "within",
    }  # fmt: skip
    assert _verdicts((0, "cells", 1011), (1, "cells", 25), (0, "block_rams", 1.5), (1, "delay_ps", 930)) == {
        ("area shw_a", "cells"): "grew", ("area shw_b", "cells"): "grew", ("area shw_a", "block_rams"): "grew",
        ("area shw_b", "delay_ps"): "grew",
    }  # fmt: skip
    assert _verdicts((0, "cells", 900), (0, "block_rams", 0.5)) == {
        ("area shw_a", "cells"): "shrank", ("area shw_a", "block_rams"): "shrank",
    }  # fmt: skip
    assert not regression.Change("board", "fmax_mhz", 100.0, 110.0).wrong
    assert regression.Change("board", "fmax_mhz", 100.0, 94.0).verdict == "grew"


def test_entries_without_a_baseline_are_errors() -> None:
    assert all(change.verdict == "new" and change.wrong for change in regression.compare(None, AREA))
    one = {**AREA, "blocks": AREA["blocks"][:1]}  # type: ignore[index]
    assert {c.verdict for c in regression.compare(AREA, one)} == {"same", "gone"}
    assert {c.verdict for c in regression.compare(AREA, one, part=True)} == {"same"}


def test_check_fails_on_what_grew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A block that is synthesized again and compared; a baseline that was smaller turns the check red."""
    monkeypatch.setattr(command, "ROOT", tmp_path)
    words = ["--only", "area", "--block", "shw_skid_buffer"]
    assert command.main([*words, "--force"]) == 0
    record = records.load(tmp_path, "area")
    assert record is not None and record["blocks"][0]["flip_flops"] > 8
    assert command.main([*words, "--check"]) == 0
    record["blocks"][0]["flip_flops"] -= 5
    records.store(tmp_path, "area", record)
    assert command.main([*words, "--check"]) == 1
    assert "area shw_skid_buffer" in capsys.readouterr().out
    assert command.main(["--only", "nothing", "--check"]) == 1


def test_some_blocks_are_measured_again() -> None:
    again = {**AREA, "blocks": [{"block": "shw_fifo", "cells": 3}]}
    before = {**AREA, "blocks": [{"block": "shw_fifo", "cells": 2}, {"block": "shw_ram_sdp", "cells": 0}]}
    assert costs.joined(before, again)["blocks"] == [before["blocks"][1], again["blocks"][0]]  # type: ignore[index]
    with pytest.raises(ShiftworkError, match="Yosys 2"):
        costs.joined(before, {**again, "tool": "Yosys 2"})
