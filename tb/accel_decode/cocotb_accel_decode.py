# SPDX-License-Identifier: Apache-2.0
"""Decoders of instructions against the Python ones: every bit alone, random words, legal ones and nearly legal ones."""

import cocotb
from cocotb.triggers import Timer

from shiftwork.compile.instructions import BITS, KINDS, MOVE, encode, fields, placed
from streams import rng


def random_fields(kind: str, generator) -> dict[str, int]:
    """Legal values, at the ends of their ranges more often than not."""
    values = {}
    for field in fields(kind):
        low, high = field.limits
        value = generator.choice((low, high, generator.randint(low, high), generator.randint(low, high)))
        values[field.name] = KINDS[kind] if field.name == "kind" else value // field.multiple * field.multiple
    return values


def words(generator):
    """The bits one by one, random words, and legal instructions, as they are and with one bit changed."""
    yield from (0, (1 << BITS) - 1, *(1 << bit for bit in range(BITS)))
    yield from (generator.getrandbits(BITS) for _ in range(50))
    for kind in KINDS:
        for _ in range(30):
            yield int.from_bytes(encode(kind, random_fields(kind, generator)), "little")
        plain = {field.name: max(field.low, field.multiple if field.multiple > 1 else 0) for field in fields(kind)}
        plain |= {"kind": KINDS[kind]}
        word = int.from_bytes(encode(kind, plain), "little")  # every bit that is set is needed, or all are legal
        yield from (word ^ 1 << bit for bit in range(BITS))


async def compare(dut, layout) -> None:
    """Every field of a layout, with its lowest bit, against its port."""
    ports = []
    for field, offset in layout:
        if not field.is_fixed:
            handle = getattr(dut, field.name)
            assert len(handle) == field.width, field.name
            ports.append((field.name, handle, offset, (1 << field.width) - 1))
    for word in words(rng("decode")):
        dut.instruction.value = word
        await Timer(1, unit="ns")
        for name, handle, low, mask in ports:
            assert int(handle.value) == word >> low & mask, f"{name} of {word:#x}"


@cocotb.test()
async def moves(dut) -> None:
    """The fields that all have and those of loads and stores."""
    await compare(dut, placed(MOVE))
