# SPDX-License-Identifier: Apache-2.0
"""Exponential codes without retraining: bases and widths of every layer (``docs/numerics.md`` section 7).

Method: DNA-TEQ, arXiv 2306.16430. A tensor of activations shares base and width with whatever only moves its codes and
with the weights of the layers that read it: a *group*. In every group the base is searched on the member of larger
error; alpha and beta are each member's own. Of some bases around it, the one is taken that makes the classes of the
network diverge least from those of the float network. A group gets the smallest width from which on another bit is not
worth its price: the *price* is what a bit of a weight has to take off that divergence. It is raised as far as the loss
of accuracy that the calibration samples let expect allows. Divergences in place of thresholds of the RMAE, that
expectation, biases that take the mean error out of their channels, and the fits of least error
(:mod:`~shiftwork.quantize.expfit`) are this project's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import exponential
from shiftwork.codes.exponential import ACC_BITS, ACTIVATION_BITS, MAX_BITS, MIN_BITS, WEIGHT_BITS, Exponential
from shiftwork.errors import ShiftworkError
from shiftwork.network.floating import activations, chunk_size, evaluate
from shiftwork.network.graph import MOVES, FloatModule, FloatNetwork
from shiftwork.network.integer import ExponentialCodes, IntegerModule, IntegerNetwork, TensorInfo
from shiftwork.progress import OnItem
from shiftwork.quantize.bounds import check_accumulators
from shiftwork.quantize.calibrate import Statistics, calibrate
from shiftwork.quantize.dataflow import Map, Real, Rounding, centred_biases
from shiftwork.quantize.expfit import BASE_STEP, Magnitudes, TensorFit, describe, fit_code, search_base
from shiftwork.quantize.judge import Judge, log_probabilities
from shiftwork.quantize.quantization import Quantization
from shiftwork.quantize.scales import frame, is_raw, round_half_up, tied

SCHEME = "dnateq"

_MAX_SHIFT = 31
_SPREAD = (0.5, 0.7, 1.0)  # distances from 1 of the bases that are tried, over that of the searched one
_PROBES = 128  # samples on which the divergence that a group causes is measured
_LIMIT = 1 << (ACC_BITS - 1)


@dataclass
class ExpCodes:
    """Everything that turns a float network into one of exponential codes.

    Attributes:
        tensors: code of every activation tensor that is no raw output. weights: of the weights by module name.
        biases: values to store in place of those of the float module, float64 (out,), by module name.
    """

    tensors: dict[str, Exponential]
    weights: dict[str, Exponential]
    biases: dict[str, Real] = field(default_factory=dict)


@dataclass
class Group:
    """Tensors that share one code, and the layers whose weights share base and width with it.

    Attributes:
        tensors: names. readers: names of convolutions.
        values: what its bits cost: the number of weights; of the activations of a sample where it has no weights.
        candidates: by width, for some bases, the codes of the tensors (key "") and of the weights of every reader (by
            its name).
        best, divergence: by width, the candidate of least divergence of the classes, and that divergence, in nats a
            sample, when these codes alone are applied (:func:`measure`).
    """

    tensors: list[str]
    readers: list[str]
    values: int = 0
    candidates: dict[int, list[dict[str, Exponential]]] = field(default_factory=dict)
    best: dict[int, ExpCodes] = field(default_factory=dict)
    divergence: dict[int, float] = field(default_factory=dict)

    def bits_at(self, price: float) -> int:
        """Width of least divergence and price of all bits, the smallest of equal ones.

        Args:
            price: of a bit of one of the values, in nats a sample.
        """
        return min(sorted(self.divergence), key=lambda bits: self.divergence[bits] + price * bits * self.values)

    def prices(self) -> list[float]:
        """Prices at which :meth:`bits_at` goes from one width to a smaller one, increasing."""
        result, bits = [], max(self.divergence)
        while smaller := [other for other in self.divergence if other < bits]:
            rises = {b: (self.divergence[b] - self.divergence[bits]) / ((bits - b) * self.values) for b in smaller}
            bits = min(smaller, key=lambda b: (rises[b], b))
            result.append(rises[bits])
        return result


def quantize(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    judge: Judge,
    exponent_bits: int | None = None,
    progress: OnItem | None = None,
) -> IntegerNetwork:
    """Quantize a trained network to exponential codes.

    Args:
        network: the float graph.
        samples: calibration samples as the ONNX input expects them.
        judge: estimates the loss that the choice of widths has to keep.
        exponent_bits: n of all layers; None chooses it per group.
        progress: told about every group that is fitted and measured, then about every choice that is tried.

    Returns:
        An integer network of scheme ``dnateq``.

    Raises:
        ShiftworkError: an illegal width, or a network that cannot have exponential codes (names the node).
    """
    if exponent_bits is not None:
        exponential.check_bits(exponent_bits)
    widths = range(MIN_BITS, MAX_BITS + 1) if exponent_bits is None else (exponent_bits,)
    found = fit_groups(network, calibrate(network, samples), widths, progress)
    measure(network, samples[:_PROBES], found, progress)
    if exponent_bits is not None:
        return _built(network, samples, found, [exponent_bits] * len(found))
    return _sweep(network, samples, found, judge, progress)


def codes(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    wish: Quantization,
    judge: Judge,
    progress: OnItem | None = None,
) -> IntegerNetwork:
    """Scheme ``dnateq`` (:data:`shiftwork.schemes.Quantizer`)."""
    return quantize(network, samples, judge, wish.exponent_bits, progress)


def groups(network: FloatNetwork) -> list[Group]:
    """The groups in dataflow order; a raw network output belongs to none.

    Raises:
        ShiftworkError: the network output is neither a convolution, nor an addition, nor a global average pooling.
    """
    raw = {module.output for module in network.modules if is_raw(network, module)}
    result = []
    for names in tied(network):
        if names & raw:
            continue
        if network.output in names:
            last = next(module for module in network.modules if module.output == network.output)
            raise ShiftworkError(f"node {last.name!r}: a network output in exponential codes has no classes to compare")
        readers = [module.name for module in network.modules if module.kind == "conv" and module.inputs[0] in names]
        result.append(Group([name for name in network.shapes if name in names], readers))
    return result


def fit_groups(
    network: FloatNetwork,
    statistics: Mapping[str, Statistics],
    widths: Sequence[int],
    progress: OnItem | None = None,
) -> list[Group]:
    """The groups with candidates for the codes of their members at every width.

    The searched base is that of the member whose RMAE is larger at the base of its own choice.

    Raises:
        ShiftworkError: see :func:`groups`.
    """
    found = groups(network)
    moved = {module.output for module in network.modules if module.kind in MOVES}
    weights = {module.name: module.weight for module in network.modules if module.weight is not None}
    for index, group in enumerate(found):
        if progress is not None:
            progress(index + 1, len(found), f"fit {group.tensors[0]}")
        values = np.concatenate([statistics[name].values for name in group.tensors if name not in moved])
        members = {"": Magnitudes.of(values)}
        members |= {name: Magnitudes.of(weights[name]) for name in group.readers}
        group.values = sum(weights[name].size for name in group.readers)
        group.values = group.values or sum(math.prod(network.shapes[name]) for name in group.tensors)
        for bits in widths:
            own = (search_base(magnitudes, bits) for magnitudes in members.values())
            searched = max(own, key=lambda fit: fit.rmae)
            bases = [1 + max(BASE_STEP, factor * (searched.code.base - 1)) for factor in _SPREAD]
            group.candidates[bits] = [
                {name: fit_code(magnitudes, base, bits).code for name, magnitudes in members.items()}
                for base in dict.fromkeys(round(base, 2) for base in bases)
            ]
    return found


def measure(
    network: FloatNetwork, samples: NDArray[np.float32], found: Sequence[Group], progress: OnItem | None = None
) -> None:
    """Choose the best candidate of every group at every width.

    Its divergence is that of the float network with the group's tensors and weights alone rounded: the mean
    Kullback-Leibler divergence of the class probabilities, which the softmax of the outputs gives. Those of several
    groups about add up.

    Args:
        network: the float graph. samples: as the ONNX input expects them. progress: told about every part of them.
    """
    step = chunk_size(network)
    parts = range(0, len(samples), step)
    tried = [
        (group, bits, ExpCodes(dict.fromkeys(group.tensors, codes[""]), {name: codes[name] for name in group.readers}))
        for group in found
        for bits, candidates in group.candidates.items()
        for codes in candidates
    ]
    sums = [0.0] * len(tried)
    for index, (start, exact) in enumerate(zip(parts, activations(network, samples), strict=True)):
        if progress is not None:
            progress(index + 1, len(parts), f"measure from sample {start + 1} on")
        known = log_probabilities(exact[network.output])
        for place, (_, _, codes) in enumerate(tried):
            missed = known - log_probabilities(_output(network, exact, codes))
            sums[place] += float((np.exp(known) * missed).sum())
    for (group, bits, codes), total in zip(tried, sums, strict=True):
        divergence = total / len(samples)
        if divergence < group.divergence.get(bits, math.inf):
            group.best[bits], group.divergence[bits] = codes, divergence


def _output(network: FloatNetwork, exact: Mapping[str, Map], codes: ExpCodes) -> Map:
    """Output of the float network with those tensors and weights rounded that have codes, from its own tensors."""
    rounding = code_rounding(codes)
    changed = {name: rounding(exact[name], name, None) for name in (network.input,) if name in codes.tensors}
    for module in network.modules:
        result = exact[module.output]
        if module.name in codes.weights or not changed.keys().isdisjoint(module.reads()):
            current = module
            if module.name in codes.weights:
                current = replace(module, weight=quantized_weight(codes, module))
            result = evaluate(current, {name: changed.get(name, exact[name]) for name in module.reads()})
        if module.output in codes.tensors and module.kind not in MOVES:
            result = rounding(result, module.output, module.clip)
        if result is not exact[module.output]:
            changed[module.output] = result
    return changed.get(network.output, exact[network.output])


def _built(
    network: FloatNetwork, samples: NDArray[np.float32], found: Sequence[Group], widths: Sequence[int]
) -> IntegerNetwork:
    """The integer network in which every group has its width, with biases fitted to it."""
    codes = ExpCodes({}, {})
    for group, bits in zip(found, widths, strict=True):
        codes.tensors |= group.best[bits].tensors
        codes.weights |= group.best[bits].weights
    rounding = code_rounding(codes)
    codes.biases = centred_biases(network, samples, rounding, lambda module: quantized_weight(codes, module))
    return build(network, codes)


def _sweep(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    found: Sequence[Group],
    judge: Judge,
    progress: OnItem | None,
) -> IntegerNetwork:
    """The network of the largest price that keeps the limit, by bisection over all widths that prices make."""
    prices = sorted({price for group in found for price in group.prices()})
    choices = list(dict.fromkeys(tuple(group.bits_at(price) for group in found) for price in [0.0, *prices, math.inf]))
    tries = math.ceil(math.log2(len(choices))) + 1 if len(choices) > 1 else 1

    best, low, high, place = None, -1, len(choices), len(choices) - 1
    for count in range(1, tries + 1):
        if progress is not None:
            mean = sum(choices[place]) / max(1, len(found))
            progress(count, tries, f"exponents of {mean:.2f} bits in the mean of {len(found)} groups")
        candidate = _built(network, samples, found, choices[place])
        if judge.promise(candidate).kept:
            best, low = candidate, place
        else:
            high = place
        if high - low <= 1:
            break
        place = (low + high) // 2
    return _built(network, samples, found, choices[0]) if best is None else best


def quantized_weight(codes: ExpCodes, module: FloatModule) -> Real:
    """Real values of the integer weights of a convolution ``[out][ky][kx][in]``."""
    code = codes.weights[module.name]
    levels, fraction = exponential.table(code, WEIGHT_BITS)
    assert module.weight is not None
    values = exponential.code_values(tuple(levels.tolist()))[exponential.encode(module.weight, code)]
    return np.asarray(values * 2.0**-fraction)


def code_rounding(codes: ExpCodes) -> Rounding:
    """Rounding of activations to the integer levels of their codes."""

    def rounding(x: Map, name: str, clip: float | None) -> Map:
        code = codes.tensors[name]
        levels, fraction = exponential.table(code, ACTIVATION_BITS)
        count = _largest(code, clip) + code.radius
        bounds, real = code.bounds[:count].astype(np.float32), (levels * 2.0**-fraction).astype(np.float32)
        result = np.empty_like(x)
        for image, rounded in zip(x, result, strict=True):
            np.multiply(np.sign(image), real[np.searchsorted(bounds, np.abs(image), side="right")], out=rounded)
        return result

    return rounding


def _largest(code: Exponential, clip: float | None) -> int:
    """The largest exponent of a tensor, that of its clip where it has one."""
    return code.radius if clip is None else int(exponential.unpack(exponential.encode(clip, code), code.bits)[1])


def fit_report(network: FloatNetwork, samples: NDArray[np.float32], integer: IntegerNetwork) -> list[TensorFit]:
    """How well the codes of an integer network fit the float network's activations and weights.

    Args:
        network: the float graph. samples: calibration samples as the ONNX input expects them.
        integer: what :func:`quantize` made of the network.

    Returns:
        Every tensor whose codes are not moved from another one, and the weights of its readers behind it.
    """
    statistics = calibrate(network, samples)
    weights = {module.name: module for module in network.modules if module.kind == "conv"}
    moved = {module.output for module in network.modules if module.kind in MOVES}
    result = []
    for group in groups(network):
        for name in group.tensors:
            info = integer.tensors[name]
            if name not in moved and info.code is not None:
                levels = np.array(info.levels) * 2.0**-info.fraction
                result.append(describe(name, "activation", statistics[name].values, info.code, levels))
        for name in group.readers:
            module = integer.module(name)
            form = cast(ExponentialCodes, module.format)
            assert form.code is not None
            assert form.levels is not None
            result.append(describe(name, "weight", weights[name].weight, form.code, form.levels * 2.0**-form.fraction))  # type: ignore[arg-type]
    return result


# -- building the integers


def build(network: FloatNetwork, codes: ExpCodes) -> IntegerNetwork:
    """The integer network that the codes make.

    Raises:
        ShiftworkError: a shortcut far smaller than what it is added to, or an accumulator beyond 48 bits.
    """
    tensors = {}
    for name, shape in network.shapes.items():
        if name in codes.tensors:
            code = codes.tensors[name]
            levels, fraction = exponential.table(code, ACTIVATION_BITS)
            tensors[name] = TensorInfo(shape, fraction, False, code.bits + 1, code, tuple(levels.tolist()))
    modules = []
    for module in network.modules:
        built = frame(module, is_raw(network, module))
        shape = network.shapes[module.output]
        if module.kind in ("conv", "add", "avgpool", "concat"):
            fraction = _fill(module, built, tensors, codes)
            if not built.requantize:
                built.low, built.high = 0 if module.relu else -_LIMIT, _LIMIT - 1
                if module.clip is not None:
                    built.high = math.floor(module.clip * 2.0**fraction + 0.5)
                tensors[module.output] = TensorInfo(shape, fraction, True, ACC_BITS)
        else:
            built.format = ExponentialCodes()
        if module.output not in tensors:  # a move of the raw output stays raw
            source = tensors[module.inputs[0]]
            tensors[module.output] = TensorInfo(shape, source.fraction, True, ACC_BITS)
        modules.append(built)
    result = IntegerNetwork(SCHEME, network.input, network.output, tensors, modules)
    check_accumulators(result)
    return result


def _fill(module: FloatModule, built: IntegerModule, tensors: Mapping[str, TensorInfo], codes: ExpCodes) -> int:
    """Write the numbers of a module that computes; the fraction of its accumulator."""
    fractions = [tensors[name].fraction for name in module.inputs]
    fraction, form = max(fractions), ExponentialCodes()
    if module.kind == "conv":
        assert module.weight is not None
        code = codes.weights[module.name]
        levels, weight_fraction = exponential.table(code, WEIGHT_BITS)
        built.weight, form = exponential.encode(module.weight, code), ExponentialCodes(code, levels, weight_fraction)
        built.weight_bits, built.bias_bits = code.bits + 1, ACC_BITS
        fraction += weight_fraction
        bias = codes.biases.get(module.name, module.bias)
        assert bias is not None
        whole = round_half_up(bias * 2.0**fraction)
        if (np.abs(whole) >= _LIMIT).any():
            raise ShiftworkError(f"node {module.name!r}: its bias takes more than {ACC_BITS} bits beside its weights")
        built.bias = whole.astype(np.int64)
        if module.shortcut is not None:
            shift = fraction - tensors[module.shortcut].fraction
            built.shortcut_shift = np.full(len(module.weight), _legal_shift(module, shift), np.int32)
    elif module.kind in ("add", "concat"):
        built.attributes["shifts"] = tuple(_legal_shift(module, fraction - own) for own in fractions)
    elif not built.requantize:
        built.attributes["raw_sum"] = True
    if built.requantize:
        code = codes.tensors[module.output]
        form = replace(form, thresholds=exponential.thresholds(code, fraction))
        built.low, built.high = -code.radius, _largest(code, module.clip)
    built.format = form
    return fraction


def _legal_shift(module: FloatModule, shift: int) -> int:
    if not 0 <= shift <= _MAX_SHIFT:
        raise ShiftworkError(f"node {module.name!r}: a shift of {shift} is outside 0..{_MAX_SHIFT}")
    return shift
