# SPDX-License-Identifier: Apache-2.0
"""shw_accel_decode_results: every field of a layer's results, against the description."""

import cocotb
from cocotb_accel_decode import compare

from shiftwork.compile.instructions import RESULTS, RUN, placed


@cocotb.test()
async def results(dut) -> None:
    await compare(dut, [entry for entry in placed(RUN) if entry[0].name in RESULTS])
