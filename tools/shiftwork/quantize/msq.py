# SPDX-License-Identifier: Apache-2.0
"""4-bit weights with a scale per row: SP2 and fixed-point rows mixed, or one kind (``docs/numerics.md`` section 6).

Method: Mix and Match, arXiv 2012.04240. A row is an output channel. In every layer the rows of least variance become
sums of two powers of two (SP2), which shift-and-add hardware multiplies; the others stay fixed point. Activations have
4 bits at power-of-two scales. A row's *step* is the real value of weight 1: alpha / 8 in SP2 rows, alpha / 7 in
fixed-point rows, alpha / 64 in rows of powers of two. Steps are free, and requantized by scale-round, or powers of
two, and requantized by shift-round.

Schemes: ``msq`` (mixed), and its ingredients for all rows: ``fixed4``, ``sp2``, ``pot`` (powers of two).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import sp2
from shiftwork.errors import ShiftworkError
from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.network.integer import IntegerModule, IntegerNetwork, MixedRows
from shiftwork.progress import OnItem
from shiftwork.quantize import scales as shared
from shiftwork.quantize.calibrate import calibrate
from shiftwork.quantize.compensate import Rounder, inner, layerwise, refitted, round_module, round_weights
from shiftwork.quantize.dataflow import Probe, Real, scale_rounding
from shiftwork.quantize.equalize import equalized
from shiftwork.quantize.finer_input import fit_input, in_copies
from shiftwork.quantize.judge import Judge
from shiftwork.quantize.quantization import ALPHAS, Quantization
from shiftwork.quantize.scales import (
    Bits,
    Scales,
    activation_scales,
    assemble,
    fill_shifts,
    is_raw,
    round_half_up,
)

MIXED = "msq"
SCHEMES = (MIXED, "fixed4", "sp2", "pot")

_BITS = Bits(weights=4, activations=4, biases=32)
_BIAS_LIMIT = 1 << 30
_EVENTS = 1 << 22  # level changes sorted at once
_COARSER, _FINER = 1, 4  # power-of-two steps tried around the one that just holds the largest weight
_FACTORS = (1.0, 1.1, 0.9, 0.8, 0.7)  # steps tried, relative to those of least error of the weights
_POWERS = (1.0, 2.0, 0.5)

Rows = NDArray[np.bool_]


@dataclass
class MsqScales:
    """Everything that turns a float network into one of 4-bit rows.

    Attributes:
        scheme: of :data:`SCHEMES`. alpha: ``free`` or ``pot`` (power-of-two steps).
        signs: True for every tensor that is two's complement. tensors: N of every activation tensor.
        row_sp2: True for the SP2 rows of a module (out,), by its name; no entries under scheme ``pot``.
        steps: real value of weight 1 in every row, float64 (out,), by module name; equal in all rows of the module that
            feeds the network output.
        bits: widths. gap: distance of neighbouring legal weights in steps, about.
    """

    scheme: str
    alpha: str
    signs: dict[str, bool]
    tensors: dict[str, int]
    row_sp2: dict[str, Rows] = field(default_factory=dict)
    steps: dict[str, Real] = field(default_factory=dict)

    bits: ClassVar[Bits] = _BITS
    gap: ClassVar[float] = 1.0


def check(scheme: str, sp2_share: float | None, alpha: str) -> None:
    """Refuse an unknown scheme or alpha, or a share of SP2 rows outside 0..1.

    Raises:
        ShiftworkError: names what is wrong.
    """
    for name, value, legal in (("scheme", scheme, SCHEMES), ("alpha", alpha, ALPHAS)):
        if value not in legal:
            raise ShiftworkError(f"unknown {name} {value!r}: choose one of {', '.join(legal)}")
    if sp2_share is not None and not 0.0 <= sp2_share <= 1.0:
        raise ShiftworkError(f"SP2 share {sp2_share} is outside 0..1")


def quantize(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    scheme: str = "msq",
    sp2_share: float | None = None,
    alpha: str = "free",
    method: str = "mse",
    progress: OnItem | None = None,
    copies: int | None = None,
) -> IntegerNetwork:
    """Quantize a trained network to 4 bits without further training.

    Args:
        network: the float graph.
        samples: calibration samples as the ONNX input expects them.
        scheme: of :data:`SCHEMES`.
        sp2_share: share of the rows that become SP2 under ``msq``; None takes for every row the kind of less error.
        alpha: ``free`` or ``pot``.
        method: how the scales of the activations are chosen, ``mse`` or ``maxabs``.
        progress: told about every module whose weights are rounded.
        copies: of the network input; None: as few as it takes, one under ``maxabs``.

    Returns:
        An integer network of the scheme.

    Raises:
        ShiftworkError: an illegal option, or scales that do not fit the requantizer; names the node.
    """
    return build(*settled(network, samples, scheme, sp2_share, alpha, method, progress, copies))


def settled(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    scheme: str = "msq",
    sp2_share: float | None = None,
    alpha: str = "free",
    method: str = "mse",
    progress: OnItem | None = None,
    copies: int | None = None,
) -> tuple[FloatNetwork, MsqScales]:
    """What :func:`quantize` builds its network from: the float graph, equalized, with weights on their levels."""
    scaled, scales = prepared(network, samples, scheme, sp2_share, alpha, method, copies)
    return settle(scaled, samples, scales, sp2_share is None, progress)


def prepared(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    scheme: str = "msq",
    sp2_share: float | None = None,
    alpha: str = "free",
    method: str = "mse",
    copies: int | None = None,
) -> tuple[FloatNetwork, MsqScales]:
    """The float graph, its input in copies, equalized, and scales for it, before any weight is rounded."""
    check(scheme, sp2_share, alpha)
    if method != "maxabs" or copies is not None:
        network = in_copies(network, samples, _BITS, copies)
    scaled = equalized(network, samples, _BITS)
    scales = choose(scaled, samples, scheme, sp2_share, alpha, method)
    if scheme == MIXED and sp2_share is not None:  # by the variances of the network as it was trained
        for module in network.modules:
            if module.weight is not None:
                scales.row_sp2[module.name] = assign_rows(module.weight, sp2_share)
    return scaled, scales


def rows(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    wish: Quantization,
    judge: Judge,
    progress: OnItem | None = None,
) -> IntegerNetwork:
    """The schemes of 4-bit rows (:data:`shiftwork.schemes.Quantizer`)."""
    assert wish.scale is not None  # the registry has filled it in
    alpha = wish.alpha or ALPHAS[0]
    return quantize(network, samples, wish.scheme, wish.sp2_share, alpha, wish.scale, progress, wish.input_copies)


def choose(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    scheme: str = "msq",
    sp2_share: float | None = None,
    alpha: str = "free",
    method: str = "mse",
) -> MsqScales:
    """Scales for the weights as they are, legal: kinds of rows, steps of least squared error, activations."""
    check(scheme, sp2_share, alpha)
    base = activation_scales(network, calibrate(network, samples), _BITS, method)
    if method != "maxabs" or network.ends.copies > 1:
        fit_input(network, samples, base)
    scales = MsqScales(scheme, alpha, base.signs, base.tensors)
    for module in network.modules:
        if module.weight is not None:
            if scheme != "pot":
                share = {"fixed4": 0.0, "sp2": 1.0}.get(scheme, sp2_share)
                scales.row_sp2[module.name] = assign_rows(module.weight, share)
            scales.steps[module.name] = module_steps(network, scales, module, module.weight)
    make_legal(network, scales)
    return scales


def settle(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    scales: MsqScales,
    free: bool = False,
    progress: OnItem | None = None,
) -> tuple[FloatNetwork, MsqScales]:
    """Weights on their levels, each row at the step and, if ``free``, of the kind of least error after compensation.

    Args:
        network: the float graph. samples: as the ONNX input expects them. scales: legal, of its weights.
        free: choose the kinds of rows too, under ``msq``. progress: told about every module.

    Returns:
        The float graph with weights on their levels and biases that take the mean error out of every channel, and
        legal scales.
    """
    kinds = (False, True) if free and scales.scheme == MIXED else (None,)
    result = replace(scales, tensors=dict(scales.tensors), steps=dict(scales.steps), row_sp2=dict(scales.row_sp2))
    rounding = scale_rounding(Scales(_BITS, scales.signs, result.tensors, {}))

    def rounder(module: FloatModule, place: int) -> Rounder:
        return _rounder(result, module, place)

    def choose(module: FloatModule, probe: Probe) -> list[FloatModule]:
        refit = refitted(module, probe)
        _fit_compensated(network, result, refit, probe, kinds)
        return [round_module(refit, probe, rounder)]

    rounded = layerwise(network, samples, rounding, choose, progress)[0]
    make_legal(rounded, result)
    return rounded, result


def _rounder(scales: MsqScales, module: FloatModule, place: int) -> Rounder:
    """Rounds weights of one group of a convolution at its steps."""
    steps, kinds = scales.steps[module.name], scales.row_sp2.get(module.name)
    count = len(steps) // module.groups
    span = slice(place * count, (place + 1) * count)
    return _rows_rounder(scales.scheme, steps[span], None if kinds is None else kinds[span])


def _rows_rounder(scheme: str, steps: Real, kinds: Rows | None) -> Rounder:
    return lambda weight: project_rows(scheme, weight, steps, kinds) * steps[:, None]


def _fit_compensated(
    network: FloatNetwork, scales: MsqScales, module: FloatModule, probe: Probe, kinds: tuple[bool | None, ...]
) -> None:
    """Choose step and kind of every row by the error that compensated rounding leaves of its sums."""
    assert module.weight is not None
    weight = module.weight.reshape(len(module.weight), -1)
    factors = _POWERS if _shifted(network, module, scales.alpha) else _FACTORS
    masks: list[Rows | None] = []
    steps: list[Real] = []
    for kind in kinds:
        mask = scales.row_sp2.get(module.name) if kind is None else np.full(len(weight), kind)
        own = replace(scales, row_sp2={} if mask is None else {module.name: mask})
        base = module_steps(network, own, module, module.weight)
        if is_raw(network, module) and steps:
            base = steps[0]  # one step for all rows, whatever their kind
        steps += [base * factor for factor in factors]
        masks += [mask] * len(factors)
    errors = np.empty((len(steps), len(weight)))
    count = len(weight) // module.groups
    for place, table in enumerate(probe.tables):
        span = slice(place * count, (place + 1) * count)
        mask = None if masks[0] is None else np.concatenate([mask[span] for mask in masks if mask is not None])
        rounder = _rows_rounder(scales.scheme, np.concatenate([step[span] for step in steps]), mask)
        part, products = np.tile(weight[span], (len(steps), 1)), inner(table)
        missed = round_weights(part, products, rounder) - part
        seen = missed @ products if products.size else missed  # of long reductions every weight counts alike
        errors[:, span] = (seen * missed).sum(axis=1).reshape(len(steps), -1)
    if is_raw(network, module):
        sums = errors.reshape(len(kinds), len(factors), -1).min(axis=0).sum(axis=1)
        errors[np.arange(len(steps)) % len(factors) != sums.argmin()] = np.inf
    best, rows = errors.argmin(axis=0), np.arange(len(weight))
    scales.steps[module.name] = np.array(steps)[best, rows]
    if masks[0] is not None:
        scales.row_sp2[module.name] = np.array(masks, np.bool_)[best, rows]


def quantized_weight(scales: MsqScales, module: FloatModule) -> Real:
    """Real values of the integer weights of a convolution ``[out][ky][kx][in]``."""
    assert module.weight is not None
    steps = scales.steps[module.name]
    values = project_rows(scales.scheme, module.weight, steps, scales.row_sp2.get(module.name))
    return values * steps.reshape(-1, 1, 1, 1)


# -- rows


def assign_rows(weight: Real, share: float | None) -> Rows:
    """Rows that become SP2: by their number those of least population variance, else those it suits better.

    Args:
        weight: float64 (out, ...) with batch normalization folded in.
        share: 0..1, ``floor(share * rows + 1/2)`` rows, ties to the lower index; None: all rows whose squared error at
            the best step of their own is less than as fixed point.

    Returns:
        bool (out,), True for SP2.
    """
    rows = weight.reshape(len(weight), -1)
    if share is None:
        errors = []
        for levels in (sp2.fixed_levels(), sp2.levels()):
            steps = fit_steps(rows, levels)[:, None]
            errors.append(np.square(sp2.project(rows, steps * levels[-1], levels) * steps - rows).sum(axis=1))
        return np.asarray(errors[1] < errors[0])
    variance = rows.var(axis=1)
    chosen = np.zeros(len(weight), np.bool_)
    chosen[np.argsort(variance, kind="stable")[: math.floor(share * len(weight) + 0.5)]] = True
    return chosen


def row_levels(scheme: str, in_sp2: bool) -> NDArray[np.int64]:
    """Non-negative integer levels of a row."""
    if scheme == "pot":
        return sp2.pot_levels()
    return sp2.levels() if in_sp2 else sp2.fixed_levels()


def _kinds(scheme: str, row_sp2: Rows | None, rows: int) -> list[tuple[Rows, NDArray[np.int64]]]:
    """The rows of every kind that there is, as a mask, and their levels."""
    mask = np.zeros(rows, np.bool_) if row_sp2 is None else row_sp2
    return [(mask == kind, row_levels(scheme, kind)) for kind in (False, True) if (mask == kind).any()]


def project_rows(scheme: str, weight: Real, steps: Real, row_sp2: Rows | None) -> NDArray[np.int64]:
    """The nearest level of every weight, ties to the smaller magnitude.

    Args:
        scheme: of :data:`SCHEMES`.
        weight: (out, ...). steps: (out,). row_sp2: (out,), or None under ``pot``.

    Returns:
        int64 values of the shape of ``weight``.
    """
    result = np.empty(weight.shape, np.int64)
    column = steps.reshape(-1, *[1] * (weight.ndim - 1))
    for rows, levels in _kinds(scheme, row_sp2, len(weight)):
        result[rows] = sp2.project(weight[rows], column[rows] * levels[-1], levels)
    return result


# -- steps


def module_steps(network: FloatNetwork, scales: MsqScales, module: FloatModule, weight: Real) -> Real:
    """Steps of least squared error for the rows of a module.

    Args:
        network: the module is part of. scales: give scheme, alpha and kinds of rows.
        module: a convolution. weight: its weights, or others of the same shape (in training).

    Returns:
        float64 (out,): one per row, or the same for all rows where the accumulator is the network output.
    """
    rows = weight.reshape(len(weight), -1)
    kinds = _kinds(scales.scheme, scales.row_sp2.get(module.name), len(rows))
    powers = _shifted(network, module, scales.alpha)
    fit = _fit_powers if powers else _fit_free
    result = np.empty(len(rows))
    if powers or is_raw(network, module):
        result[:] = fit([(rows[chosen].reshape(1, -1), levels) for chosen, levels in kinds])
    if not is_raw(network, module):
        filled = rows.any(axis=1) | (not powers)  # a row of zeros takes the power of two of the whole layer
        for chosen, levels in kinds:
            result[chosen & filled] = fit([(rows[chosen & filled], levels)])
    return result


def fit_steps(rows: Real, levels: NDArray[np.int64]) -> Real:
    """The step of least squared error of every row, exactly; alpha = 1 for a row of zeros.

    Args:
        rows: (rows, K). levels: non-negative integers, increasing from 0.

    Returns:
        float64 (rows,); alpha is the step times the largest level.
    """
    return _fit_free([(rows, levels)])


def fit_alpha(rows: Real, levels: NDArray[np.int64]) -> Real:
    """Alpha of least squared error of every row: :func:`fit_steps` times the largest level."""
    return fit_steps(rows, levels) * int(levels[-1])


def _fit_free(parts: list[tuple[Real, NDArray[np.int64]]]) -> Real:
    """Steps of least squared error: row i of all parts together, each part (rows, K) with levels of its own.

    As the step falls from infinity, one weight after the other moves up one level: w passes the middle m of two levels
    at the step |w| / m. For the levels q in between the best step is <w, q> / <q, q> and leaves the error
    <w, w> - <w, q>^2 / <q, q>. All of them are visited, so the best of them is the optimum.
    """
    count = len(parts[0][0])
    size = sum(rows.shape[1] * (len(levels) - 1) for rows, levels in parts)
    result = np.empty(count)
    block = max(1, _EVENTS // max(size, 1))
    for start in range(0, count, block):
        passes, gains, squares = [], [], []
        for rows, levels in parts:
            magnitude = np.abs(rows[start : start + block])[..., None]
            shape = (len(magnitude), -1)
            passes.append((magnitude / ((levels[1:] + levels[:-1]) / 2)).reshape(shape))
            gains.append((magnitude * np.diff(levels)).reshape(shape))
            squares.append(np.broadcast_to(np.diff(levels**2), (*magnitude.shape[:2], len(levels) - 1)).reshape(shape))
        order = np.argsort(-np.concatenate(passes, axis=1), axis=1, kind="stable")
        product = np.cumsum(np.take_along_axis(np.concatenate(gains, axis=1), order, axis=1), axis=1)
        square = np.cumsum(np.take_along_axis(np.concatenate(squares, axis=1), order, axis=1), axis=1)
        best = np.argmax(product**2 / square, axis=1)[:, None]
        found = (np.take_along_axis(product, best, axis=1) / np.take_along_axis(square, best, axis=1))[:, 0]
        result[start : start + block] = np.where(found > 0, found, 1 / max(int(levels[-1]) for _, levels in parts))
    return result


def _fit_powers(parts: list[tuple[Real, NDArray[np.int64]]]) -> Real:
    """Powers of two of least squared error, like :func:`_fit_free`; ties take the smallest step."""
    bases = []
    for rows, levels in parts:
        largest = np.abs(rows).max(axis=1)
        bases.append(np.floor(np.log2(int(levels[-1]) / np.where(largest > 0, largest, int(levels[-1])))))
    low, high = np.min(bases, axis=0) - _COARSER, np.max(bases, axis=0) + _FINER
    best = np.full(len(low), np.inf)
    result = np.ones(len(low))
    for more in range(int((high - low).max()) + 1):
        steps = 2.0 ** -np.minimum(low + more, high)
        error = np.zeros(len(low))
        for rows, levels in parts:
            values = sp2.project(rows, steps[:, None] * levels[-1], levels) * steps[:, None]
            error += np.square(values - rows).sum(axis=1)
        better = error <= best
        best, result = np.where(better, error, best), np.where(better, steps, result)
    return result


# -- building the integers


def _shifted(network: FloatNetwork, module: FloatModule, alpha: str) -> bool:
    """True for power-of-two steps: those of all modules, or of a network output that adds a shortcut or clips."""
    clipped = module.shortcut is not None or module.clip is not None
    return alpha == "pot" or (is_raw(network, module) and clipped)


def _base(network: FloatNetwork, scales: MsqScales) -> Scales:
    """The same as numbers of fractional bits; only convolutions with power-of-two steps have N_w."""
    fractions = {}
    for module in network.modules:
        if module.kind == "conv" and _shifted(network, module, scales.alpha):
            mantissa, exponent = np.frexp(scales.steps[module.name])
            if (mantissa != 0.5).any():
                raise ShiftworkError(f"node {module.name!r}: its steps have to be powers of two")
            fractions[module.name] = 1 - exponent.astype(np.int64)
    return Scales(_BITS, scales.signs, scales.tensors, fractions)


def make_legal(network: FloatNetwork, scales: MsqScales) -> None:
    """Change scales in place where the requantizer demands it: raise steps that are too small, lower N of activations.

    A free step is raised where the bias would take more than 31 bits or a shift exceed 47, which weights far below the
    bias of their row do; powers of two obey the rules of :func:`shiftwork.quantize.scales.make_legal`.

    Raises:
        ShiftworkError: a shortcut or addend would lose most of its precision to the sum it is added to.
    """
    base = _base(network, scales)
    shared.make_legal(network, base)
    scales.tensors.update(base.tensors)
    for module in network.modules:
        if module.name in base.weights:
            scales.steps[module.name] = 2.0 ** -base.weights[module.name].astype(np.float64)
        elif module.kind == "conv":
            n_in, n_out = scales.tensors[module.inputs[0]], scales.tensors[module.output]
            assert module.bias is not None
            least = np.abs(module.bias) * 2.0**n_in / _BIAS_LIMIT
            if is_raw(network, module):
                least = np.full(len(least), least.max())
            else:
                up = 0 if module.shortcut is None else max(0, n_out - scales.tensors[module.shortcut])
                least = np.maximum(least, 2.0 ** (up - 32 + n_in - n_out))
            scales.steps[module.name] = np.maximum(scales.steps[module.name], least)


def build(network: FloatNetwork, scales: MsqScales) -> IntegerNetwork:
    """The integer network that the scales make of the weights.

    Raises:
        ShiftworkError: steps that the requantizer cannot hold, or an accumulator beyond 32 bits; names the node.
    """
    base = _base(network, scales)

    def fill(module: FloatModule, built: IntegerModule) -> int:
        assert module.weight is not None
        steps, kinds = scales.steps[module.name], scales.row_sp2.get(module.name)
        built.format = MixedRows(kinds)
        if not built.requantize and (steps != steps[0]).any():
            raise ShiftworkError(f"node {module.name!r}: the network output needs the same step in all its rows")
        weight = project_rows(scales.scheme, module.weight, steps, kinds)
        if module.name in base.weights:
            return fill_shifts(module, built, weight, base)
        return _fill_factors(module, built, weight, steps, base)

    result = assemble(network, base, scales.scheme, fill)
    for built in result.modules:
        if built.kind == "matmul":
            built.format = MixedRows()
    return result


def _fill_factors(module: FloatModule, built: IntegerModule, weight: NDArray[Any], steps: Real, base: Scales) -> int:
    """Fill in a convolution at free steps; the fraction of its accumulator but for the step."""
    n_in, n_out = base.tensors[module.inputs[0]], base.tensors[module.output]
    unit = steps * 2.0**-n_in
    assert module.bias is not None
    bias = round_half_up(module.bias / unit)
    if (np.abs(bias) >= 1 << 31).any():
        raise ShiftworkError(f"node {module.name!r}: its bias takes more than 32 bits beside its weights")
    built.weight, built.bias = weight.astype(np.int8), bias.astype(np.int32)
    if not built.requantize:
        built.shift = np.zeros(len(steps), np.int32)
        built.attributes["step"] = float(steps[0])
        return n_in
    factor, built.shift = factors(unit * 2.0**n_out)
    built.format = replace(built.format, factor=factor)  # type: ignore[call-arg]
    limits = [("shift", built.shift, 1)]
    if module.shortcut is not None:
        built.shortcut_shift = (n_out + built.shift - base.tensors[module.shortcut]).astype(np.int32)
        limits.append(("shift of the shortcut", built.shortcut_shift, 0))
    for name, shift, low in limits:
        wrong = shift[(shift < low) | (shift > 47)]
        if len(wrong):
            raise ShiftworkError(f"node {module.name!r}: a {name} of {wrong[0]} is outside {low}..47")
    return n_in


def factors(real: Real) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Positive real factors as ``M * 2**-shift`` with 16-bit mantissas M (``docs/numerics.md`` section 5)."""
    mantissa, exponent = np.frexp(real)
    whole = round_half_up(mantissa * 65536.0)
    over = whole == 65536
    return np.where(over, 32768, whole).astype(np.int32), (16 - exponent - over).astype(np.int32)
