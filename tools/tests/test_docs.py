# SPDX-License-Identifier: Apache-2.0
"""The documentation agrees with the repository: generated parts, pages, links, names, tests, commands."""

from __future__ import annotations

import importlib
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from shiftwork.blocks import manifest
from shiftwork.blocks.verilog import ports
from shiftwork.cli.app import app
from shiftwork.docs import block_pages
from shiftwork.docs import pages as docs
from shiftwork.errors import ShiftworkError
from shiftwork.measure import records

ROOT = manifest.ROOT
BOOK = manifest.load()
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "constraints/README.md")]
PAGES += [*sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
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
    found = {path.name for path in (ROOT / "docs" / "blocks").iterdir()}
    assert found == {"README.md", *(block_pages.page_of(name) for name in BOOK.blocks)}


@pytest.mark.parametrize("block", BOOK.blocks)
def test_block_page_is_complete(block: str) -> None:
    text = (ROOT / "docs" / "blocks" / block_pages.page_of(block)).read_text()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        "Purpose", "Parameters", "Ports", "Timing", "Numbers", "Model", "Area", "Tests", "Why this design",
    ]  # fmt: skip
    sections = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    assert all(re.sub(r"<!--.*?-->", "", section).strip() for section in sections)


def broken_links(path: Path, text: str) -> list[str]:
    """Relative links of a page whose file or heading does not exist."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        file, _, anchor = target.partition("#")
        page = (path.parent / file).resolve() if file else path
        if not page.exists() or (anchor and anchor not in anchors(page.read_text())):
            broken.append(target)
    return broken


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_resolve(path: Path) -> None:
    assert not broken_links(path, path.read_text())


def test_broken_links_are_found() -> None:
    good = "[a](docs/cost.md#requantizers) [b](docs/measurements/) [c](#limits) [d](https://example.org/#x)"
    bad = ["LICENSE.md", "CONTRIBUTING.md#runing", "#no-limits", "examples/READ.md#digits"]
    assert broken_links(ROOT / "README.md", good) == []
    assert broken_links(ROOT / "README.md", good + "".join(f" [x]({target})" for target in bad)) == bad


def test_every_page_can_be_reached() -> None:
    """From the README, link by link, to every page below docs/."""
    found, new = set(), {ROOT / "README.md"}
    while new:
        found |= new
        links = {(page, link) for page in new for link in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text())}
        new = {(page.parent / link).resolve() for page, link in links if ":" not in link} - found
    assert not set((ROOT / "docs").rglob("*.md")) - found


def test_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 170


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
                command = commands[words[1]]
                if inner := getattr(command, "commands", None):
                    assert words[2] in inner, line
                    command = inner[words[2]]
                options = {name for parameter in command.params for name in parameter.opts}
                unknown = {word for word in words[2:] if word.startswith("--")} - options
                assert not unknown, f"{line}: {', '.join(unknown)}"
            if words[:1] == ["make"]:
                assert not {word for word in words[1:] if re.fullmatch(r"[a-z]+", word)} - targets, line


def test_ports_of_the_engine() -> None:
    found = {port.name: port for port in ports((ROOT / "rtl/engines/tr/shw_tr_engine.v").read_text())}
    assert len(found) == 20
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


def test_every_block_is_in_the_catalogue() -> None:
    text = (ROOT / "docs" / "blocks" / "README.md").read_text()
    rows = re.findall(r"^\| \[(\w+)\]", text.partition("## Common")[2], re.MULTILINE)
    assert sorted(rows) == sorted(BOOK.blocks)


def test_check_turns_red_by_one_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a page, and in a record: the pages that show it are named, and nothing is written."""
    for name in ("rtl", "tb"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "README.md", tmp_path)
    monkeypatch.setattr(manifest, "load", lambda: replace(BOOK, root=tmp_path))
    operators, text = tmp_path / "docs" / "operators.md", (ROOT / "docs" / "operators.md").read_text()
    operators.write_text(text.replace("(ReLU6)", "(ReLU7)"))
    entry = records.load(ROOT, "synth_tr_ecp5")
    assert entry is not None
    entry["placements"]["tr"]["fmax_mhz"] += 1
    records.store(tmp_path, "synth_tr_ecp5", entry)
    assert docs.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [f"docs/{name}.md: out of date" for name in ("cost", "operators")]
    assert operators.read_text() != text


def test_check_reports_without_writing(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main(["--check"]) == 0
    assert capsys.readouterr().out == ""
    assert docs.main(["--wrong"]) == 2
