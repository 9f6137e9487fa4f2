# SPDX-License-Identifier: Apache-2.0
"""The list of measurements: networks and their quantizations, scales, trainings, costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shiftwork.blocks.manifest import ROOT
from shiftwork.compile.accelerator import ENGINES
from shiftwork.quantize.dnateq import SCHEME as EXPONENTIAL
from shiftwork.quantize.quantization import CALIBRATION_SAMPLES, Quantization
from shiftwork.settings import settings

PREPARED = ROOT / "build" / "measure"
ROWS, COLS = 8, 64
COSTS: dict[str, tuple[int, int, int, str, list[str]]] = {
    "synth_tr": (8, 64, 1, "area", []),
    "synth_tr_wide": (16, 256, 5, "area", ["tr", "mac", "booth"]),
    "synth_tr_ecp5": (4, 32, 1, "ecp5", ["tr", "booth"]),
    "synth_tr_toggles": (4, 32, 1, "toggles", []),
}
"""Rows, columns, samples on the RTL, kind and designs (empty: all) of every ``shiftwork synth tr``."""
CODES_COSTS = {
    "synth_msq": ("msq", 1, False),
    "synth_dnateq": (EXPONENTIAL, 5, False),
    "synth_dnateq_toggles": (EXPONENTIAL, 1, True),
}
"""Scheme, samples and whether toggles are counted of every other ``shiftwork synth`` on codes of ResNet-20."""
ACCELERATOR_COSTS: dict[str, tuple[int, int, int, tuple[str, ...], tuple[str, ...]]] = {
    "synth_accel_8x64_128": (8, 64, 128, (), ()),
    "synth_accel_4x32_64": (4, 32, 64, (), ()),
    "synth_accel_4x64_128": (4, 64, 128, ("tr", "mac_dsp"), ("xc7",)),
    "synth_accel_8x32_64": (8, 32, 64, ("tr", "mac_dsp"), ("xc7",)),
    "synth_accel_16x64_128": (16, 64, 128, ("msq",), ("xc7",)),
}
"""Rows, columns, KiB of activation memory, engines and families (empty: all) of every ``shiftwork synth accel``."""
LENET = ("/f1/Gemm:g=128",)
"""The layer of LeNet whose slices of 256 products the engine's accumulators do not hold."""
WIDTHS = (8, 6, 4)
PER_VALUE = ("1.0", "1.25", "1.5", "2.0")


@dataclass(frozen=True)
class Entry:
    """One measurement.

    Attributes:
        network: model file without its ending. data: data set of prepare.py; ``data_calib`` calibrates.
        rtl: samples that run on the RTL; all samples run on the golden model.
        wish: the quantization.
    """

    network: str
    data: str
    rtl: int
    wish: Quantization

    @property
    def name(self) -> str:
        """Name of the record: network, streamed operand and budget."""
        wish = self.wish
        if wish.scheme == "fixed8":
            return f"{self.network}.{wish.stream}.qt"
        whole = str(wish.budget).isdigit()
        return f"{self.network}.{wish.stream}.{'k' if whole else ''}{wish.budget}"

    @property
    def command(self) -> str:
        """What does the RTL part of the entry by hand."""
        wish = self.wish
        words = [
            f"shiftwork run {self.network}.onnx --data {self.data}.npz --calib-data {self.data}_calib.npz",
            f"--scheme {wish.scheme} --stream {wish.stream}",
        ]
        if wish.scheme == "tr":
            words += [] if wish.group is None else [f"--group {wish.group}"]
            words.append(f"--budget {wish.budget}")
        if wish.data_terms is not None:
            words.append(f"--data-terms {wish.data_terms}")
        words += [f"--layer {override}" for override in wish.layer]
        return " ".join([*words, f"--executor rtl --limit {self.rtl} --rows {ROWS} --cols {COLS}"])


def _weights(budget: str) -> Quantization:
    group, data_terms = (None, None) if budget == "auto" else (8, 3)
    return Quantization("tr", stream="weights", group=group, budget=budget, data_terms=data_terms)


def _activations(budget: str) -> Quantization:
    return Quantization("tr", stream="activations", group=256, budget=budget, data_terms=0)


def entries() -> list[Entry]:
    """Every measurement."""
    weights, activations = (Quantization("fixed8", stream=stream) for stream in ("weights", "activations"))
    plain = [weights, _weights("12"), _weights("auto")]
    swept = [*plain, *(_weights(k) for k in ("8", "10", "16")), activations]
    swept += [_activations(budget) for budget in (*PER_VALUE, "auto")]
    hard = [*plain, activations, _activations("auto")]
    lenet = [
        replace(wish, layer=LENET) if wish.scheme == "tr" and wish.stream == "activations" else wish for wish in swept
    ]
    networks = [
        ("mnist_mlp512", "mnist", 100, plain),
        ("mnist_lenet5", "mnist", 100, lenet),
        ("cifar10_resnet20", "cifar_resnet20", 5, swept),
        ("cifar10_resnet8_mlperftiny", "cifar_resnet8", 5, hard),
    ]
    return [Entry(network, data, rtl, wish) for network, data, rtl, wishes in networks for wish in wishes]


@dataclass(frozen=True)
class Subject:
    """A network whose scales are measured.

    Attributes:
        network: model file without its ending. data: data set of prepare.py.
        calibration: data set whose first samples calibrate; where a network has none, its own samples without labels.
        rtl_modules: leading modules that one sample runs through on the RTL; None is all, 0 is no run.
        calibrate: calibration samples, at most. rtl: samples in exponential codes that run on the RTL.
    """

    network: str
    data: str
    calibration: str
    rtl_modules: int | None = 0
    calibrate: int = 1000
    rtl: int = 0

    @property
    def sets(self) -> tuple[str, str]:
        """The data sets it needs."""
        return self.data, self.calibration

    @property
    def command(self) -> str:
        """How every command that runs it begins."""
        return (
            f"shiftwork run {self.network}.onnx --data {self.data}.npz --calib-data {self.calibration}.npz "
            f"--calibrate {self.calibrate}"
        )


SUBJECTS = (
    Subject("mnist_lenet5", "mnist", "mnist_calib"),
    Subject("cifar10_resnet20", "cifar_resnet20", "cifar_resnet20_calib"),
    Subject("cifar10_resnet8_mlperftiny", "cifar_resnet8", "cifar_resnet8_calib", None),
    Subject("kws_dscnn_mlperftiny", "kws", "kws", None, CALIBRATION_SAMPLES),
    Subject("imagenet_squeezenet1_1", "squeezenet", "squeezenet_calib", 8),
    Subject("mobilenetv2", "mobilenetv2", "mobilenetv2_calib"),
)
EXPONENTIALS = (
    Subject("mnist_mlp512", "mnist", "mnist_calib", calibrate=CALIBRATION_SAMPLES, rtl=100),
    Subject("mnist_lenet5", "mnist", "mnist_calib", calibrate=CALIBRATION_SAMPLES, rtl=100),
    Subject("cifar10_resnet20", "cifar_resnet20", "cifar_resnet20_calib", calibrate=CALIBRATION_SAMPLES, rtl=5),
    Subject("kws_dscnn_mlperftiny", "kws", "kws", calibrate=CALIBRATION_SAMPLES, rtl=5),
    Subject("imagenet_squeezenet1_1", "squeezenet", "squeezenet_unlabelled", calibrate=CALIBRATION_SAMPLES, rtl=1),
)
"""Networks in exponential codes."""


def _shape(engine: str, rows: int, cols: int) -> str:
    """The options that ask for an engine inside the accelerator."""
    chosen = ENGINES[engine](rows, cols)
    named = {item.name: getattr(chosen, item.name) for item in settings(type(chosen)) if item.name not in chosen.inside}
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in named.items())


@dataclass(frozen=True)
class OnAccelerator:
    """A network on the accelerator.

    Attributes:
        subject: network and data. scheme: of the codes. engine: inside. samples: that run, each compared as a whole.
        activation_memory: KiB. modules: leading modules that run; None: all.
    """

    subject: Subject
    scheme: str
    engine: str
    samples: int
    activation_memory: int = 128
    modules: int | None = None

    @property
    def name(self) -> str:
        """Name of the record."""
        memory = f".{self.activation_memory}k" if self.subject.network in LARGE else ""
        return f"accel.{self.subject.network}.{self.scheme}.{self.engine}{memory}"

    @property
    def command(self) -> str:
        """What does it by hand."""
        words = [
            f"{self.subject.command} --scheme {self.scheme}{' --budget 12' if self.scheme == 'tr' else ''}",
            f"--executor accel --engine {self.engine}",
            f"{_shape(self.engine, ROWS, COLS)} --activation-memory {self.activation_memory} --constants {CONSTANTS}",
            f"--limit {self.samples}",
        ]
        return " ".join(words if self.modules is None else [*words, f"--modules {self.modules}"])


CONSTANTS = 2048
"""Channels of constants of the accelerators that are measured."""
LARGE = ("imagenet_squeezenet1_1", "mobilenetv2")
"""Networks that run with activation memories of several sizes."""


def accelerated() -> list[OnAccelerator]:
    """Networks on the accelerator: each under conventional quantization and term revealing, on multipliers, and in
    4-bit rows."""
    found = []
    for network, data, calibration, samples, few in (
        ("mnist_mlp512", "mnist", "mnist_calib", 100, 10),
        ("mnist_lenet5", "mnist", "mnist_calib", 100, 10),
        ("cifar10_resnet8_mlperftiny", "cifar_resnet8", "cifar_resnet8_calib", 5, 2),
        ("cifar10_resnet20", "cifar_resnet20", "cifar_resnet20_calib", 5, 2),
        ("kws_dscnn_mlperftiny", "kws", "kws", 20, 5),
    ):
        subject = Subject(network, data, calibration, calibrate=CALIBRATION_SAMPLES)
        found += [OnAccelerator(subject, scheme, "tr", samples) for scheme in ("fixed8", "tr")]
        found += [OnAccelerator(subject, "fixed8", "mac", few), OnAccelerator(subject, "msq", "msq", few)]
    squeezenet = Subject("imagenet_squeezenet1_1", "squeezenet", "squeezenet_calib", calibrate=48)
    found += [OnAccelerator(squeezenet, "tr", "tr", 1, memory) for memory in (256, 1024)]
    mobilenet = Subject("mobilenetv2", "mobilenetv2", "mobilenetv2_calib", calibrate=48)
    found.append(OnAccelerator(mobilenet, "tr", "tr", 1, 256, 12))
    large = [OnAccelerator(squeezenet, "fixed8", "mac", 1, 256), OnAccelerator(mobilenet, "fixed8", "mac", 1, 256, 12)]
    return found + large


BOARD_NETWORKS = tuple(
    Subject(network, data, calibration, calibrate=CALIBRATION_SAMPLES, rtl=2)
    for network, data, calibration in (
        ("digits", "digits_test", "digits_calib"),
        ("mnist_lenet5", "mnist", "mnist_calib"),
        ("cifar10_resnet8_mlperftiny", "cifar_resnet8", "cifar_resnet8_calib"),
    )
)
"""Networks that run on simulated boards."""
ON_BOARDS: dict[str, tuple[tuple[Subject, ...], tuple[str, ...]]] = {
    "ulx3s": (BOARD_NETWORKS, ("fixed8", "tr")),
    "ulx3s_mac": (BOARD_NETWORKS, ("fixed8",)),
    "icebreaker": (BOARD_NETWORKS[:1], ("fixed8",)),
    "tangnano20k": (BOARD_NETWORKS[:1], ("fixed8",)),
}
"""Boards, by the name of their bitstream; the networks on them, and their schemes."""
ON_GATES = ("ulx3s",)
"""Boards on whose cells the digits run."""


@dataclass(frozen=True)
class AnchorRun:
    """A network on an accelerator that stands beside others; all samples run on the golden model.

    Attributes:
        subject: the network. wish: the quantization. engine: kind of the engine inside. rows, cols: of it.
        activation_memory: KiB. samples: on the RTL.
    """

    subject: Subject
    wish: Quantization
    engine: str
    rows: int
    cols: int
    activation_memory: int
    samples: int = 1

    @property
    def name(self) -> str:
        """Name of the record: network, shape, engine and budget."""
        how = f"k{self.wish.budget}" if self.wish.budget else {"fixed8": "qt"}.get(self.wish.scheme, self.wish.scheme)
        return f"anchor.{self.subject.network}.{self.rows}x{self.cols}_{self.activation_memory}.{self.engine}.{how}"

    @property
    def command(self) -> str:
        """What does the RTL part of it by hand."""
        wish = self.wish
        words = [f"{self.subject.command} --scheme {wish.scheme}"]
        if wish.budget is not None:
            words.append(f"--group {wish.group} --budget {wish.budget} --data-terms {wish.data_terms}")
        words += [f"--executor accel --engine {self.engine} {_shape(self.engine, self.rows, self.cols)}"]
        return " ".join([*words, f"--activation-memory {self.activation_memory} --limit {self.samples}"])


def anchor_runs() -> list[AnchorRun]:
    """Runs that stand beside other accelerators on one device."""
    subjects = [
        Subject("cifar10_resnet8_mlperftiny", "cifar_resnet8", "cifar_resnet8_calib", calibrate=CALIBRATION_SAMPLES),
        Subject("kws_dscnn_mlperftiny", "kws", "kws", calibrate=CALIBRATION_SAMPLES),
    ]
    known = [
        *(("tr", _weights(k), 4, 64, 128) for k in ("8", "10", "12")),
        ("tr", _weights("12"), 8, 32, 64),
        ("tr", _weights("12"), 8, 64, 128),
        *(("mac", Quantization("fixed8"), *shape) for shape in ((4, 64, 128), (8, 32, 64))),
        ("msq", Quantization("msq"), 16, 64, 128),
    ]
    return [
        AnchorRun(subject, wish, engine, rows, cols, memory)
        for subject in subjects
        for engine, wish, rows, cols, memory in known
    ]


TRAINED = (("msq", "free"), ("fixed4", "free"), ("sp2", "free"), ("pot", "free"), ("msq", "pot"))
"""Schemes and alphas that networks are trained for."""


@dataclass(frozen=True)
class Training:
    """A network that is trained, to 4 bits under several schemes or to few terms.

    Attributes:
        network: model file without its ending. data: training data. test: data set of prepare.py.
        rtl: samples of the trained network that run on the RTL; 0: none do.
        settings: of :class:`shiftwork.quantize.training.Recipe`, the same for all schemes. kinds: of :data:`TRAINED`.
    """

    network: str
    data: str
    test: str
    rtl: int
    settings: dict[str, Any]
    kinds: tuple[tuple[str, str], ...] = TRAINED

    def command(self, scheme: str, alpha: str | None = None) -> str:
        """What does one of the trainings by hand."""
        words = [f"shiftwork train {self.network}.onnx --data {self.data}.npz --scheme {scheme}"]
        words += [] if alpha is None else [f"--alpha {alpha}"]
        given = {key.replace("_", "-"): value for key, value in self.settings.items()}
        words += [f"--{key}" if value is True else f"--{key} {value}" for key, value in given.items()]
        return " ".join([*words, f"--output {trained_network(self.network, scheme, alpha).name}"])


MNIST_TRAIN = "mnist_train"
"""More images than prepare.py writes by itself."""
KWS_PARTS = ("kws_unlabelled", "kws_tested")
"""The calibration samples of keyword spotting without their labels, and the others."""
TRAININGS = {
    "train_digits": Training(
        "digits", "digits_train", "digits_test", 100, {"epochs": 20, "batch": 32, "shift": 1, "holdout": 119}
    ),
    "train_mnist_lenet5": Training(
        "mnist_lenet5", MNIST_TRAIN, "mnist", 100,
        {"epochs": 3, "batch": 128, "shift": 2, "holdout": 5000},
    ),
    "train_cifar10_resnet20": Training(
        "cifar10_resnet20", "cifar_resnet20_calib", "cifar_resnet20", 5,
        {"epochs": 24, "patience": 24, "batch": 50, "unlabelled": True, "temperature": 6.0, "shift": 2, "flip": True,
         "inner": 16.0, "holdout": 100},
    ),
    "train_kws_dscnn_mlperftiny": Training(
        "kws_dscnn_mlperftiny", *KWS_PARTS, 0,
        {"epochs": 80, "patience": 80, "batch": 16, "unlabelled": True, "search": True, "inner": 16.0,
         "holdout": 32},
    ),
    "train_imagenet_squeezenet1_1": Training(
        "imagenet_squeezenet1_1", "squeezenet_unlabelled", "squeezenet", 0,
        {"epochs": 8, "batch": 8, "rate": 3e-3, "unlabelled": True, "temperature": 6.0, "flip": True, "inner": 16.0,
         "holdout": 64}, TRAINED[:2],
    ),
}  # fmt: skip
TERM_TRAININGS = {
    f"train_{training.network}.tr": training
    for training in (
        Training(
            "mnist_lenet5", "mnist_calib", "mnist", 0,
            {"terms": 0.75, "epochs": 10, "batch": 10, "unlabelled": True, "shift": 2, "holdout": 400},
        ),
        Training(
            "cifar10_resnet20", "cifar_resnet20_calib", "cifar_resnet20", 0,
            {"terms": 0.9375, "epochs": 12, "patience": 12, "batch": 10, "rate": 3e-3, "unlabelled": True, "shift": 2,
             "flip": True, "holdout": 200},
        ),
        Training(
            "imagenet_squeezenet1_1", "squeezenet_unlabelled", "squeezenet", 0,
            {"terms": 1.1, "epochs": 16, "patience": 16, "batch": 8, "rate": 1e-3, "unlabelled": True, "flip": True,
             "holdout": 113},
        ),
    )
}  # fmt: skip
"""Networks that are trained to few terms."""


def trained_network(network: str, scheme: str, alpha: str | None = None) -> Path:
    """File of a trained integer network."""
    return PREPARED / f"{network}_{scheme}{'' if alpha in ('free', None) else f'_{alpha}'}.npz"
