# SPDX-License-Identifier: Apache-2.0
"""What the measurements share: data, networks, the device."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from runpy import run_path
from subprocess import CalledProcessError, run

import numpy as np

from shiftwork.compile import TrEngine
from shiftwork.compile.accelerator import Accelerator
from shiftwork.device.simulated import SimulatedDevice
from shiftwork.device.simulated_accelerator import SimulatedAccelerator
from shiftwork.errors import ShiftworkError
from shiftwork.example import EXAMPLE
from shiftwork.measure.entries import COLS, KWS_PARTS, MNIST_TRAIN, PREPARED, ROWS, Entry, Subject
from shiftwork.network.data import Data, load_data
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize.quantization import CALIBRATION_SAMPLES
from shiftwork.schemes import quantize


def data_file(name: str) -> Path:
    """File of a data set: of the example, or what prepare.py writes."""
    example = EXAMPLE / f"{name}.npz"
    return example if example.is_file() else PREPARED / f"{name}.npz"


@dataclass
class Bench:
    """Data, float references and the device, each loaded once.

    Attributes:
        folder: with models/ and prepare.py.
    """

    folder: Path
    accelerators: dict[Accelerator, SimulatedAccelerator] = field(default_factory=dict, repr=False)

    @cached_property
    def device(self) -> SimulatedDevice:
        """The engine with its post unit."""
        return SimulatedDevice(TrEngine(ROWS, COLS))

    def accelerator(self, shape: Accelerator) -> SimulatedAccelerator:
        """The simulated accelerator of a shape."""
        if shape not in self.accelerators:
            self.accelerators[shape] = SimulatedAccelerator(shape)
        return self.accelerators[shape]

    def prepare(self, names: Sequence[str]) -> None:
        """Write the data files that are not there yet.

        Raises:
            ShiftworkError: prepare.py is missing or fails.
        """
        missing = [name for name in dict.fromkeys(names) if not data_file(name).is_file()]
        PREPARED.mkdir(parents=True, exist_ok=True)
        script = str(self.folder / "prepare.py")
        if MNIST_TRAIN in missing:
            missing.remove(MNIST_TRAIN)
            images, labels = run_path(script)["mnist"]("mnist_train60k")
            np.savez(PREPARED / f"{MNIST_TRAIN}.npz", x=images.astype(np.float32), y=labels.astype(np.int64))
        if set(KWS_PARTS).intersection(missing):
            missing = [name for name in missing if name not in KWS_PARTS]
            maps, labels = run_path(script)["SETS"]["kws"]()
            known, tested = (PREPARED / f"{name}.npz" for name in KWS_PARTS)
            np.savez(known, x=maps[:CALIBRATION_SAMPLES].astype(np.float32))
            rest = slice(CALIBRATION_SAMPLES, None)
            np.savez(tested, x=maps[rest].astype(np.float32), y=labels[rest].astype(np.int64))
        if not missing:
            return
        try:
            run([sys.executable, script, str(PREPARED), *missing], check=True)
        except CalledProcessError as error:
            raise ShiftworkError(f"{self.folder / 'prepare.py'} ended with exit code {error.returncode}") from error

    def model(self, network: str) -> Path:
        """The ONNX file of a network; prepare.py unpacks some beside their data, and examples ship with their own."""
        shipped = (folder / f"{network}.onnx" for folder in (PREPARED, EXAMPLE, EXAMPLE.with_name(network)))
        return next((path for path in shipped if path.is_file()), self.folder / "models" / f"{network}.onnx")

    def network(self, entry: Entry) -> tuple[IntegerNetwork, Data, Path]:
        """The integer network of an entry, the samples, and the model file."""
        model = self.model(entry.network)
        network = import_onnx(model)
        samples = load_data(PREPARED / f"{entry.data}.npz", network)
        calibration = load_data(PREPARED / f"{entry.data}_calib.npz", network, CALIBRATION_SAMPLES)
        return quantize(entry.wish, network, calibration), samples, model

    def subject(self, subject: Subject) -> tuple[FloatNetwork, Data, Data]:
        """The float graph, the samples and the calibration samples."""
        network = import_onnx(self.model(subject.network))
        calibration = load_data(data_file(subject.calibration), network, subject.calibrate)
        return network, load_data(data_file(subject.data), network), calibration
