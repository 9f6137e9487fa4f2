# SPDX-License-Identifier: Apache-2.0
"""Runs and their reports: JSON first, tables from it."""
