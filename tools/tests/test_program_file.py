# SPDX-License-Identifier: Apache-2.0
"""Files of programs: what is written is read, what is wrong is named, and C reads the same."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from shiftwork import example
from shiftwork.compile import MacEngine, MsqEngine, TrEngine, program_file
from shiftwork.compile.accelerator import Accelerator, AcceleratorProgram, compile_accelerator
from shiftwork.compile.instructions import ENGINE_KINDS
from shiftwork.compile.program_file import HEADER, NODE, TENSOR, WINDOWS, decoded, encode, read, write
from shiftwork.device.accelerator_model import Machine
from shiftwork.device.driver import moved
from shiftwork.device.toolchain import find_compiler
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.ends import Ends
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork, Terms
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize
from system.networks import FIRST, in_copies, strided

SHAPE = Accelerator(TrEngine(8, 16), activation_memory=64, weight_words=512, constants=128)
SHAPES = {
    "tr": SHAPE,
    "mac": Accelerator(MacEngine(4, 32, "lut"), activation_memory=64, weight_words=512, constants=128),
    "strips": Accelerator(TrEngine(8, 8), activation_memory=2, weight_words=512, constants=128),
    "windows": SHAPE,
    "copies": Accelerator(MsqEngine(8, 8, 16, lanes=1), activation_memory=64, weight_words=512, constants=128),
}


@lru_cache
def network(shape: str = "tr") -> IntegerNetwork:
    if shape == "windows":
        return strided(Terms(True), 3, FIRST["11x11, 4x4"])[0]
    if shape == "copies":
        return in_copies("msq-free", 1)[0]
    graph = import_onnx(example.MODEL)
    calibration = load_data(example.CALIBRATION, graph, 64)
    return quantize(Quantization("fixed8"), graph, calibration)


@lru_cache
def program(shape: str = "tr") -> AcceleratorProgram:
    return compile_accelerator(network(shape), SHAPES[shape])


@lru_cache
def content(shape: str = "tr") -> bytes:
    return encode(program(shape))


def patched(values: dict[str, int], data: bytes | None = None) -> bytes:
    """The file with other fields in its header, and their checksum."""
    changed = bytearray(data or content())
    for name, value in values.items():
        at = 4 * [field.name for field in HEADER].index(name)
        changed[at : at + 4] = value.to_bytes(4, "little")
    return program_file._with_checksum(bytes(changed)) if "crc" not in values else bytes(changed)


def header(name: str) -> int:
    at = 4 * [field.name for field in HEADER].index(name)
    return int.from_bytes(content()[at : at + 4], "little")


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_is_read(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "net.shw"
    write(program(shape), path)
    found, made = read(path), program(shape)
    assert (found.shape.header, found.program) == (made.shape.header, made.program)
    assert (found.input, found.output, found.instructions) == (made.input, made.output, made.instructions)
    assert np.array_equal(found.memory, made.memory)
    assert found.listing() == made.listing()
    assert encode(found) == path.read_bytes()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_program_of_a_file_computes(shape: str) -> None:
    found, net = decoded(content(shape), "net.shw"), network(shape)
    info = net.tensors[net.input]
    assert found.input.image == info.shape
    codes = np.random.default_rng(1).integers(*info.limits, (1, *info.shape)).astype(info.dtype)
    memory = found.memory.copy()
    found.put(memory, codes[0])
    Machine(found.shape).run(found.program, memory)
    np.testing.assert_array_equal(found.get(memory), golden.run(net, codes)[net.output][0])


def test_cut_off_anywhere() -> None:
    for size in (0, 3, 4, 50, 4 * len(HEADER) - 1, 4 * len(HEADER), 1000, len(content()) - 1):
        with pytest.raises(ShiftworkError, match=r"^net\.shw: (truncated: |no program of the accelerator: )"):
            decoded(content()[:size], "net.shw")


def test_a_wrong_bit_anywhere() -> None:
    random = np.random.default_rng(2)
    for at in (*range(4 * len(HEADER)), *random.integers(0, len(content()), 40)):
        wrong = bytearray(content())
        wrong[at] ^= 1 << random.integers(8)
        with pytest.raises(ShiftworkError, match=r"^net\.shw: "):
            decoded(bytes(wrong), "net.shw")


def _changed_part(data: bytes) -> bytes:
    at = header("tensors") + 4 * [field.name for field in TENSOR].index("channels")
    return program_file._with_checksum(data[:at] + bytes([9]) + data[at + 1 :])


def _far_tensor(data: bytes) -> bytes:
    at = header("tensors") + 4 * [field.name for field in TENSOR].index("address")
    return program_file._with_checksum(data[:at] + header("image_size").to_bytes(4, "little") + data[at + 4 :])


def _other_copies(_: bytes) -> bytes:
    """An input in copies that its channels are no multiple of."""
    data = bytearray(content("copies"))
    at = int.from_bytes(data[4 * [field.name for field in HEADER].index("tensors") :][:4], "little")
    at += 4 * [field.name for field in TENSOR].index("copies")
    data[at : at + 4] = (3).to_bytes(4, "little")
    return program_file._with_checksum(bytes(data))


def _other_windows(_: bytes) -> bytes:
    """Windows of one row more."""
    data = content("windows")
    at = header("tensors") + 4 * [field.name for field in TENSOR].index("windows")
    at = int.from_bytes(data[at : at + 4], "little") + 4 * [field.name for field in WINDOWS].index("rows")
    return program_file._with_checksum(data[:at] + bytes([data[at] + 1]) + data[at + 1 :])


def _no_text(data: bytes) -> bytes:
    at = header("nodes") + 4 * [field.name for field in NODE].index("name")
    return program_file._with_checksum(data[:at] + b"\xff\xff\xff\x7f" + data[at + 4 :])


def _other_text(data: bytes) -> bytes:
    at = data.index(b"conv1\0")
    return program_file._with_checksum(data[:at] + b"\xff" + data[at + 1 :])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"ONNX" + data[4:], "no program of the accelerator: it begins with b'ONNX', not with b'SHWN'"),
        (lambda data: patched({"version": 3}), "version 3 of the format, this release reads version 2"),
        (lambda data: data[:-1], r"truncated: \d+ of \d+ bytes"),
        (lambda data: data[:40], "truncated: 40 bytes, the header alone has 84"),
        (lambda data: data + b"\0\0", r"2 bytes too many behind byte \d+"),
        (lambda data: patched({"crc": 1}), "damaged: its checksum is 0x[0-9a-f]{8}, the header says 0x00000001"),
        (lambda data: patched({"engine": 2}), "engine dnateq: the accelerator has tr, mac, msq inside"),
        (lambda data: patched({"engine": 77}), "engine 77: the accelerator has"),
        (lambda data: patched({"rows": 3}), "rows 3: the accelerator takes powers of two"),
        (lambda data: patched({"weight_words": 1024}), "the header of the program at address 0x[0-9a-f]+ is for"),
        (lambda data: patched({"program": 64}), "the header of the program at address 0x40 is for another one"),
        (lambda data: patched({"program": 8}), "the program at address 0x8 is not inside the image"),
        (lambda data: patched({"instructions": 1 << 20}), "the program at address 0x[0-9a-f]+ is not inside"),
        (lambda data: patched({"image_size": 1 << 30}), r"the image at byte \d+ reaches beyond the end of the file"),
        (lambda data: patched({"inputs": 2}), "2 inputs and 1 outputs, not one of each"),
        (lambda data: patched({"tensors": 1 << 30}), "tensor 0 at byte 1073741824 reaches beyond the end"),
        (lambda data: patched({"nodes": 0}), r"node 0 is instruction \d+ of \d+"),
        (_changed_part, r"tensor 'input' of \(\d+, \d+, 9\) codes of 8 bits in parts of"),
        (_far_tensor, "tensor 'input' at address 0x[0-9a-f]+ reaches beyond the image"),
        (_other_windows, r"tensor 'image' of 132 channels is windows of \(5, 11\) positions of \(25, 31, 3\)"),
        (_other_copies, r"tensor 'input': an image of 4 channels has no 3 copies"),
        (_no_text, r"the name of node 0 at byte \d+ has no end"),
        (_other_text, r"the name of node \d+ at byte \d+ is no text"),
    ],
)
def test_what_is_wrong_is_named(change: Callable[[bytes], bytes], message: str) -> None:
    with pytest.raises(ShiftworkError, match=rf"^some/net\.shw: {message}"):
        decoded(change(content()), "some/net.shw")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ShiftworkError, match=r"none\.shw: No such file"):
        read(tmp_path / "none.shw")
    with pytest.raises(ShiftworkError, match=f"output {tmp_path}: Is a directory"):
        write(program(), tmp_path)


USE = r"""
#include <stdio.h>
#include <stdlib.h>
#include "shw_file.h"
#include "shw_file.h"

int main(int count, char **words) {
  static uint64_t room[1 << 17]; /* aligned */
  uint32_t base = (uint32_t)strtoul(words[2], NULL, 0);
  FILE *file = fopen(words[1], "rb");
  size_t size = fread(room, 1, sizeof room, file);
  const char *fault = shw_file_fault(room, size);
  const struct shw_file *net = (const struct shw_file *)room;
  if (count != 4 || fault) return puts(fault ? fault : "?"), 1;
  const struct shw_tensor *one = (const struct shw_tensor *)((const char *)room + net->tensors);
  for (uint32_t i = 0; i < net->inputs + net->outputs; i++, one++)
    printf("%s %u %ux%ux%u %u %u %d %u %u %u %u\n", (const char *)room + one->name, one->address, one->height,
           one->width, one->channels, one->bits, one->is_signed, one->fraction, one->is_split, one->part_count,
           *(const uint32_t *)((const char *)room + one->parts), one->copies);
  one -= net->inputs + net->outputs;
  const struct shw_windows *seen = (const struct shw_windows *)((const char *)room + one->windows);
  if (one->windows)
    printf("%ux%ux%u %ux%u %ux%u %ux%u %ux%u\n", seen->height, seen->width, seen->channels, seen->rows, seen->columns,
           seen->stride_y, seen->stride_x, seen->dilation_y, seen->dilation_x, seen->top, seen->left);
  const struct shw_node *node = (const struct shw_node *)((const char *)room + net->nodes);
  for (uint32_t i = 0; i < net->node_count; i++)
    printf("%u %s\n", node[i].instruction, (const char *)room + node[i].name);
  printf("%u %u %u %u %u %u %u %u %u %u\n", net->engine, net->rows, net->cols, net->activation_words, net->weight_words,
         net->constants, net->program, net->instructions, net->write_first, net->write_last);
  void *memory = malloc(net->image_size);
  shw_file_place(net, memory, base);
  file = fopen(words[3], "wb");
  return fwrite(memory, 1, net->image_size, file) != net->image_size;
}
"""


def test_samples_enter_as_those_of_the_network() -> None:
    """What a host makes of samples that knows the file alone, an input in several copies."""
    known, source, result = network("copies"), program("copies").input, program("copies").output
    ends = Ends.of_maps(source.name, source.image, result.name, result.image, source.copies, source.info.fraction)
    x = np.random.default_rng(3).uniform(0, 1, (5, *known.ends.sample_shape))
    wanted = known.ends.maps(x, {source.name: known.tensors[source.name].shape})[source.name]
    np.testing.assert_array_equal(ends.maps(x, {source.name: source.image})[source.name], wanted)
    assert wanted.shape == (5, 8, 8, 4) and (np.diff(wanted, axis=3) > 0).all()


@pytest.mark.parametrize(("language", "net"), [("c", "tr"), ("c++", "windows"), ("c", "copies")])
def test_c_reads_it(language: str, net: str, tmp_path: Path) -> None:
    """Fields, tensors and names as Python knows them, and the memory of a program that moves to an address."""
    (tmp_path / "shw_file.h").write_text(program_file.c_header())
    (tmp_path / "use.c").write_text(USE)
    warnings = ["-Wall", "-Wextra", "-Werror", "-x", language]
    use = tmp_path / "use"
    subprocess.run([find_compiler(), *warnings, tmp_path / "use.c", "-o", use], check=True)
    made, path, image = program(net), tmp_path / "net.shw", tmp_path / "image"
    write(made, path)
    done = subprocess.run([use, path, "0x40", image], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    lines = []
    for area in (made.input, made.output):
        info = area.info
        size = "x".join(map(str, info.shape))
        lines.append(f"{area.name} {area.address} {size} {info.bits} {int(info.signed)} {info.fraction} "
                     f"{int(area.is_split)} {len(area.parts)} {area.parts[0]} {area.copies}")  # fmt: skip
    if (seen := made.input.windows) is not None:
        sizes = (seen.image, seen.size, seen.stride, seen.dilation, seen.before)
        lines.append(" ".join("x".join(map(str, size)) for size in sizes))
    lines += [f"{index} {name}" for index, name in sorted(made.names.items())]
    shape = made.shape
    engine = shape.engine
    known = (ENGINE_KINDS[engine.kind], engine.rows, engine.cols, shape.activation_words, shape.weight_words,
             shape.constants, made.program_address, made.program_count, *made.write_window)  # fmt: skip
    assert done.stdout.splitlines() == [*lines, " ".join(map(str, known))]
    assert image.read_bytes() == moved(made, 0x40)[0].tobytes()
    for wrong, fault in (
        (content()[:-1], "it is truncated, or too long"),
        (content()[:20], "it is shorter than its header"),
        (content()[:-1] + b"\x55", "it is damaged"),
        (b"x" + content()[1:], "it is no program of the accelerator"),
        (patched({"version": 3}), "it is of another version"),
    ):
        path.write_bytes(wrong)
        done = subprocess.run([use, path, "0", image], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (1, f"{fault}\n")
