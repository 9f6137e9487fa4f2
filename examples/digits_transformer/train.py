#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train a small transformer on the images of examples/digits and write digits_transformer.onnx.

    python examples/digits_transformer/train.py [OUT_DIR]        needs PyTorch: pip install -e '.[train]'

An image is a sentence of eight words, its rows. They are embedded in 32 numbers each, with their places; two blocks
follow, each of attention in four heads and of a feed-forward layer with GELU, both behind a layer normalization and
beside a residual; then the mean over the rows and a fully connected layer. Adam on the cross entropy with a fixed seed
and one thread, images shifted by up to one pixel. The file is what PyTorch's own exporter writes.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

DATA = Path(__file__).resolve().parents[1] / "digits"
SEED = 7
EPOCHS = 150
BATCH = 64
RATE = 2e-3
DECAY = 0.05
ROWS, PIXELS, CLASSES = 8, 8, 10
WIDTH, HEADS, INNER, BLOCKS = 32, 4, 64, 2


class Attention(nn.Module):
    """Attention among the rows of an image, in several heads."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """(N, rows, width) to the same."""

        def heads(y: Tensor) -> Tensor:
            return y.reshape(-1, ROWS, HEADS, WIDTH // HEADS).transpose(1, 2)

        query, key, value = heads(self.query(x)), heads(self.key(x)), heads(self.value(x))
        weights = torch.softmax(query @ key.transpose(2, 3) / (WIDTH // HEADS) ** 0.5, dim=3)
        result: Tensor = self.output((weights @ value).transpose(1, 2).reshape(-1, ROWS, WIDTH))
        return result


class Block(nn.Module):
    """Attention and a feed-forward layer, each behind a normalization and beside a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.feed = nn.Sequential(nn.Linear(WIDTH, INNER), nn.GELU(), nn.Linear(INNER, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """(N, rows, width) to the same."""
        x = x + self.attention(self.first(x))
        result: Tensor = x + self.feed(self.second(x))
        return result


class Transformer(nn.Module):
    """The network."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(PIXELS, WIDTH)
        self.place = nn.Parameter(0.1 * torch.randn(ROWS, WIDTH))
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.classes = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 1, rows, pixels) to logits (N, classes)."""
        rows = self.embed(x.reshape(-1, ROWS, PIXELS)) + self.place
        result: Tensor = self.classes(self.norm(self.blocks(rows)).mean(dim=1))
        return result


def load(name: str) -> tuple[Tensor, Tensor]:
    """Images and labels of examples/digits."""
    with np.load(DATA / f"digits_{name}.npz") as archive:
        return torch.from_numpy(archive["x"]), torch.from_numpy(archive["y"])


def shifted(x: Tensor, random: torch.Generator) -> Tensor:
    """Every image moved by -1, 0 or 1 pixel on both axes."""
    padded = functional.pad(x, (1, 1, 1, 1))
    moves = torch.randint(0, 3, (len(x), 2), generator=random).tolist()
    return torch.stack([p[:, i : i + ROWS, j : j + PIXELS] for p, (i, j) in zip(padded, moves, strict=True)])


def train(x: Tensor, y: Tensor) -> Transformer:
    """Adam with a cosine learning rate."""
    torch.manual_seed(SEED)
    random = torch.Generator().manual_seed(SEED)
    network = Transformer()
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    steps = EPOCHS * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x), generator=random)
        for chosen in order.split(BATCH)[: len(x) // BATCH]:
            loss = functional.cross_entropy(network(shifted(x[chosen], random)), y[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return network.eval()


def main(out: Path) -> None:
    """Train, report the accuracy on the test images, write the file."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    network = train(*load("train"))
    x, y = load("test")
    with torch.no_grad():
        right = network(x).argmax(dim=1) == y
    print(f"test accuracy {100 * right.double().mean():.2f} % of {len(y)} images")
    out.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the other exporter needs packages of its own
        torch.onnx.export(
            network, (x[:2],), str(out / "digits_transformer.onnx"), opset_version=17, input_names=["input"],
            output_names=["logits"], dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}}, dynamo=False,
        )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
