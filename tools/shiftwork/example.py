# SPDX-License-Identifier: Apache-2.0
"""The examples of trained networks that ship with the repository: digits, and a transformer on the same images."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"
MODEL = EXAMPLE / "digits.onnx"
TEST = EXAMPLE / "digits_test.npz"
CALIBRATION = EXAMPLE / "digits_calib.npz"
TRANSFORMER = EXAMPLE.with_name("digits_transformer") / "digits_transformer.onnx"
