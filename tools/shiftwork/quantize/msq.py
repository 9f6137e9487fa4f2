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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import sp2
from shiftwork.errors import ShiftworkError
from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.network.integer import IntegerModule, IntegerNetwork, MixedRows
from shiftwork.progress import OnItem
from shiftwork.quantize import scales as shared
from shiftwork.quantize.calibrate import calibrate
from shiftwork.quantize.dataflow import Real, centred_biases, scale_rounding
from shiftwork.quantize.judge import Judge
from shiftwork.quantize.quantization import ALPHAS, Quantization
from shiftwork.quantize.scales import Bits, Scales, activation_scales, assemble, fill_shifts, is_raw, round_half_up

MIXED = "msq"
SCHEMES = (MIXED, "fixed4", "sp2", "pot")
SP2_SHARE = 0.6

_BITS = Bits(weights=4, activations=4, biases=32)
_BIAS_LIMIT = 1 << 30
_EVENTS = 1 << 22  # level changes sorted at once
_COARSER, _FINER = 1, 4  # power-of-two steps tried around the one that just holds the largest weight

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
        values: bias values to store in place of those of the float module, float64 (out,), by module name.
    """

    scheme: str
    alpha: str
    signs: dict[str, bool]
    tensors: dict[str, int]
    row_sp2: dict[str, Rows] = field(default_factory=dict)
    steps: dict[str, Real] = field(default_factory=dict)
    values: dict[str, Real] = field(default_factory=dict)


def check(scheme: str, sp2_share: float, alpha: str) -> None:
    """Refuse an unknown scheme or alpha, or a share of SP2 rows outside 0..1.

    Raises:
        ShiftworkError: names what is wrong.
    """
    for name, value, legal in (("scheme", scheme, SCHEMES), ("alpha", alpha, ALPHAS)):
        if value not in legal:
            raise ShiftworkError(f"unknown {name} {value!r}: choose one of {', '.join(legal)}")
    if not 0.0 <= sp2_share <= 1.0:
        raise ShiftworkError(f"SP2 share {sp2_share} is outside 0..1")


def quantize(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    scheme: str = "msq",
    sp2_share: float = SP2_SHARE,
    alpha: str = "free",
    method: str = "mse",
    progress: OnItem | None = None,
) -> IntegerNetwork:
    """Quantize a trained network to 4 bits without further training.

    Args:
        network: the float graph.
        samples: calibration samples as the ONNX input expects them.
        scheme: of :data:`SCHEMES`.
        sp2_share: share of the rows that become SP2 under ``msq``.
        alpha: ``free`` or ``pot``.
        method: how the scales of the activations are chosen, ``mse`` or ``maxabs``.
        progress: told about every module whose bias is fitted.

    Returns:
        An integer network of the scheme.

    Raises:
        ShiftworkError: an illegal option, or scales that do not fit the requantizer; names the node.
    """
    return build(network, choose(network, samples, scheme, sp2_share, alpha, method, progress))


def rows(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    wish: Quantization,
    judge: Judge,
    progress: OnItem | None = None,
) -> IntegerNetwork:
    """The schemes of 4-bit rows (:data:`shiftwork.schemes.Quantizer`)."""
    share = SP2_SHARE if wish.sp2_share is None else wish.sp2_share
    assert wish.scale is not None  # the registry has filled it in
    return quantize(network, samples, wish.scheme, share, wish.alpha or ALPHAS[0], wish.scale, progress=progress)


def choose(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    scheme: str = "msq",
    sp2_share: float = SP2_SHARE,
    alpha: str = "free",
    method: str = "mse",
    progress: OnItem | None = None,
) -> MsqScales:
    """The scales of :func:`quantize`, legal: kinds of rows, steps of least squared error, biases, activations."""
    check(scheme, sp2_share, alpha)
    base = activation_scales(network, calibrate(network, samples), _BITS, method)
    scales = MsqScales(scheme, alpha, base.signs, base.tensors)
    for module in network.modules:
        if module.weight is not None:
            if scheme != "pot":
                share = {"msq": sp2_share, "fixed4": 0.0, "sp2": 1.0}[scheme]
                scales.row_sp2[module.name] = assign_rows(module.weight, share)
            scales.steps[module.name] = module_steps(network, scales, module, module.weight)
    make_legal(network, scales)
    fit_biases(network, samples, scales, progress)
    make_legal(network, scales)
    return scales


def fit_biases(
    network: FloatNetwork, samples: NDArray[np.float32], scales: MsqScales, progress: OnItem | None = None
) -> None:
    """Take the mean error out of every channel: ``scales.values`` become the biases that do.

    Args:
        network: the float graph. samples: as the ONNX input expects them.
        scales: legal. progress: told about every module.
    """
    rounding = scale_rounding(Scales(_BITS, scales.signs, scales.tensors, {}))
    values = centred_biases(network, samples, rounding, lambda module: quantized_weight(scales, module), progress)
    scales.values.update(values)


def quantized_weight(scales: MsqScales, module: FloatModule) -> Real:
    """Real values of the integer weights of a convolution ``[out][ky][kx][in]``."""
    assert module.weight is not None
    steps = scales.steps[module.name]
    values = project_rows(scales.scheme, module.weight, steps, scales.row_sp2.get(module.name))
    return values * steps.reshape(-1, 1, 1, 1)


# -- rows


def assign_rows(weight: Real, share: float) -> Rows:
    """The ``floor(share * rows + 1/2)`` rows of least population variance become SP2; ties take the lower index.

    Args:
        weight: float64 (out, ...) with batch normalization folded in.
        share: 0..1.

    Returns:
        bool (out,), True for SP2.
    """
    variance = weight.reshape(len(weight), -1).var(axis=1)
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
    return Scales(_BITS, scales.signs, scales.tensors, fractions, values=scales.values)


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
            bias = scales.values.get(module.name, module.bias)
            assert bias is not None
            least = np.abs(bias) * 2.0**n_in / _BIAS_LIMIT
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

    return assemble(network, base, scales.scheme, fill)


def _fill_factors(module: FloatModule, built: IntegerModule, weight: NDArray[Any], steps: Real, base: Scales) -> int:
    """Fill in a convolution at free steps; the fraction of its accumulator but for the step."""
    n_in, n_out = base.tensors[module.inputs[0]], base.tensors[module.output]
    unit = steps * 2.0**-n_in
    values = base.values.get(module.name, module.bias)
    assert values is not None
    bias = round_half_up(values / unit)
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
