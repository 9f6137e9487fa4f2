# SPDX-License-Identifier: Apache-2.0
"""What the tests of the weight-stationary arrays share: load weights, feed skewed values, compare with numpy."""

from typing import Any

import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

import streams


async def check(dut: Any, stages: int, vectors: int = 40) -> None:
    """Compare every column sum of `vectors` value vectors, signed and unsigned, under several weight matrices.

    stages: cycles from a value at the west edge to the partial sum of its cell.
    """
    rows, cols, width = int(dut.ROWS.value), int(dut.COLS.value), int(dut.ACC_W.value)
    signed_only = int(dut.SIGNED_ONLY.value)
    rng = streams.rng(f"{rows}x{cols}")
    compared = 0
    dut.load.value = dut.x_signed.value = 0
    dut.in_w.value = dut.in_x.value = 0
    Clock(dut.clk, 10, unit="ns").start()
    if hasattr(dut, "rst"):
        dut.rst.value = 1
        await FallingEdge(dut.clk)
        dut.rst.value = 0
    for signed in (1,) if signed_only else (0, 1, 0):
        extremes = (-128, 127) if signed else (0, 255)
        weights = np.array([[rng.choice((-128, -127, 127, 0, rng.randint(-128, 127))) for _ in range(cols)]
                            for _ in range(rows)])  # fmt: skip
        values = np.array([[rng.choice((*extremes, rng.randint(*extremes))) for _ in range(rows)]
                           for _ in range(vectors)])  # fmt: skip
        values[0], values[1] = extremes[0], extremes[1]
        weights[:, 0] = -128
        dut.load.value = 1
        for row in reversed(range(rows)):
            dut.in_w.value = streams.pack(weights[row], 8)
            await FallingEdge(dut.clk)
        dut.load.value = 0
        dut.in_w.value = rng.getrandbits(cols * 8)
        dut.x_signed.value = signed if not signed_only else rng.randint(0, 1)
        sums = values @ weights
        latency = rows - 1 + stages
        for cycle in range(vectors + latency + cols):
            feed = [
                values[cycle - row, row] if 0 <= cycle - row < vectors else rng.randint(0, 255) for row in range(rows)
            ]
            dut.in_x.value = streams.pack(feed, 8)
            await FallingEdge(dut.clk)
            for col in range(cols):
                vector = cycle + 1 - latency - col
                if 0 <= vector < vectors:
                    got = int(dut.out_sum.value[(col + 1) * width - 1 : col * width])
                    want = int(sums[vector, col]) & ((1 << width) - 1)
                    assert got == want, f"vector {vector} column {col}: {got}, expected {want}"
                    compared += 1
    assert compared >= vectors * cols
