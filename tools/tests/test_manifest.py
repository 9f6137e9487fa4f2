# SPDX-License-Identifier: Apache-2.0
"""The manifest loader, its findings, and the core files generated from it."""

from pathlib import Path

import pytest
import yaml

from shiftwork.blocks import cores, manifest

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


def save(root: Path, blocks: dict[str, object]) -> None:
    (root / "rtl" / "manifest.yml").write_text(yaml.safe_dump({"version": "0.1.0", "blocks": blocks}))
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
        ("shw_top", {"simulation": {"files": ["lanes.v"]}}, "shw_top: tb/top/lanes.v does not exist"),
        ("shw_leaf", {"file": "codes/shw_top.v"}, "rtl/codes/shw_top.v: listed more than once"),
    ],
)
def test_findings(root, block, change, finding):
    blocks = saved(root)
    blocks[block].update(change)
    save(root, dict(blocks))
    assert any(finding in line for line in manifest.load(root).check())


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
        ("blocks: []", "a mapping `blocks`"),
        ("version: 1\nblocks: {shw_a: 3}", "shw_a: expected a mapping"),
        ("version: 1\nblocks: {shw_a: {description: x, colour: red}}", "colour is unknown"),
        ("version: 1\nblocks: {shw_a: {description: x}}", "latency is missing"),
    ],
)
def test_malformed_manifest(tmp_path, text, message):
    (tmp_path / "rtl").mkdir()
    if text is not None:
        (tmp_path / "rtl" / "manifest.yml").write_text(text)
    with pytest.raises(manifest.ManifestError, match=message) as error:
        manifest.load(tmp_path)
    assert "\n" not in str(error.value)


def test_cores(root):
    (root / "constraints").mkdir()
    blocks = manifest.load(root)
    assert len(cores.differences(blocks)) == 5
    cores.write(blocks)
    assert cores.differences(blocks) == []

    text = (root / "fusesoc_cores" / "shw_top.core").read_text()
    assert text.startswith("CAPI=2:\n")
    core = yaml.safe_load(text.split("\n", 1)[1])
    assert core["name"] == "shiftwork:codes:shw_top:0.1.0"
    assert core["filesets"]["rtl"]["depend"] == ["shiftwork:codes:shw_leaf:0.1.0"]
    assert set(core["targets"]) == {"default", "lint", "lint_verible", "sim", "sim_icarus"}
    copied = [next(iter(file)) for file in core["filesets"]["tb"]["files"]]
    assert copied == ["tb/fusesoc/fusesoc_session.py", "tb/lib/streams.py", "tb/top/cocotb_top.py"]
    for name in core["filesets"]["rtl"]["files"]:
        assert (root / "fusesoc_cores" / name).is_file()

    (root / "fusesoc_cores" / "shw_top.core").write_text(text + "\n")
    (root / "fusesoc_cores" / "shw_old.core").write_text(text)
    (root / "fusesoc_cores" / "shw_leaf.core").unlink()
    (root / "fusesoc_cores" / "tb").unlink()
    assert cores.differences(blocks) == [
        "fusesoc_cores/shw_old.core: there is no such block",
        "fusesoc_cores/shw_leaf.core: missing",
        "fusesoc_cores/shw_top.core: not what rtl/manifest.yml says",
        "fusesoc_cores/tb: no link to ../tb",
    ]
    cores.write(blocks)
    assert cores.differences(blocks) == []


def test_versions_agree():
    import shiftwork

    project = (manifest.ROOT / "pyproject.toml").read_text()
    assert f'version = "{shiftwork.__version__}"' in project
    assert manifest.load().version == shiftwork.__version__
