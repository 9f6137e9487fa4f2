# SPDX-License-Identifier: Apache-2.0
"""Lint of the hardware: what slang finds."""

from pathlib import Path

import pytest

from shiftwork.blocks.lint import signs

_PASS = "module top (input wire signed [7:0] a, output wire signed [7:0] b); assign b = a; endmodule\n"


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("", "", ""),
        ("wire signed [7:0] a", "wire [7:0] a", "[-Wsign-conversion]"),
        ("= a;", "= (a < {a}) ? a : ~a;", "[-Wsign-compare]"),
        ("= a;", "= c;", "undeclared identifier"),
    ],
    ids=["clean", "conversion", "comparison", "undeclared"],
)
def test_signs(tmp_path: Path, old: str, new: str, found: str) -> None:
    (tmp_path / "top.v").write_text(_PASS.replace(old, new, 1))
    text = signs([tmp_path / "top.v"], ["top"])
    assert (found in text) if found else not text
