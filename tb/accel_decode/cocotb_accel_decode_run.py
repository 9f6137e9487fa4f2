# SPDX-License-Identifier: Apache-2.0
"""shw_accel_decode_run: every field of a layer, against the description."""

import cocotb
from cocotb_accel_decode import compare

from shiftwork.compile.instructions import COMMON, RUN, placed


@cocotb.test()
async def layers(dut) -> None:
    shown = [entry for entry in list(placed(RUN))[len(COMMON) :] if hasattr(dut, entry[0].name)]
    assert len(shown) > 40
    await compare(dut, shown)
