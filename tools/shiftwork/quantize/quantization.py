# SPDX-License-Identifier: Apache-2.0
"""What a user may ask of a quantizer, and the samples that calibrate it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from shiftwork.codes import exponential
from shiftwork.codes import terms as term_codes
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.network.data import Data, load_data
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.integer import Stream
from shiftwork.settings import choose, setting, within

Budget = int | float | str
STREAMS = get_args(Stream)
SCALE_METHODS = ("joint", "maxabs", "mse")
BEST = "best"
"""Scales of the method that loses least on the samples held back."""
ALPHAS = ("free", "pot")
CALIBRATION_SAMPLES = 256

CALIB_DATA = "Calibration samples. [default: those of `data`]"
SP2_SHARE_HELP = "Share of the rows of every layer that are SP2; msq. [default: the better kind for every row]"
ALPHA_HELP = "Scale of a row of msq, fixed4, sp2 and pot: free, or pot (a power of two). [default: free]"
COPIES = (1, 2, 4)
"""Times that the input of a network of 4-bit rows may enter."""
COPIES_HELP = "Times that the input enters msq, fixed4, sp2, pot, for finer codes: 1, 2, 4. [default: what it takes]"


@dataclass(frozen=True)
class Quantization:
    """What a user asked of the quantizer; None is the scheme's default."""

    scheme: str = setting("tr", "{schemes}; joint is fixed8 with the best of all `scale`s.")
    stream: str | None = setting(
        None,
        "Operand streamed as terms: weights or activations. "
        "[default: weights; tr with budgets searched: per layer, but on the accelerator weights]",
    )
    group: int | None = setting(
        None, "g, values per group: a power of two up to 256. [default: 8, auto 32, activations 256]"
    )
    budget: str | None = setting(
        None,
        "k terms per group (12), t terms per value (1.5), exact, or auto: the fewest cycles of the engine. "
        "[default: auto, activations 2.0]",
    )
    data_terms: int | None = setting(
        None, "s, terms kept per gathered value, 1..9; 0 = all. [default: 3; auto, activations: 0]"
    )
    scale: str | None = setting(
        None,
        "How scales are chosen: joint, maxabs, mse, or best, which tries all. "
        "[default: mse; joint, and tr where budgets are searched: best]",
    )
    weight_bits: int = setting(8, "Width of the weights, 4..8; fixed8 and joint.")
    activation_bits: int = setting(8, "Width of the activations, 4..8; fixed8 and joint.")
    sp2_share: float | None = setting(None, SP2_SHARE_HELP)
    alpha: str | None = setting(None, ALPHA_HELP)
    input_copies: int | None = setting(None, COPIES_HELP)
    exponent_bits: int | None = setting(None, "Width of all exponents of dnateq, 3..7. [default: chosen per layer]")
    per_tensor: bool = setting(False, "One weight scale per tensor, not per output channel.")
    depthwise: bool = setting(False, "Reveal depthwise layers too.")
    max_loss: float = setting(
        0.5, "Points of accuracy to lose at most; without classes, percent of the output's power."
    )
    layer: tuple[str, ...] = setting((), "Override g, k, s, stream or off for one layer; repeatable.", "NAME:k=16,s=3")
    overrides: Path | None = setting(None, "Overrides per layer from YAML or JSON.", "FILE")

    def check(self) -> None:
        """Refuse values that no scheme takes; :func:`shiftwork.schemes.check` asks the scheme as well.

        Raises:
            SettingError: names it.
        """
        if self.stream is not None:
            choose("stream", self.stream, STREAMS)
        if self.scale is not None:
            choose("scale", self.scale, (*SCALE_METHODS, BEST))
        if self.alpha is not None:
            choose("alpha", self.alpha, ALPHAS)
        if self.sp2_share is not None:
            within("sp2_share", self.sp2_share, 0, 1)
        if self.input_copies is not None:
            choose("input_copies", self.input_copies, COPIES)
        within("weight_bits", self.weight_bits, 4, 8)
        within("activation_bits", self.activation_bits, 4, 8)
        if self.exponent_bits is not None:
            _named("exponent_bits", exponential.check_bits, self.exponent_bits)
        if not self.max_loss >= 0:
            raise SettingError(f"`max_loss` {self.max_loss} is below 0")
        if self.group is not None:
            _named("group", term_codes.check_group, self.group)
        if self.data_terms is not None:
            _named("data_terms", term_codes.check_data_terms, self.data_terms)
        budget = None if self.budget is None else _named("budget", parse_budget, self.budget)
        if isinstance(budget, int | float) and not budget > 0:
            raise SettingError(f"`budget` {self.budget} is not positive")


@dataclass(frozen=True)
class Calibration:
    """Samples that the scales are chosen with."""

    calibrate: int = setting(CALIBRATION_SAMPLES, "Calibration samples to use.")
    calib_data: Path | None = setting(None, CALIB_DATA, "C.npz")

    def check(self) -> None:
        """Refuse less than one sample.

        Raises:
            SettingError: names it.
        """
        if self.calibrate < 1:
            raise SettingError(f"`calibrate` {self.calibrate} is below 1 sample")

    def load(self, network: FloatNetwork, data: Path) -> Data:
        """The first samples of :attr:`calib_data`, or of ``data``; the rest of the file does not come into memory.

        Raises:
            ShiftworkError: the file is not usable.
        """
        self.check()
        return load_data(self.calib_data or data, network, self.calibrate)


def _named(name: str, check: Callable[[Any], Any], value: object) -> Any:
    """Run a check and put the setting's name before what it says."""
    try:
        return check(value)
    except ShiftworkError as error:
        raise SettingError(f"`{name}`: {error}") from None


def parse_budget(text: str) -> Budget:
    """A budget as written by a user: ``12`` (k per group), ``1.5`` (terms per value), ``exact`` or ``auto``.

    Raises:
        ShiftworkError: anything else.
    """
    if text in ("auto", "exact"):
        return text
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise ShiftworkError(
            f"budget {text!r} is neither a whole number (per group), a decimal number (per value), 'exact' nor 'auto'"
        ) from None
