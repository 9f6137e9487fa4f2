# SPDX-License-Identifier: Apache-2.0
"""What the numbers of a module are made of: the base of all formats, which is plain integers.

A module carries one format (:class:`~shiftwork.network.integer.IntegerModule`). Golden model, bounds, files and reports
ask it instead of looking at the scheme's name. A new format is a subclass in a file of its own; it is known to files of
networks as soon as that is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.ends import host_result, view_of
from shiftwork.network.submodel import SubModel
from shiftwork.tensors.arithmetic import divide_round, look_up, module_output
from shiftwork.tensors.maps import move, window_count, window_sum

if TYPE_CHECKING:
    from shiftwork.network.integer import IntegerModule, TensorInfo

Codes = NDArray[np.integer]
Facts = dict[str, Any]
Requant = Literal["shift", "scale", "encode"]
"""How a post unit requantizes: by a shift, by a 16-bit mantissa and a shift, or to exponential codes."""


@dataclass
class Work:
    """Work of one convolution, fully connected module or product of two activations over all samples seen.

    Attributes:
        macs: multiply-accumulates; padded positions count.
    """

    macs: int = 0


class Columns:
    """How a report shows the work of modules: facts of a layer become cells of a table and figures of a run."""

    heads: ClassVar[tuple[str, ...]] = ("MACs",)
    tokens: ClassVar[bool] = False
    """Whether the engine's tokens are a column as well."""

    @staticmethod
    def cells(facts: Facts) -> list[object]:
        """Cells below ``heads`` for the facts of a layer (:meth:`Format.facts`), ``{}`` for other modules."""
        return [facts.get("macs")]

    @staticmethod
    def totals(layers: Sequence[Facts]) -> Facts:
        """Figures of a whole run from the facts of its layers, as JSON values."""
        return {"macs": sum(facts["macs"] for facts in layers)}

    @staticmethod
    def lines(totals: Facts) -> list[str]:
        """The figures as text, one line each."""
        return [f"MACs            {totals['macs']:,}"] if totals["macs"] else []


@dataclass(frozen=True, eq=False)
class Format:
    """Plain integers, multiplied as they are and requantized by shift-round (``docs/numerics.md`` section 2)."""

    name: ClassVar[str] = "integers"
    title: ClassVar[str] = "plain integers"
    accumulator_bits: ClassVar[int] = 32
    columns: ClassVar[type[Columns]] = Columns
    known: ClassVar[dict[str, type[Format]]] = {}

    def __init_subclass__(cls) -> None:
        Format.known[cls.name] = cls

    # values

    def weight_values(self, weight: NDArray[Any]) -> NDArray[Any]:
        """Integers that the stored weights stand for, same shape."""
        return weight

    def multiplied(self, matrix: NDArray[Any], rule: str) -> NDArray[np.int32]:
        """Weight values (out, K) as the engine multiplies them. rule: encoding of terms."""
        return matrix.astype(np.int32)

    def gathered(self, values: Codes, rule: str) -> Codes:
        """Activation values as they are gathered: what happens to every value by itself."""
        return values

    def streamed(self, table: Codes, rule: str) -> Codes:
        """Activations in reduction order (positions, K) as the engine multiplies them."""
        return table

    @property
    def untouched(self) -> bool:
        """True when neither operand changes on the way to the multiplication."""
        return True

    @property
    def streams_rows(self) -> bool:
        """True when activations in reduction order are not what they were in the map."""
        return False

    def spread(self, count: int) -> Format | None:
        """The format of rows of weights in which ``count - 1`` zeros are put beside every weight.

        The results have to stay the same; None where they would not.
        """
        return self if self.untouched else None

    def limits(self, source: TensorInfo, rule: str) -> tuple[int, int]:
        """Least and greatest activation that is multiplied. source: the tensor it comes from."""
        return source.limits if source.levels is None else (-source.widest, source.widest)

    def widest(self, source: TensorInfo, rule: str) -> int:
        """Largest magnitude of an activation that is multiplied."""
        low, high = self.limits(source, rule)
        return max(-low, high)

    # results

    @property
    def requant(self) -> Requant:
        """What the post unit does."""
        return "shift"

    @property
    def shortcut_in_sum(self) -> bool:
        """True when the shortcut is added to the accumulator, False when to the scaled product."""
        return True

    def factors(self) -> NDArray[np.int32] | None:
        """Mantissas of the output channels, for ``requant`` "scale"."""
        return None

    def output(self, module: IntegerModule, total: NDArray[np.int64], shortcut: Codes | None) -> Codes:
        """Output codes of a convolution.

        Args:
            module: it. total: dot products with bias, and with the shortcut where it is in the sum, int64 (N, h, w, c).
            shortcut: its codes where it is not.
        """
        return module_output(total, None, 0, None, 0, or_zero(module.shift), module.relu, module.low, module.high)

    def combine(
        self, module: IntegerModule, inputs: Sequence[Codes], sources: Sequence[TensorInfo], target: TensorInfo
    ) -> Codes:
        """Output codes of a module that is no convolution.

        Args:
            module: it. inputs: codes (N, h, w, c) of what it reads. sources: what those are. target: what comes out.
        """
        if module.kind == "table":
            return looked_up(module, inputs[0], target)
        if module.kind == "host":
            return on_host(module, inputs, sources, target)
        if module.kind in ("mul", "matmul"):
            acc = product(module.kind, inputs)
            return module_output(acc, None, 0, None, 0, or_zero(module.shift), module.relu, module.low, module.high)
        if module.kind == "add":
            first, second = module.attributes["shifts"]
            acc = inputs[0].astype(np.int64) << first
            return module_output(
                acc, None, 0, inputs[1], second, or_zero(module.shift), module.relu, module.low, module.high
            )
        if module.kind == "avgpool":
            total = window_sum(inputs[0], module.attributes)
            if module.attributes.get("raw_sum"):
                return np.maximum(total, 0) if module.relu else total
            up = target.fraction - sources[0].fraction
            count = window_count((inputs[0].shape[1], inputs[0].shape[2]), module.attributes)
            rounded = divide_round(total << max(up, 0), count << max(-up, 0))
            return np.asarray(np.clip(rounded, module.low, module.high))
        if module.kind == "concat":  # an unsigned input of a signed concatenation saturates
            inputs = [np.clip(x, *target.limits) if x.dtype != target.dtype else x for x in inputs]
        return move(module.kind, [x.astype(target.dtype, copy=False) for x in inputs], module.attributes)

    def paired(self, source: TensorInfo, first: Codes, second: Codes) -> tuple[Format, TensorInfo, Codes, Codes]:
        """A product of two activations as a convolution: its format, what it reads, and the codes of that and of its
        weights.

        Args:
            source: what the first codes are. first, second: codes of any shape.
        """
        return self, source, first, second

    def requantizer_bounds(
        self, module: IntegerModule, sums: NDArray[np.int64], shortcut: int
    ) -> list[tuple[str, int, int]]:
        """Proofs beyond the accumulator's own: what, its largest magnitude, and the bits that hold it.

        Args:
            module: a convolution. sums: bound of ``|dot product|`` of every output channel. shortcut: of its codes.
        """
        return []

    # storage

    def stored_bits(self) -> int:
        """Bits stored beside weights and biases: factors, tables, thresholds. Shifts and kinds are not counted."""
        return 0

    def to_json(self, arrays: dict[str, NDArray[Any]], prefix: str) -> Facts:
        """Plain JSON values; arrays go into ``arrays`` under names that begin with ``prefix``."""
        entry: Facts = {"name": self.name}
        for item in fields(self):
            entry[item.name] = stored(getattr(self, item.name), arrays, f"{prefix}.{item.name}")
        return entry

    @staticmethod
    def from_json(entry: Facts, arrays: Mapping[str, NDArray[Any]]) -> Format:
        """Inverse of :meth:`to_json`.

        Raises:
            KeyError: a format that is not known.
        """
        values = {name: restored(value, arrays) for name, value in entry.items() if name != "name"}
        return Format.known[entry["name"]].of(values)

    @classmethod
    def of(cls, values: Facts) -> Format:
        """The format of the values of its fields, nested data classes as dictionaries."""
        return cls(**values)

    # work

    def work(self) -> Work:
        """What is counted, from zero."""
        return Work()

    def count(self, work: Work, module: IntegerModule, macs: int) -> None:
        """Add multiply-accumulates and what follows from their number alone."""
        work.macs += macs

    def count_table(self, work: Work, table: Codes, matrix: NDArray[np.int32], rule: str) -> None:
        """Add what the operands (positions, K) and (out, K) of one group of a convolution tell."""

    def count_maps(self, work: Work, module: IntegerModule, values: Codes, rule: str) -> None:
        """Add what the gathered activations (N, h, w, c) of a convolution tell."""

    def count_product(self, work: Work, first: Codes, second: Codes, rule: str) -> None:
        """Add the work of a product of two activations, of their values (N, h, w, k) and (N, h, c, k)."""
        work.macs += first.size * second.shape[2]

    def facts(self, module: IntegerModule, work: Work | None) -> Facts:
        """Settings and work of a convolution or product as JSON values, for reports; no work where that is None."""
        return {"macs": 0 if work is None else work.macs}


Format.known[Format.name] = Format


def looked_up(module: IntegerModule, codes: Codes, target: TensorInfo) -> Codes:
    """Codes of a table for input codes of 8 bits or less."""
    assert module.table is not None
    return look_up(codes, module.table.view(target.dtype))


def product(kind: str, inputs: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Products of values (N, h, w, c): ``mul`` or ``matmul`` of :class:`~shiftwork.network.integer.IntegerModule`."""
    first, second = (np.asarray(x, np.int64) for x in inputs)
    return first * second if kind == "mul" else np.matmul(first, second.swapaxes(2, 3))


def on_host(module: IntegerModule, inputs: Sequence[Codes], sources: Sequence[TensorInfo], target: TensorInfo) -> Codes:
    """Codes of what the host computes in float from what codes stand for."""
    assert module.function is not None
    real = [
        np.asarray(info.values(x) * 2.0**-info.fraction, np.float32) for info, x in zip(sources, inputs, strict=True)
    ]
    function = SubModel.load(module.function.tobytes())
    views = [view_of(view) for view in module.attributes["views"]]
    shape = tuple(module.attributes["shape"])
    found = host_result(function, views, view_of(module.attributes["view"]), shape, real)
    return target.encode((np.maximum(found, 0) if module.relu else found).astype(np.float64))


def or_zero(shift: NDArray[np.int32] | None) -> NDArray[np.int32]:
    """A shift per channel; none is 0."""
    return np.zeros(1, np.int32) if shift is None else shift


def stored(value: Any, arrays: dict[str, NDArray[Any]], name: str) -> Any:
    """A field as JSON; an array is put into ``arrays`` and named."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"array": name, "shape": list(value.shape)}
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def restored(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Inverse of :func:`stored`; nested data classes stay dictionaries, lists become tuples."""
    if isinstance(value, dict) and "array" in value:
        return arrays[value["array"]]
    return tuple(restored(item, arrays) for item in value) if isinstance(value, list) else value
