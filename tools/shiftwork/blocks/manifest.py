# SPDX-License-Identifier: Apache-2.0
"""The block manifest `rtl/manifest.yml`: the one list of hardware blocks, their files, parameters and contracts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from shiftwork.errors import ShiftworkError

ROOT = Path(__file__).resolve().parents[3]
"""Root of the repository that this installation belongs to."""

PREFIX = "shw_"
_REQUIRED = ("description", "file", "latency", "throughput")
_OPTIONAL = ("depends", "parameters", "testbench", "simulation")
_MODULE = re.compile(r"^\s*module\s+(\w+)", re.MULTILINE)


class ManifestError(ShiftworkError):
    """The manifest and the files under rtl/ disagree; the message has one line per finding."""


@dataclass(frozen=True)
class Block:
    """One Verilog module that can be used on its own."""

    name: str
    description: str
    file: Path
    """Source file, relative to rtl/."""
    depends: tuple[str, ...]
    """Names of the blocks instantiated directly."""
    parameters: Mapping[str, Mapping[str, Any]]
    """Parameter -> `default`, `description` and the legal range (`min` and `max`, `values`, or `legal` text)."""
    latency: str
    throughput: str
    testbench: str | None
    """Folder under tb/, or None where a larger block's testbench covers this one."""
    simulation: Mapping[str, Any]
    """What the FuseSoC simulation of the testbench needs beyond the block at its default parameters: `parameters`
    (values)."""

    @property
    def library(self) -> str:
        """Folder of the source file, relative to rtl/."""
        return self.file.parent.as_posix()


@dataclass(frozen=True)
class Manifest:
    """All blocks of a repository, in the order of the manifest."""

    root: Path
    version: str
    libraries: Mapping[str, str]
    """Folder below rtl/ -> what is in it, lowest first: a block instantiates none of a later library."""
    blocks: Mapping[str, Block]
    tops: tuple[str, ...] = ()
    """Blocks that others import whole."""

    def closure(self, name: str) -> list[Block]:
        """The block and everything below it, each once, dependencies first.

        Raises ManifestError for an unknown block or a circular dependency.
        """
        ordered: dict[str, Block] = {}

        def visit(current: str, path: tuple[str, ...]) -> None:
            if current in path:
                raise ManifestError(f"rtl/manifest.yml: circular dependency {' -> '.join((*path, current))}")
            if current in ordered:
                return
            if current not in self.blocks:
                raise ManifestError(f"rtl/manifest.yml: {' -> '.join((*path, current))}: no such block")
            for dependency in self.blocks[current].depends:
                visit(dependency, (*path, current))
            ordered[current] = self.blocks[current]

        visit(name, ())
        return list(ordered.values())

    def sources(self, name: str) -> list[Path]:
        """Absolute paths of the Verilog files that the block needs, dependencies first."""
        return [self.root / "rtl" / block.file for block in self.closure(name)]

    def check(self) -> list[str]:
        """Compare the manifest with the files under rtl/ and tb/; one line per finding, empty when all agree."""
        rtl = self.root / "rtl"
        findings = []
        names = [Path(folder).name for folder in self.libraries]
        findings += [f"libraries: two folders are named {name}" for name in sorted(set(names)) if names.count(name) > 1]
        used_folders = {block.library for block in self.blocks.values()}
        findings += [f"libraries: {folder} holds no block" for folder in self.libraries if folder not in used_folders]
        findings += [f"tops: {name}: no such block" for name in self.tops if name not in self.blocks]
        listed = [block.file for block in self.blocks.values()]
        findings += [f"rtl/{path}: listed more than once" for path in sorted(set(listed)) if listed.count(path) > 1]
        present = {path.relative_to(rtl) for path in rtl.rglob("*.v")}
        order = list(self.libraries)
        findings += [f"rtl/{path}: not in rtl/manifest.yml" for path in sorted(present - set(listed))]
        for block in self.blocks.values():
            try:
                self.closure(block.name)
            except ManifestError as error:
                findings.append(str(error))
            if block.library not in order:
                findings.append(f"{block.name}: its folder {block.library} is not listed under libraries")
                continue
            findings += [
                f"{block.name}: its library {block.library} is listed before {self.blocks[below].library} of {below}"
                for below in block.depends
                if below in self.blocks and self.blocks[below].library in order[order.index(block.library) + 1 :]
            ]
            if block.testbench and not (self.root / "tb" / block.testbench).is_dir():
                findings.append(f"{block.name}: there is no folder tb/{block.testbench}")
            if block.file not in present:
                findings.append(f"{block.name}: rtl/{block.file} does not exist")
                continue
            text = _without_comments((rtl / block.file).read_text())
            modules = _MODULE.findall(text)
            if modules != [block.name] or block.file.stem != block.name:
                findings.append(
                    f"rtl/{block.file}: holds {', '.join(modules) or 'no module'}; one module named "
                    f"like its file is expected, {block.name}"
                )
            if not block.name.startswith(PREFIX):
                findings.append(f"{block.name}: the prefix {PREFIX} is missing")
            used = {name for name in self.blocks if re.search(rf"\b{name}\b", text)} - {block.name}
            for name in sorted(used ^ (set(block.depends) & set(self.blocks))):
                verb = "instantiates it, but does not list" if name in used else "lists, but does not instantiate"
                findings.append(f"{block.name}: {verb} {name} under depends")
            declared = set(re.findall(r"\bparameter\s+(?:(?:integer|signed)\s+|\[[^]]*\]\s*)*(\w+)", text))
            for name in sorted(declared ^ set(block.parameters)):
                where = "the manifest" if name in declared else f"rtl/{block.file}"
                findings.append(f"{block.name}: parameter {name} is missing in {where}")
            findings += _names_of_ranges(block, text)
        return findings


def _names_of_ranges(block: Block, text: str) -> list[str]:
    """Findings: a module that stops elaboration and does not say what is legal, as the manifest has it."""
    findings = []
    for name in re.findall(r"\bshw_ILLEGAL_(\w+)", text):
        owner = max((word for word in block.parameters if name.startswith(f"{word}_must_")), key=len, default=None)
        if owner is None:
            findings.append(f"{block.name}: shw_ILLEGAL_{name} begins with no parameter and _must_")
            continue
        facts = block.parameters[owner]
        told = str(facts["legal"]) if "legal" in facts else f"{facts.get('min')} {facts.get('max')}"
        words = facts.get("values") or re.findall(r"(?<![\w^])\d+\b", told)
        absent = [str(word) for word in words if str(word) not in name.removeprefix(owner).split("_")]
        if absent:
            findings.append(f"{block.name}: shw_ILLEGAL_{name} does not say {', '.join(absent)}, which is legal")
    return findings


def _without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)


def _block(name: str, entry: object) -> Block:
    if not isinstance(entry, dict):
        raise ManifestError(f"rtl/manifest.yml: {name}: expected a mapping")
    missing = [key for key in _REQUIRED if not isinstance(entry.get(key), str)]
    unknown = sorted(set(entry) - {*_REQUIRED, *_OPTIONAL})
    if missing or unknown:
        problems = [f"{key} is missing or no text" for key in missing] + [f"{key} is unknown" for key in unknown]
        raise ManifestError(f"rtl/manifest.yml: {name}: {'; '.join(problems)}")
    parameters = entry.get("parameters") or {}
    for parameter, facts in parameters.items():
        if not isinstance(facts, dict) or not {"default", "description"} <= set(facts):
            raise ManifestError(f"rtl/manifest.yml: {name}.{parameter}: default and description are needed")
    simulation = entry.get("simulation") or {}
    if not isinstance(simulation, dict) or set(simulation) - {"parameters"}:
        raise ManifestError(f"rtl/manifest.yml: {name}.simulation: only parameters are possible")
    return Block(
        name=name,
        description=entry["description"],
        file=Path(entry["file"]),
        depends=tuple(entry.get("depends") or ()),
        parameters=parameters,
        latency=entry["latency"],
        throughput=entry["throughput"],
        testbench=entry.get("testbench"),
        simulation=simulation,
    )


@cache
def load(root: Path = ROOT) -> Manifest:
    """Read `rtl/manifest.yml` below `root`.

    Raises ManifestError when the file is missing or malformed. Whether the listed files exist is a question for
    `Manifest.check`.
    """
    path = root / "rtl" / "manifest.yml"
    try:
        data = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise ManifestError(f"{path}: not found") from None
    except yaml.YAMLError as error:
        raise ManifestError(f"rtl/manifest.yml: {' '.join(str(error).split())}") from None
    maps = ("libraries", "blocks")
    if not isinstance(data, dict) or "version" not in data or not all(isinstance(data.get(key), dict) for key in maps):
        raise ManifestError("rtl/manifest.yml: `version` and the mappings `libraries` and `blocks` are needed")
    blocks = {name: _block(name, entry) for name, entry in data["blocks"].items()}
    return Manifest(
        root=root,
        version=str(data["version"]),
        libraries=data["libraries"],
        blocks=blocks,
        tops=tuple(data.get("tops") or ()),
    )
