# SPDX-License-Identifier: Apache-2.0
"""The manifest loader, its findings, and the core files generated from it."""

from pathlib import Path

import pytest
import yaml

from shiftwork.blocks import cores, manifest
from shiftwork.errors import ShiftworkError

MODULE = """// module comment (...);
`default_nettype none
module {name} #(parameter W = 8) (input wire [W-1:0] a);
{body}
endmodule
"""


def entry(file: str, **more: object) -> dict[str, object]:
    return {
        "description": "A block",
        "file": file,
        "parameters": {"W": {"default": 8, "min": 1, "max": 16, "description": "width in bits"}},
        "latency": "0 cycles",
        "throughput": "1 per cycle",
        **more,
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two blocks in order, the second on top of the first."""
    (tmp_path / "rtl" / "codes").mkdir(parents=True)
    (tmp_path / "tb" / "top").mkdir(parents=True)
    (tmp_path / "tb" / "fusesoc").mkdir()
    (tmp_path / "tb" / "lib").mkdir()
    (tmp_path / "rtl" / "codes" / "shw_leaf.v").write_text(MODULE.format(name="shw_leaf", body=""))
    body = "shw_leaf #(.W(W)) u_leaf (.a(a));"
    (tmp_path / "rtl" / "codes" / "shw_top.v").write_text(MODULE.format(name="shw_top", body=body))
    (tmp_path / "tb" / "top" / "cocotb_top.py").write_text("import streams\nimport cocotb\n")
    (tmp_path / "tb" / "lib" / "streams.py").write_text("import os\n")
    save(
        tmp_path,
        {
            "shw_top": entry("codes/shw_top.v", depends=["shw_leaf"], testbench="top"),
            "shw_leaf": entry("codes/shw_leaf.v"),
        },
    )
    return tmp_path


def save(root: Path, blocks: dict[str, object], libraries: dict[str, str] | None = None) -> None:
    data = {"version": "0.1.0", "libraries": libraries or {"codes": "Codes"}, "blocks": blocks}
    (root / "rtl" / "manifest.yml").write_text(yaml.safe_dump(data, sort_keys=False))
    manifest.load.cache_clear()


def saved(root: Path) -> dict[str, dict[str, object]]:
    blocks: dict[str, dict[str, object]] = yaml.safe_load((root / "rtl" / "manifest.yml").read_text())["blocks"]
    return blocks


def test_repository_is_consistent():
    blocks = manifest.load()
    assert blocks.check() == []
    assert cores.differences(blocks) == []


def test_sources_come_dependencies_first(root):
    blocks = manifest.load(root)
    assert blocks.check() == []
    assert [path.name for path in blocks.sources("shw_top")] == ["shw_leaf.v", "shw_top.v"]
    with pytest.raises(manifest.ManifestError, match="shw_none: no such block"):
        blocks.sources("shw_none")


@pytest.mark.parametrize(
    ("block", "change", "finding"),
    [
        ("shw_top", {"file": "codes/shw_gone.v"}, "shw_top: rtl/codes/shw_gone.v does not exist"),
        ("shw_top", {"depends": []}, "shw_top: instantiates it, but does not list shw_leaf under depends"),
        ("shw_leaf", {"depends": ["shw_top"]}, "circular dependency"),
        ("shw_top", {"depends": ["shw_leaf", "shw_other"]}, "shw_other: no such block"),
        ("shw_top", {"testbench": "absent"}, "shw_top: there is no folder tb/absent"),
        ("shw_top", {"parameters": {}}, "shw_top: parameter W is missing in the manifest"),
        ("shw_leaf", {"file": "codes/shw_top.v"}, "rtl/codes/shw_top.v: listed more than once"),
    ],
)
def test_findings(root, block, change, finding):
    blocks = saved(root)
    blocks[block].update(change)
    save(root, dict(blocks))
    assert any(finding in line for line in manifest.load(root).check())


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("W_must_be_1_to_16", ""),
        ("W_must_be_1_to_8", "shw_leaf: shw_ILLEGAL_W_must_be_1_to_8 does not say 16, which is legal"),
        ("W", "shw_leaf: shw_ILLEGAL_W begins with no parameter and _must_"),
        ("V_must_be_1_to_16", "shw_leaf: shw_ILLEGAL_V_must_be_1_to_16 begins with no parameter and _must_"),
    ],
)
def test_names_say_what_is_legal(root, name, finding):
    body = f"generate if (W < 1 || W > 16) shw_ILLEGAL_{name} illegal (); endgenerate"
    (root / "rtl" / "codes" / "shw_leaf.v").write_text(MODULE.format(name="shw_leaf", body=body))
    assert manifest.load(root).check() == ([finding] if finding else [])


def test_unlisted_and_misnamed_files(root):
    (root / "rtl" / "codes" / "extra.v").write_text(MODULE.format(name="shw_other", body=""))
    assert manifest.load(root).check() == ["rtl/codes/extra.v: not in rtl/manifest.yml"]
    save(root, {**saved(root), "extra": entry("codes/extra.v")})
    found = manifest.load(root).check()
    assert any("holds shw_other; one module named like its file is expected, extra" in line for line in found)
    assert any("extra: the prefix shw_ is missing" in line for line in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not found"),
        ("blocks: [", "rtl/manifest.yml: while parsing"),
        ("version: 1\nlibraries: {}\nblocks: []", "mappings `libraries` and `blocks`"),
        ("version: 1\nblocks: {}", "mappings `libraries` and `blocks`"),
        ("version: 1\nlibraries: {}\nblocks: {shw_a: 3}", "shw_a: expected a mapping"),
        ("version: 1\nlibraries: {}\nblocks: {shw_a: {description: x, colour: red}}", "colour is unknown"),
        ("version: 1\nlibraries: {}\nblocks: {shw_a: {description: x}}", "latency is missing"),
    ],
)
def test_malformed_manifest(tmp_path, text, message):
    (tmp_path / "rtl").mkdir()
    if text is not None:
        (tmp_path / "rtl" / "manifest.yml").write_text(text)
    with pytest.raises(manifest.ManifestError, match=message) as error:
        manifest.load(tmp_path)
    assert "\n" not in str(error.value)


@pytest.fixture
def two(root: Path) -> Path:
    """The two blocks in two libraries, the upper one with parameters of its own."""
    (root / "constraints").mkdir()
    (root / "rtl" / "engines" / "up").mkdir(parents=True)
    text = (root / "rtl" / "codes" / "shw_top.v").read_text().replace("W = 8", "W = 8, parameter KIND = 1")
    (root / "rtl" / "engines" / "up" / "shw_top.v").write_text(text)
    (root / "rtl" / "codes" / "shw_top.v").unlink()
    blocks = saved(root)
    top = entry("engines/up/shw_top.v", depends=["shw_leaf"], testbench="top")
    top["parameters"] = {
        "W": {"default": 8, "description": "word width in bits"},
        "KIND": {"default": 1, "description": "kind"},
    }
    save(root, {**blocks, "shw_top": top}, {"codes": "Codes", "engines/up": "An engine"})
    return root


def test_libraries(two):
    blocks = dict(saved(two))
    assert manifest.load(two).check() == []
    save(two, blocks, {"engines/up": "An engine", "codes": "Codes"})
    assert manifest.load(two).check() == ["shw_top: its library engines/up is listed before codes of shw_leaf"]
    save(two, blocks, {"codes": "Codes"})
    assert manifest.load(two).check() == ["shw_top: its folder engines/up is not listed under libraries"]
    save(two, blocks, {"codes": "Codes", "engines/up": "An engine", "spare/up": "Nothing"})
    assert manifest.load(two).check() == ["libraries: two folders are named up", "libraries: spare/up holds no block"]


def test_cores(two):
    blocks = manifest.load(two)
    folder = two / "fusesoc_cores"
    assert len(cores.differences(blocks)) == 5
    cores.write(blocks)
    assert cores.differences(blocks) == []

    text = (folder / "shw_up.core").read_text()
    assert text.startswith("CAPI=2:\n")
    core = yaml.safe_load(text.split("\n", 1)[1])
    assert core["name"] == "shiftwork:rtl:up:0.1.0"
    assert core["filesets"]["rtl"]["depend"] == ["shiftwork:rtl:codes:0.1.0"]
    assert set(core["targets"]) == {"default", "lint_verible", "lint_top", "sim_top", "sim_icarus_top"}
    copied = [next(iter(file)) for file in core["filesets"]["tb_top"]["files"]]
    assert copied == ["tb/lib/streams.py", "tb/top/cocotb_top.py"]
    for name in core["filesets"]["rtl"]["files"]:
        assert (folder / name).is_file()
    lower = yaml.safe_load((folder / "shw_codes.core").read_text().split("\n", 1)[1])
    assert "depend" not in lower["filesets"]["rtl"]
    assert set(lower["targets"]) == {"default", "lint_verible", "lint_leaf"}

    (folder / "shw_up.core").write_text(text + "\n")
    (folder / "shw_old.core").write_text(text)
    (folder / "shw_codes.core").unlink()
    (folder / "tb").unlink()
    assert cores.differences(blocks) == [
        "fusesoc_cores/shw_old.core: there is no such library or top",
        "fusesoc_cores/shw_codes.core: missing",
        "fusesoc_cores/shw_up.core: not what rtl/manifest.yml says",
        "fusesoc_cores/tb: no link to ../tb",
    ]
    cores.write(blocks)
    assert cores.differences(blocks) == []


def test_core_of_a_top(two):
    """A block that others import has a core of its own name; its library has the files, and no targets of it."""
    path = two / "rtl" / "manifest.yml"
    path.write_text(path.read_text() + "tops: [shw_top, shw_none]\n")
    manifest.load.cache_clear()
    assert manifest.load(two).check() == ["tops: shw_none: no such block"]
    path.write_text(path.read_text().replace(", shw_none", ""))
    manifest.load.cache_clear()
    blocks = manifest.load(two)
    assert cores.target(blocks, "sim", "shw_top") == ("sim", "shiftwork:up:shw_top:0.1.0")
    core = yaml.safe_load(cores.top_core(blocks, "shw_top").split("\n", 1)[1])
    assert core["name"] == "shiftwork:up:shw_top:0.1.0"
    assert core["filesets"]["rtl"] == {"depend": ["shiftwork:rtl:up:0.1.0"]}
    assert set(core["targets"]) == {"default", "lint", "sim", "sim_icarus"}
    assert core["targets"]["lint"]["parameters"] == ["W", "KIND"]
    library = yaml.safe_load(cores.core(blocks, "engines/up").split("\n", 1)[1])
    assert set(library["targets"]) == {"default", "lint_verible"}
    assert library["filesets"]["rtl"]["files"] == ["rtl/engines/up/shw_top.v"]


def test_parameters_of_a_core(two):
    """One name in two blocks is one parameter with both descriptions; of two types it is an error."""
    (two / "rtl" / "engines" / "up" / "shw_side.v").write_text(MODULE.format(name="shw_side", body=""))
    blocks = dict(saved(two))
    order = {"codes": "Codes", "engines/up": "An engine"}
    save(two, {**blocks, "shw_side": entry("engines/up/shw_side.v")}, order)
    core = yaml.safe_load(cores.core(manifest.load(two), "engines/up").split("\n", 1)[1])
    assert core["parameters"]["W"]["description"] == "word width in bits / width in bits"
    assert core["targets"]["lint_top"]["parameters"] == ["W", "KIND"]
    assert core["targets"]["lint_side"]["parameters"] == ["W"]
    side = entry("engines/up/shw_side.v", parameters={"W": {"default": "wide", "description": "width"}})
    save(two, {**blocks, "shw_side": side}, order)
    with pytest.raises(ShiftworkError, match="W is a number and a text in engines/up"):
        cores.core(manifest.load(two), "engines/up")


@pytest.mark.parametrize("change", ["stale", "extra"])
def test_check_fails(two, change, monkeypatch, capsys):
    blocks = manifest.load(two)
    monkeypatch.setattr(manifest, "load", lambda: blocks)
    assert cores.main([]) == 0
    assert cores.main(["--check"]) == 0
    name = {"stale": "shw_up", "extra": "shw_leaf"}[change]
    (two / "fusesoc_cores" / f"{name}.core").write_text("CAPI=2:\n")
    assert cores.main(["--check"]) == 1
    assert f"fusesoc_cores/{name}.core: " in capsys.readouterr().err
    assert cores.main([]) == 0
    assert cores.main(["--check"]) == 0


def test_versions_agree():
    import shiftwork

    project = (manifest.ROOT / "pyproject.toml").read_text()
    assert f'version = "{shiftwork.__version__}"' in project
    assert manifest.load().version == shiftwork.__version__
