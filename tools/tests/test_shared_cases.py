# SPDX-License-Identifier: Apache-2.0
"""The small models of ``../shared/cases/gen.py``, rebuilt from public reports: float, golden and RTL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_random_graphs import Case, float_outputs, largest_error, mismatches, signal_to_noise

from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import array_sizes, load_data
from shiftwork.network.floating import reference
from shiftwork.network.importer import import_onnx

GENERATOR = Path(__file__).resolve().parents[3] / "shared" / "cases" / "gen.py"
SCHEMES = ("fixed8", "tr")
OTHER_DATA = {"lstm": (5, 24, 3)}
"""Models whose shipped samples do not fit them, and the shape of samples that do."""
TOLERANCE = 1e-3
"""Of the float graph, part of the range: half precision in two files is what takes most of it."""

pytestmark = pytest.mark.skipif(not GENERATOR.is_file(), reason="the folder ../shared is not here")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("cases")
    subprocess.run([sys.executable, GENERATOR, folder], check=True, capture_output=True)
    return sorted(folder.glob("*.onnx"))


def _case(path: Path) -> Case:
    samples = path.with_suffix(".npz")
    if path.stem in OTHER_DATA:
        with pytest.raises(ShiftworkError, match=r"'x' has shape \(24, 8, 3\), the model expects \(5, N, 3\)"):
            load_data(samples, import_onnx(path))
        samples = path.with_suffix(".other.npz")
        np.savez(samples, x=np.random.default_rng(3).normal(0, 1, OTHER_DATA[path.stem]).astype(np.float32))
    network = import_onnx(path, array_sizes(samples))
    data = load_data(samples, network)
    return Case(network, data, reference(network, data.x))


def test_every_model_is_read(models: list[Path]) -> None:
    assert len(models) == 53
    for path in models:
        case = _case(path)
        error = largest_error(case.exact, float_outputs(case))
        assert error < TOLERANCE, f"{path.stem}: {error:.2g} of the range"


@pytest.mark.full
def test_every_model_on_the_rtl(models: list[Path]) -> None:
    """No mismatch under two schemes; a table of the output errors beside it."""
    lines, found = [], 0
    for path in models:
        case = _case(path)
        modules = " ".join(module.kind for module in case.network.modules)
        for scheme in SCHEMES:
            integer = case.integers(scheme)
            tensors = golden.run(integer, case.data.x)
            ratio = signal_to_noise(case.exact, golden.finished(integer, tensors))
            wrong = mismatches(case, integer, tensors)
            found += wrong
            lines.append(f"{path.stem:16} {scheme:7} {ratio:6.1f} dB {wrong} mismatches  {modules}")
    print("\n" + "\n".join(lines))
    assert found == 0
