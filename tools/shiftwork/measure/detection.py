# SPDX-License-Identifier: Apache-2.0
"""A detector of two outputs, scores and boxes: what quantization changes of what it finds, beside onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.golden import model as golden
from shiftwork.measure.bench import Bench, data_file
from shiftwork.network.data import Data
from shiftwork.network.floating import reference
from shiftwork.network.importer import import_onnx
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import Quantization
from shiftwork.run.networks import errors_of, run_integer
from shiftwork.schemes import quantize

MODEL = "face_rfb320"
DETECTED = ("fixed8", "joint", "tr")
"""Schemes that are measured."""
IMAGES, CALIBRATION = "mobilenetv2", "mobilenetv2_calib"
"""Data sets of square images of -1..1, which the model takes as well; they stand in the middle of an empty image."""
SCORE = 0.7  # of what counts as a face
_OVERLAP = 0.3  # of two boxes that are one face
_SAME = 0.5  # overlap of faces that are the same in two models
_SEARCHED, _TESTED = 120, 20  # images that are searched for faces; those with most are tested
_BOXES = ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256)))  # steps and sizes, in pixels
_VARIANCES = (0.1, 0.2)  # units of corrections of centres and of sizes
_MODULES = 4  # that run on the RTL

Real = NDArray[np.float64]


def detection(bench: Bench, scheme: str) -> dict[str, Any]:
    """Errors of scores and boxes, faces that differ, and equality of the first modules on the RTL."""
    network = import_onnx(bench.model(MODEL))
    height, width = network.ends.sample_shape[1:]
    found, calibration = (_images(name, height, width) for name in (IMAGES, CALIBRATION))
    expected = reference(network, found[:_SEARCHED])
    order = np.argsort(-(expected["scores"][..., 1] > SCORE).sum(axis=1), kind="stable")[:_TESTED]
    expected = {name: value[order] for name, value in expected.items()}
    x = found[order]
    integer = quantize(Quantization(scheme), network, Data(calibration, None, CALIBRATION))
    outputs = golden.finished(integer, golden.run(integer, x, collect=False))
    errors = errors_of(outputs, expected)
    sure, now = (values["scores"][..., 1] > SCORE for values in (expected, outputs))
    faces, lost, new, priors = 0, 0, 0, places(height, width)
    for index in range(len(x)):
        first, second = (
            _faces(values["scores"][index, :, 1], decoded(values["boxes"][index], priors))
            for values in (expected, outputs)
        )
        faces += len(first)
        lost += sum(not any(overlap(a, b) >= _SAME for b in second) for a in first)
        new += sum(not any(overlap(a, b) >= _SAME for a in first) for b in second)
    part = integer.first(_MODULES)
    report = run_integer(MODEL, part, Data(x[:1], None), "rtl", Progress(quiet=True), bench.device)
    return {
        "name": f"detection.{MODEL}.{scheme}",
        "network": MODEL,
        "scheme": scheme,
        "images": len(x),
        "calibration_samples": len(calibration),
        "errors": errors,
        "anchors": int(sure.sum()),
        "anchors_differ": int((sure != now).sum()),
        "faces": faces,
        "faces_lost": lost,
        "faces_new": new,
        "modules": _MODULES,
        "all_modules": len(integer.modules),
        "rtl": {
            "samples": 1,
            "compared": report.compared,
            "mismatches": report.mismatches,
            "cycles": report.cycles,
            "engine": str(report.engine),
        },
    }


def _images(name: str, height: int, width: int) -> NDArray[np.float32]:
    """Images (N, 3, height, width) with those of a data set in the middle."""
    with np.load(data_file(name)) as archive:
        known = archive["x"]
    result = np.zeros((len(known), 3, height, width), np.float32)
    top, left = (height - known.shape[2]) // 2, (width - known.shape[3]) // 2
    result[:, :, top : top + known.shape[2], left : left + known.shape[3]] = known
    return result


def places(height: int, width: int) -> Real:
    """Centre and size (x, y, width, height) of the boxes that are corrected, as parts of the image: (places, 4)."""
    result = []
    for step, sizes in _BOXES:
        for row in range(-(-height // step)):
            for column in range(-(-width // step)):
                centre = ((column + 0.5) * step / width, (row + 0.5) * step / height)
                result += [(*centre, size / width, size / height) for size in sizes]
    return np.asarray(np.clip(np.array(result), 0, 1), np.float64)


def decoded(corrections: NDArray[np.float32], priors: Real) -> Real:
    """Boxes (x, y, x, y), as parts of the image, from what the model says of its places (places, 4)."""
    centre = corrections[:, :2] * _VARIANCES[0] * priors[:, 2:] + priors[:, :2]
    size = np.exp(corrections[:, 2:].astype(np.float64) * _VARIANCES[1]) * priors[:, 2:]
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1)


def _faces(scores: NDArray[np.float32], boxes: Real) -> list[Real]:
    """Boxes (x, y, x, y) of the best scores, one a face."""
    kept: list[Real] = []
    for place in np.argsort(-scores):
        if scores[place] <= SCORE:
            break
        box = boxes[place]
        if all(overlap(box, other) < _OVERLAP for other in kept):
            kept.append(box)
    return kept


def overlap(first: Real, second: Real) -> float:
    """Area that two boxes (x, y, x, y) share over what they cover."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    covered = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])) - shared
    return shared / covered if covered > 0 else 0.0
