# SPDX-License-Identifier: Apache-2.0
"""shw_post_unit, every requantizer, against shiftwork.tensors.arithmetic and shiftwork.codes.exponential."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("requant", ["shift", "scale"])
@pytest.mark.parametrize("lanes", [2, *(pytest.param(n, marks=pytest.mark.full) for n in (1, 8))])
def test_stream(simulator, lanes, requant):
    parameters = {"LANES": lanes, "REQUANT": requant}
    simulate(simulator, "shw_post_unit", "cocotb_post_unit", parameters=parameters, env={"REQUANT": requant})


@pytest.mark.parametrize("requant", ["shift", pytest.param("scale", marks=pytest.mark.full)])
def test_shared(simulator, requant):
    parameters = {"LANES": 3, "REQUANT": requant, "SHARED": 1}
    env = {"REQUANT": requant, "SHARED": "1"}
    simulate(simulator, "shw_post_unit", "cocotb_post_unit", parameters=parameters, env=env)


@pytest.mark.parametrize("sources", [3, *(pytest.param(n, marks=pytest.mark.full) for n in (2, 4))])
def test_sources(simulator, sources):
    parameters = {"LANES": 2, "SOURCES": sources}
    simulate(simulator, "shw_post_unit", "cocotb_post_unit", parameters=parameters, env={"SOURCES": str(sources)})


@pytest.mark.parametrize(
    ("lanes", "acc_width", "bits"),
    [(2, 48, 4), *(pytest.param(*p, marks=pytest.mark.full) for p in ((1, 48, 3), (3, 48, 7), (2, 32, 5)))],
)
def test_encode(simulator, lanes, acc_width, bits):
    parameters = {"LANES": lanes, "REQUANT": "encode", "ACC_W": acc_width, "BITS": bits}
    simulate(simulator, "shw_post_unit", "cocotb_post_encode", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"LANES": 0}, "shw_ILLEGAL_LANES"),
        ({"LANES": 257}, "shw_ILLEGAL_LANES"),
        ({"REQUANT": "scales"}, "shw_ILLEGAL_REQUANT"),
        ({"REQUANT": "codebook"}, "shw_ILLEGAL_REQUANT"),
        ({"ACC_W": 48}, "shw_ILLEGAL_ACC_W"),
        ({"SHARED": 2}, "shw_ILLEGAL_SHARED"),
        ({"EARLY": 2}, "shw_ILLEGAL_EARLY"),
        ({"EARLY": 1, "REQUANT": "scale"}, "shw_ILLEGAL_EARLY"),
        ({"SOURCES": 0}, "shw_ILLEGAL_SOURCES"),
        ({"SOURCES": 5}, "shw_ILLEGAL_SOURCES"),
        ({"SOURCES": 2, "REQUANT": "scale"}, "shw_ILLEGAL_SOURCES"),
        ({"REQUANT": "encode", "ACC_W": 31}, "shw_ILLEGAL_ACC_W"),
        ({"REQUANT": "encode", "ACC_W": 49}, "shw_ILLEGAL_ACC_W"),
        ({"REQUANT": "encode", "BITS": 2}, "shw_ILLEGAL_BITS"),
        ({"REQUANT": "encode", "BITS": 8}, "shw_ILLEGAL_BITS"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_post_unit", parameters)
