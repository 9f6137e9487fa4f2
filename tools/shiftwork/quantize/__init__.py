# SPDX-License-Identifier: Apache-2.0
"""How each scheme turns the float graph and its calibration data into an integer network."""
