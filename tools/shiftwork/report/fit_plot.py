# SPDX-License-Identifier: Apache-2.0
"""A picture of how exponential codes fit the tensors of a network: a small panel each. Needs the extra ``[plot]``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shiftwork.errors import SettingError
from shiftwork.quantize.expfit import TensorFit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".png", ".svg")

_PANEL = (2.9, 2.1)  # inches
_WIDEST = 6  # panels beside each other
_LONGEST = 30  # characters of a name
_VALUES, _EXPONENTIAL, _UNIFORM = "#b8c4d0", "#c04a00", "#0060a8"


def check_plot(path: Path) -> None:
    """Refuse a plot that could not be written, before any work is done.

    Raises:
        ShiftworkError: neither .png nor .svg, or matplotlib is missing.
    """
    if path.suffix not in FORMATS:
        raise SettingError(f"`fit_plot` {path}: {' or '.join(FORMATS)} is expected")
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError as missing:
        raise SettingError("`fit_plot` needs matplotlib: pip install 'shiftwork[plot]'") from missing


def draw_fits(fits: Sequence[TensorFit], path: Path) -> None:
    """Draw the densities of the magnitudes, with the levels of the code above and those of uniform codes below.

    Args:
        fits: of the tensors, one at least. path: file to write, checked by :func:`check_plot`.

    Raises:
        ShiftworkError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    columns = min(_WIDEST, math.ceil(math.sqrt(len(fits))))
    rows = math.ceil(len(fits) / columns)
    figure = Figure((max(columns, 2) * _PANEL[0], rows * _PANEL[1] + 0.6), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for panel, fit in zip(panels, fits, strict=False):
        _draw(panel, fit)
    for panel in panels[len(fits) :]:
        panel.set_axis_off()
    handles = [
        Patch(color=_VALUES, label="density of magnitudes, log scale"),
        Line2D([], [], color=_EXPONENTIAL, label="levels of the exponential code"),
        Line2D([], [], color=_UNIFORM, label="uniform levels of least error"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3 if columns > 2 else 1, frameon=False, fontsize=9)
    try:
        with rc_context({"svg.hashsalt": "shiftwork"}):
            figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    except OSError as error:
        raise SettingError(f"`fit_plot` {path}: {error.strerror}") from error


def _draw(panel: Axes, fit: TensorFit) -> None:
    """One panel: name, width, RMAE and noise of the output of both codes in the title."""
    edges, counts = np.array(fit.edges), np.array(fit.counts)
    largest = edges[-1]
    density = counts / max(1, counts.sum())
    floor = density[density > 0].min(initial=1.0) / 2
    panel.stairs(np.maximum(density, floor), edges, baseline=floor, fill=True, color=_VALUES)
    top = max(density.max(initial=floor), 2 * floor)
    panel.set_yscale("log")
    height = math.log(top / floor)  # of the histogram; a fifth is left free above and below for the levels
    panel.set_ylim(floor * math.exp(-0.2 * height), top * math.exp(0.2 * height))
    both = ((fit.code.levels, 0.88, 0.99, _EXPONENTIAL), (fit.uniform_levels, 0.01, 0.12, _UNIFORM))
    for levels, low, high, color in both:
        inside = levels[(levels >= 0) & (levels <= 1.05 * largest)]
        panel.vlines(
            inside, low, high, colors=color, linewidth=0.8 if fit.code.bits < 6 else 0.4,
            transform=panel.get_xaxis_transform(),
        )  # fmt: skip
    panel.set_xlim(-0.02 * largest, 1.05 * largest)
    panel.set_yticks([])
    panel.tick_params("x", labelsize=6, length=2, pad=1)
    panel.minorticks_off()
    name = fit.name if len(fit.name) <= _LONGEST else f"…{fit.name[1 - _LONGEST :]}"
    zeros = fit.zeros / max(1, fit.zeros + int(counts.sum()))
    title = f"{name}\n{fit.kind}, {fit.code.bits + 1} bits" + (f", {100 * zeros:.0f} % zeros" if zeros >= 0.005 else "")
    errors = f"RMAE {100 * fit.rmae:.1f} %, uniform {100 * fit.uniform:.1f} %"
    noise = f"noise of the output {fit.noise:.3f} %, uniform {fit.uniform_noise:.3f} %"
    panel.set_title(f"{title}\n{errors}\n{noise}", fontsize=7, linespacing=1.2)
