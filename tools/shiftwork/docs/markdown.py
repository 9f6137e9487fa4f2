# SPDX-License-Identifier: Apache-2.0
"""What the generated parts of the pages share: tables, measurements, titles of networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from shiftwork.measure import records

NETWORKS = {
    "digits": "the digits example",
    "digits_transformer": "the transformer of the digits",
    "mnist_mlp512": "MLP 784-512-512-10, MNIST",
    "mnist_lenet5": "LeNet-5, MNIST",
    "cifar10_resnet20": "ResNet-20, CIFAR-10",
    "cifar10_resnet8_mlperftiny": "ResNet-8 (MLPerf Tiny), CIFAR-10",
    "kws_dscnn_mlperftiny": "DS-CNN (MLPerf Tiny), keywords",
    "imagenet_squeezenet1_1": "SqueezeNet 1.1, ImageNet",
    "mobilenetv2": "MobileNetV2, ImageNet",
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[int] = ()) -> str:
    """A Markdown table; ``right`` lists the columns that are aligned to the right."""
    marks = ["---:" if column in set(right) else "---" for column in range(len(head))]
    lines = [head, marks, *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def measurement(root: Path, name: str) -> records.Record | None:
    """A record of docs/measurements/, or None when it has not been measured."""
    return records.load(root, name)
