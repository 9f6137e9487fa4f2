# SPDX-License-Identifier: Apache-2.0
"""The tile engines in the shapes that the compiler tiles for and the device builds."""

from __future__ import annotations

from dataclasses import dataclass, fields, make_dataclass
from typing import Any, Literal

from shiftwork.errors import SettingError
from shiftwork.network.integer import EXPONENTIAL, MSQ_SCHEMES, IntegerNetwork
from shiftwork.settings import setting, settings, within

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

    rows: int = setting(8, "Rows of the engine.")
    cols: int = setting(64, "Columns of the engine.")
    kind: Literal["tr", "tmac"] = "tr"

    def __post_init__(self) -> None:
        within("rows", self.rows, 1, MAX_ROWS)
        within("cols", self.cols, 1, MAX_COLS)

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

    fixed_rows: int = setting(8, "Rows of multipliers of the msq engine.")
    sp2_rows: int = setting(8, "Rows of shift-add units of the msq engine.")
    cols: int = setting(16, "Columns of the engine.")
    lanes: int = setting(8, "Reduction steps a beat of the msq engine.")

    def __post_init__(self) -> None:
        within("fixed_rows", self.fixed_rows, 0, MAX_ROWS)
        within("sp2_rows", self.sp2_rows, 0, MAX_ROWS)
        if not 1 <= self.rows <= MAX_ROWS:
            raise SettingError(f"`fixed_rows` and `sp2_rows` together, {self.rows} is outside 1..{MAX_ROWS}")
        within("cols", self.cols, 2, MAX_COLS)
        if self.cols % 2:
            raise SettingError(f"`cols` {self.cols} is odd: multipliers share two columns")
        if self.lanes not in LANES:
            raise SettingError(f"`lanes` {self.lanes} is none of {', '.join(map(str, LANES))}")

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

    rows: int = setting(8, "Rows of the engine.")
    cols: int = setting(16, "Columns of the engine.")
    fold: int = setting(2, "Rows of the exp engine that share its cells.")

    def __post_init__(self) -> None:
        within("rows", self.rows, 1, MAX_ROWS)
        within("cols", self.cols, 1, MAX_COLS)
        within("fold", self.fold, 1, MAX_FOLD)
        if self.rows % self.fold:
            raise SettingError(f"`fold` {self.fold} does not divide `rows` {self.rows}")

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
ENGINES: dict[str, type[Engine]] = {"tr": TrEngine, "msq": MsqEngine, "exp": ExpEngine}


def engine_for(scheme: str, **given: int | None) -> Engine:
    """The engine that runs a scheme.

    Args:
        scheme: of the network. given: settings of the engine; None, like leaving it out, is the engine's default.

    Raises:
        SettingError: a setting is out of range or belongs to another engine, or a scheme without hardware.
    """
    if scheme == "pot":
        raise SettingError(f"scheme {scheme} is not built in hardware: `executor` golden runs it")
    engine: type[Engine] = MsqEngine if scheme in MSQ_SCHEMES else ExpEngine if scheme == EXPONENTIAL else TrEngine
    chosen = {name: value for name, value in given.items() if value is not None}
    for name in chosen:
        if name not in {item.name for item in settings(engine)}:
            raise SettingError(f"`{name}` is no option of the engine for scheme {scheme}")
    return engine(**chosen)  # type: ignore[arg-type]


@dataclass(frozen=True)
class EngineWish:
    """Settings that a user gave for an engine before the scheme has decided which; :func:`engine_wish` adds them."""

    @property
    def given(self) -> dict[str, int]:
        """The settings that were given."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def engine(self, scheme: str) -> Engine:
        """The engine for a scheme; errors are those of :func:`engine_for`."""
        return engine_for(scheme, **self.given)


def engine_wish(*names: str) -> type[Any]:
    """An :class:`EngineWish` with the settings of the named :data:`ENGINES` (none named is all), None unless given."""
    found: dict[str, tuple[str, dict[object, list[str]]]] = {}
    for name in names or ENGINES:
        for item in settings(ENGINES[name]):
            _, defaults = found.setdefault(item.name, (item.metadata["help"], {}))
            defaults.setdefault(item.default, []).append(name)
    entries = []
    for name, (text, defaults) in found.items():
        words = [
            f"{value} ({', '.join(owners)})" if len(defaults) > 1 else str(value) for value, owners in defaults.items()
        ]
        entries.append((name, int | None, setting(None, f"{text} [default: {', '.join(words)}]")))
    return make_dataclass("EngineWish", entries, bases=(EngineWish,), frozen=True)


def requant_of(network: IntegerNetwork) -> Requant:
    """How the post unit requantizes: ``encode`` to exponential codes, ``scale`` by factors, or ``shift``."""
    if network.scheme == EXPONENTIAL:
        return "encode"
    return "scale" if any(module.factor is not None for module in network.modules) else "shift"
