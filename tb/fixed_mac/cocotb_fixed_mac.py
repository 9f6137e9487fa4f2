# SPDX-License-Identifier: Apache-2.0
"""Multiplier unit: every weight against every column value in every field and lane, extreme sums, stalls.

The reference are the dot products and 512 for each chain of lanes; the model of the packed fields has to agree. Column
values of a beat are all 0..15 or all -8..7.
"""

from itertools import product
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from numpy.typing import NDArray

from pipeline import check, late_lanes
from shiftwork.compile.msq_cycles import adding
from shiftwork.golden import msq_units
from streams import STALLS, pack, rng

WEIGHTS = np.arange(-8, 9)
RANGES = (np.arange(16), np.arange(-8, 8))

Values = NDArray[np.int64]


async def run(dut: Any, weights: Values, columns: Values, stall: str = "none") -> Values:
    """weights: (beat, lane, row). columns: (beat, lane, 2). Returns the dot products (beat, field)."""
    lanes, rows = weights.shape[1:]
    row_width = len(dut.row) // lanes
    row, column = msq_units.packed_row(weights), msq_units.packed_column(columns)
    sums = np.einsum("blr,blc->brc", weights, columns).reshape(len(row), -1)
    raised = sums + 512 * -(-lanes // 4)
    assert (msq_units.fixed_sums(row, column, 2 * rows) == raised).all()
    assert abs(row).max() < 1 << (row_width - 1) and abs(column).max() < 1 << 14
    width = len(dut.out_sum) // sums.shape[1]
    wanted = [pack(fields, width) for fields in raised.tolist()]
    latency = 2 + adding(lanes)
    items = late_lanes({"row": row, "column": column}, {"row": row_width, "column": 15})
    await check(dut, items, wanted, latency, stall, "out_sum")
    return sums


def shape(dut: Any) -> tuple[int, int]:
    """Lanes, and rows that share a multiplier."""
    return int(dut.LANES.value), int(dut.PRODUCTS.value) // 2


@cocotb.test()
async def every_product(dut) -> None:
    """Every field of every lane meets every weight with every column value, beside other products."""
    Clock(dut.clk, 10, unit="ns").start()
    lanes, rows = shape(dut)
    generator = np.random.default_rng(rng("every").getrandbits(32))
    for values in RANGES:
        for row, column in product(range(rows), range(2)):
            pairs = np.stack([generator.permutation(17 * 16) for _ in range(lanes)], axis=1)
            weights = generator.choice(WEIGHTS, (*pairs.shape, rows))
            columns = generator.choice(values, (*pairs.shape, 2))
            weights[..., row], columns[..., column] = WEIGHTS[pairs // 16], values[pairs % 16]
            await run(dut, weights, columns)


@cocotb.test()
async def extreme_sums(dut) -> None:
    """Products of the largest magnitude in all lanes, alike or mixed: fields of any sign beside fields of any sign."""
    Clock(dut.clk, 10, unit="ns").start()
    lanes, rows = shape(dut)
    generator = np.random.default_rng(rng("extreme").getrandbits(32))
    signs, largest = set(), set()
    for ends in ((0, 1, 15), (-8, -1, 0, 7)):
        alike = np.array(list(product((-8, -1, 0, 1, 8), repeat=rows)))
        pairs = np.array(list(product(ends, repeat=2)))
        rows_of, columns_of = (index.reshape(-1) for index in np.indices((len(alike), len(pairs))))
        weights = np.repeat(alike[rows_of][:, None], lanes, axis=1)
        columns = np.repeat(pairs[columns_of][:, None], lanes, axis=1)
        mixed = (generator.choice((-8, 8), (400, lanes, rows)), generator.choice(ends, (400, lanes, 2)))
        for sums in (await run(dut, weights, columns), await run(dut, *mixed)):
            signs |= {tuple(fields) for fields in np.sign(sums).tolist() if 0 not in fields}
            largest |= {int(sums.max()), int(sums.min())}
    assert len(signs) == 1 << (2 * rows if lanes > 1 else rows + 1), f"signs of the fields: {sorted(signs)}"
    assert {120 * lanes, -120 * lanes} <= largest


@cocotb.test()
async def random_sums(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    lanes, rows = shape(dut)
    for stall in STALLS:
        generator = np.random.default_rng(rng(stall).getrandbits(32))
        for values in RANGES:
            await run(
                dut, generator.choice(WEIGHTS, (150, lanes, rows)), generator.choice(values, (150, lanes, 2)), stall
            )
