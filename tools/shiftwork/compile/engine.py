# SPDX-License-Identifier: Apache-2.0
"""The tile engines in the shapes that the compiler tiles for and the device builds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from shiftwork.errors import ShiftworkError
from shiftwork.network.integer import EXPONENTIAL, MSQ_SCHEMES, IntegerNetwork

MAX_ROWS = 64
MAX_COLS = 256
MAX_FOLD = 16
LANES = (4, 8, 16, 32)

Requant = Literal["shift", "scale", "encode"]


@dataclass(frozen=True)
class TrEngine:
    """``shw_tr_engine``: one reduction step and eight bits per operand in a beat.

    Attributes:
        rows, cols: 1..64 and 1..256.
        kind: ``tr``, or ``tmac`` for the baseline of published term-pair cells.
    """

    rows: int = 8
    cols: int = 64
    kind: Literal["tr", "tmac"] = "tr"

    def __post_init__(self) -> None:
        _within("--rows", self.rows, 1, MAX_ROWS)
        _within("--cols", self.cols, 1, MAX_COLS)

    def __str__(self) -> str:
        return f"{self.rows} x {self.cols}"

    @property
    def operand_bytes(self) -> int:
        """Bytes of one row or column in a beat."""
        return 1

    @property
    def beat_macs(self) -> int:
        """Multiply-accumulates of a beat."""
        return self.rows * self.cols

    @property
    def shape(self) -> dict[str, int]:
        """Rows and columns as JSON values."""
        return {"rows": self.rows, "cols": self.cols}


@dataclass(frozen=True)
class MsqEngine:
    """``shw_msq_engine``: ``lanes`` reduction steps and four bits per operand in a beat.

    Attributes:
        fixed_rows, sp2_rows: rows of multipliers, and of shift-add units behind them; 1..64 together.
        cols: even, 2..256. lanes: 4, 8, 16 or 32.
    """

    fixed_rows: int = 8
    sp2_rows: int = 8
    cols: int = 16
    lanes: int = 8

    def __post_init__(self) -> None:
        _within("--fixed-rows", self.fixed_rows, 0, MAX_ROWS)
        _within("--sp2-rows", self.sp2_rows, 0, MAX_ROWS)
        _within("--fixed-rows and --sp2-rows together,", self.rows, 1, MAX_ROWS)
        _within("--cols", self.cols, 2, MAX_COLS)
        if self.cols % 2:
            raise ShiftworkError(f"--cols {self.cols} is odd: multipliers share two columns")
        if self.lanes not in LANES:
            raise ShiftworkError(f"--lanes {self.lanes} is none of {', '.join(map(str, LANES))}")

    def __str__(self) -> str:
        return f"({self.fixed_rows} fixed + {self.sp2_rows} SP2) x {self.cols} x {self.lanes}"

    @property
    def kind(self) -> Literal["msq"]:
        """Name of the engine."""
        return "msq"

    @property
    def rows(self) -> int:
        """Rows of either kind."""
        return self.fixed_rows + self.sp2_rows

    @property
    def operand_bytes(self) -> int:
        """Bytes of one row or column in a beat."""
        return self.lanes // 2

    @property
    def beat_macs(self) -> int:
        """Multiply-accumulates of a beat."""
        return self.rows * self.cols * self.lanes

    @property
    def shape(self) -> dict[str, int]:
        """Rows, columns and lanes as JSON values."""
        kinds = {"fixed_rows": self.fixed_rows, "sp2_rows": self.sp2_rows}
        return {"rows": self.rows, "cols": self.cols, "lanes": self.lanes, **kinds}


@dataclass(frozen=True)
class ExpEngine:
    """``shw_exp_engine``: one reduction step and one exponential code per operand in a beat, activations on the rows.

    It takes exponents of every width, up to :data:`~shiftwork.codes.exponential.MAX_BITS` bits.

    Attributes:
        rows, cols: 1..64 and 1..256. fold: rows that share one row of cells, 1..16, a divisor of ``rows``.
    """

    rows: int = 8
    cols: int = 16
    fold: int = 2

    def __post_init__(self) -> None:
        _within("--rows", self.rows, 1, MAX_ROWS)
        _within("--cols", self.cols, 1, MAX_COLS)
        _within("--fold", self.fold, 1, MAX_FOLD)
        if self.rows % self.fold:
            raise ShiftworkError(f"--fold {self.fold} does not divide --rows {self.rows}")

    def __str__(self) -> str:
        return f"{self.rows} rows on {self.rows // self.fold} x {self.cols}"

    @property
    def kind(self) -> Literal["exp"]:
        """Name of the engine."""
        return "exp"

    @property
    def operand_bytes(self) -> int:
        """Bytes of one row or column at the ports in a beat."""
        return 1

    @property
    def shape(self) -> dict[str, int]:
        """Rows, columns and fold as JSON values."""
        return {"rows": self.rows, "cols": self.cols, "fold": self.fold}


Engine = TrEngine | MsqEngine | ExpEngine


def engine_for(
    scheme: str,
    rows: int | None = None,
    cols: int | None = None,
    fixed_rows: int | None = None,
    sp2_rows: int | None = None,
    lanes: int | None = None,
    fold: int | None = None,
) -> Engine:
    """The engine that runs a scheme; None is the engine's default.

    Raises:
        ShiftworkError: naming the option that is out of range or belongs to the other engine, or a scheme without
            hardware.
    """
    if scheme == "pot":
        raise ShiftworkError(f"scheme {scheme} is not built in hardware: --executor golden runs it")
    wishes = {
        "rows": rows, "cols": cols, "fixed_rows": fixed_rows, "sp2_rows": sp2_rows, "lanes": lanes, "fold": fold
    }  # fmt: skip
    given = {name: value for name, value in wishes.items() if value is not None}
    engine: type[Engine] = MsqEngine if scheme in MSQ_SCHEMES else ExpEngine if scheme == EXPONENTIAL else TrEngine
    for name in given:
        if name not in {item.name for item in fields(engine)}:
            raise ShiftworkError(f"--{name.replace('_', '-')} is no option of the engine for scheme {scheme}")
    return engine(**given)  # type: ignore[arg-type]


def requant_of(network: IntegerNetwork) -> Requant:
    """How the post unit requantizes: ``encode`` to exponential codes, ``scale`` by factors, or ``shift``."""
    if network.scheme == EXPONENTIAL:
        return "encode"
    return "scale" if any(module.factor is not None for module in network.modules) else "shift"


def _within(option: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ShiftworkError(f"{option} {value} is outside {low}..{high}")
