# SPDX-License-Identifier: Apache-2.0
"""Number codes: how the schemes write an integer."""
