# SPDX-License-Identifier: Apache-2.0
"""shw_accel_decode_header: every field of a program's header, against the description."""

import cocotb
from cocotb_accel_decode import compare

from shiftwork.compile.instructions import HEADER, placed


@cocotb.test()
async def headers(dut) -> None:
    await compare(dut, list(placed(HEADER))[1:])
