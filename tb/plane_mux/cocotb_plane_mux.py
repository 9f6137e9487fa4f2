# SPDX-License-Identifier: Apache-2.0
"""Every plane under random words, a single bit walking through all of them, and its complement."""

import os
import random

import cocotb
from cocotb.triggers import Timer

PLANES = 9


async def compare(dut, words: int) -> None:
    width = int(dut.W.value)
    dut.words.value = words
    for plane in range(PLANES):
        dut.plane.value = plane
        await Timer(1, unit="ns")
        assert int(dut.word.value) == (words >> (plane * width)) & ((1 << width) - 1), plane


@cocotb.test()
async def walking_bit(dut) -> None:
    total = PLANES * int(dut.W.value)
    for bit in range(total):
        await compare(dut, 1 << bit)
        await compare(dut, (1 << total) - 1 - (1 << bit))


@cocotb.test()
async def random_words(dut) -> None:
    rng = random.Random(int(os.environ["SHW_SEED"]))
    for _ in range(100):
        await compare(dut, rng.getrandbits(PLANES * int(dut.W.value)))
