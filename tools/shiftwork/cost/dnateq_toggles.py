# SPDX-License-Identifier: Apache-2.0
"""Net toggles per multiply-accumulate of the engines of exponential codes, on the codes of a network's layer.

An engine computes whole tiles of the layer one behind the other, activations on the rows; every result is compared. Its
netlist is mapped without DSPs, so that what multiplies is visible, and its tables are written before counting begins.
The arrays of 8-bit multipliers do the same layer of the network in 8-bit codes, weight-stationary. A MAC is a row times
a column times a reduction step, whether its codes are zero or not.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes.exponential import resize
from shiftwork.compile import ExpEngine, compile_network
from shiftwork.compile.exp_engine import layer_config
from shiftwork.cost.dnateq_area import MIDDLE, count_design, row_codes, sums_design
from shiftwork.cost.tr_toggles import (
    Toggles,
    array_toggles,
    layer_operands,
    sample_tiles,
    tile_toggles,
)
from shiftwork.eda import yosys
from shiftwork.eda.designs import Design, designs
from shiftwork.golden import class_sums, exp_units
from shiftwork.golden import model as golden
from shiftwork.network.integer import ExponentialCodes, IntegerNetwork
from shiftwork.progress import Progress
from shiftwork.tensors.im2col import weight_matrix

WORK = "activations on the rows"
PAPER = 0.66
"""Share of the energy of int8 that the publication saves."""


def sums_toggles(design: Design, network: IntegerNetwork, x: NDArray[np.float32], name: str, folder: Path) -> Toggles:
    """Toggles of the class-sum engine.

    Args:
        design: ``shw_exp_engine`` without DSPs. network: of exponential codes. x: samples. name: of a convolution of
            one group. folder: for scripts, netlist and VCD.

    Raises:
        ShiftworkError: a tool is missing or fails, or the netlist computes wrong results.
    """
    module, tensors = network.module(name), golden.run(network, x)
    info, bits = network.tensors[module.inputs[0]], int(design.parameters["BITS"])
    shape = ExpEngine(design.rows, design.cols, int(design.parameters["FOLD"]))
    form, config = cast(ExponentialCodes, module.format), layer_config(compile_network(network, shape).layers[name])
    assert info.levels is not None and form.levels is not None
    n = config.exponent_bits
    held = class_sums.tables(info.levels, form.levels, bits)
    (rows, _), cols = row_codes(network, module, tensors), weight_matrix(module)
    tiles = sample_tiles(design, *(resize(codes, n, bits).astype(np.int64) for codes in (rows, cols)))
    results = [value for row, col in tiles for value in class_sums.tile(row, col, config, held).reshape(-1).tolist()]
    tables = [
        (table, address, int(word))
        for table, words in enumerate((held.levels, held.values))
        for address, word in enumerate(words)
    ]
    ports = f"cfg_exponent_bits = {n}; cfg_row_signed = {int(config.row_signed)};"
    ports += f" cfg_slice_length = {config.slice_length};"
    return tile_toggles(design, WORK, tiles, results, ports, folder, tables)


def count_toggles(design: Design, network: IntegerNetwork, x: NDArray[np.float32], name: str, folder: Path) -> Toggles:
    """Toggles of the pair-counting engine; arguments and errors as in :func:`sums_toggles`, the layer as wide as it."""
    module = network.module(name)
    (rows, _), cols = row_codes(network, module, golden.run(network, x)), weight_matrix(module)
    code, weight_code = network.tensors[module.inputs[0]].code, cast(ExponentialCodes, module.format).code
    assert code is not None and weight_code is not None
    held = exp_units.pair_tables(code, weight_code)
    tiles = sample_tiles(design, rows.astype(np.int64), cols.astype(np.int64))
    results = [
        value for row, col in tiles for value in exp_units.tile(row, col, code, weight_code).reshape(-1).tolist()
    ]
    return tile_toggles(design, WORK, tiles, results, "", folder, exp_units.table_words(held))


def synth_toggles(
    fixed8: IntegerNetwork,
    exponential: IntegerNetwork,
    x: NDArray[np.float32],
    engine: ExpEngine | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Toggles of engines and arrays on the convolution with the longest reduction times channels.

    Args:
        fixed8: network of 8-bit codes. exponential: the same one in exponential codes of :data:`MIDDLE` bits.
        x: samples. engine: shape of the class-sum engine and of the arrays; None is the default one.
        folder: keeps scripts, netlists and VCDs; None: a temporary folder. progress: told about every design.

    Returns:
        Plain JSON values: ``tool``, ``layer``, ``zeros`` (share of its zero row codes, 8-bit and exponential),
        ``toggles``, ``paper``.

    Raises:
        ShiftworkError: there is no such layer, a tool is missing or fails, or a netlist is wrong.
    """
    version = yosys.version()
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            return synth_toggles(fixed8, exponential, x, engine, Path(temporary), progress)
    shape = engine or ExpEngine()
    operands = layer_operands(fixed8, x)
    arrays = [designs(shape.rows, shape.cols)[key] for key in ("mac", "booth")]
    counts = replace(count_design(shape.cols, MIDDLE), dsp=False)
    sums = replace(sums_design(shape, MIDDLE), dsp=False)
    done: list[Toggles] = []
    for number, design in enumerate([*arrays, sums, counts]):
        if progress is not None:
            progress.item(number + 1, len(arrays) + 2, design.title)
        where = folder / f"toggles_{design.key}"
        if design in arrays:
            done.append(array_toggles(design, operands, where))
        else:
            count = sums_toggles if design is sums else count_toggles
            done.append(count(design, exponential, x, operands.layer, where))
    module = exponential.module(operands.layer)
    _, zeros = row_codes(exponential, module, golden.run(exponential, x))
    return {
        "tool": f"Yosys {version}",
        "layer": operands.layer,
        "zeros": [float((operands.data == 0).mean()), zeros],
        "toggles": [asdict(entry) | {"of_inferred": entry.per_mac / done[0].per_mac} for entry in done],
        "paper": PAPER,
    }
