# SPDX-License-Identifier: Apache-2.0
"""The documentation agrees with the repository: generated parts, pages, links, names, tests, commands."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import typer

from shiftwork.blocks import manifest
from shiftwork.blocks.verilog import ports
from shiftwork.cli.app import app
from shiftwork.docs import block_pages
from shiftwork.docs import pages as docs
from shiftwork.errors import ShiftworkError

ROOT = manifest.ROOT
BOOK = manifest.load()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / "examples").rglob("*.md"))
SOURCES = [
    path for folder in ("rtl", "tools", "tb") for path in (ROOT / folder).rglob("*") if path.suffix in (".v", ".py")
]


def anchors(text: str) -> set[str]:
    """Anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_generated_parts_are_up_to_date() -> None:
    stale = [path.relative_to(ROOT) for path, text in docs.pages(BOOK).items() if path.read_text() != text]
    assert not stale, f"run make docs for {', '.join(map(str, stale))}"


def test_every_block_has_a_page_and_every_page_a_block() -> None:
    assert {path.name for path in (ROOT / "docs" / "blocks").iterdir()} == {
        block_pages.page_of(name) for name in BOOK.blocks
    }


@pytest.mark.parametrize("block", BOOK.blocks)
def test_block_page_is_complete(block: str) -> None:
    text = (ROOT / "docs" / "blocks" / block_pages.page_of(block)).read_text()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        "Purpose", "Parameters", "Ports", "Timing", "Numbers", "Model", "Area", "Tests", "Why this design",
    ]  # fmt: skip
    sections = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    assert all(re.sub(r"<!--.*?-->", "", section).strip() for section in sections)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_resolve(path: Path) -> None:
    text = path.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        file, _, anchor = target.partition("#")
        page = (path.parent / file).resolve() if file else path
        assert page.exists(), f"{target}: no such file"
        if anchor:
            assert anchor in anchors(page.read_text()), f"{target}: no such heading"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_names_exist(path: Path) -> None:
    for name in re.findall(r"`(shiftwork(?:\.\w+)+)`", path.read_text()):
        words = name.split(".")
        module = importlib.import_module("shiftwork")
        for depth in range(2, len(words) + 1):
            try:
                module = importlib.import_module(".".join(words[:depth]))
            except ModuleNotFoundError:
                assert depth == len(words), name
                assert hasattr(module, words[-1]), name


def test_sources_refer_to_sections_that_exist() -> None:
    for path in SOURCES:
        joined = re.sub(r"\s*\n\s*(//|#)?\s*", " ", path.read_text())
        for page, section in re.findall(r"\bdocs/([\w/]+\.md)`*(?:,? section ([\w]+))?", joined):
            target = ROOT / "docs" / page
            assert target.is_file(), f"{path.relative_to(ROOT)}: docs/{page}"
            headings = re.findall(r"^## (.*)$", target.read_text(), re.MULTILINE)
            assert not section or any(h == section or h.startswith(f"{section}.") for h in headings), (path, section)


def test_plan_names_tests_that_exist() -> None:
    """`folder::test` in docs/verification.md is a test of tb/folder, `tools::file::test` one of tools/tests/file.py."""
    known = set()
    for folder in (path for path in (ROOT / "tb").iterdir() if path.is_dir()):
        known |= {f"{folder.name}::{case.name}" for case in block_pages.tests_in(ROOT, folder)}
    known |= {f"tools::{case.file.stem}::{case.name}" for case in block_pages.tests_in(ROOT, ROOT / "tools" / "tests")}
    named = set(re.findall(r"`([\w:]+::\w+)`", (ROOT / "docs" / "verification.md").read_text()))
    assert named, "docs/verification.md names no test"
    assert named <= known, f"no such test: {', '.join(sorted(named - known))}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_exist(path: Path) -> None:
    """Every `shiftwork ...` line of a code block names a command and options of it, every `make ...` line a target."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    if path.is_relative_to(ROOT / "examples" / "integration"):
        targets |= {"icarus", "verilator"}
    for block in re.findall(r"```\w*\n(.*?)```", path.read_text(), re.DOTALL):
        for line in block.splitlines():
            words = line.removeprefix("$ ").split()
            if words[:1] == ["shiftwork"] and len(words) > 1:
                assert words[1] in commands, line
                options = {name for parameter in commands[words[1]].params for name in parameter.opts}
                unknown = {word for word in words[2:] if word.startswith("--")} - options
                assert not unknown, f"{line}: {', '.join(unknown)}"
            if words[:1] == ["make"]:
                assert not {word for word in words[1:] if re.fullmatch(r"[a-z]+", word)} - targets, line


def test_ports_of_the_engine() -> None:
    found = {port.name: port for port in ports((ROOT / "rtl/engines/tr/shw_tr_engine.v").read_text())}
    assert len(found) == 19
    assert found["in_row"].width == "ROWS*8"
    assert found["cfg_group"].width == "9"
    assert found["cfg_error"].direction == "output"
    assert found["cfg_encoding"].meaning == "0 binary, 1 hese"


def test_every_port_of_every_block_is_found() -> None:
    for block in BOOK.blocks.values():
        text = (ROOT / "rtl" / block.file).read_text()
        code = re.sub(r"//[^\n]*", "", text)
        declared = re.findall(r"^\s*(?:input|output)\b", code, re.MULTILINE)
        assert len(ports(text)) == len(declared) - len(re.findall(r"^ {4}input ", code, re.MULTILINE)), block.name
        assert ports(text), block.name


def test_unknown_part_is_refused() -> None:
    with pytest.raises(ShiftworkError, match=r"README\.md: no generated part 'weather'"):
        docs.render(BOOK, ROOT / "README.md", "<!-- generated:weather -->\n<!-- end -->\n")


def test_stale_part_is_found() -> None:
    path = ROOT / "docs" / "blocks" / "tr_cell.md"
    text = path.read_text()
    assert docs.render(BOOK, path, text.replace("| 24 |", "| 25 |")) == text


def test_check_reports_without_writing(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main(["--check"]) == 0
    assert capsys.readouterr().out == ""
    assert docs.main(["--wrong"]) == 2
