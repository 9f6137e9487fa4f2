# SPDX-License-Identifier: Apache-2.0
"""Element-wise functions as tables: the model, and the simulated device that looks codes up."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

from shiftwork.compile import MacEngine, table_cycles
from shiftwork.device.simulated import SimulatedDevice, Stalls
from shiftwork.errors import ShiftworkError
from shiftwork.tensors.arithmetic import look_up

SEED = int(os.environ.get("SHW_SEED") or "1")
LANES = 3
TYPES = (np.int8, np.uint8)


@pytest.fixture(scope="module")
def device() -> Iterator[SimulatedDevice]:
    found = SimulatedDevice(MacEngine(1, LANES))
    yield found
    found.close()


def table_of(kind: type) -> np.ndarray:
    return np.random.default_rng(SEED).permutation(256).astype(np.uint8).view(kind)


def test_codes_are_read_as_unsigned_bytes() -> None:
    identity = np.arange(256, dtype=np.uint8)
    signed, unsigned = np.arange(-128, 128).astype(np.int8), np.arange(256).astype(np.uint8)
    assert (look_up(unsigned, identity) == unsigned).all()
    assert (look_up(signed, identity) == signed.view(np.uint8)).all()
    assert (look_up(signed, identity.view(np.int8)) == signed).all()
    for kind in TYPES:
        found = look_up(signed.reshape(2, 4, 8, 4), table_of(kind))
        assert found.dtype == kind and found.shape == (2, 4, 8, 4)


@pytest.mark.parametrize("stalls", [None, Stalls(0.3, 0.4, SEED), Stalls(0.0, 0.9, SEED), Stalls(0.9, 0.0, SEED)])
@pytest.mark.parametrize("kind", TYPES)
def test_every_code(device: SimulatedDevice, kind: type, stalls: Stalls | None) -> None:
    for result_kind in TYPES:
        codes, table = np.arange(256).astype(np.uint8).view(kind).reshape(2, 8, 4, 4), table_of(result_kind)
        done = device.table(codes, table, stalls)
        assert done.codes.dtype == result_kind and (done.codes == look_up(codes, table)).all()
        assert done.in_beats == -(-256 // LANES)
        longer = done.cycles - table_cycles(256, LANES)
        assert longer == 0 if stalls is None else longer > 0
        assert (device.table(codes, table ^ 1, stalls).codes != done.codes).all(), "the table counts"


@pytest.mark.parametrize("shape", [(1,), (1, 1, 1, 2), (1, 1, 1, 3), (2, 1, 2, 1), (3, 5, 7, 11)])
def test_shapes(device: SimulatedDevice, shape: tuple[int, ...]) -> None:
    """Less than a beat, whole beats and a rest; a tensor whose memory has another order."""
    codes = np.random.default_rng(SEED).integers(-128, 128, shape).astype(np.int8)
    for some in (codes, codes.T):
        done = device.table(some, table_of(np.int8))
        assert (done.codes == look_up(some, table_of(np.int8))).all()
        assert done.cycles == table_cycles(codes.size, LANES)


def test_what_is_refused(device: SimulatedDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    codes, table = np.zeros((2, 3), np.uint8), np.zeros(256, np.uint8)
    for some, with_table, text in (
        (codes.astype(np.int64), table, "gelu: codes of type int64: int8 or uint8 wanted"),
        (codes, table.astype(float), "gelu: a table of type float64: int8 or uint8 wanted"),
        (codes, table[:16], r"gelu: a table of shape \(16,\): \(256,\) wanted"),
        (codes[:0], table, "gelu: no codes to look up"),
    ):
        with pytest.raises(ShiftworkError, match=text):
            device.table(some, with_table, name="gelu")
    monkeypatch.setattr(device, "watchdog", 0)  # less than the last word of the table takes
    with pytest.raises(ShiftworkError, match="gelu: the device hangs: no handshake for 0 cycles"):
        device.table(codes, table, name="gelu")
    monkeypatch.undo()
    assert (device.table(codes, table).codes == 0).all(), "the device is usable again"
