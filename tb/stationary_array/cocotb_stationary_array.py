# SPDX-License-Identifier: Apache-2.0
"""Weight-stationary array with totals against numpy: reductions of several times its rows."""

import os

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

import streams

STAGES = {"mac": 2, "booth": 5}


@cocotb.test()
async def reductions(dut) -> None:
    """Tiles of few and many positions, of one part and of several, signed and unsigned; largest totals among them."""
    rows, cols, signed_only = int(dut.ROWS.value), int(dut.COLS.value), int(dut.SIGNED_ONLY.value)
    latency = rows + STAGES[os.environ["CELLS"]]  # from row 0's value to the sum of column 0
    rng = np.random.default_rng(streams.rng(f"{rows}x{cols}").getrandbits(32))
    for name in ("load", "in_w", "in_x", "x_signed", "in_valid", "in_first", "in_last", "in_position"):
        getattr(dut, name).value = 0
    Clock(dut.clk, 10, unit="ns").start()
    dut.rst.value = 1
    for _ in range(latency + cols + 6):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    for tile, (positions, parts) in enumerate(((5, 1), (9, 3), (1 << int(dut.ADDR_W.value), 2), (6, 40))):
        signed = signed_only or tile % 2
        low, high = (-128, 128) if signed else (0, 256)
        weights = rng.integers(-128, 128, (parts, rows, cols))
        data = rng.integers(low, high, (parts, positions, rows))
        weights[..., 0], data[:, 0], data[:, 1] = -128, low, high - 1
        totals = np.einsum("kpr,krc->cp", data, weights)
        seen: list[list[int]] = [[] for _ in range(cols)]
        for part in range(parts):
            dut.load.value, dut.x_signed.value = 1, signed
            for row in reversed(range(rows)):
                dut.in_w.value = streams.pack(weights[part, row].tolist(), 8)
                await FallingEdge(dut.clk)
            dut.load.value = 0
            for cycle in range(min(0, latency - 4), positions + latency + cols + 3):
                feed = [data[part, cycle - row, row] if 0 <= cycle - row < positions else 0 for row in range(rows)]
                dut.in_x.value = streams.pack([int(value) for value in feed], 8)
                position = cycle - latency + 4
                inside = 0 <= position < positions
                dut.in_valid.value = inside
                dut.in_position.value = position if inside else 0
                dut.in_first.value, dut.in_last.value = (part == 0) == inside, part == parts - 1
                await FallingEdge(dut.clk)
                valid, word = int(dut.out_valid.value), dut.out_total.value
                for col in range(cols):
                    if valid >> col & 1:
                        assert cycle + 1 == latency + 2 + col + len(seen[col])
                        seen[col].append(word[32 * col + 31 : 32 * col].to_signed())
        assert (np.array(seen) == totals).all(), f"{positions} positions, {parts} parts"
