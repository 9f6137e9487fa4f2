# SPDX-License-Identifier: Apache-2.0
"""The command `synth`: a study of cost for every scheme that has one."""

from __future__ import annotations

from pathlib import Path

from shiftwork.compile import ExpEngine, TrEngine
from shiftwork.cost.wish import CostWish
from shiftwork.device.simulated_accelerator import SimulationWish
from shiftwork.errors import SettingError
from shiftwork.outputs import check_folder, write_json
from shiftwork.report.cost_accel import accel
from shiftwork.report.cost_dnateq import dnateq
from shiftwork.report.cost_msq import msq
from shiftwork.report.cost_requant import requant
from shiftwork.report.cost_tr import tr
from shiftwork.schemes import EngineWish

STUDIES = {
    "tr": ("cycles", "design", "ecp5", "toggles", "rows", "cols"),
    "msq": (),
    "requant": ("design",),
    "dnateq": ("ecp5", "toggles", "rows", "cols", "fold"),
    "accel": ("design", "family", "rows", "cols", "activation_memory", "weight_words", "constants", "memory_latency"),
}
"""Settings that not all of them take."""


def synth(study: str, wish: CostWish, shape: EngineWish, accelerator: SimulationWish, json: Path | None = None) -> int:
    """Run a study of :data:`STUDIES`, print its tables, write its JSON values.

    Returns:
        Exit code 0.

    Raises:
        ShiftworkError: an option, a file or a tool is not usable, or an RTL result is wrong.
    """
    if study not in STUDIES:
        raise SettingError(f"synth {study}: choose {', '.join(STUDIES)}")
    given = {name: getattr(wish, name) for name in ("cycles", "design", "family", "ecp5", "toggles")}
    for name, value in (given | dict.fromkeys([*shape.given, *accelerator.given], True)).items():
        if value and name not in STUDIES[study]:
            takers = " and ".join(other for other, names in STUDIES.items() if name in names)
            raise SettingError(f"`{name}` belongs to synth {takers}, not to synth {study}")
    wish.check()
    check_folder("keep", wish.keep)
    if study == "msq":
        result = msq(wish)
    elif study == "requant":
        result = requant(wish)
    elif study == "accel":
        given_shape = TrEngine(**shape.given)
        result = accel(wish, accelerator, given_shape.rows, given_shape.cols)
    else:
        engine = shape.build(study)
        if isinstance(engine, ExpEngine):
            result = dnateq(wish, engine)
        else:
            assert isinstance(engine, TrEngine)
            result = tr(wish, engine)
    if json is not None:
        write_json(json, result)
    return 0
