# SPDX-License-Identifier: Apache-2.0
"""shw_accel_axi: whole networks over AXI, faults, stops and resets."""

import os

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full
MEMORIES = {"WEIGHTS": 512, "CONST_W": 7}
SMALL = {"ROWS": 2, "COLS": 8, "ADDR_W": 12} | MEMORIES
MIDDLE = {"ROWS": 8, "COLS": 16, "ADDR_W": 12} | MEMORIES
WIDE = {"ROWS": 16, "COLS": 64, "ADDR_W": 11, "WEIGHTS": 512, "CONST_W": 6, "READS": 16, "WRITES": 2, "ID_W": 4}


def run(simulator, parameters, modules, tests=".*", rounds=1, seed=None):
    env = {"SHW_ENGINE": parameters.get("ENGINE", "tr")}
    env |= {"COCOTB_TRUST_INERTIAL_WRITES": "0", "SHW_MODULES": str(modules), "SHW_ROUNDS": str(rounds)}
    env |= {"SHW_SEED": str(seed)} if seed else {}
    if tests != ".*":
        env["COCOTB_TEST_FILTER"] = tests
    simulate(simulator, "shw_accel_axi", "cocotb_accel_axi", parameters=parameters, env=env)


def test_accel_axi(simulator):
    """The digits network; on Icarus its first module, and what tb/negative asks for."""
    if simulator == "icarus":
        run(simulator, SMALL, 1, os.environ.get("COCOTB_TEST_FILTER", "networks|headers"), 0.5)
    else:
        run(simulator, MIDDLE, 0)


def test_4_bit_rows(simulator):
    """As the digits network, without headers."""
    parameters = SMALL | {"ENGINE": "msq", "FIXED_ROWS": 1, "ACC_W": 20}
    run(simulator, parameters, 1 if simulator == "icarus" else 0, "networks", 0.5)


@FULL
def test_gaps():
    run("verilator", MIDDLE, 0, "networks|seeds|two_programs", 3, 2)


@FULL
def test_faults(simulator):
    run(simulator, SMALL, 1, "malformed|headers|places|windows|errors|watchdog", 1, 5)


@FULL
def test_three_hundred_stops():
    run("verilator", MIDDLE, 1, "stops", 10)


@FULL
def test_wide():
    run("verilator", WIDE, 0, "networks|seeds")


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ROWS": 3}, "shw_ILLEGAL_ROWS"),
        ({"READS": 3}, "shw_ILLEGAL_READS"),
        ({"ENGINE": "none"}, "shw_ILLEGAL_ENGINE"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_accel_axi", parameters)
