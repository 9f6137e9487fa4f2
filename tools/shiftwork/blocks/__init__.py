# SPDX-License-Identifier: Apache-2.0
"""The catalogue of Verilog blocks: manifest, FuseSoC cores, lint."""
