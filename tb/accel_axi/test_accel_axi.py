# SPDX-License-Identifier: Apache-2.0
"""shw_accel_axi: whole networks over AXI."""

import pytest

from runner import ROOT, simulate

FULL = pytest.mark.full
SOURCES = [path for folder in ("common", "codes", "post", "engines/tr", "accel") for path in sorted((ROOT / "rtl" / folder).glob("*.v"))]
# digits on a small shape; on Icarus its first module
SHAPES = {
    "verilator": {"ROWS": 8, "COLS": 16, "ADDR_W": 12, "WEIGHTS": 512, "CONST_W": 7},
    "icarus": {"ROWS": 2, "COLS": 8, "ADDR_W": 12, "WEIGHTS": 512, "CONST_W": 7},
}


def run(simulator, filter_=".*", modules=0, **env):
    env = {"COCOTB_TRUST_INERTIAL_WRITES": "0", "SHW_MODULES": str(modules), "COCOTB_TEST_FILTER": filter_} | env
    simulate(simulator, "shw_accel_axi", "cocotb_accel_axi", parameters=SHAPES[simulator], env=env, sources=SOURCES)


def test_accel_axi(simulator):
    run(simulator, modules=1 if simulator == "icarus" else 0)
