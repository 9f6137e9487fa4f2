# SPDX-License-Identifier: Apache-2.0
"""Bit-true model of ``shw_exp_engine``: dot products of exponential codes by sums of classes.

Codes have the format of the engine's ports: BITS + 1 bits, sign and exponent in two's complement, whatever the exponent
width n of the layer is; ``-2**(BITS - 1)`` is zero (:func:`shiftwork.codes.exponential.resize`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftwork.codes.exponential import ACC_BITS, level_words, radius

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ExpConfig:
    """Run-time configuration of a tile: the ``cfg_*`` ports of the engine.

    Attributes:
        exponent_bits: n, exponents of rows run from -R to R, R = 2**(n - 1) - 1. row_signed: False ignores row signs.
        slice_length: values of a slice; no result depends on it.
    """

    exponent_bits: int = 4
    row_signed: bool = True
    slice_length: int = 256

    def legal(self, port_bits: int, depth: int) -> bool:
        """Whether an engine of that width and depth accepts it."""
        return 3 <= self.exponent_bits <= port_bits and 1 <= self.slice_length <= depth


@dataclass(frozen=True)
class ExpTables:
    """What the engine's table port holds.

    Attributes:
        levels: A by exponent field, (2**BITS,). values: W by code, signed, (2**(BITS + 1),), 0 for the zero code.
    """

    levels: Integers
    values: Integers

    @property
    def bits(self) -> int:
        """BITS of the engine."""
        return len(self.levels).bit_length() - 1


def tables(row_levels: ArrayLike, column_levels: ArrayLike, port_bits: int) -> ExpTables:
    """Tables of a layer: integer levels of the exponents -R..R of its rows and of its columns, 0 elsewhere."""
    columns = level_words(column_levels, port_bits)
    return ExpTables(level_words(row_levels, port_bits), np.concatenate([columns, -columns]))


def row_classes(rows: ArrayLike, config: ExpConfig, port_bits: int) -> tuple[Integers, Integers]:
    """Sign and exponent of the class that every row code is summed in; sign 0: none.

    A code beyond the exponents of the layer counts as zero, and so does the lowest exponent, -2**(n - 1).
    """
    codes = np.asarray(rows, np.int64)
    half = 1 << (port_bits - 1)
    exponents = ((codes & (2 * half - 1)) ^ half) - half
    negative = (codes >> port_bits & 1) * config.row_signed
    return np.where(np.abs(exponents) <= radius(config.exponent_bits), 1 - 2 * negative, 0), exponents


def tile(rows: ArrayLike, columns: ArrayLike, config: ExpConfig, held: ExpTables) -> Integers:
    """Results (rows, cols) of port codes (rows, K) and (cols, K), modulo 2**48 in two's complement."""
    signs, exponents = row_classes(rows, config, held.bits)
    left = signs * held.levels[exponents & (len(held.levels) - 1)]
    exact = left @ held.values[np.asarray(columns, np.int64)].T
    half = 1 << (ACC_BITS - 1)
    return np.asarray(((exact + half) & (2 * half - 1)) - half)
