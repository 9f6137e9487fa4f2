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
from shiftwork.quantize.judge import Judge
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
        group: g; None is 8 for weights (with ``auto`` 32) and 256 for activations.
        budget: an int is k terms per group, a float is t terms per value (``k = floor(t * min(g, K) + 1/2)``),
            ``exact`` switches the budgets off, ``auto`` chooses k per layer by the cycles of the engine; None is 12 for
            weights and 2.0 for activations.
        data_terms: s; None is 3 for weights (with ``auto`` 0, all) and 0 for activations, where nothing else is legal.
        depthwise: reveal depthwise layers too.
        overrides: per module name, any of ``enabled``, ``stream``, ``group``, ``budget`` (not auto) and ``data_terms``.
    """

    stream: Stream = "weights"
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
    progress: OnItem | None = None,
) -> IntegerNetwork:
    """The network with so many terms per value in every layer that takes fewer cycles for it; the others are QT.

    Args:
        network: the float graph. samples: calibration samples as the ONNX input expects them. terms: above 0.
        judge: knows the cycles of the engine. progress: told about every module.

    Raises:
        ShiftworkError: the judge knows no engine.
    """
    search = _search(network, samples, Quantization("tr", budget="auto", scale=BEST), judge, progress)
    return search.finished(search.gaining(dict.fromkeys(search.free, terms), "few terms: "))


def usual_scale(wish: Quantization) -> str:
    """How scales are chosen for a wish that leaves it open: as well as possible where budgets are searched.

    Groups of streamed activations are as long as a slice: ``mse`` has smaller weights, whose sums fit it.
    """
    return BEST if wish.stream == "weights" and wish.budget in (None, "auto") else "mse"


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
        stream=cast(Stream, wish.stream),
        group=wish.group,
        budget=parse_budget(wish.budget or ("auto" if wish.stream == "weights" else "2.0")),
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


def _configured(network: IntegerNetwork, options: TrOptions, rates: Mapping[str, float]) -> IntegerNetwork:
    """The network with its options applied; a module whose budget is searched has the terms per value of ``rates``, or
    is QT without an entry.
    """
    result = network.copy()
    result.scheme = "tr"
    for module in result.convolutions:
        config, automatic = _config(module, options)
        if automatic:
            rate = rates.get(module.name)
            budget = config.budget if rate is None else group_budget(module, config.group, float(rate))
            config = replace(config, enabled=rate is not None, budget=budget)
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
_TRIALS = 7  # whole networks of rates per layer that the search builds
_NEAR = 1.01  # cycles by which two of them may differ where it ends
_SAFE = 0.8  # of the way to what loses too much, as long as nothing keeps the loss
_INSIDE = 0.1  # how far from both ends of what is left the next one is, at least
_PROBES = 8  # samples on which a layer's effect on the output is measured
_COUNTED = 8  # samples of which term pairs are counted


@dataclass(frozen=True)
class _Choice:
    """Terms per value by layer, the others QT; the error at the output and the cycles that are foretold."""

    rates: dict[str, float]
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

    @property
    def free(self) -> list[str]:
        """Modules whose budget is searched."""
        return [module.name for module in self.plain.convolutions if _config(module, self.options)[1]]

    def network(self, rates: Mapping[str, float], label: str = "") -> IntegerNetwork:
        """The network with such terms per value where the budget is searched; its weights are revealed already."""
        return self._networks([rates], label)[0][0]

    def _networks(
        self, choices: Sequence[Mapping[str, float]], label: str
    ) -> tuple[list[IntegerNetwork], dict[str, Real]]:
        """Networks whose inputs of every layer are those of the first of them, and squared errors of every layer's sums
        by its name, (choices,).
        """
        targets = [_configured(self.plain, self.options, rates) for rates in choices]
        if not any(self._nudged(module) for target in targets for module in target.convolutions):
            return targets, {}
        missed: dict[str, Real] = {}

        def choose(module: FloatModule, probe: Probe) -> list[FloatModule]:
            groups, errors = [], np.zeros(len(pairs))
            for place, part in enumerate(groups_of(module)):
                found = [self._weights(target, rates, module, place, part, probe) for target, rates in pairs]
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
        rates: Mapping[str, float],
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
        if module.name in rates:  # a short group has less time in the array
            sizes = np.minimum(form.group, count - form.group * np.arange(len(limits)))
            limits = np.maximum(1, np.floor(rates[module.name] * sizes + 0.5).astype(np.int64))
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
        """The network of fewest cycles that keeps what is tolerated, or loses no more than QT; QT if none does."""
        if self.options.stream == "activations":
            tried = (self._judged(dict.fromkeys(self.free, rate), "") for rate in _ACTIVATION_RATES)
            return next((found for found, bound in tried if self._keeps(bound)), self.network({}))
        best, lost = self.plain, 0.0
        for rate in _EVEN:
            found, bound = self._judged(dict.fromkeys(self.free, rate), f"{rate} terms a value: ")
            if not self._keeps(bound):
                lost = bound
                break
            best = found
        return best if best is not self.plain else self._mixed(lost)

    def _mixed(self, lost: float) -> IntegerNetwork:
        """:meth:`automatic` with rates per layer; QT if no choice of them keeps the loss.

        The bound of the loss rises with the error that is foretold, the less the larger it is. The two choices around
        the limit, at first that of least error, which loses about what QT does, and the one that has so many terms
        everywhere and loses ``lost``, tell where the next one should be; while none keeps the loss, it is taken nearer
        to the first.
        """
        choices, most = self._choices()
        if not choices:
            return self.plain
        best, kept, high = self.plain, (choices[-1].error, self._plain_bound), len(choices)
        low, over = 0, (most, lost)  # error and bound of what loses too much
        for trial in range(1, _TRIALS + 1):
            if low == high or (high < len(choices) and choices[high].cycles < _NEAR * choices[low].cycles):
                break
            span = over[1] - kept[1]
            share = (self._limit - kept[1]) / span * (1.0 if high < len(choices) else _SAFE) if span > 0 else 0.0
            aim = kept[0] + min(max(share, _INSIDE), 1 - _INSIDE) * (over[0] - kept[0])
            place = next((at for at in range(low, high) if choices[at].error <= aim), high - 1)
            if trial == _TRIALS and high == len(choices):
                place = high - 1
            found, bound = self._judged(choices[place].rates, f"trial {trial} of at most {_TRIALS}: ")
            if self._keeps(bound):
                best, high, kept = found, place, (choices[place].error, bound)
            else:
                low, over = place + 1, (choices[place].error, bound)
        return best

    def _judged(self, rates: Mapping[str, float], label: str) -> tuple[IntegerNetwork, float]:
        """The network, and the bound of its loss."""
        found = self.gaining(rates, label)
        found.promise = self.judge.promise(found)
        return found, found.promise.bound

    def gaining(self, rates: Mapping[str, float], label: str) -> IntegerNetwork:
        """The network with such terms per value; a layer that gains no cycles is QT."""
        found = self.network(rates, label)
        cycles, before = self.cycles(found), self.cycles(self.plain)
        gaining = {name: rate for name, rate in rates.items() if cycles[name] < before[name]}
        return found if gaining == rates else self.network(gaining, label)

    def _keeps(self, bound: float) -> bool:
        """The loss is tolerated, bound included, or less than what QT already loses."""
        return bound <= self.judge.tolerated or bound < self._plain_bound

    @property
    def _limit(self) -> float:
        return max(self.judge.tolerated, self._plain_bound)

    @cached_property
    def _plain_bound(self) -> float:
        return self.judge.promise(self.plain).bound

    def cycles(self, network: IntegerNetwork) -> dict[str, int]:
        """Cycles of every layer, predicted once.

        Raises:
            ShiftworkError: no engine is known.
        """
        if self.judge.cycles is None:
            raise ShiftworkError("budget 'auto' needs an engine whose cycles it minimizes")
        for known, found in self._predicted:
            if known is network:
                return found
        found = self.judge.cycles(network)
        self._predicted.append((network, found))
        return found

    def _choices(self) -> tuple[list[_Choice], float]:
        """Terms per value of all layers at rising prices of an error at the output, in cycles, so at falling errors;
        and the error of what :meth:`automatic` tries first.
        """
        errors, before = self._errors(), self.cycles(self.plain)
        cycles = {  # receding water leaves as many terms as weights that are chosen
            rate: self.cycles(_configured(self.plain, self.options, dict.fromkeys(self.free, rate))) for rate in RATES
        }
        options: dict[str, list[tuple[float, int, float | None]]] = {
            name: [
                (0.0, before[name], None),
                *(
                    (errors[name][rate], cycles[rate][name], rate)
                    for rate in RATES
                    if cycles[rate][name] < before[name]
                ),
            ]
            for name in self.free
        }
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
            rates = {name: rate for name, (_, _, rate) in zip(options, chosen, strict=True) if rate is not None}
            if rates and (not choices or choices[-1].rates != rates):
                choices.append(_Choice(rates, sum(point[0] for point in chosen), sum(point[1] for point in chosen)))
        even = [{rate: error for error, _, rate in points}.get(_EVEN[0], 0.0) for points in options.values()]
        return choices, sum(even)

    def _errors(self) -> dict[str, dict[float, float]]:
        """What so many terms per value in one layer alone add to the squared error at the output of QT."""
        choices: list[dict[str, float]] = [{}, *(dict.fromkeys(self.free, rate) for rate in RATES)]
        (base, *networks), missed = self._networks(choices, "each layer: ")
        known = run(base, self.judge.samples[:_PROBES], collect=True)
        found: dict[str, dict[float, float]] = {}
        for name in self.free:
            plain, *errors = missed[name].tolist()
            output = evaluate(base, networks[-1].module(name), known)
            reached = self._output_error(base, name, output, known)
            weight = reached / (errors[-1] + plain or 1.0)  # the errors of the two have little in common
            found[name] = {rate: weight * (error - plain) for rate, error in zip(RATES, errors, strict=True)}
        return found

    def _output_error(self, base: IntegerNetwork, name: str, output: Codes, known: Mapping[str, Codes]) -> float:
        """Squared error of the network's output when a module alone has another output."""
        tensors, dirty = dict(known), set[str]()
        for module in base.modules:
            if module.name == name:
                tensors[module.output] = output
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
        return Saving(cycles[0], cycles[1], pairs[0], pairs[1])


def pairs_present(network: IntegerNetwork, samples: NDArray[np.float32]) -> float:
    """Term pairs that are there per MAC, on the first of some samples."""
    counts: dict[str, Work] = {}
    run(network, samples[:_COUNTED], collect=False, counts=counts)
    done = [cast(TermWork, work) for work in counts.values()]
    return sum(work.pairs for work in done) / (sum(work.macs for work in done) or 1)


def _terms(module: IntegerModule) -> Terms:
    return cast(Terms, module.format)
