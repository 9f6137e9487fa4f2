# SPDX-License-Identifier: Apache-2.0
"""What a user may ask: how a network is quantized (:class:`Quantization`), how one is trained (:class:`Recipe`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shiftwork.codes import exponential
from shiftwork.codes import terms as term_codes
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.network.data import Data, load_data
from shiftwork.network.graph import FloatNetwork
from shiftwork.quantize import msq
from shiftwork.quantize.fixed8 import SCALE_METHODS
from shiftwork.quantize.tr import STREAMS, parse_budget
from shiftwork.settings import choose, setting, within

CALIBRATION_SAMPLES = 256

CALIB_DATA = "Calibration samples. [default: those of `data`]"
_SP2_SHARE = "Share of the rows of every layer that are SP2; msq. [default: 0.6]"
_ALPHA = "Scale of a row of msq, fixed4, sp2 and pot: free, or pot (a power of two). [default: free]"


@dataclass(frozen=True)
class Quantization:
    """What a user asked of the quantizer; None is the scheme's default."""

    scheme: str = setting("tr", "{schemes}; joint is fixed8 with `scale` joint.")
    stream: str = setting("weights", "Operand streamed as terms: weights or activations.")
    group: int | None = setting(None, "g, values per group: a power of two up to 256. [default: 8, activations 256]")
    budget: str | None = setting(
        None, "k terms per group (12), t terms per value (1.5), exact, or auto. [default: 12, activations 2.0]"
    )
    data_terms: int | None = setting(
        None, "s, terms kept per gathered value, 1..9; 0 = all. [default: 3, activations 0]"
    )
    scale: str | None = setting(
        None, "How scales are chosen: joint, maxabs or mse. [default: mse, scheme joint: joint]"
    )
    weight_bits: int = setting(8, "Width of the weights, 4..8; fixed8 and joint.")
    activation_bits: int = setting(8, "Width of the activations, 4..8; fixed8 and joint.")
    sp2_share: float | None = setting(None, _SP2_SHARE)
    alpha: str | None = setting(None, _ALPHA)
    exponent_bits: int | None = setting(None, "Width of all exponents of dnateq, 3..7. [default: chosen per layer]")
    per_tensor: bool = setting(False, "One weight scale per tensor, not per output channel.")
    depthwise: bool = setting(False, "Reveal depthwise layers too.")
    max_loss: float | None = setting(
        None, "`budget` auto: points of calibration accuracy to spend; dnateq: points expected. [default: 0.5]"
    )
    max_error: float = setting(0.05, "`budget` auto: relative 2-norm of the output error it may cost.")
    layer: tuple[str, ...] = setting((), "Override g, k, s, stream or off for one layer; repeatable.", "NAME:k=16,s=3")
    overrides: Path | None = setting(None, "Overrides per layer from YAML or JSON.", "FILE")

    def check(self) -> None:
        """Refuse values that no scheme takes; :func:`shiftwork.schemes.check` asks the scheme as well.

        Raises:
            SettingError: names it.
        """
        choose("stream", self.stream, STREAMS)
        if self.scale is not None:
            choose("scale", self.scale, SCALE_METHODS)
        if self.alpha is not None:
            choose("alpha", self.alpha, msq.ALPHAS)
        if self.sp2_share is not None:
            within("sp2_share", self.sp2_share, 0, 1)
        within("weight_bits", self.weight_bits, 4, 8)
        within("activation_bits", self.activation_bits, 4, 8)
        if self.exponent_bits is not None:
            _named("exponent_bits", exponential.check_bits, self.exponent_bits)
        if self.max_loss is not None and not self.max_loss >= 0:
            raise SettingError(f"`max_loss` {self.max_loss} is below 0 points")
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

    def load(self, network: FloatNetwork, data: Data) -> Data:
        """The samples: of the file, or the first ones of ``data``.

        Raises:
            ShiftworkError: the file is not usable.
        """
        self.check()
        if self.calib_data is not None:
            return load_data(self.calib_data, network, self.calibrate)
        return data.first(self.calibrate)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; with the data and the model it decides every bit of the result.

    None is a default; :meth:`settled` fills it in.

    Attributes:
        scheme: ``msq``, ``fixed4``, ``sp2`` or ``pot``. sp2_share: share of the rows of ``msq`` that are SP2.
        alpha: ``free`` or ``pot``, as in :func:`shiftwork.quantize.msq.quantize`.
        epochs: at most. patience: stop after so many epochs without a better one on the held-out samples.
        batch: samples a step. rate: learning rate of Adam at the start, falling to 0 along a cosine.
        rho: weight of the ADMM term.
        distill: share of the loss, 0..1, that compares with the float network instead of the labels.
        shift: images are moved by up to so many pixels in both directions, their edge repeated. flip: and mirrored.
        holdout: number of samples, the last ones, that are held out; they choose the epoch and are not trained on.
        search: the scales of the activations are searched after these epochs; 0 is before the first.
        seed: of the order of the samples and of their augmentation.
        threads: of PyTorch. Another number may round other sums and so give another network.
    """

    scheme: str = setting("msq", "msq, fixed4, sp2 or pot.")
    sp2_share: float | None = setting(None, _SP2_SHARE)
    alpha: str | None = setting(None, _ALPHA)
    epochs: int = setting(10, "At most.")
    patience: int = setting(10, "Stop after so many epochs that were no better on held-out data.")
    batch: int = setting(64, "Samples a step.")
    rate: float = setting(1e-3, "Learning rate of Adam at the start; falls to 0.")
    rho: float = setting(1e-2, "Weight of the ADMM term.")
    distill: float = setting(0.5, "Share of the loss that compares with the float network instead of the labels.")
    shift: int = setting(0, "Move every image by up to so many pixels at random.")
    flip: bool = setting(False, "Mirror every second image at random.")
    holdout: int | None = setting(None, "Last samples, held out to choose the epoch. [default: a tenth]")
    search: tuple[int, ...] = setting((0,), "Search activation scales after this epoch; repeatable.", "EPOCH")
    seed: int = setting(1, "Seed of the order of the samples.")
    threads: int = setting(1, "Of PyTorch; another number may round other sums.")

    def check(self) -> None:
        """Refuse what makes no sense for any samples.

        Raises:
            SettingError: names it.
        """
        choose("scheme", self.scheme, msq.SCHEMES)
        if self.alpha is not None:
            choose("alpha", self.alpha, msq.ALPHAS)
        if self.sp2_share is not None:
            if self.scheme != msq.MIXED:
                raise SettingError(f"`sp2_share` belongs to `scheme` {msq.MIXED}, not to `scheme` {self.scheme}")
            within("sp2_share", self.sp2_share, 0, 1)
        within("epochs", self.epochs, 1, 10_000)
        within("patience", self.patience, 1, 10_000)
        within("batch", self.batch, 1, 65_536)
        within("rate", self.rate, 1e-9, 1.0)
        within("rho", self.rho, 0.0, 1e3)
        within("distill", self.distill, 0.0, 1.0)
        within("shift", self.shift, 0, 64)
        within("seed", self.seed, 0, 2**32 - 1)
        within("threads", self.threads, 1, 1024)

    def settled(self, samples: int) -> Recipe:
        """The recipe for so many samples, without a None.

        Raises:
            SettingError: names what makes no sense for them.
        """
        self.check()
        holdout = max(1, samples // 10) if self.holdout is None else self.holdout
        if not 1 <= holdout < samples:
            raise SettingError(f"`holdout` {holdout} is outside 1..{samples - 1}, the training samples but one")
        share = msq.SP2_SHARE if self.sp2_share is None else self.sp2_share
        return replace(self, sp2_share=share, alpha=self.alpha or "free", holdout=holdout)


def _named(name: str, check: Callable[[Any], Any], value: object) -> Any:
    """Run a check and put the setting's name before what it says."""
    try:
        return check(value)
    except ShiftworkError as error:
        raise SettingError(f"`{name}`: {error}") from None
