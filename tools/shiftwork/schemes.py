# SPDX-License-Identifier: Apache-2.0
"""The number schemes by name: quantizer, legal options, engine. Nothing below this file knows a scheme's name.

What a report shows of a scheme's work comes with the format of its modules (:mod:`shiftwork.network.format`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields, make_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile import Engine, ExpEngine, MacEngine, MsqEngine, TrEngine, compile_network
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.golden.model import run
from shiftwork.network.data import Data, load_data
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.progress import OnItem, Progress
from shiftwork.quantize import dnateq, fixed8, msq, tr
from shiftwork.quantize.judge import Judge, split
from shiftwork.quantize.quantization import BEST, CALIBRATION_SAMPLES, Quantization
from shiftwork.settings import choose, setting, settings

Quantizer = Callable[[FloatNetwork, NDArray[np.float32], Quantization, Judge, OnItem | None], IntegerNetwork]
"""From the float graph, calibration samples, a user's wish, and what estimates the loss on samples that were held back,
to the integer network."""


@dataclass(frozen=True)
class Scheme:
    """A number scheme.

    Attributes:
        name: on the command line and in files. quantizer: makes its networks.
        options: settings of :class:`~shiftwork.quantize.quantization.Quantization` that it takes.
        scales: how its scales may be chosen, the first by default; empty: it has none.
        engine: what runs it unless a user says otherwise; None: nothing but the golden model.
        others: engines that run it as well. trained: ``shiftwork train`` makes networks of it.
        usual_scale: which of ``scales`` a wish means that leaves it open, where that is not always the first.
    """

    name: str
    quantizer: Quantizer
    options: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    engine: type[Engine] | None = None
    others: tuple[type[Engine], ...] = ()
    usual_scale: Callable[[Quantization], str] | None = None
    trained: bool = False

    @property
    def engines(self) -> tuple[type[Engine], ...]:
        """Engines that run it, the usual one first."""
        return () if self.engine is None else (self.engine, *self.others)


ENGINES: dict[str, type[Engine]] = {"tr": TrEngine, "mac": MacEngine, "msq": MsqEngine, "exp": ExpEngine}
"""Engines by the name that a user calls them."""

_WIDTHS = ("stream", "per_tensor", "weight_bits", "activation_bits")
_TERMS = ("stream", "per_tensor", "group", "budget", "data_terms", "layer", "overrides", "depthwise")
_ROWS = ("alpha", "input_copies")
_EACH = ("mse", "maxabs")

SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("fixed8", fixed8.integers, _WIDTHS, (*_EACH, "joint"), TrEngine, (MacEngine,)),
        Scheme("joint", fixed8.integers, _WIDTHS, (BEST,), TrEngine, (MacEngine,)),
        Scheme("tr", tr.quantize, _TERMS, (*_EACH, "joint", BEST), TrEngine, (), tr.usual_scale, trained=True),
        Scheme("msq", msq.rows, ("sp2_share", *_ROWS), _EACH, MsqEngine, trained=True),
        Scheme("fixed4", msq.rows, _ROWS, _EACH, MsqEngine, trained=True),
        Scheme("sp2", msq.rows, _ROWS, _EACH, MsqEngine, trained=True),
        Scheme("pot", msq.rows, _ROWS, _EACH, trained=True),
        Scheme("dnateq", partial(dnateq.codes, cycles=ExpEngine().window_cycles), ("exponent_bits",), (), ExpEngine),
    )
}


def scheme_of(name: str) -> Scheme:
    """The scheme of a name.

    Raises:
        SettingError: there is none.
    """
    choose("scheme", name, tuple(SCHEMES))
    return SCHEMES[name]


def check(wish: Quantization, inside: bool = False) -> Quantization:
    """Refuse what does not go together before any work is done.

    Args:
        wish: of a user. inside: the network is for the accelerator, which streams weights.

    Returns:
        The wish with the scheme's way to choose scales, and the operand that the accelerator streams, where the user
        left them open.

    Raises:
        SettingError: names a value out of its range, or a setting that belongs to other schemes.
    """
    scheme = scheme_of(wish.scheme)
    wish.check()
    for item in settings(Quantization):
        value = getattr(wish, item.name)
        if item.name in ("scheme", "scale", "max_loss", *scheme.options) or value == item.default:
            continue
        takers = [other.name for other in SCHEMES.values() if item.name in other.options]
        words = f"`{item.name}` {value}" if isinstance(item.default, str) else f"`{item.name}`"
        raise SettingError(f"{words} belongs to `scheme` {_any(takers)}, not to `scheme` {scheme.name}")
    if wish.scale is not None and wish.scale not in scheme.scales:
        takers = [other.name for other in SCHEMES.values() if wish.scale in other.scales]
        raise SettingError(f"`scale` {wish.scale} belongs to `scheme` {_any(takers)}, not to `scheme` {scheme.name}")
    usual = scheme.usual_scale(wish) if scheme.usual_scale else next(iter(scheme.scales), None)
    stream = "weights" if inside and "stream" in scheme.options else None
    return replace(wish, scale=wish.scale or usual, stream=wish.stream or stream)


def _any(names: Any) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def quantize(
    wish: Quantization,
    network: FloatNetwork,
    calibration: Data,
    progress: Progress | None = None,
    engine: Engine | None = None,
    inside: bool = False,
) -> IntegerNetwork:
    """The integer network that a user asked for, with what it is expected to lose.

    Args:
        wish: scheme and settings. network: the float graph. calibration: samples; their labels take no part.
        progress: told about every item of a search.
        engine: whose cycles a search minimizes; None is the usual one of the scheme. inside: as in :func:`check`.

    Raises:
        ShiftworkError: an illegal option or override, or a network that the scales do not fit.
    """
    wish = check(wish, inside)
    seen, held = split(calibration.x)
    scheme = SCHEMES[wish.scheme]
    if engine is None and scheme.engine is not None:
        engine = scheme.engine()
    cycles = None if engine is None else SampleCycles(engine, held[:1])
    judge = Judge(network, held, wish.max_loss, len(calibration.x), cycles, calibration.source)
    with (progress or Progress(quiet=True)).items() as shown:
        result = scheme.quantizer(network, seen, wish, judge, shown.item)
    result.promise = result.promise or judge.promise(result)
    return result


@dataclass(frozen=True)
class SampleCycles:
    """What predicts the cycles of a network's convolutions for one sample on an engine.

    Attributes:
        engine: that runs them. sample: as the ONNX input expects it, for layers that stream activations, of which their
            cycles depend; weights on the rows decide by themselves.
    """

    engine: Engine
    sample: NDArray[np.float32]

    def __call__(self, network: IntegerNetwork, names: Collection[str] | None = None) -> dict[str, int]:
        compiled = compile_network(network, self.engine).layers
        layers = {name: layer for name, layer in compiled.items() if names is None or name in names}
        known = {} if all(layer.weights_on_rows for layer in layers.values()) else run(network, self.sample)
        return {
            name: self.engine.sample_cycles(layer)
            if layer.weights_on_rows
            else self.engine.streamed_cycles(layer.operands(known))
            for name, layer in layers.items()
        }

    def refused(self, network: IntegerNetwork) -> set[str]:
        found = set()
        for module in network.convolutions:
            try:
                self.engine.check(network, module)
            except ShiftworkError:
                found.add(module.name)
        return found


def load_quantized(
    wish: Quantization, *, model: Path, data: Path, calibration: Path, samples: int
) -> tuple[IntegerNetwork, Data, Data]:
    """A network from files: quantized as wished, its first ``samples`` samples, and the samples that calibrated it.

    Raises:
        ShiftworkError: a file is not usable, or an illegal option.
    """
    network = import_onnx(model)
    known = load_data(calibration, network, CALIBRATION_SAMPLES)
    return quantize(wish, network, known), load_data(data, network, samples), known


def _name_of(engine: type[Engine]) -> str:
    return next(name for name, kind in ENGINES.items() if kind is engine)


def engine_for(scheme: str, engine: str | None = None, inside: bool = False, **given: int | None) -> Engine:
    """The engine that runs a scheme.

    Args:
        scheme: of the network. engine: one of :data:`ENGINES`; None is the usual one of the scheme.
        inside: it stands inside the accelerator: what is not given is as there.
        given: settings of the engine; None, like leaving it out, is the engine's default.

    Raises:
        SettingError: a setting is out of range or belongs to another engine, an engine that does not run the scheme, or
            a scheme without hardware.
    """
    engines = scheme_of(scheme).engines
    if not engines:
        raise SettingError(f"scheme {scheme} is not built in hardware: `executor` golden runs it")
    chosen = engines[0]
    if engine is not None:
        choose("engine", engine, tuple(ENGINES))
        chosen = ENGINES[engine]
    if chosen not in engines:
        names = " or ".join(map(_name_of, engines))
        raise SettingError(f"`engine` {engine} does not run `scheme` {scheme}: choose {names}")
    values = {name: value for name, value in given.items() if value is not None}
    for name in values:
        if name not in {item.name for item in settings(chosen)}:
            whose = f"for scheme {scheme}" if engine is None else engine
            raise SettingError(f"`{name}` is no option of the engine {whose}")
    return chosen(**({**chosen.inside} if inside else {}) | values)


@dataclass(frozen=True)
class EngineWish:
    """Settings that a user gave for an engine before the scheme has decided which; :func:`engine_wish` adds them."""

    @property
    def given(self) -> dict[str, Any]:
        """The settings that were given."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def build(self, scheme: str, inside: bool = False) -> Engine:
        """The engine for a scheme, alone or inside the accelerator; errors are those of :func:`engine_for`."""
        return engine_for(scheme, inside=inside, **self.given)


def engine_wish(*schemes: str) -> type[Any]:
    """An :class:`EngineWish` with the settings of the engines of schemes (none named is all), None unless given.

    Where a scheme has more than one engine, ``engine`` chooses.
    """
    wanted = [SCHEMES[name] for name in schemes or SCHEMES]
    texts: dict[str, str] = {}
    defaults: dict[str, dict[object, dict[str, None]]] = {}
    for scheme in wanted:
        for engine in scheme.engines:
            for item in settings(engine):
                texts.setdefault(item.name, item.metadata["help"])
                defaults.setdefault(item.name, {}).setdefault(item.default, {})[scheme.name] = None
    entries: list[tuple[str, Any, Any]] = []
    choices: dict[str, list[str]] = {}
    for scheme in wanted:
        if scheme.others:
            choices.setdefault(" or ".join(map(_name_of, scheme.engines)), []).append(scheme.name)
    if choices:
        words = [f"{names} ({', '.join(owners)})" for names, owners in choices.items()]
        help = f"Engine, where a scheme has a choice: {', '.join(words)} [default: the first]"
        entries.append(("engine", str | None, setting(None, help)))
    for name, text in texts.items():
        known = defaults[name]
        words = [f"{value} ({', '.join(owners)})" if len(known) > 1 else str(value) for value, owners in known.items()]
        entries.append((name, int | None, setting(None, f"{text} [default: {', '.join(words)}]")))
    return make_dataclass("EngineWish", entries, bases=(EngineWish,), frozen=True)
