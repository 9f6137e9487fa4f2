# SPDX-License-Identifier: Apache-2.0
"""Ways into other people's projects, each from an empty directory."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shiftwork.blocks.manifest import ROOT
from shiftwork.compile.instructions import encode, sealed
from shiftwork.eda import yosys

EXAMPLE = ROOT / "examples" / "accelerator"


def test_the_program_of_the_example():
    """Its words are what the instructions say."""
    header = {"rows": 2, "cols": 8, "instructions": 3, "activations": 8, "weights": 6, "constants": 4}
    load = encode("load", {"memory": 0x200, "words": 4, "place": 3})
    program = sealed(encode("header", header) + load + encode("store", {"memory": 0x300, "words": 4, "place": 3}))
    words = {at // 8: int.from_bytes(program[at : at + 8], "little") for at in range(0, len(program), 8)}
    text = (EXAMPLE / "copy.v").read_text()
    written = re.findall(r"memory\[(\d+)\] = 64'h([0-9a-f_]+);", text)
    assert {int(at): int(word.replace("_", ""), 16) for at, word in written} == {k: v for k, v in words.items() if v}


# -- C

DRIVER = """
#include <stdio.h>
#include "shw_file.h"
#include "shw_registers.h"

static const char *const faults[] = SHW_FAULTS;
static uint32_t registers[1024];

static uint32_t start(const struct shw_file *net, uint32_t base) {
  registers[SHW_PROGRAM_ADDRESS / 4] = base + net->program;
  registers[SHW_PROGRAM_LENGTH / 4] = net->instructions * SHW_INSTRUCTION_BYTES;
  registers[SHW_CONTROL / 4] = SHW_CONTROL_START_MASK;
  return registers[SHW_FAULT_CODE / 4] & SHW_FAULT_CODE_CODE_MASK;
}

int main(int count, char **words) {
  static unsigned char file[1 << 20];
  FILE *stream = fopen(words[count - 1], "rb");
  size_t size = stream ? fread(file, 1, sizeof file, stream) : 0;
  const char *fault = shw_file_fault(file, size);
  if (fault) return printf("%s\\n", fault), 1;
  uint32_t code = start((const struct shw_file *)(void *)file, 64);
  printf("%s %u\\n", faults[code], registers[SHW_PROGRAM_LENGTH / 4] / SHW_INSTRUCTION_BYTES);
  return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, int]:
    """What `compile` writes of the example, and how many instructions it lists."""
    folder, digits = tmp_path_factory.mktemp("program"), ROOT / "examples" / "digits"
    words = ["compile", str(digits / "digits.onnx"), "--data", str(digits / "digits_test.npz"), "-o", "net.shw"]
    listing = cli(folder, *words, "--rows", "8", "--cols", "16", "--listing").splitlines()
    instructions = sum(bool(re.match(r"\s*\d+ +(header|load|store|run)\b", line)) for line in listing)
    return (folder / "net.shw").read_bytes(), instructions


@pytest.mark.parametrize("compiler", [["gcc", "-std=c99", "-pedantic"], ["g++", "-x", "c++"]], ids=["c", "c++"])
def test_headers(tmp_path, compiler, program):
    """Both in one source, in C and in C++; a program that `compile` wrote, and one that is cut short."""
    content, instructions = program
    assert cli(tmp_path, "headers", "-o", "include") == "include/shw_registers.h\ninclude/shw_file.h\n"
    (tmp_path / "use.c").write_text(DRIVER)
    warnings = ["-Wall", "-Wextra", "-Werror", "-Iinclude"]
    subprocess.run([*compiler, *warnings, "use.c", "-o", "use"], cwd=tmp_path, check=True)
    (tmp_path / "net.shw").write_bytes(content)
    done = subprocess.run(["./use", "net.shw"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == f"nothing {instructions}\n"
    (tmp_path / "net.shw").write_bytes(content[:-8])
    assert subprocess.run(["./use", "net.shw"], cwd=tmp_path).returncode == 1


# -- one file, or a list of files


def cli(folder: Path, *words: str, code: int = 0) -> str:
    """`shiftwork` in a folder; its output, or its error message."""
    done = subprocess.run([sys.executable, "-m", "shiftwork", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def simulated(folder: Path, *sources: str) -> str:
    """What Icarus prints of the example with these sources in a folder."""
    shutil.copy(EXAMPLE / "copy.v", folder)
    command = ["iverilog", "-g2005", "-Wall", "-s", "copy", "-o", "copy.vvp", "copy.v", *sources]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return subprocess.run(["vvp", "-n", "copy.vvp"], cwd=folder, capture_output=True, text=True).stdout


BUNDLE = "bundle --engine tr --rows 4 --cols 32 -o shw.v"


def test_one_file(tmp_path):
    """Runs the example's program on Icarus, and is the shape asked for to Yosys."""
    assert cli(tmp_path, *BUNDLE.split()) == "shw.v\n"
    assert "PASS: a program in" in simulated(tmp_path, "shw.v")
    script = ["read_verilog shw.v", "hierarchy -check -top shw_accel_axi", "check -assert"]
    yosys.run([*script, "select -assert-count 4 */c:g_row[*].u_row"], tmp_path, "read")


@pytest.mark.full
def test_one_file_of_an_engine_is_synthesized(tmp_path):
    """On a family without LUT RAM, from the file alone."""
    words = "bundle --block tr_engine --rows 1 --cols 2 --set DEPTH=32 --no-lutram --output engine.v"
    cli(tmp_path, *words.split())
    yosys.run(
        ["read_verilog engine.v", "synth_ice40 -top shw_tr_engine", "select -assert-min 1 t:SB_RAM40_4K"],
        tmp_path,
        "map",
    )


def test_a_list_of_files(tmp_path):
    cli(tmp_path, "bundle", "--list", "-o", "files.f")
    files = (tmp_path / "files.f").read_text().split()
    assert files[-1].endswith("rtl/accel/shw_accel_axi.v")
    assert "PASS: a program in" in simulated(tmp_path, "-c", "files.f")
    assert cli(tmp_path, "bundle", "--list") == (tmp_path / "files.f").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--block none", "--block none: there is no such block"),
        ("--rows 3", "--rows 3: shw_accel_axi takes 2, 4, 8, 16"),
        ("--engine exp", "--engine exp: shw_accel_axi takes tr, mac, msq"),
        ("--block post_unit --rows 3", "--rows 3: shw_post_unit has no ROWS, but LANES, REQUANT"),
        ("--set ADDR_W=5", "--set ADDR_W=5: shw_accel_axi takes 6..15"),
        ("--set ADDR_W", "--set ADDR_W: expected NAME=VALUE"),
        ("--set ADDR_W=x", "--set ADDR_W=x: expected a number"),
        ("--list --rows 4", "--list names the files as they are"),
        ("-o none/shw.v", "--output none/shw.v: no such folder"),
    ],
)
def test_bundles_that_there_are_not(tmp_path, words, message):
    assert f"error: {message}" in cli(tmp_path, "bundle", *words.split(), code=2)
