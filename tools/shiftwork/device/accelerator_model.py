# SPDX-License-Identifier: Apache-2.0
"""Bit-true model of the accelerator: executes whole programs, instruction by instruction, without time.

The two queues meet by tokens alone. Which of them goes on where both can is the caller's choice (:data:`Order`), so a
program whose tokens let something be read too early or overwritten too early gives wrong results in some order. A layer
that begins ``ahead`` may read nothing that the layer before it can still be writing: that is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms
from shiftwork.compile.accelerator import WORD, Accelerator
from shiftwork.compile.instructions import AHEAD, BYTES, TARGETS, UNITS, checksum, decode, is_legal
from shiftwork.compile.weight_stream import RULES, row_values, stream_bytes
from shiftwork.device.registers import FAULTS
from shiftwork.errors import ShiftworkError
from shiftwork.golden.blocks_layout import ODD_COLUMNS, Nest, Place, beats, block_shape, gather, positions, requests
from shiftwork.tensors.arithmetic import module_sum, shift_round

Order = Callable[[], bool]
"""Asked where both queues can go on: True for the one that moves data."""
Fields = dict[str, int]


@dataclass
class Machine:
    """An accelerator.

    Attributes:
        shape: of it. rows, cols: of the engine. words: of the activation memory.
        activations: (words, cols). seed: of what the memories hold at first.
        loaded, stored: words of 64 bits that were moved. layers: that ran.
    """

    shape: Accelerator
    seed: int = 0
    activations: NDArray[np.uint8] = field(init=False)
    loaded: int = 0
    stored: int = 0
    layers: int = 0

    def __post_init__(self) -> None:
        self.rows, self.cols, self.words = self.shape.engine.rows, self.shape.engine.cols, self.shape.activation_words
        random = np.random.default_rng(self.seed)
        self.activations = random.integers(0, 256, (self.words, self.cols), np.uint8)
        self._table = random.integers(0, 1 << 63, self.shape.constants, np.uint64)
        self._weights = b""
        self._written = np.full((self.words, self.cols), -1)  # by the last layer: its block in order, tile after tile
        self._before = (0, 0, 0)  # row tiles of it, rows of blocks, blocks in a row

    def check(self, program: bytes) -> None:
        """What the hardware checks of a program by its header.

        Raises:
            ShiftworkError: with the words of the fault.
        """
        kind, values = decode(program[:BYTES])
        own = self.shape.header
        if kind != "header" or not is_legal(program[:BYTES]):
            code = 1
        elif values["instructions"] * BYTES != len(program):
            code = 9
        elif any(values[name] != own[name] for name in ("engine", "rows", "cols")) or any(
            values[name] > own[name] for name in ("activations", "weights", "constants")
        ):
            code = 10
        elif values["crc"] != checksum(program):
            code = 11
        else:
            return
        raise ShiftworkError(f"instruction 0: {FAULTS[code]}")

    def run(self, program: bytes, memory: NDArray[np.uint8], order: Order = lambda: True) -> None:
        """Run a program on an external memory, which it changes.

        Raises:
            ShiftworkError: a header that is refused, an address outside the memories, both queues wait for ever, or
                tokens or weights are left.
        """
        self.check(program)
        queues: tuple[list[tuple[int, str, Fields]], ...] = ([], [])
        for index in range(BYTES, len(program), BYTES):
            kind, values = decode(program[index : index + BYTES])
            queues[kind == "run"].append((index // BYTES, kind, values))
        moves, runs = queues
        tokens = [0, 0]  # given by moves, by layers
        while moves or runs:
            can_move = bool(moves) and (not moves[0][2]["take_token"] or tokens[1] > 0)
            can_run = bool(runs) and (not runs[0][2]["take_token"] or tokens[0] > 0) and self._has_weights(runs[0][2])
            if not can_move and not can_run:
                first = min(queue[0][0] for queue in queues if queue)
                raise ShiftworkError(f"instruction {first}: nothing can go on")
            is_move = can_move and (not can_run or order())
            index, kind, values = (moves if is_move else runs).pop(0)
            tokens[is_move] -= values["take_token"]
            if is_move:
                self._move(f"instruction {index}", kind, values, memory)
            else:
                self._layer(values)
            tokens[not is_move] += values["give_token"]
        if any(tokens) or self._weights:
            left = f"{tokens[0]} and {tokens[1]} tokens and {len(self._weights)} bytes of weights"
            raise ShiftworkError(f"the program leaves {left} behind")

    def _move(self, where: str, kind: str, values: Fields, memory: NDArray[np.uint8]) -> None:
        size, first = values["words"] * WORD, values["memory"]
        if kind == "load":
            self.loaded += values["words"]
        else:
            self.stored += values["words"]
        if first + size > len(memory):
            raise ShiftworkError(f"{where}: a {kind} reaches outside external memory, to {first + size:#x}")
        data = memory[first : first + size]
        if kind == "load" and values["target"] == TARGETS["weights"]:
            self._weights += data.tobytes()
            return
        to_constants = kind == "load" and values["target"] == TARGETS["constants"]
        part = values["part"] * WORD or self.cols
        index = np.arange(values["words"] if to_constants else -(-size // part))
        address = values["place"] + index + (index // values["burst"] * values["gap"] if values["burst"] else 0)
        if address[-1] >= (self.shape.constants if to_constants else self.words):
            raise ShiftworkError(f"{where}: {FAULTS[3]}")
        if to_constants:
            self._table[address] = data.view(np.uint64)
        elif kind == "load":
            self.activations[address, :part] = data.reshape(-1, part)
        else:
            data[:] = self.activations[address, :part].reshape(-1)[:size]

    def _has_weights(self, values: Fields) -> bool:
        return values["unit"] != UNITS["engine"] or len(self._weights) >= stream_bytes(values, self.rows)

    def _nest(self, values: Fields) -> Nest:
        """What is read, as ``shw_im2col`` sees it."""
        place = Place(values["base"], values["row_stride"], values["block_stride"], values["phase_stride"])
        names = ("height", "width", "blocks_y", "blocks_x", "kernel_y", "kernel_x", "dilation_y", "dilation_x",
                 "pad_y", "pad_x", "groups")  # fmt: skip
        tiles = values["channels"] // self.rows if values["channel_tiles"] else 1
        return Nest(cols=self.cols, place=place, split=bool(values["split"]),
                    channels=values["channels"] // tiles, channel_tiles=tiles,
                    taps_inner=values["unit"] != UNITS["engine"], **{name: values[name] for name in names})  # fmt: skip

    def _beats(self, values: Fields) -> NDArray[np.int64]:
        """What is read: (groups, blocks, beats of a reduction of a group, cols)."""
        codes = gather(self.activations, requests(self._nest(values), self.words.bit_length() - 1), values["fill"])
        read = codes.view(np.int8) if values["col_signed"] else codes
        shape = (values["groups"], values["blocks_y"] * values["blocks_x"], -1, self.cols)
        return read.astype(np.int64).reshape(shape)

    def _check_ahead(self, values: Fields) -> None:
        """Refuse a layer that reads what is not yet written when it begins ahead (``shw_accel_follow``)."""
        nest = self._nest(values)
        order = beats(nest)
        address, column, inside = positions(requests(nest, self.words.bit_length() - 1), self.cols)
        needed = np.where(inside, self._written[address, column], -1).max(axis=1)
        there = np.full(len(needed), -1)
        if values["ahead"] == AHEAD["behind"]:
            tiles, high, wide = self._before
            y, x = (2 * order.block_y + 1, 2 * order.block_x + 2) if nest.split else (order.block_y, order.block_x + 1)
            y = y + (order.tap_y * nest.dilation_y - nest.pad_y > int(nest.split))
            tile = order.channel_tile if values["channel_tiles"] else tiles - 1
            there = tile * high * wide + np.minimum(y * wide + np.minimum(x, wide - 1), high * wide - 1)
        if np.any(needed > there):
            block = needed[needed > there][0]
            raise ShiftworkError(f"layer {self.layers} begins ahead and reads block {block}, perhaps not written")

    def _layer(self, values: Fields) -> None:
        if values["ahead"]:
            self._check_ahead(values)
        self.layers += 1
        sums = self._engine(values) if values["unit"] == UNITS["engine"] else self._pool(values)
        self._results(values, sums)

    def _engine(self, values: Fields) -> NDArray[np.int64]:
        """Dot products (channels, blocks, cols)."""
        table = self._beats(values)
        if values["tr_en"] and values["data_terms"]:
            table = terms.truncate(table, values["data_terms"], RULES[values["encoding"]]).astype(np.int64)
        size = stream_bytes(values, self.rows)
        stream, self._weights = self._weights[:size], self._weights[size:]
        kinds = self.shape.engine.kind == "msq"
        weights = row_values(values, stream, self.rows, kinds).reshape(values["groups"], -1, table.shape[2])
        sums: NDArray[np.int64] = np.einsum(
            "grk,gbkc->grbc", weights[:, : values["out_channels"]].astype(np.int64), table
        )
        return sums.reshape(-1, *sums.shape[2:])

    def _pool(self, values: Fields) -> NDArray[np.int64]:
        """Maxima, sums or averages (channels, blocks, cols)."""
        taps = values["kernel_y"] * values["kernel_x"]
        table = self._beats(values)[0].reshape(-1, values["channels"], taps, self.cols)
        if values["unit"] == UNITS["maximum"]:
            return np.ascontiguousarray(table.max(axis=2).transpose(1, 0, 2))
        sums = table.sum(axis=2)
        if values["reduce"]:
            sums = np.broadcast_to(sums.sum(axis=2, keepdims=True), sums.shape)
        if values["divide"]:
            sums = (sums << values["up"] + 1) // values["count"]
        return np.ascontiguousarray(sums.transpose(1, 0, 2))

    def _results(self, values: Fields, sums: NDArray[np.int64]) -> None:
        channels, block = np.arange(len(sums)), block_shape(self.cols)
        self._written[:], self._before = -1, (values["tiles"], values["blocks_y"], values["blocks_x"])
        group, member = np.divmod(channels, values["out_channels"])
        tile = group * values["tiles"] + (member // self.rows if values["unit"] == UNITS["engine"] else 0)
        blocks = values["blocks_y"] * values["blocks_x"]
        written = tile[:, None] * blocks + np.arange(blocks)
        y, x = (axis.ravel() for axis in np.indices((values["blocks_y"], values["blocks_x"])))
        table = self._table[values["constants"] + (0 if values["constants_fixed"] else channels)].astype(np.uint64)
        word = np.broadcast_to(table, channels.shape)

        def constant(low: int, width: int) -> NDArray[np.int64]:
            return (word >> np.uint64(low) & np.uint64((1 << width) - 1)).astype(np.int64)

        bias = constant(0, 32)
        bias = np.where(bias >= 1 << 31, bias - (1 << 32), bias)
        added = np.zeros(sums.shape, np.int64)
        if values["shortcut_enable"]:
            first = values["shortcut_first"]
            inside = channels[(channels >= first) & (channels < first + values["shortcut_count"])]
            at = values["shortcut_base"] + y * values["shortcut_row_stride"] + x * values["shortcut_block_stride"]
            read = self.activations[at + (inside - first)[:, None]]
            added[inside] = read.view(np.int8) if values["shortcut_signed"] else read
        sums, added = np.moveaxis(sums, 0, -1), np.moveaxis(added, 0, -1)  # the channel last
        scaled = self.shape.engine.path == "scale"
        shift, up = constant(43, 6), constant(37, 6)
        total = sums + bias if scaled else module_sum(sums, bias, constant(32, 5), added, up)
        if scaled and not values["raw"]:
            total = total * (constant(49, 15) + (1 << 15)) + (added << up)
        if values["relu"]:
            total = np.maximum(total, 0)
        if values["raw"]:
            parts = np.moveaxis(total.astype("<i4")[..., None].view(np.uint8), (2, 3), (0, 1))
            codes = parts.reshape(-1, *total.shape[:2])
        else:
            low, high = ((value ^ 256) - 256 for value in (values["low"], values["high"]))
            codes = np.moveaxis(np.clip(shift_round(total, shift), low, high), -1, 0).astype(np.uint8)
        channels = np.arange(len(codes))[:, None]
        if values["plain"] or values["raw"]:
            at = values["plain_base"] + y * values["plain_row_stride"] + x * values["out_block_stride"] + channels
            self.activations[at] = codes
            self._written[at] = np.repeat(written, len(codes) // len(written), axis=0)[..., None]
        if values["to_split"]:
            at = values["split_base"] + (y >> 1) * values["split_row_stride"] + (x >> 1) * values["out_block_stride"]
            for row in range(block.height):
                for column in range(block.width):
                    phase = 2 * (row & 1) + (column & 1)
                    of_phase = at + phase * values["split_phase_stride"] + channels
                    place = (x & 1) * block.width + column >> 1
                    place ^= block.width // 2 if phase & ODD_COLUMNS else 0
                    target = ((y & 1) * block.height + row >> 1) * block.width + place
                    self.activations[of_phase, target] = codes[..., row * block.width + column]
                    self._written[of_phase, target] = written
