# SPDX-License-Identifier: Apache-2.0
"""The accelerator in a LiteX SoC: examples/litex, from an empty directory, runs the digits network."""

import importlib.util
import subprocess
import sys

import pytest

from runner import ROOT, simulate

EXAMPLE = ROOT / "examples" / "litex" / "soc.py"


@pytest.mark.full
@pytest.mark.parametrize(("bus", "width"), [("wishbone", 32), ("axi", 64)])
def test_soc(tmp_path, bus, width):
    """LiteX's usual bus, and one that takes the accelerator's bursts as they are."""
    if not importlib.util.find_spec("litex"):
        pytest.fail("LiteX is not installed: pip install 'shiftwork[litex]', or run `make sim`", pytrace=False)
    command = [sys.executable, EXAMPLE, "soc", "--bus", bus, "--width", str(width)]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    soc = tmp_path / "soc"
    env = {"SHW_SOC": str(soc / "soc.json"), "COCOTB_TRUST_INERTIAL_WRITES": "0"}
    simulate("verilator", "soc", "cocotb_litex", sources=(soc / "soc.f").read_text().split(), env=env)
