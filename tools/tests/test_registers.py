# SPDX-License-Identifier: Apache-2.0
"""The description of the accelerator's registers, and what is made from it."""

from __future__ import annotations

import dataclasses
import subprocess

import pytest

from shiftwork.device import registers
from shiftwork.device.registers import BY_NAME, COUNTERS, REGISTERS, Field
from shiftwork.device.toolchain import find_compiler
from shiftwork.errors import ShiftworkError


def test_verilog_is_current(capsys):
    assert registers.main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_stale_verilog_is_found(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(registers.manifest, "ROOT", tmp_path)
    assert registers.main(["--check"]) == 1
    (tmp_path / registers.FILE).parent.mkdir(parents=True)
    assert registers.main([]) == 0
    assert registers.main(["--check"]) == 0
    (tmp_path / registers.FILE).write_text(registers.verilog().replace("32'h0", "32'h1"))
    assert registers.main(["--check"]) == 1
    assert "run `python -m shiftwork.device.registers`" in capsys.readouterr().err


def test_usage(capsys):
    assert registers.main(["--help"]) == 2
    assert "usage" in capsys.readouterr().err


def test_c_header_holds_the_map(tmp_path):
    """A C compiler reads the header; every offset and mask has the value of the description."""
    (tmp_path / "registers.h").write_text(registers.c_header())
    values = {f"SHW_{r.name}": r.offset for r in REGISTERS}
    values |= {f"SHW_{r.name}_{f.name.upper()}_MASK": f.mask for r in REGISTERS for f in r.fields}
    values |= {f"SHW_{r.name}_{f.name.upper()}_SHIFT": f.low for r in REGISTERS for f in r.fields}
    values |= {f"SHW_COUNT_{c.name}": registers.counter_offset(c.name) for c in COUNTERS}
    checks = "".join(f'static_assert({name} == {value}u, "{name}");\n' for name, value in values.items())
    (tmp_path / "use.cpp").write_text(f'#include "registers.h"\n#include "registers.h"\n{checks}')
    subprocess.run([find_compiler(), "-fsyntax-only", tmp_path / "use.cpp"], check=True)


def test_markdown_has_every_field(capsys):
    assert registers.main(["--markdown"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2 + sum(len(register.fields) for register in REGISTERS) + len(COUNTERS)
    assert {row.count("|") for row in rows} == {8}


def test_fields_in_and_out():
    override = BY_NAME["OVERRIDE"]
    values = {"enable": 1, "tr_en": 0, "data_terms": 9, "group": 256, "budget": 2047}
    word = override.encode(**values)
    assert word == 1 | 9 << 4 | 256 << 8 | 2047 << 20
    assert override.decode(word) == values
    with pytest.raises(ShiftworkError, match="512 does not fit group, 9 bits"):
        override.encode(group=512)
    with pytest.raises(ShiftworkError, match="no field 'size'"):
        override.encode(size=1)


def _spoiled(register: str, **changes: object):
    """REGISTERS with the first field of a register changed."""
    fields = BY_NAME[register].fields
    broken = dataclasses.replace(BY_NAME[register], fields=(dataclasses.replace(fields[0], **changes), *fields[1:]))
    return tuple(broken if r.name == register else r for r in REGISTERS)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (_spoiled("OVERRIDE", width=2), "OVERRIDE.tr_en: bits overlap"),
        (_spoiled("WATCHDOG", low=1), "WATCHDOG.cycles: bits overlap or are beyond 31"),
        (_spoiled("WATCHDOG", access="wo"), "WATCHDOG.cycles: access"),
        (_spoiled("WATCHDOG", port=""), "WATCHDOG.cycles: access, port or constant"),
        (_spoiled("WATCHDOG", port="status_busy"), "a name is used twice"),
        ((*REGISTERS, dataclasses.replace(BY_NAME["ID"], name="ID2")), "offsets"),
        ((*REGISTERS, dataclasses.replace(BY_NAME["ID"], name="ID2", offset=0x80)), "before the counters"),
    ],
)
def test_contradictions_are_found(broken, message, monkeypatch):
    monkeypatch.setattr(registers, "REGISTERS", broken)
    monkeypatch.setattr(registers, "BY_NAME", {register.name: register for register in broken})
    with pytest.raises(ShiftworkError, match=message):
        registers.check()


def test_spans():
    assert Field("a", 3, 2, "rw", "", "a").span == "[4:3]" and Field("a", 3, 1, "rw", "", "a").span == "[3]"


def test_faults_are_one_list():
    """The page of the accelerator has the codes and words of FAULTS."""
    page = (registers.manifest.ROOT / "docs" / "accelerator.md").read_text()
    section = page[page.index("## Faults") :]
    table = section[: section.index("\n## ")] if "\n## " in section else section
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]
    assert {int(row[0]): row[1] for row in rows[2:]} == registers.FAULTS
