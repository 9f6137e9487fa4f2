# SPDX-License-Identifier: Apache-2.0
"""What a user may ask: how a network is quantized (:class:`Quantization`), how one is trained (:class:`Recipe`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from shiftwork.codes import exponential
from shiftwork.codes import terms as term_codes
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.network.data import Data, load_data
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.integer import EXPONENTIAL, MSQ_SCHEMES, IntegerNetwork, Stream
from shiftwork.progress import Progress
from shiftwork.quantize import dnateq, msq
from shiftwork.quantize.fixed8 import SCALE_METHODS, quantize
from shiftwork.quantize.tr import TrOptions, configure, parse_budget, read_overrides
from shiftwork.settings import choose, setting, within

SCHEMES = ("fixed8", "joint", "tr", *MSQ_SCHEMES, EXPONENTIAL)
STREAMS = ("weights", "activations")
CALIBRATION_SAMPLES = 256

CALIB_DATA = "Calibration samples. [default: those of `data`]"
_SP2_SHARE = "Share of the rows of every layer that are SP2; msq. [default: 0.6]"
_ALPHA = "Scale of a row of msq, fixed4, sp2 and pot: free, or pot (a power of two). [default: free]"


@dataclass(frozen=True)
class Quantization:
    """What a user asked of the quantizer; None is the scheme's default."""

    scheme: str = setting("tr", "fixed8, joint (fixed8 with `scale` joint), tr, msq, fixed4, sp2, pot or dnateq.")
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

    @property
    def scale_method(self) -> str | None:
        """How scales are chosen; None under exponential codes, which have none."""
        if self.scale is not None or self.scheme == EXPONENTIAL:
            return self.scale
        return "joint" if self.scheme == "joint" else "mse"

    def check(self) -> None:
        """Refuse what does not go together before any work is done.

        Raises:
            SettingError: names it.
        """
        choose("scheme", self.scheme, SCHEMES)
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
        eight, tr, msq_only, dnateq_only = ("fixed8", "joint", "tr"), ("tr",), ("msq",), (EXPONENTIAL,)
        scale = self.scale_method
        for option, given, schemes in (
            ("`group`", self.group is not None, tr),
            ("`budget`", self.budget is not None, tr),
            ("`data_terms`", self.data_terms is not None, tr),
            ("`layer`", bool(self.layer), tr),
            ("`overrides`", self.overrides is not None, tr),
            ("`depthwise`", self.depthwise, tr),
            ("`weight_bits`", self.weight_bits != 8, ("fixed8", "joint")),
            ("`activation_bits`", self.activation_bits != 8, ("fixed8", "joint")),
            ("`per_tensor`", self.per_tensor, eight),
            ("`stream` activations", self.stream == "activations", eight),
            ("`scale` joint", scale == "joint", eight),
            (f"`scale` {scale}", scale not in (None, "joint"), ("fixed8", "tr", *MSQ_SCHEMES)),
            ("`exponent_bits`", self.exponent_bits is not None, dnateq_only),
            ("`max_loss`", self.max_loss is not None, ("tr", EXPONENTIAL)),
            ("`sp2_share`", self.sp2_share is not None, msq_only),
            ("`alpha`", self.alpha is not None, MSQ_SCHEMES),
        ):
            if given:
                _belongs(option, self.scheme, schemes)

    def quantize(
        self, network: FloatNetwork, samples: Any, labels: Any, progress: Progress | None = None
    ) -> IntegerNetwork:
        """The integer network that was asked for.

        Args:
            network: the float graph. samples, labels: calibration data. progress: told about every module of a search.

        Raises:
            ShiftworkError: an illegal option or override, or a network that the scales do not fit.
        """
        per_channel = not self.per_tensor
        with (progress or Progress(quiet=True)).items() as shown:
            if self.scheme == EXPONENTIAL:
                loss = dnateq.MAX_LOSS if self.max_loss is None else self.max_loss
                return dnateq.quantize(network, samples, self.exponent_bits, loss, shown.item)
            scale = self.scale_method
            assert scale is not None
            if self.scheme in MSQ_SCHEMES:
                share = msq.SP2_SHARE if self.sp2_share is None else self.sp2_share
                return msq.quantize(
                    network, samples, self.scheme, share, self.alpha or "free", scale, progress=shown.item
                )
            fixed8 = quantize(
                network, samples, scale, per_channel, self.weight_bits, self.activation_bits, progress=shown.item
            )
        return self.apply(fixed8, samples, labels)

    def apply(self, fixed8: IntegerNetwork, samples: Any, labels: Any) -> IntegerNetwork:
        """Configure the terms of a freshly quantized network.

        Args:
            fixed8: the network. samples, labels: for budget ``auto``.

        Raises:
            ShiftworkError: an illegal option or override.
        """
        stream = cast(Stream, self.stream)
        if self.scheme != "tr":
            network = fixed8.copy()
            network.scheme = self.scheme
            for module in network.modules:
                module.terms = replace(module.terms, stream=stream)
            return network
        overrides = {} if self.overrides is None else read_overrides(self.overrides)
        for text in self.layer:
            name, entry = parse_layer(text)
            overrides[name] = {**overrides.get(name, {}), **entry}
        options = TrOptions(
            stream=stream,
            group=self.group,
            budget=None if self.budget is None else parse_budget(self.budget),
            data_terms=self.data_terms,
            depthwise=self.depthwise,
            overrides=overrides,
            max_loss=TrOptions.max_loss if self.max_loss is None else self.max_loss,
            max_error=self.max_error,
        )
        return configure(fixed8, options, samples, labels)


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
        choose("scheme", self.scheme, MSQ_SCHEMES)
        if self.alpha is not None:
            choose("alpha", self.alpha, msq.ALPHAS)
        if self.sp2_share is not None:
            _belongs("`sp2_share`", self.scheme, ("msq",))
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


def load_quantized(
    wish: Quantization, *, model: Path, data: Path, calibration: Path, samples: int
) -> tuple[IntegerNetwork, Data, Data]:
    """A network from files: quantized as wished, its first ``samples`` samples, and the samples that calibrated it.

    Raises:
        ShiftworkError: a file is not usable, or an illegal option.
    """
    from shiftwork.network.importer import import_onnx

    network = import_onnx(model)
    known = load_data(calibration, network, CALIBRATION_SAMPLES)
    return wish.quantize(network, known.x, known.y), load_data(data, network, samples), known


def _named(name: str, check: Callable[[Any], Any], value: object) -> Any:
    """Run a check and put the setting's name before what it says."""
    try:
        return check(value)
    except ShiftworkError as error:
        raise SettingError(f"`{name}`: {error}") from None


def _belongs(option: str, scheme: str, schemes: tuple[str, ...]) -> None:
    """Refuse an option, named as in a :class:`SettingError`, under a scheme that is none of its own."""
    if scheme not in schemes:
        legal = " or ".join(filter(None, (", ".join(schemes[:-1]), schemes[-1])))
        raise SettingError(f"{option} belongs to `scheme` {legal}, not to `scheme` {scheme}")


def parse_layer(text: str) -> tuple[str, dict[str, Any]]:
    """``NAME:g=16,k=20,s=3,stream=weights,off`` as the module's name and its override.

    Raises:
        SettingError: anything else.
    """
    name, colon, settings = text.rpartition(":")
    if not colon or not name or not settings:
        raise SettingError(f"`layer` {text}: NAME:k=16,s=3 is expected")
    keys = {"g": "group", "k": "budget", "s": "data_terms", "stream": "stream"}
    entry: dict[str, Any] = {}
    for part in settings.split(","):
        key, equals, value = part.partition("=")
        if part in ("on", "off"):
            entry["enabled"] = part == "on"
        elif not equals or key not in keys:
            raise SettingError(f"`layer` {text}: {part!r} is none of g=, k=, s=, stream=, on, off")
        elif key == "stream":
            if value not in STREAMS:
                raise SettingError(f"`layer` {name}: stream {value}: choose {' or '.join(STREAMS)}")
            entry["stream"] = value
        elif key == "k":
            entry["budget"] = parse_budget(value)
        else:
            try:
                entry[keys[key]] = int(value)
            except ValueError:
                raise SettingError(f"`layer` {text}: {key}={value} is not a whole number") from None
    return name, entry
