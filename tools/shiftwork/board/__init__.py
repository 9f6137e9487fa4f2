# SPDX-License-Identifier: Apache-2.0
"""Boards: frames over a serial port, and what is done with a board behind one."""
