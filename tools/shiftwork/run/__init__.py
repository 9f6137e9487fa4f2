# SPDX-License-Identifier: Apache-2.0
"""Running an integer network on the golden model or on the device, compared module by module."""
