#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train the example network on scikit-learn's bundled digits (8 x 8 images, 10 classes) and write its files.

    python examples/digits/train.py [OUT_DIR]        needs scikit-learn: pip install -e '.[train]'

Writes digits.onnx, digits_test.npz (598 images the network has not seen), digits_train.npz (the 1,199 training images)
and digits_calib.npz (the first 256 of them), by default beside this script. The network: conv3x3(16) - ReLU -
[conv3x3(16) + shortcut] - ReLU - maxpool2 - conv3x3(32) - ReLU - maxpool2 - fully connected(10). Training is plain
numpy with a fixed seed: Adam on the cross entropy, images shifted by up to one pixel.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

Array = NDArray[np.float32]

SEED = 7
EPOCHS = 40
BATCH = 32
RATE = 2e-3
CLASSES = 10
TEST_IMAGES = 598
CALIBRATION_IMAGES = 256


def columns(x: Array) -> Array:
    """3 x 3 neighbourhoods with zero padding: (N, H, W, C) to (N, H, W, 9 * C)."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = x.shape[1:3]
    shifted = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.concatenate(shifted, axis=3)


def scatter(gradient: Array, channels: int) -> Array:
    """Adjoint of :func:`columns`."""
    n, height, width, _ = gradient.shape
    padded = np.zeros((n, height + 2, width + 2, channels), np.float32)
    for k in range(9):
        i, j = divmod(k, 3)
        padded[:, i : i + height, j : j + width] += gradient[..., k * channels : (k + 1) * channels]
    return padded[:, 1:-1, 1:-1]


def pool(x: Array) -> tuple[Array, Array]:
    """2 x 2 max pooling, and the mask of the winners."""
    n, height, width, channels = x.shape
    windows = x.reshape(n, height // 2, 2, width // 2, 2, channels)
    result = windows.max(axis=(2, 4))
    mask = windows == result[:, :, None, :, None]
    return result, mask / mask.sum(axis=(2, 4), keepdims=True)


class Network:
    """The network with its gradients; convolution weights are (9 * in, out)."""

    def __init__(self, rng: np.random.Generator) -> None:
        def weight(inputs: int, outputs: int) -> Array:
            return (rng.standard_normal((inputs, outputs)) * np.sqrt(2 / inputs)).astype(np.float32)

        self.parameters = {
            "conv1.weight": weight(9, 16),
            "conv2.weight": weight(9 * 16, 16),
            "conv3.weight": weight(9 * 16, 32),
            "fc.weight": weight(2 * 2 * 32, CLASSES),
        }
        for name, size in (("conv1", 16), ("conv2", 16), ("conv3", 32), ("fc", CLASSES)):
            self.parameters[f"{name}.bias"] = np.zeros(size, np.float32)

    def forward(self, x: Array) -> tuple[Array, dict[str, Any]]:
        """Logits (N, 10) of images (N, 8, 8, 1), and what the backward pass needs."""
        p = self.parameters
        c1 = columns(x)
        a1 = np.maximum(c1 @ p["conv1.weight"] + p["conv1.bias"], 0)
        c2 = columns(a1)
        a2 = np.maximum(c2 @ p["conv2.weight"] + p["conv2.bias"] + a1, 0)
        p2, m2 = pool(a2)
        c3 = columns(p2)
        a3 = np.maximum(c3 @ p["conv3.weight"] + p["conv3.bias"], 0)
        p3, m3 = pool(a3)
        flat = p3.reshape(len(x), -1)
        kept = {"c1": c1, "a1": a1, "c2": c2, "a2": a2, "m2": m2, "c3": c3, "a3": a3, "m3": m3, "flat": flat}
        return flat @ p["fc.weight"] + p["fc.bias"], kept

    def gradients(self, x: Array, y: NDArray[np.int64]) -> dict[str, Array]:
        """Gradients of the mean cross entropy."""
        p = self.parameters
        logits, k = self.forward(x)
        score = np.exp(logits - logits.max(axis=1, keepdims=True))
        score /= score.sum(axis=1, keepdims=True)
        score[np.arange(len(y)), y] -= 1
        score /= len(y)
        result: dict[str, Array] = {}

        def layer(name: str, source: Array, gradient: Array) -> Array:
            flat_source = source.reshape(-1, source.shape[-1])
            flat_gradient = gradient.reshape(-1, gradient.shape[-1])
            result[f"{name}.weight"] = flat_source.T @ flat_gradient
            result[f"{name}.bias"] = flat_gradient.sum(axis=0)
            return gradient @ p[f"{name}.weight"].T

        g = layer("fc", k["flat"], score).reshape(len(y), 2, 1, 2, 1, 32)
        g = (g * k["m3"]).reshape(k["a3"].shape) * (k["a3"] > 0)
        g = scatter(layer("conv3", k["c3"], g), 16).reshape(len(y), 4, 1, 4, 1, 16)
        g = (g * k["m2"]).reshape(k["a2"].shape) * (k["a2"] > 0)
        g = (g + scatter(layer("conv2", k["c2"], g), 16)) * (k["a1"] > 0)
        layer("conv1", k["c1"], g)
        return result


def shift(x: Array, rng: np.random.Generator) -> Array:
    """Every image moved by -1, 0 or 1 pixel on both axes."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    moves = rng.integers(0, 3, (len(x), 2))
    return np.stack([image[i : i + 8, j : j + 8] for image, (i, j) in zip(padded, moves, strict=True)])


def train(x: Array, y: NDArray[np.int64]) -> Network:
    """Adam with a cosine learning rate."""
    rng = np.random.default_rng(SEED)
    network = Network(rng)
    first = {name: np.zeros_like(value) for name, value in network.parameters.items()}
    second = {name: np.zeros_like(value) for name, value in network.parameters.items()}
    steps, step = EPOCHS * (len(x) // BATCH), 0
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            step += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
            for name, gradient in network.gradients(shift(x[chosen], rng), y[chosen]).items():
                first[name] += 0.1 * (gradient - first[name])
                second[name] += 0.01 * (gradient**2 - second[name])
                mean = first[name] / (1 - 0.9**step)
                square = second[name] / (1 - 0.99**step)
                network.parameters[name] -= (rate * mean / (np.sqrt(square) + 1e-8)).astype(np.float32)
    return network


def onnx_model(network: Network) -> Any:
    """The network as ONNX, NCHW, opset 17."""
    p = network.parameters
    weights = {}
    for name, value in p.items():
        if name.startswith("conv") and name.endswith("weight"):  # (ky, kx, in, out) to (out, in, ky, kx)
            value = value.reshape(3, 3, -1, value.shape[1]).transpose(3, 2, 0, 1)
        elif name == "fc.weight":  # rows in (h, w, c) to columns in (c, h, w)
            value = value.reshape(2, 2, 32, CLASSES).transpose(3, 2, 0, 1).reshape(CLASSES, -1)
        weights[name] = np.ascontiguousarray(value)

    def conv(name: str, source: str, output: str) -> Any:
        inputs = [source, f"{name}.weight", f"{name}.bias"]
        return helper.make_node("Conv", inputs, [output], name, kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    halve = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        conv("conv1", "input", "conv1_out"),
        helper.make_node("Relu", ["conv1_out"], ["relu1_out"], "relu1"),
        conv("conv2", "relu1_out", "conv2_out"),
        helper.make_node("Add", ["conv2_out", "relu1_out"], ["add_out"], "add"),
        helper.make_node("Relu", ["add_out"], ["relu2_out"], "relu2"),
        helper.make_node("MaxPool", ["relu2_out"], ["pool1_out"], "pool1", **halve),
        conv("conv3", "pool1_out", "conv3_out"),
        helper.make_node("Relu", ["conv3_out"], ["relu3_out"], "relu3"),
        helper.make_node("MaxPool", ["relu3_out"], ["pool2_out"], "pool2", **halve),
        helper.make_node("Flatten", ["pool2_out"], ["flat_out"], "flatten", axis=1),
        helper.make_node("Gemm", ["flat_out", "fc.weight", "fc.bias"], ["logits"], "fc", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="shiftwork")
    model.ir_version = 10
    onnx.checker.check_model(model)
    return model


def main(out: Path) -> None:
    """Train, report the accuracy on the test images, write the files."""
    digits = load_digits()
    x = (digits.images.astype(np.float32) / 16)[..., None]
    y = digits.target.astype(np.int64)
    order = np.random.default_rng(SEED).permutation(len(x))
    x, y = x[order], y[order]
    x_test, y_test, x_train, y_train = x[:TEST_IMAGES], y[:TEST_IMAGES], x[TEST_IMAGES:], y[TEST_IMAGES:]
    network = train(x_train, y_train)
    right = network.forward(x_test)[0].argmax(axis=1) == y_test
    print(f"test accuracy {100 * right.mean():.2f} % of {len(y_test)} images")
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(onnx_model(network), str(out / "digits.onnx"))
    for name, images, labels in (
        ("test", x_test, y_test),
        ("train", x_train, y_train),
        ("calib", x_train[:CALIBRATION_IMAGES], y_train[:CALIBRATION_IMAGES]),
    ):
        np.savez_compressed(out / f"digits_{name}.npz", x=images.transpose(0, 3, 1, 2), y=labels)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
