# SPDX-License-Identifier: Apache-2.0
"""The transformer of the examples: accuracy on the golden model, equality on the RTL, products of attention."""

from __future__ import annotations

from typing import Any

from shiftwork.compile import requant_of
from shiftwork.device.simulated import SimulatedDevice
from shiftwork.device.toolchain import find_verilator
from shiftwork.golden import model as golden
from shiftwork.measure.bench import Bench
from shiftwork.measure.entries import Subject
from shiftwork.measure.figures import check_cycles, compared
from shiftwork.network.floating import logits
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import CALIBRATION_SAMPLES, Quantization
from shiftwork.run.networks import run_integer
from shiftwork.schemes import engine_for, quantize

TRANSFORMER = Subject("digits_transformer", "digits_test", "digits_calib", calibrate=CALIBRATION_SAMPLES, rtl=100)
ATTENTIVE = ("fixed8", "joint", "tr", "dnateq", "msq")
"""Schemes of the table."""


def attention(bench: Bench, scheme: str) -> dict[str, Any]:
    """Figures of the transformer under a scheme with default options.

    Raises:
        ShiftworkError: cycles differ from the prediction.
    """
    subject = TRANSFORMER
    network, samples, calibration = bench.subject(subject)
    assert samples.y is not None
    outputs = logits(network, samples.x)
    integer = quantize(Quantization(scheme), network, calibration)
    outs = golden.real_outputs(integer, golden.run(integer, samples.x, collect=False))
    engine = engine_for(scheme)
    device = SimulatedDevice(engine, requant_of(integer))
    report = run_integer(subject.network, integer, samples.first(subject.rtl), "rtl", Progress(quiet=True), device)
    check_cycles(report)
    products = [layer for layer in report.layers if layer.kind == "matmul"]
    weight_bits, activation_bits = integer.average_bits
    return {
        "name": f"attention.{subject.network}.{scheme}",
        "network": subject.network,
        "scheme": scheme,
        "command": f"{subject.command} --scheme {scheme} --executor rtl --limit {subject.rtl}",
        "samples": len(samples.x),
        "calibration_samples": len(calibration.x),
        "float_accuracy": golden.accuracy(outputs, samples.y),
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
        **compared(outs, outputs, samples),
        "engine": str(engine),
        "rtl": {
            "simulator": f"Verilator {find_verilator().version}",
            "samples": report.samples,
            "mismatches": report.mismatches,
            "compared": report.compared,
            "host_compared": report.host_compared,
            "host": report.host_modules,
            "macs": report.device_macs,
            "cycles": report.cycles,
            "predicted_cycles": report.predicted_cycles,
            "product_macs": sum(layer.macs for layer in products),
            "product_cycles": sum(layer.cycles or 0 for layer in products),
            "products": sum(layer.compared for layer in products if layer.executor == "rtl"),
        },
    }
