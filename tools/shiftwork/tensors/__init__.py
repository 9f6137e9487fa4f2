# SPDX-License-Identifier: Apache-2.0
"""Tensor mathematics of integer networks: operands of convolutions, pooling and code moves, shift-and-round."""
