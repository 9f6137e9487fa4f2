# SPDX-License-Identifier: Apache-2.0
"""The `simulator` fixture: every test that takes it runs once per simulator that the variable SIM selects."""

from __future__ import annotations

import os

import pytest

import runner


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "simulator" in metafunc.fixturenames:
        chosen = os.environ.get("SIM")
        metafunc.parametrize("simulator", [chosen] if chosen else runner.SIMULATORS)


@pytest.fixture(autouse=True)
def _simulator_is_installed(request: pytest.FixtureRequest) -> None:
    """A missing simulator is a failure, never a skipped test."""
    callspec = getattr(request.node, "callspec", None)
    absent = runner.missing([callspec.params["simulator"]] if callspec and "simulator" in callspec.params else [])
    if absent:
        pytest.fail(f"{absent[0]} is not installed: run `make test`, which installs it", pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where the waves are."""
    if os.environ.get("WAVES", "0") in ("", "0"):
        return
    started = terminalreporter._session_start.time if hasattr(terminalreporter, "_session_start") else 0.0
    waves = [p for p in runner.BUILD.rglob("*") if p.suffix in (".vcd", ".fst") and p.stat().st_mtime >= started]
    for path in sorted(waves):
        terminalreporter.write_line(f"waves: {path.relative_to(runner.ROOT)}")
