# SPDX-License-Identifier: Apache-2.0
"""Weights of a layer as they come to the accelerator's ring: row tile after row tile, beat after beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms
from shiftwork.compile.accelerator import WORD
from shiftwork.compile.msq_engine import weight_values

RULES = {0: "binary", 1: "hese"}
"""Encodings by their codes in an instruction."""


def stream_bytes(fields: Mapping[str, int], rows: int) -> int:
    """Bytes of all weights of a layer; ``fields`` are those of its instruction."""
    return fields["groups"] * fields["tiles"] * _tile_bytes(fields, rows)


def _tile_bytes(fields: Mapping[str, int], rows: int) -> int:
    vectors = fields["kernel_y"] * fields["kernel_x"] * (1 if fields["rows_apart"] else fields["channels"])
    wide = max(WORD, rows)
    return -(-vectors * rows // wide) * wide


def row_codes(fields: Mapping[str, int], stream: bytes, rows: int) -> NDArray[np.integer]:
    """Values on the rows before term revealing: ``(row tiles, rows, beats)``.

    Args:
        fields: of the layer's instruction. stream: its weights, :func:`stream_bytes` of them. rows: of the engine.
    """
    channels = fields["channels"]
    beats = fields["kernel_y"] * fields["kernel_x"] * channels
    tiles = np.frombuffer(stream, np.uint8).reshape(-1, _tile_bytes(fields, rows))
    vectors = beats // channels if fields["rows_apart"] else beats
    codes = tiles[:, : vectors * rows].reshape(len(tiles), vectors, rows)
    if fields["rows_apart"]:  # a weight of every row for a tap, each for a beat
        codes = (codes[:, :, None] * np.eye(channels, rows, dtype=np.uint8)).reshape(len(tiles), beats, rows)
    codes = np.ascontiguousarray(codes.transpose(0, 2, 1))
    return codes.view(np.int8) if fields["row_signed"] else codes


def row_values(fields: Mapping[str, int], stream: bytes, rows: int, kinds: bool) -> NDArray[np.int32]:
    """What the rows multiply: :func:`row_codes` after term revealing. kinds: codes have 4 bits and a kind."""
    values = row_codes(fields, stream, rows)
    if kinds:
        return weight_values(values.view(np.uint8)).astype(np.int32)
    if fields["tr_en"]:
        return terms.reveal(values, fields["group"], fields["group_budget"], RULES[fields["encoding"]])
    return values.astype(np.int32)
