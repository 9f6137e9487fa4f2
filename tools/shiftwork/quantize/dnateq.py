# SPDX-License-Identifier: Apache-2.0
"""Exponential codes without retraining: bases and widths of every layer (``docs/numerics.md`` section 7).

Method: DNA-TEQ, arXiv 2306.16430. A tensor of activations shares base and width with whatever only moves its codes and
with the weights of the layers that read it: a *group*. In every group the base is that of least noise of all members
together; alpha and beta are each member's own. What a width costs are the bits of the weights and the cycles of the
layers, what it brings is less noise at the network's output. That is measured for one width, with the group alone in
codes, and follows for the others from the noise of their codes. A *price* of the costs gives every group its width; it
is raised as far as the loss on held-back samples allows. The published method takes the smallest width whose RMAE is
below a threshold common to all layers. Noise in place of thresholds, cycles, codes of least squared error
(:mod:`~shiftwork.quantize.expfit`) and weights that make up for each other
(:mod:`~shiftwork.quantize.compensate`) are this project's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar, cast

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
from shiftwork.quantize.compensate import Rounder, compensated
from shiftwork.quantize.dataflow import Map, Rounding
from shiftwork.quantize.expfit import MIDDLE, Levels, Magnitudes, TensorFit, describe, search_base
from shiftwork.quantize.judge import Judge, power_losses
from shiftwork.quantize.quantization import Quantization
from shiftwork.quantize.scales import fill_tables, frame, is_raw, round_half_up, tied
from shiftwork.tensors.im2col import windows

SCHEME = "dnateq"

Value = TypeVar("Value", np.float32, np.float64)

_MAX_SHIFT = 31
_PROBES = 64  # samples on which the noise that a code causes is measured
_WINDOWS = 256  # windows of a layer that its cycles are predicted from
_MEASURED = 4  # the width at which the noise of the output is measured
_TRIES = 5  # networks that are judged, at most
_FIRST = 0.6  # noise of the output, in percent, that the first of them has for each point that may be lost
_STRIDE = 8.0  # how much more the next one may lose, at most
_CLOSE = 1.15  # how far apart losses may be where the search ends
_BACK = 0.85  # how much less a network may lose than what the last one says, where it lost too much
_LIMIT = 1 << (ACC_BITS - 1)

Cycles = Callable[[NDArray[np.uint8], int, bool, FloatModule, int], float]
"""Predicted cycles of a layer: stored codes of some of its windows (windows, K), their width n, whether there are
negative ones, the layer, and its output positions."""


@dataclass
class ExpCodes:
    """Code of every activation tensor that is no raw output, by its name, and of the weights, by module name."""

    tensors: dict[str, Exponential]
    weights: dict[str, Exponential]


@dataclass
class Group:
    """Tensors that share one code, and the layers whose weights share base and width with it.

    Attributes:
        tensors: names. readers: names of convolutions. codes: of both, by width.
        noise: of the codes by width: that of the tensors and, in the mean of the readers, that of the weights.
        costs: by width. loss: by width, what the output of the network loses when the group alone is in codes, in
            percent of its power (:func:`~shiftwork.quantize.judge.power_losses`).
    """

    tensors: list[str]
    readers: list[str]
    codes: dict[int, ExpCodes] = field(default_factory=dict)
    noise: dict[int, float] = field(default_factory=dict)
    costs: dict[int, float] = field(default_factory=dict)
    loss: dict[int, float] = field(default_factory=dict)

    def bits_at(self, price: float) -> int:
        """Width of least loss and price of all costs, the smallest of equal ones."""
        return min(sorted(self.loss), key=lambda bits: self.loss[bits] + price * self.costs[bits])

    def prices(self) -> list[float]:
        """Prices at which :meth:`bits_at` goes from one width to a smaller one, increasing."""
        result, bits = [], max(self.loss)
        while smaller := [b for b in self.loss if b < bits and self.costs[b] < self.costs[bits]]:
            rises = {b: (self.loss[b] - self.loss[bits]) / (self.costs[bits] - self.costs[b]) for b in smaller}
            bits = min(smaller, key=lambda b: (rises[b], b))
            result.append(rises[bits])
        return result


def quantize(
    network: FloatNetwork, samples: NDArray[np.float32], exponent_bits: int, progress: OnItem | None = None
) -> IntegerNetwork:
    """Quantize a trained network to exponential codes of one width.

    Args:
        network: the float graph. samples: calibration samples as the ONNX input expects them.
        exponent_bits: n of all layers. progress: told about every group that is fitted, then about every module.

    Returns:
        An integer network of scheme ``dnateq``.

    Raises:
        ShiftworkError: an illegal width, or a network that cannot have exponential codes (names the node).
    """
    exponential.check_bits(exponent_bits)
    found = fit_groups(network, _calibrated(network, samples, progress), (exponent_bits,), progress)
    return _built(network, samples, found, [exponent_bits] * len(found), progress)


def search(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    judge: Judge,
    progress: OnItem | None = None,
    cycles: Cycles | None = None,
) -> IntegerNetwork:
    """Quantize a trained network to exponential codes of the widths that its loss allows.

    Args:
        network: the float graph. samples: calibration samples as the ONNX input expects them.
        judge: estimates the loss that the choice of widths has to keep.
        progress: told about every group that is fitted and measured, then about every module of every choice tried.
        cycles: predicts those of the engine; None: the choice looks at bits alone.

    Returns:
        An integer network of scheme ``dnateq``; that of all bits where no other one keeps the loss.

    Raises:
        ShiftworkError: a network that cannot have exponential codes (names the node).
    """
    found = fit_groups(network, _calibrated(network, samples, progress), range(MIN_BITS, MAX_BITS + 1), progress)
    measure(network, _probed(network, samples), found, progress)
    add_costs(network, samples[len(samples) // 2 :][:1], found, cycles, progress)
    return _sweep(network, samples, found, judge, progress)


def codes(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    wish: Quantization,
    judge: Judge,
    progress: OnItem | None = None,
    cycles: Cycles | None = None,
) -> IntegerNetwork:
    """Scheme ``dnateq`` (:data:`shiftwork.schemes.Quantizer`)."""
    if wish.exponent_bits is not None:
        return quantize(network, samples, wish.exponent_bits, progress)
    return search(network, samples, judge, progress, cycles)


def groups(network: FloatNetwork) -> list[Group]:
    """The groups in dataflow order; a raw network output belongs to none."""
    raw = {module.output for module in network.modules if is_raw(network, module)}
    result = []
    for names in tied(network):
        if names & raw:
            continue
        readers = [module.name for module in network.modules if module.kind == "conv" and module.inputs[0] in names]
        result.append(Group([name for name in network.shapes if name in names], readers))
    return result


def fit_groups(
    network: FloatNetwork,
    statistics: Mapping[str, Statistics],
    widths: Sequence[int],
    progress: OnItem | None = None,
) -> list[Group]:
    """The groups with codes of their members, and the noise of these, at every width."""
    found = groups(network)
    moved = {module.output for module in network.modules if module.kind in MOVES}
    weights = {module.name: module.weight for module in network.modules if module.weight is not None}
    for index, group in enumerate(found):
        if progress is not None:
            progress(index + 1, len(found), f"fit {group.tensors[0]}")
        values = np.concatenate([statistics[name].values for name in group.tensors if name not in moved])
        members, place = [Magnitudes.of(values), *(Magnitudes.of(weights[name]) for name in group.readers)], MIDDLE
        for bits in widths:
            place, fits = search_base(members, bits, place)
            group.codes[bits] = ExpCodes(
                dict.fromkeys(group.tensors, fits[0].code),
                {name: fit.code for name, fit in zip(group.readers, fits[1:], strict=True)},
            )
            group.noise[bits] = fits[0].noise + (float(np.mean([fit.noise for fit in fits[1:]])) if fits[1:] else 0.0)
    return found


def measure(
    network: FloatNetwork, samples: NDArray[np.float32], found: Sequence[Group], progress: OnItem | None = None
) -> None:
    """Find what every group loses at every width (:attr:`Group.loss`).

    The loss is that of the float network with the group's tensors and weights alone rounded; losses of several groups
    about add up. It is measured at one width and follows the noise of the codes to the others.

    Args:
        network: the float graph. samples: as the ONNX input expects them, few enough to be held at once.
        progress: told about every group.
    """
    exact = next(activations(network, samples))
    for index, group in enumerate(found):
        if progress is not None:
            progress(index + 1, len(found), f"measure {group.tensors[0]}")
        bits = min(group.codes, key=lambda bits: abs(bits - _MEASURED))
        tensors = {name: levels(code, ACTIVATION_BITS) for name, code in group.codes[bits].tensors.items()}
        weights = {name: levels(code, WEIGHT_BITS) for name, code in group.codes[bits].weights.items()}
        loss = float(power_losses(network.ends.packed(exact), _output(network, exact, tensors, weights)).mean())
        group.loss = {other: loss * noise / (group.noise[bits] or 1.0) for other, noise in group.noise.items()}


def add_costs(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    found: Sequence[Group],
    cycles: Cycles | None,
    progress: OnItem | None = None,
) -> None:
    """Find what every group costs at every width (:attr:`Group.costs`).

    The bits of its weights (of the activations of a sample where it has none) and the cycles of its layers, both
    relative to those of the whole network at the smallest width.

    Args:
        network: the float graph. samples: as the ONNX input expects them, few enough to be held at once.
        found: the groups. cycles: None: bits alone are counted. progress: told about every group.
    """
    modules = {module.name: module for module in network.modules}
    exact = next(activations(network, samples))
    bits_of, cycles_of = [], []
    for index, group in enumerate(found):
        if progress is not None:
            progress(index + 1, len(found), f"cost {group.tensors[0]}")
        values = sum(weight.size for name in group.readers if (weight := modules[name].weight) is not None)
        values = values or sum(math.prod(network.shapes[name]) for name in group.tensors)
        bits_of.append({bits: (bits + 1.0) * values for bits in group.codes})
        taken = dict.fromkeys(group.codes, 0.0)
        for module in (modules[name] for name in group.readers if cycles is not None):
            source, (height, width, _) = module.inputs[0], network.shapes[module.output]
            seen = _windows(exact[source], module)
            for bits, codes in group.codes.items():
                stored = exponential.encode(seen, codes.tensors[source])
                taken[bits] += cycles(stored, bits, bool((seen < 0).any()), module, height * width)  # type: ignore[misc]
        cycles_of.append(taken)
    for group, stored_bits, taken in zip(found, bits_of, cycles_of, strict=True):
        for bits in group.codes:
            group.costs[bits] = sum(
                own[bits] / (sum(min(other.values()) for other in all_of) or 1.0)
                for own, all_of in ((stored_bits, bits_of), (taken, cycles_of))
            )


def _windows(x: Map, module: FloatModule) -> Map:
    """Evenly spaced windows (windows, K) of a convolution's input, over all positions and groups."""
    seen = windows(x, module)
    *_, ky, kx, depth = seen.shape
    per_group = seen.reshape(-1, ky * kx, module.groups, depth // module.groups).transpose(0, 2, 1, 3)
    chosen = np.linspace(0, len(per_group) * module.groups - 1, _WINDOWS).astype(np.intp)
    return per_group[chosen // module.groups, chosen % module.groups].reshape(_WINDOWS, -1)


def _output(
    network: FloatNetwork, exact: Mapping[str, Map], tensors: Mapping[str, Levels], weights: Mapping[str, Levels]
) -> Map:
    """Output of the float network with those tensors and weights rounded that have levels, from its own tensors."""
    given = (*network.inputs, *network.constants)
    changed = {name: rounded(exact[name], tensors[name]) for name in given if name in tensors}
    for module in network.modules:
        result = exact[module.output]
        if module.name in weights or not changed.keys().isdisjoint(module.reads()):
            current = module
            if module.name in weights:
                assert module.weight is not None
                current = replace(module, weight=rounded(module.weight, weights[module.name]))
            result = evaluate(current, {name: changed.get(name, exact[name]) for name in module.reads()})
        if module.output in tensors and module.kind not in MOVES:
            result = rounded(result, tensors[module.output])
        if result is not exact[module.output]:
            changed[module.output] = result
    return network.ends.packed({name: changed.get(name, exact[name]) for name in network.outputs})


def _built(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    found: Sequence[Group],
    widths: Sequence[int],
    progress: OnItem | None,
) -> IntegerNetwork:
    """The integer network in which every group has its width, with weights that make up for each other."""
    codes = ExpCodes({}, {})
    for group, bits in zip(found, widths, strict=True):
        codes.tensors |= group.codes[bits].tensors
        codes.weights |= group.codes[bits].weights

    def told(index: int, count: int, name: str) -> None:
        if progress is not None:
            progress(index, count, f"{float(np.mean(widths)):.2f} exponent bits, {name}")

    def rounder(module: FloatModule, part: int) -> Rounder:
        known = levels(codes.weights[module.name], WEIGHT_BITS)
        return lambda weights: rounded(weights, known)

    return build(compensated(network, samples, code_rounding(codes), rounder, told), codes)


def _sweep(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    found: Sequence[Group],
    judge: Judge,
    progress: OnItem | None,
) -> IntegerNetwork:
    """The network of about the largest price that keeps the promise.

    The promised loss is about proportional to the sum of what the groups lose: one judged network tells where the next
    one should be, and the search goes on between the best one that keeps it and the first one that does not.
    """
    prices = sorted({price for group in found for price in group.prices()})
    choices = list(dict.fromkeys(tuple(group.bits_at(price) for group in found) for price in [0.0, *prices, math.inf]))
    sums = [sum(group.loss[bits] for group, bits in zip(found, choice, strict=True)) for choice in choices]

    best, low, high = None, -1, len(choices)
    aim = judge.tolerated * _FIRST
    for count in range(1, _TRIES + 1):
        place = min(max(int(np.searchsorted(sums, aim, side="right")) - 1, low + 1), high - 1)
        candidate = _built(network, samples, found, choices[place], progress)
        if progress is not None:
            progress(count, _TRIES, f"judge {float(np.mean(choices[place])):.2f} exponent bits")
        candidate.promise = promise = judge.promise(candidate)
        if promise.kept:
            best, low = candidate, place
        else:
            high = place
        if high - low <= 1 or (best is not None and sums[high - 1] <= _CLOSE * sums[low]):
            break
        if best is not None and high < len(choices):
            aim = math.sqrt(sums[low] * sums[high])
        else:
            aim = sums[place] * min(judge.tolerated / max(promise.bound, 1e-9), _STRIDE)
            aim *= 1.0 if promise.kept else _BACK
    return _built(network, samples, found, choices[0], progress) if best is None else best


def levels(code: Exponential, bits: int, clip: float | None = None) -> Levels:
    """Real values of the integer levels of a code, up to that of the clip. bits: of the integers."""
    table, fraction = exponential.table(code, bits)
    count = _largest(code, clip) + code.radius + 1
    return np.asarray(table[:count] * 2.0**-fraction, np.float64), code.bounds[: count - 1]


def rounded(x: NDArray[Value], known: Levels) -> NDArray[Value]:
    """Levels of numbers of any shape, with their signs and in their type."""
    values, bounds = (part.astype(x.dtype) for part in known)
    return np.asarray(np.sign(x) * values[exponential.reached(np.abs(x), bounds)])


def code_rounding(codes: ExpCodes) -> Rounding:
    """Rounding of activations to the integer levels of their codes."""

    def rounding(x: Map, name: str, clip: float | None) -> Map:
        known, result = levels(codes.tensors[name], ACTIVATION_BITS, clip), np.empty_like(x)
        for image, place in zip(x, result, strict=True):
            place[:] = rounded(image, known)
        return result

    return rounding


def _largest(code: Exponential, clip: float | None) -> int:
    """The largest exponent of a tensor, that of its clip where it has one."""
    if clip is None:
        return code.radius
    return max(-code.radius, int(exponential.unpack(exponential.encode(clip, code), code.bits)[1]))


def fit_report(
    network: FloatNetwork, samples: NDArray[np.float32], integer: IntegerNetwork, progress: OnItem | None = None
) -> list[TensorFit]:
    """How well the codes of an integer network fit the float network's activations and weights.

    Args:
        network: the float graph. samples: calibration samples as the ONNX input expects them.
        integer: what was made of the network. progress: told about every group.

    Returns:
        Every tensor whose codes are not moved from another one, and the weights of its readers behind it.
    """
    statistics = _calibrated(network, samples, progress)
    exact = next(activations(network, _probed(network, samples)))
    weights = {module.name: module.weight for module in network.modules if module.weight is not None}
    moved = {module.output for module in network.modules if module.kind in MOVES}

    def noise(known: Levels, tensors: Sequence[str], readers: Sequence[str]) -> float:
        changed = _output(network, exact, dict.fromkeys(tensors, known), dict.fromkeys(readers, known))
        return float(power_losses(network.ends.packed(exact), changed).mean())

    result, found = [], groups(network)
    for index, group in enumerate(found):
        if progress is not None:
            progress(index + 1, len(found), f"compare {group.tensors[0]}")
        for name in group.tensors:
            code = integer.tensors[name].code
            if name not in moved and code is not None:
                known, values = levels(code, ACTIVATION_BITS), statistics[name].values
                alone = partial(noise, tensors=[name], readers=[])
                result.append(describe(name, "activation", values, code, known, alone))
        for name in group.readers:
            code = cast(ExponentialCodes, integer.module(name).format).code
            assert code is not None
            known, alone = levels(code, WEIGHT_BITS), partial(noise, tensors=[], readers=[name])
            result.append(describe(name, "weight", weights[name], code, known, alone))
    return result


def _calibrated(network: FloatNetwork, samples: NDArray[np.float32], progress: OnItem | None) -> dict[str, Statistics]:
    if progress is not None:
        progress(1, 1, f"calibrate with {len(samples)} samples")
    return calibrate(network, samples)


def _probed(network: FloatNetwork, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Evenly spaced samples of which all tensors can be held at once."""
    count = min(len(samples), _PROBES, chunk_size(network))
    return samples[np.linspace(0, len(samples) - 1, count).astype(np.intp)]


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
            table, fraction = exponential.table(code, ACTIVATION_BITS)
            tensors[name] = TensorInfo(shape, fraction, False, code.bits + 1, code, tuple(table.tolist()))
    modules = []
    for module in network.modules:
        built = frame(module, is_raw(network, module))
        shape = network.shapes[module.output]
        if module.kind in ("conv", "add", "avgpool", "concat", "mul", "matmul"):
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
    constants = {name: tensors[name].encode(array.astype(np.float64)) for name, array in network.constants.items()}
    result = IntegerNetwork(SCHEME, network.ends, tensors, modules, constants=constants)
    fill_tables(network, result)
    check_accumulators(result)
    return result


def _fill(module: FloatModule, built: IntegerModule, tensors: Mapping[str, TensorInfo], codes: ExpCodes) -> int:
    """Write the numbers of a module that computes; the fraction of its accumulator."""
    fractions = [tensors[name].fraction for name in module.inputs]
    fraction, form = max(fractions), ExponentialCodes()
    if module.kind == "conv":
        assert module.weight is not None
        code = codes.weights[module.name]
        table, weight_fraction = exponential.table(code, WEIGHT_BITS)
        built.weight, form = exponential.encode(module.weight, code), ExponentialCodes(code, table, weight_fraction)
        built.weight_bits, built.bias_bits = code.bits + 1, ACC_BITS
        fraction += weight_fraction
        assert module.bias is not None
        whole = round_half_up(module.bias * 2.0**fraction)
        if (np.abs(whole) >= _LIMIT).any():
            raise ShiftworkError(f"node {module.name!r}: its bias takes more than {ACC_BITS} bits beside its weights")
        built.bias = whole.astype(np.int64)
        if module.shortcut is not None:
            shift = fraction - tensors[module.shortcut].fraction
            built.shortcut_shift = np.full(len(module.weight), _legal_shift(module, shift), np.int32)
    elif module.kind == "matmul":
        code = codes.tensors[module.inputs[1]]
        table, second = exponential.table(code, WEIGHT_BITS)
        form, fraction = ExponentialCodes(code, table, second), fractions[0] + second
        built.weight_bits = code.bits + 1
    elif module.kind == "mul":
        fraction = sum(fractions)
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
