# SPDX-License-Identifier: Apache-2.0
"""What a device is told of a job: one description for Python and C++.

:data:`FIELDS` gives :class:`LayerJob`, a ctypes structure, and :func:`header`, the C++ structure of the harness with
the assignment of the settings to the ports of ``shw_sim_top``. :data:`PROGRAM_FIELDS` gives :class:`ProgramJob` and
:func:`program_header` for the accelerator, :data:`SERIAL_FIELDS` gives :class:`SerialJob` and :func:`serial_header` for
a board on a serial line.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import ClassVar, Literal

Kind = Literal["const uint8_t*", "const int32_t*", "const int64_t*", "const uint32_t*", "const uint64_t*", "uint8_t*",
               "uint64_t*", "uint32_t", "uint64_t"]  # fmt: skip


@dataclass(frozen=True)
class Field:
    """One field: its name, its C++ type, and what it holds."""

    name: str
    kind: Kind
    meaning: str

    @property
    def is_port(self) -> bool:
        """True for a setting that is an input of the top of the same name."""
        return self.name.startswith(("cfg_", "post_"))


FIELDS = (
    Field("row_blocks", "const uint8_t*", "[row blocks][beats][row bytes] as the engine stores codes"),
    Field("col_blocks", "const uint8_t*", "[column blocks][beats][column bytes], likewise"),
    Field("row_sp2", "const uint64_t*", "[row blocks] kinds of the rows, or null"),
    Field("tiles", "const int32_t*", "[tiles][3]: row block, column block, first vector"),
    Field("stream", "const uint8_t*", "[beats][COLS] codes for the table, without a layer; or null"),
    Field("tables", "const int64_t*", "[table_words][3]: select, address, word; or null"),
    Field("bias", "const uint32_t*", "[vectors][words] packed lanes of an accumulator's width"),
    Field("bias_shift", "const uint32_t*", "[vectors][words] packed lanes of five bits"),
    Field("shortcut_shift", "const uint32_t*", "[vectors][words] packed lanes of six bits"),
    Field("shift", "const uint32_t*", "same"),
    Field("factor", "const uint32_t*", "[vectors][words] packed lanes of 16 bits, or null"),
    Field("shortcut", "const uint8_t*", "[tiles][ROWS][bytes] as the engine stores codes, or null"),
    Field("codes", "uint8_t*", "[tiles][ROWS][COLS] requantized codes from the post unit"),
    Field("sums", "uint8_t*", "[tiles][ROWS][COLS][ACC_BYTES] sums with bias and shortcut, or null"),
    Field("products", "uint8_t*", "[tiles][ROWS][COLS][ACC_BYTES] dot products from the engine, or null"),
    Field("table_words", "uint64_t", "words of the tables"),
    Field("tile_count", "uint64_t", "tiles"),
    Field("beats", "uint64_t", "of a tile, or of the stream"),
    Field("watchdog", "uint64_t", "cycles without any handshake that count as a hang"),
    Field("seed", "uint64_t", "of the stalls"),
    Field("in_gap", "uint32_t", "probability of an idle cycle before a beat, of 65536"),
    Field("out_stall", "uint32_t", "probability of a cycle without out_ready, of 65536"),
    Field("weights_on_rows", "uint32_t", "beat r of a tile has vector first + r; 0: all beats have the first"),
    Field("shortcut_bits", "uint32_t", "width of the shortcut's exponents; 0: codes are bytes"),
    Field("cfg_tr_en", "uint32_t", "ports of the engine, see there"),
    Field("cfg_group", "uint32_t", ""),
    Field("cfg_group_budget", "uint32_t", ""),
    Field("cfg_data_terms", "uint32_t", ""),
    Field("cfg_slice_shift", "uint32_t", ""),
    Field("cfg_encoding", "uint32_t", ""),
    Field("cfg_row_signed", "uint32_t", ""),
    Field("cfg_col_signed", "uint32_t", ""),
    Field("cfg_exponent_bits", "uint32_t", "width of the operands' exponents; 0: codes are bytes"),
    Field("cfg_slice_length", "uint32_t", ""),
    Field("cfg_bypass", "uint32_t", "of the table: codes pass as they are"),
    Field("post_shortcut_enable", "uint32_t", "ports of the post unit, see there"),
    Field("post_shortcut_signed", "uint32_t", ""),
    Field("post_relu", "uint32_t", ""),
    Field("post_low", "uint32_t", ""),
    Field("post_high", "uint32_t", ""),
    Field("cycles", "uint64_t", "result: first beat offered .. last beat out of the engine, first word .. last code"),
    Field("total_cycles", "uint64_t", "result: first beat offered .. last beat out of the post unit"),
    Field("in_beats", "uint64_t", "result: input beats"),
    Field("in_waits", "uint64_t", "result: cycles in which an input beat waited"),
    Field("out_beats", "uint64_t", "result: output beats"),
    Field("out_waits", "uint64_t", "result: cycles in which an output beat waited"),
)
"""Fields in the order of both structures."""

PROGRAM_FIELDS = (
    Field("memory", "uint8_t*", "external memory"),
    Field("size", "uint64_t", "of it in bytes"),
    Field("layers", "uint64_t*", "[layers][2]: cycles in which a layer starts and in which its results are written"),
    Field("layer_count", "uint64_t", "layers of the program"),
    Field("program_address", "uint64_t", "of the first instruction"),
    Field("program_count", "uint64_t", "instructions"),
    Field("latency", "uint64_t", "cycles from a request to its first word"),
    Field("watchdog", "uint64_t", "cycles without any transfer or beat that count as a hang"),
    Field("seed", "uint64_t", "of the stalls"),
    Field("in_gap", "uint32_t", "probability, of 65536, that a word read, or a request, waits a cycle"),
    Field("out_stall", "uint32_t", "that a word written, or a write request, waits a cycle"),
    Field("fault_code", "uint32_t", "result: code of a fault"),
    Field("fault_index", "uint32_t", "result: instruction of a fault or a hang"),
    Field("fault_address", "uint64_t", "result: address outside the memory"),
    Field("cycles", "uint64_t", "result: from the start to the end of the program"),
    Field("beats", "uint64_t", "result: beats that the engine took"),
    Field("waits_weights", "uint64_t", "result: cycles in which a beat waited for weights"),
    Field("waits_results", "uint64_t", "result: cycles in which a beat waited for the engine"),
    Field("words_read", "uint64_t", "result: words of 64 bits"),
    Field("words_written", "uint64_t", "result: words of 64 bits"),
)
"""Fields of a program of the accelerator, in the order of both structures."""

SERIAL_FIELDS = (
    Field("port", "uint64_t", "file descriptor of the controlling side of a pseudo-terminal"),
    Field("clock", "uint64_t", "of the board, in Hz"),
    Field("cycles", "uint64_t", "clocks to run, fewer where nothing happens"),
    Field("noise", "uint32_t", "probability, of 2^32, that a bit on the line is wrong"),
    Field("lost", "uint32_t", "result: bytes that the host did not take in time, added up"),
)
"""Fields of a board on a serial line, in the order of both structures."""

_TYPES = {"uint32_t": ctypes.c_uint32, "uint64_t": ctypes.c_uint64}


def _members(fields: tuple[Field, ...]) -> list[tuple[str, type]]:
    return [(field.name, _TYPES.get(field.kind, ctypes.c_void_p)) for field in fields]


class LayerJob(ctypes.Structure):
    """A layer; a memory is the address of an array that outlives the call, None is null."""

    _fields_: ClassVar = _members(FIELDS)


class ProgramJob(ctypes.Structure):
    """A program of the accelerator; memories as in :class:`LayerJob`."""

    _fields_: ClassVar = _members(PROGRAM_FIELDS)


class SerialJob(ctypes.Structure):
    """A while of a board on a serial line."""

    _fields_: ClassVar = _members(SERIAL_FIELDS)


def _struct(name: str, fields: tuple[Field, ...]) -> list[str]:
    """A header with the C++ structure of some fields."""
    members = [f"  {field.kind} {field.name};{'  // ' + field.meaning if field.meaning else ''}" for field in fields]
    head = ["// Generated by shiftwork.device.job.", "#pragma once", "#include <cstdint>", ""]
    return [*head, f"struct {name} {{", *members, "};"]


def program_header() -> str:
    """``program_job.h``: ``struct ProgramJob``."""
    return "\n".join(_struct("ProgramJob", PROGRAM_FIELDS)) + "\n"


def serial_header() -> str:
    """``serial_job.h``: ``struct SerialJob``."""
    return "\n".join(_struct("SerialJob", SERIAL_FIELDS)) + "\n"


def header() -> str:
    """``layer_job.h``: ``struct LayerJob``, and ``apply`` that puts its settings on the ports of a top."""
    ports = [f"  top.{field.name} = job.{field.name};" for field in FIELDS if field.is_port]
    lines = [
        *_struct("LayerJob", FIELDS),
        "",
        "template <class Top>",
        "void apply(Top& top, const LayerJob& job) {",
        *ports,
        "}",
    ]
    return "\n".join(lines) + "\n"
