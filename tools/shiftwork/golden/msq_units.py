# SPDX-License-Identifier: Apache-2.0
"""Bit-true models of the units of the Mix and Match engine, one function or class per Verilog block.

Codes are arrays of integers 0..15, ``sp2`` says of which kind: one bool, or an array that broadcasts against them.
Models hold nothing of the blocks' timing; the testbenches under ``tb/`` compare every bit. Method: Mix and Match
(arXiv 2012.04240); numbers: ``docs/numerics.md`` section 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftwork.codes import sp2 as codes_of_sp2

LANES_OF_A_CHAIN = 4
"""Products that are summed one behind the other, in either kind of unit."""
FIELD = 10
"""Bits between two packed operands, and of a packed sum of four products."""

Integers = NDArray[np.int64]


def value(code: ArrayLike, sp2: ArrayLike) -> Integers:
    """``shw_sp2_value``: eighths of an SP2 code, a two's complement code as it is; negative zero (8) counts as 0."""
    number = np.asarray(code, np.int64)
    eighths = codes_of_sp2.decode(np.where(number == 8, 0, number))
    return np.asarray(np.where(sp2, eighths, column_value(number, True)))


def column_value(code: ArrayLike, is_signed: ArrayLike) -> Integers:
    """Column codes as numbers: 0..15, or -8..7 where they are signed."""
    number = np.asarray(code, np.int64)
    return np.asarray(np.where(np.asarray(is_signed, bool) & (number > 7), number - 16, number))


def digits(code: ArrayLike, sp2: ArrayLike) -> Integers:
    """``shw_sp2_digits``: (d0, d1) in a new last axis, each -2..2, with value = d0 + 4 * d1.

    The digits of an SP2 value have one sign; those of a two's complement value are radix-4 Booth digits.
    """
    number = value(code, sp2)
    high = np.where(sp2, np.sign(number) * (np.abs(number) // 4), (number + 2) // 4)
    return np.stack([number - 4 * high, high], axis=-1)


def digit_bits(digit: ArrayLike) -> Integers:
    """The six bits {neg1, two1, one1, neg0, two0, one0} of (d0, d1) in the last axis."""
    pair = np.asarray(digit, np.int64)
    bits = (np.abs(pair) == 1) | (np.abs(pair) == 2) << 1 | (pair < 0) << 2
    return np.asarray(bits[..., 0] | bits[..., 1] << 3)


def excess(code: ArrayLike, sp2: ArrayLike, col_signed: ArrayLike) -> Integers:
    """``shw_sp2_row_edge``: what a shift-add unit has too much, ``16 * A - N``, and 15 a chain of four.

    Lanes are in the last axis; ``col_signed`` broadcasts against the other axes.
    """
    digit = digits(code, sp2)
    weight = np.array([1, 4])
    negative = ((digit < 0) * weight).sum((-2, -1))
    nonzero = ((digit != 0) * weight).sum((-2, -1))
    chains = digit.shape[-2] // LANES_OF_A_CHAIN
    return np.asarray(16 * np.where(col_signed, nonzero, 2 * negative) - negative + 15 * chains)


def sp2_sum(code: ArrayLike, sp2: ArrayLike, column: ArrayLike, col_signed: ArrayLike) -> Integers:
    """``shw_sp2_mac``: the dot product over the last axis, and the excess of its row."""
    is_signed = np.asarray(col_signed)
    products = value(code, sp2) * column_value(column, is_signed[..., None])
    return np.asarray(products.sum(-1) + excess(code, sp2, is_signed))


def packed_row(weights: ArrayLike) -> Integers:
    """``shw_fixed_row_edge``: weights (-8..8) of the one or two rows of the last axis as one multiplier operand."""
    number = np.asarray(weights, np.int64)
    return np.asarray((number << 2 * FIELD * np.arange(number.shape[-1])).sum(-1))


def packed_column(values: ArrayLike) -> Integers:
    """``shw_msq_column_edge``: values (-8..15) of the two columns of the last axis as one multiplier operand."""
    number = np.asarray(values, np.int64)
    return np.asarray((number << FIELD * np.arange(number.shape[-1])).sum(-1))


def fixed_sums(row: ArrayLike, column: ArrayLike, products: int) -> Integers:
    """``shw_fixed_mac``: packed operands, lanes in the last axis, to the sums of its fields, in a new last axis.

    Field ``2 * row + column``. A chain of four products, or of one where there is one lane, starts from 512 in every
    field, so that none borrows; these 512 a chain stay in the sum.
    """
    operands = np.asarray(row, np.int64) * np.asarray(column, np.int64)
    lanes = min(operands.shape[-1], LANES_OF_A_CHAIN)
    chain = operands.reshape(*operands.shape[:-1], -1, lanes).sum(-1)[..., None]
    place = FIELD * np.arange(products)
    raised = chain + (1 << place + FIELD - 1).sum()
    return np.asarray((raised >> place & (1 << FIELD) - 1).sum(-2))


@dataclass
class Accumulator:
    """``shw_msq_accumulator``: the sum so far and the last complete total, unsigned integers of ``width`` bits."""

    width: int
    acc: int = 0
    total: int = 0

    def step(self, addend: int, last: bool) -> None:
        """Add one sum; the last one of a tile completes the total."""
        self.acc = (self.acc + addend) % (1 << self.width)
        if last:
            self.acc, self.total = 0, self.acc


def tile(rows: ArrayLike, row_sp2: ArrayLike, columns: ArrayLike, col_signed: bool, acc_w: int) -> Integers:
    """``shw_msq_engine``: results (rows, cols) of codes (rows, K) and (cols, K), two's complement of ``acc_w`` bits."""
    weights = value(rows, np.asarray(row_sp2, bool)[:, None])
    total = weights @ column_value(columns, col_signed).T
    half = 1 << (acc_w - 1)
    return np.asarray((total + half) % (1 << acc_w) - half)
