# SPDX-License-Identifier: Apache-2.0
"""Instructions of the accelerator: bytes and fields, what is refused, the checksum, the listing, the decoders."""

from __future__ import annotations

import random
import zlib

import pytest

from shiftwork.compile import instructions
from shiftwork.compile.instructions import (
    BITS,
    BYTES,
    COMMON,
    HEADER,
    KINDS,
    MAGIC,
    MOVE,
    RUN,
    VERSION,
    Field,
    checksum,
    decode,
    encode,
    fields,
    is_legal,
    listing,
    sealed,
)
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
    assert fields(kind)[:1] == COMMON[:1]
    assert kind == "header" or fields(kind)[: len(COMMON)] == COMMON


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
    seen, layout = 0, [field for field in fields(kind) if field.name != "kind" and not field.is_fixed]
    plain = int.from_bytes(encode(kind, LEGAL[kind]), "little")
    for field in layout:
        top = highest(field) // field.multiple * field.multiple
        bits = int.from_bytes(encode(kind, LEGAL[kind] | {field.name: top}), "little") ^ plain
        assert bits and not bits & seen, field.name
        seen |= bits


def test_fields_that_are_not_given_are_zero_or_their_only_value():
    values = decode(encode("load", {"words": 5}))[1]
    assert {name: value for name, value in values.items() if value} == {"words": 5}
    values = decode(encode("header", {"instructions": 5}))[1]
    values = {name: value for name, value in values.items() if value}
    assert values == {"kind": 3, "instructions": 5, "magic": MAGIC, "version": VERSION}


def test_layout():
    """Programs that exist depend on it."""
    data = encode("load", {"target": 2, "memory": 0x12345678, "words": 0xABCDEF, "place": 0x55AA, "give_token": 1})
    word = 0 | 1 << 3 | 2 << 8 | 0x12345678 << 10 | 0xABCDEF << 42 | 0x55AA << 66
    assert data == word.to_bytes(64, "little")
    assert encode("store", {"words": 1})[0] == 1
    assert encode("run", LEGAL["run"])[0] == 2
    header = {"engine": 3, "rows": 8, "cols": 64, "instructions": 0x1234, "crc": 0x89ABCDEF, "activations": 11,
              "weights": 10, "constants": 9}  # fmt: skip
    assert encode("header", header)[:19] == bytes.fromhex("03010308 53485750 4000 3412 efcdab89 0b0a09")


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind in KINDS for field in fields(kind) if field.name != "kind"]
)
def test_values_that_are_refused_name_the_field(kind, field):
    low, high = field.limits
    for value in {low - 1, high + 1, 1 << field.width} - {low, high}:
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
    with pytest.raises(ShiftworkError, match="an instruction is of the kind load, store, run, header, not jump"):
        encode("jump", {})
    with pytest.raises(ShiftworkError, match="64 bytes, not 63"):
        decode(bytes(63))


def test_listing():
    program = encode("load", {"words": 7, "memory": 64, "give_token": 1}) + encode("run", LEGAL["run"] | {"relu": 1})
    first, second = listing(program)
    assert first == "   0  load    give_token=1 memory=64 words=7"
    assert second.startswith("   1  run     height=1 width=1 ")
    assert second.endswith(" out_channels=1 relu=1")
    assert listing(b"") == []
    with pytest.raises(ShiftworkError, match="64 bytes, not 4"):
        listing(program + bytes(4))


def test_checksum():
    header = encode("header", {"instructions": 2})
    program = sealed(header + encode("load", {"words": 7}))
    assert decode(program[:BYTES])[1]["crc"] == checksum(program) == zlib.crc32(header + program[BYTES:])
    assert sealed(program) == program
    changed = program[:70] + b"\1" + program[71:]
    assert checksum(changed) != checksum(program)


def test_what_is_legal():
    assert is_legal(encode("load", {"words": 1})[:20] + b"\xff" * 44)
    assert not is_legal(encode("load", {"words": 1})[:1] + bytes(63))
    assert is_legal(encode("header", {"instructions": 1}))
    assert not is_legal(encode("header", {"instructions": 1})[:63] + b"\1")


def test_the_decoders_are_those_of_the_description(capsys):
    assert instructions.main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_decoders_have_a_port_for_every_field():
    move, run, results, header, _ = instructions.verilog().values()
    for text, layout in ((move, MOVE), (run + results, RUN[len(COMMON) :]), (header, HEADER[1:])):
        for field in layout:
            assert (f" {field.name} = instruction[" in text) != field.is_fixed, field.name


def test_command_writes_and_compares_the_decoders(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(instructions.manifest, "ROOT", tmp_path)
    assert instructions.main(["--check"]) == 1
    folder = tmp_path / instructions.FOLDER
    folder.mkdir(parents=True)
    assert instructions.main([]) == 0
    assert instructions.main(["--check"]) == 0
    for name, text in instructions.verilog().items():
        assert (folder / name).read_text() == text
    (folder / "shw_accel_decode.v").write_text("")
    capsys.readouterr()
    assert instructions.main(["--check"]) == 1
    assert capsys.readouterr().err.startswith("rtl/accel/shw_accel_decode.v: not what the description says; run")
    assert instructions.main(["--help"]) == 2
