# SPDX-License-Identifier: Apache-2.0
"""Random small ONNX models of everything that the importer takes, with samples; reproducible by their seed.

Every node is computed while the model grows, so that values stay of order 1 and a function is only put where it is well
conditioned. ``python tools/tests/random_graphs.py SEED out.onnx`` writes a model, and its samples beside it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SAMPLES = 8
_LARGEST = 700  # values of a sample
_MARGIN = 2e-4  # of a value to where a function jumps


class _UnfitError(Exception):
    """A step does not fit the values that are there."""


@dataclass
class RandomGraph:
    """A model and samples of its inputs.

    Attributes:
        seed: it is made from. model: protobuf. samples: (N, ...) by the name of an input. steps: what it is made of.
        jumps: it holds functions that jump or compare, so that a small error may become a large one.
        fixed: samples that it takes at once, None: any number.
    """

    seed: int
    model: Any
    samples: dict[str, NDArray[Any]]
    steps: list[str]
    jumps: bool
    fixed: int | None = None

    def save(self, path: Path) -> Path:
        """Write the model, and its samples as ``.npz`` beside it; returns the path of the samples."""
        onnx.save(self.model, str(path))
        np.savez(path.with_suffix(".npz"), **self.samples)  # type: ignore[arg-type]
        return path.with_suffix(".npz")


def random_graph(seed: int) -> RandomGraph:
    """The model of a seed: the first one that onnxruntime runs as a whole."""
    for attempt in range(10):
        found = _Maker([seed, attempt]).model()
        try:
            session = _session(found.model, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL)
            size = found.fixed or SAMPLES
            session.run(
                None, {name: array[:size] if size < SAMPLES else array for name, array in found.samples.items()}
            )
            return found
        except Exception:  # such as its shape inference of pools with ceil_mode, and fused products
            continue
    raise RuntimeError(f"seed {seed}: onnxruntime takes no model")


def _session(model: Any, level: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = level
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _run(node: Any, opset: int, feed: dict[str, NDArray[Any]], outputs: list[str]) -> list[NDArray[Any]]:
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feed.items()
    ]
    graph = helper.make_graph([node], "node", inputs, [helper.make_empty_tensor_value_info(name) for name in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    return list(_session(model, onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL).run(outputs, feed))


class _Maker:
    def __init__(self, seed: list[int]) -> None:
        self.seed, self.rng = seed, np.random.default_rng(seed)
        self.opset = self.integer(9, 22) if self.chance(0.3) else self.integer(11, 21)
        self.fixed = self.pick(None, None, None, 1, 2, 4)
        self.count = 0
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self.values: dict[str, NDArray[np.float32]] = {}  # (SAMPLES, ...) that samples reach
        self.samples: dict[str, NDArray[Any]] = {}
        self.batch_axis: dict[str, int] = {}
        self.sizes: dict[str, NDArray[np.int64]] = {}  # of shapes
        self.steps: list[str] = []
        self.jumps = False
        self.open = self.fixed is None and self.chance(0.1)  # height and width of inputs are not in the model

    # -- choices

    def pick(self, *values: Any) -> Any:
        return values[self.rng.integers(len(values))]

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def normal(self, *shape: int) -> NDArray[np.float32]:
        return self.rng.normal(0, 1, shape).astype(np.float32)

    # -- nodes

    def constant(self, values: Any) -> str:
        self.count += 1
        name = f"k{self.count}"
        self.constants[name] = np.asarray(values)
        return name

    def whole(self, values: Any) -> str:
        return self.constant(np.asarray(values, np.int64))

    def node(self, operator: str, inputs: list[str], count: int = 1, samples: int = 0, **attributes: Any) -> Any:
        """Append a node and compute it; its outputs, one by itself. samples: the axis that counts
        samples in them."""
        self.count += 1
        outputs = [f"v{self.count}" if count == 1 else f"v{self.count}.{index}" for index in range(count)]
        node = helper.make_node(operator, inputs, outputs, f"{operator.lower()}{self.count}", **attributes)
        size = self.fixed or SAMPLES
        parts = []
        for start in range(0, SAMPLES, size):
            feed = {}
            for name in inputs:
                if name in self.samples:
                    places = np.arange(start, start + size)
                    feed[name] = np.take(self.samples[name], places, axis=max(0, self.batch_axis[name]))
                elif name in self.values:
                    rows = self.values[name].shape[self.batch_axis[name]] // SAMPLES
                    places = np.arange(start * rows, (start + size) * rows)
                    feed[name] = np.take(self.values[name], places, axis=self.batch_axis[name])
                elif name:
                    feed[name] = self.sizes[name] if name in self.sizes else self.constants[name]
            try:
                parts.append(_run(node, self.opset, feed, outputs))
            except Exception as error:
                raise RuntimeError(f"seed {self.seed}: {helper.printable_node(node)}: {error}") from error
        if operator == "Shape" or (inputs[0] in self.sizes and operator != "Reshape"):
            self.sizes.update({outputs[0]: parts[0][0]})
            self.nodes.append(node)
            return outputs[0]
        for index, output in enumerate(outputs):
            whole = np.concatenate([part[index] for part in parts], samples)
            if not np.isfinite(whole).all() or whole.size > SAMPLES * _LARGEST or min(whole.shape) == 0:
                raise _UnfitError
            self.values[output], self.batch_axis[output] = whole, samples
        self.nodes.append(node)
        return outputs[0] if count == 1 else outputs

    def scaled(self, name: str) -> str:
        """The value, brought to order 1 where it is not."""
        deviation = float(self.values[name].std())
        if deviation < 1e-3:
            raise _UnfitError
        if 0.3 < deviation < 2.5 and np.abs(self.values[name]).max() < 8:
            return name
        factor = np.float32(1 / max(deviation, float(np.abs(self.values[name]).max()) / 6))
        self.need(factor < 5)  # more is what cancellation leaves
        if self.chance(0.3):
            return str(self.node("Div", [name, self.constant(1 / factor)]))
        return str(self.node("Mul", self.pick(lambda a, b: [a, b], lambda a, b: [b, a])(name, self.constant(factor))))

    def shape(self, name: str) -> tuple[int, ...]:
        """Sizes behind the batch."""
        return self.values[name].shape[1:]

    def axes(self, name: str) -> list[int]:
        return list(range(1, self.values[name].ndim))

    def signed_axis(self, name: str, axis: int) -> int:
        """The axis, counted from the front or from the end."""
        return axis if self.opset < 11 or self.chance(0.6) else axis - self.values[name].ndim

    def with_axes(self, operator: str, name: str, axes: list[int], since: int, **attributes: Any) -> str:
        """A node whose axes are an attribute in older opsets, and an input since some."""
        if self.opset >= since:
            return str(self.node(operator, [name, self.whole(axes)], **attributes))
        return str(self.node(operator, [name], axes=axes, **attributes))

    def need(self, condition: bool) -> None:
        if not condition:
            raise _UnfitError

    def apart(self, name: str, *edges: NDArray[Any] | float) -> None:
        """Refuse values near where a function jumps."""
        self.jumps = True
        for edge in edges:
            self.need(bool(np.abs(self.values[name] - edge).min() > _MARGIN))

    # -- layers

    def kernel(self, *shape: int) -> str:
        depth = math.prod(shape[1:])
        array = self.normal(*shape) * np.float32(1 / math.sqrt(max(1, depth)))
        if self.chance(0.05):
            array[self.integer(0, shape[0] - 1)] *= np.float32(self.pick(0, 1e-3))
        return self.constant(array)

    def bias(self, count: int) -> list[str]:
        return [self.constant(self.normal(count) * np.float32(0.3))] if self.chance(0.6) else []

    def window(self, sizes: tuple[int, ...], dilated: bool = True, pooled: bool = False) -> dict[str, Any]:
        """Kernel, strides, dilations, and padding one way or another; onnxruntime pads pools by less than a kernel."""
        found: dict[str, Any] = {"kernel_shape": [min(self.integer(1, 4), n) for n in sizes]}
        dilations = [1] * len(sizes)
        if dilated and self.chance(0.3):
            dilations = [
                self.integer(1, 2) if d * 2 < n else 1 for d, n in zip(found["kernel_shape"], sizes, strict=True)
            ]
            found["dilations"] = dilations
        if self.chance(0.6):
            found["strides"] = [self.integer(1, 3) for _ in sizes]
        reach = [d * (k - 1) + 1 for d, k in zip(dilations, found["kernel_shape"], strict=True)]
        most = found["kernel_shape"] if pooled else reach
        way = self.pick("none", "pads", "pads", "same", "auto")
        if way == "pads":
            found["pads"] = [self.integer(0, r - 1) for r in (*most, *most)]
        elif way == "same":
            found["pads"] = [(r - 1) // 2 for r in (*most, *most)]
        elif way == "auto":
            found["auto_pad"] = self.pick("SAME_UPPER", "SAME_LOWER", "VALID")
            self.need(
                set(dilations) == {1}
                and all(k >= n for k, n in zip(found["kernel_shape"], found.get("strides", dilations), strict=True))
            )
        pads = found.get("pads", [0] * 2 * len(sizes))
        grown = [n + pads[i] + pads[i + len(sizes)] for i, n in enumerate(sizes)]
        self.need(all(n >= r for n, r in zip(grown, reach, strict=True)))
        return found

    def conv(self, x: str) -> str:
        channels, *sizes = self.shape(x)
        self.need(len(sizes) in (1, 2))
        window = self.window(tuple(sizes))
        groups = self.pick(1, 1, *(g for g in (2, 3, channels) if channels % g == 0))
        out = groups * self.integer(1, max(1, 6 // groups))
        weight = self.kernel(out, channels // groups, *window["kernel_shape"])
        if self.chance(0.3):
            del window["kernel_shape"]
        return str(self.node("Conv", [x, weight, *self.bias(out)], group=groups, **window))

    def conv_transpose(self, x: str) -> str:
        channels, *sizes = self.shape(x)
        self.need(len(sizes) in (1, 2))
        groups = self.pick(1, 1, *(g for g in (2, channels) if channels % g == 0))
        out = self.integer(1, 3)
        kernel, strides = [self.integer(1, 4) for _ in sizes], [self.integer(1, 3) for _ in sizes]
        attributes: dict[str, Any] = {"strides": strides, "group": groups}
        way = self.pick("none", "pads", "auto", "shape")
        if way == "pads":
            attributes["pads"] = [self.integer(0, k - 1) for k in (*kernel, *kernel)]
        elif way == "auto":
            attributes["auto_pad"] = self.pick("SAME_UPPER", "SAME_LOWER", "VALID")
        elif way == "shape":
            attributes["output_shape"] = [max(1, s * (n - 1) + k - self.integer(0, k - 1))
                                          for n, k, s in zip(sizes, kernel, strides, strict=True)]  # fmt: skip
        if way in ("none", "pads") and self.chance(0.4):
            attributes["output_padding"] = [self.integer(0, s - 1) for s in strides]
        sized = [s * (n - 1) + k for n, k, s in zip(sizes, kernel, strides, strict=True)]
        if "pads" in attributes:
            pads = attributes["pads"]
            self.need(all(n > pads[i] + pads[i + len(sizes)] for i, n in enumerate(sized)))
        weight = self.constant(self.normal(channels, out, *kernel) * np.float32(1 / math.sqrt(channels // groups)))
        return str(self.node("ConvTranspose", [x, weight, *self.bias(out * groups)], **attributes))

    def gemm(self, x: str) -> str:
        self.need(self.values[x].ndim == 2)
        (features,) = self.shape(x)
        out, transposed = self.integer(2, 8), self.integer(0, 1)
        weight = self.normal(features, out) / np.float32(math.sqrt(features))
        name = self.constant(weight.T.copy() if transposed else weight)
        offset = self.pick(None, self.normal(out), self.normal(1, out), self.normal(1), np.float32(0.4))
        offset = np.float32(0.2) if offset is None and self.opset < 11 else offset
        more = [] if offset is None else [self.constant(np.asarray(offset, np.float32))]
        attributes: dict[str, Any] = {"transB": transposed}
        if self.chance(0.4):
            attributes |= {"alpha": self.pick(0.5, 2.0, -1.0), "beta": self.pick(0.5, 2.0)}
        return str(self.node("Gemm", [x, name, *more], **attributes))

    def matmul(self, x: str) -> str:
        self.need(self.values[x].ndim <= 4)
        features = self.shape(x)[-1]
        out = self.integer(1, 6)
        weight = self.normal(features, out) / np.float32(math.sqrt(features))
        return str(self.node("MatMul", [x, self.constant(weight)]))

    def matmul_left(self, x: str) -> str:
        self.need(self.values[x].ndim in (3, 4))
        rows = self.shape(x)[-2]
        weight = self.normal(self.integer(1, 6), rows) / np.float32(math.sqrt(rows))
        return str(self.node("MatMul", [self.constant(weight), x]))

    def product(self, x: str) -> str:
        """x times its transpose, or a function of it, as attention does."""
        rank = self.values[x].ndim
        self.need(rank in (3, 4))
        order = [*range(rank - 2), rank - 1, rank - 2]
        other = self.function(x) if self.chance(0.5) else x
        found = str(self.node("MatMul", [x, str(self.node("Transpose", [other], perm=order))]))
        found = self.scaled(found)
        if self.chance(0.5):
            found = str(self.node("Softmax", [found], axis=rank - 1))
            found = str(self.node("MatMul", [found, x]))
        return found

    def batch_normalization(self, x: str) -> str:
        count = self.shape(x)[0]
        arrays = (1 + 0.3 * self.normal(count), self.normal(count) * 0.3, self.normal(count) * 0.3,
                  self.rng.uniform(0.5, 2, count))  # fmt: skip
        return str(self.node("BatchNormalization", [x, *(self.constant(a.astype(np.float32)) for a in arrays)],
                             epsilon=self.pick(1e-5, 1e-3)))  # fmt: skip

    # -- pools and reductions

    def pool(self, x: str) -> str:
        _, *sizes = self.shape(x)
        self.need(len(sizes) in (1, 2))
        average = self.chance(0.5)
        window = self.window(tuple(sizes), self.opset >= (19 if average else 10), True)
        if "auto_pad" not in window and self.opset >= 10 and self.chance(0.4):
            window["ceil_mode"] = 1
        if average and self.chance(0.5):
            window["count_include_pad"] = 1
        return str(self.node("AveragePool" if average else "MaxPool", [x], **window))

    def global_pool(self, x: str) -> str:
        self.need(self.values[x].ndim in (3, 4))
        return str(self.node(self.pick("GlobalAveragePool", "GlobalMaxPool"), [x]))

    def reduction(self, x: str) -> str:
        self.need(self.values[x].ndim > 2)
        axes = self.axes(x)
        chosen = sorted(self.rng.choice(axes, self.integer(1, len(axes)), replace=False).tolist())
        self.need(len(chosen) < len(axes) or self.chance(0.3))
        keep = 1 if len(chosen) == len(axes) else self.integer(0, 1)
        operator = self.pick(
            "ReduceMean", "ReduceMean", "ReduceMax", "ReduceSum", "ReduceMin", "ReduceL2", "ReduceLogSumExp"
        )
        chosen = [self.signed_axis(x, axis) for axis in chosen]
        return self.with_axes(operator, x, chosen, 13 if operator == "ReduceSum" else 18, keepdims=keep)

    # -- functions

    def function(self, x: str) -> str:
        """A function of one value, that is smooth where the values are."""
        values = self.values[x]
        low, largest = float(values.min()), float(np.abs(values).max())
        names = ["Abs", "Atan", "Cos", "Elu", "Erf", "HardSigmoid", "LeakyRelu", "Selu", "Sigmoid", "Sin", "Softplus",
                 "Softsign", "Tanh", "Relu", "Neg", "Identity"]  # fmt: skip
        names += ["Celu"] if self.opset >= 12 else []
        names += ["HardSwish"] if self.opset >= 14 else []
        names += ["Mish"] if self.opset >= 18 else []
        names += ["Gelu"] if self.opset >= 20 else []
        names += ["Exp"] if largest < 3 else []
        names += ["Tan"] if largest < 1.2 else []
        names += ["Log", "Sqrt", "Reciprocal"] if low > 0.3 else []
        names += (
            ["Floor", "Ceil", "Round", "Sign", "Shrink", "ThresholdedRelu"]
            if self.opset >= 11 and self.chance(0.2)
            else []
        )
        name = self.pick(*names)
        attributes: dict[str, Any] = {}
        if name in ("Elu", "LeakyRelu", "Celu") and self.chance(0.7):
            attributes["alpha"] = self.pick(0.1, 0.5, 1.5)
        if name == "HardSigmoid" and self.chance(0.5):
            attributes = {"alpha": 0.3, "beta": 0.4}
        if name == "Gelu" and self.chance(0.5):
            attributes["approximate"] = "tanh"
        if name in ("Floor", "Ceil"):
            self.apart(x, np.round(values))
        if name == "Round":
            self.apart(x, np.floor(values) + 0.5)
        if name == "Sign":
            self.apart(x, 0.0)
        if name == "Shrink":
            attributes = {"lambd": 0.4, "bias": 0.1}
            self.apart(x, 0.4, -0.4)
        if name == "ThresholdedRelu":
            attributes["alpha"] = 0.3
            self.apart(x, 0.3)
        return str(self.node(name, [x], **attributes))

    def relu(self, x: str) -> str:
        return str(self.node("Relu", [x]))

    def positive(self, x: str) -> str:
        """A function of a value that was made positive."""
        high = str(self.node("Add", [self.scaled(str(self.node(self.pick("Softplus", "Sigmoid", "Abs", "Exp")
                                                               if np.abs(self.values[x]).max() < 3 else "Sigmoid",
                                                               [x]))), self.constant(np.float32(0.5))]))  # fmt: skip
        self.need(float(self.values[high].min()) > 0.3)
        if self.chance(0.3):
            return str(self.node("Pow", [high, self.constant(np.float32(self.pick(0.5, 1.5, 2.0, -1.0)))]))
        return str(self.node(self.pick("Log", "Sqrt", "Reciprocal"), [high]))

    def gated(self, x: str) -> str:
        """SiLU and other expressions of one value."""
        which = self.integer(0, 4)
        if which == 0:
            return str(self.node("Mul", [x, str(self.node("Sigmoid", [x]))]))
        if which == 1:
            return str(self.node("Mul", [x, str(self.node("Tanh", [str(self.node("Softplus", [x]))]))]))
        if which == 2:
            inner = str(self.node("Add", [x, self.constant(np.float32(3))]))
            inner = self.clipped(inner, 0.0, 6.0)
            return str(self.node("Div", [str(self.node("Mul", [x, inner])), self.constant(np.float32(6))]))
        if which == 3:
            return str(self.node("Mul", [x, x]))
        inner = str(self.node("Erf", [str(self.node("Div", [x, self.constant(np.float32(1.4142135))]))]))
        inner = str(self.node("Add", [inner, self.constant(np.float32(1))]))
        inner = str(self.node("Mul", [x, inner]))
        return str(self.node("Mul", [inner, self.constant(np.float32(0.5))]))

    def clip(self, x: str) -> str:
        low, high = self.pick((0.0, 1.0), (0.0, 6.0), (-0.5, 1.0), (None, 0.7), (-0.4, None), (0.2, 1.5), (0.0, None))
        return self.clipped(x, low, high)

    def clipped(self, x: str, low: float | None, high: float | None) -> str:
        """Clip, whose bounds were attributes before opset 11."""
        if self.opset < 11:
            known = {name: bound for name, bound in (("min", low), ("max", high)) if bound is not None}
            return str(self.node("Clip", [x], **known))
        names = [x, "" if low is None else self.constant(np.float32(low))]
        names += [] if high is None else [self.constant(np.float32(high))]
        return str(self.node("Clip", names))

    def bounded(self, x: str) -> str:
        number = self.constant(np.float32(self.pick(0.0, 0.0, -0.3, 0.4)))
        return str(self.node(self.pick("Max", "Min"), [x, number] if self.chance(0.5) else [number, x]))

    def prelu(self, x: str) -> str:
        sizes = self.shape(x)
        shape = self.pick((), (1,), (sizes[0], *(1,) * (len(sizes) - 1)))
        return str(self.node("PRelu", [x, self.constant(self.rng.uniform(0.05, 0.6, shape).astype(np.float32))]))

    # -- arithmetic

    def with_constant(self, x: str) -> str:
        sizes = self.shape(x)
        rank = len(sizes)
        way = self.pick("number", "one", "axis", "axis", "axis", "full", "some")
        if way == "number":
            shape: tuple[int, ...] = ()
        elif way == "one":
            shape = (1,) * self.integer(1, rank + 1)
        elif way == "axis":
            axis = self.integer(0, rank - 1)
            shape = tuple(n if place == axis else 1 for place, n in enumerate(sizes))
            while shape[0] == 1 and len(shape) > 1 and self.chance(0.5):
                shape = shape[1:]
            shape = (1, *shape) if len(shape) == rank and self.chance(0.5) else shape
        elif way == "full":
            shape = sizes if self.chance(0.5) else (1, *sizes)
        else:
            shape = tuple(n if self.chance(0.5) else 1 for n in sizes)
        operator = self.pick("Add", "Sub", "Mul", "Div")
        array = self.normal(*shape)
        if operator in ("Mul", "Div"):
            array = np.where(array < 0, -1, 1) * (0.4 + np.abs(array)).astype(np.float32)
        name = self.constant(np.asarray(array, np.float32))
        first = self.chance(0.3)
        if operator == "Div" and first:
            self.need(float(np.abs(self.values[x]).min()) > 0.3)
        return str(self.node(operator, [name, x] if first else [x, name]))

    def other(self, x: str) -> str:
        """Another value that x may be joined with: an earlier one of its shape, or one of x."""
        alike = [name for name, array in self.values.items()
                 if name != x and array.shape == self.values[x].shape and self.batch_axis[name] == 0]  # fmt: skip
        if alike and self.chance(0.6):
            return str(self.pick(*alike))
        for step in self.rng.permutation(["conv", "function", "matmul", "with_constant", "gated"]):
            kept = self.state()
            try:
                found = str(getattr(self, str(step))(x))
                self.need(self.values[found].shape == self.values[x].shape)
                return found
            except _UnfitError:
                self.restore(kept)
        return self.function(x)

    def two(self, x: str) -> str:
        other = self.scaled(self.other(x))
        operator = self.pick("Add", "Add", "Sub", "Mul", "Sum")
        names = [x, other] if self.chance(0.6) else [other, x]
        if operator == "Sum" and self.chance(0.4):
            names.append(self.scaled(self.other(x)))
        return str(self.node(operator, names))

    def divided(self, x: str) -> str:
        below = str(self.node("Sigmoid", [self.other(x)]))
        below = str(self.node("Add", [below, self.constant(np.float32(0.5))]))
        return str(self.node("Div", [x, below]))

    def gate(self, x: str) -> str:
        """Squeeze and excite."""
        self.need(self.values[x].ndim == 4)
        channels = self.shape(x)[0]
        y = str(self.node("GlobalAveragePool", [x])) if self.chance(0.5) else self.with_axes(
            "ReduceMean", x, [2, 3], 18, keepdims=1)  # fmt: skip
        if self.chance(0.5):
            y = str(self.node("Conv", [y, self.kernel(3, channels, 1, 1)]))
            y = str(self.node("Relu", [y]))
            y = str(self.node("Conv", [y, self.kernel(channels, 3, 1, 1), *self.bias(channels)]))
        else:
            y = str(self.node("Flatten", [y]))
            y = str(self.node("Gemm", [y, self.kernel(channels, channels), self.constant(self.normal(channels))]))
            y = self.with_axes("Unsqueeze", y, [2, 3], 13)
        y = str(self.node(self.pick("Sigmoid", "HardSigmoid", "Tanh"), [y]))
        return str(self.node("Mul", [x, y] if self.chance(0.5) else [y, x]))

    def broadcast(self, x: str) -> str:
        """x with its mean or maximum along some axes."""
        axes = self.axes(x)
        chosen = sorted(self.rng.choice(axes, self.integer(1, len(axes)), replace=False).tolist())
        y = self.with_axes(self.pick("ReduceMean", "ReduceMax"), x, chosen, 18, keepdims=1)
        return str(self.node(self.pick("Sub", "Add", "Mul"), [x, y] if self.chance(0.6) else [y, x]))

    def residual(self, x: str) -> str:
        self.need(self.values[x].ndim == 4)
        channels = self.shape(x)[0]
        y = str(self.node("Conv", [x, self.kernel(channels, channels, 3, 3), *self.bias(channels)], pads=[1] * 4))
        if self.chance(0.4):
            y = self.batch_normalization(y)
        if self.chance(0.5):
            y = str(self.node("Relu", [y]))
        return str(self.node(self.pick("Relu", "Sigmoid", "LeakyRelu", "Identity"),
                             [str(self.node("Add", [x, y] if self.chance(0.5) else [y, x]))]))  # fmt: skip

    # -- moves

    def concat(self, x: str) -> str:
        axis = self.pick(*self.axes(x))
        others = [x]
        for _ in range(self.integer(1, 2)):
            fits = [name for name in self.values if self.batch_axis[name] == 0 and self.joins(name, x, axis)]
            others.insert(self.integer(0, 1), str(self.pick(*fits)) if self.chance(0.6) else self.other(x))
        return str(self.node("Concat", others, axis=self.signed_axis(x, axis)))

    def joins(self, first: str, second: str, axis: int) -> bool:
        """Whether all sizes but one are equal."""
        sizes, others = self.values[first].shape, self.values[second].shape
        return len(sizes) == len(others) and np.delete(sizes, axis).tolist() == np.delete(others, axis).tolist()

    def split(self, x: str) -> str:
        axis = self.pick(*self.axes(x))
        size = self.values[x].shape[axis]
        self.need(size > 1)
        place = self.signed_axis(x, axis)
        count = 2 if size < 4 or self.chance(0.6) else 3
        cuts = sorted(self.rng.choice(np.arange(1, size), count - 1, replace=False).tolist())
        sizes = np.diff([0, *cuts, size]).tolist()
        if self.chance(0.4) and size % count == 0:
            more = {"num_outputs": count} if self.opset >= 18 else {}
            parts = self.node("Split", [x], count, axis=place, **more)
        elif self.opset >= 13:
            parts = self.node("Split", [x, self.whole(sizes)], count, axis=place)
        else:
            parts = self.node("Split", [x], count, axis=place, split=sizes)
        parts = [self.function(part) if self.chance(0.3) else part for part in parts]
        if self.chance(0.3):
            return str(parts[self.integer(0, count - 1)])
        alike = len({self.values[part].shape for part in parts}) == 1
        if alike and self.chance(0.4):
            return str(self.node(self.pick("Add", "Mul", "Sub"), parts[:2]))
        return str(self.node("Concat", [parts[i] for i in self.rng.permutation(count)], axis=axis))

    def cut(self, x: str) -> str:
        axes = self.axes(x)
        chosen = sorted(self.rng.choice(axes, self.integer(1, min(2, len(axes))), replace=False).tolist())
        starts, stops, steps = [], [], []
        for axis in chosen:
            size = self.values[x].shape[axis]
            start = self.integer(0, size - 1)
            stop = self.integer(start + 1, size)
            step = self.pick(1, 1, 2, -1, -2)
            if self.opset < 10:
                step = 1
            if step < 0:
                start, stop = stop - 1, self.pick(start - 1 - size, -(1 << 31)) if start == 0 else start - 1
            elif self.chance(0.4):
                start, stop = start - size, stop if stop < size else self.pick(size, 1 << 31, (1 << 63) - 1)
            starts.append(start)
            stops.append(stop)
            steps.append(step)
        places = [self.signed_axis(x, axis) for axis in chosen]
        if self.opset < 10:
            return str(self.node("Slice", [x], starts=starts, ends=stops, axes=places))
        more = (
            [self.whole(places)] if self.chance(0.5) and set(steps) == {1} else [self.whole(places), self.whole(steps)]
        )
        return str(self.node("Slice", [x, self.whole(starts), self.whole(stops), *more]))

    def gather(self, x: str) -> str:
        axis = self.pick(*self.axes(x))
        size = self.values[x].shape[axis]
        if self.chance(0.4):
            self.need(self.values[x].ndim > 2)
            chosen: Any = self.integer(-size if self.opset >= 11 else 0, size - 1)
        else:
            chosen = list(range(self.integer(0, size - 1), size, self.integer(1, 2)))
            if self.chance(0.5):
                chosen = self.rng.integers(0, size, self.integer(1, 5)).tolist()
        return str(self.node("Gather", [x, self.whole(chosen)], axis=self.signed_axis(x, axis)))

    def pad(self, x: str) -> str:
        rank = self.values[x].ndim
        axes = self.axes(x) if rank == 4 and self.chance(0.3) else [self.pick(*self.axes(x))]
        before = [self.integer(0, 2) if axis in axes else 0 for axis in range(rank)]
        after = [self.integer(0, 2) if axis in axes else 0 for axis in range(rank)]
        if self.chance(0.2) and all(n > 1 for n in self.shape(x)):
            before[axes[0]] = -1
        if self.opset < 11:
            return str(self.node("Pad", [x], pads=[*before, *after]))
        names = [x, self.whole([*before, *after])]
        if self.chance(0.4):
            names.append(self.constant(np.float32(0)))
        if self.opset >= 18 and self.chance(0.4):
            names = [x, self.whole([before[axes[0]], after[axes[0]]]), "", self.whole([axes[0]])]
        return str(self.node("Pad", names, mode="constant"))

    def transpose(self, x: str) -> str:
        order = [0, *(int(axis) for axis in self.rng.permutation(self.axes(x)))]
        return str(self.node("Transpose", [x], perm=order))

    def swapped(self, x: str) -> str:
        """The batch second for a while."""
        self.need(self.values[x].ndim == 3)
        y = str(self.node("Transpose", [x], samples=1, perm=[1, 0, 2]))
        for _ in range(self.integer(0, 2)):
            y = str(self.node(self.pick("Tanh", "Relu", "Sigmoid"), [y], samples=1))
        if self.chance(0.4):
            array = self.pick(np.float32(1.5), 0.5 + self.rng.random(self.shape(x)[-1], np.float32))
            y = str(self.node("Mul", [y, self.constant(array)], samples=1))
        if self.chance(0.4):
            axis = self.pick(0, 2)
            size = self.values[y].shape[axis]
            start = self.whole([self.integer(0, size - 1)])
            y = str(self.node("Slice", [y, start, self.whole([size]), self.whole([axis])], samples=1))
        if self.chance(0.4):
            weight = self.normal(self.shape(y)[-1], 3)
            y = str(self.node("MatMul", [y, self.constant(weight)], samples=1))
        return str(self.node("Transpose", [y], perm=[1, 0, 2]))

    def rows(self, x: str) -> str:
        """Every position a row of its own for a while, as layers on sequences are exported."""
        self.need(self.values[x].ndim in (3, 4))
        *sizes, features = self.shape(x)
        if self.chance(0.3):
            y = str(self.node("Flatten", [x], axis=self.values[x].ndim - 1))
        else:
            y = str(self.node("Reshape", [x, self.whole([-1, features])]))
        for _ in range(self.integer(1, 2)):
            features = self.values[y].shape[-1]
            way = self.pick("gemm", "matmul", "function", "with_constant", "gated")
            if way == "with_constant":
                y = str(
                    self.node(self.pick("Add", "Mul"), [y, self.constant(1 + self.rng.random(features, np.float32))])
                )
            else:
                y = str(getattr(self, way)(y))
        back = [self.fixed or -1, *sizes, self.values[y].shape[-1]]
        return str(self.node("Reshape", [y, self.whole(back)]))

    def dynamic(self, x: str) -> str:
        """A reshape whose batch is computed from the shape, as PyTorch exports a view."""
        y = str(self.node("Shape", [x]))
        y = str(self.node("Gather", [y, self.constant(np.int64(0))]))
        y = self.with_axes("Unsqueeze", y, [0], 13)
        rest = self.pick([-1], [*self.shape(x)[::-1]], [self.shape(x)[0], -1])
        y = str(self.node("Concat", [y, self.whole(rest)], axis=0))
        return str(self.node("Reshape", [x, y]))

    def quiet(self, x: str) -> str:
        """What does nothing."""
        way = self.pick("Identity", "Dropout", "Cast", "Dead")
        if way == "Cast":
            return str(self.node("Cast", [x], to=TensorProto.FLOAT))
        if way == "Dead":
            self.node("Sigmoid", [x])
            return str(self.node("Identity", [x]))
        return str(self.node(way, [x]))

    def reshape(self, x: str) -> str:
        values = math.prod(self.shape(x))
        sizes: list[int] = []
        left = values
        for _ in range(self.pick(0, 1, 1, 2, 2, 3)):
            size = int(self.pick(*(n for n in range(1, left + 1) if left % n == 0)))
            sizes.append(size)
            left //= size
        sizes.append(left)
        self.rng.shuffle(sizes)
        batch: int = self.fixed or 0
        if self.chance(0.3):
            return str(self.node("Reshape", [x, self.whole([-1, *sizes])]))
        if self.chance(0.5):
            sizes[self.integer(0, len(sizes) - 1)] = -1
        if self.values[x].ndim > 2 and self.chance(0.2) and self.values[x].shape[1] > 0:
            whole = math.prod(self.shape(x)[1:])
            return str(self.node("Reshape", [x, self.whole([batch if self.chance(0.5) else 0, 0, whole])]))
        return str(self.node("Reshape", [x, self.whole([batch if self.chance(0.5) else 0, *sizes])]))

    def flatten(self, x: str) -> str:
        return str(
            self.node("Flatten", [x], axis=1 if self.opset < 11 or self.chance(0.7) else 1 - self.values[x].ndim)
        )

    def unsqueeze(self, x: str) -> str:
        rank = self.values[x].ndim
        self.need(rank < 4)
        return self.with_axes("Unsqueeze", x, [self.integer(1, rank)], 13)

    def squeeze(self, x: str) -> str:
        ones = [axis for axis in self.axes(x) if self.values[x].shape[axis] == 1]
        self.need(bool(ones) and self.values[x].ndim > 2)
        return self.with_axes("Squeeze", x, ones if len(ones) < self.values[x].ndim - 1 else ones[1:], 13)

    def expand(self, x: str) -> str:
        sizes = list(self.shape(x))
        ones = [place for place, size in enumerate(sizes) if size == 1]
        self.need(bool(ones))
        target = [3 if place in ones else self.pick(1, size) for place, size in enumerate(sizes)]
        return str(self.node("Expand", [x, self.whole([1, *target])]))

    def tile(self, x: str) -> str:
        repeats = [1, *(self.pick(1, 1, 2) for _ in self.shape(x))]
        return str(self.node("Tile", [x, self.whole(repeats)]))

    def shuffle(self, x: str) -> str:
        self.need(self.values[x].ndim in (3, 4))
        channels, *sizes = self.shape(x)
        groups = [g for g in range(2, channels) if channels % g == 0]
        self.need(bool(groups))
        group = self.pick(*groups)
        batch = self.fixed or -1
        y = str(self.node("Reshape", [x, self.whole([batch, group, channels // group, *sizes])]))
        y = str(self.node("Transpose", [y], perm=[0, 2, 1, *range(3, 3 + len(sizes))]))
        return str(self.node("Reshape", [y, self.whole([batch, channels, *sizes])]))

    def heads(self, x: str) -> str:
        """Features apart into heads, as attention does, and together again."""
        self.need(self.values[x].ndim == 3)
        length, features = self.shape(x)
        heads = [h for h in range(1, features + 1) if features % h == 0]
        head = self.pick(*heads)
        batch = self.fixed or 0
        y = str(self.node("Reshape", [x, self.whole([batch, length, head, features // head])]))
        y = str(self.node("Transpose", [y], perm=[0, 2, 1, 3]))
        if self.chance(0.6):
            y = self.scaled(self.product(y))
        y = str(self.node("Transpose", [y], perm=[0, 2, 1, 3]))
        return str(self.node("Reshape", [y, self.whole([batch, self.shape(y)[0], -1])]))

    def depth_to_space(self, x: str) -> str:
        self.need(self.values[x].ndim == 4)
        channels, height, width = self.shape(x)
        if channels % 4 == 0 and self.chance(0.7):
            more = {"mode": self.pick("DCR", "CRD")} if self.opset >= 11 else {}
            return str(self.node("DepthToSpace", [x], blocksize=2, **more))
        self.need(height % 2 == 0 and width % 2 == 0)
        return str(self.node("SpaceToDepth", [x], blocksize=2))

    def resize(self, x: str) -> str:
        self.need(self.values[x].ndim == 4)
        sizes = self.values[x].shape
        factors = [1, 1, self.integer(1, 3), self.integer(1, 2)]
        way = self.pick(
            ("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil")
        )
        if self.opset < 11:
            scales = self.constant(np.asarray(factors, np.float32))
            return str(self.node("Upsample" if self.opset == 9 else "Resize", [x, scales], mode="nearest"))
        more = {"mode": "nearest", "coordinate_transformation_mode": way[0], "nearest_mode": way[1]}
        if self.chance(0.2):
            more = {"mode": "linear", "coordinate_transformation_mode": self.pick("half_pixel", "align_corners")}
        empty = "" if self.opset >= 13 else self.constant(np.zeros(0, np.float32))
        if self.fixed and self.chance(0.3):
            new = self.whole([self.fixed, sizes[1], sizes[2] * factors[2], sizes[3] * factors[3]])
            return str(self.node("Resize", [x, empty, empty, new], **more))
        return str(self.node("Resize", [x, empty, self.constant(np.asarray(factors, np.float32))], **more))

    # -- normalizations on the host

    def softmax(self, x: str) -> str:
        axis = self.pick(*self.axes(x))
        self.need(self.values[x].shape[axis] > 1)
        return self.scaled(str(self.node("Softmax", [x], axis=self.signed_axis(x, axis))))

    def normalization(self, x: str) -> str:
        rank = self.values[x].ndim
        channels = self.shape(x)[0]
        ways = [self.lrn] if rank == 4 else []
        ways += [self.layer_normalization] if self.opset >= 17 else []
        ways += [self.instance_normalization] if rank in (3, 4) and math.prod(self.shape(x)[1:]) > 3 else []
        ways += [self.lp_normalization, self.cumulated, self.log_softmax]
        ways += [self.group_normalization] if self.opset >= 21 and rank in (3, 4) and channels % 2 == 0 else []
        self.need(bool(ways) and channels > 0)
        return str(self.pick(*ways)(x))

    def normalized(self, x: str) -> str:
        """Layer normalization as exporters took it apart."""
        axis = [self.values[x].ndim - 1]
        self.need(self.shape(x)[-1] > 2)
        y = str(self.node("Sub", [x, self.with_axes("ReduceMean", x, axis, 18, keepdims=1)]))
        y = str(self.node("Mul", [y, y])) if self.chance(0.3) else y
        square = str(self.node("Pow", [y, self.constant(np.float32(2))]))
        mean = self.with_axes("ReduceMean", square, axis, 18, keepdims=1)
        self.need(float(self.values[mean].min()) > 0.1)  # onnxruntime fuses this and takes no larger epsilon
        root = str(self.node("Sqrt", [str(self.node("Add", [mean, self.constant(np.float32(1e-5))]))]))
        y = str(self.node("Div", [y, root]))
        count = self.shape(x)[-1]
        y = str(self.node("Mul", [y, self.constant(0.5 + self.rng.random(count, np.float32))]))
        return str(self.node("Add", [y, self.constant(self.normal(count))])) if self.chance(0.6) else y

    def shares(self, x: str) -> str:
        """A softmax as exporters took it apart, with a mask sometimes."""
        axis = [self.values[x].ndim - 1]
        self.need(self.shape(x)[-1] > 1)
        if self.chance(0.4) and self.values[x].ndim > 2:
            x = str(self.node("Add", [x, self.constant(self.normal(*self.shape(x)[-2:]))]))
        y = str(self.node("Sub", [x, self.with_axes("ReduceMax", x, axis, 18, keepdims=1)]))
        y = str(self.node("Exp", [y]))
        return self.scaled(str(self.node("Div", [y, self.with_axes("ReduceSum", y, axis, 13, keepdims=1)])))

    def joined_constant(self, x: str) -> str:
        """A constant in front of or behind a value, such as a class token."""
        self.need(self.fixed is not None)
        axis = self.pick(*self.axes(x))
        sizes = list(self.shape(x))
        sizes[axis - 1] = self.integer(1, 2)
        array = np.broadcast_to(self.normal(*sizes), (self.fixed or 1, *sizes))
        name = self.constant(np.ascontiguousarray(array))
        return str(self.node("Concat", [name, x] if self.chance(0.5) else [x, name], axis=axis))

    def lrn(self, x: str) -> str:
        return str(self.node("LRN", [x], size=self.pick(1, 3, 5), alpha=0.1, beta=0.75, bias=1.0))

    def layer_normalization(self, x: str) -> str:
        axis = self.pick(*self.axes(x))
        shape = self.values[x].shape[axis:]
        self.need(math.prod(shape) > 2)
        names = [x, self.constant(1 + 0.2 * self.normal(*shape))]
        names += [self.constant(0.2 * self.normal(*shape))] if self.chance(0.6) else []
        found = str(self.node("LayerNormalization", names, axis=self.signed_axis(x, axis), epsilon=1e-2))
        return found

    def instance_normalization(self, x: str) -> str:
        count = self.shape(x)[0]
        names = [self.constant((1 + 0.2 * self.normal(count)).astype(np.float32)), self.constant(self.normal(count))]
        return str(self.node("InstanceNormalization", [x, *names], epsilon=1e-2))

    def group_normalization(self, x: str) -> str:
        count = self.shape(x)[0]
        names = [self.constant((1 + 0.2 * self.normal(count)).astype(np.float32)), self.constant(self.normal(count))]
        return str(self.node("GroupNormalization", [x, *names], num_groups=2, epsilon=1e-2))

    def cumulated(self, x: str) -> str:
        self.need(self.opset >= 11)
        axis = self.signed_axis(x, self.pick(*self.axes(x)))
        return str(self.node("CumSum", [x, self.constant(np.int64(axis))], reverse=self.integer(0, 1)))

    def log_softmax(self, x: str) -> str:
        return str(self.node("LogSoftmax", [x], axis=self.values[x].ndim - 1))

    def lp_normalization(self, x: str) -> str:
        axis = self.pick(*self.axes(x))
        norm = np.sqrt(np.square(self.values[x]).sum(axis))
        self.need(float(norm.min()) > 0.2)
        return str(self.node("LpNormalization", [x], axis=self.signed_axis(x, axis), p=2))

    # -- whole models

    def enter(self) -> str:
        """An input."""
        name = "x" if not self.samples else f"x{len(self.samples) + 1}"
        rank = self.pick(1, 2, 3, 3, 3)
        shape = {1: (self.integer(2, 12),), 2: (self.integer(1, 6), self.integer(2, 10)),
                 3: (self.integer(1, 5), self.integer(2, 8), self.integer(2, 8))}[rank]  # fmt: skip
        if self.samples and self.chance(0.6):
            shape = self.shape("x")
        array: NDArray[Any] = self.normal(SAMPLES, *shape)
        if self.chance(0.2):
            array = np.abs(array)
        if self.chance(0.06):
            array = self.rng.integers(0, 256, array.shape).astype(np.uint8)
        self.samples[name] = array
        self.values[name], self.batch_axis[name] = array, 0 if array.dtype == np.float32 else -1
        if array.dtype == np.uint8:
            number = self.constant(np.float32(1 / 64))
            return str(self.node("Mul", [str(self.node("Cast", [name], to=TensorProto.FLOAT)), number]))
        if (
            len(shape) == 2 and shape[0] > 1 and self.fixed is None and self.chance(0.3)
        ):  # steps first, as recurrent networks have them
            self.samples[name] = self.values[name] = np.ascontiguousarray(np.moveaxis(array, 0, 1))
            self.batch_axis[name] = 1
            return str(self.node("Transpose", [name], perm=[1, 0, 2]))
        if len(shape) == 3 and self.chance(0.3):  # channels last, as some exporters have them
            return str(self.node("Transpose", [name], perm=[0, 3, 1, 2]))
        return name

    def state(self) -> tuple[int, set[str], bool]:
        """What :meth:`restore` comes back to."""
        return len(self.nodes), set(self.values), self.jumps

    def restore(self, state: tuple[int, set[str], bool]) -> None:
        """Forget what was done since then."""
        del self.nodes[state[0] :]
        self.values = {name: array for name, array in self.values.items() if name in state[1]}
        self.jumps = state[2]

    def try_step(self, step: Callable[[str], str], x: str) -> str | None:
        """The value after a step; None, and nothing changed, where it does not fit."""
        kept = self.state()
        try:
            found = self.scaled(step(x))
            self.need(float(self.values[found].std()) > 0.05)
            return found
        except _UnfitError:
            self.restore(kept)
            return None

    def tail(self, x: str) -> str:
        """What the host computes behind the network."""
        rank = self.values[x].ndim
        which = self.pick("Softmax", "Sigmoid", "LogSoftmax", "ArgMax", "TopK", "Tanh")
        if which == "Softmax" or which == "LogSoftmax":
            return str(self.node(which, [x], axis=rank - 1))
        if which in ("ArgMax", "TopK"):
            self.need(self.values[x].shape[-1] > 2)
            ordered = np.sort(self.values[x], axis=-1)
            self.need(float(np.diff(ordered, axis=-1).min()) > _MARGIN)
            self.jumps = True
            self.need(self.opset >= 11)
            if which == "TopK":
                return str(self.node("TopK", [x, self.whole([2])], 2, axis=rank - 1)[self.integer(0, 1)])
            return str(self.node("ArgMax", [x], axis=-1, keepdims=self.integer(0, 1)))
        return str(self.node(which, [x]))

    def model(self) -> RandomGraph:
        """The whole model."""
        x = self.enter()
        if self.chance(0.2):
            self.enter()
        first = self.chance(0.7)
        wanted = self.integer(2, 9)
        for _ in range(60):
            if len(self.steps) >= wanted:
                break
            step = self.pick(
                *(_LAYERS if first else _MAPS if self.values[x].ndim == 4 and self.chance(0.5) else _STEPS)
            )
            first = False
            found = self.try_step(getattr(self, step), x)
            if found is not None:
                self.steps.append(step)
                x = found
        if not any(node.op_type in ("Conv", "Gemm", "MatMul") for node in self.nodes) or self.chance(0.4):
            for step in ("gemm", "conv", "matmul", "flatten", "gemm"):
                found = self.try_step(getattr(self, step), x)
                if found is not None:
                    self.steps.append(step)
                    x = found
                    if step != "flatten":
                        break
        if self.values[x].ndim > 2 and self.chance(0.1):
            features = self.values[x].shape[-1]
            x = str(self.node("Reshape", [x, self.whole([-1, features])]))
            self.steps.append("rows of the output")
        elif self.values[x].ndim > 1 and self.chance(0.06):
            x = str(self.node("Transpose", [x], samples=1, perm=[1, 0, *range(2, self.values[x].ndim)]))
            self.steps.append("samples second")
        outputs = [x]
        others = [name for node in self.nodes for name in node.output if name in self.values and name != x
                  and self.batch_axis[name] == 0 and 0.05 < self.values[name].std() < 10]  # fmt: skip
        if others and self.chance(0.25):
            outputs.insert(self.integer(0, 1), str(self.pick(*others)))
        if self.chance(0.2):
            kept = self.state()
            try:
                self.need(outputs.count(x) == 1 and self.batch_axis[x] == 0)
                outputs[outputs.index(x)] = self.tail(x)
                self.steps.append("tail")
            except _UnfitError:
                self.restore(kept)
        return RandomGraph(self.seed[0], self._proto(outputs), self._read_samples(), self.steps, self.jumps, self.fixed)

    def _read_samples(self) -> dict[str, NDArray[Any]]:
        read = {name for node in self.nodes for name in node.input}
        return {name: array for name, array in self.samples.items() if name in read}

    def _proto(self, outputs: list[str]) -> Any:
        batch = self.fixed or "N"
        inputs = []
        for name, array in self._read_samples().items():
            shape: list[Any] = list(array.shape)
            shape[max(0, self.batch_axis[name])] = batch
            if self.open and array.ndim == 4:
                shape[2:] = ["H", "W"]
            inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), shape))
        targets = [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(self.values[name].dtype), [None] * self.values[name].ndim
            )
            for name in outputs
        ]
        nodes = [*self._constants(), *self.nodes]
        read = {name for node in nodes for name in node.input}
        known = [numpy_helper.from_array(array, name) for name, array in self.constants.items() if name in read]
        graph = helper.make_graph(nodes, f"random {self.seed[0]}", inputs, targets, known)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)
        if self.chance(0.1):  # as old exporters have it
            graph = model.graph
            graph.input.extend(helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in graph.initializer)
        onnx.checker.check_model(model)
        if self.chance(0.1):
            order = [model.graph.node[i] for i in self.rng.permutation(len(model.graph.node))]
            copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in order]
            del model.graph.node[:]
            model.graph.node.extend(copies)
        return model

    def _constants(self) -> list[Any]:
        """Nodes that some constants come from; these are no initializers then."""
        made = []
        read = {name for node in self.nodes for name in node.input}
        for name, array in list(self.constants.items()):
            if name not in read or array.dtype != np.float32 or not self.chance(0.15):
                continue
            way = self.pick("constant", "transpose", "identity")
            if way == "constant":
                made.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array)))
                del self.constants[name]
                continue
            del self.constants[name]
            source = f"{name}.source"
            if way == "transpose" and array.ndim > 1:
                order = self.rng.permutation(array.ndim)
                self.constants[source] = np.ascontiguousarray(array.transpose(np.argsort(order)))
                made.append(helper.make_node("Transpose", [source], [name], perm=order.tolist()))
            else:
                self.constants[source] = array
                made.append(helper.make_node("Identity", [source], [name]))
        return made


_LAYERS = ("conv", "conv", "conv_transpose", "gemm", "matmul", "matmul_left")
_MAPS = (
    "conv", "conv", "conv_transpose", "relu", "relu", "pool", "pool", "gate", "residual", "shuffle", "depth_to_space",
    "resize", "resize", "batch_normalization", "concat", "split", "pad", "transpose", "global_pool", "reduction",
)  # fmt: skip
_STEPS = (
    *_LAYERS, "relu", "relu", "relu", "product", "batch_normalization", "pool", "pool", "global_pool", "reduction",
    "function", "function", "positive", "gated", "clip", "bounded", "prelu", "with_constant", "with_constant", "two",
    "two", "divided", "gate", "broadcast", "residual", "concat", "concat", "split", "cut", "gather", "pad", "transpose",
    "transpose", "swapped", "reshape", "reshape", "flatten", "unsqueeze", "squeeze", "expand", "tile", "shuffle",
    "heads", "depth_to_space", "resize", "softmax", "normalization", "normalization", "rows", "dynamic", "quiet",
    "normalized", "shares", "joined_constant",
)  # fmt: skip


if __name__ == "__main__":
    made = random_graph(int(sys.argv[1]))
    print(made.save(Path(sys.argv[2])), " ".join(made.steps))
