# SPDX-License-Identifier: Apache-2.0
"""Runners of the synthesis tools (Yosys, nextpnr) and what is read from their netlists."""
