# SPDX-License-Identifier: Apache-2.0
"""Whole networks on the RTL, in the compiled device: every module's output equals the golden model's."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import shiftwork.run.layers as executor
from shiftwork.cli import main
from shiftwork.compile import (
    Engine,
    ExpEngine,
    MacEngine,
    MsqEngine,
    NetworkProgram,
    Operands,
    TrEngine,
    compile_network,
    requant_of,
    table_cycles,
)
from shiftwork.device.simulated import SimulatedDevice, Stalls
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import Data
from shiftwork.network.format import Work
from shiftwork.network.integer import IntegerNetwork, Terms
from shiftwork.report.demo import demo
from shiftwork.run import benchmark
from shiftwork.run.layers import Execution, execute
from shiftwork.tensors.arithmetic import look_up
from system import networks

ENGINE = TrEngine(4, 8)
MSQ_ENGINE = MsqEngine(2, 3, 4, 4)
EXP_ENGINE = ExpEngine(4, 8, 2)
MAC_ENGINE = MacEngine(4, 7, "dsp48")
MAC_MODES = ("fixed8-weights", "fixed8-activations")
SHAPES: dict[str, Engine] = {"fixed8": ENGINE, "tr": ENGINE, "msq": MSQ_ENGINE, "dnateq": EXP_ENGINE}
ENGINES: dict[type, Engine] = {engine.form: engine for engine in (ENGINE, MSQ_ENGINE, EXP_ENGINE)}
MODES = [*networks.MODES, *networks.MSQ_MODES, networks.EXP_MODE]
SEED = int(os.environ.get("SHW_SEED") or "1")
STALLS = {"flowing": None, "stalling": Stalls(0.2, 0.4, SEED)}


_device = lru_cache(maxsize=None)(SimulatedDevice)


def device_for(network: IntegerNetwork, engine: Engine | None = None) -> SimulatedDevice:
    """The device that runs a network, built once."""
    form = type(network.convolutions[0].format)
    return _device(engine or ENGINES[form], requant_of(network))


@pytest.fixture(scope="module")
def device() -> SimulatedDevice:
    return _device(ENGINE, "shift")


def run(network: IntegerNetwork, x: np.ndarray, device: SimulatedDevice, stalls: Stalls | None = None) -> Execution:
    counts: dict[str, Work] = {}
    return execute(network, x, golden.run(network, x, True, counts), device, counts, stalls)


def check(done: Execution, network: IntegerNetwork, stalls: Stalls | None) -> None:
    assert [layer.name for layer in done.layers] == [module.name for module in network.modules]
    for layer in done.layers:
        assert layer.compared > 0, f"{layer.name}: nothing was compared (seed {SEED})"
        assert layer.mismatches == 0, f"{layer.name}: {layer.mismatches} of {layer.compared} differ (seed {SEED})"
        assert layer.executor == ("rtl" if layer.cycles else "host")
        if layer.cycles:
            assert layer.predicted_cycles
            longer = layer.cycles - layer.predicted_cycles
            least = 0 if stalls is None else networks.least_longer(network, layer.predicted_cycles)
            assert longer >= least and (stalls is not None or longer == 0), f"{layer.name}: {longer} (seed {SEED})"


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("mode", MODES)
def test_digits(mode: str, stalls: str) -> None:
    network, x = networks.digits(mode, 3)
    check(run(network, x, device_for(network), STALLS[stalls]), network, STALLS[stalls])


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_module(mode: str, stalls: str) -> None:
    network, x = networks.every_kind(mode, SEED)
    done = run(network, x, device_for(network), STALLS[stalls])
    check(done, network, STALLS[stalls])
    assert {layer.kind for layer in done.layers} >= {
        "conv", "grouped", "depthwise", "fc", "add", "maxpool", "avgpool", "concat", "slice", "pad", "reshape",
    }  # fmt: skip


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("mode", MAC_MODES)
def test_the_mac_engine(mode: str, stalls: str) -> None:
    """Networks without term revealing on the multiply-accumulate engine, an odd number of columns in pairs."""
    for network, x in (networks.digits(mode, 3), networks.every_kind(mode, SEED)):
        done = run(network, x, device_for(network, MAC_ENGINE), STALLS[stalls])
        check(done, network, STALLS[stalls])
        for layer in done.layers:
            if layer.cycles:
                assert layer.bound == -(-layer.macs // MAC_ENGINE.cells)
                assert layer.tokens is None


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize(
    ("mode", "engine"),
    [
        ("tr-weights", ENGINE),
        ("fixed8-weights", MAC_ENGINE),
        *((mode, MSQ_ENGINE) for mode in ("msq-free", "msq-pot")),
        (networks.EXP_MODE, EXP_ENGINE),
    ],
)
def test_a_table_between_layers(mode: str, engine: Engine, stalls: str) -> None:
    """Behind every engine: a layer's codes pass the table as they are, before it is loaded and after that."""
    network, x = networks.digits(mode, 2)
    device = device_for(network, engine)
    generator = np.random.default_rng(SEED)
    for _ in range(2):
        check(run(network, x, device, STALLS[stalls]), network, STALLS[stalls])
        codes = generator.integers(-128, 128, (2, 5, 7, 3)).astype(np.int8)
        table = generator.integers(0, 256, 256).astype(np.uint8)
        done = device.table(codes, table, STALLS[stalls])
        assert (done.codes == look_up(codes, table)).all()
        longer = done.cycles - table_cycles(codes.size, engine.cols)
        assert longer == 0 if STALLS[stalls] is None else longer > 0


def test_a_wrong_weight_is_found_on_the_mac_engine() -> None:
    network, x = networks.digits("fixed8-weights", 3)
    done = execute(network, x, golden.run(network, x, True), device_for(network, MAC_ENGINE), tamper=_flip_weights)
    assert done.layers[0].mismatches > 0


def test_binary_terms(device: SimulatedDevice) -> None:
    network, x = networks.every_kind("tr-weights", SEED)
    network.rule = "binary"
    check(run(network, x, device), network, None)


def test_modes_follow_each_other_without_reset(device: SimulatedDevice) -> None:
    """One engine runs layers of different modes in turn; the order of the layers does not matter."""
    network, x = networks.every_kind("fixed8-weights", SEED)
    configs = list(networks.MODES.values())
    for index, module in enumerate(module for module in network.modules if module.kind == "conv"):
        module.format = configs[index % len(configs)]
    check(run(network, x, device, Stalls(0.1, 0.1, SEED)), network, Stalls())


def test_4_bit_layers_are_reported() -> None:
    """Work and utilisation of layers that have no terms."""
    network, x = networks.every_kind("msq-free", SEED)
    layers = [layer for layer in run(network, x, device_for(network)).layers if layer.executor == "rtl"]
    for layer, module in zip(layers, (m for m in network.modules if m.kind == "conv"), strict=True):
        assert module.weight is not None
        row_sp2 = module.format.row_sp2
        positions = 2 * layer.shape[0] * layer.shape[1]
        assert layer.macs == positions * module.weight.size
        assert layer.facts["sp2_macs"] == positions * module.weight[row_sp2].size
        assert layer.tokens is None
        assert "stream" not in layer.facts
        assert layer.bound == -(-layer.macs // (5 * 4 * 4))
        assert layer.cycles
        assert layer.bound <= layer.cycles


def test_layers_of_exponential_codes_are_reported() -> None:
    """Work, cycles and bound of layers that have no terms; values beyond a slice and signs cost what they should."""
    network, x = networks.every_kind(networks.EXP_MODE, SEED)
    counts: dict[str, Work] = {}
    tensors = golden.run(network, x, True, counts)
    done = execute(network, x, tensors, device_for(network), counts)
    for layer in done.layers:
        if layer.executor == "rtl":
            assert layer.facts["weight_bits"] == network.module(layer.name).weight_bits
            assert 0 < layer.facts["live_macs"] <= layer.macs
            assert layer.tokens is None
            assert "stream" not in layer.facts
            assert layer.cycles
            assert 0 < (layer.bound or 0) <= layer.cycles


def test_stalls_repeat_with_their_seed(device: SimulatedDevice) -> None:
    network, x = networks.every_kind("tr-weights", SEED)
    cycles = [[layer.cycles for layer in run(network, x, device, Stalls(0.5, 0.5, s)).layers] for s in (5, 5, 6)]
    assert cycles[0] == cycles[1] != cycles[2]


def test_images_in_batches(device: SimulatedDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = networks.digits("tr-weights", 3)
    whole = run(network, x, device)
    monkeypatch.setattr(executor, "_OPERAND_BYTES", 1)
    single = run(network, x, device)
    check(single, network, None)
    assert np.array_equal(whole.outputs[network.output], single.outputs[network.output])


# Negative controls: what must be found is found.


def _flip_weights(operands: Operands) -> None:
    operands.layer.weights[0, operands.beats // 2] ^= 0x40


@pytest.mark.parametrize("mode", MODES)
def test_a_wrong_weight_is_found(mode: str) -> None:
    network, x = networks.digits(mode, 3)
    tensors = golden.run(network, x, True)
    done = execute(network, x, tensors, device_for(network), tamper=_flip_weights)
    assert done.layers[0].mismatches > 0


def _broken(network: IntegerNetwork, engine: Engine) -> NetworkProgram:
    """A program with a wrong weight."""
    program = compile_network(network, engine)
    weights = next(iter(program.layers.values())).weights
    weights[0, weights.shape[1] // 2] ^= 0x40
    return program


def _part(operands: Operands, name: str) -> np.ndarray:
    """A part of the memory image, to be changed."""
    found = operands.layer.read(name)
    assert found is not None
    return found


def _swap_kinds(operands: Operands) -> None:
    words = _part(operands, "row_sp2")
    words ^= np.uint64(1)


def _swap_rows(operands: Operands) -> None:
    operands.layer.slots = operands.layer.slots[:, ::-1]


def _lower_factor(operands: Operands) -> None:
    words = _part(operands, "factor")
    words &= np.uint32(0x7FFF7FFF)


@pytest.mark.parametrize("fault", [_swap_kinds, _swap_rows, _lower_factor])
def test_a_fault_of_4_bit_rows_is_found(fault: Callable[[Operands], None]) -> None:
    """The wrong kind of a row, results put back in the wrong order, a wrong scale."""
    network, x = networks.every_kind("msq-free", SEED)
    done = execute(network, x, golden.run(network, x, True), device_for(network), tamper=fault)
    assert done.layers[0].mismatches > 0


def _wrong_table(number: int) -> Callable[[Operands], None]:
    def fault(operands: Operands) -> None:
        words = _part(operands, "tables")
        words[words[:, 0] == number, 2] //= 3

    return fault


@pytest.mark.parametrize("fault", [*(_wrong_table(n) for n in range(4)), _swap_rows])
def test_a_fault_of_exponential_codes_is_found(fault: Callable[[Operands], None]) -> None:
    """Wrong levels of activations and weights, thresholds, levels of shortcuts; results in the wrong order."""
    network, x = networks.every_kind(networks.EXP_MODE, SEED)
    done = execute(network, x, golden.run(network, x, True), device_for(network), tamper=fault)
    assert sum(layer.mismatches for layer in done.layers[:2]) > 0  # the second module has a shortcut


def test_what_a_device_cannot_run_is_refused(device: SimulatedDevice) -> None:
    scaled, x = networks.every_kind("msq-free", SEED)
    shifted, y = networks.every_kind("msq-pot", SEED)
    with pytest.raises(ShiftworkError, match="'c1': it has 4-bit codes"):
        run(scaled, x, device)
    coded, z = networks.every_kind(networks.EXP_MODE, SEED)
    with pytest.raises(ShiftworkError, match="'c1': it has exponential codes"):
        run(coded, z, device)
    with pytest.raises(ShiftworkError, match="c1: the device's post unit requantizes by shift"):
        run(scaled, x, device_for(shifted))
    with pytest.raises(ShiftworkError, match="c1: the device's post unit requantizes by scale"):
        run(shifted, y, device_for(scaled))


@pytest.mark.parametrize("mode", ["tr-weights", "msq-free"])
def test_a_wrong_weight_fails_the_command(
    mode: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    network, x = networks.digits(mode, 3)
    network.save(tmp_path / "digits.npz")
    np.savez(tmp_path / "data.npz", x=x)
    command = ["simulate", str(tmp_path / "digits.npz"), "--data", str(tmp_path / "data.npz")]
    shape = device_for(network).engine.shape
    shape = {name: size for name, size in shape.items() if name != "rows" or mode == "tr-weights"}
    for name, size in shape.items():
        command += [f"--{name.replace('_', '-')}", str(size)]
    assert main(command) == 0
    assert "mismatches      0 of" in capsys.readouterr().out

    monkeypatch.setattr(executor, "compile_network", _broken)
    assert main(command) == 1
    assert "mismatches      0 of" not in capsys.readouterr().out


def test_demo_and_its_negative_control(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo(2, None, SHAPES) == 0
    assert "every layer equals the golden model" in capsys.readouterr().out
    monkeypatch.setattr(executor, "compile_network", _broken)
    assert demo(2, None, SHAPES) == 1
    assert "FAILED" in capsys.readouterr().out


def test_nothing_compared_is_an_error(device: SimulatedDevice) -> None:
    network, x = networks.digits("tr-weights", 3)
    with pytest.raises(ShiftworkError, match="nothing would be compared"):
        run(network, x[:0], device)


def test_a_hang_is_reported(monkeypatch: pytest.MonkeyPatch, device: SimulatedDevice) -> None:
    network, x = networks.digits("tr-weights", 1)
    monkeypatch.setattr(device, "watchdog", 5)  # less than the results of a tile take
    with pytest.raises(ShiftworkError, match="hangs: no handshake for 5 cycles"):
        run(network, x, device)
    monkeypatch.undo()
    check(run(network, x, device), network, None)  # the device is usable again


@pytest.mark.parametrize("terms", [Terms(), Terms(True, "weights", 4, 8, 3)], ids=str)
def test_shorter_slices(terms: Terms, device: SimulatedDevice) -> None:
    network, x = networks.long_sums(terms, SEED)
    shift = compile_network(network, ENGINE).layers[network.modules[0].name].configuration["cfg_slice_shift"]
    assert shift == (0 if terms.enabled else 1)  # with groups of four a slice has 128 values already
    done = run(network, x, device)
    check(done, network, None)
    assert [layer.cycles for layer in done.layers] == [layer.predicted_cycles for layer in done.layers]


@pytest.mark.parametrize("terms", [Terms(True, "weights", 3, 12, 3), Terms(True, "weights", 8, 12, 10)])
def test_an_illegal_configuration_is_reported(terms: Terms, device: SimulatedDevice) -> None:
    network, x = networks.digits("tr-weights", 1)
    tensors = golden.run(network, x, True)
    layer = compile_network(network, ENGINE).layers[network.modules[0].name]
    layer.configuration |= {"cfg_group": terms.group, "cfg_data_terms": terms.data_terms}
    with pytest.raises(ShiftworkError, match="refuses its configuration"):
        device.run(layer.operands(tensors))
    check(run(network, x, device), network, None)


@pytest.mark.full
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (3, 5), (8, 64)])
def test_other_shapes(rows: int, cols: int) -> None:
    shaped = SimulatedDevice(TrEngine(rows, cols))
    for mode in networks.MODES:
        network, x = networks.every_kind(mode, SEED)
        check(run(network, x, shaped), network, None)
        check(run(network, x, shaped, STALLS["stalling"]), network, STALLS["stalling"])


@pytest.mark.full
@pytest.mark.parametrize("shape", [(1, 1, "lut"), (8, 16, "lut"), (3, 5, "dsp"), (8, 64, "dsp48"), (20, 2, "dsp48")])
def test_other_shapes_of_the_mac_engine(shape: tuple[int, int, Literal["lut", "dsp", "dsp48"]]) -> None:
    for mode in MAC_MODES:
        network, x = networks.every_kind(mode, SEED)
        shaped = device_for(network, MacEngine(*shape))
        check(run(network, x, shaped), network, None)
        check(run(network, x, shaped, STALLS["stalling"]), network, STALLS["stalling"])


@pytest.mark.full
@pytest.mark.parametrize(
    "shape", [(1, 0, 2, 4), (3, 2, 2, 8), (0, 4, 6, 16), (4, 0, 4, 32), (8, 8, 16, 8), (2, 62, 2, 4)]
)
def test_other_shapes_of_the_msq_engine(shape: tuple[int, int, int, int]) -> None:
    """Both kinds of multiplier (an odd number of fixed rows shares none of them), one kind of row only, all lanes."""
    for mode in networks.MSQ_MODES:
        network, x = networks.every_kind(mode, SEED)
        shaped = device_for(network, MsqEngine(*shape))
        check(run(network, x, shaped), network, None)
        check(run(network, x, shaped, STALLS["stalling"]), network, STALLS["stalling"])


@pytest.mark.full
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 3), (8, 16, 2), (6, 4, 1), (16, 2, 16)])
def test_other_shapes_of_the_exp_engine(shape: tuple[int, int, int]) -> None:
    for seed in (SEED, SEED + 1):
        network, x = networks.every_kind(networks.EXP_MODE, seed)
        shaped = device_for(network, ExpEngine(*shape))
        check(run(network, x, shaped), network, None)
        check(run(network, x, shaped, STALLS["stalling"]), network, STALLS["stalling"])


@pytest.mark.full
def test_waves(tmp_path: Path) -> None:
    network, x = networks.every_kind("tr-weights", SEED)
    traced = SimulatedDevice(TrEngine(2, 3), waves=tmp_path / "device.vcd")
    check(run(network, x, traced), network, None)
    traced.close()
    assert "u_engine" in (tmp_path / "device.vcd").read_text()[:100_000]


@pytest.mark.full
def test_a_whole_network_simulates_at_half_the_speed_of_the_bare_engine() -> None:
    network, x = networks.digits("tr-weights", 40)
    result = benchmark.measure(network, Data(x, None), SimulatedDevice(TrEngine()))
    assert result.ratio >= 0.5, result
