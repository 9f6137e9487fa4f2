# SPDX-License-Identifier: Apache-2.0
"""From an ONNX file to the float graph, and the integer network that every executor runs."""
