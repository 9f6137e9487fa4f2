# SPDX-License-Identifier: Apache-2.0
"""Settings: one place for name, default and help; errors that carry the setting; dataclasses as options."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import typer

from shiftwork.blocks.manifest import ROOT
from shiftwork.cli.takes import option_of, takes
from shiftwork.compile import ExpEngine, MacEngine, MsqEngine, TrEngine
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.quantize.quantization import Calibration, Quantization
from shiftwork.quantize.recipe import Recipe
from shiftwork.schemes import EngineWish, check, engine_wish
from shiftwork.settings import choose, setting, settings, within


def test_an_error_names_settings_in_either_way() -> None:
    error = SettingError("`fixed_rows` and `sp2_rows` together, 68 is outside 1..64")
    assert str(error) == "fixed rows and sp2 rows together, 68 is outside 1..64"
    assert error.told(option_of) == "--fixed-rows and --sp2-rows together, 68 is outside 1..64"
    assert error.field == "fixed_rows"
    assert SettingError("nothing named").field == ""
    assert pickle.loads(pickle.dumps(error)).told(option_of) == error.told(option_of)
    assert isinstance(error, ShiftworkError)


def test_choose_and_within() -> None:
    choose("scheme", "tr", ("tr", "msq"))
    within("rows", 64, 1, 64)
    with pytest.raises(SettingError, match=r"^scheme x: choose tr or msq$"):
        choose("scheme", "x", ("tr", "msq"))
    for value in (0, 65, float("nan")):
        with pytest.raises(SettingError, match=r"is outside 1\.\.64$"):
            within("rows", value, 1, 64)


@dataclass(frozen=True)
class Wish:
    depth: int = setting(3, "Its depth; see `wide_open`.")
    wide_open: bool = setting(False, "Whether.")
    name: tuple[str, ...] = setting((), "Names.", "NAME")
    file: Path | None = setting(None, "A file.", "FILE")
    inner: int = 7


def _command(seen: list[Any]) -> typer.Typer:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.command()
    @takes(wish=Wish)
    def command(wish: Wish, word: str, count: int = 1) -> int:
        seen.append((wish, word, count))
        return 0

    return app


def _call(*words: str) -> Any:
    seen: list[Any] = []
    typer.main.get_command(_command(seen)).main(list(words), standalone_mode=False)
    return seen[0]


def test_a_command_takes_a_dataclass() -> None:
    assert _call("x") == (Wish(), "x", 1)
    words = ["--depth", "5", "--wide-open", "--name", "a", "--name", "b", "--file", "f", "--count", "2"]
    assert _call("x", *words) == (Wish(5, True, ("a", "b"), Path("f")), "x", 2)
    with pytest.raises(typer.exceptions.TyperException, match="--inner"):
        _call("x", "--inner", "8")  # no setting
    with pytest.raises(typer.exceptions.TyperException, match="--no-wide-open"):
        _call("x", "--no-wide-open")
    with pytest.raises(typer.exceptions.TyperException, match="integer"):
        _call("x", "--depth", "deep")


def test_the_help_is_that_of_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    typer.main.get_command(_command([])).main(["--help"], standalone_mode=False)
    text = capsys.readouterr().out
    assert "Its depth; see --wide-open.  [default: 3]" in text
    assert "--name NAME" in text


def test_engines_in_one_wish() -> None:
    every = {item.name for engine in (TrEngine, MacEngine, MsqEngine, ExpEngine) for item in settings(engine)}
    assert {item.name for item in fields(engine_wish())} == every | {"engine"}
    assert {item.name for item in settings(engine_wish("tr", "dnateq"))} == {"rows", "cols", "fold"}
    texts = {item.name: item.metadata["help"] for item in settings(engine_wish())}
    assert texts["rows"].endswith("[default: 8 (fixed8, joint, tr), 16 (dnateq)]")
    assert texts["cols"].endswith("[default: 64 (fixed8, joint, tr), 16 (msq, fixed4, sp2, dnateq)]")
    assert "kind" not in every
    assert "tr or mac (fixed8, joint)" in texts["engine"]
    wish = engine_wish()(cols=4)
    assert isinstance(wish, EngineWish)
    assert wish.given == {"cols": 4}
    assert wish.build("tr") == TrEngine(8, 4)
    assert wish.build("msq") == MsqEngine(cols=4)
    assert wish.build("dnateq") == ExpEngine(cols=4)
    assert engine_wish()(cols=4, engine="mac").build("fixed8") == MacEngine(cols=4)
    with pytest.raises(SettingError, match="fold is no option of the engine for scheme tr") as caught:
        engine_wish()(fold=2).build("tr")
    assert caught.value.field == "fold"


def test_scales_left_open_are_the_schemes() -> None:
    assert [check(Quantization(scheme)).scale for scheme in ("tr", "joint", "msq", "dnateq")] == [
        "best", "best", "mse", None,
    ]  # fmt: skip
    for wish in (Quantization("tr", stream="activations", budget="auto"), Quantization("tr", budget="12")):
        assert check(wish).scale == "mse"
    for scheme in ("fixed8", "joint", "tr", "msq", "fixed4", "sp2", "pot", "dnateq"):
        check(Quantization(scheme))
    with pytest.raises(SettingError, match="scale mse belongs to scheme fixed8"):
        check(Quantization("joint", scale="mse"))


def test_a_recipe_is_settled_for_its_samples() -> None:
    settled = Recipe().settled(95)
    assert (settled.sp2_share, settled.alpha, settled.distill, settled.holdout) == (None, "free", 0.5, 9)
    assert Recipe(unlabelled=True).settled(95).distill == 1.0
    assert Recipe().settled(3).holdout == 1
    assert settled.settled(95) == settled
    for recipe, message in (
        (Recipe(epochs=0), "epochs 0 is outside"),
        (Recipe(holdout=0), r"holdout 0 is outside 1\.\.94"),
        (Recipe(holdout=95), "holdout 95 is outside"),
        (Recipe(scheme="fixed8"), "scheme fixed8: choose msq"),
        (Recipe(scheme="fixed4", sp2_share=0.5), "sp2 share belongs to scheme msq, not to scheme fixed4"),
        (Recipe(sp2_share=1.1), r"sp2 share 1\.1 is outside 0\.\.1"),
        (Recipe(alpha="log"), "alpha log: choose free or pot"),
    ):
        with pytest.raises(SettingError, match=message):
            recipe.settled(95)
    with pytest.raises(SettingError, match="calibrate 0 is below 1"):
        Calibration(0).check()


def test_only_the_command_line_spells_options() -> None:
    """No message outside cli/ has an option in it: rooms below do not know how they are called."""
    raisers = ("raise ShiftworkError", "raise SettingError")
    package = ROOT / "tools" / "shiftwork"
    found = [
        f"{path.relative_to(package)}: {line.strip()}"
        for path in package.rglob("*.py")
        if path.parent.name != "cli"
        for line in path.read_text().splitlines()
        if any(word in line for word in raisers) and '"--' in line
    ]
    assert found == []
