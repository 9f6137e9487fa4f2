# SPDX-License-Identifier: Apache-2.0
"""What every scheme promises on every network with default options, and what it loses on samples of their own."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile import compile_network
from shiftwork.compile.engine import Engine
from shiftwork.golden import model as golden
from shiftwork.measure.bench import Bench
from shiftwork.measure.entries import Subject
from shiftwork.measure.figures import losses_of
from shiftwork.network.data import Data
from shiftwork.network.floating import logits
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.integer import IntegerNetwork, Terms
from shiftwork.quantize.quantization import CALIBRATION_SAMPLES, Quantization
from shiftwork.schemes import engine_for, quantize

PROMISED = ("fixed8", "joint", "tr", "dnateq", "msq", "fixed4")
"""Schemes of the table."""
PROMISES = (
    Subject("digits", "digits_test", "digits_calib", calibrate=CALIBRATION_SAMPLES),
    Subject("mnist_mlp512", "mnist", "mnist_calib", calibrate=CALIBRATION_SAMPLES),
    Subject("mnist_lenet5", "mnist", "mnist_calib", calibrate=CALIBRATION_SAMPLES),
    Subject("cifar10_resnet8_mlperftiny", "cifar_resnet8", "cifar_resnet8_calib", calibrate=CALIBRATION_SAMPLES),
    Subject("cifar10_resnet20", "cifar_resnet20", "cifar_resnet20_calib", calibrate=CALIBRATION_SAMPLES),
    Subject("kws_dscnn_mlperftiny", "kws", "kws", calibrate=CALIBRATION_SAMPLES),
    Subject("imagenet_squeezenet1_1", "squeezenet", "squeezenet_unlabelled", calibrate=CALIBRATION_SAMPLES),
    Subject("mobilenetv2", "mobilenetv2", "mobilenetv2_calib", calibrate=48),
)
"""Networks of the table. A network that calibrates on its own samples is tested on the others."""


def cycles(network: IntegerNetwork, engine: Engine, sample: NDArray[np.float32]) -> int:
    """Predicted cycles of the convolutions of one sample (1, ...) on an engine."""
    tensors = golden.run(network, sample)
    program = compile_network(network, engine)
    layers = (program.layers[module.name] for module in network.convolutions)
    return sum(engine.schedule(layer.operands(tensors)).cycles for layer in layers)


def saved(network: FloatNetwork, integer: IntegerNetwork) -> dict[str, Any]:
    """What term revealing saves (:class:`~shiftwork.network.saving.Saving`), and the bound on term pairs per MAC of all
    convolutions.
    """
    if integer.saving is None:
        return {}
    macs = {module.name: network.macs(module) for module in network.modules}
    bounds = {one.name: cast(Terms, one.format).pairs_bound(one.depth) for one in integer.convolutions}
    bound = sum(macs[name] * pairs for name, pairs in bounds.items()) / sum(macs[name] for name in bounds)
    return {"saving": {**asdict(integer.saving), "bound": bound}}


def promise(bench: Bench, subject: Subject, scheme: str) -> dict[str, Any]:
    """Loss promised and measured, bits, cycles and seconds of a network under a scheme with default options."""
    network, samples, calibration = bench.subject(subject)
    if subject.data == subject.calibration:
        assert samples.y is not None
        samples = Data(samples.x[subject.calibrate :], samples.y[subject.calibrate :])
    begin = time.perf_counter()
    integer = quantize(Quantization(scheme), network, calibration)
    seconds = time.perf_counter() - begin
    assert integer.promise is not None
    weight_bits, activation_bits = integer.average_bits
    return {
        "name": f"promise.{subject.network}.{scheme}",
        "network": subject.network,
        "scheme": scheme,
        "command": f"{subject.command} --scheme {scheme}",
        "calibration_samples": integer.promise.samples,
        "held_back": integer.promise.held,
        "samples": len(samples.x),
        **losses_of(logits(network, samples.x), integer, samples),
        "estimate": integer.promise.estimate,
        "bound": integer.promise.bound,
        "tolerated": integer.promise.tolerated,
        "kept": integer.promise.kept,
        "scales": integer.scales,
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
        "engine": str(engine_for(scheme)),
        "cycles": cycles(integer, engine_for(scheme), samples.x[:1]),
        "quantize_seconds": round(seconds, 1),
        **saved(network, integer),
    }
