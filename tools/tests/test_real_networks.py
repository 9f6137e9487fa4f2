# SPDX-License-Identifier: Apache-2.0
"""Trained networks beside the repository (``../shared/data``), where they are present, follow their float models."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from shiftwork.golden.model import predictions, run
from shiftwork.network.floating import logits
from shiftwork.network.importer import import_onnx
from shiftwork.quantize import fixed8
from shiftwork.quantize.tr import TrOptions, configure

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
NETWORKS = [
    ("mnist_mlp512", "mnist", "mnist_calib"),
    ("mnist_lenet5", "mnist", "mnist_calib"),
    ("cifar10_resnet20", "cifar_resnet20", "cifar_resnet20_calib"),
    ("cifar10_resnet8_mlperftiny", "cifar_resnet8", "cifar_resnet8_calib"),
    ("kws_dscnn_mlperftiny", "kws", "kws"),
]

if (DATA / "prepare.py").is_file():

    @pytest.mark.parametrize(("model", "name", "calibration"), NETWORKS, ids=[n[0] for n in NETWORKS])
    def test_classes_follow_the_float_model(model: str, name: str, calibration: str) -> None:
        spec = importlib.util.spec_from_file_location("prepare", DATA / "prepare.py")
        assert spec is not None
        assert spec.loader is not None
        prepare = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(prepare)
        network = import_onnx(DATA / "models" / f"{model}.onnx")
        x = prepare.SETS[name]()[0][:50].astype(np.float32)
        expected = predictions(logits(network, x))
        integer = fixed8.quantize(network, prepare.SETS[calibration]()[0][:32].astype(np.float32))
        for candidate, least in ((integer, 0.94), (configure(integer, TrOptions(budget=2.5)), 0.9)):
            got = predictions(run(candidate, x, collect=False)[candidate.output])
            assert (got == expected).mean() >= least
