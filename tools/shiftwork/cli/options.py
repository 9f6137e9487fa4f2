# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share, and what they mean together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from shiftwork.codes import exponential
from shiftwork.codes import terms as term_codes
from shiftwork.errors import ShiftworkError
from shiftwork.network.data import Data, load_data
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.integer import IntegerNetwork, Stream
from shiftwork.progress import Progress
from shiftwork.quantize import dnateq, msq
from shiftwork.quantize.dnateq import SCHEME as EXPONENTIAL
from shiftwork.quantize.fixed8 import SCALE_METHODS, quantize
from shiftwork.quantize.msq import SCHEMES as MSQ_SCHEMES
from shiftwork.quantize.tr import TrOptions, configure, parse_budget, read_overrides

SCHEMES = ("fixed8", "joint", "tr", *MSQ_SCHEMES, EXPONENTIAL)
STREAMS = ("weights", "activations")
CALIBRATION_SAMPLES = 256
DEFAULT_SCALE = "mse"

Model = Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="Trained network.", show_default=False)]
DataFile = Annotated[
    Path, typer.Option("--data", metavar="D.npz", help="x (N,...) float32, y (N,) labels.", show_default=False)
]
Scheme = Annotated[
    str, typer.Option(help="fixed8, joint (fixed8 with --scale joint), tr, msq, fixed4, sp2, pot or dnateq.")
]
StreamOption = Annotated[str, typer.Option("--stream", help="Operand streamed as terms: weights or activations.")]
Group = Annotated[
    int | None,
    typer.Option(
        help="g, values per group: a power of two up to 256. [default: 8, activations 256]", show_default=False
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        help="k terms per group (12), t terms per value (1.5), exact, or auto. [default: 12, activations 2.0]",
        show_default=False,
    ),
]
DataTerms = Annotated[
    int | None,
    typer.Option(
        help="s, terms kept per gathered value, 1..9; 0 = all. [default: 3, activations 0]", show_default=False
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(
        help="How scales are chosen: joint, maxabs or mse. [default: mse, scheme joint: joint]", show_default=False
    ),
]
WeightBits = Annotated[int, typer.Option(help="Width of the weights, 4..8; fixed8 and joint.")]
ActivationBits = Annotated[int, typer.Option(help="Width of the activations, 4..8; fixed8 and joint.")]
Sp2Share = Annotated[
    float | None,
    typer.Option(help="Share of the rows of every layer that are SP2; msq. [default: 0.6]", show_default=False),
]
Alpha = Annotated[
    str | None,
    typer.Option(
        help="Scale of a row of msq, fixed4, sp2 and pot: free, or pot (a power of two). [default: free]",
        show_default=False,
    ),
]
ExponentBits = Annotated[
    int | None,
    typer.Option(help="Width of all exponents of dnateq, 3..7. [default: chosen per layer]", show_default=False),
]
Modules = Annotated[int | None, typer.Option(help="Execute the first N modules only.", show_default=False)]
PerTensor = Annotated[bool, typer.Option("--per-tensor", help="One weight scale per tensor, not per output channel.")]
Depthwise = Annotated[bool, typer.Option("--depthwise", help="Reveal depthwise layers too.")]
MaxLoss = Annotated[
    float | None,
    typer.Option(
        help="--budget auto: points of calibration accuracy to spend; dnateq: points expected. [default: 0.5]",
        show_default=False,
    ),
]
MaxError = Annotated[float, typer.Option(help="--budget auto: relative 2-norm of the output error it may cost.")]
LayerOption = Annotated[
    list[str] | None,
    typer.Option("--layer", metavar="NAME:k=16,s=3", help="Override g, k, s, stream or off for one layer; repeatable."),
]
Overrides = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Overrides per layer from YAML or JSON.", show_default=False)
]
Limit = Annotated[int | None, typer.Option(help="Use the first N samples only.", show_default=False)]
Calibrate = Annotated[int, typer.Option(help="Calibration samples to use.")]
CalibrationFile = Annotated[
    Path | None, typer.Option("--calib-data", metavar="C.npz", help="Calibration samples. [default: those of --data]")
]
EngineRows = Annotated[int | None, typer.Option("--rows", help="Rows of the engine. [default: 8]", show_default=False)]
EngineCols = Annotated[
    int | None,
    typer.Option("--cols", help="Columns of the engine. [default: 64, msq and dnateq: 16]", show_default=False),
]
FixedRows = Annotated[
    int | None, typer.Option(help="Rows of multipliers of the msq engine. [default: 8]", show_default=False)
]
Sp2Rows = Annotated[
    int | None, typer.Option(help="Rows of shift-add units of the msq engine. [default: 8]", show_default=False)
]
Fold = Annotated[
    int | None, typer.Option(help="Rows of the exp engine that share its cells. [default: 2]", show_default=False)
]
Lanes = Annotated[
    int | None, typer.Option(help="Reduction steps a beat of the msq engine. [default: 8]", show_default=False)
]
FitPlot = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Draw how the codes of dnateq fit every tensor: .png or .svg.", show_default=False
    ),
]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON.")]


@dataclass(frozen=True)
class Quantization:
    """What a user asked of the quantizer; values as the command line has them."""

    scheme: str = "tr"
    stream: str = "weights"
    group: int | None = None
    budget: str | None = None
    data_terms: int | None = None
    scale: str | None = DEFAULT_SCALE
    per_tensor: bool = False
    depthwise: bool = False
    max_loss: float | None = None
    max_error: float = 0.05
    layers: tuple[str, ...] = ()
    overrides: Path | None = None
    weight_bits: int = 8
    activation_bits: int = 8
    sp2_share: float | None = None
    alpha: str | None = None
    exponent_bits: int | None = None

    def check(self) -> None:
        """Refuse what does not go together before any work is done.

        Raises:
            ShiftworkError: naming the option.
        """
        choose("--scheme", self.scheme, SCHEMES)
        choose("--stream", self.stream, STREAMS)
        if self.scale is not None:
            choose("--scale", self.scale, SCALE_METHODS)
        if self.alpha is not None:
            choose("--alpha", self.alpha, msq.ALPHAS)
        if self.sp2_share is not None and not 0.0 <= self.sp2_share <= 1.0:
            raise ShiftworkError(f"--sp2-share {self.sp2_share} is outside 0..1")
        for option, width in (("--weight-bits", self.weight_bits), ("--activation-bits", self.activation_bits)):
            if not 4 <= width <= 8:
                raise ShiftworkError(f"{option} {width} is outside 4..8")
        if self.exponent_bits is not None:
            _named("--exponent-bits", exponential.check_bits, self.exponent_bits)
        if self.max_loss is not None and not self.max_loss >= 0:
            raise ShiftworkError(f"--max-loss {self.max_loss} is below 0 points")
        if self.group is not None:
            _named("--group", term_codes.check_group, self.group)
        if self.data_terms is not None:
            _named("--data-terms", term_codes.check_data_terms, self.data_terms)
        budget = None if self.budget is None else _named("--budget", parse_budget, self.budget)
        if isinstance(budget, int | float) and not budget > 0:
            raise ShiftworkError(f"--budget {self.budget} is not positive")
        eight, tr, msq_only, dnateq_only = ("fixed8", "joint", "tr"), ("tr",), ("msq",), (EXPONENTIAL,)
        for option, given, schemes in (
            ("--group", self.group is not None, tr),
            ("--budget", self.budget is not None, tr),
            ("--data-terms", self.data_terms is not None, tr),
            ("--layer", bool(self.layers), tr),
            ("--overrides", self.overrides is not None, tr),
            ("--depthwise", self.depthwise, tr),
            ("--weight-bits", self.weight_bits != 8, ("fixed8", "joint")),
            ("--activation-bits", self.activation_bits != 8, ("fixed8", "joint")),
            ("--per-tensor", self.per_tensor, eight),
            ("--stream activations", self.stream == "activations", eight),
            ("--scale joint", self.scale == "joint", eight),
            (f"--scale {self.scale}", self.scale not in (None, "joint"), ("fixed8", "tr", *MSQ_SCHEMES)),
            ("--exponent-bits", self.exponent_bits is not None, dnateq_only),
            ("--max-loss", self.max_loss is not None, ("tr", EXPONENTIAL)),
            ("--sp2-share", self.sp2_share is not None, msq_only),
            ("--alpha", self.alpha is not None, MSQ_SCHEMES),
        ):
            if given and self.scheme not in schemes:
                legal = " or ".join(filter(None, (", ".join(schemes[:-1]), schemes[-1])))
                raise ShiftworkError(f"{option} belongs to --scheme {legal}, not to --scheme {self.scheme}")

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
            assert self.scale is not None
            if self.scheme in MSQ_SCHEMES:
                share = msq.SP2_SHARE if self.sp2_share is None else self.sp2_share
                return msq.quantize(
                    network, samples, self.scheme, share, self.alpha or "free", self.scale, progress=shown.item
                )
            fixed8 = quantize(
                network, samples, self.scale, per_channel, self.weight_bits, self.activation_bits, progress=shown.item
            )
        return self.apply(fixed8, samples, labels)

    def apply(self, fixed8: IntegerNetwork, samples: Any, labels: Any) -> IntegerNetwork:
        """Configure the terms of a freshly quantized network.

        Args:
            fixed8: the network. samples, labels: for ``--budget auto``.

        Raises:
            ShiftworkError: an illegal option or override.
        """
        stream = cast(Stream, self.stream)
        if self.scheme != "tr":
            network = fixed8.copy()
            network.scheme = self.scheme
            for module in network.modules:
                module.format = replace(module.format, stream=stream)
            return network
        overrides = {} if self.overrides is None else read_overrides(self.overrides)
        for text in self.layers:
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


def load_quantized(
    model: Path, data: Path, calibration: Path, samples: int, wish: Quantization
) -> tuple[IntegerNetwork, Data, Data]:
    """A network from files: quantized as wished, its first samples, and the samples that calibrated it.

    Raises:
        ShiftworkError: a file is not usable, or an illegal option.
    """
    from shiftwork.network.importer import import_onnx

    network = import_onnx(model)
    known = load_data(calibration, network, CALIBRATION_SAMPLES)
    return wish.quantize(network, known.x, known.y), load_data(data, network, samples), known


def _named(option: str, check: Callable[[Any], Any], value: object) -> Any:
    """Run a check and put the option's name before what it says."""
    try:
        return check(value)
    except ShiftworkError as error:
        raise ShiftworkError(f"{option}: {error}") from None


def scale_of(scheme: str, scale: str | None) -> str | None:
    """How scales are chosen when the user may have left it open; exponential codes have none unless asked for."""
    if scheme == EXPONENTIAL:
        return scale
    return scale or ("joint" if scheme == "joint" else DEFAULT_SCALE)


def choose(option: str, value: str, legal: tuple[str, ...]) -> None:
    """Refuse a value that is none of ``legal``."""
    if value not in legal:
        raise ShiftworkError(f"{option} {value}: choose {' or '.join(legal)}")


def check_target(option: str, path: Path | None) -> None:
    """Refuse a file that cannot be written, before any work is done."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise ShiftworkError(
            f"{option} {path}: no such folder" if not path.is_dir() else f"{option} {path}: is a folder"
        )


def parse_layer(text: str) -> tuple[str, dict[str, Any]]:
    """``NAME:g=16,k=20,s=3,stream=weights,off`` as the module's name and its override.

    Raises:
        ShiftworkError: anything else.
    """
    name, colon, settings = text.rpartition(":")
    if not colon or not name or not settings:
        raise ShiftworkError(f"--layer {text}: NAME:k=16,s=3 is expected")
    keys = {"g": "group", "k": "budget", "s": "data_terms", "stream": "stream"}
    entry: dict[str, Any] = {}
    for setting in settings.split(","):
        key, equals, value = setting.partition("=")
        if setting in ("on", "off"):
            entry["enabled"] = setting == "on"
        elif not equals or key not in keys:
            raise ShiftworkError(f"--layer {text}: {setting!r} is none of g=, k=, s=, stream=, on, off")
        elif key == "stream":
            choose(f"--layer {name}: stream", value, STREAMS)
            entry["stream"] = value
        elif key == "k":
            entry["budget"] = parse_budget(value)
        else:
            try:
                entry[keys[key]] = int(value)
            except ValueError:
                raise ShiftworkError(f"--layer {text}: {key}={value} is not a whole number") from None
    return name, entry
