# SPDX-License-Identifier: Apache-2.0
"""The command line: what it prints, its JSON, and one line with exit code 2 for every mistake of the user."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from shiftwork import __version__
from shiftwork.cli import main
from shiftwork.compile import MacEngine
from shiftwork.compile.program_file import read
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.example import EXAMPLE
from shiftwork.golden.model import finished, run
from shiftwork.network.data import Data
from shiftwork.network.floating import reference
from shiftwork.network.importer import import_onnx
from shiftwork.outputs import check_folder, check_targets
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import Quantization
from shiftwork.quantize.tr import parse_layer
from shiftwork.run.networks import run_integer
from shiftwork.schemes import quantize

Array = NDArray[np.float32]


def build(path: Path, change: Callable[[onnx.ModelProto], None] | None = None, weight: Array | None = None) -> Path:
    """A small trained-looking network: Conv, Relu, Flatten, Gemm on (N, 1, 6, 6)."""
    rng = np.random.default_rng(3)
    helper, tensor = onnx.helper, onnx.numpy_helper.from_array
    kernels = rng.normal(0, 0.4, (4, 1, 3, 3)).astype(np.float32) if weight is None else weight
    dense = rng.normal(0, 0.3, (3, 64)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["input", "kernels"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Flatten", ["r"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "dense"], ["output"], name="gemm", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, ["N", 1, 6, 6])],
        [helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, ["N", 3])],
        [tensor(kernels, "kernels"), tensor(dense, "dense")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    if change is not None:
        change(model)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return build(tmp_path / "small.onnx")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    path = tmp_path / "data.npz"
    np.savez(path, x=rng.random((12, 1, 6, 6), np.float32), y=rng.integers(0, 3, 12))
    return path


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """Run a command that must fail; its one line."""
    code = main([str(word) for word in words])
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if not line.startswith(("[", "    ["))]
    assert code == 2, error
    assert len(lines) == 1, error
    assert lines[0].startswith("shiftwork: error: "), error
    return lines[0]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"shiftwork {__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for command in ("inspect", "run", "quantize", "compile", "simulate", "demo", "doctor", "cores", "synth", "board"):
        assert f"\n  {command} " in text


@pytest.mark.parametrize("scheme", ["fixed8", "joint", "tr"])
@pytest.mark.parametrize("stream", ["weights", "activations"])
def test_golden_run(
    scheme: str, stream: str, model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "report.json"
    words = ["run", model, "--data", data, "--scheme", scheme, "--stream", stream, "--json", target]
    assert main([str(word) for word in words]) == 0
    captured = capsys.readouterr()
    assert "[1/4] import small.onnx" in captured.err
    assert "accuracy" in captured.out
    report = json.loads(target.read_text())
    assert report["scheme"] == scheme
    assert report["executor"] == "golden"
    assert report["samples"] == 12
    assert report["macs"] == 12 * (16 * 4 * 9 + 64 * 3)
    assert report["accuracy"] is not None
    assert report["float_accuracy"] is not None
    assert report["mismatches"] is None
    assert [layer["kind"] for layer in report["layers"] if layer["macs"]] == ["conv", "fc"]
    assert report["quantizations"] == {"op_by_op": 2, "unified": 1}
    assert "1 in unified modules, 2 operator by operator" in captured.out
    searched = scheme == "joint" or (scheme, stream) == ("tr", "weights")
    assert ("[1/2] conv" in captured.err) == searched
    if scheme != "tr":
        assert report["term_pairs"] == 49 * report["macs"]


def test_compile(model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "net.shw"
    words = ["compile", model, "--data", data, "--scheme", "fixed8", "--engine", "mac"]
    words += ["--cols", 16, "--output", target]
    assert main([str(word) for word in words]) == 0
    captured = capsys.readouterr()
    program = read(target)
    assert program.shape.engine == MacEngine(8, 16)
    assert str(target) in captured.out
    assert "accelerator     mac engine, 8 rows, 16 columns\n" in captured.out
    assert f"program         {program.program_count} instructions, {len(program.program):,} bytes\n" in captured.out
    assert f"image           {program.memory.size:,} bytes" in captured.out
    assert "output          'output', 1 x 1 x 3 of 32 bits\n" in captured.out
    assert "[3/3] compile for the accelerator with 8 x 16 mac" in captured.err
    assert main([str(word) for word in (*words, "--listing")]) == 0
    assert capsys.readouterr().out.splitlines()[-program.program_count :] == program.listing()


def test_compile_refuses_before_the_work(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("compile", model, "--data", data, "--output")
    target = tmp_path / "net.shw"
    assert "--output" in refused(capsys, *words, tmp_path)
    assert "no such folder" in refused(capsys, *words, tmp_path / "absent" / "net.shw")
    assert "the command reads it" in refused(capsys, *words, model)
    assert "engines tr, mac, msq inside, not exp" in refused(capsys, *words, target, "--scheme", "dnateq")
    assert "--lanes 8 is outside 1..1" in refused(capsys, *words, target, "--scheme", "msq", "--lanes", "8")
    assert "--constants 3 is outside 16..65536" in refused(capsys, *words, target, "--constants", "3")
    assert "--rows 64 is outside 2..16" in refused(capsys, *words, target, "--rows", "64")
    line = refused(capsys, *words, target, "--stream", "activations")
    assert line.endswith("node 'conv': the accelerator streams weights, not activations")
    assert not target.exists()


def test_compile_names_the_smallest_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("compile", EXAMPLE / "digits.onnx", "--data", EXAMPLE / "digits_test.npz", "--calibrate", "8")
    target = tmp_path / "net.shw"
    line = refused(capsys, *words, "--output", target, "--constants", "16")
    assert re.search(r"node '\w+': \d+ channels have constants, .* room for 8; --constants \d+ would do$", line), line
    assert not target.exists()


def test_exponential_codes(model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, fits, network = tmp_path / "report.json", tmp_path / "fits.json", tmp_path / "small.npz"
    words = [str(model), "--data", str(data), "--scheme", "dnateq", "--exponent-bits", "4"]
    assert main(["run", *words, "--json", str(report)]) == 0
    text = capsys.readouterr().out
    content = json.loads(report.read_text())
    assert content["scheme"] == "dnateq"
    assert content["macs"] == 12 * (16 * 4 * 9 + 64 * 3)
    assert 0 < content["live_macs"] < content["macs"]
    assert content["weight_bits"] == content["activation_bits"] == 5
    assert content["model_bits"] == 5 * (36 + 192) + 48 * 7 + 2 * (16 + 12) * 15 + 48 * 14
    assert not {"term_pairs", "sp2_macs"} & set(content)
    assert f"{content['model_bits']:,} bits, 5.00 a weight; 5.00 an activation" in text
    assert "% without a zero" in text
    assert "live %" in text
    assert "pairs/MAC" not in text
    plot = tmp_path / "fits.svg"
    assert main(["quantize", *words, "--output", str(network), "--json", str(fits), "--fit-plot", str(plot)]) == 0
    text = capsys.readouterr().out
    assert "RMAE %" in text
    assert str(plot) in text
    assert plot.read_bytes().startswith(b"<?xml")
    other = ["quantize", model, "--data", data, "--output", network, "--fit-plot", plot]
    assert "--fit-plot belongs to --scheme dnateq, not to --scheme tr" in refused(capsys, *other)
    found = json.loads(fits.read_text())["fits"]
    assert [entry["kind"] for entry in found] == ["activation", "weight"] * 2
    assert found[1]["code"]["base"] == found[0]["code"]["base"]
    assert sum(found[1]["counts"]) + found[1]["zeros"] == 36
    again = ["simulate", str(network), "--data", str(data), "--executor", "golden", "--json", str(report)]
    assert main(again) == 0
    assert json.loads(report.read_text())["layers"] == content["layers"]
    assert main(["simulate", str(network), "--data", str(data), "--lanes", "4"]) == 2
    assert "--lanes is no option of the engine for scheme dnateq" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sp2_share", "factors"),
    [
        (["--scheme", "msq", "--sp2-share", "0.6"], (2 * 16 * 9 + 2 * 64) / (4 * 16 * 9 + 3 * 64), 4),
        (["--scheme", "msq", "--sp2-share", "0.3", "--alpha", "pot"], (16 * 9 + 64) / (4 * 16 * 9 + 3 * 64), 0),
        (["--scheme", "fixed4"], 0.0, 4),
        (["--scheme", "sp2", "--alpha", "pot"], 1.0, 0),
        (["--scheme", "pot", "--scale", "maxabs"], 0.0, 4),
    ],
)
def test_four_bit_rows(
    words: list[str],
    sp2_share: float,
    factors: int,
    model: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    report, simulated, network = tmp_path / "report.json", tmp_path / "simulated.json", tmp_path / "small.npz"
    assert main(["run", str(model), "--data", str(data), *words, "--json", str(report)]) == 0
    text = capsys.readouterr().out
    content = json.loads(report.read_text())
    assert content["scheme"] == words[1]
    assert content["macs"] == 12 * (16 * 4 * 9 + 64 * 3)
    assert content["sp2_macs"] == pytest.approx(sp2_share * content["macs"])
    assert content["model_bits"] == 4 * (36 + 192) + 32 * 7 + 16 * factors
    assert not {"term_pairs", "term_pairs_present", "revealed_macs", "live_macs"} & set(content)
    assert f"{100 * sp2_share:.1f} % in SP2 rows" in text
    assert "SP2 %" in text
    assert "term pairs" not in text
    assert "pairs/MAC" not in text
    assert main(["quantize", str(model), "--data", str(data), *words, "--output", str(network)]) == 0
    again = ["simulate", str(network), "--data", str(data), "--executor", "golden", "--json", str(simulated)]
    assert main(again) == 0
    assert json.loads(simulated.read_text())["layers"] == content["layers"]
    assert json.loads(simulated.read_text())["accuracy"] == content["accuracy"]


def _map(graph: onnx.ModelProto) -> None:
    """The network of :func:`build` up to a map of four channels."""
    del graph.graph.node[2:]
    graph.graph.node[1].output[0] = "output"
    sizes = [onnx.TensorShapeProto.Dimension(dim_value=size) for size in (4, 4, 4)]
    del graph.graph.output[0].type.tensor_type.shape.dim[1:]
    graph.graph.output[0].type.tensor_type.shape.dim.extend(sizes)


@pytest.mark.parametrize("scheme", ["fixed8", "joint", "dnateq"])
def test_maps_are_compared_in_one_layout(scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, samples, report = build(tmp_path / "map.onnx", _map), tmp_path / "data.npz", tmp_path / "report.json"
    np.savez(samples, x=np.random.default_rng(4).normal(0, 1, (40, 1, 6, 6)).astype(np.float32))
    words = ["run", str(path), "--data", str(samples), "--scheme", scheme, "--json", str(report)]
    assert main(words) == 0
    found = json.loads(report.read_text())
    assert found["agreement"] is None
    assert found["errors"]["output"]["sqnr"] > 25
    assert "error           'output': SQNR" in capsys.readouterr().out


def test_equal_maps_agree_and_other_layouts_are_refused(tmp_path: Path) -> None:
    network = import_onnx(build(tmp_path / "map.onnx", _map))
    x = np.random.default_rng(4).normal(0, 1, (40, 1, 6, 6)).astype(np.float32)
    integer = quantize(Quantization("fixed8"), network, Data(x, None))
    outputs = finished(integer, run(integer, x, collect=False))
    ((name, values),) = outputs.items()
    arguments = ("map", integer, Data(x, None), "golden", Progress(quiet=True))
    assert run_integer(*arguments, reference=outputs).errors == {name: {"largest": 0, "sqnr": np.inf}}
    assert run_integer(*arguments, reference={name: values[:, ::-1]}).errors[name]["sqnr"] < 10
    assert values.shape == reference(network, x)[name].shape == (40, 4, 4, 4)
    with pytest.raises(ShiftworkError, match="float model returned"):
        run_integer(*arguments, reference={name: values.reshape(40, -1)})


def test_float_run(model: Path, data: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    words = ["run", model, "--data", data, "--executor", "float", "--limit", "5", "--json", target]
    assert main([str(word) for word in words]) == 0
    report = json.loads(target.read_text())
    assert report["samples"] == 5
    assert report["accuracy"] == report["float_accuracy"]


@pytest.mark.parametrize("executor", ["float", "golden", "rtl"])
def test_results_are_written(model: Path, data: Path, tmp_path: Path, executor: str) -> None:
    target, report = tmp_path / "outputs.npz", tmp_path / "report.json"
    words = ["run", model, "--data", data, "--scheme", "fixed8", "--executor", executor, "--json", report]
    words += ["--rows", "2", "--cols", "4"] if executor == "rtl" else []
    assert main([str(word) for word in [*words, "--outputs", target, "--tensors"]]) == 0
    told = json.loads(report.read_text())
    with np.load(target) as found:
        assert found["outputs"].shape == (12, 3)
        assert found["predictions"].tolist() == found["outputs"].argmax(axis=1).tolist()
        assert 100 * (found["predictions"] == found["labels"]).mean() == pytest.approx(told["accuracy"])
        names = {name for name in found.files if name.startswith("tensor/")}
        assert names == (set() if executor == "float" else {"tensor/conv", "tensor/gemm"})
        if executor != "float":
            assert found["tensor/gemm"].reshape(12, 3).argmax(axis=1).tolist() == found["predictions"].tolist()
    assert (told["compared"], told["host_compared"]) == ((804, 0) if executor == "rtl" else (None, None))


def test_what_is_left_is_estimated(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.1, 4.0, 8.0])
    monkeypatch.setattr("shiftwork.progress.time.monotonic", lambda: next(clock))
    progress = Progress()
    for number in range(4):
        progress.item(number + 1, 4, "part")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["    [1/4] part", "    [3/4] part", "    [4/4] part, about 3 s left"]


def test_options_reach_the_layers(model: Path, data: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    words = ["run", model, "--data", data, "--group", "4", "--budget", "5", "--data-terms", "2"]
    words += ["--layer", "conv:k=2.0,s=1", "--json", target]
    assert main([str(word) for word in words]) == 0
    conv, gemm = (layer for layer in json.loads(target.read_text())["layers"] if layer["macs"])
    assert (conv["group"], conv["budget"], conv["data_terms"]) == (4, 8, 1)
    assert (gemm["group"], gemm["budget"], gemm["data_terms"]) == (4, 5, 2)


def test_a_layer_can_be_switched_off(model: Path, data: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    words = ["run", model, "--data", data, "--layer", "gemm:off", "--max-loss", "5", "--json", target]
    assert main([str(word) for word in words]) == 0
    conv, gemm = (layer for layer in json.loads(target.read_text())["layers"] if layer["macs"])
    assert conv["revealed"]
    assert not gemm["revealed"]
    assert gemm["term_pairs"] == 49 * gemm["macs"]


def test_quantize_and_simulate(model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network, run, simulated = tmp_path / "small.npz", tmp_path / "run.json", tmp_path / "simulated.json"
    report = tmp_path / "report.json"
    words = ["quantize", model, "--data", data, "--output", network, "--json", report]
    assert main([str(word) for word in words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [str(network), str(network.with_suffix(".json"))]
    assert lines[2].startswith("calibration     12 samples of data.npz, 6 of them held back")
    at = lines.index("quantizations   1 in unified modules, 2 operator by operator")
    assert [" ".join(line.split()[:2]) for line in lines[at + 1 : at + 3]] == ["pairs present", "cycles beside"]
    assert "by QT that streams the better operand in every layer" in lines[at + 3]
    assert json.loads(report.read_text())["quantizations"] == {"op_by_op": 2, "unified": 1}
    assert json.loads(network.with_suffix(".json").read_text())["scheme"] == "tr"
    assert main(["run", str(model), "--data", str(data), "--json", str(run)]) == 0
    words = ["simulate", str(network), "--data", str(data), "--executor", "golden", "--json", str(simulated)]
    assert main(words) == 0
    first, second = json.loads(run.read_text()), json.loads(simulated.read_text())
    assert first["layers"] == second["layers"]
    assert first["accuracy"] == second["accuracy"]


def test_joint_is_fixed8_with_joint_scales(model: Path, data: Path, tmp_path: Path) -> None:
    found = []
    for name, words in (("a", ["--scheme", "joint"]), ("b", ["--scheme", "fixed8", "--scale", "joint"])):
        path = tmp_path / f"{name}.npz"
        widths = ["--weight-bits", "5", "--activation-bits", "6"]
        assert main(["quantize", str(model), "--data", str(data), "--output", str(path), *words, *widths]) == 0
        found.append(json.loads(path.with_suffix(".json").read_text()))
    assert [entry.pop("scheme") for entry in found] == ["joint", "fixed8"]
    assert found[0] == found[1]
    assert found[0]["modules"][0]["weight_bits"] == 5
    assert found[0]["tensors"]["input"]["bits"] == 6


def test_first_modules_only(model: Path, data: Path, tmp_path: Path) -> None:
    network, report = tmp_path / "small.npz", tmp_path / "report.json"
    assert main(["quantize", str(model), "--data", str(data), "--output", str(network), "--scheme", "joint"]) == 0
    for words in (["run", model, "--scheme", "joint"], ["simulate", network, "--executor", "golden"]):
        words = [*words, "--data", data, "--modules", 1, "--json", report]
        assert main([str(word) for word in words]) == 0
        content = json.loads(report.read_text())
        assert [layer["name"] for layer in content["layers"]] == ["conv"]
        assert content["accuracy"] is content["agreement"] is None


def test_parse_layer() -> None:
    assert parse_layer("/a/b:0:g=16,k=20,s=0,stream=activations,on") == (
        "/a/b:0",
        {"group": 16, "budget": 20, "data_terms": 0, "stream": "activations", "enabled": True},
    )
    for text in ("conv", "conv:", ":k=3", "conv:z=3", "conv:g=x", "conv:k=much", "conv:stream=both", "conv:k"):
        with pytest.raises(ShiftworkError):
            parse_layer(text)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--group", "0"], "--group: group 0"),
        (["--group", "6"], "--group: group 6"),
        (["--group", "512"], "--group: group 512"),
        (["--budget", "0"], "--budget 0"),
        (["--budget", "0.0"], "--budget 0.0"),
        (["--budget", "-3"], "--budget -3"),
        (["--budget", "nan"], "--budget nan"),
        (["--budget", "3000"], "3000"),
        (["--budget", "lots"], "--budget: budget 'lots'"),
        (["--data-terms", "10"], "--data-terms: data terms 10"),
        (["--stream", "activations", "--data-terms", "2"], "data terms"),
        (["--scheme", "apot"], "--scheme apot: choose fixed8 or joint or tr or msq or fixed4 or sp2 or pot"),
        (["--scheme", "msq", "--sp2-share", "1.01"], "--sp2-share 1.01 is outside 0..1"),
        (["--scheme", "fixed4", "--sp2-share", "0.5"], "--sp2-share belongs to --scheme msq, not to --scheme fixed4"),
        (["--scheme", "sp2", "--alpha", "row"], "--alpha row: choose free or pot"),
        (["--alpha", "free"], "--alpha belongs to --scheme msq, fixed4, sp2 or pot, not to --scheme tr"),
        (["--scheme", "msq", "--scale", "joint"], "--scale joint belongs to --scheme fixed8 or tr, not to"),
        (["--scheme", "msq", "--stream", "activations"], "--stream belongs to --scheme fixed8, joint or"),
        (["--scheme", "msq", "--per-tensor"], "--per-tensor belongs to --scheme fixed8, joint or tr, not to"),
        (["--scheme", "pot", "--weight-bits", "5"], "--weight-bits belongs to --scheme fixed8 or joint, not to"),
        (["--scheme", "msq", "--budget", "12"], "--budget belongs to --scheme tr, not to --scheme msq"),
        (["--scheme", "pot", "--executor", "rtl"], "scheme pot is not built in hardware"),
        (["--scheme", "dnateq", "--executor", "rtl", "--fold", "3"], "--fold 3 does not divide --rows 16"),
        (["--scheme", "tr", "--executor", "rtl", "--fold", "2"], "--fold is no option of the engine for scheme tr"),
        (["--scheme", "dnateq", "--exponent-bits", "8"], "--exponent-bits: exponents of 8 bits are outside 3..7"),
        (["--scheme", "dnateq", "--max-loss", "-1"], "--max-loss -1.0 is below 0"),
        (["--scheme", "dnateq", "--scale", "mse"], "--scale mse belongs to"),
        (["--scheme", "msq", "--exponent-bits", "4"], "--exponent-bits belongs to --scheme dnateq, not to"),
        (["--tensors"], "--tensors needs --outputs"),
        (["--scheme", "joint", "--scale", "mse"], "--scale mse belongs to"),
        (["--scheme", "joint", "--budget", "12"], "--budget belongs to --scheme tr"),
        (["--scheme", "joint", "--weight-bits", "3"], "--weight-bits 3 is outside 4..8"),
        (["--scheme", "fixed8", "--activation-bits", "9"], "--activation-bits 9 is outside 4..8"),
        (["--weight-bits", "4"], "--weight-bits belongs to"),
        (["--modules", "0"], "first 0 modules"),
        (["--modules", "9"], "first 9 modules"),
        (["--executor", "fpga"], "--executor fpga: choose float or golden or rtl"),
        (["--stream", "both"], "--stream both"),
        (["--scale", "median"], "--scale median"),
        (["--scheme", "fixed8", "--budget", "12"], "--budget belongs to --scheme tr"),
        (["--scheme", "fixed8", "--group", "8"], "--group belongs to --scheme tr"),
        (["--limit", "0"], "limit 0"),
        (["--calibrate", "0"], "--calibrate 0"),
        (["--rows", "0", "--executor", "rtl"], "--rows 0"),
        (["--cols", "300", "--executor", "rtl"], "--cols 300"),
        (["--layer", "conv:k=0"], "budget 0"),
        (["--layer", "nothing:k=4"], "nothing"),
        (["--layer", "conv"], "--layer conv"),
        (["--overrides", "absent.yml"], "absent.yml"),
        (["--json", "/nonexistent/report.json"], "/nonexistent/report.json"),
        (["--group", "eight"], "'--group'"),
        (["--colour", "red"], "--colour"),
        (["--calib-data", "absent.npz"], "absent.npz"),
    ],
)
def test_wrong_option(
    words: list[str], message: str, model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refused(capsys, "run", model, "--data", data, *words)


def _operator(graph: onnx.ModelProto) -> None:
    graph.graph.node[1].op_type = "Det"


def test_wrong_model(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.onnx"
    assert str(path) in refused(capsys, "run", path, "--data", data)
    path.write_bytes(b"")
    assert str(path) in refused(capsys, "run", path, "--data", data)
    whole = build(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert str(path) in refused(capsys, "run", path, "--data", data)
    line = refused(capsys, "run", build(path, _operator), "--data", data)
    assert "relu" in line
    assert "Det" in line
    weight = np.full((4, 1, 3, 3), np.nan, np.float32)
    assert "conv" in refused(capsys, "run", build(path, weight=weight), "--data", data)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "no array 'x'"),
        ({"x": np.zeros((0, 1, 6, 6), np.float32)}, "no samples"),
        ({"x": np.zeros((2, 1, 5, 6), np.float32)}, "shape"),
        ({"x": np.zeros((2, 1, 6, 6), np.int32)}, "int32"),
        ({"x": np.full((2, 1, 6, 6), np.nan, np.float32)}, "NaN"),
        ({"x": np.zeros((2, 1, 6, 6), np.float32), "y": np.array([0, 3])}, "labels"),
        ({"x": np.zeros((2, 1, 6, 6), np.float32), "y": np.array([0, -1])}, "labels"),
        ({"x": np.zeros((2, 1, 6, 6), np.float32), "y": np.array([0])}, "labels"),
    ],
)
def test_wrong_data(
    arrays: dict[str, Array], message: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    line = refused(capsys, "run", model, "--data", path)
    assert message in line
    assert str(path) in line


def test_wrong_data_file(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.npz"
    assert "no such file" in refused(capsys, "run", model, "--data", path)
    path.write_bytes(b"")
    assert str(path) in refused(capsys, "run", model, "--data", path)


def test_wrong_network_file(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such file" in refused(capsys, "simulate", tmp_path / "absent.npz", "--data", data)
    assert "not an integer network" in refused(capsys, "simulate", data, "--data", data)
    assert "Missing argument 'NETWORK.npz'" in refused(capsys, "simulate", "--data", data)
    assert "Missing option '--data'" in refused(capsys, "simulate", data)
    assert "--waves /absent/f.vcd" in refused(capsys, "simulate", data, "--data", data, "--waves", "/absent/f.vcd")
    assert "--in-gap 1.0" in refused(capsys, "simulate", data, "--data", data, "--in-gap", "1.0")


def test_wrong_synthesis(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "synth pot: choose tr, msq, requant" in refused(capsys, "synth", "pot")
    assert "--ecp5 belongs to synth tr" in refused(capsys, "synth", "msq", "--ecp5")
    assert "--design" in refused(capsys, "synth", "msq", "--design", "sp2")
    assert "--samples 0" in refused(capsys, "synth", "tr", "--samples", "0")
    assert "--data belong" in refused(capsys, "synth", "tr", "--data", data)
    assert "exclude" in refused(capsys, "synth", "tr", "--cycles", data, "--model", data, "--data", data)
    assert "exclude" in refused(capsys, "synth", "dnateq", "--ecp5", "--toggles")
    assert "rows" in refused(capsys, "synth", "tr", "--rows", "0")
    for option in (("--rows", "4"), ("--cols", "8"), ("--cycles", data), ("--ecp5",), ("--toggles",)):
        assert f"{option[0]} belongs to synth tr" in refused(capsys, "synth", "requant", *option)
    assert "--family belongs to synth accel" in refused(capsys, "synth", "tr", "--family", "xc7")
    assert "--constants belongs to synth accel" in refused(capsys, "synth", "tr", "--constants", "16")
    assert "--design tr" in refused(capsys, "synth", "requant", "--design", "tr")


def test_missing_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--data" in refused(capsys, "run", "model.onnx")
    assert "frobnicate" in refused(capsys, "frobnicate")


def test_a_missing_tool_is_named_with_its_cure(
    model: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shiftwork.device import toolchain

    monkeypatch.setenv("CXX", "no-such-compiler")
    toolchain.find_compiler.cache_clear()
    try:
        line = refused(capsys, "run", model, "--data", data, "--executor", "rtl", "--rows", "1", "--cols", "7")
    finally:
        toolchain.find_compiler.cache_clear()
    assert "no-such-compiler not found" in line
    assert "apt-get install -y g++" in line


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    for tool in ("g++", "verilator", "numpy", "onnxruntime"):
        assert f"\n{tool} " in text


def test_as_a_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "shiftwork", "run", str(tmp_path / "absent.onnx"), "--data", "d.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("shiftwork: error: ")


def test_without_torch_the_command_says_how_to_install_it(monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "shiftwork.quantize.training", raising=False)
    arguments = ["train", str(EXAMPLE / "digits.onnx"), "--data", str(EXAMPLE / "digits_train.npz")]
    assert main([*arguments, "--output", str(tmp_path / "n.npz")]) == 2
    assert "pip install 'shiftwork[train]'" in capsys.readouterr().err


# -- interrupts

_SIGNALLED = """
import os, signal, sys
from shiftwork.cli import main


class Finder:
    count = 0

    def find_spec(self, name, path=None, target=None):
        Finder.count += 1
        if Finder.count == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGINT)


signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, also where a job control ignores it
sys.meta_path.insert(0, Finder())
sys.exit(main(sys.argv[2:]))
"""
"""A command that gets a signal while it imports its n-th module."""


def _interrupted(command: list[str], wait_for: str = "", group: bool = False) -> None:
    """Run a command, send it a signal after a line of stderr, and check that it ends with 130 and one line."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=group
    )
    assert process.stderr is not None
    seen = ""
    while wait_for and wait_for not in seen:
        line = process.stderr.readline()
        assert line, seen
        seen += line
    if wait_for:
        (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 130, seen + error
    lines = [line for line in (seen + error).splitlines() if line and not line.startswith(("[", "    ["))]
    assert lines == ["shiftwork: interrupted"]


@pytest.mark.parametrize("count", [1, 2, 5, 20, 60, 120, 200, 280, 360, 420])
def test_an_interrupt_during_imports(count: int, model: Path, data: Path) -> None:
    _interrupted([sys.executable, "-c", _SIGNALLED, str(count), "run", str(model), "--data", str(data)])


@pytest.mark.parametrize("line", ["[1/4]", "[2/4]", "[3/4]", "[4/4]"])
def test_an_interrupt_during_work(line: str, model: Path, tmp_path: Path) -> None:
    samples = tmp_path / "many.npz"
    np.savez(samples, x=np.random.default_rng(4).random((60_000, 1, 6, 6), np.float32))
    words = ["run", str(model), "--data", str(samples), "--calibrate", "30000", "--scheme", "joint"]
    _interrupted([sys.executable, "-m", "shiftwork", *words], line)


def test_an_interrupt_of_a_command_and_its_children(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "slow"  # stands for a compiler that gets the signal too
    compiler.write_text("#!/bin/sh\ncase $1 in --version) echo 1;; *) sleep 60;; esac\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    words = ["run", str(model), "--data", str(data), "--executor", "rtl", "--rows", "1", "--cols", "2"]
    _interrupted([sys.executable, "-m", "shiftwork", *words], "[4/5]", group=True)


def test_after_a_command_the_handlers_are_the_old_ones() -> None:
    handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    assert main(["--version"]) == 0
    assert (signal.getsignal(signal.SIGINT), sys.unraisablehook) == (handler, hook)


# -- outputs that cannot be written

_COMMANDS = {
    "run --json": ["run", "MODEL", "--data", "DATA", "--json", "TARGET"],
    "quantize --output": ["quantize", "MODEL", "--data", "DATA", "--output", "TARGET"],
    "quantize --json": ["quantize", "MODEL", "--data", "DATA", "--output", "n.npz", "--json", "TARGET"],
    "train --output": ["train", "MODEL", "--data", "DATA", "--output", "TARGET"],
    "train --checkpoint": ["train", "MODEL", "--data", "DATA", "--output", "n.npz", "--checkpoint", "TARGET"],
    "train --json": ["train", "MODEL", "--data", "DATA", "--output", "n.npz", "--json", "TARGET"],
    "simulate --json": ["simulate", "MODEL", "--data", "DATA", "--json", "TARGET"],
    "simulate --waves": ["simulate", "MODEL", "--data", "DATA", "--waves", "TARGET"],
    "demo --json": ["demo", "--json", "TARGET"],
    "synth --json": ["synth", "msq", "--json", "TARGET"],
    "bundle --output": ["bundle", "--output", "TARGET"],
    "plan --json": ["plan", "--device", "xc7z020", "--json", "TARGET"],
}


@pytest.mark.parametrize("words", _COMMANDS.values(), ids=_COMMANDS)
def test_outputs_are_checked_before_the_work(
    words: list[str],
    model: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    option = words[words.index("TARGET") - 1]
    folder, file = tmp_path / "folder.npz", tmp_path / "file"
    folder.mkdir()
    file.write_text("kept")
    bad = {
        "absent/file.npz": "no such folder",
        str(folder): "is a folder",
        "file/inside.npz": "no such folder",
        "/proc/file.npz": "",
        f"{'x' * 300}.npz": "File name too long",
    }
    if option != "--output":
        bad |= {"/dev/full": "No space left on device", str(data): "the command reads it"}
    for target, message in bad.items():
        if target == str(data) and "DATA" not in words:
            continue
        named = {"MODEL": str(model), "DATA": str(data), "TARGET": target}
        with_files = [named.get(word, word) for word in words]
        assert main(with_files) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error  # no progress: nothing was begun
        assert error.startswith(f"shiftwork: error: {option} "), error
        assert message in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.npz", "file", "folder.npz", "small.onnx"]
    assert file.read_text() == "kept"


def test_a_readonly_file_is_checked_before_the_work(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("kept")
    file.chmod(0o444)
    if os.geteuid() == 0:
        pytest.skip("root writes into any file")
    with pytest.raises(SettingError, match="Permission denied"):
        check_targets(json=file)


def test_one_file_for_two_outputs(model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["quantize", model, "--data", data, "--output", tmp_path / "n.npz", "--json", tmp_path / "n.json"]
    assert "--json" in (line := refused(capsys, *words))
    assert "--output is written there" in line
    words = ["quantize", model, "--data", data, "--output", data]
    assert "--output" in (line := refused(capsys, *words))
    assert "the command reads it" in line


def test_a_check_keeps_what_is_there(tmp_path: Path) -> None:
    old, new, link = tmp_path / "old", tmp_path / "new", tmp_path / "link"
    old.write_text("kept")
    link.symlink_to(tmp_path / "aim")
    check_targets(output=(old, new), json=link, waves=None)
    assert old.read_text() == "kept"
    assert not new.exists()
    assert not (tmp_path / "aim").exists()
    check_targets(json=Path("/dev/null"))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_targets(json=pipe)  # nobody reads it yet
    check_folder("keep", tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    for folder in (old, old / "below", Path("/proc/keep")):
        with pytest.raises(SettingError, match=r"^keep "):
            check_folder("keep", folder)


def test_standard_output_is_checked_before_the_work(model: Path, data: Path) -> None:
    command = [sys.executable, "-m", "shiftwork", "run", str(model), "--data", str(data)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "shiftwork: error: standard output: No space left on device\n"
