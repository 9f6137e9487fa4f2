# SPDX-License-Identifier: Apache-2.0
"""Negative control of tb/lib/axi_rules.py: a legal trace passes, and every breach of a rule is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from axi_rules import AxiRules, RuleError, Window

Trace = list[dict[str, int]]

IDLE = {f"{channel}{pin}": 0 for channel in ("aw", "w", "b", "ar", "r") for pin in ("valid", "ready")}


def address(channel: str, at: int, beats: int, ready: int = 1) -> dict[str, int]:
    values = {"valid": 1, "ready": ready, "id": 0, "addr": at, "len": beats - 1, "size": 3, "burst": 1}
    return {f"{channel}{pin}": value for pin, value in values.items()}


def write(value: int, last: int, ready: int = 1, strobes: int = 255) -> dict[str, int]:
    return {"wvalid": 1, "wready": ready, "wdata": value, "wstrb": strobes, "wlast": last}


def read(value: int, last: int, ready: int = 1) -> dict[str, int]:
    return {"rvalid": 1, "rready": ready, "rid": 0, "rdata": value, "rresp": 0, "rlast": last}


def response(ready: int = 1) -> dict[str, int]:
    return {"bvalid": 1, "bready": ready, "bid": 0, "bresp": 0}


def legal() -> Trace:
    """Two reads, and two writes whose data overtake the grant, with waits on every channel."""
    cycles: list[dict[str, int]] = [
        {**address("ar", 0x1FF0, 2, 0), **address("aw", 0x2000, 2, 0)},
        {**address("ar", 0x1FF0, 2, 1), **address("aw", 0x2000, 2, 0), **write(1, 0, 0)},
        {**address("ar", 0x2000, 256, 1), **address("aw", 0x2000, 2, 0), **write(1, 0, 1)},
        {**read(5, 0, 0), **address("aw", 0x2000, 2, 1), **write(2, 1, 1)},
        {**read(5, 0, 1), **address("aw", 0x2010, 1, 1), **response(0)},
        {**read(6, 1, 1), **write(3, 1, 1, 0), **response(1)},
        {**read(7, 0, 1), **response(1)},
        *(read(beat, int(beat == 255)) for beat in range(1, 256)),
    ]
    return [{**IDLE, **cycle} for cycle in cycles]


def run(trace: Trace) -> AxiRules:
    rules = AxiRules(Window(0x1FF0, 0x27F8), Window(0x2000, 0x2010), reads=2, writes=2)
    for pins in trace:
        rules.cycle(pins)
    return rules


def test_legal_trace():
    rules = run(legal())
    assert rules.clean
    assert rules.counts == {"aw": 2, "w": 3, "b": 2, "ar": 2, "r": 258}
    assert (rules.strobed, rules.masked, rules.most_reads, rules.most_writes) == (2, 1, 2, 2)


def change(cycle: int, **pins: int) -> Callable[[Trace], None]:
    return lambda trace: trace[cycle].update(pins)


def cross(trace: Trace) -> None:
    for cycle in range(2):
        trace[cycle]["arlen"] = 2


def third_read(trace: Trace) -> None:
    trace[3].update(address("ar", 0x2000, 1))


def third_write(trace: Trace) -> None:
    trace[4].update(bvalid=0)
    trace[5].update(address("aw", 0x2008, 1), bvalid=0)


BREACHES: dict[str, tuple[Callable[[Trace], None], str]] = {
    "address vanishes": (change(1, arvalid=0), "arvalid fell"),
    "address changes": (change(1, araddr=0x1FE8), "ar: payload changed"),
    "length changes": (change(2, awlen=3), "aw: payload changed"),
    "data vanish": (change(2, wvalid=0), "wvalid fell"),
    "data change": (change(2, wdata=9), "w: payload changed"),
    "strobes change": (change(2, wstrb=0), "w: payload changed"),
    "read data change": (change(4, rdata=9), "r: payload changed"),
    "response vanishes": (change(5, bvalid=0), "bvalid fell"),
    "crosses 4 KiB": (cross, "crosses 4 KiB"),
    "not aligned": (change(2, araddr=0x2004), "not aligned"),
    "not INCR": (change(2, arburst=2), "not INCR"),
    "narrow": (change(0, arsize=2), "not INCR of 8 bytes"),
    "another ID": (change(2, arid=1), "more than one ID"),
    "read below the window": (change(0, araddr=0x1000), "outside the window"),
    "read above the window": (change(2, araddr=0x2008, arlen=255), "outside the window"),
    "write above the window": (change(4, awlen=1), "outside the window"),
    "too many reads": (third_read, "more than 2 outstanding"),
    "too many writes": (third_write, "more than 2 outstanding"),
    "data before the address": (change(0, awvalid=0, **write(1, 0)), "before the address"),
    "WLAST too early": (change(1, wlast=1), "wlast 1 at beat 0"),
    "WLAST too late": (change(3, wlast=0), "wlast 0 at beat 1"),
    "RLAST too early": (change(3, rlast=1), "rlast 1 at beat 0"),
    "RLAST too late": (change(5, rlast=0), "rlast 0 at beat 1"),
    "read data of no burst": (change(0, **read(1, 0)), "data of no burst"),
    "response too early": (change(3, **response()), "before the burst is complete"),
}


@pytest.mark.parametrize("name", BREACHES)
def test_breach_is_found(name):
    spoil, message = BREACHES[name]
    trace = legal()
    spoil(trace)
    with pytest.raises(RuleError, match=message):
        run(trace)
