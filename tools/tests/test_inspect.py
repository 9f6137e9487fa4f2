# SPDX-License-Identifier: Apache-2.0
"""``shiftwork inspect``: the fate of every node of a file, all refusals at once, and whether the accelerator fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from shiftwork.blocks.manifest import ROOT
from shiftwork.cli import main
from shiftwork.errors import ShiftworkError
from shiftwork.example import EXAMPLE
from shiftwork.network.importer import OPERATORS, import_onnx
from shiftwork.network.simplify import RefusalError
from shiftwork.report.inspection import CLOSEST, Inspection, inspect, total_lines

GUIDE = ROOT / "docs" / "guides" / "own-onnx.md"
CASES = ROOT.parent / "shared" / "cases" / "gen.py"
Nodes = list[tuple[Any, ...]]

SOUND: Nodes = [
    ("Identity", ["in"], "view"),
    ("Pad", ["view", "pads"], "pad"),
    ("Transpose", ["swapped"], "kernel", {"perm": [1, 0, 2, 3]}),
    ("Conv", ["pad", "kernel"], "conv"),
    ("Relu", ["conv"], "relu"),
    ("Sigmoid", ["relu"], "gate"),
    ("Mul", ["relu", "gate"], "silu"),
    ("MaxPool", ["silu"], "pool", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("Tanh", ["pool"], "nobody"),
    ("Shape", ["pool"], "shape"),
    ("Gather", ["shape", "first"], "samples"),
    ("Concat", ["samples", "rest"], "target", {"axis": 0}),
    ("Reshape", ["pool", "target"], "flat"),
    ("Gemm", ["flat", "matrix"], "logits"),
    ("Softmax", ["logits"], "out"),
]
REFUSED: Nodes = [
    ("Conv", ["in", "k"], "conv"),
    ("Conv", ["in", "conv"], "dynamic"),
    ("Mean", ["conv", "conv"], "mix"),
    ("Det", ["mix"], "masked"),
    ("Relu", ["masked"], "behind"),
    ("GlobalAveragePool", ["behind"], "out"),
]


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    real = {"swapped": (3, 4, 3, 3), "matrix": (64, 5), "k": (4, 3, 1, 1), "m": (4, 4), "last": (2, 4, 1, 1)}
    arrays: dict[str, np.ndarray] = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in real.items()}
    return arrays | {
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "first": np.array([0]),
        "rest": np.array([-1]),
        "mask": np.ones((1, 4, 8, 8), bool),
    }


def made(save_model: Any, nodes: Nodes, weights: dict[str, np.ndarray], **more: Any) -> Path:
    """A model of nodes with the weights that they read."""
    read = {name for node in nodes for name in node[1]}
    return Path(save_model(nodes, {name: array for name, array in weights.items() if name in read}, **more))


def fates(found: Inspection) -> dict[str, str]:
    return {fate.name: fate.becomes for fate in found.nodes}


def test_every_fate_of_a_sound_model(save_model: Any, weights: dict[str, np.ndarray]) -> None:
    path = made(save_model, SOUND, weights)
    found = inspect(path)
    assert [fate.name for fate in found.nodes] == [node[2] for node in SOUND]
    assert [fate.operator for fate in found.nodes] == [node[0] for node in SOUND]
    assert fates(found) == {
        "view": "removed", "pad": "fused", "kernel": "folded", "conv": "RTL", "relu": "fused", "gate": "fused",
        "silu": "table", "pool": "host", "nobody": "unused", "shape": "folded", "samples": "folded",
        "target": "folded", "flat": "removed", "logits": "RTL", "out": "tail",
    }  # fmt: skip
    by_name = {fate.name: fate for fate in found.nodes}
    assert {name: by_name[name].module for name in ("pad", "relu", "gate")} == {
        "pad": "conv", "relu": "conv", "gate": "silu",
    }  # fmt: skip
    assert by_name["conv"].shape == ("N", 4, 8, 8)
    assert by_name["kernel"].shape == (4, 3, 3, 3)
    assert by_name["out"].shape == ("N", 5)
    assert (by_name["conv"].macs, by_name["conv"].weights) == (64 * 4 * 27, 4 * 27)
    assert (by_name["logits"].macs, by_name["relu"].macs) == (320, 0)
    totals = found.totals()
    assert (totals["macs"], totals["weights"]) == (64 * 4 * 27 + 320, 4 * 27 + 320)
    assert sum(totals["nodes"].values()) == len(SOUND)
    assert totals["largest_map"]["shape"] == [8, 8, 4]
    assert found.refusal is None
    assert [module.name for module in found.accepted().modules] == [module.name for module in import_onnx(path).modules]


def test_all_refusals_at_once(save_model: Any, weights: dict[str, np.ndarray]) -> None:
    found = inspect(made(save_model, REFUSED, weights, outputs=("out", "dynamic")))
    assert fates(found) == {
        "conv": "RTL", "dynamic": "refused", "mix": "refused", "masked": "refused", "behind": "unjudged",
        "out": "unjudged",
    }  # fmt: skip
    told = {fate.name: (fate.remark, fate.closest) for fate in found.nodes if fate.becomes == "refused"}
    assert "'conv' must be a constant" in told["dynamic"][0]
    assert "constant weights" in told["dynamic"][1]
    assert told["mix"] == ("operator is not supported", CLOSEST["Mean"])
    assert told["masked"][1] == "none"
    assert found.refusals().endswith("and 3 other nodes: `shiftwork inspect` shows them")
    with pytest.raises(RefusalError, match="3 refusals"):
        found.accepted()


def test_hints_are_for_operators_that_are_not_known() -> None:
    assert not CLOSEST.keys() & OPERATORS.keys()


def test_a_graph_that_cannot_be_read(save_model: Any, weights: dict[str, np.ndarray], tmp_path: Path) -> None:
    nodes = [("Conv", ["in", "k"], "conv"), ("Trilu", ["conv"], "upper"), ("Relu", ["upper"], "out")]
    model = onnx.load(made(save_model, nodes, weights))
    stranger = model.graph.node.add(op_type="Fancy", domain="mine", input=["out"], output=["more"], name="stranger")
    model.graph.output[0].name = "more"
    path = tmp_path / "strange.onnx"
    onnx.save(model, path)
    found = inspect(path)
    assert fates(found) == {"conv": "unjudged", "upper": "refused", "out": "unjudged", "stranger": "refused"}
    assert found.nodes[3].closest == "operators of ONNX"
    stranger.op_type, stranger.domain = "Add", ""
    stranger.input.append("absent")
    onnx.save(model, path)
    found = inspect(path)
    assert fates(found)["stranger"] == "refused"
    assert "'absent'" in found.nodes[3].remark
    stranger.op_type, stranger.input[1] = "MatMul", "k"
    onnx.save(model, path)
    assert fates(inspect(path))["stranger"] == "refused"  # onnxruntime knows that the sizes do not fit


def test_a_stranger_of_the_first_node(save_model: Any) -> None:
    found = inspect(save_model([("Trilu", ["in"], "upper"), ("Relu", ["upper"], "out")]))
    assert fates(found) == {"upper": "refused", "out": "unjudged"}
    assert total_lines(found) == ["nodes           2: 1 refused, 1 unjudged"]


def test_nodes_without_names_and_a_fixed_batch(save_model: Any, weights: dict[str, np.ndarray], tmp_path: Path) -> None:
    nodes = [("Conv", ["in", "k"], "conv"), ("Dropout", ["conv"], "drop"), ("Identity", ["drop"], "out")]
    model = onnx.load(made(save_model, nodes, weights, shape=(2, 3, 8, 8)))
    for node in model.graph.node:
        node.ClearField("name")
    onnx.save(model, tmp_path / "unnamed.onnx")
    found = inspect(tmp_path / "unnamed.onnx")
    assert fates(found) == {"conv": "RTL", "drop": "removed", "out": "removed"}
    assert found.nodes[0].shape == (2, 4, 8, 8)


def test_quantized_exports_say_what_is_kept(save_model: Any, weights: dict[str, np.ndarray]) -> None:
    nodes = [
        ("QuantizeLinear", ["in", "s", "z"], "q"),
        ("DequantizeLinear", ["q", "s", "z"], "d"),
        ("Conv", ["d", "k"], "out"),
    ]
    scales = {"s": np.float32(0.03), "z": np.int8(0)}
    found = inspect(made(save_model, nodes, weights | scales))
    assert fates(found) == {"q": "removed", "d": "removed", "out": "RTL"}
    assert "0.03" in found.nodes[0].remark


def test_plain_errors_stay(save_model: Any, weights: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = made(save_model, [("Conv", ["in", "k"], "out")], weights, shape=("N", 3, "H", "W"))
    with pytest.raises(ShiftworkError, match="dynamic axis"):
        inspect(path)
    assert fates(inspect(path, {"in": (1, 3, 9, 9)})) == {"out": "RTL"}
    with pytest.raises(ShiftworkError, match="no such file"):
        inspect(tmp_path / "absent.onnx")


# -- the command


def test_the_command(
    save_model: Any, weights: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = [("Conv", ["in", "k"], "conv"), ("Relu", ["conv"], "relu"), ("Conv", ["relu", "last"], "out")]
    path, report = made(save_model, nodes, weights), tmp_path / "report.json"
    assert main(["inspect", str(path), "--json", str(report)]) == 0
    text = capsys.readouterr().out
    assert "fused into conv" in text
    assert "runs            --executor golden, rtl, accel; scales from 4 random samples" in text
    assert "tr engine, 8 x 64, 256 KiB of activations: fits" in text
    content = json.loads(report.read_text())
    assert [node["becomes"] for node in content["nodes"]] == ["RTL", "fused", "RTL"]
    assert content["nodes"][1]["module"] == "conv"
    assert content["trial"] == {
        "samples": "4 random samples", "target": "tr engine, 8 x 64, 256 KiB of activations", "golden": "",
        "rtl": "", "accelerator": "",
    }  # fmt: skip
    words = ["inspect", str(path), "--scheme", "fixed4", "--cols", "32"]
    assert main(words) == 0
    assert "x 32 x 1, 256 KiB" in capsys.readouterr().out
    assert main(["inspect", str(path), "--scheme", "dnateq"]) == 2
    assert "engines tr, mac, msq inside, not exp" in capsys.readouterr().err
    assert main(["inspect", str(path), "--json", str(path)]) == 2
    assert "the command reads it" in capsys.readouterr().err


def test_the_guide_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(EXAMPLE / "digits.onnx")]) == 0
    assert capsys.readouterr().out in GUIDE.read_text()


def test_what_the_accelerator_does_not_take_runs_all_the_same(
    save_model: Any, weights: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(made(save_model, SOUND, weights))]) == 0
    text = capsys.readouterr().out
    assert "runs            --executor golden, rtl; scales" in text
    assert "does not fit: node 'silu': " in text


def test_large_networks_wait_for_samples(
    save_model: Any, weights: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("shiftwork.report.inspection.TRIED", 100)
    path, data = made(save_model, [("Conv", ["in", "k"], "out")], weights), tmp_path / "data.npz"
    assert main(["inspect", str(path)]) == 0
    assert "768 MACs, without --data: not tried" in capsys.readouterr().out
    np.savez(data, x=np.random.default_rng(1).normal(0, 1, (3, 3, 8, 8)).astype(np.float32))
    assert main(["inspect", str(path), "--data", str(data)]) == 0
    assert "scales from 3 samples" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["run", "quantize", "compile"])
def test_work_is_refused_with_the_list(
    command: str, save_model: Any, weights: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, path = tmp_path / "data.npz", made(save_model, REFUSED, weights, outputs=("out", "dynamic"))
    np.savez(data, x=np.zeros((3, 3, 8, 8), np.float32))
    output = [] if command == "run" else ["--output", str(tmp_path / "net.npz")]
    assert main([command, str(path), "--data", str(data), *output]) == 2
    text, error = capsys.readouterr()
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["dynamic", "mix", "masked"]
    assert "and 3 other nodes" in lines[-1]
    assert "3 refusals" in error
    assert main(["inspect", str(path)]) == 1
    assert "not judged" in capsys.readouterr().out


@pytest.mark.skipif(not CASES.exists(), reason="cases are not at hand")
@pytest.mark.parametrize("name", ["qdq", "silu", "lstm", "unused", "not_sorted", "split"])
def test_cases(name: str, tmp_path: Path) -> None:
    space: dict[str, Any] = {"__name__": "cases"}
    exec(compile(CASES.read_text(), CASES, "exec"), space)
    onnx.save(space["CASES"][name][0](), tmp_path / "case.onnx")
    found = inspect(tmp_path / "case.onnx")
    assert not {"refused", "unjudged"} & set(fates(found).values())
    assert len(found.nodes) == len(onnx.load(tmp_path / "case.onnx").graph.node)
