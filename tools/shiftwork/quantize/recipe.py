# SPDX-License-Identifier: Apache-2.0
"""How a network is trained. Apart from the training, which needs PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from shiftwork.errors import SettingError
from shiftwork.quantize.msq import MIXED, SCHEMES
from shiftwork.quantize.quantization import ALPHA_HELP, ALPHAS, COPIES, COPIES_HELP, SP2_SHARE_HELP
from shiftwork.settings import choose, setting, within

TERMS = "tr"
TERM_DEFAULTS = {"terms": 1.0, "temperature": 6.0}
ROW_DEFAULTS = {"alpha": ALPHAS[0], "temperature": 1.0}


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; with the data and the model it decides every bit of the result.

    None is a default; :meth:`settled` fills it in where the scheme has such a setting, but for the share of SP2 rows,
    which are chosen one by one then.

    Attributes:
        scheme: ``msq``, ``fixed4``, ``sp2`` or ``pot``; or ``tr``, 8-bit weights of few terms.
        sp2_share: share of the rows of ``msq`` that are SP2.
        alpha: ``free`` or ``pot``, as in :func:`shiftwork.quantize.msq.quantize`; no matter under ``tr``.
        input_copies: as in :func:`shiftwork.quantize.msq.quantize`; no matter under ``tr``.
        terms: per value under ``tr``: the network that training starts from is the one expected to lose least in the
            cycles of so many in every layer.
        stream: operand streamed under ``tr``, ``weights``; None is the better one for every layer.
        epochs: at most. patience: stop after so many epochs without a better one on the held-out samples.
        batch: samples a step. rate: learning rate of Adam at the start, in steps of the weights, falling to 0 along a
            cosine. rho: weight of the ADMM term.
        unlabelled: compare with the float network alone and look at no labels; samples are mixed with each other.
        distill: share of the loss, 0..1, that compares with the float network instead of the labels.
        temperature: both networks' outputs are divided by it before their class probabilities are compared.
        shift: images are moved by up to so many pixels in both directions, their edge repeated. flip: and mirrored.
        holdout: number of samples, the last ones, that are held out; they choose the epoch and are not trained on.
        search: before anything is rounded, search the scales of the activations at which the output changes least; not
            under ``tr``.
        inner: weight of the distance of the inner tensors from those of the float network; not under ``tr``.
        seed: of the order of the samples and of their augmentation.
        threads: of PyTorch. Another number may round other sums and so give another network.
    """

    scheme: str = setting("msq", "msq, fixed4, sp2, pot, or tr.")
    sp2_share: float | None = setting(None, SP2_SHARE_HELP)
    alpha: str | None = setting(None, ALPHA_HELP)
    input_copies: int | None = setting(None, COPIES_HELP)
    terms: float | None = setting(None, "Terms per value of tr; below 0.75 cycles hardly fall. [default: 1.0]")
    stream: str | None = setting(None, "Operand streamed by tr: weights, as the accelerator does. [default: per layer]")
    epochs: int = setting(10, "At most.")
    patience: int = setting(10, "Stop after so many epochs that were no better on held-out data.")
    batch: int = setting(64, "Samples a step.")
    rate: float = setting(1e-2, "Learning rate of Adam at the start, in steps of the weights; falls to 0.")
    rho: float = setting(1e-4, "Weight of the ADMM term.")
    unlabelled: bool = setting(False, "Learn from the float network alone; labels are not needed and not read.")
    distill: float | None = setting(
        None, "Share of the loss that compares with the float network instead of the labels. [default: 0.5]"
    )
    temperature: float | None = setting(
        None, "Divides the outputs of both networks before they are compared. [default: 1, tr 6]"
    )
    shift: int = setting(0, "Move every image by up to so many pixels at random.")
    flip: bool = setting(False, "Mirror every second image at random.")
    holdout: int | None = setting(None, "Last samples, held out to choose the epoch. [default: a tenth]")
    search: bool = setting(False, "First search the activation scales at which the output changes least.")
    inner: float = setting(0.0, "Weight of the distance of inner tensors from the float network's.")
    seed: int = setting(1, "Seed of the order of the samples.")
    threads: int = setting(1, "Of PyTorch; another number may round other sums.")

    @property
    def few_terms(self) -> bool:
        """8-bit weights of few terms are trained, not rows of 4 bits."""
        return self.scheme == TERMS

    def check(self) -> None:
        """Refuse what makes no sense for any samples.

        Raises:
            SettingError: names it.
        """
        choose("scheme", self.scheme, (*SCHEMES, TERMS))
        if self.terms is not None:
            if not self.few_terms:
                raise SettingError(f"`terms` belongs to `scheme` {TERMS}, not to `scheme` {self.scheme}")
            within("terms", self.terms, 0.125, 8)
        if self.stream is not None:
            if not self.few_terms:
                raise SettingError(f"`stream` belongs to `scheme` {TERMS}, not to `scheme` {self.scheme}")
            choose("stream", self.stream, ("weights",))
        if self.alpha is not None:
            if self.few_terms:
                raise SettingError(f"`alpha` belongs to `scheme` {', '.join(SCHEMES)}, not to `scheme` {TERMS}")
            choose("alpha", self.alpha, ALPHAS)
        if self.input_copies is not None:
            choose("input_copies", self.input_copies, COPIES)
        name = next((name for name in ("search", "inner", "input_copies") if getattr(self, name)), None)
        if self.few_terms and name is not None:
            raise SettingError(f"`{name}` belongs to `scheme` {', '.join(SCHEMES)}, not to `scheme` {TERMS}")
        if self.sp2_share is not None:
            if self.scheme != MIXED:
                raise SettingError(f"`sp2_share` belongs to `scheme` {MIXED}, not to `scheme` {self.scheme}")
            within("sp2_share", self.sp2_share, 0, 1)
        within("epochs", self.epochs, 1, 10_000)
        within("patience", self.patience, 1, 10_000)
        within("batch", self.batch, 1, 65_536)
        within("rate", self.rate, 1e-9, 1.0)
        within("rho", self.rho, 0.0, 1e3)
        within("inner", self.inner, 0.0, 1e3)
        if self.distill is not None:
            within("distill", self.distill, 0.0, 1.0)
            if self.unlabelled and self.distill != 1:
                raise SettingError(f"`distill` {self.distill} leaves a share to labels, `unlabelled` none")
        if self.temperature is not None:
            within("temperature", self.temperature, 1e-3, 1e3)
        within("shift", self.shift, 0, 64)
        within("seed", self.seed, 0, 2**32 - 1)
        within("threads", self.threads, 1, 1024)

    def settled(self, samples: int) -> Recipe:
        """The recipe for so many samples; None is left where the scheme has no such setting.

        Raises:
            SettingError: names what makes no sense for them.
        """
        self.check()
        holdout = max(1, samples // 10) if self.holdout is None else self.holdout
        if not 1 <= holdout < samples:
            raise SettingError(f"`holdout` {holdout} is outside 1..{samples - 1}, the training samples but one")
        distill = self.distill
        if distill is None:
            distill = 1.0 if self.unlabelled else 0.5
        known = (TERM_DEFAULTS if self.few_terms else ROW_DEFAULTS).items()
        missing: dict[str, Any] = {name: value for name, value in known if getattr(self, name) is None}
        return replace(self, distill=distill, holdout=holdout, **missing)
