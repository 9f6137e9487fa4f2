# SPDX-License-Identifier: Apache-2.0
"""Shiftwork: trained networks as integers, executed bit for bit on shift-and-add hardware."""

__version__ = "0.1.0"
