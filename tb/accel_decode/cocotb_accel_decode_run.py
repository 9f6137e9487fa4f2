# SPDX-License-Identifier: Apache-2.0
"""shw_accel_decode_run: every field of a layer, against the description."""

import cocotb
from cocotb_accel_decode import compare

from shiftwork.compile.instructions import HEADER, RUN


@cocotb.test()
async def layers(dut) -> None:
    await compare(dut, RUN, len(HEADER), False)
