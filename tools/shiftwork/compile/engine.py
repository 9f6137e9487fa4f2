# SPDX-License-Identifier: Apache-2.0
"""What an engine tells the compiler and the device: its shape, the modules it takes, its operands, its cycles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.format import Codes, Format, Requant
from shiftwork.network.integer import IntegerModule, IntegerNetwork, TensorInfo
from shiftwork.quantize.bounds import slice_ranges
from shiftwork.tensors.im2col import weight_matrix

if TYPE_CHECKING:
    from shiftwork.compile.program import LayerProgram, Operands

MAX_ROWS = 64
MAX_COLS = 256


@dataclass(frozen=True)
class Schedule:
    """Cost of one module on its engine.

    Attributes:
        cycles: from the first beat to the last result, without stalls.
        bound: cycles below which no schedule can go; ``bound / cycles`` is the utilisation.
        tokens: terms and empty planes of all real rows, summed over the tiles; None without terms.
    """

    cycles: int
    bound: int
    tokens: int | None = None


class Engine(ABC):
    """A tile engine in one shape (``docs/architecture.md``, tile-engine contract); subclasses are frozen data classes.

    Attributes:
        form: format of the modules it takes. code_bits: of an operand's code. acc_bits: of a result.
        bound_name: what its utilisation is measured against.
        products: whether it multiplies two activations as well.
        inside: settings that it has to have inside the accelerator. path: how results are requantized there.
    """

    form: ClassVar[type[Format]]
    code_bits: ClassVar[int] = 8
    acc_bits: ClassVar[int] = 32
    bound_name: ClassVar[str]
    products: ClassVar[bool] = False
    inside: ClassVar[Mapping[str, int]] = MappingProxyType({})
    path: ClassVar[Requant] = "shift"

    @property
    @abstractmethod
    def kind(self) -> str:
        """``shw_<kind>_engine`` is the Verilog module."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """Rows of a tile."""

    @property
    @abstractmethod
    def cols(self) -> int:
        """Columns of a tile."""

    @property
    def operand_bytes(self) -> int:
        """Bytes of one row or column at the ports in a beat."""
        return 1

    @property
    def shape(self) -> dict[str, int]:
        """The shape as JSON values."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]
        return {"rows": self.rows} | {name: value for name, value in values.items() if isinstance(value, int)}

    @property
    def cells(self) -> int:
        """Cells of the array."""
        return self.rows * self.cols

    @property
    def array(self) -> str:
        """The array in words."""
        return f"{self.rows} x {self.cols} cells"

    def parameters(self) -> dict[str, int | str]:
        """Parameters of the simulated top, ``shw_sim_top``."""
        return {
            "ENGINE": self.kind,
            "ROWS": self.rows,
            "COLS": self.cols,
            "OPERAND_W": 8 * self.operand_bytes,
            "ACC_W": self.acc_bits,
        }

    def accelerated(self) -> dict[str, int | str]:
        """Parameters of ``shw_accel`` beside its rows and columns."""
        return {"ENGINE": self.kind}

    # modules

    def weights_on_rows(self, module: IntegerModule) -> bool:
        """Whether the rows hold the weights of a module, not its activations."""
        return True

    def takes(self, module: IntegerModule) -> bool:
        """Whether it computes modules of that kind; :meth:`check` refuses what it cannot hold of one."""
        return module.kind == "conv" or (module.kind == "matmul" and self.products)

    def check(self, network: IntegerNetwork, module: IntegerModule) -> None:
        """Refuse a module that the engine and its post unit cannot run.

        Raises:
            ShiftworkError: naming the module.
        """
        if not issubclass(type(module.format), self.form):
            raise ShiftworkError(
                f"node {module.name!r}: it has {module.format.title}, the {self.kind} engine takes {self.form.title}"
            )
        for name in module.reads:
            width, limit = network.tensors[name].bits, 8 if name == module.shortcut else self.code_bits
            if width > limit:
                raise ShiftworkError(f"node {module.name!r}: it reads {width}-bit codes, the engine takes {limit} bits")

    # operands

    def slots(self, module: IntegerModule) -> NDArray[np.int64]:
        """int64 ``(groups, channels)``: place of every channel of a group among the rows or columns of its tiles."""
        assert module.weight is not None
        channels = len(module.weight) // module.groups
        return np.broadcast_to(np.arange(channels), (module.groups, channels))

    def row_kinds(self, module: IntegerModule, slots: NDArray[np.int64]) -> NDArray[np.uint64] | None:
        """uint64 ``(groups * row tiles,)``: bit r says that the codes of row r are SP2; None without kinds."""
        return None

    def weight_bytes(self, module: IntegerModule) -> NDArray[np.uint8]:
        """Weights ``(groups, channels, beats, bytes)`` as the ports read them.

        Raises:
            ShiftworkError: naming the module, a weight that has no code.
        """
        codes = np.stack([weight_matrix(module, part) for part in range(module.groups)])
        return codes.astype(np.uint8)[..., None]

    def activation_bytes(self, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Activations ``(groups, positions, K)`` as ``(groups, positions, beats, bytes)`` of the ports."""
        return table[..., None]

    def stored(self, codes: NDArray[np.uint8], info: TensorInfo) -> NDArray[np.uint8]:
        """Codes of ports along the last axis as the device's memories hold them. info: the tensor they are of."""
        return codes

    def result(self, codes: NDArray[np.uint8], info: TensorInfo) -> Codes:
        """Codes of the post unit's port as those of the output tensor ``info``."""
        return codes.view(info.dtype)

    def configuration(self, network: IntegerNetwork, module: IntegerModule) -> dict[str, int]:
        """Configuration of a layer by the name of the port (:mod:`shiftwork.device.job`)."""
        assert module.weight is not None
        signs = module.weight.dtype != np.uint8, network.tensors[module.inputs[0]].signed
        row, col = signs if self.weights_on_rows(module) else signs[::-1]
        return {"cfg_row_signed": int(row), "cfg_col_signed": int(col)}

    def tables(self, network: IntegerNetwork, module: IntegerModule) -> NDArray[np.int64] | None:
        """int64 ``(words, 3)``: table, address and word of every word for the table port; None without tables."""
        return None

    # time

    def tile_cycles(self, layer: LayerProgram) -> NDArray[np.int64]:
        """Cycles below which no tile of each row block of weights can go: int64 ``(groups * tiles,)``."""
        blocks, beats, _ = layer.weights.shape
        return np.full(blocks, beats, np.int64)

    def sample_cycles(self, layer: LayerProgram) -> int:
        """Cycles of one sample of a layer whose weights are on the rows."""
        return int(self.tile_cycles(layer).sum()) * -(-layer.height * layer.width // self.cols)

    def streamed_cycles(self, operands: Operands) -> int:
        """Cycles of a layer of one sample whose activations are on the rows."""
        return self.schedule(operands).cycles

    @abstractmethod
    def schedule(self, operands: Operands) -> Schedule:
        """Predict what the engine does with a layer (source and sink always ready)."""


def requant_of(network: IntegerNetwork) -> Requant:
    """How the post unit requantizes: as the first module that is requantized, a convolution where there is one."""
    multiplying = (module for module in network.modules if module.multiplies)
    for module in sorted(multiplying, key=lambda module: (module.kind != "conv", not module.requantize)):
        return module.format.requant
    return "shift"


def check_sums(network: IntegerNetwork, module: IntegerModule, depth: int, bits: int) -> None:
    """Refuse a module whose sums of ``depth`` products could leave accumulators of ``bits``.

    Raises:
        ShiftworkError: naming the module.
    """
    reached = sum_beyond(network, module, depth, bits)
    if reached is not None:
        raise ShiftworkError(
            f"node {module.name!r}: a sum of {depth} products can reach {reached}, beyond the engine's {bits} bits"
        )


def sum_beyond(network: IntegerNetwork, module: IntegerModule, depth: int, bits: int) -> int | None:
    """A sum of ``depth`` products that leaves accumulators of ``bits``; None: they hold every sum."""
    sums, half = slice_ranges(network, module, depth), 1 << (bits - 1)
    beyond = sums[(sums < -half) | (sums >= half)]
    return int(beyond[np.abs(beyond).argmax()]) if beyond.size else None
