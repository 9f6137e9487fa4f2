# SPDX-License-Identifier: Apache-2.0
"""The digits network on the accelerator: every module equals the golden model, whatever memory does."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from shiftwork import example
from shiftwork.cli import main
from shiftwork.compile import MsqEngine, TrEngine
from shiftwork.compile.accelerator import Accelerator, CompiledNetwork, compile_accelerator
from shiftwork.compile.instructions import AHEAD, BYTES, TARGETS, decode, decoded, encode, sealed
from shiftwork.device.simulated import Stalls
from shiftwork.device.simulated_accelerator import SimulatedAccelerator
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork, Terms
from shiftwork.quantize.quantization import Quantization
from shiftwork.run.accelerated import AcceleratorRun, execute_accelerator
from shiftwork.schemes import quantize
from system import networks
from system.random_networks import random_network

SMALL = Accelerator(TrEngine(8, 16), activation_memory=64, weight_words=512, constants=128)
SHAPES = {
    "8x16": SMALL,
    "2x8": Accelerator(TrEngine(2, 8), activation_memory=32, weight_words=512, constants=128),
    "4x32": Accelerator(TrEngine(4, 32), activation_memory=64, weight_words=512, constants=64),
    "16x64": Accelerator(TrEngine(16, 64), activation_memory=128, weight_words=512, constants=64),
    "8x8, strips": Accelerator(TrEngine(8, 8), activation_memory=2, weight_words=512, constants=128),
}
ROWS = "16x8"
ROW_SHAPES = {
    ROWS: Accelerator(MsqEngine(8, 8, 8, lanes=1), activation_memory=64, weight_words=512, constants=128),
    "2x8": Accelerator(MsqEngine(1, 1, 8, lanes=1), activation_memory=32, weight_words=512, constants=128),
    "4x32": Accelerator(MsqEngine(4, 0, 32, lanes=1), activation_memory=64, weight_words=512, constants=128),
    "16x64": Accelerator(MsqEngine(0, 16, 64, lanes=1), activation_memory=128, weight_words=512, constants=128),
    "8x8, strips": Accelerator(MsqEngine(6, 2, 8, lanes=1), activation_memory=2, weight_words=512, constants=128),
}


@lru_cache
def digits(scheme: str) -> tuple[IntegerNetwork, np.ndarray]:
    graph = import_onnx(example.MODEL)
    calibration = load_data(example.CALIBRATION, graph, 64)
    return quantize(Quantization(scheme), graph, calibration, inside=True), load_data(example.TEST, graph, 20).x


@lru_cache
def device(shape: str) -> SimulatedAccelerator:
    return SimulatedAccelerator(SHAPES[shape])


def run(shape: str, scheme: str, samples: int, stalls: Stalls | None = None, **options: object) -> AcceleratorRun:
    network, x = digits(scheme)
    expected = golden.run(network, x[:samples])
    done = execute_accelerator(network, x[:samples], expected, device(shape), stalls=stalls, **options)  # type: ignore[arg-type]
    assert done.compared > 0
    return done


def changed(program: CompiledNetwork, index: int, **values: int) -> np.ndarray:
    """The memory of a program with other fields of an instruction."""
    memory, at = program.memory.copy(), program.program_address + BYTES * index
    kind, fields = decode(memory[at : at + BYTES].tobytes())
    memory[at : at + BYTES] = np.frombuffer(encode(kind, fields | values), np.uint8)
    return resealed(program, memory)


def resealed(program: CompiledNetwork, memory: np.ndarray) -> np.ndarray:
    """The memory with the checksum of the program that is in it."""
    begin, end = program.program_address, program.program_address + BYTES * program.program_count
    memory[begin:end] = np.frombuffer(sealed(memory[begin:end].tobytes()), np.uint8)
    return memory


def differences(done: AcceleratorRun) -> int:
    return done.mismatches + sum(layer.mismatches for layer in done.layers)


@pytest.mark.parametrize("scheme", ["fixed8", "tr"])
def test_every_module_equals_the_golden_model(scheme: str) -> None:
    done = run("8x16", scheme, 5)
    assert differences(done) == 0
    assert [layer.executor for layer in done.layers] == ["accel"] * len(done.layers)
    assert len({counters.cycles for counters in done.counters}) == 1, "the time depends on the data"


@pytest.mark.full
@pytest.mark.parametrize("shape", [name for name in SHAPES if name != "8x16"])
def test_other_shapes(shape: str) -> None:
    assert differences(run(shape, "tr", 20)) == 0


def test_maps_that_do_not_fit_run_in_strips() -> None:
    program = compile_accelerator(digits("tr")[0], SHAPES["8x8, strips"])
    assert max(map(len, program.instructions.values())) > 1
    calm, stalled = (run("8x8, strips", "tr", 2, stalls) for stalls in (None, Stalls(0.4, 0.4, 1)))
    assert differences(calm) == differences(stalled) == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_memory_may_stall(seed: int) -> None:
    calm, stalled = run("8x16", "tr", 2), run("8x16", "tr", 2, Stalls(0.4, 0.4, seed))
    assert differences(stalled) == 0
    assert stalled.counters[0].cycles > calm.counters[0].cycles
    assert stalled.counters[0].beats == calm.counters[0].beats


def test_networks_in_turns_without_a_reset() -> None:
    assert sum(differences(run("8x16", scheme, 1)) for _ in range(5) for scheme in ("tr", "fixed8")) == 0


def test_a_wrong_weight_is_found() -> None:
    def tamper(program: CompiledNetwork) -> None:
        kind, weights = decoded(program.program)[program.instructions["conv2"][0] - 1]
        assert (kind, weights["target"]) == ("load", TARGETS["weights"])
        at = weights["memory"]
        changed = program.memory.copy()
        changed[at + 64 : at + 128] ^= 0x40
        program.memory = changed

    assert differences(run("8x16", "fixed8", 1, tamper=tamper)) > 0


def test_a_malformed_instruction_is_named() -> None:
    def tamper(program: CompiledNetwork) -> None:
        changed = program.memory.copy()
        changed[program.program_address + BYTES * program.instructions["conv2"][0]] |= 3
        program.memory = changed

    with pytest.raises(ShiftworkError, match=r"node 'conv2'.*malformed instruction"):
        run("8x16", "tr", 1, tamper=tamper)
    assert differences(run("8x16", "tr", 1)) == 0


def test_a_refused_configuration_is_named() -> None:
    network, x = digits("tr")
    program = compile_accelerator(network, SMALL)
    memory = changed(program, program.instructions["conv1"][0], group=0)
    program.put(memory, golden.quantize_input(network, x[:1])[0])
    with pytest.raises(ShiftworkError, match="the engine refuses its configuration"):
        device("8x16").run(program, memory)
    assert differences(run("8x16", "tr", 1)) == 0


@pytest.mark.parametrize("shape", ["2x8", "4x32", "more memory"])
def test_a_program_for_another_shape_is_refused(shape: str) -> None:
    program = compile_accelerator(digits("tr")[0], SHAPES.get(shape, replace(SMALL, weight_words=1024)))
    with pytest.raises(ShiftworkError, match="instruction 0: the program is for another shape"):
        device("8x16").run(program, program.memory.copy())
    assert differences(run("8x16", "tr", 1)) == 0


def test_a_program_for_less_memory_runs() -> None:
    network, x = digits("tr")
    codes = golden.quantize_input(network, x[:1])
    program = compile_accelerator(network, replace(SMALL, activation_memory=32, constants=64))
    memory = program.memory.copy()
    program.put(memory, codes[0])
    device("8x16").run(program, memory)
    assert np.array_equal(program.get(memory), golden.run(network, codes)[network.output][0])


def test_damage_is_found() -> None:
    """A bit that is wrong anywhere in the program ends the run, and the next one is right."""
    program = compile_accelerator(digits("tr")[0], SMALL)
    generator = random.Random(4)
    for _ in range(40):
        memory = program.memory.copy()
        at = program.program_address + generator.randrange(BYTES * program.program_count)
        memory[at] ^= 1 << generator.randrange(8)
        with pytest.raises(ShiftworkError, match=r"^instruction "):
            device("8x16").run(program, memory)
    assert differences(run("8x16", "tr", 1)) == 0


FRESH = """
import sys
from pathlib import Path
import numpy as np
from shiftwork.compile.program_file import read
from shiftwork.device.simulated_accelerator import SimulatedAccelerator
program = read(Path(sys.argv[1]))
device, found = SimulatedAccelerator(program.shape), []
for codes in np.load(sys.argv[2]):
    memory = program.memory.copy()
    program.put(memory, codes)
    device.run(program, memory)
    found.append(program.get(memory))
np.save(sys.argv[3], np.array(found))
assert not {"onnx", "onnxruntime"} & set(sys.modules), "the model was read"
"""


def test_a_file_runs_in_a_process_that_knows_nothing_else(tmp_path: Path) -> None:
    """Compiled by the command, run without the model, compared with the golden model."""
    net, codes, found = tmp_path / "net.shw", tmp_path / "codes.npy", tmp_path / "found.npy"
    words = ["compile", example.MODEL, "--data", example.TEST, "--calib-data", example.CALIBRATION, "--calibrate", 64]
    words += ["--scheme", "tr", "--rows", 8, "--cols", 16, "--activation-memory", 64, "--weight-words", 512]
    assert main([str(word) for word in (*words, "--constants", 128, "--output", net)]) == 0
    network, x = digits("tr")
    samples = golden.quantize_input(network, x[:3])
    np.save(codes, samples)
    device("8x16")
    subprocess.run([sys.executable, "-c", FRESH, net, codes, found], check=True, cwd=tmp_path)
    assert np.array_equal(np.load(found), golden.run(network, samples)[network.output])


def depthwise_run(shape: str, terms: Terms, stalls: Stalls | None = None) -> AcceleratorRun:
    network, codes = networks.depthwise(terms, 3)
    return execute_accelerator(network, codes, golden.run(network, codes), device(shape), stalls=stalls)


@pytest.mark.parametrize(
    "shape", [pytest.param(name, marks=[] if name == "8x16" else pytest.mark.full) for name in SHAPES]
)
@pytest.mark.parametrize("terms", [Terms(), Terms(True, group=8, budget=7), Terms(True, group=64, budget=20)], ids=str)
def test_depthwise_layers(shape: str, terms: Terms) -> None:
    done = depthwise_run(shape, terms)
    assert differences(done) == 0
    for layer in done.layers:
        spans = [counters.layers[layer.name] for counters in done.counters]
        assert layer.bound is not None
        assert layer.bound <= sum(end - start for start, end in spans), layer.name


def followed_run(shape: str, terms: Terms, stalls: Stalls | None = None, **options: object) -> AcceleratorRun:
    network, codes = networks.followed(terms, 4)
    expected = golden.run(network, codes)
    return execute_accelerator(network, codes, expected, device(shape), stalls=stalls, **options)  # type: ignore[arg-type]


def with_ahead(program: CompiledNetwork, change: Callable[[int], int]) -> set[int]:
    """Changes `ahead` of all layers; what they had before."""
    memory, seen = program.memory.copy(), set()
    for index in range(program.program_count):
        at = program.program_address + BYTES * index
        kind, fields = decode(memory[at : at + BYTES].tobytes())
        if kind == "run":
            seen.add(fields["ahead"])
            changed = encode(kind, fields | {"ahead": change(fields["ahead"])})
            memory[at : at + BYTES] = np.frombuffer(changed, np.uint8)
    program.memory = resealed(program, memory)
    return seen


@pytest.mark.parametrize(
    "shape", ["8x16", *(pytest.param(name, marks=pytest.mark.full) for name in ("2x8", "4x32", "16x64"))]
)
@pytest.mark.parametrize(
    "stalls", [pytest.param(None, id="calm", marks=pytest.mark.full), pytest.param(Stalls(0.4, 0.4, 3), id="stalls")]
)
def test_layers_follow_each_other(shape: str, stalls: Stalls | None) -> None:
    assert differences(followed_run(shape, Terms(True, group=8, budget=12), stalls)) == 0


@pytest.mark.full
def test_a_layer_that_follows_saves_time() -> None:
    def alone(program: CompiledNetwork) -> None:
        assert with_ahead(program, lambda _: AHEAD["after"]) == set(AHEAD.values())

    network, codes = networks.followed(Terms(), 4)
    followed, after = (
        execute_accelerator(network, codes, golden.run(network, codes), device("8x16"), tamper=tamper)
        for tamper in (None, alone)
    )
    assert differences(followed) == differences(after) == 0
    assert followed.counters[0].cycles + 50 * len(network.modules) < after.counters[0].cycles


def test_a_layer_too_far_ahead_is_found() -> None:
    def far(program: CompiledNetwork) -> None:
        if not program.traces:  # stores behind every layer keep the next one back
            with_ahead(program, lambda ahead: AHEAD["beside"] if ahead else 0)

    assert followed_run("8x16", Terms(), tamper=far).mismatches > 0


def test_poolings_take_parts() -> None:
    """Through a memory that stalls as well."""
    network, codes = networks.pooled(Terms(True, group=8, budget=12), 5)
    for stalls in (None, Stalls(0.4, 0.4, 3)):
        done = execute_accelerator(network, codes, golden.run(network, codes), device("8x8, strips"), stalls=stalls)
        assert differences(done) == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_depthwise_layers_when_memory_stalls(seed: int) -> None:
    calm, stalled = depthwise_run("8x16", Terms()), depthwise_run("8x16", Terms(), Stalls(0.4, 0.4, seed))
    assert differences(stalled) == 0
    assert stalled.counters[0].cycles > calm.counters[0].cycles
    assert stalled.counters[0].beats == calm.counters[0].beats


def test_channels_of_a_depthwise_layer_share_tiles() -> None:
    """24 channels of 9 taps on 8 rows: 3 tiles a block, a beat a tap and channel, a vector of weights a tap."""
    network, codes = networks.depthwise(Terms(), 3)
    network = network.first(1)
    done = execute_accelerator(network, codes, golden.run(network, codes), device("8x16"))
    assert differences(done) == 0
    blocks, tile = 9, 9 * 8 + 1
    assert done.counters[0].beats == blocks * 24 * 9
    start, end = done.counters[0].layers["d24"]
    assert end - start < (3 * blocks + 2) * tile  # the last one is computed behind the others
    program = compile_accelerator(network, SMALL)
    loads = decoded(program.program)
    assert [fields["words"] for kind, fields in loads if kind == "load" and fields["target"] == 1] == [24 * 9 // 8]


def test_more_channels_than_rows_have_turns_is_a_fault() -> None:
    network, codes = networks.depthwise(Terms(), 3)
    program = compile_accelerator(network, SMALL)
    memory = changed(program, program.instructions["d24"][0], channels=9)
    program.put(memory, codes[0])
    with pytest.raises(ShiftworkError, match="node 'd24'"):
        device("8x16").run(program, memory)
    assert differences(depthwise_run("8x16", Terms())) == 0


@pytest.mark.full
def test_channels_that_are_not_whole_tiles_are_a_fault() -> None:
    network, codes = networks.followed(Terms(), 4)
    program = compile_accelerator(network, SMALL)
    layers = [i for i, (kind, v) in enumerate(decoded(program.program)) if kind == "run" and v["channel_tiles"]]
    memory = changed(program, layers[0], channels=12)
    program.put(memory, codes[0])
    with pytest.raises(ShiftworkError, match=f"node '{program.names[layers[0]]}'"):
        device("8x16").run(program, memory)
    assert differences(followed_run("8x16", Terms())) == 0


@pytest.mark.parametrize("terms", [Terms(), Terms(True, group=8, budget=12, data_terms=3)], ids=str)
@pytest.mark.parametrize("first", networks.FIRST)
def test_first_layers_of_large_strides(first: str, terms: Terms) -> None:
    network, codes = networks.strided(terms, 6, networks.FIRST[first])
    done = execute_accelerator(network, codes, golden.run(network, codes), device("8x16"))
    assert differences(done) == 0
    assert done.predicted_cycles == sum(counters.cycles for counters in done.counters)
    assert [layer.cycles for layer in done.layers] == [layer.predicted_cycles for layer in done.layers]


def test_shorter_slices() -> None:
    network, codes = networks.long_sums(Terms(), 6)
    program = compile_accelerator(network, SMALL)
    assert [values["slice_shift"] for kind, values in decoded(program.program) if kind == "run"] == [1, 0]
    done = execute_accelerator(network, codes, golden.run(network, codes), device("8x16"))
    assert differences(done) == 0
    assert done.predicted_cycles == sum(counters.cycles for counters in done.counters)


def rows_run(shape: str, network: IntegerNetwork, codes: np.ndarray, stalls: Stalls | None = None) -> AcceleratorRun:
    """Where memory does not stall, cycles are those predicted as well."""
    done = execute_accelerator(network, codes, golden.run(network, codes), row_device(shape), stalls=stalls)
    assert differences(done) == 0
    if stalls is None:
        assert [layer.cycles for layer in done.layers] == [layer.predicted_cycles for layer in done.layers]
    return done


@lru_cache
def row_device(shape: str) -> SimulatedAccelerator:
    return SimulatedAccelerator(ROW_SHAPES[shape])


@pytest.mark.parametrize("mode", networks.MSQ_MODES)
def test_digits_in_4_bit_rows(mode: str) -> None:
    done = rows_run(ROWS, *networks.digits(mode, 3))
    assert [layer.executor for layer in done.layers] == ["accel"] * len(done.layers)


def test_an_input_in_copies() -> None:
    network, x = networks.in_copies("msq-free", 3)
    assert network.tensors[network.input].shape == (8, 8, 4)
    rows_run(ROWS, network, x)


@pytest.mark.parametrize("mode", ["msq-free", "msq-pot"])
@pytest.mark.parametrize("make", [networks.depthwise, networks.followed], ids=lambda make: make.__name__)
def test_layers_of_4_bit_rows(make: Callable[[str, int], tuple[IntegerNetwork, np.ndarray]], mode: str) -> None:
    network, codes = make(mode, 3)
    calm, stalled = (rows_run(ROWS, network, codes, stalls) for stalls in (None, Stalls(0.4, 0.4, 3)))
    assert stalled.counters[0].cycles > calm.counters[0].cycles


@pytest.mark.full
@pytest.mark.parametrize("shape", [shape for shape in ROW_SHAPES if shape != ROWS])
def test_other_shapes_of_4_bit_rows(shape: str) -> None:
    rows_run(shape, *networks.digits("msq-free", 10))
    rows_run(shape, *networks.depthwise("sp2-pot", 3))
    rows_run(shape, *networks.pooled("msq-free", 5), Stalls(0.4, 0.4, 3))


@pytest.mark.full
def test_random_networks_of_4_bit_rows() -> None:
    for seed in range(8):
        rows_run(ROWS, *random_network("msq-pot" if seed % 2 else "msq-free", seed))


def test_a_wrong_kind_of_a_row_is_found() -> None:
    def tamper(program: CompiledNetwork) -> None:
        kind, weights = decoded(program.program)[program.instructions["conv2"][0] - 1]
        assert (kind, weights["target"]) == ("load", TARGETS["weights"])
        changed = program.memory.copy()
        changed[weights["memory"]] ^= 16
        program.memory = changed

    network, x = networks.digits("msq-free", 1)
    done = execute_accelerator(network, x, golden.run(network, x), row_device(ROWS), tamper=tamper)
    assert differences(done) > 0


def test_a_program_of_8_bit_codes_is_refused() -> None:
    program = compile_accelerator(digits("fixed8")[0], SMALL)
    with pytest.raises(ShiftworkError, match="instruction 0: the program is for another shape"):
        row_device(ROWS).run(program, program.memory.copy())


def addressed_run(shape: str, tamper: Callable[[CompiledNetwork], None] | None = None) -> AcceleratorRun:
    network, codes = networks.addresses(5)
    return execute_accelerator(network, codes, golden.run(network, codes), device(shape), tamper=tamper)


def test_concatenations_are_read_back_and_addresses_are_not_compared() -> None:
    """On the chip a concatenation has a place; in strips its parts are apart, and compared one by one."""
    for shape, written in (("8x16", {"some", "all"}), ("8x8, strips", set())):
        done = addressed_run(shape)
        assert differences(done) == 0
        found = {layer.name for layer in done.layers if layer.executor == "address"}
        assert found == {"some", "all", "cut", "padded"} - written
        assert {layer.name for layer in done.layers if not layer.compared} == found


@pytest.mark.parametrize("name", ["some", "all", "left"])
def test_what_is_read_back_comes_from_the_device(name: str) -> None:
    """The device copies a tensor from a word behind its place: only that module differs."""

    def tamper(program: CompiledNetwork) -> None:
        changed = program.memory.copy()
        for area in program.traces.get(name, ()):
            for at in range(program.program_address, program.program_address + len(program.program), BYTES):
                kind, fields = decode(changed[at : at + BYTES].tobytes())
                if kind == "store" and fields["memory"] == area.address:
                    moved = encode(kind, fields | {"place": fields["place"] + 1})
                    changed[at : at + BYTES] = np.frombuffer(moved, np.uint8)
        program.memory = resealed(program, changed)

    assert [layer.name for layer in addressed_run("8x16", tamper).layers if layer.mismatches] == [name]


def test_a_module_that_is_not_read_back_is_an_error() -> None:
    def tamper(program: CompiledNetwork) -> None:
        program.traces.pop("left", None)

    with pytest.raises(ShiftworkError, match="nothing was compared"):
        addressed_run("8x16", tamper)
