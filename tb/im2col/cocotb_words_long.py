# SPDX-License-Identifier: Apache-2.0
"""As cocotb_words, many and larger layers of every kind."""

import itertools

import cocotb
from cocotb_words import layers


@cocotb.test()
async def many_layers(dut) -> None:
    for _, split, inner in itertools.product(range(6), (False, True), (False, True)):
        await layers(dut, split=split, inner=inner, kernels=range(1, 12), most=1500)
