# SPDX-License-Identifier: Apache-2.0
"""The runner itself: what must fail fails, what must pass passes, and a failure tells how to repeat it."""

import pytest

import runner

SOURCES = ["tb/runner_selftest/counter.v"]


def test_passes_with_parameters(simulator):
    for step, mode in ((1, "up"), (3, "hold")):
        runner.simulate(
            simulator,
            "counter",
            "cocotb_counter",
            parameters={"STEP": step, "MODE": mode},
            env={"STEP": str(step), "MODE": mode},
            sources=SOURCES,
        )


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("cocotb_fails", "cocotb_fails.fails: .*intended mismatch"),
        ("cocotb_empty", "."),
        ("cocotb_skips", "no cocotb test ran"),
        ("cocotb_crashes", "."),
        ("cocotb_hangs", "cocotb_hangs.hangs"),
        ("cocotb_background", "cocotb_background.background: .*in the background"),
        ("cocotb_no_such_module", "No module named"),
    ],
)
def test_fails(simulator, module, reason, monkeypatch):
    monkeypatch.setenv("SHW_SEED", "77")
    with pytest.raises(pytest.fail.Exception, match=reason) as failure:
        runner.simulate(simulator, "counter", module, sources=SOURCES)
    assert f"make sim BLOCK=runner_selftest SIM={simulator} SEED=77 WAVES=1" in str(failure.value)


def test_syntax_error_fails(simulator, tmp_path):
    broken = tmp_path / "counter.v"
    broken.write_text("module counter (input wire clk; endmodule\n")
    with pytest.raises(pytest.fail.Exception, match="exit code"):
        runner.simulate(simulator, "counter", "cocotb_counter", sources=[broken])


@pytest.mark.full
def test_waves_are_written(simulator, monkeypatch):
    monkeypatch.setenv("WAVES", "1")
    env = {"STEP": "1", "MODE": "up"}
    runner.simulate(simulator, "counter", "cocotb_counter", sources=SOURCES, env=env)
    assert any(path.stat().st_size > 100 for path in runner.BUILD.glob(f"{simulator}/counter-*/*.[vf]*[cs][dt]"))


def test_elaboration(simulator):
    log = runner.elaboration_fails(simulator, "counter", {"STEP": 4}, sources=SOURCES)
    assert "shw_ILLEGAL_STEP_must_be_1_to_3" in log
    assert "shw_ILLEGAL_MODE" not in log
    log = runner.elaboration_fails(simulator, "counter", {"MODE": "down"}, sources=SOURCES)
    assert "shw_ILLEGAL_MODE_must_be_up_or_hold" in log
    with pytest.raises(AssertionError, match="elaborates"):
        runner.elaboration_fails(simulator, "counter", {"STEP": 2}, sources=SOURCES)


def test_missing_simulator_is_named(monkeypatch):
    assert runner.missing(runner.SIMULATORS) == []
    monkeypatch.setenv("PATH", "")
    assert runner.missing(runner.SIMULATORS) == list(runner.SIMULATORS)
