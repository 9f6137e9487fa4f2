# SPDX-License-Identifier: Apache-2.0
"""Term revealing: which groups, budgets and data terms every layer runs with (``docs/numerics.md`` section 3).

Method: Term Revealing, arXiv 2007.06389 (weights streamed); streaming activations, budgets per layer by the cycles of
an engine, and weights that are revealed already (:mod:`~shiftwork.quantize.fewer_terms`) are this project's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms as term_codes
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.golden.model import evaluate, run
from shiftwork.network.format import Codes, Work
from shiftwork.network.format_terms import TermWork
from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.network.integer import IntegerModule, IntegerNetwork, Stream, Terms
from shiftwork.network.saving import Saving
from shiftwork.progress import OnItem
from shiftwork.quantize import fixed8
from shiftwork.quantize.bounds import check_accumulators
from shiftwork.quantize.compensate import groups_of, layerwise, with_weights
from shiftwork.quantize.dataflow import Probe, Real, scale_rounding
from shiftwork.quantize.fewer_terms import fewer_terms
from shiftwork.quantize.judge import Cycles, Judge
from shiftwork.quantize.quantization import BEST, STREAMS, Budget, Quantization, parse_budget
from shiftwork.quantize.scales import Scales, build, codes, make_legal

MAX_BUDGET = 2047
DEFAULT_GROUP: dict[str, int] = {"weights": 8, "activations": 256}
DEFAULT_DATA_TERMS: dict[str, int] = {"weights": 3, "activations": 0}
DEFAULT_BUDGET: dict[str, int | float] = {"weights": 12, "activations": 2.0}
SEARCHED_GROUP: dict[str, int] = {"weights": 32, "activations": 256}
"""g where the budget is searched: long enough to let terms go where they matter, and within the shortest slice."""
SEARCHED_DATA_TERMS: dict[str, int] = {"weights": 0, "activations": 0}
"""s where the budget is searched: terms of gathered values take no time."""


@dataclass(frozen=True)
class TrOptions:
    """What a user asks of term revealing.

    Attributes:
        stream: operand that is streamed as terms, ``weights`` or ``activations``.
        either: layers whose budget is searched may stream activations all the same.
        group: g; None is 8 for weights (with ``auto`` 32) and 256 for activations.
        budget: an int is k terms per group, a float is t terms per value (``k = floor(t * min(g, K) + 1/2)``),
            ``exact`` switches the budgets off, ``auto`` chooses k per layer by the cycles of the engine; None is 12 for
            weights and 2.0 for activations.
        data_terms: s; None is 3 for weights (with ``auto`` 0, all) and 0 for activations, where nothing else is legal.
        depthwise: reveal depthwise layers too.
        overrides: per module name, any of ``enabled``, ``stream``, ``group``, ``budget`` (not auto) and ``data_terms``.
    """

    stream: Stream = "weights"
    either: bool = False
    group: int | None = None
    budget: Budget | None = None
    data_terms: int | None = None
    depthwise: bool = False
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_overrides(path: str | Path) -> dict[str, dict[str, Any]]:
    """Per-layer overrides from a YAML or JSON file: a mapping from module name to options.

    Raises:
        ShiftworkError: no such file, or no such mapping in it.
    """
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise ShiftworkError(f"overrides {path}: no such file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ShiftworkError(f"overrides {path}: neither YAML nor JSON") from error
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        raise ShiftworkError(f"overrides {path}: a mapping from module names to options is expected")
    return {str(name): dict(entry) for name, entry in content.items()}


def parse_layer(text: str) -> tuple[str, dict[str, Any]]:
    """``NAME:g=16,k=20,s=3,stream=weights,off`` as the module's name and its override.

    Raises:
        SettingError: anything else.
    """
    name, colon, settings = text.rpartition(":")
    if not colon or not name or not settings:
        raise SettingError(f"`layer` {text}: NAME:k=16,s=3 is expected")
    keys = {"g": "group", "k": "budget", "s": "data_terms", "stream": "stream"}
    entry: dict[str, Any] = {}
    for part in settings.split(","):
        key, equals, value = part.partition("=")
        if part in ("on", "off"):
            entry["enabled"] = part == "on"
        elif not equals or key not in keys:
            raise SettingError(f"`layer` {text}: {part!r} is none of g=, k=, s=, stream=, on, off")
        elif key == "stream":
            if value not in STREAMS:
                raise SettingError(f"`layer` {name}: stream {value}: choose {' or '.join(STREAMS)}")
            entry["stream"] = value
        elif key == "k":
            entry["budget"] = parse_budget(value)
        else:
            try:
                entry[keys[key]] = int(value)
            except ValueError:
                raise SettingError(f"`layer` {text}: {key}={value} is not a whole number") from None
    return name, entry


def quantize(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    wish: Quantization,
    judge: Judge,
    progress: OnItem | None = None,
) -> IntegerNetwork:
    """Scheme ``tr``: 8-bit integers with term revealing (:data:`shiftwork.schemes.Quantizer`).

    Raises:
        ShiftworkError: an illegal option or override, or budget ``auto`` without an engine.
    """
    search = _search(network, samples, wish, judge, progress)
    return search.finished(search.automatic() if search.free else search.network({}))


def with_terms(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    terms: float,
    judge: Judge,
    stream: str | None = None,
    progress: OnItem | None = None,
) -> IntegerNetwork:
    """The network that is expected to lose least in the cycles that it takes with so many terms per value everywhere.

    Args:
        network: the float graph. samples: calibration samples as the ONNX input expects them. terms: above 0.
        judge: knows the cycles of the engine. stream: as in :class:`~shiftwork.quantize.quantization.Quantization`.
        progress: told about every module.

    Raises:
        ShiftworkError: the judge knows no engine.
    """
    wish = Quantization("tr", stream=stream, budget="auto", scale=BEST)
    search = _search(network, samples, wish, judge, progress)
    return search.finished(search.within(terms))


def usual_scale(wish: Quantization) -> str:
    """How scales are chosen for a wish that leaves it open: as well as possible where budgets are searched.

    Groups of streamed activations are as long as a slice: ``mse`` has smaller weights, whose sums fit it.
    """
    return BEST if wish.stream != "activations" and wish.budget in (None, "auto") else "mse"


def _search(
    network: FloatNetwork, samples: NDArray[np.float32], wish: Quantization, judge: Judge, progress: OnItem | None
) -> _Search:
    options = wished_options(wish)
    scales = fixed8.wished_scales(network, samples, wish, judge, progress)
    plain = build(network, scales)
    check_names(plain, options)
    plain = _configured(plain, replace(options, budget="exact", overrides={}), {})
    return _Search(network, samples, scales, plain, options, judge, progress)


def wished_options(wish: Quantization) -> TrOptions:
    """The options of a user's wish.

    Raises:
        ShiftworkError: an illegal override.
    """
    overrides = {} if wish.overrides is None else read_overrides(wish.overrides)
    for text in wish.layer:
        name, entry = parse_layer(text)
        overrides[name] = {**overrides.get(name, {}), **entry}
    return TrOptions(
        stream=cast(Stream, wish.stream or "weights"),
        either=wish.stream is None,
        group=wish.group,
        budget=parse_budget(wish.budget or ("2.0" if wish.stream == "activations" else "auto")),
        data_terms=wish.data_terms,
        depthwise=wish.depthwise,
        overrides=overrides,
    )


def configure(network: IntegerNetwork, options: TrOptions) -> IntegerNetwork:
    """Switch term revealing with fixed budgets on; the weights stay as they are, and the engine reveals them.

    Args:
        network: a ``fixed8`` network; it is not changed. options: groups, budgets and data terms.

    Returns:
        A network of scheme ``tr`` that shares the arrays.

    Raises:
        ShiftworkError: an illegal option, an override of a module that does not exist, or a budget that is searched.
    """
    check_names(network, options)
    for module in network.convolutions:
        if _config(module, options)[1]:
            raise ShiftworkError(f"module {module.name!r}: budget 'auto' needs calibration samples")
    result = _configured(network, options, {})
    check_accumulators(result)
    return result


def _configured(network: IntegerNetwork, options: TrOptions, ways: Ways) -> IntegerNetwork:
    """The network with its options applied; a module whose budget is searched runs as ``ways`` has it, or is QT without
    an entry.
    """
    result = network.copy()
    result.scheme = "tr"
    for module in result.convolutions:
        config, automatic = _config(module, options)
        if automatic:
            config = replace(config, enabled=False)
            way = ways.get(module.name)
            if way is not None:
                group, budget = way.group or config.group, 1
                if way.rate is not None:
                    budget = group_budget(module, group, float(way.rate))
                config = replace(config, enabled=way.rate is not None, group=group, budget=budget)
                if way.stream is not None:
                    config = replace(config, stream=way.stream, data_terms=0)
        module.format = config
    return result


def check_names(network: IntegerNetwork, options: TrOptions) -> None:
    known = {module.name for module in network.convolutions}
    legal = {item.name for item in fields(Terms)}
    for name, entry in options.overrides.items():
        if name not in known:
            raise ShiftworkError(f"override of {name!r}: no such convolution or fully connected module")
        for key in entry:
            if key not in legal:
                raise ShiftworkError(f"override of {name!r}: unknown option {key!r}")


def _config(module: IntegerModule, options: TrOptions) -> tuple[Terms, bool]:
    """Configuration of one module, and whether its budget is to be searched."""
    override = dict(options.overrides.get(module.name, {}))
    stream = override.get("stream", options.stream)
    if stream not in get_args(Stream):
        raise ShiftworkError(f"module {module.name!r}: unknown stream {stream!r}")
    budget = override.get("budget", options.budget if options.budget is not None else DEFAULT_BUDGET[stream])
    defaults = (DEFAULT_GROUP, DEFAULT_DATA_TERMS) if budget != "auto" else (SEARCHED_GROUP, SEARCHED_DATA_TERMS)
    group, terms = (
        override.get(name, known if stream == options.stream and known is not None else default[stream])
        for name, known, default in zip(
            ("group", "data_terms"), (options.group, options.data_terms), defaults, strict=True
        )
    )
    enabled = override.get("enabled", not module.depthwise or options.depthwise)
    for name, value in (("group", group), ("data_terms", terms)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise ShiftworkError(f"module {module.name!r}: {name} {value!r} is not a whole number")
    term_codes.check_group(group)
    term_codes.check_data_terms(terms)
    if stream == "activations" and terms:
        raise ShiftworkError(f"module {module.name!r}: data terms must be 0 when activations are streamed, not {terms}")
    if "budget" in override and budget == "auto":
        raise ShiftworkError(f"override of {module.name!r}: a budget of one layer cannot be 'auto'")
    automatic = budget == "auto"
    if automatic:
        budget = 1
    elif budget == "exact":
        budget, enabled = 1, False
    config = Terms(bool(enabled), stream, group, group_budget(module, group, budget), terms)
    return config, automatic and bool(enabled)


def group_budget(module: IntegerModule, group: int, budget: Budget) -> int:
    """k of a budget given per group (int) or per value (float).

    Raises:
        ShiftworkError: below 1 or above 2047 terms per group, or no number.
    """
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not math.isfinite(budget):
        raise ShiftworkError(f"module {module.name!r}: budget {budget!r} is no number of terms")
    if budget <= 0:
        raise ShiftworkError(f"module {module.name!r}: budget {budget} is not positive")
    k = budget if isinstance(budget, int) else math.floor(budget * min(group, module.depth) + 0.5)
    if not 1 <= k <= MAX_BUDGET:
        raise ShiftworkError(f"module {module.name!r}: budget of {k} terms per group is outside 1..{MAX_BUDGET}")
    return k


# -- weights and budgets

RATES = (2.0, 1.5, 1.25, 1.125, 1.0, 0.875, 0.8125)
"""Terms per value that ``auto`` chooses from with weights streamed. An engine loads a value in a cycle: below the last
hardly any are gained."""
_EVEN = tuple(rate for rate in RATES if rate <= 1)  # those that are tried in all layers alike
_ACTIVATION_RATES = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0)  # with activations streamed, the same in all layers
_EITHER_RATES = (1.5, 1.25, 1.0)  # of activations, where a layer may stream either
_ACTIVATION_GROUPS = (256, 128, 64)  # of them, the first whose slices the engine holds
_TRIALS = 7  # whole networks of rates per layer that the search builds
_NEAR = 1.01  # cycles by which two of them may differ where it ends
_SAFE = 0.8  # of the way to what loses too much, as long as nothing keeps the loss
_INSIDE = 0.1  # how far from both ends of what is left the next one is, at least
_PROBES = 8  # samples on which a layer's effect on the output is measured
_COUNTED = 8  # samples of which term pairs are counted


@dataclass(frozen=True)
class _Way:
    """How a layer runs, if not as QT.

    Attributes:
        rate: terms per value that are kept, None: all. stream: of which operand. group: g. None: as the user has them.
    """

    rate: float | None
    stream: Stream | None = None
    group: int | None = None

    @property
    def plain_activations(self) -> bool:
        """Nothing of the activations is left out."""
        return self.rate is None or self.stream is None


_WHOLE = _Way(None, "activations")
"""Activations streamed, all of their terms."""

Ways = Mapping[str, _Way]
"""How layers run, by the module's name; the others are QT."""


@dataclass(frozen=True)
class _Choice:
    """How all layers run; the error at the output and the cycles that are foretold."""

    ways: dict[str, _Way]
    error: float
    cycles: int


@dataclass
class _Search:
    """Weights of fewer terms, and how few of them every layer takes.

    Attributes:
        float_network, samples: of the quantizer. scales: all of them. plain: the network without term revealing.
    """

    float_network: FloatNetwork
    samples: NDArray[np.float32]
    scales: Scales
    plain: IntegerNetwork
    options: TrOptions
    judge: Judge
    progress: OnItem | None
    _predicted: list[tuple[IntegerNetwork, dict[str, int]]] = field(default_factory=list)
    _timed: dict[_Way, dict[str, int]] = field(default_factory=dict)

    @property
    def free(self) -> list[str]:
        """Modules whose budget is searched."""
        return [module.name for module in self.plain.convolutions if _config(module, self.options)[1]]

    def network(self, ways: Ways, label: str = "") -> IntegerNetwork:
        """The network with such ways where the budget is searched; its weights are revealed already."""
        return self._networks([ways], label)[0][0]

    def _networks(self, choices: Sequence[Ways], label: str) -> tuple[list[IntegerNetwork], dict[str, Real]]:
        """Networks whose inputs of every layer are those of the first of them, and squared errors of every layer's sums
        by its name, (choices,).
        """
        targets = [_configured(self.plain, self.options, ways) for ways in choices]
        if not any(self._nudged(module) for target in targets for module in target.convolutions):
            return targets, {}
        missed: dict[str, Real] = {}

        def choose(module: FloatModule, probe: Probe) -> list[FloatModule]:
            groups, errors = [], np.zeros(len(pairs))
            for place, part in enumerate(groups_of(module)):
                found = [self._weights(target, ways, module, place, part, probe) for target, ways in pairs]
                wanted = probe.sums[:, place * len(part) : (place + 1) * len(part)]
                left = [wanted - probe.tables[place] @ weight.T.astype(np.float32) for weight in found]
                errors += [float(error.var(axis=0).sum()) for error in left]
                groups.append(found)
            missed[module.name] = errors
            return [with_weights(module, probe, some) for some in zip(*groups, strict=True)]

        def tell(index: int, total: int, name: str) -> None:
            if self.progress is not None:
                self.progress(index, total, label + name)

        pairs = list(zip(targets, choices, strict=True))
        found = layerwise(self.float_network, self.samples, scale_rounding(self.scales), choose, tell)
        return [self._built(*pair) for pair in zip(found, targets, strict=True)], missed

    def _nudged(self, module: IntegerModule) -> bool:
        """Its weights are chosen so that term revealing leaves them alone."""
        form = _terms(module)
        return form.enabled and form.stream == "weights"

    def _weights(
        self,
        target: IntegerNetwork,
        ways: Ways,
        module: FloatModule,
        place: int,
        part: Real,
        probe: Probe,
    ) -> Real:
        """Real values of the integer weights (channels, K) of a group of channels."""
        exponents = self.scales.weights[module.name].reshape(module.groups, -1)[place][:, None]
        integer, largest = target.module(module.name), self.scales.bits.largest_weight
        if not self._nudged(integer):
            return np.asarray(codes(part, exponents, -largest, largest) * 2.0**-exponents)
        form, count = _terms(integer), part.shape[1]
        limits = np.full(-(-count // form.group), form.budget)
        rate = ways[module.name].rate if module.name in ways else None
        if rate is not None:  # a short group has less time in the array
            sizes = np.minimum(form.group, count - form.group * np.arange(len(limits)))
            limits = np.maximum(1, np.floor(rate * sizes + 0.5).astype(np.int64))
        channels = slice(place * len(part), (place + 1) * len(part))
        wanted = probe.sums[:, channels] * 2.0 ** exponents[:, 0]
        found = fewer_terms(
            part * 2.0**exponents, probe.tables[place], wanted, form.group, limits, target.rule, largest
        )
        return np.asarray(found * 2.0**-exponents)

    def _built(self, network: FloatNetwork, target: IntegerNetwork) -> IntegerNetwork:
        """Integers of float weights that are multiples of their scales already."""
        weights = {name: exponents.copy() for name, exponents in self.scales.weights.items()}
        scales = replace(self.scales, tensors=dict(self.scales.tensors), weights=weights, values={})
        make_legal(network, scales)
        result = build(network, scales)
        result.scheme = target.scheme
        for module, known in zip(result.modules, target.modules, strict=True):
            module.format = known.format
        return result

    # budgets

    def automatic(self) -> IntegerNetwork:
        """The network of fewest cycles that keeps what is tolerated, or loses less than QT; if none does, QT with the
        operand streamed that takes fewer cycles.
        """
        if self.options.stream == "activations":
            ways = (dict.fromkeys(self.free, _Way(rate)) for rate in _ACTIVATION_RATES)
            networks = (self._judged(some, "") for some in ways)
            return next((found for found, bound in networks if self._keeps(bound)), self.network({}))
        whole = {name: _WHOLE for name in self._streams if self._cycles_of(name, _WHOLE) < self._cycles_of(name, None)}
        best = self.network(whole)
        inside: tuple[Ways, float] = whole, self._plain_bound
        for rate in _EVEN:
            even = self._even(rate)
            found, bound = self._judged(even, f"{rate} terms a value: ")
            if not self._keeps(bound):
                return self._mixed(best, inside, (even, bound))
            best, inside = found, (even, bound)
        return best

    def within(self, terms: float) -> IntegerNetwork:
        """The network of least error that is foretold in the cycles of so many terms per value in all layers; of
        activations it keeps all terms.
        """
        most = sum(min(self._cycles_of(name, way) for way in (_Way(terms), None)) for name in self.free)
        found = self._errors(sorted({*RATES, terms}, reverse=True))
        errors = {name: {way: found[name][way] for way in found[name] if way.plain_activations} for name in found}
        choices = [choice for choice in self._choices(errors) if choice.cycles <= most]
        return self.gaining(choices[-1].ways if choices else self._even(terms), "few terms: ")

    def _even(self, rate: float) -> dict[str, _Way]:
        """So many terms per value of the weights everywhere, but for layers that take no more cycles with all terms of
        their activations.
        """
        few = _Way(rate)
        whole = {name for name in self._streams if self._cycles_of(name, _WHOLE) <= self._cycles_of(name, few)}
        return {name: _WHOLE if name in whole else few for name in self.free}

    def _mixed(self, best: IntegerNetwork, inside: tuple[Ways, float], outside: tuple[Ways, float]) -> IntegerNetwork:
        """:meth:`automatic` with ways per layer.

        The bound of the loss rises with the error that is foretold, the less the larger it is. The two choices around
        the limit, at first ``inside`` and ``outside``, tell where the next one should be; while none is better than
        ``best``, it is taken nearer to the first.

        Args:
            best: keeps the loss. inside: its ways, and the bound of its loss. outside: ways that lose too much, and the
                bound.
        """
        errors = self._errors(RATES)
        most = sum(self.cycles(best)[name] for name in self.free)
        choices = [choice for choice in self._choices(errors) if choice.cycles < most]

        def foretold(ways: Ways) -> float:
            return sum(errors[name].get(way, 0.0) for name, way in ways.items())

        if not choices:
            return best
        kept, high = (foretold(inside[0]), inside[1]), len(choices)
        low, over = 0, (foretold(outside[0]), outside[1])  # error and bound of what loses too much
        for trial in range(1, _TRIALS + 1):
            if low == high or (high < len(choices) and choices[high].cycles < _NEAR * choices[low].cycles):
                break
            span = over[1] - kept[1]
            share = (self._limit - kept[1]) / span * (1.0 if high < len(choices) else _SAFE) if span > 0 else 0.0
            aim = kept[0] + min(max(share, _INSIDE), 1 - _INSIDE) * (over[0] - kept[0])
            place = next((at for at in range(low, high) if choices[at].error <= aim), high - 1)
            if trial == _TRIALS and high == len(choices):
                place = high - 1
            found, bound = self._judged(choices[place].ways, f"trial {trial} of at most {_TRIALS}: ")
            if self._keeps(bound):
                best, high, kept = found, place, (choices[place].error, bound)
            else:
                low, over = place + 1, (choices[place].error, bound)
        return best

    def _judged(self, ways: Ways, label: str) -> tuple[IntegerNetwork, float]:
        """The network, and the bound of its loss."""
        found = self.gaining(ways, label)
        found.promise = self.judge.promise(found)
        return found, found.promise.bound

    def gaining(self, ways: Ways, label: str) -> IntegerNetwork:
        """The network with such ways; a layer that gains no cycles is QT."""
        found = self.network(ways, label)
        cycles, before = self.cycles(found), self.cycles(self.plain)
        gaining = {name: way for name, way in ways.items() if cycles[name] < before[name]}
        return found if gaining == ways else self.network(gaining, label)

    def _keeps(self, bound: float) -> bool:
        """The loss is tolerated, bound included, or less than what QT already loses."""
        return bound <= self.judge.tolerated or bound < self._plain_bound

    @property
    def _limit(self) -> float:
        return max(self.judge.tolerated, self._plain_bound)

    @cached_property
    def _plain_bound(self) -> float:
        return self.judge.promise(self.plain).bound

    @property
    def _engine(self) -> Cycles:
        if self.judge.cycles is None:
            raise ShiftworkError("budget 'auto' needs an engine whose cycles it minimizes")
        return self.judge.cycles

    def cycles(self, network: IntegerNetwork) -> dict[str, int]:
        """Cycles of every layer, predicted once.

        Raises:
            ShiftworkError: no engine is known.
        """
        for known, found in self._predicted:
            if known is network:
                return found
        found = self._engine(network)
        self._predicted.append((network, found))
        return found

    def _cycles_of(self, name: str, way: _Way | None) -> int:
        """Cycles of a layer that runs so; receding water leaves as many terms as weights that are chosen."""
        if way is None:
            return self.cycles(self.plain)[name]
        if way not in self._timed:
            taken = [some for some in self.free if way.stream is None or way in self._streams.get(some, ())]
            network = _configured(self.plain, self.options, dict.fromkeys(taken, way))
            self._timed[way] = self._engine(network, taken)
        return self._timed[way][name]

    @cached_property
    def _streams(self) -> dict[str, list[_Way]]:
        """Ways with activations streamed by the layers that have a choice and whose engine takes them."""
        if not self.options.either or self.judge.cycles is None:
            return {}
        left = {name for name in self.free if "stream" not in self.options.overrides.get(name, {})}
        left -= self._engine.refused(_configured(self.plain, self.options, dict.fromkeys(left, _WHOLE)))
        found = {name: [_WHOLE] for name in left}
        for group in _ACTIVATION_GROUPS:
            ways = [_Way(rate, "activations", group) for rate in _EITHER_RATES]
            revealed = _configured(self.plain, self.options, dict.fromkeys(left, ways[0]))
            taken = left - self._engine.refused(revealed)
            for name in taken:
                found[name] += ways
            left -= taken
        return found

    def _choices(self, errors: Mapping[str, Mapping[_Way, float]]) -> list[_Choice]:
        """Ways of all layers at rising prices of an error at the output, in cycles, so at falling errors."""
        options: dict[str, list[tuple[float, int, _Way | None]]] = {}
        for name in self.free:
            before = self._cycles_of(name, None)
            timed = [(error, self._cycles_of(name, way), way) for way, error in errors[name].items()]
            options[name] = [(0.0, before, None), *(point for point in timed if point[1] < before)]
        prices = sorted(
            (fewer - cycle) / (error - less)
            for points in options.values()
            for error, cycle, _ in points
            for less, fewer, _ in points
            if less < error and fewer > cycle
        )
        choices: list[_Choice] = []
        for price in prices:
            chosen = [
                min(points, key=lambda point: point[1] + price * (1 + 1e-9) * point[0]) for points in options.values()
            ]
            ways = {name: way for name, (_, _, way) in zip(options, chosen, strict=True) if way is not None}
            if ways and (not choices or choices[-1].ways != ways):
                choices.append(_Choice(ways, sum(point[0] for point in chosen), sum(point[1] for point in chosen)))
        return choices

    def _errors(self, rates: Sequence[float]) -> dict[str, dict[_Way, float]]:
        """What a way of one layer alone adds to the squared error at the output of QT. rates: falling."""
        few = [_Way(rate) for rate in rates]
        choices: list[Ways] = [{}, *(dict.fromkeys(self.free, way) for way in few)]
        (base, *networks), missed = self._networks(choices, "each layer: ")
        known = run(base, self.judge.samples[:_PROBES], collect=True)
        found: dict[str, dict[_Way, float]] = {}
        for place, name in enumerate(self.free):
            if self.progress is not None:
                self.progress(place + 1, len(self.free), f"effect on the output: {name}")
            found[name] = {_WHOLE: 0.0} if name in self._streams else {}
            if self._nudged(networks[-1].module(name)):
                plain, *errors = missed[name].tolist()
                reached = self._reached(base, networks[-1].module(name), known)
                weight = reached / (errors[-1] + plain or 1.0)  # the errors of the two have little in common
                found[name] |= {way: weight * (error - plain) for way, error in zip(few, errors, strict=True)}
            for way in (*few, *self._streams.get(name, ())):
                if way not in found[name] and self._cycles_of(name, way) < self._cycles_of(name, None):
                    module = _configured(base, self.options, {name: way}).module(name)
                    found[name][way] = self._reached(base, module, known)
        return found

    def _reached(self, base: IntegerNetwork, other: IntegerModule, known: Mapping[str, Codes]) -> float:
        """Squared error of the network's output when one module is another. known: all tensors without it."""
        tensors, dirty = dict(known), set[str]()
        for module in base.modules:
            if module.name == other.name:
                tensors[module.output] = evaluate(base, other, tensors)
                dirty.add(module.output)
            elif not dirty.isdisjoint(module.reads):
                tensors[module.output] = evaluate(base, module, tensors)
                dirty.add(module.output)
        missed = (tensors[n].astype(np.float64) - known[n] for n in base.outputs)
        scales = (
            base.real(n, np.ones(1, np.int64))[0] if base.tensors[n].levels is None else 1.0 for n in base.outputs
        )
        return sum(float(np.square(m * s).sum()) for m, s in zip(missed, scales, strict=True))

    # what it brings

    def finished(self, network: IntegerNetwork) -> IntegerNetwork:
        """The network, checked, with what it saves."""
        check_accumulators(network)
        network.saving = self.saving(network)
        return network

    def saving(self, network: IntegerNetwork) -> Saving:
        """The network beside QT."""
        cycles: list[int | None] = []
        for some in (network, self.plain):
            try:
                cycles.append(sum(self.cycles(some).values()))
            except ShiftworkError:  # the engine does not take it
                cycles.append(None)
        pairs = [pairs_present(some, self.judge.samples) for some in (network, self.plain)]
        either = self._either_cycles() if self._streams else cycles[1]
        return Saving(cycles[0], cycles[1], either, pairs[0], pairs[1])

    def _either_cycles(self) -> int:
        """Cycles of QT with that operand streamed in every layer that takes fewer of them."""
        before = self.cycles(self.plain)
        return sum(
            min(count, self._cycles_of(name, _WHOLE)) if name in self._streams else count
            for name, count in before.items()
        )


def pairs_present(network: IntegerNetwork, samples: NDArray[np.float32]) -> float:
    """Term pairs that are there per MAC, on the first of some samples."""
    counts: dict[str, Work] = {}
    run(network, samples[:_COUNTED], collect=False, counts=counts)
    done = [cast(TermWork, work) for work in counts.values()]
    return sum(work.pairs for work in done) / (sum(work.macs for work in done) or 1)


def _terms(module: IntegerModule) -> Terms:
    return cast(Terms, module.format)
