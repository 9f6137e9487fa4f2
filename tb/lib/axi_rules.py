# SPDX-License-Identifier: Apache-2.0
"""Rules of the AXI4 bus that a master of this project has to keep, and the memory behind it as well.

`AxiRules` knows no simulator: `cycle` takes what the pins hold at a rising clock edge and raises `RuleError` at the
first breach. `watch` feeds it from a design. Checked are
  - valid and payload of a channel stay until they are taken; no valid in reset, and none right after it is undefined;
  - address: INCR, 8 bytes a beat, aligned, not across 4 KiB, inside the window, one ID, so many bursts outstanding;
  - write data: never before the address of their burst is offered, WLAST at its last beat and only there;
  - responses: R only for bursts that were granted, RLAST at the last beat; B only after address and last data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

Pins = Mapping[str, int]

CHANNELS: dict[str, tuple[str, ...]] = {
    "aw": ("awid", "awaddr", "awlen", "awsize", "awburst"),
    "w": ("wdata", "wstrb", "wlast"),
    "b": ("bid", "bresp"),
    "ar": ("arid", "araddr", "arlen", "arsize", "arburst"),
    "r": ("rid", "rdata", "rresp", "rlast"),
}
"""Payload of each channel."""
FROM_MASTER = ("aw", "w", "ar")
BYTES = 8
INCR = 1
PAGE = 4096


class RuleError(AssertionError):
    """A rule of the bus is broken."""


@dataclass(frozen=True)
class Window:
    """Byte addresses of the first and the last 8-byte word that may be accessed."""

    first: int
    last: int

    def holds(self, address: int, words: int) -> bool:
        return self.first <= address and address + BYTES * (words - 1) <= self.last


@dataclass
class Burst:
    """A burst as it was offered."""

    address: int
    beats: int
    granted: bool = False
    data: int = 0  # beats that were transferred


@dataclass
class AxiRules:
    """State of one bus. Windows may be changed while no burst is under way.

    reads, writes: most bursts outstanding, from the offer of the address to the last response.
    counts: bursts and beats taken so far: ar, r, aw, w, b. offered: bursts so far, ar and aw.
    strobed, masked: beats of write data with all strobes, and with none.
    most_reads, most_writes: the most bursts that were outstanding.
    """

    read_window: Window | None = None
    write_window: Window | None = None
    reads: int | None = None
    writes: int | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("aw", "w", "b", "ar", "r"), 0))
    offered: dict[str, int] = field(default_factory=lambda: {"ar": 0, "aw": 0})
    strobed: int = 0
    masked: int = 0
    most_reads: int = 0
    most_writes: int = 0

    def __post_init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._waiting: dict[str, tuple[int, ...]] = {}
        self._read: deque[Burst] = deque()
        self._write: deque[Burst] = deque()  # from the offer of the address to B

    @property
    def clean(self) -> bool:
        """Nothing is under way."""
        return not (self._read or self._write or self._waiting)

    def pending(self, channel: str) -> bool:
        """Whether a burst is offered on ar or aw, and not granted."""
        return channel in self._waiting

    def cycle(self, pins: Pins, reset: bool = False) -> None:
        """One rising edge. pins: valid and ready of all channels, the payload of those with valid."""
        if reset:
            self._reset()
            return
        taken = {}
        for channel, names in CHANNELS.items():
            taken[channel] = self._handshake(channel, names, pins)
        # answers first: they may not answer what happens in the same cycle
        if pins["rvalid"]:
            self._read_data(pins, taken["r"])
        if pins["bvalid"]:
            self._response(taken["b"])
        for channel in ("ar", "aw"):
            if pins[f"{channel}valid"]:
                self._address(channel, pins, taken[channel])
        self._write_data(pins, taken["w"])
        for channel, done in taken.items():
            self.counts[channel] += done

    def _handshake(self, channel: str, names: tuple[str, ...], pins: Pins) -> bool:
        """Whether the channel transfers; what waits must not change."""
        waiting = self._waiting.pop(channel, None)
        if not pins[f"{channel}valid"]:
            if waiting is not None:
                raise RuleError(f"{channel}valid fell before {channel}ready")
            return False
        payload = tuple(pins[name] for name in names)
        if waiting is not None and payload != waiting:
            raise RuleError(f"{channel}: payload changed while waiting, {names}: {waiting} to {payload}")
        if not pins[f"{channel}ready"]:
            self._waiting[channel] = payload
            return False
        return True

    def _address(self, channel: str, pins: Pins, taken: bool) -> None:
        queue, window, most = (
            (self._read, self.read_window, self.reads)
            if channel == "ar"
            else (self._write, self.write_window, self.writes)
        )
        if not queue or queue[-1].granted:
            address, beats = pins[f"{channel}addr"], pins[f"{channel}len"] + 1
            where = f"{channel}: burst of {beats} at {address:#x}"
            if pins[f"{channel}burst"] != INCR or pins[f"{channel}size"] != 3:
                raise RuleError(f"{where}: not INCR of 8 bytes a beat")
            if pins[f"{channel}id"]:
                raise RuleError(f"{where}: more than one ID")
            if address % BYTES:
                raise RuleError(f"{where}: not aligned")
            if address % PAGE + beats * BYTES > PAGE:
                raise RuleError(f"{where}: crosses 4 KiB")
            if window is not None and not window.holds(address, beats):
                raise RuleError(f"{where}: outside the window {window.first:#x}..{window.last:#x}")
            queue.append(Burst(address, beats))
            self.offered[channel] += 1
            if most is not None and len(queue) > most:
                raise RuleError(f"{where}: more than {most} outstanding")
            if channel == "ar":
                self.most_reads = max(self.most_reads, len(queue))
            else:
                self.most_writes = max(self.most_writes, len(queue))
        if taken:
            queue[-1].granted = True

    def _write_data(self, pins: Pins, taken: bool) -> None:
        if not pins["wvalid"]:
            return
        burst = next((burst for burst in self._write if burst.data < burst.beats), None)
        if burst is None:
            raise RuleError("w: data before the address of their burst")
        if bool(pins["wlast"]) != (burst.data == burst.beats - 1):
            raise RuleError(f"w: wlast {pins['wlast']} at beat {burst.data} of {burst.beats}")
        if taken:
            burst.data += 1
            self.strobed += pins["wstrb"] == (1 << BYTES) - 1
            self.masked += pins["wstrb"] == 0

    def _read_data(self, pins: Pins, taken: bool) -> None:
        burst = self._read[0] if self._read else None
        if burst is None or not burst.granted:
            raise RuleError("r: data of no burst")
        if bool(pins["rlast"]) != (burst.data == burst.beats - 1):
            raise RuleError(f"r: rlast {pins['rlast']} at beat {burst.data} of {burst.beats}")
        if taken:
            burst.data += 1
            if burst.data == burst.beats:
                self._read.popleft()

    def _response(self, taken: bool) -> None:
        burst = self._write[0] if self._write else None
        if burst is None or not burst.granted or burst.data < burst.beats:
            raise RuleError("b: response before the burst is complete")
        if taken:
            self._write.popleft()


def watch(dut: Any, rules: AxiRules, prefix: str = "m_axi_") -> None:
    """Check the bus at every rising edge of `clk` from now on; a breach fails the running test."""
    cocotb.start_soon(_watch(dut, rules, prefix))


async def _watch(dut: Any, rules: AxiRules, prefix: str) -> None:
    payload = {channel: [(name, getattr(dut, prefix + name)) for name in names] for channel, names in CHANNELS.items()}
    shake = {
        channel: (getattr(dut, f"{prefix}{channel}valid"), getattr(dut, f"{prefix}{channel}ready"))
        for channel in CHANNELS
    }
    edge, was_reset, known = RisingEdge(dut.clk), False, False
    while True:
        await edge
        if str(dut.rst.value) != "0":
            rules.cycle({}, reset=True)
            if was_reset:  # the reset has had an edge
                for channel in FROM_MASTER:
                    if str(shake[channel][0].value) != "0":
                        raise RuleError(f"{channel}valid is {shake[channel][0].value} in reset")
            was_reset = known = True
            continue
        was_reset = False
        if not known:
            continue
        pins: dict[str, int] = {}
        for channel, (valid, ready) in shake.items():
            pins[f"{channel}valid"] = _bit(valid)
            pins[f"{channel}ready"] = _bit(ready)
            if pins[f"{channel}valid"]:
                pins.update((name, int(handle.value)) for name, handle in payload[channel])
        rules.cycle(pins)


def _bit(handle: Any) -> int:
    text = str(handle.value)
    if text not in ("0", "1"):
        raise RuleError(f"{handle._name} is {text}")
    return int(text)
