# SPDX-License-Identifier: Apache-2.0
"""Training of networks with 4-bit weights and activations; needs PyTorch, extra ``[train]``, and is all that does.

Method: Mix and Match, arXiv 2012.04240: ADMM regularisation with a straight-through estimator (``docs/numerics.md``
section 6). Training starts from the network that :func:`shiftwork.quantize.msq.settled` makes of the trained float
network: equalized, its weights rounded with compensation, the means of its channels restored by its biases, which are
what is left of batch normalization. Once an epoch ``Z = proj(W + U)`` and ``U = U + W - Z``. Every batch runs with the
weights projected to their levels and the activations rounded to their codes; gradients pass both roundings unchanged,
except where an activation saturates. The loss is the cross entropy plus ``rho / 2 * |W - Z + U|^2``. The weights of the
epoch that is best on held-out training data, or those of the start, are projected and become the integer network.

Beyond the paper: a share of the loss may be the distance to what the float network says (*distillation*), all of it
where there are no labels; to its inner tensors too, as FitNets have it (arXiv 1412.6550); and the scales of the
activations may be searched first (:func:`searched`). What is projected in the end are weights averaged over the last
tenth of the steps or so, by polynomial decay (arXiv 1212.1824).

Tensors are NCHW in channels-last order and hold codes, as the integer network does: a module multiplies its weights by
``2**(N_out - N_in)`` and rounds. With steps of 16-bit mantissas, as the scale-round requantizer has them, the same
computation in float64 is exact (:func:`emulate`).
"""

from __future__ import annotations

import math
import os
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import Data
from shiftwork.network.graph import MOVES, FloatModule, FloatNetwork
from shiftwork.network.integer import IntegerNetwork
from shiftwork.network.promise import Promise
from shiftwork.network.saving import Saving
from shiftwork.progress import OnItem, Progress
from shiftwork.quantize import msq, revealed, tr
from shiftwork.quantize.equalize import FIXED, channels, components, scale
from shiftwork.quantize.judge import Cycles, Judge, names_classes
from shiftwork.quantize.msq import MsqScales
from shiftwork.quantize.quantization import CALIBRATION_SAMPLES, Quantization
from shiftwork.quantize.recipe import Recipe
from shiftwork.quantize.revealed import TermScales
from shiftwork.quantize.scales import is_raw, upper_code
from shiftwork.tensors.layout import Step, positions
from shiftwork.tensors.maps import pooled_size, window_count

try:
    import torch
    import torch.nn.functional as F  # noqa: N812
except ModuleNotFoundError as missing:
    raise ShiftworkError("training needs PyTorch: pip install 'shiftwork[train]'") from missing

Tensor = Any  # torch.Tensor; PyTorch is optional, so the types of this module do not depend on it
Weights = dict[str, tuple[Tensor, Tensor]]
Scales = MsqScales | TermScales
SCHEME_OF: dict[type, Any] = {MsqScales: msq, TermScales: revealed}
"""Where ``make_legal``, ``build`` and ``quantized_weight`` of the scales are."""

SEARCH_SAMPLES = 128
_TOLD_EVERY = 10  # seconds
_ROUNDS = 2  # of the search
_EVALUATED = 256  # samples evaluated at once
_DECAY = 10  # weights are averaged over about a tenth of the steps so far
_MANTISSA = 1 << 16  # of the scale-round requantizer
_FORMAT = "shiftwork-training-3"


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave.

    Attributes:
        loss: mean training loss. holdout_loss: on the held-out samples. expected: points of accuracy that are expected
            to be lost on them (:class:`~shiftwork.quantize.judge.Judge`). accuracy: on them, in percent, by labels.
        seconds: wall time.
    """

    loss: float
    holdout_loss: float
    expected: float
    accuracy: float | None
    seconds: float


@dataclass
class Trained:
    """A trained network.

    Attributes:
        recipe: how it was trained.
        network: the integer network. scales: what it was built from. floats: the float graph with the trained weights.
        history: one entry an epoch. best: the epoch, counted from 1, whose weights were taken; 0 is the start.
        before: what is promised of the network that training starts from; that of ``network`` is its own.
        start, accuracy: on the held-out samples in percent, at the start and of ``network``; None without labels.
    """

    recipe: Recipe
    network: IntegerNetwork
    scales: Scales
    floats: FloatNetwork
    history: list[Epoch]
    best: int
    before: Promise
    start: float | None
    accuracy: float | None

    def to_json(self) -> dict[str, Any]:
        """Recipe and course of the training as plain JSON values."""
        return {
            "recipe": asdict(self.recipe),
            "best_epoch": self.best,
            "promise_before": asdict(self.before),
            "promise": None if self.network.promise is None else asdict(self.network.promise),
            "start_accuracy": self.start,
            "accuracy": self.accuracy,
            "history": [asdict(epoch) for epoch in self.history],
        }


# -- straight-through estimators


class _Round(torch.autograd.Function):  # type: ignore[misc]
    """``clamp(floor(x + 1/2))``; the gradient passes between the bounds."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bounds = low, high
        return (x + 0.5).floor_().clamp_(low, high)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return torch.ops.aten.hardtanh_backward(gradient, ctx.saved_tensors[0], *ctx.bounds), None, None


class _Replace(torch.autograd.Function):  # type: ignore[misc]
    """The second tensor; the gradient goes to the first."""

    @staticmethod
    def forward(ctx: Any, real: Tensor, used: Tensor) -> Tensor:
        return used.view_as(used)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


# -- the network in PyTorch


@dataclass
class _Layer:
    """A convolution in training: weights ``[out][ky][kx][in]`` and biases, and the projection of its rows.

    What is trained, and Z and U of ADMM, count in units of the row: ``unit`` of a weight, the distance of legal ones at
    the start, and ``bias_unit``. So a learning rate means the same in every row, whatever its scale. ``projection`` is
    that of weights (out, ky, kx, in) in steps.
    """

    module: FloatModule
    unit: Tensor
    bias_unit: Tensor
    weight: Tensor
    bias: Tensor
    z: Tensor
    u: Tensor
    projection: Callable[[Tensor], Tensor]
    step: Tensor = None

    def real(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights and biases."""
        weight, bias = self.weight.detach() * self.unit, self.bias.detach() * self.bias_unit
        return weight.numpy().astype(np.float64), bias.numpy().astype(np.float64)

    def project(self, weight: Tensor) -> Tensor:
        """Real weights that are legal, near such ones."""
        return self.projection(weight / self.step).mul_(self.step)


class _Model:
    """The float graph in PyTorch with the scales that quantize it.

    Attributes:
        network: gives the graph; the weights in training are in ``layers``, by module name. scales: of everything.
    """

    def __init__(self, network: FloatNetwork, scales: Scales) -> None:
        self.network, self.scheme = network, SCHEME_OF[type(scales)]
        largest = scales.bits.largest_weight  # about that of the activations too
        self.layers: dict[str, _Layer] = {}
        for module in network.modules:
            if module.weight is not None:
                step = scales.steps[module.name] * scales.gap
                spread = largest * math.sqrt(module.weight[0].size) * 2.0 ** -scales.tensors[module.inputs[0]]
                unit = torch.tensor(step, dtype=torch.float32).reshape(-1, 1, 1, 1)
                bias_unit = torch.tensor(step * spread, dtype=torch.float32)
                weight = torch.tensor(module.weight, dtype=torch.float32) / unit
                bias = torch.tensor(module.bias, dtype=torch.float32) / bias_unit
                zeros = torch.zeros_like(weight)
                self.layers[module.name] = _Layer(
                    module, unit, bias_unit, weight.requires_grad_(), bias.requires_grad_(), zeros, zeros,
                    _projection(scales, module),
                )  # fmt: skip
        self.adopt(scales)

    def adopt(self, scales: Scales) -> None:
        """Take scales: steps get 16-bit mantissas, then what the requantizer demands is done.

        Raises:
            ShiftworkError: they do not fit the requantizer.
        """
        steps = {}
        for name, step in scales.steps.items():
            mantissa, exponent = np.frexp(step)
            steps[name] = np.ldexp(np.floor(mantissa * _MANTISSA + 0.5) / _MANTISSA, exponent)
        legal = replace(scales, steps=steps, tensors=dict(scales.tensors))
        self.scheme.make_legal(self.floats(), legal)
        self.scales = legal
        for name, layer in self.layers.items():
            layer.step = torch.tensor(legal.steps[name], dtype=torch.float32).reshape(-1, 1, 1, 1)

    def parameters(self) -> list[Tensor]:
        """What the optimizer changes."""
        return [tensor for layer in self.layers.values() for tensor in (layer.weight, layer.bias)]

    def floats(self) -> FloatNetwork:
        """The float graph with the weights and biases as they are now."""
        modules = []
        for module in self.network.modules:
            layer = self.layers.get(module.name)
            if layer is not None:
                weight, bias = layer.real()
                module = replace(module, weight=weight, bias=bias)
            modules.append(module)
        return replace(self.network, modules=modules)

    def dual_update(self) -> None:
        """``Z = proj(W + U)``, ``U = U + W - Z``."""
        with torch.no_grad():
            for layer in self.layers.values():
                layer.z = layer.project((layer.weight + layer.u) * layer.unit) / layer.unit
                layer.u = layer.u + layer.weight - layer.z

    def penalty(self) -> Tensor:
        """``|W - Z + U|^2`` over all weights, in units of their rows."""
        return sum((layer.weight - layer.z + layer.u).square().sum() for layer in self.layers.values())

    def projected(self) -> Weights:
        """Weights on their levels and biases at the scale of the accumulator; gradients pass to the real ones."""
        result = {}
        for name, layer in self.layers.items():
            unit = layer.step.reshape(-1) * 2.0 ** -self.scales.tensors[layer.module.inputs[0]]
            real, real_bias = layer.weight * layer.unit, layer.bias * layer.bias_unit
            with torch.no_grad():
                weight = layer.project(real)
                bias = (real_bias / unit + 0.5).floor_() * unit
            result[name] = _Replace.apply(real, weight), _Replace.apply(real_bias, bias)
        return result

    def run(self, x: Tensor, weights: Weights) -> Tensor:
        """Logits (N, classes) of samples (N, C, H, W), by codes."""
        return _run(self.network, self.scales, x, weights)[self.network.output].flatten(1)


def _projection(scales: Scales, module: FloatModule) -> Callable[[Tensor], Tensor]:
    """What makes weights of a module legal, in steps (out, ky, kx, in)."""
    if isinstance(scales, TermScales):
        return lambda scaled: torch.from_numpy(revealed.project(scales, module.name, scaled.numpy())).to(scaled.dtype)
    kinds = _kinds(scales, module)

    def levelled(scaled: Tensor) -> Tensor:
        """The nearest level of every weight; ties take the smaller magnitude."""
        magnitude = scaled.abs()
        result = torch.empty_like(scaled)
        for rows, levels, middles in kinds:
            result[rows] = levels[torch.bucketize(magnitude[rows], middles)]
        return result.copysign_(scaled)

    return levelled


def _kinds(scales: MsqScales, module: FloatModule) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Rows, levels and middles of the level sets in a module."""
    assert module.weight is not None
    sp2 = scales.row_sp2.get(module.name, np.zeros(len(module.weight), np.bool_))
    result = []
    for kind in (False, True):
        levels = torch.tensor(msq.row_levels(scales.scheme, kind), dtype=torch.float32)
        if (sp2 == kind).any():
            result.append((torch.tensor(np.flatnonzero(sp2 == kind)), levels, (levels[1:] + levels[:-1]) / 2))
    return result


def _run(network: FloatNetwork, scales: Scales | None, x: Tensor, weights: Weights) -> dict[str, Tensor]:
    """Every tensor of the graph: codes of the activations and the real output; real numbers where ``scales`` is None.

    Args:
        scales: of the activations. x: samples (N, C, H, W).
        weights: real weights ``[out][ky][kx][in]`` and biases by module name, of the type of x.
    """
    real = {module.output for module in network.modules if is_raw(network, module)}
    if scales is None:
        real.update(network.shapes)

    def fraction(name: str) -> int:
        return 0 if scales is None or name in real else scales.tensors[name]

    def finish(y: Tensor, name: str, module: FloatModule | None = None) -> Tensor:
        clip = None if module is None else module.clip
        if scales is None or name in real:
            y = y.clamp(min=0) if module is not None and module.relu else y
            return y if clip is None else y.clamp(max=clip)
        low, high = scales.bits.activation_range(scales.signs[name])
        return _Round.apply(y, low, upper_code(clip, scales.tensors[name], high))

    tensors = {network.input: finish(x * 2.0 ** fraction(network.input), network.input)}
    for name, array in network.constants.items():
        fixed = torch.from_numpy(array.transpose(2, 0, 1).copy()).to(x.dtype)
        tensors[name] = finish(fixed.expand(len(x), *fixed.shape) * 2.0 ** fraction(name), name)
    for module in network.modules:
        inputs = [tensors[name] for name in module.inputs]
        if module.kind in MOVES:
            if module.kind == "concat" and scales is not None:  # an unsigned input of a signed one saturates
                inputs = [y.clamp(*scales.bits.activation_range(scales.signs[module.output])) for y in inputs]
            tensors[module.output] = _move(module, inputs)
            if real.intersection(module.inputs):
                real.add(module.output)
            continue
        scale = [2.0 ** (fraction(module.output) - fraction(name)) for name in module.reads()]
        if module.kind == "conv":
            weight, bias = weights[module.name]
            y = _convolve(module, inputs[0], weight * scale[0], bias * 2.0 ** fraction(module.output))
            if module.shortcut is not None:
                y = y + tensors[module.shortcut] * scale[1]
        elif module.kind == "add":
            y = inputs[0] * scale[0] + inputs[1] * scale[1]
        elif module.kind in ("mul", "matmul"):
            equation = "nchw,nchw->nchw" if module.kind == "mul" else "nkhw,nkhc->nchw"
            y = torch.einsum(equation, *inputs) * 2.0 ** (fraction(module.output) - sum(map(fraction, module.inputs)))
        else:
            height, width, _ = network.shapes[module.inputs[0]]
            counts = torch.tensor(window_count((height, width), module.attributes)[..., 0], dtype=x.dtype)
            y = _sum_pool(module, inputs[0]) * scale[0] / counts
        tensors[module.output] = finish(y, module.output, module)
    tensors[network.output] = tensors[network.output] * 2.0 ** -fraction(network.output)
    return tensors


def _convolve(module: FloatModule, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    top, left, bottom, right = module.pads
    pads = (top, left)
    if pads != (bottom, right):
        x, pads = F.pad(x, (left, right, top, bottom)), (0, 0)
    kernel = weight.permute(0, 3, 1, 2)
    return F.conv2d(x, kernel, bias, module.stride, pads, module.dilation, module.groups)


def _padded(module: FloatModule, x: Tensor, filling: float) -> Tensor:
    """The map with all that the windows of a pooling reach."""
    size = (x.shape[2], x.shape[3])
    (top, left, _, _), (kh, kw), (sy, sx) = (module.attributes[key] for key in ("pads", "kernel", "stride"))
    rows, columns = pooled_size(size, module.attributes)
    bottom, right = (rows - 1) * sy + kh - top - size[0], (columns - 1) * sx + kw - left - size[1]
    x = x[:, :, : size[0] + min(bottom, 0), : size[1] + min(right, 0)]
    return F.pad(x, (left, max(right, 0), top, max(bottom, 0)), value=filling)


def _sum_pool(module: FloatModule, x: Tensor) -> Tensor:
    kernel, stride = module.attributes["kernel"], module.attributes["stride"]
    return F.avg_pool2d(_padded(module, x, 0.0), kernel, stride, divisor_override=1)


def _move(module: FloatModule, inputs: list[Tensor]) -> Tensor:
    """A module that only moves codes (:func:`shiftwork.tensors.maps.move`)."""
    x, attributes = inputs[0], module.attributes
    if module.kind == "maxpool":
        return F.max_pool2d(_padded(module, x, -math.inf), attributes["kernel"], attributes["stride"])
    if module.kind == "concat":
        return torch.cat(inputs, 1)
    if module.kind == "slice":
        rows, columns, channels = (slice(*span) for span in zip(*(attributes[k] for k in _SPANS), strict=True))
        return x[:, channels, rows, columns]
    if module.kind == "pad":
        (top, bottom), (left, right), (front, back) = attributes["pads"]
        return F.pad(x, (left, right, top, bottom, front, back))
    places = torch.from_numpy(positions([Step(*step) for step in attributes["steps"]]))
    stored = x.permute(0, 2, 3, 1).reshape(len(x), -1)[:, places]
    return stored.reshape(len(x), *attributes["shape"]).permute(0, 3, 1, 2)


_SPANS = ("starts", "stops", "steps")


def _exact(network: FloatNetwork) -> Weights:
    """Weights and biases of the float graph."""
    return {
        module.name: (torch.tensor(module.weight, dtype=torch.float32), torch.tensor(module.bias).float())
        for module in network.modules
        if module.weight is not None
    }


def _distance(found: Tensor, exact: Tensor) -> Tensor:
    """Power of the error, relative to that of the exact tensor."""
    return (found - exact).square().sum() / exact.square().sum().clamp(min=torch.finfo(exact.dtype).tiny)


# -- scales of the activations


def searched(
    network: FloatNetwork, samples: NDArray[np.float32], scales: MsqScales, tell: OnItem
) -> tuple[FloatNetwork, MsqScales]:
    """Scales of the activations at which the class probabilities change least; the weights are not rounded yet.

    The squared error of a tensor says little where rare values are large and do not matter. So the tensors are moved
    in turn, all the others in their codes: by quarters of an octave those that equalization may multiply, by whole ones
    the input, and those that share the factor of others.

    Args:
        network: the float graph, equalized. samples: as the ONNX input expects them. scales: legal.

    Returns:
        The graph, its tensors multiplied by what is no power of two, and legal scales for its weights.
    """
    chosen = samples[:: max(1, len(samples) // SEARCH_SAMPLES)][:SEARCH_SAMPLES]
    x, weights = _images(np.ascontiguousarray(network.entering(chosen)[network.input])), _exact(network)

    def logits(scales: MsqScales | None) -> Tensor:
        with torch.no_grad():
            return _run(network, scales, x, weights)[network.output].flatten(1)

    exact = logits(None).softmax(1)

    def loss(moved: Mapping[str, float]) -> float:
        fractions: dict[str, Any] = {name: n + moved[name] for name, n in scales.tensors.items()}
        found = logits(replace(scales, tensors=fractions))
        return float(F.kl_div(found.log_softmax(1), exact, reduction="batchmean"))

    ids, roots = channels(network)
    parts = components(network, ids)
    fixed = {network.output, *(entry.name for entry in network.ends.entries if entry.copies > 1)}
    whole, quarters = (-2.0, -1.0, 1.0, 2.0), [place / 4 for place in range(-4, 5) if place]
    moves: list[tuple[set[str], Sequence[float]]] = []
    for groups, places in parts:
        if FIXED not in places:
            moves.append((set().union(*groups), quarters))
        if FIXED in places or len(groups) > 1:
            moves += [(group, whole) for group in groups if not fixed & group]
    moved: dict[str, float] = dict.fromkeys(scales.tensors, 0.0)
    least = loss(moved)
    for number, (names, tried) in enumerate(moves * _ROUNDS):
        tell(number + 1, len(moves) * _ROUNDS, f"scales of the activations, divergence {least:.4f}")
        for other in [{**moved, **{name: moved[name] + more for name in names}} for more in tried]:
            found = loss(other)
            if found < least:
                least, moved = found, other
    factors = np.ones(roots)
    for groups, places in parts:
        share = moved[min(groups[0])] % 1.0
        factors[list(places)] = 2.0**share
    network = scale(network, {name: factors[found] for name, found in ids.items()}, clips=True)
    tensors = {name: n + math.floor(moved[name]) for name, n in scales.tensors.items()}
    result = replace(scales, tensors=tensors, steps={})
    for module in network.modules:
        if module.weight is not None:
            result.steps[module.name] = msq.module_steps(network, result, module, module.weight)
    msq.make_legal(network, result)
    return network, result


# -- training


def train(
    network: FloatNetwork,
    data: Data,
    recipe: Recipe,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    cycles: Cycles | None = None,
) -> Trained:
    """Train an integer network from the trained float network.

    Args:
        network: the float graph, a classifier. data: training samples, with labels unless the recipe does without;
            the last ``recipe.holdout`` are held out. recipe: how. progress: told about every epoch, and how long it
            will take.
        checkpoint: file that is replaced after every epoch. resume: go on from it; the result is that of a training
            that was not interrupted. cycles: of the engine at hand, which scheme ``tr`` minimizes.

    Raises:
        ShiftworkError: an illegal recipe, no cycles under scheme ``tr``, no labels, scales that do not fit the
            requantizer, a checkpoint that is missing or of another training.
    """
    recipe = recipe.settled(len(data.x))
    strange = next((module for module in network.modules if module.kind in ("table", "host")), None)
    if strange is not None:
        raise ShiftworkError(
            f"node {strange.name!r} ({', '.join(strange.operators)}): training takes no functions but ReLU"
        )
    if not names_classes(network):
        raise ShiftworkError(f"training needs a vector of classes; output {network.output!r} is none")
    if recipe.unlabelled:
        data = replace(data, y=None)
    elif data.y is None:
        raise SettingError("no labels 'y' beside the samples: `unlabelled` trains without them")
    if resume and checkpoint is None:
        raise SettingError("`resume` needs `checkpoint`")
    torch.set_num_threads(recipe.threads)
    with (progress or Progress(quiet=True)).items() as shown:
        training = _Training(network, data, recipe, shown.item, cycles)
        if resume and checkpoint is not None:
            training.load(checkpoint)
        shown.item(0, recipe.epochs, f"start: {training.before.estimate:.2f} points are expected to be lost")
        while not training.finished:
            epoch = training.epoch(shown.item)
            if checkpoint is not None:
                training.save(checkpoint)
            text = f"loss {epoch.loss:.4f}, held out {epoch.holdout_loss:.4f}, {epoch.expected:.2f} points lost"
            if epoch.accuracy is not None:
                text += f", {epoch.accuracy:.2f} % right"
            shown.item(len(training.history), recipe.epochs, f"{text} ({epoch.seconds:.1f} s)")
    return training.result()


class _Training:
    """One training: the model, the data, and all that a checkpoint holds.

    Attributes:
        history: what the epochs gave. best: state of the best of them, with its number and score.
        mean: average of what is trained, over the last steps.
        judge: of the held-out samples. before: what it expects of the network that training starts from.
        start: accuracy in percent on the held-out samples at the start; None without labels.
    """

    def __init__(self, network: FloatNetwork, data: Data, recipe: Recipe, tell: OnItem, cycles: Cycles | None) -> None:
        assert recipe.holdout is not None
        self.recipe = recipe
        count = len(data.x) - recipe.holdout
        y = None if data.y is None else torch.tensor(data.y)
        self.judge = Judge(network, data.x[count:], Quantization().max_loss, len(data.x), cycles, data.source)
        self.y, self.held_y = y, None if y is None else y[count:][self.judge.places]
        self.exact = torch.tensor(self.judge.exact.reshape(len(self.judge.samples), -1)).softmax(1)
        calibration = data.x[: min(count, CALIBRATION_SAMPLES)]
        self.saving: Saving | None = None
        start: tuple[FloatNetwork, Scales]
        if recipe.few_terms:
            assert recipe.terms is not None
            integer = tr.with_terms(network, calibration, recipe.terms, self.judge, recipe.stream, tell)
            self.saving, start = integer.saving, revealed.read(network, integer)
        else:
            assert recipe.alpha is not None
            network, scales = msq.prepared(
                network, calibration, recipe.scheme, recipe.sp2_share, recipe.alpha, copies=recipe.input_copies
            )
            if recipe.search:
                network, scales = searched(network, calibration, scales, tell)
            start = msq.settle(network, calibration, scales, recipe.sp2_share is None, tell)
        self.model = _Model(*start)
        self.float, self.teacher = network, _exact(network)
        self.x = np.ascontiguousarray(network.entering(data.x[:count])[network.input])
        self.held = _images(network.entering(self.judge.samples)[network.input])
        self.optimizer = torch.optim.Adam(self.model.parameters(), recipe.rate)
        self.mean = [tensor.detach().clone() for tensor in self.model.parameters()]
        self.history: list[Epoch] = []
        held_loss, expected, self.start = self.evaluate()
        score = _score(held_loss, expected, self.start)
        self.best: dict[str, Any] = {"epoch": 0, "score": score, "state": self.state()}
        self.before = self.judge.judged(self.outputs().numpy())
        self.identity = {
            **{name: repr(value) for name, value in asdict(recipe).items()},
            "data": f"{zlib.crc32(data.x.tobytes()):08x} {zlib.crc32(b'' if data.y is None else data.y.tobytes()):08x}",
            "model": f"{zlib.crc32(b''.join(w.numpy().tobytes() for pair in self.teacher.values() for w in pair)):08x}",
        }

    @property
    def finished(self) -> bool:
        """True after the last epoch, or when none was better for as long as the recipe's patience."""
        count = len(self.history)
        return count >= self.recipe.epochs or count - self.best["epoch"] >= self.recipe.patience

    def loss(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Mean loss of samples (N, C, H, W) without the ADMM term."""
        share, heat, inner = self.recipe.distill, self.recipe.temperature, self.recipe.inner
        assert share is not None
        assert heat is not None
        scales, output = self.model.scales, self.float.output
        tensors = _run(self.model.network, scales, x, self.model.projected())
        logits, loss, told = tensors[output].flatten(1), 0.0, {}
        if share or inner:
            with torch.no_grad():
                told = _run(self.float, None, x, self.teacher)
        if share:  # the square keeps the gradients of one size (arXiv 1503.02531)
            known = (told[output].flatten(1) / heat).softmax(1)
            loss = loss + share * heat**2 * F.kl_div((logits / heat).log_softmax(1), known, reduction="batchmean")
        if share != 1:
            loss = loss + (1 - share) * F.cross_entropy(logits, y)
        if inner:
            parts = [
                _distance(tensors[module.output] * 2.0 ** -scales.tensors[module.output], told[module.output])
                for module in self.float.modules
                if module.weight is not None and not is_raw(self.float, module)
            ]
            loss = loss + inner * sum(parts) / max(len(parts), 1)
        return loss

    def outputs(self) -> Tensor:
        """Logits of the judge's samples: those held out, and their mixtures."""
        with torch.no_grad():
            weights = self.model.projected()
            return torch.cat([self.model.run(part, weights) for part in self.held.split(_EVALUATED)])

    def evaluate(self) -> tuple[float, float, float | None]:
        """Loss on the held-out samples, points expected to be lost on them, and accuracy in percent by labels.

        The loss is the cross entropy with the labels, or without them the divergence from the float network.
        """
        logits = self.outputs()
        expected = self.judge.judged(logits.numpy()).estimate
        if self.held_y is None:
            return float(F.kl_div(logits.log_softmax(1), self.exact, reduction="batchmean")), expected, None
        logits = logits[: len(self.held_y)]
        right = int((logits.argmax(1) == self.held_y).sum())
        return float(F.cross_entropy(logits, self.held_y)), expected, 100.0 * right / len(logits)

    def epoch(self, tell: OnItem) -> Epoch:
        """Train one epoch and evaluate it; told now and then how much time is left of the training."""
        begin = told = time.perf_counter()
        recipe, number = self.recipe, len(self.history)
        rng = np.random.default_rng((recipe.seed, number))
        order, total = rng.permutation(len(self.x)), 0.0
        self.model.dual_update()
        starts = range(0, len(order), recipe.batch)
        for start in starts:
            chosen = order[start : start + recipe.batch]
            done = (number + start / len(order)) / recipe.epochs
            self.optimizer.param_groups[0]["lr"] = recipe.rate * 0.5 * (1 + math.cos(math.pi * done))
            x = _images(augment(self.x[chosen], recipe, rng))
            loss = self.loss(x, None if self.y is None else self.y[chosen])
            total += float(loss.detach()) * len(chosen)
            if recipe.rho:
                loss = loss + recipe.rho / 2 * self.model.penalty()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.average(number * len(starts) + start // recipe.batch)
            now = time.perf_counter()
            if now - told > _TOLD_EVERY:
                told, share = now, (start + len(chosen)) / len(order)
                left = (now - begin) / share * (recipe.epochs - number - share)
                tell(number + 1, recipe.epochs, f"{100 * share:.0f} % of the epoch, about {left / 60:.1f} min left")
        trained = self.state()
        self.adopt_mean()
        held_loss, expected, accuracy = self.evaluate()
        self.history.append(Epoch(total / len(order), held_loss, expected, accuracy, time.perf_counter() - begin))
        score = _score(held_loss, expected, accuracy)
        if score > self.best["score"]:
            self.best = {"epoch": len(self.history), "score": score, "state": self.state()}
        self.restore(trained)
        return self.history[-1]

    def average(self, steps: int) -> None:
        """Let the mean of the weights follow them. steps: done before this one."""
        share = min(1.0, _DECAY / (steps + 1))
        for mean, tensor in zip(self.mean, self.model.parameters(), strict=True):
            mean.lerp_(tensor.detach(), share)

    def adopt_mean(self) -> None:
        """Put the mean of the weights in their place."""
        with torch.no_grad():
            for mean, tensor in zip(self.mean, self.model.parameters(), strict=True):
                tensor.copy_(mean)

    def state(self) -> dict[str, Any]:
        """The network as it is: weights and biases by module name, steps, and N of the tensors."""
        layers, scales = self.model.layers, self.model.scales
        return {
            "weights": {name: layer.weight.detach().clone() for name, layer in layers.items()},
            "biases": {name: layer.bias.detach().clone() for name, layer in layers.items()},
            "steps": {name: torch.tensor(steps) for name, steps in scales.steps.items()},
            "tensors": dict(scales.tensors),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back a :meth:`state`."""
        with torch.no_grad():
            for name, layer in self.model.layers.items():
                layer.weight.copy_(state["weights"][name])
                layer.bias.copy_(state["biases"][name])
        steps = {name: tensor.numpy() for name, tensor in state["steps"].items()}
        self.model.adopt(replace(self.model.scales, steps=steps, tensors=dict(state["tensors"])))

    def save(self, path: Path) -> None:
        """Write the checkpoint; the file is always whole, either the old or the new one."""
        content = {
            "format": _FORMAT,
            "identity": self.identity,
            "state": self.state(),
            "dual": {name: layer.u for name, layer in self.model.layers.items()},
            "mean": self.mean,
            "optimizer": self.optimizer.state_dict(),
            "history": [asdict(epoch) for epoch in self.history],
            "best": self.best,
        }
        part = path.with_name(f"{path.name}.part")
        try:
            torch.save(content, part)
            os.replace(part, path)
        except (OSError, RuntimeError) as error:
            raise SettingError(f"`checkpoint` {path}: cannot be written: {str(error).splitlines()[0]}") from error

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            ShiftworkError: there is none, or it is damaged or of another training.
        """
        if not path.is_file():
            raise SettingError(f"`checkpoint` {path}: no such file")
        try:
            content = torch.load(path, weights_only=True)
            known = content["identity"] if content["format"] == _FORMAT else None
        except Exception as error:
            raise SettingError(f"`checkpoint` {path}: not a checkpoint of a training") from error
        if known != self.identity:
            other = [name for name, value in self.identity.items() if known is None or known.get(name) != value]
            raise SettingError(f"`checkpoint` {path}: of another training: {', '.join(other)} differs")
        self.restore(content["state"])
        for name, layer in self.model.layers.items():
            layer.u = content["dual"][name]
        self.mean = content["mean"]
        self.optimizer.load_state_dict(content["optimizer"])
        self.history = [Epoch(**epoch) for epoch in content["history"]]
        self.best = content["best"]

    def result(self) -> Trained:
        """The best epoch as an integer network."""
        self.restore(self.best["state"])
        floats = self.model.floats()
        scales = self.model.scales
        network = self.model.scheme.build(floats, scales)
        if self.saving is not None and self.judge.cycles is not None:
            found, count = sum(self.judge.cycles(network).values()), tr.pairs_present(network, self.judge.samples)
            network.saving = replace(self.saving, cycles=found, pairs=count)
        outputs = golden.real_outputs(network, golden.run(network, self.judge.samples, collect=False))
        network.promise = self.judge.judged(outputs)
        accuracy = None
        if self.held_y is not None:
            accuracy = golden.accuracy(outputs[: len(self.held_y)], self.held_y.numpy())
        return Trained(
            self.recipe, network, scales, floats, self.history, self.best["epoch"], self.before, self.start, accuracy
        )


def _score(loss: float, expected: float, accuracy: float | None) -> list[float]:
    """What decides which epoch is best: accuracy, then the loss; without labels the points expected to be lost."""
    return [-expected] if accuracy is None else [accuracy, -loss]


def emulate(floats: FloatNetwork, scales: Scales, x: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """What :func:`train` computes in training, in float64 and so without any error.

    Args:
        floats, scales: of :class:`Trained`. x: samples as the ONNX input expects them.

    Returns:
        Codes (N, height, width, channels) of every tensor, equal to those of the golden model; of the network output
        the real numbers.
    """
    weights = {}
    for module in floats.modules:
        if module.weight is not None:
            unit = scales.steps[module.name] * 2.0 ** -scales.tensors[module.inputs[0]]
            assert module.bias is not None
            bias = np.floor(module.bias / unit + 0.5) * unit
            values = SCHEME_OF[type(scales)].quantized_weight(scales, module)
            weights[module.name] = torch.tensor(values), torch.tensor(bias)
    with torch.no_grad():
        given = floats.ends.maps(x.astype(np.float64), floats.shapes)[floats.input]
        tensors = _run(floats, scales, _images(given), weights)
    return {name: np.asarray(tensor.permute(0, 2, 3, 1)) for name, tensor in tensors.items()}


def _images(x: NDArray[np.float32]) -> Tensor:
    """(N, H, W, C) as a tensor (N, C, H, W) that keeps its order in memory."""
    return torch.from_numpy(x).permute(0, 3, 1, 2)


def augment(x: NDArray[np.float32], recipe: Recipe, rng: np.random.Generator) -> NDArray[np.float32]:
    """Images (N, H, W, C), each moved and mirrored at random as the recipe says; what comes in repeats the edge.

    Without labels each is mixed with another one, of which it gets a random share up to a half.
    """
    count, height, width, _ = x.shape
    if recipe.shift or recipe.flip:
        rows = np.broadcast_to(np.arange(height), (count, height))
        columns = np.broadcast_to(np.arange(width), (count, width))
        if recipe.shift:
            moves = rng.integers(-recipe.shift, recipe.shift + 1, (2, count, 1))
            rows = np.clip(rows + moves[0], 0, height - 1)
            columns = np.clip(columns + moves[1], 0, width - 1)
        if recipe.flip:
            columns = np.where(rng.random((count, 1)) < 0.5, columns, columns[:, ::-1])
        x = x[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    if recipe.unlabelled:
        share = rng.uniform(0, 0.5, (count, 1, 1, 1)).astype(np.float32)
        x = x + share * (x[rng.permutation(count)] - x)
    return x
