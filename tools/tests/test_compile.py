# SPDX-License-Identifier: Apache-2.0
"""Operand matrices, tile order, bounds and predictions of the compiler, against direct sums in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shiftwork.codes import exponential, sp2
from shiftwork.codes.exponential import Exponential
from shiftwork.compile import Engine, ExpEngine, MacEngine, MsqEngine, Operands, TrEngine, compile_network, requant_of
from shiftwork.compile.accelerator import Accelerator
from shiftwork.compile.engine import check_sums
from shiftwork.compile.exp_cycles import class_order, class_words, predict_exp_cycles, walks
from shiftwork.compile.mac_cycles import predict_mac_cycles
from shiftwork.compile.msq_cycles import predict_msq_cycles
from shiftwork.compile.msq_engine import assign_rows
from shiftwork.compile.packing import pack_codes, pack_lanes, unpack_codes, unpack_lanes
from shiftwork.errors import ShiftworkError
from shiftwork.golden import class_sums
from shiftwork.golden.model import dot_products
from shiftwork.network.ends import Ends
from shiftwork.network.integer import (
    ExponentialCodes,
    IntegerModule,
    IntegerNetwork,
    MixedRows,
    Stream,
    TensorInfo,
    Terms,
)
from shiftwork.run.layers import batch_size
from shiftwork.schemes import engine_for

Codes = NDArray[np.integer]


def compiled(network: IntegerNetwork, module: IntegerModule, tensors: Mapping[str, Codes], engine: Engine) -> Operands:
    """One module of a network with its activations."""
    return compile_network(network, engine).layers[module.name].operands(tensors)


def network_of(module: IntegerModule, source: TensorInfo, size: tuple[int, int]) -> IntegerNetwork:
    assert module.weight is not None
    tensors = {"x": source, "y": TensorInfo((*size, len(module.weight)), 3, True)}
    if module.shortcut is not None:
        tensors[module.shortcut] = TensorInfo(tensors["y"].shape, 2, True)
    return IntegerNetwork("tr", Ends.of_maps("x", source.shape, "y", tensors["y"].shape), tensors, [module])


def example(stream: Stream, groups: int, signed: bool) -> tuple[IntegerNetwork, dict[str, Codes]]:
    rng = np.random.default_rng(11)
    weight = rng.integers(-127, 128, (6, 3, 2, 4 // groups)).astype(np.int8)
    module = IntegerModule("m", "conv", ["x"], "y", weight=weight, shortcut="s", groups=groups)
    module.stride, module.pads, module.format = (2, 1), (1, 0, 1, 1), Terms(stream=stream)
    module.bias, module.shift = rng.integers(-99, 99, 6).astype(np.int32), np.arange(6, dtype=np.int32)
    module.bias_shift = module.shortcut_shift = np.arange(6, dtype=np.int32)
    network = network_of(module, TensorInfo((7, 5, 4), 3, signed), (4, 5))
    x = rng.integers(-128 if signed else 0, 128 if signed else 256, (3, 7, 5, 4))
    shortcut = rng.integers(-128, 128, (3, 4, 5, 6)).astype(np.int8)
    return network, {"x": x.astype(np.int8 if signed else np.uint8), "s": shortcut}


def products(program: Operands) -> NDArray[np.int32]:
    """What an engine returns for a program, in tile order."""
    settings = program.layer.configuration
    rows = program.row_blocks.view(np.int8) if settings["cfg_row_signed"] else program.row_blocks
    cols = program.col_blocks.view(np.int8) if settings["cfg_col_signed"] else program.col_blocks
    found = [rows[r].astype(np.int64).T @ cols[c].astype(np.int64) for r, c, _ in program.tiles]
    return np.stack(found).astype(np.int32)


@pytest.mark.parametrize("stream", ["weights", "activations"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (4, 8), (5, 3), (8, 64)])
def test_tiles_compute_the_convolution(stream: Stream, groups: int, signed: bool, shape: tuple[int, int]) -> None:
    network, tensors = example(stream, groups, signed)
    module = network.modules[0]
    program = compiled(network, module, tensors, TrEngine(*shape))
    expected = dot_products(network, module, tensors["x"])
    assert np.array_equal(program.gather(products(program)), expected)
    assert program.macs == expected.size * 6 * 4 // groups
    assert program.row_blocks.shape[1:] == (module.depth, shape[0])
    assert program.col_blocks.shape[1:] == (module.depth, shape[1])


@pytest.mark.parametrize("stream", ["weights", "activations"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("shape", [(1, 1), (4, 8), (5, 3)])
def test_constants_meet_their_channel(stream: Stream, groups: int, shape: tuple[int, int]) -> None:
    network, tensors = example(stream, groups, False)
    module = network.modules[0]
    program = compiled(network, module, tensors, TrEngine(*shape))
    row = np.arange(shape[0])[None, :] * program.layer.weights_on_rows
    index = program.tiles[:, 2:] + row
    for name in ("bias", "bias_shift", "shift", "shortcut_shift"):
        want = getattr(module, name)
        seen = program.gather(np.ascontiguousarray(program.layer.constants(name)[index]))
        assert np.array_equal(seen, np.broadcast_to(want, seen.shape))
    assert program.shortcut is not None
    assert np.array_equal(program.gather(program.shortcut.view(np.int8)), tensors["s"])


def test_padding_lanes_are_zero() -> None:
    network, tensors = example("weights", 1, False)
    program = compiled(network, network.modules[0], tensors, TrEngine(4, 64))
    assert program.row_tiles == 2
    assert not program.row_blocks[1, :, 2:].any()
    assert not program.col_blocks[0, :, 60:].any()


@pytest.mark.parametrize("width", [5, 6, 16, 32, 48])
@pytest.mark.parametrize("lanes", [1, 3, 6, 7, 64])
def test_packed_lanes(lanes: int, width: int) -> None:
    values = np.random.default_rng(lanes).integers(0, 1 << width, (9, lanes))
    packed = pack_lanes(values, width)
    assert np.array_equal(unpack_lanes(packed, width, lanes), values)
    if width % 8 == 0:
        signed = values - (1 << (width - 1))
        assert np.array_equal(unpack_lanes(pack_lanes(signed, width), width, lanes, signed=True), signed)
    assert packed.shape == (9, -(-lanes * width // 32))
    for vector, words in zip(values, packed, strict=True):
        whole = sum(int(word) << (32 * place) for place, word in enumerate(words))
        assert [(whole >> (width * lane)) % (1 << width) for lane in range(lanes)] == vector.tolist()


def test_tokens_of_real_rows_only() -> None:
    """One weight of three terms in planes 4, 2, 0: planes 3 and 1 cost one token each; padding rows cost none."""
    weight = np.full((1, 1, 1, 1), 21, np.int8)
    module = IntegerModule("m", "conv", ["x"], "y", weight=weight, format=Terms(stream="weights"))
    network = network_of(module, TensorInfo((1, 5, 1), 0, False), (1, 5))
    x: Mapping[str, Codes] = {"x": np.ones((1, 1, 5, 1), np.uint8)}
    program = compiled(network, module, x, TrEngine(4, 2))
    cost = program.layer.engine.schedule(program)
    assert len(program.tiles) == 3
    assert cost.tokens == 3 * 5
    assert cost.bound == 3 * 5
    assert cost.cycles > cost.bound


def test_a_slice_that_could_overflow_is_refused() -> None:
    weight = np.full((2, 1, 1, 256), 127, np.int8)
    module = IntegerModule("wide", "conv", ["x"], "y", weight=weight)
    network = network_of(module, TensorInfo((1, 1, 256), 0, False), (1, 1))
    check_sums(network, module, 256, 24)
    module.format = Terms(True, "weights", 8, 8, 1)  # 127 becomes 128, 255 becomes 256
    with pytest.raises(ShiftworkError, match="'wide': a sum of 256 products can reach 8388608"):
        check_sums(network, module, 256, 24)


@pytest.mark.parametrize(
    ("terms", "shift"),
    [
        (Terms(), 2),
        (Terms(stream="activations"), 2),
        (Terms(True, "weights", 8, 8, 1), 3),  # 127 becomes 128, 255 becomes 256
        (Terms(True, "weights", 2, 2, 1), 1),  # a slice of 256 places has 64 values
        (Terms(True, "weights", 128, 2047), None),
    ],
    ids=str,
)
def test_slices_are_as_long_as_their_sums_fit(terms: Terms, shift: int | None) -> None:
    weight = np.full((2, 1, 1, 256), 127, np.int8)
    module = IntegerModule("wide", "conv", ["x"], "y", weight=weight, format=terms)
    network = network_of(module, TensorInfo((1, 1, 256), 0, False), (1, 1))
    if shift is None:
        with pytest.raises(
            ShiftworkError, match="'wide': a sum of 128 products, its shortest slice, can reach 4145280"
        ):
            compile_network(network, TrEngine(4, 2))
    else:
        layer = compile_network(network, TrEngine(4, 2)).layers["wide"]
        assert layer.configuration["cfg_slice_shift"] == shift
    assert TrEngine(4, 2, "tmac").slice_shift(network, module) == 0


def test_a_raw_tensor_cannot_be_streamed() -> None:
    network, tensors = example("weights", 1, False)
    network.tensors["x"] = TensorInfo((7, 5, 4), 3, True, 32)
    with pytest.raises(ShiftworkError, match="'m': it reads 32-bit codes"):
        compiled(network, network.modules[0], tensors, TrEngine(4, 8))


def test_a_kernel_larger_than_the_map_is_refused() -> None:
    network, _ = example("weights", 1, False)
    network.tensors["x"] = TensorInfo((0, 5, 4), 3, False)
    with pytest.raises(ShiftworkError, match="'m': the kernel is larger"):
        compile_network(network, TrEngine(4, 8))


def test_activations_of_another_shape_are_refused() -> None:
    network, tensors = example("weights", 1, False)
    other = {**tensors, "s": tensors["s"][:, 1:]}
    with pytest.raises(ShiftworkError, match="'m': tensor 's' of shape"):
        compiled(network, network.modules[0], other, TrEngine(4, 8))


def test_weights_and_constants_are_compiled_once() -> None:
    """Layers share one image; a batch of activations leaves it as it is and adds nothing to it."""
    network, tensors = example("weights", 2, True)
    program = compile_network(network, TrEngine(4, 8))
    layer = program.layers["m"]
    before = program.memory.copy()
    first, second = (layer.operands({name: x[:n] for name, x in tensors.items()}) for n in (1, 3))
    assert np.array_equal(program.memory, before)
    assert np.shares_memory(first.row_blocks, program.memory)
    assert np.shares_memory(first.row_blocks, second.row_blocks)
    spans = sorted((segment.offset, name) for name, segment in layer.segments.items())
    assert spans[0][0] == 0
    assert all(offset % 8 == 0 for offset, _ in spans)


def test_batches_are_never_empty() -> None:
    network, _ = example("weights", 1, False)
    assert batch_size(network, TrEngine()) > 1000
    network.tensors["y"] = TensorInfo((30000, 30000, 6), 3, True)
    assert batch_size(network, TrEngine()) == 1


# 4-bit codes

MSQ_SHAPES = [(1, 0, 2, 4), (2, 3, 4, 4), (0, 4, 2, 8), (3, 0, 6, 16), (8, 8, 16, 8), (2, 2, 4, 32)]


@pytest.mark.parametrize(("fixed_rows", "sp2_rows"), [shape for shape in product(range(4), repeat=2) if sum(shape)])
def test_every_channel_has_its_row(fixed_rows: int, sp2_rows: int) -> None:
    """All kinds of up to seven channels: no tile too many, every channel once, its unit wherever there is one left."""
    rows = fixed_rows + sp2_rows
    for channels in range(1, 8):
        tiles = -(-channels // rows)
        for kinds in product((False, True), repeat=channels):
            row_sp2 = np.array(kinds)
            slots = assign_rows(row_sp2, fixed_rows, sp2_rows)
            assert len(set(slots.tolist())) == channels
            assert slots.min() >= 0
            assert slots.max() < tiles * rows
            met = (slots % rows >= fixed_rows) == row_sp2
            for kind, units in ((False, fixed_rows), (True, sp2_rows)):
                assert met[row_sp2 == kind].sum() == min(kinds.count(kind), tiles * units)
                for same in (met, ~met):  # in order
                    assert (np.diff(slots[(row_sp2 == kind) & same]) > 0).all()


def test_rows_fill_their_slots_in_order() -> None:
    kinds = np.array([True, False, True, True, False, True, True, True])
    assert assign_rows(kinds, 2, 2).tolist() == [2, 0, 3, 6, 1, 7, 4, 5]


def msq_example(groups: int, signed: bool, scale: bool = True) -> tuple[IntegerNetwork, dict[str, Codes]]:
    rng = np.random.default_rng(12)
    row_sp2 = rng.random(10) < 0.6
    weight = rng.integers(-7, 8, (10, 3, 2, 4 // groups))
    weight[row_sp2] = rng.choice(sp2.levels(), weight[row_sp2].shape) * rng.choice((-1, 1), weight[row_sp2].shape)
    module = IntegerModule("m", "conv", ["x"], "y", weight=weight.astype(np.int8), shortcut="s", groups=groups)
    module.stride, module.pads, module.format = (2, 1), (1, 0, 1, 1), MixedRows(row_sp2)
    module.bias = rng.integers(-99, 99, 10).astype(np.int32)
    module.shift = np.arange(1 if scale else 0, 11 if scale else 10, dtype=np.int32)
    module.shortcut_shift = module.shift + (37 if scale else 0)
    if scale:
        module.format = MixedRows(row_sp2, rng.integers(1 << 15, 1 << 16, 10).astype(np.int32))
    network = replace(network_of(module, TensorInfo((7, 5, 4), 3, signed, 4), (4, 5)), scheme="msq")
    x = rng.integers(-8 if signed else 0, 8 if signed else 16, (3, 7, 5, 4))
    shortcut = rng.integers(-8, 8, (3, 4, 5, 10)).astype(np.int8)
    return network, {"x": x.astype(np.int8 if signed else np.uint8), "s": shortcut}


def port_codes(block: NDArray[np.uint8], entries: int, lanes: int) -> NDArray[np.int64]:
    """4-bit codes ``(entries, beats * lanes)`` of a block of port bytes: lane fastest, entry 0 low."""
    words = [int.from_bytes(beat.tobytes(), "little") for beat in block]
    codes = [
        [(w >> (4 * (entry * lanes + lane))) & 15 for w in words for lane in range(lanes)] for entry in range(entries)
    ]
    return np.array(codes)


def msq_products(program: Operands) -> NDArray[np.int32]:
    """What the engine returns for a program, in tile order."""
    engine, row_sp2 = program.layer.engine, program.layer.read("row_sp2")
    assert isinstance(engine, MsqEngine)
    assert row_sp2 is not None
    found = []
    for row, col, _ in program.tiles:
        codes = port_codes(program.row_blocks[row], engine.rows, engine.lanes)
        values = np.where(codes > 7, codes - 16, codes)
        for place in range(engine.rows):
            if int(row_sp2[row]) >> place & 1:
                values[place] = sp2.decode(codes[place])
        data = port_codes(program.col_blocks[col], engine.cols, engine.lanes)
        found.append(
            values @ (np.where(data > 7, data - 16, data) if program.layer.configuration["cfg_col_signed"] else data).T
        )
    return np.stack(found).astype(np.int32)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("shape", MSQ_SHAPES)
def test_4_bit_tiles_compute_the_convolution(groups: int, signed: bool, shape: tuple[int, int, int, int]) -> None:
    network, tensors = msq_example(groups, signed)
    module, engine = network.modules[0], MsqEngine(*shape)
    program = compiled(network, module, tensors, engine)
    expected = dot_products(network, module, tensors["x"])
    assert np.array_equal(program.gather(msq_products(program)), expected)
    assert program.row_tiles == -(-10 // groups // engine.rows)
    assert program.beats == -(-24 // groups // engine.lanes)
    assert program.macs == expected.size * 24 // groups


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("shape", MSQ_SHAPES)
def test_constants_meet_their_permuted_channel(groups: int, shape: tuple[int, int, int, int]) -> None:
    network, tensors = msq_example(groups, False)
    module = network.modules[0]
    program = compiled(network, module, tensors, MsqEngine(*shape))
    index = program.tiles[:, 2:] + np.arange(program.layer.engine.rows)
    names = ("bias", "factor", "shift", "shortcut_shift")
    for name in names:
        seen = program.gather(np.ascontiguousarray(program.layer.constants(name)[index]))
        want = module.format.factors() if name == "factor" else getattr(module, name)
        assert np.array_equal(seen, np.broadcast_to(want, seen.shape)), name
    assert program.shortcut is not None
    assert np.array_equal(program.gather(program.shortcut.view(np.int8)), tensors["s"])


def test_what_the_msq_engine_cannot_run_is_refused() -> None:
    def refused(message: str, bits: int = 4, **changes: object) -> None:
        network, tensors = msq_example(1, False)
        network.tensors["x"] = replace(network.tensors["x"], bits=bits)
        network.modules.insert(0, replace(network.modules[0], **changes))  # type: ignore[arg-type]
        with pytest.raises(ShiftworkError, match=f"^node 'm': {message}"):
            compiled(network, network.modules[0], tensors, MsqEngine())

    weight = np.zeros((10, 3, 2, 4), np.int8)
    refused("it has no 4-bit codes for the msq engine", format=MixedRows())
    refused("it reads 5-bit codes, the engine takes 4 bits", bits=5)
    refused("it has integers made of terms, the msq engine takes 4-bit codes", format=Terms(stream="activations"))
    sp2_rows, factor = np.ones(10, np.bool_), np.full(10, 1 << 15, np.int32)
    refused("3 is no 4-bit SP2 value", weight=weight + np.int8(3), format=MixedRows(sp2_rows, factor))
    refused("a weight of 8 is outside the fixed codes", weight=weight - np.int8(8), format=MixedRows(~sp2_rows, factor))
    network, _ = msq_example(1, False)
    network.modules.append(replace(network.modules[0], name="raw", requantize=False, format=MixedRows(sp2_rows)))
    with pytest.raises(ShiftworkError, match="'raw': a network output by scale cannot have a shortcut"):
        compile_network(network, MsqEngine())
    wide = np.full((10, 1, 1, 69906), 8, np.int8)  # 8 * 15 * 69906 is just beyond 2^23
    refused("a sum of 69906 products can reach 8388720", weight=wide, format=MixedRows(sp2_rows, factor))


def test_a_network_mixed_of_requantizers_is_refused() -> None:
    network, tensors = msq_example(1, False)
    other, _ = msq_example(1, False, scale=False)
    network.modules = [network.modules[0], other.modules[0]]
    with pytest.raises(ShiftworkError, match="'m': it is requantized by shift"):
        compiled(network, network.modules[1], tensors, MsqEngine())
    assert [requant_of(net) for net in (network, other)] == ["scale", "shift"]


def test_4_bit_codes_do_not_fit_the_tr_engine() -> None:
    network, tensors = msq_example(1, False)
    with pytest.raises(ShiftworkError, match="'m': it has 4-bit codes, the tr engine takes integers made of terms"):
        compiled(network, network.modules[0], tensors, TrEngine())


def test_cycles_of_the_msq_engine() -> None:
    """A beat and eight stages to the sums, two registers of the drain; a tile waits for the rows of the one before."""
    assert predict_msq_cycles(1, 1, 5, 4) == 1 + 8 + 5 + 2
    assert predict_msq_cycles(3, 2, 5, 4) == 2 + 8 + 2 * (5 + 1) + 5 + 2
    assert predict_msq_cycles(3, 9, 5, 4) == 3 * 9 + 8 + 5 + 2
    assert predict_msq_cycles(1, 1, 5, 32) == 1 + 11 + 5 + 2
    assert predict_msq_cycles(0, 1, 5, 4) == 0


# exponential codes


@pytest.mark.parametrize("width", range(4, 9))
def test_codes_are_packed_bit_after_bit(width: int) -> None:
    rng = np.random.default_rng(width)
    codes = rng.integers(0, 1 << width, (3, 2, 11)).astype(np.uint8)
    packed = pack_codes(codes, width)
    assert packed.shape == (3, 2, -(-11 * width // 8))
    words = [int.from_bytes(beat.tobytes(), "little") for beat in packed.reshape(6, -1)]
    assert words == [sum(int(c) << (width * n) for n, c in enumerate(beat)) for beat in codes.reshape(6, 11)]
    assert np.array_equal(unpack_codes(packed, width, 11), codes)


def exp_example(groups: int = 1, bits: int = 4) -> tuple[IntegerNetwork, dict[str, Codes]]:
    """A convolution of random exponential codes with a shortcut, and codes of three images."""
    rng = np.random.default_rng(bits + groups)
    code = Exponential(bits, 1.5, 1.0, 0.0)
    legal = np.delete(np.arange(2 << bits), 3 << (bits - 1)).astype(np.uint8)
    levels, weight_levels = (np.sort(rng.integers(0, 1 << n, 2 * code.radius + 1)) for n in (16, 12))
    info = TensorInfo((7, 5, 4), 3, False, bits + 1, code, tuple(levels.tolist()))
    module = IntegerModule(
        "m",
        "conv",
        ["x"],
        "y",
        weight=rng.choice(legal, (10, 3, 2, 4 // groups)),
        bias=rng.integers(-(1 << 40), 1 << 40, 10),
        shortcut="s",
        stride=(2, 1),
        pads=(1, 1, 1, 0),
        groups=groups,
        relu=True,
        shortcut_shift=rng.integers(0, 32, 10).astype(np.int32),
        low=-code.radius,
        high=code.radius,
        format=ExponentialCodes(
            code, weight_levels.astype(np.int32), thresholds=np.sort(rng.integers(0, 1 << 40, 2 * code.radius))
        ),
    )
    small = replace(info, shape=(4, 5, 10))
    ends = Ends.of_maps("x", info.shape, "y", small.shape)
    network = IntegerNetwork("dnateq", ends, {"x": info, "s": small, "y": small}, [module])
    return network, {"x": rng.choice(legal, (3, 7, 5, 4)), "s": rng.choice(legal, (3, 4, 5, 10))}


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("bits", "shape"), [(3, (4, 2, 1)), (4, (8, 16, 2)), (5, (6, 3, 3)), (7, (1, 1, 1))])
def test_tiles_of_exponential_codes_compute_the_convolution(
    groups: int, bits: int, shape: tuple[int, int, int]
) -> None:
    network, tensors = exp_example(groups, bits)
    module, engine = network.modules[0], ExpEngine(*shape)
    program = compiled(network, module, tensors, engine)
    layer, tables = program.layer, program.layer.read("tables")
    assert tables is not None
    assert (layer.configuration["cfg_exponent_bits"], layer.configuration["shortcut_bits"]) == (bits, bits)
    words = {number: {int(a): int(w) for n, a, w in tables if n == number} for number in range(4)}
    held = class_sums.ExpTables(np.array(list(words[0].values())), np.array(list(words[1].values())))
    config = class_sums.ExpConfig(bits, bool(layer.configuration["cfg_row_signed"]))
    found = []
    for row, col, _ in program.tiles:
        rows = exponential.resize(unpack_codes(program.row_blocks[row], bits + 1, engine.rows).T, bits, 7)
        cols = exponential.resize(unpack_codes(program.col_blocks[col], bits + 1, engine.cols).T, bits, 7)
        found.append(class_sums.tile(rows, cols, config, held))
    expected = dot_products(network, module, tensors["x"])
    assert np.array_equal(program.gather(np.stack(found)), expected)
    assert (program.beats, program.macs) == (24 // groups, expected.size * 24 // groups)
    seen = program.gather(layer.constants("bias")[program.tiles[:, 2:] + np.zeros(engine.rows, np.int64)])
    assert module.bias is not None
    assert np.array_equal(seen, np.broadcast_to(module.bias, expected.shape))
    assert program.shortcut is not None
    shortcut = unpack_codes(program.shortcut, bits + 1, engine.cols)
    assert np.array_equal(program.gather(shortcut), tensors["s"])
    assert sorted(words[2]) == list(range(1, 128))
    assert list(words[3].values()) == exponential.level_words(network.tensors["s"].levels, 7).tolist()  # type: ignore[arg-type]


def test_slices_of_a_tile_are_equal() -> None:
    network, tensors = exp_example()
    network.modules[0].weight = np.full((10, 1, 1, 577), 8, np.uint8)
    network.tensors["x"] = replace(network.tensors["x"], shape=(1, 1, 577))
    network.modules[0].shortcut, network.modules[0].pads, network.modules[0].stride = None, (0, 0, 0, 0), (1, 1)
    tensors["x"] = np.full((1, 1, 1, 577), 3, np.uint8)
    program = compiled(network, network.modules[0], tensors, ExpEngine())
    assert program.layer.configuration["cfg_slice_length"] == 193


def test_what_the_exp_engine_cannot_run_is_refused() -> None:
    def refused(message: str, shortcut_shift: NDArray[np.int32] | None = None, **changes: object) -> None:
        network, tensors = exp_example()
        module = network.modules[0]
        module.format = replace(module.format, **changes)
        module.shortcut_shift = module.shortcut_shift if shortcut_shift is None else shortcut_shift
        with pytest.raises(ShiftworkError, match=f"^node 'm': {message}"):
            compiled(network, network.modules[0], tensors, ExpEngine())

    levels = np.arange(15, dtype=np.int32)
    refused("it has no exponential codes", code=None)
    refused("exponents of 4 and 5 bits cannot share a layer", code=Exponential(5, 2.0, 1.0, 0.0))
    refused("levels of weights up to 4096 take more than 12 bits", levels=levels + 4082)
    refused("a shortcut is shifted by 32", shortcut_shift=np.full(10, 32, np.int32))
    refused("it has no thresholds", thresholds=None)
    network, tensors = msq_example(1, False)
    with pytest.raises(ShiftworkError, match="'m': it has 4-bit codes, the exp engine takes exponential codes"):
        compiled(network, network.modules[0], tensors, ExpEngine())


def test_walks_of_lists() -> None:
    """A list takes a cycle per value; lists shorter than the turns of the multipliers wait for them."""
    config = class_sums.ExpConfig(3, False)
    words = class_words(config)
    assert class_order(config) == [(0, 0), (1, 0), (2, 0), (3, 0), (-3, 0), (-2, 0), (-1, 0)]
    assert words.tolist() == [0, 0, 0, 0, 1, 1, 1]
    both = replace(config, row_signed=True)
    assert class_order(both)[3:9] == [(3, 0), (0, 1), (1, 1), (2, 1), (3, 1), (-3, 0)]
    assert class_words(both).tolist() == [0] * 4 + [1] * 4 + [2] * 3 + [3] * 3
    assert class_words(class_sums.ExpConfig(7, False))[-1] == 7
    one = np.zeros((1, 1, 7), np.int64)
    one[0, 0, 3] = 9
    # Word taken in cycle 1, list found in 2, followed from 4 to 12, accepted in 13, left in 16: its turn comes every
    # three cycles.
    assert [walk.cycles for walk in walks(one, words, 1)] == [16]
    assert walks(one, words, 1)[0].sums.tolist() == [16]
    four = np.zeros((1, 4, 7), np.int64)
    four[0, :, :4] = 1
    (walk,) = walks(four, words, 1)
    assert walk.sums.tolist() == list(range(6, 15))  # a turn a cycle, 16 sums in pairs but for two alone
    assert walk.cycles == 14
    assert walk.values == 4
    (empty,) = walks(np.zeros((1, 2, 7), np.int64), words, 2)
    assert len(empty.sums) == 2  # a row without values gives a sum of nothing
    assert predict_exp_cycles([], 4) == 0


# the multiply-accumulate engine


@pytest.mark.parametrize("stream", ["weights", "activations"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (4, 8), (5, 3)])
def test_mac_tiles_compute_the_convolution(stream: Stream, groups: int, signed: bool, shape: tuple[int, int]) -> None:
    network, tensors = example(stream, groups, signed)
    module = network.modules[0]
    program = compiled(network, module, tensors, MacEngine(*shape))
    assert np.array_equal(program.gather(products(program)), dot_products(network, module, tensors["x"]))
    weights_on_rows = stream == "weights"
    signs = {"cfg_row_signed": int(weights_on_rows or signed), "cfg_col_signed": int(not weights_on_rows or signed)}
    assert {name: value for name, value in program.layer.configuration.items() if name.startswith("cfg_")} == signs
    cost = program.layer.engine.schedule(program)
    assert cost.tokens is None
    assert cost.bound == -(-program.macs // (shape[0] * shape[1]))
    assert cost.cycles == predict_mac_cycles(len(program.tiles), module.depth, shape[0]) > cost.bound


def test_the_mac_engine_refuses_term_revealing() -> None:
    network, tensors = example("weights", 1, False)
    network.modules[0].format = Terms(True, "weights", 8, 12, 3)
    with pytest.raises(ShiftworkError, match="'m': it is term revealed, the mac engine multiplies whole values"):
        compiled(network, network.modules[0], tensors, MacEngine())


def test_the_mac_engine_refuses_sums_beyond_its_accumulators() -> None:
    weight = np.full((1, 1, 1, 66400), 127, np.int8)
    module = IntegerModule("wide", "conv", ["x"], "y", weight=weight)
    network = network_of(module, TensorInfo((1, 1, 66400), 0, False), (1, 1))
    with pytest.raises(ShiftworkError, match="'wide': a sum of 66400 products can reach 2150364000"):
        compile_network(network, MacEngine())


def test_cycles_of_mac_tiles() -> None:
    """Nine cycles from the last beat of a tile to its first row; rows of a tile or its beats, whatever takes longer."""
    assert predict_mac_cycles(0, 7, 8) == 0
    assert predict_mac_cycles(1, 1, 1) == 10
    assert predict_mac_cycles(3, 2, 8) == 2 + 2 * 8 + 9 + 7
    assert predict_mac_cycles(3, 50, 8) == 150 + 9 + 7


# engines


def test_the_scheme_decides_the_engine() -> None:
    assert engine_for("tr") == engine_for("fixed8", rows=8, cols=64) == TrEngine(8, 64)
    assert (
        engine_for("msq") == engine_for("fixed4", cols=16, fixed_rows=8, sp2_rows=8, lanes=8) == MsqEngine(8, 8, 16, 8)
    )
    assert engine_for("sp2", fixed_rows=0, lanes=4) == MsqEngine(0, 8, 16, 4)
    assert engine_for("dnateq", cols=16) == ExpEngine(16, 16, 4)
    assert engine_for("dnateq", rows=12, cols=4, fold=3) == ExpEngine(12, 4, 3)
    assert engine_for("fixed8", engine="tr") == engine_for("fixed8") == TrEngine()
    assert engine_for("fixed8", engine="mac") == engine_for("joint", engine="mac", cols=64) == MacEngine(8, 64)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheme": "tr", "rows": 0}, "rows 0 is outside 1..64"),
        ({"scheme": "tr", "rows": 65}, "rows 65 is outside"),
        ({"scheme": "tr", "cols": 0}, "cols 0 is outside 1..256"),
        ({"scheme": "tr", "cols": 257}, "cols 257 is outside"),
        ({"scheme": "fixed8", "lanes": 8}, "lanes is no option of the engine for scheme fixed8"),
        ({"scheme": "tr", "sp2_rows": 8}, "sp2 rows is no option"),
        ({"scheme": "tr", "fixed_rows": 8}, "fixed rows is no option"),
        ({"scheme": "msq", "rows": 8}, "rows is no option of the engine for scheme msq"),
        ({"scheme": "msq", "fixed_rows": -1}, "fixed rows -1 is outside 0..64"),
        ({"scheme": "msq", "sp2_rows": 65}, "sp2 rows 65 is outside"),
        ({"scheme": "msq", "fixed_rows": 0, "sp2_rows": 0}, "fixed rows and sp2 rows together, 0 is outside 1..64"),
        ({"scheme": "msq", "fixed_rows": 60}, "fixed rows and sp2 rows together, 68 is outside"),
        ({"scheme": "msq", "cols": 0}, "cols 0 is outside 2..256"),
        ({"scheme": "msq", "cols": 7}, "cols 7 is odd"),
        ({"scheme": "msq", "lanes": 6}, "lanes 6 is none of 1, 4, 8, 16, 32"),
        ({"scheme": "pot"}, "scheme pot is not built in hardware"),
        ({"scheme": "dnateq", "fold": 3}, "fold 3 does not divide rows 16"),
        ({"scheme": "dnateq", "rows": 64, "fold": 17}, "fold 17 is outside 1..16"),
        ({"scheme": "dnateq", "lanes": 8}, "lanes is no option of the engine for scheme dnateq"),
        ({"scheme": "tr", "fold": 2}, "fold is no option of the engine for scheme tr"),
        ({"scheme": "fixed8", "engine": "mac", "rows": 65}, "rows 65 is outside 1..64"),
        ({"scheme": "fixed8", "engine": "mac", "cols": 257}, "cols 257 is outside 1..256"),
        ({"scheme": "fixed8", "engine": "mac", "lanes": 8}, "lanes is no option of the engine mac"),
        ({"scheme": "fixed8", "engine": "tpu"}, "engine tpu: choose tr or mac or msq or exp"),
        ({"scheme": "tr", "engine": "mac"}, "engine mac does not run scheme tr: choose tr"),
        ({"scheme": "fixed8", "engine": "msq"}, "engine msq does not run scheme fixed8: choose tr or mac"),
    ],
)
def test_illegal_engines(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ShiftworkError, match=message):
        engine_for(**options)


def test_one_lane_belongs_to_the_accelerator() -> None:
    engine = engine_for("msq", inside=True, fixed_rows=2)
    assert (engine.rows, str(engine)) == (10, "(2 fixed + 8 SP2) x 16 x 1")
    with pytest.raises(ShiftworkError, match="lanes 1: the engine alone takes 4 lanes at least"):
        engine.parameters()
    with pytest.raises(ShiftworkError, match=r"lanes 4 is outside 1\.\.1"):
        Accelerator(MsqEngine(8, 8, 16, lanes=4))
