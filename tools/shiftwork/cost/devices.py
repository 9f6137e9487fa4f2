# SPDX-License-Identifier: Apache-2.0
"""What the devices that ``shiftwork plan`` knows are made of, from their makers' data sheets."""

from __future__ import annotations

from dataclasses import dataclass

from shiftwork.settings import choose


@dataclass(frozen=True)
class Device:
    """One device.

    Attributes:
        name, family: as on the command line, and of :data:`shiftwork.cost.unit_costs.MAPPINGS`.
        luts: LUT6 on xc7, LUT4 elsewhere. flip_flops: registers. dsp: multiplier blocks.
        rams: block RAMs, 36 kbit on xc7, 18 kbit on ecp5, 4 kbit on ice40.
        ram_bits: bits that a block RAM reads per cycle while its other port writes.
    """

    name: str
    family: str
    luts: int
    flip_flops: int
    dsp: int
    rams: int
    ram_bits: int

    @property
    def read_bits(self) -> int:
        """Bits that all block RAMs together read per cycle."""
        return self.rams * self.ram_bits


DEVICES = {
    device.name: device
    for device in (
        Device("xc7z020", "xc7", 53_200, 106_400, 220, 140, 72),
        Device("xc7z045", "xc7", 218_600, 437_200, 900, 545, 72),
        Device("xc7vx485t", "xc7", 303_600, 607_200, 2_800, 1_030, 72),
        Device("ecp5-85f", "ecp5", 83_640, 83_640, 156, 208, 36),
        Device("ice40up5k", "ice40", 5_280, 5_280, 8, 30, 16),
    )
}


def device(name: str) -> Device:
    """The device of a name.

    Raises:
        SettingError: it is not known.
    """
    choose("device", name, tuple(DEVICES))
    return DEVICES[name]
