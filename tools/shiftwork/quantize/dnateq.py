# SPDX-License-Identifier: Apache-2.0
"""Exponential codes without retraining: bases and widths of every layer (``docs/numerics.md`` section 7).

Method: DNA-TEQ, arXiv 2306.16430. A tensor of activations shares base and width with whatever only moves its codes and
with the weights of the layers that read it: a *group*. In every group the base is searched on the member of larger
error; alpha and beta are each member's own. A group gets the smallest width at which the RMAE of every member is below
a threshold, and the threshold is raised as far as the accuracy on the calibration samples allows. Weighing the
threshold by what a group's error does to the output, biases that take the mean error out of their channels, and the
fits of least error (:mod:`~shiftwork.quantize.expfit`) are this project's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import exponential
from shiftwork.codes.exponential import ACC_BITS, ACTIVATION_BITS, MAX_BITS, MIN_BITS, WEIGHT_BITS, Exponential
from shiftwork.errors import ShiftworkError
from shiftwork.golden.executor import accuracy, predictions, run
from shiftwork.network.floating import chunk_size, evaluate
from shiftwork.network.graph import MOVES, FloatModule, FloatNetwork, to_nhwc
from shiftwork.network.integer import EXPONENTIAL, IntegerModule, IntegerNetwork, TensorInfo
from shiftwork.quantize.bounds import check_accumulators
from shiftwork.quantize.calibrate import Statistics, calibrate
from shiftwork.quantize.dataflow import Map, Progress, Real, Rounding, centred_biases
from shiftwork.quantize.expfit import Fit, Magnitudes, TensorFit, describe, fit_code, search_base
from shiftwork.quantize.scales import frame, is_raw, round_half_up, tied

MAX_LOSS = 1.0

_MAX_SHIFT = 31
_PROBES = 16  # samples on which the effect of a group's error is measured
_LEAST_EFFECT = 1e-9
_LIMIT = 1 << (ACC_BITS - 1)


@dataclass
class Group:
    """Tensors that share one code, and the layers whose weights share base and width with it.

    Attributes:
        tensors: names. readers: names of convolutions.
        fits: by width, the code of the tensors (key "") and of the weights of every reader (by its name).
        share: factor on the threshold: above 1 where values are many and their errors do little to the output.
    """

    tensors: list[str]
    readers: list[str]
    fits: dict[int, dict[str, Fit]] = field(default_factory=dict)
    share: float = 1.0

    def error(self, bits: int) -> float:
        """Largest RMAE of the members at a width, over the share."""
        return max(fit.rmae for fit in self.fits[bits].values()) / self.share

    def bits_below(self, threshold: float) -> int:
        """Smallest width at which :meth:`error` is below a threshold; the largest there is where none is."""
        return next((bits for bits in sorted(self.fits) if self.error(bits) < threshold), max(self.fits))


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


def quantize(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    labels: NDArray[np.int64] | None = None,
    exponent_bits: int | None = None,
    max_loss: float = MAX_LOSS,
    progress: Progress | None = None,
) -> IntegerNetwork:
    """Quantize a trained network to exponential codes.

    Args:
        network: the float graph.
        samples: calibration samples as the ONNX input expects them. labels: their classes, when there are any.
        exponent_bits: n of all layers; None chooses it per group.
        max_loss: points of calibration accuracy (without labels: of agreement with the classes of the float network)
            that the choice may cost.
        progress: told about every group that is fitted, then about every threshold that is tried.

    Returns:
        An integer network of scheme ``dnateq``.

    Raises:
        ShiftworkError: an illegal width, a network that cannot have exponential codes (names the node), or a limit that
            no width keeps.
    """
    if exponent_bits is not None:
        exponential.check_bits(exponent_bits)
    widths = range(MIN_BITS, MAX_BITS + 1) if exponent_bits is None else (exponent_bits,)
    found = fit_groups(network, calibrate(network, samples), widths, progress)
    if exponent_bits is not None:
        return _built(network, samples, found, [exponent_bits] * len(found))
    weigh(network, samples, found)
    return _sweep(network, samples, labels, found, max_loss, progress)


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
    progress: Progress | None = None,
) -> list[Group]:
    """The groups with the codes of their members at every width.

    The base is that of the member whose error is larger at the base of its own choice; the others are fitted to it.

    Raises:
        ShiftworkError: see :func:`groups`.
    """
    found = groups(network)
    moved = {module.output for module in network.modules if module.kind in MOVES}
    weights = {module.name: module.weight for module in network.modules}
    for index, group in enumerate(found):
        if progress is not None:
            progress(index + 1, len(found), f"fit {group.tensors[0]}")
        values = np.concatenate([statistics[name].values for name in group.tensors if name not in moved])
        members = {"": Magnitudes.of(values)}
        members |= {name: Magnitudes.of(weights[name]) for name in group.readers}  # type: ignore[arg-type]
        for bits in widths:
            own = {name: search_base(magnitudes, bits) for name, magnitudes in members.items()}
            lead = max(own.values(), key=lambda fit: fit.rmae)
            group.fits[bits] = {
                name: lead if own[name] is lead else fit_code(magnitudes, lead.code.base, bits)
                for name, magnitudes in members.items()
            }
    return found


def weigh(network: FloatNetwork, samples: NDArray[np.float32], found: Sequence[Group]) -> None:
    """Set the share of every group.

    An RMAE e of group g alone adds about s_g e^2 to the squared output error, and a bit less doubles e. For the fewest
    bits at a given sum, s_g e_g^2 has to be proportional to the values of the group: e_g to the root of values / s_g.
    The geometric mean of the shares is 1.

    Args:
        network: the float graph. samples: of which the first few are used. found: fitted at two widths at least.
    """
    probe = samples[:_PROBES]
    exact = _output(network, probe, ExpCodes({}, {}))
    norm = float(np.square(exact).sum(dtype=np.float64)) or 1.0
    moved = {module.output for module in network.modules if module.kind in MOVES}
    sizes = {module.name: module.weight.size for module in network.modules if module.weight is not None}
    shares = []
    for group in found:
        fits = group.fits[sorted(group.fits)[1]]
        codes = ExpCodes(dict.fromkeys(group.tensors, fits[""].code), {name: fits[name].code for name in group.readers})
        error = float(np.square(_output(network, probe, codes) - exact).sum(dtype=np.float64)) / norm
        effect = error / max(fit.rmae for fit in fits.values()) ** 2 if error else 0.0
        values = sum(math.prod(network.shapes[name]) for name in group.tensors if name not in moved)
        values += sum(sizes[name] for name in group.readers)
        shares.append(math.log(values / max(effect, _LEAST_EFFECT)) / 2)
    for group, share in zip(found, shares, strict=True):
        group.share = math.exp(share - sum(shares) / len(shares))


def _output(network: FloatNetwork, samples: NDArray[np.float32], codes: ExpCodes) -> Map:
    """Output of the float network with those tensors and weights rounded that have codes."""
    rounding, step = code_rounding(codes), chunk_size(network)
    outputs = []
    for start in range(0, len(samples), step):
        x = np.ascontiguousarray(to_nhwc(samples[start : start + step]), np.float32)
        tensors = {network.input: rounding(x, network.input, None) if network.input in codes.tensors else x}
        for module in network.modules:
            current = module
            if module.name in codes.weights:
                current = replace(module, weight=quantized_weight(codes, module))
            result = evaluate(current, tensors)
            rounds = module.output in codes.tensors and module.kind not in MOVES
            tensors[module.output] = rounding(result, module.output, module.clip) if rounds else result
        outputs.append(tensors[network.output])
    return np.concatenate(outputs)


def _built(
    network: FloatNetwork, samples: NDArray[np.float32], found: Sequence[Group], widths: Sequence[int]
) -> IntegerNetwork:
    """The integer network in which every group has its width, with biases fitted to it."""
    codes = ExpCodes({}, {})
    for group, bits in zip(found, widths, strict=True):
        codes.tensors.update(dict.fromkeys(group.tensors, group.fits[bits][""].code))
        codes.weights.update({name: group.fits[bits][name].code for name in group.readers})
    rounding = code_rounding(codes)
    codes.biases = centred_biases(network, samples, rounding, lambda module: quantized_weight(codes, module))
    return build(network, codes)


def _sweep(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    found: Sequence[Group],
    max_loss: float,
    progress: Progress | None,
) -> IntegerNetwork:
    """The network of the largest threshold that keeps the limit, by bisection over all widths that thresholds make."""
    exact = _output(network, samples, ExpCodes({}, {}))
    reference = predictions(exact) if labels is None else labels
    limit = accuracy(exact, reference) - max_loss
    errors = sorted({group.error(bits) for group in found for bits in group.fits})
    choices = list(dict.fromkeys(tuple(group.bits_below(t) for group in found) for t in [*errors, math.inf]))
    tries = math.ceil(math.log2(len(choices))) + 1 if len(choices) > 1 else 1

    best, low, high, place = None, -1, len(choices), len(choices) - 1
    for count in range(1, tries + 1):
        if progress is not None:
            mean = sum(choices[place]) / max(1, len(found))
            progress(count, tries, f"exponents of {mean:.2f} bits in the mean of {len(found)} groups")
        candidate = _built(network, samples, found, choices[place])
        codes = run(candidate, samples, collect=False)[candidate.output]
        if accuracy(codes, reference) >= limit:
            best, low = candidate, place
        else:
            high = place
        if high - low <= 1:
            break
        place = (low + high) // 2
    if best is None:
        raise ShiftworkError(
            f"no exponents of {MIN_BITS} to {MAX_BITS} bits keep {max_loss} points on the calibration samples"
        )
    return best


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
            assert module.weight_code is not None
            assert module.weight_levels is not None
            levels = module.weight_levels * 2.0 ** -module.attributes["weight_fraction"]
            result.append(describe(name, "weight", weights[name].weight, module.weight_code, levels))  # type: ignore[arg-type]
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
        elif module.output not in tensors:  # a move of the raw output stays raw
            source = tensors[module.inputs[0]]
            tensors[module.output] = TensorInfo(shape, source.fraction, True, ACC_BITS)
        modules.append(built)
    result = IntegerNetwork(EXPONENTIAL, network.input, network.output, tensors, modules)
    check_accumulators(result)
    return result


def _fill(module: FloatModule, built: IntegerModule, tensors: Mapping[str, TensorInfo], codes: ExpCodes) -> int:
    """Write the numbers of a module that computes; the fraction of its accumulator."""
    fractions = [tensors[name].fraction for name in module.inputs]
    fraction = max(fractions)
    if module.kind == "conv":
        assert module.weight is not None
        code = codes.weights[module.name]
        built.weight, built.weight_code = exponential.encode(module.weight, code), code
        built.weight_levels, weight_fraction = exponential.table(code, WEIGHT_BITS)
        built.weight_bits, built.bias_bits = code.bits + 1, ACC_BITS
        built.attributes["weight_fraction"] = weight_fraction
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
        built.thresholds, built.high = exponential.thresholds(code, fraction), _largest(code, module.clip)
        built.low = -code.radius
    return fraction


def _legal_shift(module: FloatModule, shift: int) -> int:
    if not 0 <= shift <= _MAX_SHIFT:
        raise ShiftworkError(f"node {module.name!r}: a shift of {shift} is outside 0..{_MAX_SHIFT}")
    return shift
