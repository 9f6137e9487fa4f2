# SPDX-License-Identifier: Apache-2.0
"""Hardware descriptions: the block manifest, FuseSoC cores, lint, synthesis and cost."""
