# SPDX-License-Identifier: Apache-2.0
"""Studies of cost: area, cycles and switching of the engines beside their baselines."""
