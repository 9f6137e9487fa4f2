# SPDX-License-Identifier: Apache-2.0
"""Files of programs: everything that running a compiled network takes, for Python and for C.

A file is little endian: a header, tables of the tensors that the host writes and reads and of the modules behind the
instructions, texts, and the image, which is external memory before a run with the program in it. Offsets count bytes
of the file, addresses those of the image. A CRC-32 covers all of it.

:func:`write` and :func:`read` are the Python side; :func:`c_header` that of C.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from shiftwork.compile.accelerator import ENGINES, Accelerator, AcceleratorProgram, Area, stored_shape
from shiftwork.compile.first_layer import Windows
from shiftwork.compile.instructions import (
    BYTES,
    CRC_BYTE,
    ENGINE_KINDS,
    KIND,
    KINDS,
    MOVE,
    checksum,
    decode,
    placed,
)
from shiftwork.errors import ShiftworkError
from shiftwork.network.integer import TensorInfo
from shiftwork.outputs import write_bytes

MAGIC = 0x4E57_4853
"""First word of a file: the letters SHWN."""
VERSION = 2
"""Raised when the file changes its layout, or instructions theirs."""
_ALIGNMENT = 64


@dataclass(frozen=True)
class Field:
    """One word of 32 bits: its name, its C type, and what it holds."""

    name: str
    kind: Literal["uint32_t", "int32_t"]
    meaning: str


def _words(**meanings: str) -> tuple[Field, ...]:
    return tuple(Field(name, "uint32_t", meaning) for name, meaning in meanings.items())


HEADER = _words(
    magic="SHW_FILE_MAGIC",
    version="SHW_FILE_VERSION",
    size="bytes of the file",
    crc="CRC-32 (IEEE) of the file, with 0 in this field",
    engine="kind, as the register ENGINE tells it",
    rows="of the engine",
    cols="of the engine",
    activation_words="of the activation memory it was compiled for",
    weight_words="of the weight ring",
    constants="channels of constants",
    image="offset of the image, a multiple of 64",
    image_size="bytes of it",
    program="address of the program's header",
    instructions="with the header",
    write_first="address of the first word of 8 bytes that is stored to",
    write_last="of the last one",
    tensors="offset of struct shw_tensor: the inputs, then the outputs",
    inputs="how many",
    outputs="how many",
    nodes="offset of struct shw_node, by instruction",
    node_count="how many",
)
TENSOR = (
    *_words(
        name="offset of a text that ends with 0",
        address="of its first word",
        height="of the map",
        width="of the map",
        channels="of the tensor",
        bits="of a code; 32: four words for a channel, the lowest byte first",
        is_signed="codes are two's complement",
    ),
    Field("fraction", "int32_t", "a code stands for code * 2^-fraction"),
    *_words(
        is_split="it lies in four phases",
        parts="offset of uint32_t: words of a block in every part",
        part_count="how many",
        windows="of an image, which is what the host knows: offset of struct shw_windows; 0: the tensor is the image",
        copies="S: the image holds the channels of a sample x S times, i-th floor(x * 2^fraction + (2 i + 1) / (2 S))",
    ),
)
WINDOWS = _words(
    height="of the image",
    width="of it",
    channels="of it",
    rows="of a window: channel (i * columns + j) * channels + c of position (y, x) of the tensor",
    columns="is channel c of position (y * stride_y + i * dilation_y - top, x * stride_x + j * dilation_x - left)",
    stride_y="of the windows",
    stride_x="of the windows",
    dilation_y="between rows of a window",
    dilation_x="between its columns",
    top="rows of zeros above the image",
    left="columns of zeros before it",
)
NODE = _words(instruction="index of a layer", name="offset of the text that names its module")
RECORDS = {"file": HEADER, "tensor": TENSOR, "windows": WINDOWS, "node": NODE}


def _size(layout: Sequence[Field]) -> int:
    return 4 * len(layout)


def _pack(layout: Sequence[Field], values: Mapping[str, int]) -> bytes:
    kinds = "".join("I" if field.kind == "uint32_t" else "i" for field in layout)
    return struct.pack(f"<{kinds}", *(values[field.name] for field in layout))


def _with_checksum(data: bytes) -> bytes:
    at = 4 * [field.name for field in HEADER].index("crc")
    whole = data[:at] + bytes(4) + data[at + 4 :]
    return data[:at] + zlib.crc32(whole).to_bytes(4, "little") + data[at + 4 :]


def _listed(windows: Windows) -> dict[str, int]:
    """The fields of windows, by name."""
    values = (*windows.image, *windows.size, *windows.stride, *windows.dilation, *windows.before)
    return dict(zip((field.name for field in WINDOWS), values, strict=True))


def encode(program: AcceleratorProgram) -> bytes:
    """The content of a file."""
    areas = [program.input, program.output]
    names = sorted((index, name) for index, name in program.names.items())
    tables = _size(HEADER) + len(areas) * _size(TENSOR) + len(names) * _size(NODE)
    rest, texts = bytearray(), dict[str, int]()

    def put(data: bytes) -> int:
        rest.extend(data)
        return tables + len(rest) - len(data)

    parts = [put(struct.pack(f"<{len(area.parts)}I", *area.parts)) for area in areas]
    windows = [0 if area.windows is None else put(_pack(WINDOWS, _listed(area.windows))) for area in areas]
    for text in (*(area.name for area in areas), *(name for _, name in names)):
        if text not in texts:
            texts[text] = put(text.encode() + b"\0")
    rest.extend(bytes(-(tables + len(rest)) % _ALIGNMENT))
    tensors = b"".join(
        _pack(TENSOR, {
            "name": texts[area.name], "address": area.address,
            "height": area.info.shape[0], "width": area.info.shape[1], "channels": area.info.shape[2],
            "bits": area.info.bits, "is_signed": int(area.info.signed), "fraction": area.info.fraction,
            "is_split": int(area.is_split), "parts": offset, "part_count": len(area.parts), "windows": seen,
            "copies": area.copies,
        })
        for area, offset, seen in zip(areas, parts, windows, strict=True)
    )  # fmt: skip
    nodes = b"".join(_pack(NODE, {"instruction": index, "name": texts[name]}) for index, name in names)
    shape, image = program.shape, tables + len(rest)
    first, last = program.write_window
    head = _pack(HEADER, {
        "magic": MAGIC, "version": VERSION, "size": image + program.memory.size, "crc": 0,
        "engine": ENGINE_KINDS[shape.engine.kind], "rows": shape.engine.rows, "cols": shape.engine.cols,
        "activation_words": shape.activation_words, "weight_words": shape.weight_words, "constants": shape.constants,
        "image": image, "image_size": program.memory.size,
        "program": program.program_address, "instructions": program.program_count,
        "write_first": first, "write_last": last,
        "tensors": _size(HEADER), "inputs": 1, "outputs": 1,
        "nodes": _size(HEADER) + len(tensors), "node_count": len(names),
    })  # fmt: skip
    return _with_checksum(head + tensors + nodes + bytes(rest) + program.memory.tobytes())


class _Reader:
    """The bytes of a file, with errors that name it."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.where = data, where

    def error(self, what: str) -> ShiftworkError:
        return ShiftworkError(f"{self.where}: {what}")

    def bytes(self, offset: int, size: int, what: str) -> bytes:
        if offset + size > len(self.data):
            raise self.error(f"{what} at byte {offset} reaches beyond the end of the file")
        return self.data[offset : offset + size]

    def record(self, layout: Sequence[Field], offset: int, what: str) -> dict[str, int]:
        kinds = "".join("I" if field.kind == "uint32_t" else "i" for field in layout)
        values = struct.unpack(f"<{kinds}", self.bytes(offset, _size(layout), what))
        return dict(zip((field.name for field in layout), values, strict=True))

    def text(self, offset: int, what: str) -> str:
        end = self.data.find(b"\0", offset)
        if end < 0:
            raise self.error(f"{what} at byte {offset} has no end")
        try:
            return self.data[offset:end].decode()
        except UnicodeDecodeError:
            raise self.error(f"{what} at byte {offset} is no text") from None


def _checked(source: _Reader) -> dict[str, int]:
    """The header of a file that is whole."""
    data = source.data
    if data[:4] != MAGIC.to_bytes(4, "little"):
        raise source.error(f"no program of the accelerator: it begins with {data[:4]!r}, not with b'SHWN'")
    if len(data) < _size(HEADER):
        raise source.error(f"truncated: {len(data)} bytes, the header alone has {_size(HEADER)}")
    head = source.record(HEADER, 0, "the header")
    if head["version"] != VERSION:
        raise source.error(f"version {head['version']} of the format, this release reads version {VERSION}")
    if len(data) < head["size"]:
        raise source.error(f"truncated: {len(data)} of {head['size']} bytes")
    if len(data) > head["size"]:
        raise source.error(f"{len(data) - head['size']} bytes too many behind byte {head['size']}")
    found = int.from_bytes(_with_checksum(data)[12:16], "little")
    if found != head["crc"]:
        raise source.error(f"damaged: its checksum is {found:#010x}, the header says {head['crc']:#010x}")
    return head


def _shape(head: Mapping[str, int], source: _Reader) -> Accelerator:
    kind = next((name for name, code in ENGINE_KINDS.items() if code == head["engine"]), str(head["engine"]))
    if kind not in ENGINES:
        raise source.error(f"engine {kind}: the accelerator has {', '.join(ENGINES)} inside")
    try:
        engine = ENGINES[kind](head["rows"], head["cols"])
        shape = Accelerator(engine, head["activation_words"] * head["cols"] // 1024, head["weight_words"],
                            head["constants"])  # fmt: skip
    except ShiftworkError as error:
        raise source.error(str(error)) from None
    return shape


def decoded(data: bytes, where: str) -> AcceleratorProgram:
    """The program that a file holds.

    Args:
        data: its content. where: its name, for errors.

    Raises:
        ShiftworkError: no such file, another version, a file that is truncated or damaged, or that contradicts itself.
    """
    source = _Reader(data, where)
    head = _checked(source)
    shape = _shape(head, source)
    image = np.frombuffer(source.bytes(head["image"], head["image_size"], "the image"), np.uint8)
    end = head["program"] + BYTES * head["instructions"]
    if head["program"] % BYTES or end > len(image) or not head["instructions"]:
        raise source.error(f"the program at address {head['program']:#x} is not inside the image")
    program = image[head["program"] : end].tobytes()
    kind, values = decode(program[:BYTES])
    expected = shape.header | {"instructions": head["instructions"], "crc": checksum(program)}
    if kind != "header" or any(values[name] != value for name, value in expected.items()):
        raise source.error(f"the header of the program at address {head['program']:#x} is for another one")
    if (head["inputs"], head["outputs"]) != (1, 1):
        raise source.error(f"{head['inputs']} inputs and {head['outputs']} outputs, not one of each")
    areas = [_area(source, head, index, shape.engine.cols) for index in range(2)]
    instructions: dict[str, list[int]] = {}
    for index in range(head["node_count"]):
        node = source.record(NODE, head["nodes"] + index * _size(NODE), f"node {index}")
        if node["instruction"] >= head["instructions"]:
            raise source.error(f"node {index} is instruction {node['instruction']} of {head['instructions']}")
        instructions.setdefault(source.text(node["name"], f"the name of node {index}"), []).append(node["instruction"])
    return AcceleratorProgram(
        shape=shape, memory=image.copy(), program_address=head["program"], program_count=head["instructions"],
        input=areas[0], output=areas[1], instructions=instructions,
    )  # fmt: skip


def _area(source: _Reader, head: Mapping[str, int], index: int, cols: int) -> Area:
    """A tensor that the host writes or reads."""
    one = source.record(TENSOR, head["tensors"] + index * _size(TENSOR), f"tensor {index}")
    name = source.text(one["name"], f"the name of tensor {index}")
    listed = source.bytes(one["parts"], 4 * one["part_count"], f"the parts of tensor {name!r}")
    info = TensorInfo((one["height"], one["width"], one["channels"]), one["fraction"], bool(one["is_signed"]),
                      one["bits"])  # fmt: skip
    windows = _windows(source, one["windows"], name) if one["windows"] else None
    parts = struct.unpack(f"<{one['part_count']}I", listed)
    area = Area(one["address"], name, info, bool(one["is_split"]), parts, windows, one["copies"])
    if one["bits"] not in (*range(1, 9), 32) or not all(info.shape) or sum(area.parts) != stored_shape(info)[2]:
        raise source.error(f"tensor {name!r} of {info.shape} codes of {info.bits} bits in parts of {area.parts}")
    if area.address + area.size(cols) > head["image_size"]:
        raise source.error(f"tensor {name!r} at address {area.address:#x} reaches beyond the image")
    if windows is not None and windows.image[2] * windows.size[0] * windows.size[1] != info.shape[2]:
        raise source.error(
            f"tensor {name!r} of {info.shape[2]} channels is windows of {windows.size} positions of {windows.image}"
        )
    if not area.copies or area.image[2] % area.copies:
        raise source.error(f"tensor {name!r}: an image of {area.image[2]} channels has no {area.copies} copies")
    return area


def _windows(source: _Reader, offset: int, name: str) -> Windows:
    """The windows that a tensor consists of."""
    values = [*source.record(WINDOWS, offset, f"the windows of tensor {name!r}").values()]
    pairs = [(values[first], values[first + 1]) for first in range(3, len(values), 2)]
    return Windows((values[0], values[1], values[2]), *pairs)


def write(program: AcceleratorProgram, path: Path) -> None:
    """Write a file.

    Raises:
        SettingError: it cannot be written.
    """
    write_bytes(path, encode(program))


def read(path: Path) -> AcceleratorProgram:
    """The program in a file.

    Raises:
        ShiftworkError: the file cannot be read, or as :func:`decoded`.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ShiftworkError(f"{path}: {error.strerror}") from error
    return decoded(data, str(path))


# --- C ----------------------------------------------------------------------------------------------------------------
_FUNCTIONS = """\
/* CRC-32 (IEEE) of bytes, going on from that of the bytes before, 0 at first. */
static inline uint32_t shw_crc32(uint32_t crc, const void *data, size_t size) {
  const uint8_t *bytes = (const uint8_t *)data;
  crc = ~crc;
  while (size--) {
    crc ^= *bytes++;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

/* Why a file is not to be used; NULL if it is whole. */
static inline const char *shw_file_fault(const void *data, size_t size) {
  const struct shw_file *file = (const struct shw_file *)data;
  const size_t crc = offsetof(struct shw_file, crc);
  const uint8_t *bytes = (const uint8_t *)data;
  const uint32_t zero = 0;
  if (size < sizeof *file) return "it is shorter than its header";
  if (file->magic != SHW_FILE_MAGIC) return "it is no program of the accelerator";
  if (file->version != SHW_FILE_VERSION) return "it is of another version";
  if (file->size != size) return "it is truncated, or too long";
  if (file->crc != shw_crc32(shw_crc32(shw_crc32(0, bytes, crc), &zero, 4), bytes + crc + 4, size - crc - 4))
    return "it is damaged";
  return NULL;
}

/* Lay the image of a whole file into memory that the accelerator sees at address base, a multiple of 64: what
   PROGRAM_ADDRESS and the windows hold is base more than the addresses of the file. */
static inline void shw_file_place(const struct shw_file *file, void *memory, uint32_t base) {
  uint8_t *program = (uint8_t *)memory + file->program;
  const size_t size = (size_t)SHW_INSTRUCTION_BYTES * file->instructions;
  uint32_t crc = 0;
  memcpy(memory, (const uint8_t *)file + file->image, file->image_size);
  for (uint8_t *one = program; one < program + size; one += SHW_INSTRUCTION_BYTES) {
    uint64_t word;
    memcpy(&word, one, 8);
    if ((word & SHW_INSTRUCTION_KIND_MASK) > SHW_INSTRUCTION_KIND_MOVES) continue;
    word += (uint64_t)base << SHW_INSTRUCTION_MEMORY_SHIFT;
    memcpy(one, &word, 8);
  }
  memcpy(program + SHW_INSTRUCTION_CRC, &crc, 4);
  crc = shw_crc32(0, program, size);
  memcpy(program + SHW_INSTRUCTION_CRC, &crc, 4);
}
"""


def c_header() -> str:
    """Structures and functions for C and C++ on a little-endian processor."""
    memory = next(offset for field, offset in placed(MOVE) if field.name == "memory")
    lines = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* Files of programs of the accelerator. Generated by `shiftwork headers`. */",
        "#ifndef SHW_FILE_H",
        "#define SHW_FILE_H",
        "",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "#include <string.h>",
        "",
        f"#define SHW_FILE_MAGIC 0x{MAGIC:08x}u",
        f"#define SHW_FILE_VERSION {VERSION}u",
        f"#define SHW_INSTRUCTION_BYTES {BYTES}u",
        f"#define SHW_INSTRUCTION_KIND_MASK {(1 << KIND.width) - 1}u",
        f"#define SHW_INSTRUCTION_KIND_MOVES {max(KINDS['load'], KINDS['store'])}u /* and below */",
        f"#define SHW_INSTRUCTION_MEMORY_SHIFT {memory} /* of the address of a move */",
        f"#define SHW_INSTRUCTION_CRC {CRC_BYTE}u /* byte of a program's header */",
    ]
    for name, layout in RECORDS.items():
        lines += ["", f"struct shw_{name} {{"]
        lines += [f"  {field.kind} {field.name}; /* {field.meaning} */" for field in layout]
        lines.append("};")
    return "\n".join([*lines, "", _FUNCTIONS, "#endif", ""])
