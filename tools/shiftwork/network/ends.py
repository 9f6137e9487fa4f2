# SPDX-License-Identifier: Apache-2.0
"""Where samples enter a network and where results leave it, and what the host does behind the last module."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.submodel import SubModel
from shiftwork.tensors.layout import Shape, Step, View


@dataclass(frozen=True, eq=False)
class Entry:
    """An input of a network.

    Attributes:
        name: of the ONNX input, and of the tensor that holds it. shape: of a sample, its batch axis left out.
        view: the ONNX input in the tensor. whole: the model takes whole numbers.
        rows: (rows, values): the input holds numbers of rows, and the tensor those rows, as further axis of ``view``;
            (columns, rows, values) where each column of the input has rows of its own, NaN behind its last one.
        copies: times that the tensor holds the input, one behind the other along its channels. So that they are rounded
            at evenly spaced places, the i-th of S has ((2 i + 1) / (2 S) - 1/2) 2^-fraction added; these sum to 0.
            fraction: N of the tensor, where there are several.
    """

    name: str
    shape: tuple[int, ...]
    view: View
    whole: bool = False
    rows: NDArray[np.float32] | None = None
    copies: int = 1
    fraction: int = 0

    @property
    def offsets(self) -> NDArray[np.float64]:
        """What is added to the copies, (copies,)."""
        return ((np.arange(self.copies) + 0.5) / self.copies - 0.5) * 2.0**-self.fraction

    @property
    def batch_axis(self) -> int:
        """The axis of the ONNX input that counts samples."""
        axis = self.view.batch_axis
        assert axis is not None
        return axis

    def values(self, part: NDArray[Any]) -> NDArray[Any]:
        """What enters the tensor, the batch in front, of samples (N, *shape).

        Raises:
            ShiftworkError: a number of a row that there is not.
        """
        if self.rows is None:
            return part
        places = part.astype(np.int64)
        inside = places.size == 0 or (places.min() >= 0 and places.max() < self.rows.shape[-2])
        if inside:
            found = self.rows[places] if self.rows.ndim == 2 else self.rows[np.arange(len(self.rows)), places]
            if np.isfinite(found).all():
                return found
        span = f"{int(places.min())}..{int(places.max())}"
        raise ShiftworkError(f"input {self.name!r}: {span} are no rows of {self.rows_known}")

    @property
    def rows_known(self) -> int:
        """Rows that every column has."""
        assert self.rows is not None
        return int(np.isfinite(self.rows).all(axis=-1).sum(axis=-1).min())


@dataclass(frozen=True)
class Exit:
    """A tensor that leaves the network, under the name of the ONNX value that it holds, and the view of that in it."""

    tensor: str
    name: str
    view: View


@dataclass(frozen=True)
class Ends:
    """Inputs and outputs of a network.

    Attributes:
        entries, exits: at least one of each. outputs: names of the model's outputs.
        tail: computes the outputs from the exits, in float on the host; None where they are the exits.
        batch: samples that the tail takes at once. fixed: whether the model takes no other number.
    """

    entries: tuple[Entry, ...]
    exits: tuple[Exit, ...]
    outputs: tuple[str, ...]
    tail: SubModel | None = None
    batch: int = 1
    fixed: bool = False

    @staticmethod
    def of_maps(source: str, image: Shape, result: str, shape: Shape, copies: int = 1, fraction: int = 0) -> Ends:
        """Ends of a network of one input (N, C, H, W), or (N, features), and one output, where no model is at hand.

        Args:
            source, image: the tensor of the input. result, shape: that of the output. copies, fraction: of the input.
        """
        height, width, channels = image[0], image[1], image[2] // copies
        flat = height == width == 1
        inner = (channels,) if flat else (channels, height, width)
        view = View.of((height, width, channels), "n c" if flat else "n c h w")
        entry = Entry(source, inner, view, copies=copies, fraction=fraction)
        return Ends((entry,), (Exit(result, result, View.of(shape, "n c h w")),), (result,))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tensors that samples are put into."""
        return tuple(entry.name for entry in self.entries)

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that leave."""
        return tuple(dict.fromkeys(exit.tensor for exit in self.exits))

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of a sample: that of the input, or (values,) of all inputs one behind the other."""
        if len(self.entries) == 1:
            return self.entries[0].shape
        return (sum(math.prod(entry.shape) for entry in self.entries),)

    def split(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The inputs (N, *shape) of samples (N, *sample_shape), by name.

        Raises:
            ShiftworkError: samples of another shape.
        """
        if x.shape[1:] != self.sample_shape:
            raise ShiftworkError(f"samples of shape {x.shape[1:]} do not fit the network input {self.sample_shape}")
        if len(self.entries) == 1:
            return {self.entries[0].name: x}
        places = np.cumsum([math.prod(entry.shape) for entry in self.entries])[:-1]
        parts = np.split(x, places, axis=1)
        return {entry.name: part.reshape(len(x), *entry.shape)
                for entry, part in zip(self.entries, parts, strict=True)}  # fmt: skip

    def maps(self, x: NDArray[Any], shapes: Mapping[str, Shape]) -> dict[str, NDArray[Any]]:
        """The tensors (N, height, width, channels) of the inputs. x: samples. shapes: of the tensors."""
        parts = self.split(x)
        result = {}
        for entry in self.entries:
            value = np.moveaxis(entry.values(parts[entry.name]), 0, entry.batch_axis)
            height, width, channels = shapes[entry.name]
            found = entry.view.put(value, (height, width, channels // entry.copies))
            if entry.copies > 1:
                found = np.concatenate([found + offset.astype(found.dtype) for offset in entry.offsets], axis=-1)
            result[entry.name] = found
        return result

    def packed(self, tensors: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """What leaves the network as one array: the tensor (N, h, w, c), or (N, values) of all one behind the other."""
        if len(self.tensors) == 1:
            return tensors[self.tensors[0]]
        return np.concatenate([tensors[name].reshape(len(tensors[name]), -1) for name in self.tensors], axis=1)

    def sample_axis(self, name: str) -> int | None:
        """The axis of an output that counts samples, or samples and more; None where the tail computes it."""
        views = [exit.view for exit in self.exits if exit.name == name and self.tail is None]
        return views[0].sample_axis if views else None

    def finish(self, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs of the model by name, from the real numbers (N, height, width, channels) of the exits."""
        values = [exit.view.taken(np.asarray(tensors[exit.tensor], np.float32)) for exit in self.exits]
        if self.tail is None:
            return {exit.name: value for exit, value in zip(self.exits, values, strict=True)}
        count = len(tensors[self.exits[0].tensor])
        found: dict[str, list[NDArray[Any]]] = {name: [] for name in self.outputs}
        for start in range(0, count, self.batch):
            part = [
                exit.view.taken(
                    filled(np.asarray(tensors[exit.tensor], np.float32)[start : start + self.batch], self.batch)
                )
                for exit in self.exits
            ]
            for name, value in zip(self.outputs, self.tail.run(part), strict=True):
                found[name].append(value)
        return {name: joined(parts, self.batch, count) for name, parts in found.items()}

    @property
    def copies(self) -> int:
        """Copies of the only input; of several each has one."""
        return self.entries[0].copies

    @property
    def mixable(self) -> bool:
        """Whether samples between two samples are samples."""
        return all(entry.rows is None for entry in self.entries)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without the tail and the rows."""
        return {
            "entries": [[e.name, list(e.shape), _plain(e.view), e.whole, e.copies, e.fraction] for e in self.entries],
            "exits": [[e.tensor, e.name, _plain(e.view)] for e in self.exits],
            "outputs": list(self.outputs),
            "batch": self.batch,
            "fixed": self.fixed,
        }

    @staticmethod
    def from_json(entry: Mapping[str, Any], tail: SubModel | None, rows: Mapping[str, NDArray[np.float32]]) -> Ends:
        """Inverse of :meth:`to_json`. rows: of entries, by name."""
        entries = (
            Entry(name, tuple(shape), view_of(view), whole, rows.get(name), int(copies), int(fraction))
            for name, shape, view, whole, copies, fraction in entry["entries"]
        )
        return Ends(
            tuple(entries), tuple(Exit(tensor, name, view_of(view)) for tensor, name, view in entry["exits"]),
            tuple(entry["outputs"]), tail, int(entry["batch"]), bool(entry["fixed"]),
        )  # fmt: skip


class HasEnds:
    """Names of the tensors at the ends of a network."""

    ends: Ends

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tensors that samples are put into."""
        return self.ends.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """Tensors that leave."""
        return self.ends.tensors

    @property
    def input(self) -> str:
        """The only input.

        Raises:
            ShiftworkError: there are several.
        """
        return _only(self.inputs, "inputs")

    @property
    def output(self) -> str:
        """The only output.

        Raises:
            ShiftworkError: there are several.
        """
        return _only(self.outputs, "outputs")


def _only(names: tuple[str, ...], what: str) -> str:
    if len(names) != 1:
        raise ShiftworkError(f"a network of {len(names)} {what} ({', '.join(names)}): one is expected here")
    return names[0]


def filled(part: NDArray[Any], size: int) -> NDArray[Any]:
    """Samples repeated to a whole batch."""
    missing = size - len(part)
    return part if not missing else np.concatenate([part, np.repeat(part[-1:], missing, axis=0)])


def host_result(
    function: SubModel, views: Sequence[View], view: View, shape: Shape, inputs: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Stored maps (N, height, width, channels) of a function of ONNX values.

    Args:
        function: of them. views: they lie in ``inputs`` (N, height, width, channels). view: its result in the map of
            that shape.
    """
    values = [own.taken(x) for own, x in zip(views, inputs, strict=True)]
    return view.put(np.asarray(function.run(values)[0], np.float32), shape)


def joined(parts: list[NDArray[Any]], size: int, count: int, axis: int | None = None) -> NDArray[Any]:
    """Results of whole batches one behind the other, those of the first ``count`` samples.

    Args:
        parts: arrays of ``size`` samples. axis: along which they follow each other; None: the first one if samples fill
            it evenly, else the one of that size.
    """
    shape = parts[0].shape
    if axis is None:
        even = size > 1 and shape[:1] != () and shape[0] % size == 0
        axis = 0 if even else next((place for place, length in enumerate(shape) if length == size), 0)
    whole = np.concatenate(parts, axis=axis)
    if any(part.shape != shape for part in parts):  # the model finds how many there are
        return whole
    per_sample = shape[axis] // size if shape[axis] % size == 0 else 1
    return np.take(whole, np.arange(min(count * per_sample, whole.shape[axis])), axis=axis)


def _plain(view: View) -> list[Any]:
    return [[list(step) for step in axis] for axis in view.axes]


def view_of(axes: Any) -> View:
    """A view from its axes as plain sequences."""
    return View(tuple(tuple(Step(int(size), int(stride)) for size, stride in axis) for axis in axes))
