# SPDX-License-Identifier: Apache-2.0
"""Every word selected under random words, a single bit walking through all of them, and its complement."""

import cocotb
from cocotb.triggers import Timer

from streams import rng

WORDS = 4


async def compare(dut, words: int) -> None:
    width = int(dut.W.value)
    dut.words.value = words
    for select in range(WORDS):
        dut.select.value = select
        await Timer(1, unit="ns")
        assert int(dut.word.value) == (words >> (select * width)) & ((1 << width) - 1), select


@cocotb.test()
async def walking_bit(dut) -> None:
    total = WORDS * int(dut.W.value)
    for bit in range(total):
        await compare(dut, 1 << bit)
        await compare(dut, (1 << total) - 1 - (1 << bit))


@cocotb.test()
async def random_words(dut) -> None:
    generator = rng("words")
    for _ in range(100):
        await compare(dut, generator.getrandbits(WORDS * int(dut.W.value)))
