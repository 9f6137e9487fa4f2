# SPDX-License-Identifier: Apache-2.0
"""What belongs to a beat of the post unit."""

ENTERS = (
    "last",
    "source",
    "acc",
    "bias",
    "bias_shift",
    "shortcut",
    "shortcut_shift",
    "factor",
    "shift",
    "cfg_relu",
    "cfg_shortcut_enable",
    "cfg_shortcut_signed",
    "cfg_low",
    "cfg_high",
)
LEAVES = ("last", "code", "sum")
