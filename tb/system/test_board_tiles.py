# SPDX-License-Identifier: Apache-2.0
"""Networks on the tile engine of a simulated board, over its serial line: every module equals the golden model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from shiftwork import example
from shiftwork.board.on_tiles import BoardTiles
from shiftwork.board.simulated_board import SimulatedBoard, around
from shiftwork.board.tile_runs import parts
from shiftwork.board.uart import BoardError, UartTransport
from shiftwork.cli import main
from shiftwork.compile import Engine, MacEngine, TrEngine, compile_network
from shiftwork.device.simulated import Stalls
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.integer import IntegerNetwork
from shiftwork.run.layers import execute
from system import networks
from system.product_networks import whole_numbers

SEED = int(os.environ.get("SHW_SEED") or "1")
ENGINES: dict[str, Engine] = {"mac": MacEngine(2, 4), "tr": TrEngine(1, 4)}
MODES = (("mac", "fixed8-weights"), ("mac", "fixed8-activations"), ("tr", "tr-weights"), ("tr", "tr-activations"))
MEMORY, SMALL = 16, 4
"""KiB of memory: the second one holds hardly any layer as a whole."""
TIMEOUT = 5.0


@contextmanager
def board(engine: str, memory: int = MEMORY) -> Iterator[BoardTiles]:
    simulated = SimulatedBoard(around(ENGINES[engine], memory=memory))
    with simulated, BoardTiles(UartTransport(simulated.port, timeout=TIMEOUT)) as tiles:
        yield tiles


def check(network: IntegerNetwork, x: np.ndarray, board: BoardTiles) -> None:
    done = execute(network, x, golden.run(network, x), board)
    assert [layer.name for layer in done.layers] == [module.name for module in network.modules]
    for layer in done.layers:
        assert layer.compared > 0, f"{layer.name}: nothing was compared (seed {SEED})"
        assert layer.mismatches == 0, f"{layer.name}: {layer.mismatches} of {layer.compared} differ (seed {SEED})"
        assert layer.executor == ("uart" if layer.cycles else "host")
        if layer.cycles:
            assert layer.bound is not None
            assert layer.cycles > layer.bound


@pytest.mark.parametrize(("engine", "mode"), MODES)
def test_digits_on_tiles(engine: str, mode: str) -> None:
    with board(engine) as tiles:
        check(*networks.digits(mode, 2), tiles)


@pytest.mark.full
@pytest.mark.parametrize(("engine", "mode"), MODES)
def test_a_small_memory(engine: str, mode: str) -> None:
    with board(engine, SMALL) as tiles:
        check(*networks.digits(mode, 1), tiles)


@pytest.mark.parametrize(("engine", "mode"), MODES)
def test_every_kind_on_tiles(engine: str, mode: str) -> None:
    """Groups, shortcuts, ReLU6, sums, weights on rows and on columns."""
    with board(engine) as tiles:
        check(*networks.every_kind(mode, SEED), tiles)


@pytest.mark.parametrize("engine", ENGINES)
def test_products_on_tiles(engine: str) -> None:
    """Codes of two activations, one of them in the place of weights."""
    with board(engine) as tiles:
        check(*whole_numbers((True, False), SEED), tiles)


def test_run_takes_tiles(tmp_path: Path) -> None:
    """`shiftwork run` takes the kind of system from the board; a scheme that its engine does not run is refused."""
    target = tmp_path / "report.json"
    with SimulatedBoard(around(ENGINES["mac"], memory=MEMORY)) as found:
        words = ["run", str(example.MODEL), "--data", str(example.TEST), "--executor", "uart", "--port", found.port]
        assert main([*words, "--scheme", "fixed8", "--limit", "2", "--json", str(target)]) == 0
        assert main([*words, "--scheme", "tr"]) == 2
    report = json.loads(target.read_text())
    assert report["mismatches"] == 0 and report["clock"] == 12_000 and report["host_modules"] == ["pool1", "pool2"]
    assert report["cycles"] > 0 and report["predicted_cycles"] is None


def test_what_tiles_refuse() -> None:
    """Layers for another engine, layers that do not fit, settings that the engine refuses, stalls."""
    network, x = networks.digits("tr-weights", 1)
    tensors = golden.run(network, x)
    name = network.convolutions[0].name
    with board("tr") as tiles:
        operands = compile_network(network, tiles.engine).layers[name].operands(tensors)
        other = compile_network(network, TrEngine(2, 4)).layers[name].operands(tensors)
        with pytest.raises(ShiftworkError, match=f"{name}: compiled for a 2 x 4 engine, not for 1 x 4"):
            tiles.run(other)
        with pytest.raises(ShiftworkError, match="does not stall at will"):
            tiles.run(operands, Stalls(0.1))
        with pytest.raises(ShiftworkError, match=rf"node '{name}': the board's memory of 64 bytes holds no tile of"):
            list(parts(operands, 64))
        operands.layer.configuration["cfg_group"] = 3
        with pytest.raises(BoardError, match=f"{name}: the engine of the board refuses its configuration"):
            tiles.run(operands)
    with pytest.raises(SettingError, match="rows 3: the tile engine of a board has 1, 2 or 4"):
        around(TrEngine(3, 4))
    with pytest.raises(SettingError, match="memory 512 is outside"):
        around(TrEngine(1, 4), memory=512)


@pytest.mark.parametrize("memory", [1 << 12, 1 << 14, 1 << 17])
@pytest.mark.parametrize("mode", ["fixed8-weights", "fixed8-activations"])
def test_parts_cover_a_layer(mode: str, memory: int) -> None:
    """Every tile is in one run, nothing lies on anything else, every half holds what is in it."""
    network, x = networks.every_kind(mode, SEED)
    tensors, engine = golden.run(network, x), ENGINES["mac"]
    for layer in compile_network(network, engine).layers.values():
        operands, seen, held = layer.operands(tensors), [], {}
        for part in parts(operands, memory):
            run, held = part.run, held | part.writes
            seen += part.tiles.reshape(-1).tolist()
            assert part.tiles.shape == (run.row_tiles, run.col_tiles)
            assert set(part.writes) <= {0, memory // 2, run.constants, run.shortcuts}
            places = sorted({run.rows, run.constants, run.shortcuts, run.results})
            sizes = [len(held.get(place, b"")) for place in places[:-1]]
            assert all(at + size <= end for at, size, end in zip(places, sizes, places[1:], strict=False))
            assert run.results == places[-1] and run.results + part.result_bytes <= memory // 2
            assert len(part.writes[memory // 2]) <= memory // 2
        assert sorted(seen) == list(range(len(operands.tiles)))
