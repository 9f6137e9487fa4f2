# SPDX-License-Identifier: Apache-2.0
"""Attention: the transformer of the examples, and the forms in which exporters write it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from imported import check, check_integers, samples_of, weights
from onnx import numpy_helper

from shiftwork.compile import ExpEngine, compile_network
from shiftwork.errors import ShiftworkError
from shiftwork.example import CALIBRATION, TEST, TRANSFORMER
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.floating import reference
from shiftwork.network.format import Work
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize import dnateq
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize

WISHES = {
    "fixed8": Quantization("fixed8"),
    "joint": Quantization("joint"),
    "tr": Quantization("tr", group=8, budget="12", data_terms=3),
    "dnateq": Quantization("dnateq", exponent_bits=5),
}
ROWS, WIDTH, HEADS = 6, 8, 2
SHAPE = ("N", ROWS, WIDTH)


# -- the transformer


def quantized(wish: Quantization, model: Path = TRANSFORMER) -> tuple[FloatNetwork, IntegerNetwork]:
    network = import_onnx(model)
    return network, quantize(wish, network, load_data(CALIBRATION, network))


def loss(wish: Quantization, model: Path = TRANSFORMER) -> float:
    """Points of accuracy that the golden model of a quantized model loses to the float model of the example."""
    network, integer = quantized(wish, model)
    data = load_data(TEST, network)
    assert data.y is not None
    (exact,) = reference(import_onnx(TRANSFORMER), data.x).values()
    found = golden.real_outputs(integer, golden.run(integer, data.x, collect=False))
    return golden.accuracy(exact, data.y) - golden.accuracy(found, data.y)


@pytest.mark.parametrize("scheme", WISHES)
def test_the_transformer_loses_less_than_a_point(scheme: str) -> None:
    assert loss(WISHES[scheme]) < 1.0


def test_a_wrong_scale_of_the_weights_of_attention_is_found(tmp_path: Path) -> None:
    """Products that are multiplied by the root of their length, not divided by it."""
    model = onnx.load(TRANSFORMER)
    wrong = [node for node in model.graph.node if node.op_type == "Div" and node.name.endswith("attention/Div")]
    for node in wrong:
        node.op_type = "Mul"
    onnx.save(model, tmp_path / "wrong.onnx")
    assert len(wrong) == 2
    assert loss(WISHES["fixed8"], tmp_path / "wrong.onnx") > 1.0


def test_modules_of_the_transformer() -> None:
    """Scales are parts of the Softmax, GELU is one table, heads are rows of a map."""
    network = check(TRANSFORMER, load_data(TEST, import_onnx(TRANSFORMER), 3).x)
    kinds = [module.kind for module in network.modules]
    assert {kind: kinds.count(kind) for kind in ("matmul", "table", "host", "avgpool", "add", "mul")} == {
        "matmul": 4, "table": 2, "host": 7, "avgpool": 1, "add": 0, "mul": 0,
    }  # fmt: skip
    assert not any(module.depthwise for module in network.modules)
    operators = [module.operators for module in network.modules if module.kind in ("host", "table")]
    assert operators.count(("Div", "Softmax")) == 2
    assert operators.count(("Div", "Erf", "Add", "Mul", "Mul")) == 2


def test_work_of_products() -> None:
    """Multiply-accumulates and term pairs of a product are those of the same numbers as a convolution."""
    network, integer = quantized(WISHES["fixed8"])
    counts: dict[str, Work] = {}
    tensors = golden.run(integer, load_data(TEST, network, 5).x, counts=counts)
    for module in (module for module in integer.modules if module.kind == "matmul"):
        first, second = (tensors[name].astype(np.int64) for name in module.inputs)
        assert counts[module.name].macs == first.size * second.shape[2]
        facts = module.format.facts(module, counts[module.name])
        assert facts["term_pairs"] == 49 * facts["macs"]
        assert 0 < facts["term_pairs_present"] < facts["term_pairs"]


# -- forms of attention


def attention(
    between: list[tuple[Any, ...]] | None = None, scores: str = "scaled", heads: str = "0 2 1 3", **more: np.ndarray
) -> tuple[list[tuple[Any, ...]], dict[str, np.ndarray]]:
    """Nodes of attention over (N, rows, width) and their weights.

    between: nodes between the scaled products (``scaled``) and the Softmax, which reads ``scores``.
    """
    arrays: dict[str, np.ndarray] = weights(wq=(WIDTH, WIDTH), wk=(WIDTH, WIDTH), wv=(WIDTH, WIDTH), wo=(WIDTH, WIDTH))
    arrays |= {"split": np.array([0, ROWS, HEADS, WIDTH // HEADS]), "joined": np.array([0, ROWS, WIDTH])}
    arrays |= {"root": np.float32(math.sqrt(WIDTH / HEADS)), **more}
    nodes: list[tuple[Any, ...]] = []
    for name in "qkv":
        nodes += [("MatMul", ["in", f"w{name}"], name), ("Reshape", [name, "split"], f"{name}4")]
    order = [int(axis) for axis in heads.split()]
    nodes += [
        ("Transpose", ["q4"], "qh", {"perm": order}),
        ("Transpose", ["k4"], "kh", {"perm": [0, 2, 3, 1]}),
        ("Transpose", ["v4"], "vh", {"perm": order}),
        ("MatMul", ["qh", "kh"], "products"),
        ("Div", ["products", "root"], "scaled"),
        *(between or []),
        ("Softmax", [scores], "weights"),
        ("MatMul", ["weights", "vh"], "mixed"),
        ("Transpose", ["mixed"], "back", {"perm": [0, 2, 1, 3]}),
        ("Reshape", ["back", "joined"], "flat"),
        ("MatMul", ["flat", "wo"], "out"),
    ]
    return nodes, arrays


LATER = np.triu(np.ones((ROWS, ROWS), bool), 1)
MASKS: dict[str, tuple[list[tuple[Any, ...]], str, dict[str, np.ndarray]]] = {
    "none": ([], "scaled", {}),
    "added": ([("Add", ["scaled", "mask"], "masked")], "masked",
              {"mask": np.where(LATER, -np.inf, 0).astype(np.float32)}),
    "chosen": ([("Where", ["mask", "least", "scaled"], "masked")], "masked",
               {"mask": LATER, "least": np.float32(-1e9)}),
    "for each head": ([("Add", ["scaled", "mask"], "masked")], "masked",
                      {"mask": np.random.default_rng(3).normal(0, 1, (1, HEADS, ROWS, ROWS)).astype(np.float32)}),
}  # fmt: skip


@pytest.mark.parametrize("mask", MASKS)
def test_masks_are_parts_of_the_softmax(mask: str, save_model: Any) -> None:
    between, scores, arrays = MASKS[mask]
    nodes, more = attention(between, scores, **arrays)
    network = check(save_model(nodes, more, SHAPE))
    assert [m.operators[-1] for m in network.modules if m.kind == "host"] == ["Softmax"]
    assert not network.constants
    assert [module.kind for module in network.modules].count("add") == 0
    check_integers(network, samples_of(network, 40), 0.06)


def test_a_mask_that_others_read_is_no_part_of_the_softmax(save_model: Any) -> None:
    mask = np.random.default_rng(3).normal(0, 1, (ROWS, ROWS)).astype(np.float32)
    nodes, arrays = attention([("Add", ["scaled", "mask"], "masked")], "masked", mask=mask)
    network = check(save_model(nodes, arrays, SHAPE, ("out", "masked")))
    assert len(network.constants) == 1


@pytest.mark.parametrize("operator", ["IsNaN", "IsInf"])
def test_results_that_are_no_numbers_are_replaced(operator: str, save_model: Any) -> None:
    """As PyTorch writes rows of which everything is masked."""
    nodes, arrays = attention(none=np.float32(0))
    place = next(index for index, node in enumerate(nodes) if node[0] == "Softmax")
    nodes[place] = ("Softmax", ["scaled"], "raw")
    nodes[place + 1 : place + 1] = [(operator, ["raw"], "wrong"), ("Where", ["wrong", "none", "raw"], "weights")]
    check(save_model(nodes, arrays, SHAPE))


def test_sizes_are_computed_in_the_graph(save_model: Any) -> None:
    """Shape, and what follows it, of values and not of inputs alone."""
    nodes, arrays = attention(first=np.array(2), axes=np.array([0]), head=np.array([HEADS]), count=np.array([-1]),
                              power=np.float32(0.5))  # fmt: skip
    arrays.pop("split"), arrays.pop("root")
    size = [
        ("Shape", ["q"], "sizes"), ("Gather", ["sizes", "first"], "width"), ("Unsqueeze", ["width", "axes"], "width1"),
        ("Div", ["width1", "head"], "each"), ("Shape", ["q"], "batch", {"start": 0, "end": 2}),
        ("Concat", ["batch", "head", "each"], "split", {"axis": 0}),
        ("Cast", ["each"], "real", {"to": onnx.TensorProto.FLOAT}), ("Pow", ["real", "power"], "root"),
    ]  # fmt: skip
    nodes[1:1] = size
    check(save_model(nodes, arrays, SHAPE))


@pytest.mark.parametrize("batch", ["N", 1])
def test_heads_beside_samples_on_one_axis(batch: object, save_model: Any) -> None:
    """Rows first, (rows, N * heads, values), as multi-head attention of PyTorch has it."""
    arrays: dict[str, np.ndarray] = weights(wq=(WIDTH, WIDTH), wk=(WIDTH, WIDTH), wv=(WIDTH, WIDTH), wo=(WIDTH, WIDTH))
    arrays |= {"split": np.array([ROWS, -1, WIDTH // HEADS]), "joined": np.array([-1, WIDTH])}
    arrays |= {"apart": np.array([ROWS, -1, WIDTH])}
    nodes: list[tuple[Any, ...]] = [("Transpose", ["in"], "rows", {"perm": [1, 0, 2]})]
    for name in "qkv":
        nodes += [("MatMul", ["rows", f"w{name}"], name), ("Reshape", [name, "split"], f"{name}3"),
                  ("Transpose", [f"{name}3"], f"{name}h", {"perm": [1, 0, 2]})]  # fmt: skip
    nodes += [
        ("Transpose", ["kh"], "kt", {"perm": [0, 2, 1]}), ("MatMul", ["qh", "kt"], "scores"),
        ("Softmax", ["scores"], "weights", {"axis": 2}), ("MatMul", ["weights", "vh"], "mixed"),
        ("Transpose", ["mixed"], "back", {"perm": [1, 0, 2]}), ("Reshape", ["back", "joined"], "flat"),
        ("MatMul", ["flat", "wo"], "done"), ("Reshape", ["done", "apart"], "apart3"),
        ("Transpose", ["apart3"], "out", {"perm": [1, 0, 2]}),
    ]  # fmt: skip
    network = check(save_model(nodes, arrays, (batch, ROWS, WIDTH)))
    assert network.shapes[next(m.output for m in network.modules if m.kind == "matmul")] == (HEADS, ROWS, ROWS)
    check_integers(network, samples_of(network, 40), 0.06)


# -- Einsum

EQUATIONS = ("bqhd,bkhd->bhqk", "bhqk,bkhd->bqhd", "bqhd, bkhd -> bkhq")


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum_of_two_activations(equation: str, save_model: Any) -> None:
    sizes = {"b": 0, "q": 3, "k": 3, "h": 2, "d": 4}
    axes = equation.replace(" ", "").split("->")[0].split(",")
    arrays = {f"s{place}": np.array([sizes[axis] for axis in names]) for place, names in enumerate(axes)}
    for place, names in enumerate(axes):
        arrays[f"w{place}"] = weights(w=(5, math.prod(sizes[axis] for axis in names[1:])))["w"]
    nodes: list[tuple[Any, ...]] = []
    for place in range(2):
        nodes += [("MatMul", ["in", f"w{place}"], f"m{place}"), ("Reshape", [f"m{place}", f"s{place}"], f"x{place}")]
    nodes.append(("Einsum", ["x0", "x1"], "out", {"equation": equation}))
    network = check(save_model(nodes, arrays, ("N", 5)))
    assert [module.kind for module in network.modules].count("matmul") == 1


@pytest.mark.parametrize(
    ("equation", "shape"),
    [("btd,dk->btk", (8, 5)), ("btd,dhk->bhtk", (8, 2, 3)), ("dk,btd->kbt", (8, 5)), ("btd,td->b", (6, 8))],
)
def test_einsum_with_weights(equation: str, shape: tuple[int, ...], save_model: Any) -> None:
    inputs = ["w", "in"] if equation.startswith("dk,") else ["in", "w"]
    check(save_model([("Einsum", inputs, "out", {"equation": equation})], weights(w=shape), SHAPE))


@pytest.mark.parametrize("equation", ["btd->bdt", "btd,btd->btd", "btt,btd->bd", "btd,bsd->bts, ", "...d,dk->...k"])
def test_other_einsums_are_refused(equation: str, save_model: Any) -> None:
    inputs = ["in", "in"][: equation.count(",") + 1]
    node = ("Einsum", inputs, "out", {"equation": equation})
    with pytest.raises(ShiftworkError, match=r"Einsum"):
        import_onnx(save_model([node], {}, ("N", WIDTH, WIDTH)))


def test_a_condition_that_varies_is_refused(save_model: Any) -> None:
    nodes = [("Where", ["mask", "in", "other"], "w"), ("MatMul", ["w", "m"], "out")]
    arrays = weights(other=(ROWS, WIDTH), m=(WIDTH, 3)) | {"mask": np.eye(ROWS, WIDTH, dtype=bool)}
    with pytest.raises(ShiftworkError, match=r"'w' \(Where\): a condition that is the same everywhere"):
        import_onnx(save_model(nodes, arrays, SHAPE))


def test_constants_of_the_transformer_are_small() -> None:
    """The file holds weights, no data."""
    arrays = [numpy_helper.to_array(array) for array in onnx.load(TRANSFORMER).graph.initializer]
    assert sum(array.size for array in arrays) < 20_000


def test_what_the_host_computes_may_be_negative(save_model: Any) -> None:
    """A normalization of what is not negative: rows of the exponential engine keep their signs."""
    nodes = [
        ("MatMul", ["in", "w1"], "m"), ("Relu", ["m"], "r"), ("LayerNormalization", ["r", "scale"], "n"),
        ("MatMul", ["n", "w2"], "out"),
    ]  # fmt: skip
    arrays = weights(w1=(WIDTH, WIDTH), w2=(WIDTH, 3)) | {"scale": np.ones(WIDTH, np.float32)}
    network = import_onnx(save_model(nodes, arrays, SHAPE))
    x = samples_of(network, 40)
    integer = dnateq.quantize(network, x, 5)
    normalized, last = integer.modules[-2], integer.modules[-1]
    tensors = golden.run(integer, x)
    assert (integer.tensors[normalized.output].values(tensors[normalized.output]) < 0).any()
    assert compile_network(integer, ExpEngine()).layers[last.name].configuration["cfg_row_signed"] == 1
