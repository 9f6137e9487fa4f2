# SPDX-License-Identifier: Apache-2.0
"""Weights of few terms while they change: what training needs of scheme ``tr`` (``docs/numerics.md`` section 3).

It is read from an integer network whose weights are revealed already, and makes one of the same budgets from others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.network.integer import IntegerModule, IntegerNetwork, Terms
from shiftwork.quantize import scales as shared
from shiftwork.quantize.dataflow import Real
from shiftwork.quantize.fewer_terms import nearest
from shiftwork.quantize.scales import Bits, Scales


@dataclass
class TermScales:
    """Everything that turns a float network into one of weights of few terms.

    Attributes:
        signs: True for every tensor that is two's complement. tensors: N of every activation tensor.
        steps: real value of weight 1 in every row, a power of two, float64 (out,), by module name.
        formats: budgets by module name. method: that chose the scales.
        bits: widths. gap: distance of neighbouring legal weights in steps, about.
    """

    signs: dict[str, bool]
    tensors: dict[str, int]
    steps: dict[str, Real]
    formats: dict[str, Terms]
    method: str | None = None

    bits: ClassVar[Bits] = Bits()
    gap: ClassVar[float] = 5.0


def read(network: FloatNetwork, integer: IntegerNetwork) -> tuple[FloatNetwork, TermScales]:
    """The float graph with the real values of integer weights and biases, and the scales.

    Args:
        network: the float graph that ``integer`` was made of. integer: of 8-bit integers with weights streamed.
    """
    known = integer.tensors
    scales = TermScales(
        {name: info.signed for name, info in known.items()},
        {name: info.fraction for name, info in known.items()},
        {},
        {module.name: cast(Terms, module.format) for module in integer.convolutions},
        integer.scales,
    )
    modules = []
    for module, built in zip(network.modules, integer.modules, strict=True):
        if module.weight is not None:
            assert built.weight is not None
            assert built.bias is not None
            assert built.bias_shift is not None
            assert built.shift is not None
            fractions = known[built.output].fraction + built.shift.astype(np.float64)  # of the accumulator
            steps = 2.0 ** (known[built.inputs[0]].fraction - fractions)
            scales.steps[module.name] = steps
            weight, bias = built.weight * _column(steps), built.bias * 2.0 ** (built.bias_shift - fractions)
            module = replace(module, weight=weight, bias=bias)
        modules.append(module)
    return replace(network, modules=modules), scales


def quantized_weight(scales: TermScales, module: FloatModule) -> Real:
    """Real values of the integer weights of a convolution ``[out][ky][kx][in]``."""
    assert module.weight is not None
    column = _column(scales.steps[module.name])
    return project(scales, module.name, module.weight / column) * column


def project(scales: TermScales, name: str, weight: Real) -> NDArray[np.int64]:
    """Integer weights near real ones, of no more terms than the budgets of the module allow.

    Args:
        name: of the module. weight: in steps, (out, ...) in reduction order.
    """
    form, largest = scales.formats[name], scales.bits.largest_weight
    if not form.enabled:
        return np.clip(np.floor(weight + 0.5), -largest, largest).astype(np.int64)
    rows = weight.reshape(len(weight), -1)
    sizes = np.minimum(form.group, rows.shape[1] - np.arange(0, rows.shape[1], form.group))
    limits = np.maximum(1, np.floor(form.budget * sizes / sizes.max() + 0.5).astype(np.int64))
    return nearest(rows, form.group, limits, largest=largest).reshape(weight.shape)


def make_legal(network: FloatNetwork, scales: TermScales) -> None:
    """Change scales in place where the requantizer demands it (:func:`shiftwork.quantize.scales.make_legal`).

    Raises:
        ShiftworkError: a shortcut or addend would lose most of its precision to the sum it is added to.
    """
    base = _base(scales)
    shared.make_legal(network, base)
    scales.tensors.update(base.tensors)
    scales.steps.update({name: 2.0 ** -fractions.astype(np.float64) for name, fractions in base.weights.items()})


def build(network: FloatNetwork, scales: TermScales) -> IntegerNetwork:
    """The integer network that the scales make of the weights.

    Raises:
        ShiftworkError: an accumulator beyond 32 bits; names the node.
    """

    def fill(module: FloatModule, built: IntegerModule) -> int:
        assert module.weight is not None
        built.format = scales.formats[module.name]
        weight = project(scales, module.name, module.weight / _column(scales.steps[module.name]))
        return shared.fill_shifts(module, built, weight, base)

    base = _base(scales)
    return shared.assemble(network, base, "tr", fill)


def _base(scales: TermScales) -> Scales:
    """The same as numbers of fractional bits."""
    fractions = {name: -np.log2(steps).astype(np.int64) for name, steps in scales.steps.items()}
    return Scales(scales.bits, scales.signs, dict(scales.tensors), fractions, method=scales.method)


def _column(steps: Real) -> Real:
    return steps.reshape(-1, 1, 1, 1)
