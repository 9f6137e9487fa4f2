# SPDX-License-Identifier: Apache-2.0
"""The accelerator in a LiteX SoC: its sources, registers, memory master and interrupt in one call.

    from shiftwork.blocks.litex_accelerator import add_accelerator

    add_accelerator(soc, 0x9000_0000, ENGINE="tr", ROWS=4, COLS=32)

Needs LiteX: `pip install 'shiftwork[litex]'`.
"""

from __future__ import annotations

from typing import Any

from litex.gen import LiteXModule
from litex.soc.integration.soc import SoC, SoCRegion
from litex.soc.interconnect import axi
from litex.soc.interconnect.csr_eventmanager import EventManager, EventSourceLevel
from migen import ClockSignal, Instance, ResetSignal, Signal

from shiftwork.blocks import bundle, manifest
from shiftwork.blocks.verilog import ports

TOP = "shw_accel_axi"
REGISTERS = 0x1000
"""Bytes of registers."""


class Accelerator(LiteXModule):  # type: ignore[misc]
    """`shw_accel_axi` with LiteX interfaces.

    Attributes:
        registers: AXI4-Lite, slave. memory: AXI4, master, 64 bits. ev: interrupt, event `run`.

    Args:
        platform: receives the sources. parameters: of shw_accel_axi, by their names.

    Raises:
        SettingError: a parameter that there is not, or an illegal value.
    """

    def __init__(self, platform: Any, **parameters: bundle.Value) -> None:
        blocks = manifest.load()
        bundle.check(blocks.blocks[TOP], parameters)
        self.registers = axi.AXILiteInterface(data_width=32, address_width=32)
        self.memory = axi.AXIInterface(data_width=64, address_width=32, id_width=1)
        self.ev = EventManager()
        self.ev.run = EventSourceLevel(description="The accelerator's interrupt: a run has ended.")
        self.ev.finalize()
        for path in blocks.sources(TOP):
            platform.add_source(str(path))

        buses = {"s_axi": self.registers, "m_axi": self.memory}
        signals = {"i_clk": ClockSignal(), "i_rst": ResetSignal(), "o_irq": self.ev.run.trigger}
        for port in ports((blocks.root / "rtl" / blocks.blocks[TOP].file).read_text()):
            bus, _, signal = port.name.rpartition("_")
            if bus in buses:
                part = next(name for name in ("aw", "ar", "w", "b", "r") if signal.startswith(name))
                wire = getattr(getattr(buses[bus], part), signal.removeprefix(part))
                width = int(port.width) if port.width.isdigit() else len(wire)
                signals[f"{port.direction[0]}_{port.name}"] = wire[:width] if width < len(wire) else wire
        # Ready only where valid: LiteX's converters of widths take a ready that comes first for one of the word before.
        for channel, name in ((self.registers.aw, "o_s_axi_awready"), (self.registers.w, "o_s_axi_wready")):
            signals[name] = Signal()
            self.comb += channel.ready.eq(signals[name] & channel.valid)
        # Numbers without a width: a parameter takes that of its value, and LiteX writes 16 as 5'd16.
        values = {
            f"p_{name}": Instance.PreformattedParam(str(value)) if isinstance(value, int) else value
            for name, value in parameters.items()
        }
        self.specials += Instance(TOP, **values, **signals)


def add_accelerator(soc: SoC, origin: int, name: str = "shiftwork", **parameters: bundle.Value) -> Accelerator:
    """Add an accelerator to a SoC: registers as a region of the bus, memory as a master, and its interrupt.

    Args:
        soc: a LiteX SoC with any bus. origin: address of the registers, where the CPU does not cache. name: of the
            module, the region and the interrupt. parameters: of shw_accel_axi, by their names.

    Raises:
        SettingError: a parameter that there is not, or an illegal value.
    """
    accelerator = Accelerator(soc.platform, **parameters)
    soc.add_module(name=name, module=accelerator)
    region = SoCRegion(origin=origin, size=REGISTERS, cached=False)
    soc.bus.add_slave(name=name, slave=accelerator.registers, region=region)
    master = accelerator.memory
    if (soc.bus.standard, soc.bus.data_width) != ("axi", master.data_width):
        # Single words first: LiteX's converters of widths lose half of a burst of more than 128 words.
        words = axi.AXILiteInterface(data_width=master.data_width, address_width=master.address_width)
        accelerator.words = axi.AXI2AXILite(master, words)
        master = words
    soc.bus.add_master(name=name, master=master)
    if soc.irq.enabled:
        soc.irq.add(name, use_loc_if_exists=True)
    return accelerator
