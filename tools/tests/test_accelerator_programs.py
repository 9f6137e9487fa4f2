# SPDX-License-Identifier: Apache-2.0
"""Whole programs of the accelerator, executed by its model and compared with the golden model, module by module."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np
import pytest

from shiftwork import example
from shiftwork.compile import MacEngine, MsqEngine, TrEngine
from shiftwork.compile.accelerator import Accelerator, AcceleratorProgram, compile_accelerator
from shiftwork.compile.instructions import AHEAD, BYTES, decode, decoded, encode, sealed
from shiftwork.device.accelerator_model import Machine
from shiftwork.device.registers import FAULTS
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork, Terms
from shiftwork.quantize.fixed8 import quantize
from system.networks import FIRST, MSQ_MODES, First, depthwise, strided
from system.networks import digits as digits_in
from system.random_networks import random_network

ORDERS = {"moves first": lambda: True, "layers first": lambda: False, "mixed": None}


def run(network: IntegerNetwork, shape: Accelerator, x: np.ndarray, order: str = "moves first") -> AcceleratorProgram:
    """Compare the output of the program, and with a trace what every module writes; the program as it is used."""
    codes = golden.quantize_input(network, x) if x.dtype.kind == "f" else x
    expected = golden.run(network, codes)
    generator = random.Random(5)
    choose = ORDERS[order] or (lambda: generator.random() < 0.5)
    used = None
    for trace in (False, True):
        program = compile_accelerator(network, shape, trace)
        machine = Machine(shape)
        for index in range(len(codes)):
            memory = program.memory.copy()
            program.put(memory, codes[index])
            machine.run(program.program, memory, choose)
            areas = {network.output: [program.output]}
            for module in network.modules:
                areas.setdefault(module.output, []).extend(program.traces.get(module.name, []))
            assert not trace or sum(map(len, areas.values())) > len(program.instructions)
            for name, found in areas.items():
                for area in found:
                    actual = program.get(memory, area)
                    np.testing.assert_array_equal(actual, expected[name][index], err_msg=f"{name} {area}")
        used = used or program
    assert used is not None
    return used


def strips(program: AcceleratorProgram) -> int:
    """Most runs of a layer."""
    return max(map(len, program.instructions.values()))


@pytest.fixture(scope="module")
def digits() -> IntegerNetwork:
    graph = import_onnx(example.MODEL)
    return quantize(graph, load_data(example.CALIBRATION, graph, 64).x, "maxabs")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("cols", "kib"), [(16, 64), (8, 2), (8, 4), (64, 16)])
def test_digits(digits, cols, kib, order):
    x = load_data(example.TEST, import_onnx(example.MODEL), 2).x
    program = run(digits, Accelerator(TrEngine(8, cols), kib), x, order)
    assert (strips(program) > 1) == (kib == 2)


@pytest.mark.parametrize("mode", MSQ_MODES)
def test_4_bit_rows(mode):
    network, x = digits_in(mode, 2)
    for cols, kib in ((16, 64), (8, 2)):
        program = run(network, Accelerator(MsqEngine.inside_of(8, cols), kib), x)
        assert (strips(program) > 1) == (kib == 2)
    shape = Accelerator(MsqEngine(3, 1, 32, lanes=1), 64)
    for network, codes in (depthwise(mode, 3), random_network(mode, 4), random_network(mode, 5)):
        run(network, shape, codes)


def test_4_bit_rows_that_are_refused():
    shape = Accelerator(MsqEngine.inside_of(8, 16), 64)
    network, _ = depthwise("msq-pot", 3)
    with pytest.raises(ShiftworkError, match="it has 4-bit codes, the mac engine takes"):
        compile_accelerator(network, Accelerator(MacEngine(8, 16), 64))
    network.modules[-1].shortcut = "d32"
    with pytest.raises(ShiftworkError, match="node 'out': a raw result by scale has no shortcut"):
        compile_accelerator(network, shape)
    network, _ = strided("msq-free", 1, First((80, 100), (1, 1)), (80, 100, 3))
    with pytest.raises(
        ShiftworkError, match=r"node 'first': a sum of 24000 products can reach .* the engine's 20 bits"
    ):
        compile_accelerator(network, shape)


@dataclass
class Maker:
    """Nodes and weights of a made-up network."""

    seed: int
    nodes: list = field(default_factory=list)
    weights: dict = field(default_factory=dict)
    channels: dict = field(default_factory=lambda: {"in": 3})

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def conv(self, source, out, name, kernel=3, stride=1, groups=1, pad=None, relu=True, dilation=1):
        pad = dilation * (kernel // 2) if pad is None else pad
        shape = (out, self.channels[source] // groups, kernel, kernel)
        self.weights[f"{name}_w"] = self.random.normal(size=shape).astype(np.float32) / np.sqrt(np.prod(shape[1:]))
        self.weights[f"{name}_b"] = self.random.normal(size=out).astype(np.float32) / 4
        attributes = {"strides": [stride] * 2, "pads": [pad] * 4, "kernel_shape": [kernel] * 2, "group": groups,
                      "dilations": [dilation] * 2}  # fmt: skip
        to = f"{name}_c" if relu else name
        self.nodes.append(("Conv", [source, f"{name}_w", f"{name}_b"], to, attributes))
        if relu:
            self.nodes.append(("Relu", [to], name))
        self.channels[name] = out
        return name

    def pool(self, source, name, kind="MaxPool", kernel=2, stride=2, pad=0, **attributes):
        values = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4, **attributes}
        self.nodes.append((kind, [source], name, values))
        self.channels[name] = self.channels[source]
        return name

    def concat(self, sources, name):
        self.nodes.append(("Concat", sources, name, {"axis": 1}))
        self.channels[name] = sum(self.channels[source] for source in sources)
        return name

    def add(self, first, second, name):
        self.nodes += [("Add", [first, second], f"{name}_a"), ("Relu", [f"{name}_a"], name)]
        self.channels[name] = self.channels[first]
        return name

    def head(self, source):
        self.nodes.append(("GlobalAveragePool", [source], "average"))
        self.channels["average"] = self.channels[source]
        return self.conv("average", 5, "out", 1, relu=False)


def squeeze(net):
    net.conv("in", 8, "first", 3, 2, pad=0)
    net.pool("first", "pool", kernel=3, ceil_mode=1)
    net.conv("pool", 4, "squeeze", 1)
    net.concat([net.conv("squeeze", 6, "left", 1), net.conv("squeeze", 10, "right", 3)], "both")
    net.conv("both", 4, "again", 1)
    net.concat([net.conv("again", 7, "up", 1), net.conv("again", 9, "down", 3)], "second")
    net.pool("second", "less", kernel=3)
    net.head("less")


def inverted(net):
    net.conv("in", 8, "first", 3, 2)
    net.conv("first", 24, "wide", 1)
    net.conv("wide", 24, "deep", 3, 2, groups=24)
    net.conv("deep", 8, "narrow", 1, relu=False)
    net.conv("narrow", 24, "wide2", 1)
    net.conv("wide2", 24, "deep2", 3, 1, groups=24)
    net.conv("deep2", 8, "narrow2", 1, relu=False)
    net.nodes.append(("Add", ["narrow2", "narrow"], "sum"))
    net.channels["sum"] = 8
    net.head("sum")


def residual(net):
    net.conv("in", 8, "first", 3)
    net.conv("first", 8, "a", 3, 2)
    net.conv("first", 8, "skip", 1, 2, relu=False)
    net.conv("a", 8, "b", 3, relu=False)
    net.add("b", "skip", "sum")
    net.conv("sum", 8, "far", 5, dilation=2)
    net.pool("far", "mean", "AveragePool", 2, 2)
    net.add("mean", "mean", "twice")
    net.head("twice")


NETWORKS = {"squeeze": squeeze, "inverted": inverted, "residual": residual}


@pytest.mark.parametrize(("cols", "kib"), [(8, (8, 4, 2, 1)), (16, (16, 8, 4, 2)), (64, (128, 64, 32, 16))])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_in_strips(save_model, name, cols, kib):
    maker = Maker(7)
    NETWORKS[name](maker)
    size = (3, 93, 85) if cols == 64 else (3, 37, 45)
    path = save_model(maker.nodes, maker.weights, ("N", *size))
    x = np.random.default_rng(1).normal(size=(3, *size)).astype(np.float32)
    network = quantize(import_onnx(path), x, "maxabs")
    done, most, ahead = 0, 0, set()
    for index, size in enumerate(kib):
        try:
            program = run(network, Accelerator(TrEngine(8, cols), size), x[:1], list(ORDERS)[index % len(ORDERS)])
        except ShiftworkError as error:
            assert "words of activation memory are needed" in str(error)  # noqa: PT017
            break
        print(name, cols, size, strips(program), program.program_count)
        done, most = done + 1, max(most, strips(program))
        runs = [fields for kind, fields in decoded(program.program) if kind == "run"]
        ahead |= {(fields["ahead"], fields["channel_tiles"]) for fields in runs}
    assert done >= 2 and most >= 3
    assert len({how for how, _ in ahead}) > 1
    assert ((AHEAD["behind"], 1) in ahead) == (name == "residual" and cols > 8)


def pooled(net):
    net.conv("in", 24, "first", 3, 2, pad=0)
    net.pool("first", "pool", kernel=3, ceil_mode=1)
    net.conv("pool", 8, "squeeze", 1)
    net.concat([net.conv("squeeze", 6, "left", 1), net.conv("squeeze", 42, "right", 3)], "both")
    net.pool("both", "less", kernel=3)
    net.conv("less", 40, "last", 3)
    net.head("last")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("cols", "kib"), [(8, (16, 8, 4)), (16, (32, 16, 8)), (64, (128, 64, 32))])
def test_a_pooling_takes_parts_of_channels(save_model, cols, kib, order):
    """What a pooling alone reads need not be on the chip in all channels, nor outside."""
    maker = Maker(9)
    pooled(maker)
    size = (3, 93, 85) if cols == 64 else (3, 37, 45)
    x = np.random.default_rng(2).normal(size=(2, *size)).astype(np.float32)
    network = quantize(import_onnx(save_model(maker.nodes, maker.weights, ("N", *size))), x, "maxabs")
    turns = []
    for memory in kib:
        program = run(network, Accelerator(TrEngine(8, cols), memory), x[:1], order)
        names = [program.names[index] for index in sorted(program.names)]
        turns.append(len(list(groupby(names))) - len(set(names)))
    print(cols, kib, turns)
    assert max(turns) > 3


def test_a_layer_too_far_ahead_is_found(digits) -> None:
    """Every layer of the digits network reads what the one before it writes."""
    x = load_data(example.TEST, import_onnx(example.MODEL), 1).x
    shape = Accelerator(TrEngine(8, 16), 64)
    program = compile_accelerator(digits, shape)
    memory = program.memory.copy()
    program.put(memory, golden.quantize_input(digits, x)[0])
    listed = decoded(program.program)
    layers = [index for index, (kind, _) in enumerate(listed) if kind == "run"]
    for layer in layers[1:]:
        changed = [encode(kind, fields | ({"ahead": 1} if index == layer else {}))
                   for index, (kind, fields) in enumerate(listed)]  # fmt: skip
        with pytest.raises(ShiftworkError, match="perhaps not written"):
            Machine(shape).run(sealed(b"".join(changed)), memory.copy())


@pytest.mark.parametrize("start", [(0, 0), (1, 0), (0, 1)])
def test_slices_of_every_second_position_as_shortcuts(save_model, start) -> None:
    """Words of odd columns are swapped, and shortcuts are read as they are."""
    maker = Maker(3)
    maker.conv("in", 5, "c", 3, 2, relu=False)
    maker.nodes += [("Slice", ["in", "from", "to", "axes", "steps"], "s"), ("Pad", ["s", "pads"], "p"),
                    ("Add", ["c", "p"], "out")]  # fmt: skip
    maker.weights |= {"from": np.array(start), "to": np.array([2**62] * 2), "axes": np.array([2, 3]),
                      "steps": np.array([2, 2]), "pads": np.array([0, 1, 0, 0, 0, 1, 0, 0])}  # fmt: skip
    x = np.random.default_rng(2).normal(size=(2, 3, 38, 26)).astype(np.float32)
    network = quantize(import_onnx(save_model(maker.nodes, maker.weights, ("N", 3, 38, 26))), x, "maxabs")
    if start[1]:
        with pytest.raises(ShiftworkError, match="'s': the accelerator slices from an even column on only"):
            compile_accelerator(network, Accelerator(TrEngine(8, 16), 64))
        return
    for kib in (64, 4):
        run(network, Accelerator(TrEngine(8, 16), kib), x)


TERMS = (Terms(), Terms(True, group=8, budget=12, data_terms=3), Terms(True, group=64, budget=60))


@pytest.mark.parametrize(
    ("engine", "terms"),
    [
        (TrEngine(8, 16), TERMS[0]),
        (TrEngine(8, 16), TERMS[1]),
        (TrEngine(2, 8), TERMS[2]),
        (MacEngine(4, 32), TERMS[0]),
    ],
    ids=str,
)
def test_first_layers_of_large_strides(engine, terms):
    for seed, first in enumerate(FIRST.values()):
        network, x = strided(terms, seed, first)
        run(network, Accelerator(engine, engine.cols << 3, 4096), x[:1], list(ORDERS)[seed % len(ORDERS)])


@pytest.mark.parametrize("terms", TERMS, ids=str)
def test_random_first_layers(terms):
    rng, done = np.random.default_rng(terms.group), 0
    for seed in range(20):
        kernel, stride, dilation, pads = (
            tuple(int(n) for n in rng.integers(1, 1 + most, size)) for most, size in ((9, 2), (5, 2), (2, 2), (5, 4))
        )
        network, x = strided(terms, seed, First(kernel, stride, pads, dilation), (*rng.integers(17, 40, 2), 2))
        program = compile_accelerator(network, Accelerator(TrEngine(8, 16), 128, 4096))
        done += program.input.windows is not None
        run(network, program.shape, x[:1])
    assert done > 10


def test_a_first_layer_of_a_large_stride_in_strips():
    network, x = strided(TERMS[1], 3, FIRST["11x11, 4x4"], (93, 45, 3))
    program = run(network, Accelerator(TrEngine(8, 16), 16), x[:1], "mixed")
    assert strips(program) > 2


def test_strides_that_are_refused():
    shape, (network, _) = Accelerator(TrEngine(8, 16), 64), strided(Terms(), 1, FIRST["3x3, 3x3"])
    first = network.modules[0]
    twice = replace(first, name="again", output="y")
    grouped = replace(first, weight=first.weight[:9, ..., :1], bias=None, shift=None, bias_shift=None, groups=3)
    later = replace(network.modules[1], stride=(3, 1))
    for modules, name in (
        ([first, twice, *network.modules[1:]], "first"),
        ([grouped, *network.modules[1:]], "first"),
        ([first, later, *network.modules[2:]], "second"),
    ):
        tensors = network.tensors | {"y": network.tensors["x"]}
        with pytest.raises(ShiftworkError, match=rf"^node '{name}': the accelerator moves by 1 or 2 both ways, not by"):
            compile_accelerator(replace(network, tensors=tensors, modules=modules), shape)


def test_an_image_of_another_shape_is_refused():
    network, x = strided(Terms(), 1, FIRST["3x3, 3x3"])
    program = compile_accelerator(network, Accelerator(TrEngine(8, 16), 64))
    with pytest.raises(ShiftworkError, match=r"shape \(24, 31, 3\) where \(25, 31, 3\) is expected"):
        program.put(program.memory.copy(), x[0, 1:])


def changed(program: AcceleratorProgram, index: int, seal: bool = True, **values: int) -> bytes:
    """The program with other fields of an instruction."""
    at = BYTES * index
    kind, fields = decode(program.program[at : at + BYTES])
    whole = program.program[:at] + encode(kind, fields | values) + program.program[at + BYTES :]
    return sealed(whole) if seal else whole


def test_faults_of_a_program(digits):
    """What the hardware refuses, the model refuses in the same words, and goes on with a right program."""
    shape = Accelerator(TrEngine(8, 16), 64)
    program, machine = compile_accelerator(digits, shape), Machine(shape)
    codes = golden.quantize_input(digits, load_data(example.TEST, import_onnx(example.MODEL), 1).x)
    memory = program.memory.copy()
    program.put(memory, codes[0])
    kinds = decoded(program.program)
    moves = {v["target"]: index for index, (kind, v) in enumerate(kinds) if kind == "load" and v["words"] > 2}
    store = next(index for index, (kind, v) in enumerate(kinds) if kind == "store" and v["words"] > 2)
    whole = program.program
    spoiled = [
        (whole[BYTES:], 0, 1),
        (whole[:1] + b"\2" + whole[2:], 0, 1),
        (whole[:-BYTES], 0, 9),
        (changed(program, 0, rows=16), 0, 10),
        (changed(program, 0, engine=3), 0, 10),
        (changed(program, 0, weights=11), 0, 10),
        (changed(program, store, seal=False, words=1), 0, 11),
        (changed(program, moves[0], place=4095), moves[0], 3),
        (changed(program, moves[2], place=1023), moves[2], 3),
        (changed(program, store, burst=1, gap=4096), store, 3),
    ]
    for wrong, index, code in spoiled:
        with pytest.raises(ShiftworkError, match=f"^instruction {index}: {FAULTS[code]}$"):
            machine.run(wrong, memory.copy())
    machine = Machine(shape)
    machine.run(changed(program, 0, constants=4), memory)
    expected = golden.run(digits, codes)[digits.output][0]
    np.testing.assert_array_equal(program.get(memory), expected)


@pytest.mark.parametrize(("name", "cols"), [("activation_memory", 8), ("weight_words", 16), ("constants", 16)])
def test_the_smallest_memory_is_named(digits, name, cols):
    """What a refusal says would do does, and half of it does not."""
    least = {"activation_memory": 1, "weight_words": 64, "constants": 16}[name]
    shape = replace(Accelerator(TrEngine(8, cols), 32, 512, 128), **{name: least})
    with pytest.raises(SettingError, match=r"^node '\w+': .* would do$") as found:
        compile_accelerator(digits, shape)
    assert found.value.field == name
    value = int(re.search(rf"`{name}` (\d+)", found.value.args[0])[1])
    assert value > least
    compile_accelerator(digits, replace(shape, **{name: value}))
    with pytest.raises(SettingError, match=f"{value}.* would do$"):
        compile_accelerator(digits, replace(shape, **{name: value // 2}))
