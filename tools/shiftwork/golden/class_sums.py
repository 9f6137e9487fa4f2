# SPDX-License-Identifier: Apache-2.0
"""Bit-true model of ``shw_exp_engine``: dot products of exponential codes by sums of classes.

Codes have the format of the engine's ports: BITS + 1 bits, sign and exponent in two's complement, whatever the exponent
width n of the layer is; ``-2**(BITS - 1)`` is zero. :func:`port_codes` and :func:`stored_codes` convert from and to the
n + 1 bits in which codes are stored (``docs/numerics.md`` section 7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftwork.codes.exponential import ACC_BITS, Codes, pack, radius, unpack, zero_exponent

Integers = NDArray[np.int64]


def port_codes(codes: ArrayLike, bits: int, port_bits: int) -> Codes:
    """Stored codes of n exponent bits as codes of a port for ``port_bits`` >= n: the zero code becomes that of the port.

    Raises:
        ShiftworkError: an illegal code or width.
    """
    signs, exponents = unpack(codes, bits)
    return pack(signs < 0, np.where(signs == 0, zero_exponent(port_bits), exponents), port_bits)


def stored_codes(codes: ArrayLike, bits: int, port_bits: int) -> Codes:
    """Inverse of :func:`port_codes`.

    Raises:
        ShiftworkError: an illegal code or width, or an exponent that n bits do not hold.
    """
    signs, exponents = unpack(codes, port_bits)
    return pack(signs < 0, np.where(signs == 0, zero_exponent(bits), exponents), bits)


@dataclass(frozen=True)
class ExpConfig:
    """Run-time configuration of a tile: the ``cfg_*`` ports of the engine.

    Attributes:
        exponent_bits: n, exponents of rows run from -R to R, R = 2**(n - 1) - 1. row_signed: False ignores row signs.
    """

    exponent_bits: int = 4
    row_signed: bool = True

    def legal(self, port_bits: int) -> bool:
        """Whether an engine of that width accepts it."""
        return 3 <= self.exponent_bits <= port_bits


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
    rows, columns = np.asarray(row_levels, np.int64), np.asarray(column_levels, np.int64)
    levels, values = np.zeros(1 << port_bits, np.int64), np.zeros(2 << port_bits, np.int64)
    r = len(rows) // 2
    levels[np.arange(-r, r + 1)] = rows
    exponents = np.arange(-(len(columns) // 2), len(columns) // 2 + 1) & ((1 << port_bits) - 1)
    values[exponents] = columns
    values[exponents + (1 << port_bits)] = -columns
    return ExpTables(levels, values)


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
