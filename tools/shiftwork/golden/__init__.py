# SPDX-License-Identifier: Apache-2.0
"""Bit-true models: what every executor must reproduce integer for integer."""
