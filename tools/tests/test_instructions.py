# SPDX-License-Identifier: Apache-2.0
"""Instructions of the accelerator: bytes and fields, what is refused, the listing, the decoders in rtl/."""

from __future__ import annotations

import random

import pytest

from shiftwork.blocks import manifest
from shiftwork.compile import instructions
from shiftwork.compile.instructions import BITS, BYTES, HEADER, KINDS, MOVE, RUN, Field, decode, encode, fields, listing
from shiftwork.errors import ShiftworkError

LEGAL = {kind: {field.name: field.low for field in fields(kind)} | {"kind": KINDS[kind]} for kind in KINDS}
"""The smallest value of every field."""


def highest(field: Field) -> int:
    return field.limits[1]


@pytest.mark.parametrize("kind", KINDS)
def test_fields_fit_and_have_names_of_their_own(kind):
    names = [field.name for field in fields(kind)]
    assert len(set(names)) == len(names)
    assert sum(field.width for field in fields(kind)) <= BITS
    assert fields(kind)[: len(HEADER)] == HEADER


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_encoded_is_decoded(kind):
    generator = random.Random(3)
    for _ in range(200):
        values = dict(LEGAL[kind])
        for field in fields(kind):
            if field.name != "kind":
                value = generator.choice((*field.limits, generator.randint(*field.limits)))
                values[field.name] = value // field.multiple * field.multiple
        data = encode(kind, values)
        assert len(data) == BYTES
        assert decode(data) == (kind, values)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_bits_of_its_own(kind):
    seen, layout = 0, [field for field in fields(kind) if field.name not in ("kind", "reserved")]
    plain = int.from_bytes(encode(kind, LEGAL[kind]), "little")
    for field in layout:
        top = highest(field) // field.multiple * field.multiple
        bits = int.from_bytes(encode(kind, LEGAL[kind] | {field.name: top}), "little") ^ plain
        assert bits and not bits & seen, field.name
        seen |= bits


def test_fields_that_are_not_given_are_zero():
    values = decode(encode("load", {"words": 5}))[1]
    assert {name: value for name, value in values.items() if value} == {"words": 5}


def test_layout():
    """Programs that exist depend on it."""
    data = encode("load", {"target": 2, "memory": 0x12345678, "words": 0xABCDEF, "place": 0x55AA, "give_token": 1})
    word = 0 | 1 << 3 | 2 << 8 | 0x12345678 << 10 | 0xABCDEF << 42 | 0x55AA << 66
    assert data == word.to_bytes(64, "little")
    assert encode("store", {"words": 1})[0] == 1
    assert encode("run", LEGAL["run"])[0] == 2


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind in KINDS for field in fields(kind) if field.name != "kind"]
)
def test_values_that_are_refused_name_the_field(kind, field):
    low, high = field.limits
    for value in {low - 1, high + 1, 1 << field.width}:
        with pytest.raises(ShiftworkError, match=rf"^instruction {kind}: {field.name} = {value} is not within "):
            encode(kind, LEGAL[kind] | {field.name: value})
    if field.multiple > 1:
        with pytest.raises(ShiftworkError, match=rf"^instruction {kind}: {field.name} = 4 is not a multiple of 8$"):
            encode(kind, LEGAL[kind] | {field.name: 4})


def test_a_size_that_is_not_given_is_refused():
    with pytest.raises(ShiftworkError, match=r"instruction store: words = 0 is not within 1\.\."):
        encode("store", {})


def test_unknown_fields_and_kinds():
    with pytest.raises(ShiftworkError, match="instruction load: no field speed, unit"):
        encode("load", LEGAL["load"] | {"unit": 0, "speed": 3})
    with pytest.raises(ShiftworkError, match="an instruction is of the kind load, store, run, not jump"):
        encode("jump", {})
    with pytest.raises(ShiftworkError, match="unknown kind 3"):
        decode(b"\3" + bytes(63))
    with pytest.raises(ShiftworkError, match="64 bytes, not 63"):
        decode(bytes(63))


def test_listing():
    program = encode("load", {"words": 7, "memory": 64, "give_token": 1}) + encode("run", LEGAL["run"] | {"relu": 1})
    first, second = listing(program)
    assert first == "   0  load   give_token=1 memory=64 words=7"
    assert second.startswith("   1  run    height=1 width=1 ")
    assert second.endswith(" out_channels=1 relu=1")
    assert listing(b"") == []
    with pytest.raises(ShiftworkError, match="64 bytes, not 4"):
        listing(program + bytes(4))


def test_the_decoders_are_those_of_the_description():
    folder = manifest.ROOT / "rtl" / "accel"
    for name, text in instructions.verilog().items():
        assert (folder / name).read_text() == text, f"python -m shiftwork.compile.instructions writes another {name}"


def test_decoders_have_a_port_for_every_field():
    move, run = instructions.verilog().values()
    for text, layout in ((move, MOVE), (run, RUN[len(HEADER) :])):
        for field in layout:
            assert (f" {field.name} = instruction[" in text) == (field.name != "reserved"), field.name


def test_command_writes_the_decoders(tmp_path, monkeypatch, capsys):
    (tmp_path / "rtl" / "accel").mkdir(parents=True)
    monkeypatch.setattr(instructions, "__file__", str(tmp_path / "tools" / "shiftwork" / "compile" / "instructions.py"))
    instructions.main()
    told = capsys.readouterr().out
    for name, text in instructions.verilog().items():
        assert (tmp_path / "rtl" / "accel" / name).read_text() == text
        assert name in told
