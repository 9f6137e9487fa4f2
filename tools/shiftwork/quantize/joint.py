# SPDX-License-Identifier: Apache-2.0
"""Joint search of the scales of every unified module (``docs/numerics.md`` section 2, "Search").

Method: Dataflow-based Joint Quantization, arXiv 1901.02064. The modules are visited in dataflow order, N_x comes from
the modules before. Of the triples (N_w, N_b, N_o) around the full-range estimates the one is kept that minimises the
2-norm of (output of the float network's module - quantized output of the module) over the calibration samples, where
the module reads what the quantized modules before it really write: their errors are seen, and compensated if they can
be.

Two extensions: N_w and N_b may be one per output channel, and every triple is tried with the bias as it is and with
the bias that takes the mean error out of its channel (measured where the activation lets the sum through).

Both choices lower the error of the network output: the float network as the reference, rather than the float module on
the quantized inputs, and the second bias, which does most with one N_w per tensor (``docs/results.md``).

The search computes in float32 on sampled output positions. What it finds is exact: the integer network is built from
the numbers N and the bias values alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.floating import activate
from shiftwork.network.graph import MOVES, FloatModule, FloatNetwork
from shiftwork.network.integer import COMPUTED
from shiftwork.quantize.calibrate import Statistics
from shiftwork.quantize.dataflow import Dataflow, Map, Probe, Progress, Real, mean_error, rounded, scale_rounding, sums
from shiftwork.quantize.scales import (
    Bits,
    Scales,
    codes,
    full_range_fraction,
    is_raw,
    limit_weight_fractions,
    tied,
    upper_code,
    weight_codes,
)

BIAS_BITS = 16  # of the stored biases
WEIGHT_STEPS = (3, 2, 1, 0, -1)  # N_w tried, relative to the full range; largest first
BIAS_STEPS = (1, 0, -1)  # N_b tried, relative to the full range, at most N_x + N_w
OUTPUT_STEPS = (4, 3, 2, 1, 0, -1)  # N_o tried, relative to the full range

_BLOCK_VALUES = 1 << 15  # outputs worked on at once: they stay in cache

Whole = NDArray[np.int64]


@dataclass
class Candidates:
    """What is tried for one convolution; numbers N are ordered from the largest down.

    Attributes:
        weights: N_w (S, out). biases: N_b for every N_w, (S, B, out).
        outputs: N_o; None alone where the accumulator is the output.
        shared: one N_w and one N_b for all channels.
        low, high: range of the output codes.
    """

    weights: Whole
    biases: Whole
    outputs: tuple[int, ...] | tuple[None]
    shared: bool
    low: int
    high: int


@dataclass
class Choice:
    """Best triple: N_w and N_b (out,), N_o (None: raw), the bias values to store (out,), and its squared error."""

    weights: Whole
    biases: Whole
    output: int | None
    values: Real
    error: float


def search(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    statistics: Mapping[str, Statistics],
    scales: Scales,
    per_channel: bool = True,
    progress: Progress | None = None,
) -> None:
    """Choose N_w, N_b and N_o of every module; make the result legal afterwards.

    N of the network input, and of tensors that several modules write because a concatenation ties them, stay as they
    are.

    Args:
        network: the float graph.
        samples: calibration samples as the ONNX input expects them; the first that fit some hundred megabytes are used.
        statistics: of every tensor over the samples.
        scales: legal scales to start from; changed in place.
        per_channel: one N_w and N_b per output channel, else per tensor. The raw network output has one N_w.
        progress: told about every module.
    """
    flow = Dataflow(network, samples, scale_rounding(scales))
    free = _free(network)
    for index, module in enumerate(network.modules):
        if progress is not None:
            progress(index + 1, len(network.modules), module.name)
        output = module.output
        flow.enter(module)
        outputs: tuple[int, ...] | tuple[None] = (scales.tensors[output],)
        if output in free:
            signed, bits = scales.signs[output], scales.bits.activations
            base = full_range_fraction(statistics[output].largest, signed, bits)
            outputs = tuple(base + more for more in OUTPUT_STEPS)
        elif is_raw(network, module):
            outputs = (None,)
        current, n_out = module, outputs[0]
        if module.kind == "conv":
            shared = not per_channel or outputs[0] is None
            found = choose(module, flow.probe(module), candidates(module, scales, outputs, shared), scales.bits)
            name, n_out = module.name, found.output
            scales.weights[name], scales.biases[name], scales.values[name] = found.weights, found.biases, found.values
            current = _quantized(module, found, scales.bits)
        result = flow.result(current)
        if module.kind in COMPUTED - {"conv"} and outputs[0] is not None:
            n_out = _output_fraction(module, result, flow.exact[output], outputs, scales)
        if n_out is not None:
            scales.tensors.update(dict.fromkeys(free.get(output, ()), n_out))
        flow.leave(module, result)


def candidates(module: FloatModule, scales: Scales, outputs: tuple[int, ...] | tuple[None], shared: bool) -> Candidates:
    """Numbers to try for a convolution, given N of its input and shortcut.

    A channel without weights takes the N_w of the tensor; a bias of 0 the N_b of the accumulator.
    """
    assert module.weight is not None
    assert module.bias is not None
    bits = scales.bits
    rows = np.abs(module.weight).reshape(len(module.weight), -1).max(axis=1)
    widest = np.abs(module.bias)
    if shared:
        rows, widest = np.full_like(rows, rows.max()), np.full_like(widest, widest.max())
    tensor = full_range_fraction(float(rows.max()), True, bits.weights)
    base = np.array([full_range_fraction(float(r), True, bits.weights) if r else tensor for r in rows], np.int64)
    n_in = scales.tensors[module.inputs[0]]
    n_shortcut = None if module.shortcut is None else scales.tensors[module.shortcut]
    coarsest = None if outputs[0] is None else min(n for n in outputs if n is not None)
    weights = np.stack([base + more * (rows > 0) for more in WEIGHT_STEPS])
    weights = limit_weight_fractions(module.bias, weights, n_in, coarsest, n_shortcut)
    if shared:
        weights[:] = weights.min(axis=1, keepdims=True)
    finest = weights + n_in
    top = [full_range_fraction(float(b), True, bits.biases) if b else None for b in widest]
    room = np.array([int(finest.max()) + 1 if n is None else n for n in top], np.int64)
    biases = np.stack([np.minimum(room + more, finest) for more in BIAS_STEPS], axis=1)
    low, high = bits.activation_range(scales.signs[module.output])
    return Candidates(weights, biases, outputs, shared, low, high)


def choose(module: FloatModule, probe: Probe, tried: Candidates, bits: Bits) -> Choice:
    """The triple of least output error; ties take the largest N_w, then N_b, then N_o, and the unchanged bias.

    With N_w per channel the channels are independent once N_o is given.
    """
    errors, values = _errors(module, probe, tried, bits)
    channels = np.arange(errors.shape[-1])
    fitted = errors.argmin(axis=3)
    errors = errors.min(axis=3)
    best: tuple[tuple[object, ...], Choice] | None = None
    for o, (n_o, table) in enumerate(zip(tried.outputs, errors, strict=True)):
        flat = table.reshape(-1, table.shape[-1])
        if tried.shared:
            flat = np.broadcast_to(flat.sum(axis=1, keepdims=True) / flat.shape[1], flat.shape)
        first = flat.argmin(axis=0)
        error = float(flat[first, channels].sum())
        s, b = np.divmod(first, table.shape[1])
        n_w, n_b = tried.weights[s, channels], tried.biases[s, b, channels]
        key = (error, tuple(-n_w), tuple(-n_b), -(n_o or 0))
        if best is None or key < best[0]:
            kept = values[s, fitted[o, s, b, channels], channels]
            best = key, Choice(n_w, n_b, n_o, kept, error)
    assert best is not None
    return best[1]


def _errors(module: FloatModule, probe: Probe, tried: Candidates, bits: Bits) -> tuple[Real, Real]:
    """Squared output errors (O, S, B, V, out) of every candidate, and the bias values (S, V, out) tried with it."""
    assert module.weight is not None
    assert module.bias is not None
    positions, out = probe.target.shape
    count, steps, _ = tried.biases.shape
    errors = np.zeros((len(tried.outputs), count, steps, 2, out))
    values = np.empty((count, 2, out))
    block = max(1, _BLOCK_VALUES // out)
    for s, n_w in enumerate(tried.weights):
        total = sums(module, probe, _real_weights(module.weight, n_w, bits))
        values[s, 0] = module.bias
        values[s, 1] = module.bias + mean_error(module, total + module.bias.astype(np.float32), probe.target)
        for b, n_b in enumerate(tried.biases[s]):
            if b and (n_b == tried.biases[s, b - 1]).all():
                errors[:, s, b] = errors[:, s, b - 1]
                continue
            for v in range(2):
                bias = _real_bias(values[s, v], n_b, bits).astype(np.float32)
                for start in range(0, positions, block):
                    biased = total[start : start + block] + bias
                    target = probe.target[start : start + block]
                    for o, n_o in enumerate(tried.outputs):
                        if n_o is None:
                            missed = activate(biased, module)
                        else:
                            missed = rounded(biased, n_o, tried.low, upper_code(module.clip, n_o, tried.high))
                        missed -= target
                        errors[o, s, b, v] += np.einsum("pc,pc->c", missed, missed)
    return errors, values


def _output_fraction(
    module: FloatModule, result: Map, target: Map, outputs: tuple[int, ...] | tuple[None], scales: Scales
) -> int:
    """N_o of least error for a module without weights; ties take the largest."""
    low, high = scales.bits.activation_range(scales.signs[module.output])

    def error(n: int) -> float:
        missed = rounded(result, n, low, upper_code(module.clip, n, high)) - target
        return float(np.square(missed, dtype=np.float64).sum())

    return min((n for n in outputs if n is not None), key=lambda n: (error(n), -n))


def _free(network: FloatNetwork) -> dict[str, set[str]]:
    """Tensors whose N one module alone decides, with all that share it."""
    producers = {module.output: module for module in network.modules if module.kind not in MOVES}
    known, result = {*network.inputs, *network.constants}, {}
    for group in tied(network):
        names = [name for name in group if name in producers]
        if len(names) == 1 and group.isdisjoint(known) and not is_raw(network, producers[names[0]]):
            result[names[0]] = group
    return result


# -- the quantized network in real numbers


def _real_weights(weight: Real, n_w: Whole, bits: Bits) -> Real:
    return weight_codes(weight, n_w, bits) * 2.0 ** -n_w.astype(np.float64).reshape(-1, 1, 1, 1)


def _real_bias(bias: Real, n_b: Whole, bits: Bits) -> Real:
    return np.asarray(codes(bias, n_b, -bits.largest_bias, bits.largest_bias) * 2.0 ** -n_b.astype(np.float64))


def _quantized(module: FloatModule, found: Choice, bits: Bits) -> FloatModule:
    """The float module with the real values of its integer weights and biases."""
    assert module.weight is not None
    weight = _real_weights(module.weight, found.weights, bits)
    return replace(module, weight=weight, bias=_real_bias(found.values, found.biases, bits))
