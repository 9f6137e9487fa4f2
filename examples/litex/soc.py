# SPDX-License-Identifier: Apache-2.0
"""A LiteX SoC around the accelerator, without CPU: memory, and a host that reaches memory and registers over AXI4-Lite.

    python examples/litex/soc.py build/litex [--bus axi] [--width 64]

writes `soc.v`, `soc.f`, the list of all Verilog files, and `soc.json`, the regions of the bus, into a folder.
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from litex.build.generic_platform import GenericPlatform, Pins
from litex.soc.integration.export import get_csr_json
from litex.soc.integration.soc_core import SoCCore
from litex.soc.interconnect import axi
from migen import ClockDomain

from shiftwork.blocks.litex_accelerator import add_accelerator

REGISTERS = 0x9000_0000
MEMORY = 1 << 18
SHAPE = {"ENGINE": "tr", "ROWS": 8, "COLS": 16, "ADDR_W": 12, "WEIGHTS": 512, "CONST_W": 7}


class Soc(SoCCore):
    """Accelerator, memory and host on one bus.

    Args:
        bus: wishbone, axi-lite or axi. width: of the bus in bits.
    """

    def __init__(self, bus: str = "wishbone", width: int = 32) -> None:
        host = axi.AXILiteInterface(data_width=32, address_width=32)
        pins = [("clk", 0, Pins(1)), ("rst", 0, Pins(1)), ("irq", 0, Pins(1)), *host.get_ios("host")]
        platform = GenericPlatform("none", pins)
        self.cd_sys = ClockDomain()
        super().__init__(
            platform,
            clk_freq=100_000_000,
            cpu_type=None,
            bus_standard=bus,
            bus_data_width=width,
            integrated_main_ram_size=MEMORY,
            with_uart=False,
            with_timer=False,
        )
        self.comb += [self.cd_sys.clk.eq(platform.request("clk")), self.cd_sys.rst.eq(platform.request("rst"))]
        self.comb += host.connect_to_pads(platform.request("host"), mode="slave")
        self.bus.add_master(name="host", master=host)

        accelerator = add_accelerator(self, REGISTERS, **SHAPE)
        self.comb += platform.request("irq").eq(accelerator.ev.irq)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bus", choices=["wishbone", "axi-lite", "axi"], default="wishbone")
    parser.add_argument("--width", choices=[32, 64], type=int, default=32)
    wish = parser.parse_args()
    soc = Soc(wish.bus, wish.width)
    soc.finalize()
    wish.folder.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(wish.folder):  # LiteX writes the contents of memories beside it
        soc.platform.get_verilog(soc, name="soc").write("soc.v")
        files = [Path("soc.v").resolve(), *(source[0] for source in soc.platform.sources)]
        Path("soc.f").write_text("".join(f"{file}\n" for file in files))
        Path("soc.json").write_text(get_csr_json(soc.csr_regions, soc.constants, soc.mem_regions))


if __name__ == "__main__":
    main()
