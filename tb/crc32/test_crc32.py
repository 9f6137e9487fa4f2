# SPDX-License-Identifier: Apache-2.0
"""shw_crc32."""

from runner import simulate


def test_crc32(simulator):
    simulate(simulator, "shw_crc32", "cocotb_crc32")
