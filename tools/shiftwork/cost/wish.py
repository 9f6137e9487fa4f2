# SPDX-License-Identifier: Apache-2.0
"""What a user asks of a study of cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shiftwork import example
from shiftwork.errors import SettingError
from shiftwork.network.data import Data
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize.quantization import CALIB_DATA, Quantization
from shiftwork.schemes import load_quantized
from shiftwork.settings import setting


@dataclass(frozen=True)
class CostWish:
    """Network and designs of a study of cost, and what is done with them; without a model, the digits example."""

    model: Path | None = setting(None, "Network for cycles and sums. [default: digits example]", "MODEL.onnx")
    data: Path | None = setting(None, "Its samples.", "D.npz")
    calib_data: Path | None = setting(None, CALIB_DATA, "C.npz")
    cycles: tuple[Path, ...] = setting((), "Take cycles from `run --json` reports; repeatable.", "FILE")
    samples: int = setting(5, "Samples that run on the RTL; all but tr and accel: on the golden model.")
    design: tuple[str, ...] = setting((), "Map this design only, such as tr or booth; repeatable.", "KEY")
    family: tuple[str, ...] = setting((), "Map to this family only, xc7 or ecp5; repeatable.", "NAME")
    ecp5: bool = setting(False, "Place and route on an ECP5-85 instead.")
    toggles: bool = setting(False, "Count the net toggles of the netlists instead.")
    keep: Path | None = setting(None, "Keep scripts, logs and netlists.", "FOLDER")

    def check(self) -> None:
        """Refuse what does not go together before any work is done.

        Raises:
            SettingError: names it.
        """
        if self.samples < 1:
            raise SettingError(f"`samples` {self.samples} is below 1")
        if self.cycles and self.model is not None:
            raise SettingError("`cycles` and `model` exclude each other")
        if (self.model is None) != (self.data is None):
            raise SettingError("`model` and `data` belong together")

    @property
    def network(self) -> Path:
        """File of the network."""
        return example.MODEL if self.model is None else self.model

    def quantized(self, wish: Quantization) -> tuple[IntegerNetwork, Data, Data]:
        """The network, quantized as wished, its samples and the calibration samples.

        Raises:
            ShiftworkError: a file is not usable, or an illegal option.
        """
        data = self.data or example.TEST
        calibration = self.calib_data or (example.CALIBRATION if self.model is None else data)
        return load_quantized(wish, model=self.network, data=data, calibration=calibration, samples=self.samples)
