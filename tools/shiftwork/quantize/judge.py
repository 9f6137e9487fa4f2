# SPDX-License-Identifier: Apache-2.0
"""How much accuracy an integer network loses, estimated without labels on samples that no search has seen.

One notion of loss for every scheme. A part of the calibration samples is held back (:func:`split`); the quantizers see
the others, and a :class:`Judge` compares integer networks with the float network on those held back.

* If a class is right as often as the float network's probability says, a sample loses what the probability of the
  chosen class lies below the largest.
* So that few samples say more than whether their class changes, the mean is taken over output errors multiplied by
  normally distributed numbers of mean square 1: where margins are spread evenly the mean stays the same. The error of
  the likeliest class, of the second and so on has a mean over the samples, which takes from the lead of the first one;
  it keeps its sign. What is left of the error could as well have the other sign, and has it half of the time.
* A network is surer of samples that it was trained on than of others, and loses less on them. Every sample is also
  seen mixed with others (:data:`MIXED`): that moves those of a training set to where new samples are, and changes
  little for the others.
* Few samples may all be harmless ones: the standard error counts a deviation more than was seen. Samples that repeat
  others are not counted.
* Where an output is no vector of classes, the loss is the power of its error in percent of its own: 0.5 % is an SQNR of
  23 dB.
"""

from __future__ import annotations

from collections.abc import Collection
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shiftwork.golden.model import predictions, real_outputs, run
from shiftwork.network.floating import activations
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.integer import IntegerNetwork
from shiftwork.network.promise import Promise

MIXED = 0.25
"""Share of another sample in a mixed one."""
_SURPRISE = 3.0  # deviation from the mean, in points or percent, that the standard error counts with those seen
_PARTNERS = 2  # samples that each is mixed with
_HELD_SHARE = 4  # every so many samples one is held back
_LEAST_HELD = 24  # but so many, where that is no more than half
_FACTORS = [NormalDist().inv_cdf((place + 0.5) / 32) for place in range(32)]  # of the output error

Real = NDArray[np.float64]


class Cycles(Protocol):
    """What an engine makes of an integer network."""

    def __call__(self, network: IntegerNetwork, names: Collection[str] | None = None) -> dict[str, int]:
        """Cycles of every convolution, or of those with such names, for one sample, by the module's name."""

    def refused(self, network: IntegerNetwork) -> set[str]:
        """Convolutions that the engine does not take."""


def split(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Samples that a quantizer sees, and those held back, evenly spaced; of a single sample both."""
    count = len(samples)
    if count < 2:
        return samples, samples
    held = max(count // _HELD_SHARE, min(count // 2, _LEAST_HELD))
    chosen = np.zeros(count, bool)
    chosen[(np.arange(held) * count // held + count // held - 1)] = True
    return samples[~chosen], samples[chosen]


def with_mixtures(network: FloatNetwork, samples: NDArray[np.float32], partners: int) -> NDArray[np.float32]:
    """Samples, and behind them each mixed with so many others, where samples between samples are samples."""
    partners = partners if network.ends.mixable else 0
    rolls = [1 + place * len(samples) // partners for place in range(partners)]
    mixed = [(1 - MIXED) * samples + MIXED * np.roll(samples, roll, axis=0) for roll in rolls]
    return np.concatenate([samples, *mixed]).astype(np.float32)


class Judge:
    """The float network on the samples that were held back.

    Attributes:
        samples: as the ONNX input expects them, those held back that differ, and their mixtures. held: number of those
            without the mixtures. places: where they are among all that were held back.
        exact: outputs of the float network (N, ...). classes: they are vectors of classes. confidence: mean probability
            that it gives to the likeliest one.
        tolerated: loss, in points or percent. total: calibration samples with those that were not held back.
        cycles: what tells the cycles of an integer network on the engine at hand; None: no engine is known.
        source: file of the samples.
    """

    def __init__(
        self,
        network: FloatNetwork,
        held: NDArray[np.float32],
        tolerated: float,
        total: int,
        cycles: Cycles | None = None,
        source: str = "",
    ) -> None:
        first: dict[bytes, int] = {}
        for place, sample in enumerate(held):
            first.setdefault(sample.tobytes(), place)
        self.places = list(first.values())
        held = held[self.places]
        self.held, self.tolerated, self.total, self.cycles, self.source = len(held), tolerated, total, cycles, source
        self.samples = with_mixtures(network, held, _PARTNERS)
        self.exact = outputs_of(network, self.samples)
        self.classes = names_classes(network)
        self.confidence = float(np.exp(log_probabilities(self.exact)).max(axis=1).mean()) if self.classes else 1.0

    def promise(self, network: IntegerNetwork) -> Promise:
        """The loss of an integer network; its bound is one standard error above it."""
        return self.judged(self.outputs(network))

    def rank(self, network: IntegerNetwork) -> tuple[float, float]:
        """The smaller, the better: the loss to a hundredth, and the power of the output's error in percent."""
        outputs = self.outputs(network)
        return round(self.judged(outputs).estimate, 2), float(power_losses(self.exact, outputs).mean())

    def outputs(self, network: IntegerNetwork) -> Real:
        """Outputs of an integer network for :attr:`samples` (N, ...), on the float network's scale."""
        return real_outputs(network, run(network, self.samples, collect=False))

    def judged(self, outputs: NDArray[np.generic]) -> Promise:
        """The loss of a network that gives such outputs (N, ...) for :attr:`samples`, on the float network's scale."""
        losses = (class_losses if self.classes else power_losses)(self.exact, outputs)
        losses = losses.reshape(-1, self.held).mean(axis=0)
        estimate = float(losses.mean())
        spread = np.square(losses - estimate).sum() + _SURPRISE**2
        error = float(np.sqrt(spread) / self.held)
        return Promise(
            estimate, error, estimate + error, self.tolerated, self.held, self.total, self.source, self.classes,
            self.confidence,
        )  # fmt: skip


def names_classes(network: FloatNetwork) -> bool:
    """True for a network whose output is a vector of classes."""
    if network.classes is None or len(network.inputs) > 1:
        return False
    return network.classes > 1 and network.shapes[network.output] != network.shapes[network.input]


def outputs_of(network: FloatNetwork, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What leaves the float network for samples (:meth:`shiftwork.network.ends.Ends.packed`)."""
    return np.concatenate([network.ends.packed(tensors) for tensors in activations(network, samples)])


def divergences(network: FloatNetwork, exact: NDArray[np.generic], outputs: NDArray[np.generic]) -> Real:
    """How far outputs (N, ...) are from exact ones, (N,): of class probabilities (Kullback-Leibler), or in power."""
    if not names_classes(network):
        return power_losses(exact, outputs)
    known = log_probabilities(exact)
    return np.asarray((np.exp(known) * (known - log_probabilities(outputs))).sum(axis=1))


def log_probabilities(outputs: NDArray[np.generic]) -> Real:
    """Logarithms of the class probabilities, (N, classes), by the softmax of network outputs (N, ...)."""
    values = _vectors(outputs).copy()
    values -= values.max(axis=1, keepdims=True)
    return np.asarray(values - np.log(np.exp(values).sum(axis=1, keepdims=True)))


def class_losses(exact: NDArray[np.generic], outputs: NDArray[np.generic]) -> Real:
    """Points of accuracy that every sample is expected to lose, (N,).

    Args:
        exact: outputs of the float network (N, ...). outputs: of the other one, on the same scale.
    """
    known = _vectors(exact)
    error = _vectors(outputs) - known
    order = np.argsort(-known, axis=1, kind="stable")
    mean = np.empty_like(error)
    np.put_along_axis(mean, order, np.take_along_axis(error, order, axis=1).mean(axis=0, keepdims=True), axis=1)
    probability = np.exp(log_probabilities(exact))
    places = np.arange(len(known))
    changed = (known + abs(factor) * mean + factor * (error - mean) for factor in _FACTORS)
    kept = np.mean([probability[places, predictions(values)] for values in changed], axis=0)
    return np.asarray(np.maximum(100 * (probability.max(axis=1) - kept), 0))


def power_losses(exact: NDArray[np.generic], outputs: NDArray[np.generic]) -> Real:
    """Power of the error of every sample in percent of the mean power of the output, (N,)."""
    known = _vectors(exact)
    power = float(np.square(known).sum(axis=1).mean())
    return np.asarray(100 * np.square(_vectors(outputs) - known).sum(axis=1) / (power or 1.0))


def _vectors(outputs: NDArray[np.generic]) -> Real:
    """Network outputs (N, ...) as float64 (N, values)."""
    return outputs.reshape(len(outputs), -1).astype(np.float64)
