# SPDX-License-Identifier: Apache-2.0
"""Only a test that does not run."""

import cocotb


@cocotb.test(skip=True)
async def never(dut) -> None:
    raise AssertionError
