# SPDX-License-Identifier: Apache-2.0
"""Parts of the accelerator: a small one through Yosys in the full run."""

from __future__ import annotations

from pathlib import Path

import pytest

from shiftwork.blocks import manifest
from shiftwork.compile import TrEngine
from shiftwork.compile.accelerator import Accelerator
from shiftwork.cost.accel_area import PARTS, design, synth_accelerator
from shiftwork.report.cost_accel import lines

SMALL = Accelerator(TrEngine(2, 8), activation_memory=1, weight_words=64, constants=16)


def test_every_part_is_below_the_accelerator() -> None:
    assert set(PARTS) <= set(manifest.load().blocks["shw_accel"].depends)
    chosen = design(SMALL)
    assert chosen.module == "shw_accel"
    assert ("input", "program_address", 32) in chosen.ports
    assert '.ENGINE("tr")' in chosen.wrapper()


@pytest.mark.full
def test_a_small_accelerator_through_yosys(tmp_path: Path) -> None:
    result = synth_accelerator(SMALL, folder=tmp_path)
    assert set(result["parts"]) == {*PARTS.values(), "control"}
    assert all(part["cells"] > 0 for part in result["parts"].values())
    assert result["area"]["cells"] == sum(part["cells"] for part in result["parts"].values())
    assert result["area"]["dsp"] == 0
    banks = result["parts"]["activation memory"]
    assert banks["block_ram"] > 0 or banks["memory"] > 0
    assert result["ratio"] > 1
    text = "\n".join(lines({"designs": [result]}))
    assert all(name in text for name in result["parts"])
