# SPDX-License-Identifier: Apache-2.0
"""The digits example that ships with the repository."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"
MODEL = EXAMPLE / "digits.onnx"
TEST = EXAMPLE / "digits_test.npz"
CALIBRATION = EXAMPLE / "digits_calib.npz"
