# SPDX-License-Identifier: Apache-2.0
"""Term revealing: which groups, budgets and data terms every layer runs with (``docs/numerics.md`` section 3).

Method: Term Revealing, arXiv 2007.06389 (weights streamed); streaming activations and choosing budgets per layer are
this project's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms as term_codes
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.golden.model import evaluate, multiplied_weights, quantize_input, run
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.integer import IntegerModule, IntegerNetwork, Stream, Terms
from shiftwork.progress import OnItem
from shiftwork.quantize import fixed8
from shiftwork.quantize.bounds import check_accumulators
from shiftwork.quantize.judge import Judge
from shiftwork.quantize.quantization import STREAMS, Budget, Quantization, parse_budget
from shiftwork.tensors.im2col import im2col, weight_matrix

MAX_BUDGET = 2047
DEFAULT_GROUP: dict[str, int] = {"weights": 8, "activations": 256}
DEFAULT_DATA_TERMS: dict[str, int] = {"weights": 3, "activations": 0}
DEFAULT_BUDGET: dict[str, int | float] = {"weights": 12, "activations": 2.0}


@dataclass(frozen=True)
class TrOptions:
    """What a user asks of term revealing.

    Attributes:
        stream: operand that is streamed as terms, ``weights`` or ``activations``.
        group: g; None is 8 for weights and 256 for activations.
        budget: an int is k terms per group, a float is t terms per value (``k = floor(t * min(g, K) + 1/2)``),
            ``exact`` switches the budgets off, ``auto`` chooses k per layer; None is 12 for weights and 2.0 for
            activations.
        data_terms: s; None is 3 for weights (with ``auto`` the first of 3, 4, 5 and all that keeps the limits) and 0
            (all) for activations, where nothing else is legal.
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
    """Scheme ``tr``: 8-bit integers with term revealing (:data:`shiftwork.schemes.Quantizer`)."""
    return reveal(fixed8.choose_scales(network, samples, wish, progress), wish, samples, judge)


def reveal(
    network: IntegerNetwork,
    wish: Quantization,
    samples: NDArray[np.float32] | None = None,
    judge: Judge | None = None,
) -> IntegerNetwork:
    """A ``fixed8`` network with the term revealing that a user asked for.

    Args:
        network: it is not changed. wish: groups, budgets, data terms, overrides. samples, judge: for budget ``auto``.

    Raises:
        ShiftworkError: an illegal option or override.
    """
    overrides = {} if wish.overrides is None else read_overrides(wish.overrides)
    for text in wish.layer:
        name, entry = parse_layer(text)
        overrides[name] = {**overrides.get(name, {}), **entry}
    options = TrOptions(
        stream=cast(Stream, wish.stream),
        group=wish.group,
        budget=None if wish.budget is None else parse_budget(wish.budget),
        data_terms=wish.data_terms,
        depthwise=wish.depthwise,
        overrides=overrides,
    )
    return configure(network, options, samples, judge)


def configure(
    network: IntegerNetwork,
    options: TrOptions,
    samples: NDArray[np.float32] | None = None,
    judge: Judge | None = None,
) -> IntegerNetwork:
    """Switch term revealing on.

    Args:
        network: a ``fixed8`` network; it is not changed.
        options: groups, budgets and data terms.
        samples: calibration samples as the ONNX input expects them, for ``budget = "auto"``.
        judge: estimates the loss, for ``auto``.

    Returns:
        A network of scheme ``tr`` that shares the arrays.

    Raises:
        ShiftworkError: an illegal option, an override of a module that does not exist, or ``auto`` without samples.
    """
    _check_names(network, options)
    result, free = _configured(network, options)
    if free:
        if samples is None or judge is None:
            raise ShiftworkError("budget 'auto' needs calibration samples")
        found = _Search(network, result, free, options).run(samples, judge)
        more = (4, 5, 0) if options.data_terms is None and options.stream == "weights" else ()
        for terms in more:
            if found is None:
                result, free = _configured(network, replace(options, data_terms=terms))
                found = _Search(network, result, free, options).run(samples, judge)
        result = found or _configured(network, replace(options, budget="exact"))[0]
    check_accumulators(result)
    return result


def _configured(network: IntegerNetwork, options: TrOptions) -> tuple[IntegerNetwork, list[str]]:
    """The network with its options applied, and the names of the modules whose budget is to be searched."""
    result = network.copy()
    result.scheme = "tr"
    free = []
    for module in result.modules:
        if module.kind != "conv":
            continue
        config, automatic = _config(module, options)
        module.format = config
        if automatic:
            free.append(module.name)
    return result, free


def _check_names(network: IntegerNetwork, options: TrOptions) -> None:
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
    same = stream == options.stream
    group = override.get("group", options.group if same and options.group is not None else DEFAULT_GROUP[stream])
    terms = override.get(
        "data_terms", options.data_terms if same and options.data_terms is not None else DEFAULT_DATA_TERMS[stream]
    )
    budget = override.get("budget", options.budget if options.budget is not None else DEFAULT_BUDGET[stream])
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


# -- budget auto

_PROBE_IMAGES = 32  # images whose activations the layer curves and sensitivities are measured on
_PROBE_BLOCKS = 128  # blocks of adjacent positions per layer
_BLOCK = 8  # rows that wait for the longest of them
_CANDIDATES = 24  # budgets tried per layer
_FIRST_LIMIT = 0.05**2  # relative squared error of the output
_ROUNDS = 8  # times it is scaled


@dataclass
class _Curve:
    """What each candidate budget of one layer does: added output error (relative, squared) and cost (terms)."""

    module: str
    budgets: list[int]
    errors: NDArray[np.float64]
    costs: NDArray[np.float64]


@dataclass
class _Search:
    """Smallest budgets within the limits: layer curves, a greedy choice over layers, verification on the samples."""

    exact: IntegerNetwork
    template: IntegerNetwork
    free: Sequence[str]
    options: TrOptions

    def run(self, samples: NDArray[np.float32], judge: Judge) -> IntegerNetwork | None:
        """The configured network, or None when no budget keeps the loss."""
        unlimited = self._with(dict.fromkeys(self.free, MAX_BUDGET))
        if not judge.promise(unlimited).kept:
            return None
        probe = run(self.exact, quantize_input(self.exact, samples[:_PROBE_IMAGES]), collect=True)
        curves = [self._curve(self.template.module(name), probe) for name in self.free]
        # Errors of layers do not add up exactly: the limit handed to the greedy choice is scaled until its result just
        # keeps the loss.
        best, low, high = unlimited, 0.0, _FIRST_LIMIT
        for _ in range(_ROUNDS):
            middle = high if low == 0.0 else math.sqrt(low * high)
            candidate = self._with(_choose(curves, middle))
            if judge.promise(candidate).kept:
                best, low, high = candidate, middle, (4 * middle if middle == high else high)
            else:
                high = middle / 4 if low == 0.0 else middle
        return best

    def _with(self, budgets: Mapping[str, int]) -> IntegerNetwork:
        network = self.template.copy()
        for module in network.modules:
            if module.name in budgets:
                module.format = replace(_terms(module), budget=budgets[module.name])
        return network

    def _curve(self, module: IntegerModule, probe: Mapping[str, NDArray[np.integer]]) -> _Curve:
        """Error and cost of every candidate budget of one layer.

        The error of the layer's accumulators is measured on sampled positions for every budget; one run of the rest of
        the network tells what such an error does to the output.
        """
        tables = _sample_rows(probe[module.inputs[0]], module)
        config = _terms(module)
        streamed = tables
        if config.stream == "weights":
            streamed = [weight_matrix(module, part) for part in range(module.groups)]
        most = max(_largest_group(table, config.group, self.template.rule) for table in streamed)
        lowest = max(1, min(config.group, module.depth) // 4)
        count = min(_CANDIDATES, max(1, most - lowest + 1))
        budgets = sorted({round(b) for b in np.linspace(min(lowest, most), most, count)})
        errors, costs = [], []
        exact = [
            table.astype(np.float64) @ weight_matrix(module, part).T.astype(np.float64)
            for part, table in enumerate(tables)
        ]
        for budget in budgets:
            probe_module = replace(module, format=replace(config, budget=budget))
            error = cost = 0.0
            for part, table in enumerate(tables):
                rows, weights = self._operands(table, probe_module, part)
                error += float(np.square(rows.astype(np.float64) @ weights.T.astype(np.float64) - exact[part]).sum())
                cost += _longest(rows if config.stream == "activations" else weights, self.template.rule)
            errors.append(error)
            costs.append(cost)
        local = np.array(errors)
        middle = len(budgets) // 2 if local[len(budgets) // 2] > 0 else 0
        scale = 0.0
        if local[middle] > 0:
            changed = replace(module, format=replace(config, budget=budgets[middle]))
            scale = self._output_error(changed, probe) / local[middle]
        info = self.exact.tensors[module.output]
        outputs = info.shape[0] * info.shape[1] * info.shape[2]
        return _Curve(module.name, budgets, local * scale, np.array(costs) * outputs)

    def _operands(
        self, table: NDArray[np.integer], module: IntegerModule, part: int
    ) -> tuple[NDArray[np.integer], NDArray[np.int32]]:
        form, rule = module.format, self.template.rule
        return form.streamed(form.gathered(table, rule), rule), multiplied_weights(module, rule, part)

    def _output_error(self, module: IntegerModule, probe: Mapping[str, NDArray[np.integer]]) -> float:
        """Relative squared output error when this one module runs with its terms and the others exactly."""
        tensors, dirty = dict(probe), set[str]()
        for other in self.exact.modules:
            if other.name == module.name or not dirty.isdisjoint(other.reads):
                current = module if other.name == module.name else other
                tensors[other.output] = evaluate(self.exact, current, tensors)
                dirty.add(other.output)
        return _relative_error(tensors[self.exact.output], probe[self.exact.output])


def _terms(module: IntegerModule) -> Terms:
    return cast(Terms, module.format)


def _relative_error(got: NDArray[np.integer], target: NDArray[np.integer]) -> float:
    """Squared 2-norm of the difference over the squared 2-norm of the target."""
    reference = target.astype(np.float64)
    norm = float(np.square(reference).sum())
    error = float(np.square(got - reference).sum())
    return error / norm if norm else error


def _sample_rows(codes: NDArray[np.integer], module: IntegerModule) -> list[NDArray[np.integer]]:
    """im2col rows of each convolution group in evenly spaced blocks of adjacent positions."""
    result = []
    for part in range(module.groups):
        table = im2col(codes, module, part)
        blocks = len(table) // _BLOCK
        if blocks > _PROBE_BLOCKS:
            chosen = np.linspace(0, blocks - 1, _PROBE_BLOCKS).astype(np.intp)
            table = table[: blocks * _BLOCK].reshape(blocks, _BLOCK, -1)[chosen].reshape(-1, table.shape[1])
        result.append(table)
    return result


def _largest_group(table: NDArray[np.integer], group: int, rule: str) -> int:
    """Most terms in any group: the budget from which on nothing is dropped."""
    counts = term_codes.count(table, rule)
    return max(1, int(np.add.reduceat(counts, np.arange(0, counts.shape[1], group), axis=1).max()))


def _longest(rows: NDArray[np.integer], rule: str) -> float:
    """Mean over blocks of rows of the longest row's terms: what an array waits for."""
    totals = term_codes.count(rows, rule).sum(axis=1)
    padded = np.pad(totals, (0, -len(totals) % _BLOCK))
    return float(padded.reshape(-1, _BLOCK).max(axis=1).mean())


def _choose(curves: Sequence[_Curve], limit: float) -> dict[str, int]:
    """Budgets of least cost whose errors stay within ``limit``: step by step, the layer that saves most per error."""
    choice = [len(curve.budgets) - 1 for curve in curves]
    spent = 0.0
    while True:
        best, best_gain = None, 0.0
        for index, curve in enumerate(curves):
            for step in range(choice[index]):
                saved = curve.costs[choice[index]] - curve.costs[step]
                added = max(curve.errors[step] - curve.errors[choice[index]], 0.0)
                if spent + added > limit:
                    continue
                gain = saved / (added + 1e-30)
                if gain > best_gain:
                    best, best_gain = (index, step, added), gain
        if best is None:
            break
        choice[best[0]] = best[1]
        spent += best[2]
    return {curve.module: curve.budgets[choice[index]] for index, curve in enumerate(curves)}
