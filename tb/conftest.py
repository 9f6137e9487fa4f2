# SPDX-License-Identifier: Apache-2.0
"""The `simulator` fixture: every test that takes it runs once per simulator that the variable SIM selects.

Without SIM that is both for short tests and Verilator for long ones; in the quick regression Verilator, whose models
take seconds to compile, is left to the folders of :data:`QUICK_ON_BOTH` and to tests named `test_illegal...`, of
parameters that no model is compiled with.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict

import pytest

import runner

QUICK_ON_BOTH = {"integration", "post_unit", "result_path", "runner_selftest", "uvm"}
"""Folders of what the engines share; whole networks, and with them all engines, run on Verilator in any case."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "simulator" not in metafunc.fixturenames:
        return
    chosen = os.environ.get("SIM")
    folder, name = metafunc.definition.path.parent.name, metafunc.function.__name__
    both = folder in QUICK_ON_BOTH or name.startswith("test_illegal")
    verilator = pytest.param("verilator", marks=() if both else pytest.mark.full)
    every = [verilator] if metafunc.definition.get_closest_marker("full") else [verilator, "icarus"]
    metafunc.parametrize("simulator", [chosen] if chosen else every)


SAMPLED = 2
"""How many variants of a long test the full regression runs, and of a short one on the second simulator."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With SHW_SAMPLE, a seed, keep some variants of every long test, and one seeded bug of every block."""
    seed = os.environ.get("SHW_SAMPLE")
    if not seed:
        return
    alike: dict[tuple[object, ...], list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("full"):
            values = getattr(getattr(item, "callspec", None), "params", {})
            mutant = getattr(values.get("mutant"), "block", None)
            alike[item.path, getattr(item, "originalname", item.name), values.get("simulator"), mutant].append(item)
    left_out = set()
    for key, variants in alike.items():
        count = SAMPLED if key[-1] is None else 1
        order = random.Random(f"{seed} {key[1:]}").sample(variants, len(variants))
        left_out |= set(order[count:])
    config.hook.pytest_deselected(items=sorted(left_out, key=lambda item: item.nodeid))
    items[:] = [item for item in items if item not in left_out]


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
