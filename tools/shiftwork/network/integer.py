# SPDX-License-Identifier: Apache-2.0
"""The integer network: what a quantizer produces and what the golden model, the compiler and the RTL execute.

Tensors are NHWC codes, weights are ``[out][ky][kx][in]`` (``docs/numerics.md`` section 1). A network is a list of
modules in dataflow order; every module reads tensors by name and writes exactly one tensor.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import exponential
from shiftwork.codes.exponential import ACTIVATION_BITS, Exponential
from shiftwork.errors import ShiftworkError
from shiftwork.network.ends import Ends, Exit, HasEnds
from shiftwork.network.format import Codes, Format, restored, stored
from shiftwork.network.format_exponential import ExponentialCodes
from shiftwork.network.format_rows import MixedRows
from shiftwork.network.format_terms import Stream, Terms
from shiftwork.network.promise import Promise
from shiftwork.network.saving import Saving
from shiftwork.network.submodel import SubModel
from shiftwork.tensors.layout import View

__all__ = [
    "ExponentialCodes", "Format", "IntegerModule", "IntegerNetwork", "Kind", "MixedRows", "Stream", "TensorInfo",
    "Terms",
]  # fmt: skip

Kind = Literal[
    "conv", "add", "mul", "matmul", "table", "maxpool", "avgpool", "concat", "slice", "pad", "reshape", "host"
]
COMPUTED: frozenset[Kind] = frozenset({"conv", "add", "mul", "matmul", "table", "avgpool", "host"})
"""Kinds whose output holds values that no tensor held before."""


# ONNX operators that compute or merge values; op by op, each rounds its output to a scale of its own.
_ROUNDED_OP_BY_OP = {
    "Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "Gemm", "GlobalAveragePool", "MatMul",
    "Div", "MaxPool", "Mul", "Relu", "Sub", "Sum",
}  # fmt: skip


@dataclass(frozen=True)
class TensorInfo:
    """One activation tensor (without the batch axis).

    Attributes:
        shape: ``(height, width, channels)``.
        fraction: number N of fractional bits; the real value is ``code * 2**-N``, of an exponential code
            ``level * 2**-N`` with its sign.
        signed: two's complement when true, else unsigned, as stored exponential codes are.
        bits: width of a code (8), or 32 for the raw accumulator of a network output, 48 where codes are exponential.
        code: what exponential codes stand for. levels: their integer table A, for the exponents -R..R. Both are None
            for a tensor of integers.
    """

    shape: tuple[int, int, int]
    fraction: int
    signed: bool
    bits: int = 8
    code: Exponential | None = None
    levels: tuple[int, ...] | None = None

    @property
    def dtype(self) -> type[np.integer]:
        """numpy type that holds the codes: int8, uint8, or int32 or int64 for raw accumulators."""
        if self.bits > 8:
            return np.int32 if self.bits <= 32 else np.int64
        return np.int8 if self.signed else np.uint8

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest code of the type."""
        low = -(1 << (self.bits - 1)) if self.signed else 0
        return low, low + (1 << self.bits) - 1

    @property
    def widest(self) -> int:
        """Largest magnitude of what the codes stand for."""
        if self.levels is not None:
            return max(map(abs, self.levels))
        low, high = self.limits
        return max(-low, high)

    @property
    def zero(self) -> int:
        """The code of zero, which pads maps and fills tiles."""
        return 0 if self.code is None else int(self.code.zero)

    def codes(self) -> Codes:
        """All codes of a tensor of 8 bits or less, each once, in its type."""
        if self.code is not None:
            return np.arange(1 << self.bits, dtype=np.int64).astype(self.dtype)
        low, high = self.limits
        return np.arange(low, high + 1).astype(self.dtype)

    def values(self, codes: Codes) -> Codes:
        """Integers that codes stand for: the codes themselves, or exponential ones decoded by their table."""
        return codes if self.levels is None else exponential.code_values(self.levels)[codes]

    def encode(self, real: NDArray[np.float64]) -> Codes:
        """Codes of real numbers, clamped to the type."""
        if self.code is not None:
            return exponential.encode(real, self.code)
        low, high = self.limits
        return np.clip(np.floor(real * 2.0**self.fraction + 0.5), low, high).astype(self.dtype)


@dataclass
class IntegerModule:
    """One unified module: ``acc = sum(w*a) + (bias << sb) + (shortcut << ss)``; ReLU; shift-round by ``sh``; clamp.

    A fully connected layer is a ``conv`` over the whole map. The pooling, ``add`` and code-moving kinds use
    ``attributes``:

    * ``maxpool`` / ``avgpool``: ``kernel (h, w)``, ``stride (h, w)``, ``pads (top, left, bottom, right)``,
      ``ceil_mode``; ``avgpool`` also ``count_include_pad`` and, for a raw network output, ``raw_sum``.
    * ``add``: ``shifts (sx, sy)``, one per input; ``shift``, ``relu`` as in a convolution.
    * ``concat``: none (channels; an unsigned input of a signed result saturates at 127).
    * ``slice``: ``starts``, ``stops``, ``steps`` over (h, w, c). ``pad``: ``pads ((t,b),(l,r),(front,back))``.
    * ``reshape``: ``steps`` (size, stride), by which the values of the input are read, and ``shape (h, w, c)``.
    * ``mul``: of two inputs of one shape; ``shift`` as in a convolution, of the product.
    * ``matmul``: ``out[h][w][c] = sum over k of first[h][w][k] * second[h][c][k]``; ``shift`` as in a convolution.
    * ``table``: none; ``table`` holds the output code, as a byte, of every input code taken as an unsigned byte.
    * ``host``: in float. ``views`` of the ONNX values that it reads in its inputs, ``view`` of the one that it writes
      in a map ``shape (h, w, c)``, sizes and strides; ``function`` is the serialized ONNX model of float inputs.

    ``format`` says what the numbers are made of (:mod:`shiftwork.network.format`): what the weights stand for, what
    term revealing leaves of them, and how the result is requantized.

    ``weight_bits`` and ``bias_bits`` are the widths in which weights and biases are stored. ``operators`` are the types
    of the ONNX nodes that were fused into the module.
    """

    name: str
    kind: Kind
    inputs: list[str]
    output: str
    weight: NDArray[np.int8 | np.uint8] | None = None
    bias: NDArray[np.int32] | NDArray[np.int64] | None = None
    shortcut: str | None = None
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    relu: bool = False
    bias_shift: NDArray[np.int32] | None = None
    shortcut_shift: NDArray[np.int32] | None = None
    shift: NDArray[np.int32] | None = None
    low: int = -128
    high: int = 127
    requantize: bool = True
    format: Format = field(default_factory=Terms)
    attributes: dict[str, Any] = field(default_factory=dict)
    weight_bits: int = 8
    bias_bits: int = 32
    operators: tuple[str, ...] = ()
    table: NDArray[np.uint8] | None = None
    function: NDArray[np.uint8] | None = None

    @property
    def reads(self) -> list[str]:
        """Names of all tensors that it reads."""
        return self.inputs if self.shortcut is None else [*self.inputs, self.shortcut]

    @property
    def depth(self) -> int:
        """K, the length of the reduction of a convolution."""
        assert self.weight is not None
        return int(np.prod(self.weight.shape[1:]))

    @property
    def multiplies(self) -> bool:
        """True for what sums products: convolutions and ``matmul``."""
        return self.kind in ("conv", "matmul")

    @property
    def depthwise(self) -> bool:
        """True for a convolution in which every group has one input channel and there is more than one group."""
        return self.weight is not None and self.groups > 1 and self.weight.shape[3] == 1


@dataclass
class IntegerNetwork(HasEnds):
    """A whole quantized network.

    Attributes:
        scheme: name of the scheme that made it (:mod:`shiftwork.schemes`); reports show it.
        ends: inputs and outputs; the codes of a tensor that nothing but an output reads are raw accumulators.
        tensors: every tensor by name. modules: in dataflow order.
        rule: encoding of the terms.
        scales: how its power-of-two scales were chosen; None: it has none, or nobody said.
        promise: what its quantizer expects it to lose; None where nobody has estimated it.
        saving: what it saves beside conventional quantization; None where nobody has compared them.
        constants: codes (height, width, channels) of tensors that no module computes.
    """

    scheme: str
    ends: Ends
    tensors: dict[str, TensorInfo]
    modules: list[IntegerModule]
    rule: str = "hese"
    scales: str | None = None
    promise: Promise | None = None
    saving: Saving | None = None
    constants: dict[str, NDArray[np.integer]] = field(default_factory=dict)

    def module(self, name: str) -> IntegerModule:
        """The module of a name.

        Raises:
            ShiftworkError: there is none.
        """
        for module in self.modules:
            if module.name == name:
                return module
        raise ShiftworkError(f"no module {name!r} in the network")

    @property
    def classes(self) -> int | None:
        """Number of classes when the output is one vector per sample, else None."""
        if len(self.outputs) != 1:
            return None
        height, width, channels = self.tensors[self.output].shape
        return channels if height == width == 1 else None

    @property
    def convolutions(self) -> list[IntegerModule]:
        """The modules that an engine computes, in dataflow order."""
        return [module for module in self.modules if module.kind == "conv"]

    def real(self, name: str, codes: Codes) -> NDArray[np.float64]:
        """Real numbers that codes of a tensor stand for.

        A raw accumulator is multiplied by the step of its weights where that is no power of two, a raw pooling sum
        divided by its window.
        """
        info = self.tensors[name]
        scale = 2.0**-info.fraction
        for module in self.modules:
            if module.output == name and not module.requantize:
                scale *= module.attributes.get("step", 1.0)
                if module.attributes.get("raw_sum"):
                    height, width = module.attributes["kernel"]
                    scale /= height * width
        return np.asarray(info.values(codes) * scale)

    def leaving(self, tensors: Mapping[str, Codes]) -> dict[str, NDArray[np.float64]]:
        """Real numbers of the tensors that leave, by name."""
        return {name: self.real(name, tensors[name]) for name in self.outputs}

    @property
    def model_bits(self) -> int:
        """Stored bits of weights and biases, of the tables of tensors, and of what formats store beside them."""
        bits = sum(ACTIVATION_BITS * len(info.levels) for info in self.tensors.values() if info.levels is not None)
        for module in self.modules:
            bits += 0 if module.weight is None else module.weight_bits * module.weight.size
            bits += 0 if module.bias is None else module.bias_bits * module.bias.size
            bits += module.format.stored_bits()
        return bits

    @property
    def average_bits(self) -> tuple[float, float]:
        """Stored bits of a weight and of an activation of one sample, on average over all of them.

        Tensors that only rearrange the codes of others, and the raw network output, hold no activations of their own.
        """
        weights = [(module.weight_bits, module.weight.size) for module in self.modules if module.weight is not None]
        own = [module.output for module in self.modules if module.kind in COMPUTED]
        infos = [self.tensors[name] for name in (*self.inputs, *own)]
        values = [(info.bits, math.prod(info.shape)) for info in infos if info.bits <= 8]
        first, second = (sum(bits * count for bits, count in some) / max(1, sum(count for _, count in some))
                         for some in (weights, values))  # fmt: skip
        return first, second

    @property
    def quantizations(self) -> tuple[int, int]:
        """Quantizations of a sample, the network input aside: op by op, and in unified modules.

        Op by op every operator that computes or merges values rounds its output to a scale of its own (what only
        rearranges values does not count); a unified module does so once, and one that only moves codes not at all. The
        raw network output counts in neither.
        """
        single = sum(operator in _ROUNDED_OP_BY_OP for module in self.modules for operator in module.operators)
        raw = any(not module.requantize for module in self.modules)
        unified = sum(module.requantize and module.kind in COMPUTED for module in self.modules)
        return single - raw, unified

    def first(self, count: int) -> IntegerNetwork:
        """The network of the first ``count`` modules; its output is that of the last of them.

        Raises:
            ShiftworkError: fewer than 1, or more than there are.
        """
        if not 1 <= count <= len(self.modules):
            raise ShiftworkError(f"the first {count} modules: the network has 1 to {len(self.modules)}")
        result = self.copy()
        del result.modules[count:]
        last = result.modules[-1].output
        exits = (Exit(last, last, View.of(self.tensors[last].shape, "n c h w")),)
        result.ends = replace(self.ends, exits=exits, outputs=(last,), tail=None)
        result.promise = result.saving = None
        return result

    def copy(self) -> IntegerNetwork:
        """A copy whose modules can be reconfigured; the arrays are shared."""
        return replace(self, tensors=dict(self.tensors), modules=[replace(module) for module in self.modules])

    def save(self, path: str | Path) -> tuple[Path, Path]:
        """Write ``path`` (.npz: arrays and description) and the same description as readable JSON beside it.

        Returns:
            The two paths written.
        """
        target = Path(path).with_suffix(".npz")
        arrays: dict[str, NDArray[Any]] = {}
        modules = []
        for index, module in enumerate(self.modules):
            values = {item.name: getattr(module, item.name) for item in fields(module) if item.name != "format"}
            entry = {name: stored(value, arrays, f"{index}.{name}") for name, value in values.items()}
            entry["format"] = module.format.to_json(arrays, f"{index}.format")
            modules.append(entry)
        description = {
            "format": _FORMAT,
            "scheme": self.scheme,
            "rule": self.rule,
            "scales": self.scales,
            "ends": self.ends.to_json(),
            "tail": None if self.ends.tail is None else stored(_bytes(self.ends.tail.content), arrays, "tail"),
            "rows": {
                entry.name: stored(entry.rows, arrays, f"rows.{index}")
                for index, entry in enumerate(self.ends.entries)
                if entry.rows is not None
            },
            "constants": {
                name: stored(codes, arrays, f"constant.{index}")
                for index, (name, codes) in enumerate(self.constants.items())
            },
            "promise": None if self.promise is None else asdict(self.promise),
            "saving": None if self.saving is None else asdict(self.saving),
            "tensors": {name: asdict(info) for name, info in self.tensors.items()},
            "modules": modules,
        }
        text = json.dumps(description, indent=1)
        np.savez_compressed(target, network=np.frombuffer(text.encode(), np.uint8), **arrays)  # type: ignore[arg-type]
        readable = target.with_suffix(".json")
        readable.write_text(text + "\n")
        return target, readable

    @staticmethod
    def load(path: str | Path) -> IntegerNetwork:
        """Read what :meth:`save` wrote.

        Raises:
            ShiftworkError: no such file, or no integer network in it.
        """
        source = Path(path)
        if not source.is_file():
            raise ShiftworkError(f"network {source}: no such file")
        try:
            with np.load(source, allow_pickle=False) as archive:
                description = json.loads(archive["network"].tobytes().decode())
                if description["format"] != _FORMAT:
                    raise ValueError(description["format"])
                modules = [_module(entry, archive) for entry in description["modules"]]
                tail = description["tail"] and SubModel.load(restored(description["tail"], archive).tobytes())
                rows = {name: restored(entry, archive) for name, entry in description["rows"].items()}
                constants = {name: restored(entry, archive) for name, entry in description["constants"].items()}
            tensors = {name: _tensor(info) for name, info in description["tensors"].items()}
            ends = Ends.from_json(description["ends"], tail, rows)
            promise = None if description["promise"] is None else Promise(**description["promise"])
            saving = None if description["saving"] is None else Saving(**description["saving"])
        except Exception as error:
            raise ShiftworkError(f"network {source}: not an integer network file") from error
        known = {name: description[name] for name in ("scheme", "rule", "scales")}
        return IntegerNetwork(
            ends=ends, tensors=tensors, modules=modules, promise=promise, saving=saving, constants=constants, **known
        )


_FORMAT = "shiftwork-network-6"


def _bytes(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)


def _tensor(entry: dict[str, Any]) -> TensorInfo:
    known = {name: restored(value, {}) for name, value in entry.items() if name != "code"}
    code = entry.get("code")
    return TensorInfo(**known, code=None if code is None else Exponential(**code))


def _module(entry: dict[str, Any], archive: Any) -> IntegerModule:
    special = ("inputs", "attributes", "format")
    known = {name: restored(value, archive) for name, value in entry.items() if name not in special}
    attributes = {key: restored(item, {}) for key, item in entry["attributes"].items()}
    form = Format.from_json(entry["format"], archive)
    return IntegerModule(**known, inputs=list(entry["inputs"]), attributes=attributes, format=form)
