# SPDX-License-Identifier: Apache-2.0
"""Unified modules: everything between two quantizations becomes one module (``docs/numerics.md`` section 2).

Method: Dataflow-based Joint Quantization, arXiv 1901.02064. A unified module is a convolution or fully connected layer
with its padding, batch normalization, bias, shortcut and ReLU; its accumulator is quantized once, at its end. Pooling
by the maximum, Concat, Slice, Pad and Reshape only move codes: they keep the scale of what they read, a ReLU behind
them moves before them, and they quantize nothing. An average pooling, and an addition that finds no convolution to end
in, are modules of their own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from shiftwork.network.graph import MOVES, FloatModule, FloatNetwork, live
from shiftwork.tensors.layout import Shape


def unify(network: FloatNetwork) -> FloatNetwork:
    """Fuse a graph of one module a node into unified modules.

    Args:
        network: from the importer, in dataflow order; batch normalization, constant additions and activations are
            depthwise 1 x 1 convolutions. Its modules are changed.

    Returns:
        The network of unified modules with unique names. A map that finds no convolution to end in stays a module.
    """
    fusion = _Fusion(dict(network.shapes))
    fusion.readers.update(name for module in network.modules for name in module.reads())
    fusion.readers.update(network.outputs)
    for module in network.modules:
        fusion.visit(module)
    modules = live(fusion.modules, network.outputs)
    _unique_names(modules)
    kept = {*network.inputs, *network.constants, *(module.output for module in modules)}
    shapes = {name: shape for name, shape in fusion.shapes.items() if name in kept}
    return replace(network, shapes=shapes, modules=modules)


@dataclass
class _Fusion:
    """The modules so far; ``readers`` counts the modules that read a tensor, and the network outputs."""

    shapes: dict[str, Shape]
    modules: list[FloatModule] = field(default_factory=list)
    producer: dict[str, FloatModule] = field(default_factory=dict)
    readers: Counter[str] = field(default_factory=Counter)

    def visit(self, module: FloatModule) -> None:
        """Append the next module, or fuse it into one that is there."""
        operator = module.operators[0] if module.operators else ""
        if module.kind == "add":
            target = self._shortcut(module)
        elif operator in ("Relu", "Clip", "Max") and module.kind == "conv":
            target = self._activation(module)
        elif operator in ("BatchNormalization", "Add", "Sub", "Mul", "Div", "Neg") and module.kind == "conv":
            target = self._affine(module)
        else:
            target = None
            if operator == "Conv":
                self._padding(module)
        if target is None:
            self.modules.append(module)
            self.producer[module.output] = module
            return
        del self.producer[target.output], self.shapes[target.output]
        target.output = module.output
        target.nodes += module.nodes
        target.operators += module.operators
        self.producer[target.output] = target

    def _sole(self, tensor: str) -> FloatModule | None:
        """Producer of a tensor that one module alone reads."""
        return self.producer.get(tensor) if self.readers[tensor] == 1 else None

    def _affine(self, module: FloatModule) -> FloatModule | None:
        """Fold a per-channel map into the convolution before it."""
        target = self._sole(module.inputs[0])
        if target is None or not _open(target):
            return None
        assert module.weight is not None
        assert module.bias is not None
        assert target.weight is not None
        assert target.bias is not None
        target.weight = target.weight * module.weight
        target.bias = target.bias * module.weight.reshape(-1) + module.bias
        return target

    def _activation(self, module: FloatModule) -> FloatModule | None:
        """Let what computes the tensor apply a ReLU; what moved its codes since then ends in the ReLU's output."""
        targets = self._computed_by(module.inputs[0])
        if module.clip is not None and any(target.kind == "host" for target in targets or ()):
            return None
        for target in targets or ():
            target.relu = True
            if module.clip is not None:
                target.clip = module.clip if target.clip is None else min(target.clip, module.clip)
        return None if targets is None else self.producer[module.inputs[0]]

    def _computed_by(self, tensor: str) -> list[FloatModule] | None:
        """Modules that compute a tensor, seen through those that move codes; None if anything else reads them."""
        module = self._sole(tensor)
        if module is None:
            return None
        if module.kind not in MOVES:
            return [module]
        found: list[FloatModule] = []
        for name in module.inputs:
            deeper = self._computed_by(name)
            if deeper is None:
                return None
            found += deeper
        return found

    def _shortcut(self, module: FloatModule) -> FloatModule | None:
        """Add into the accumulator of the later of the two convolutions, if nothing else reads that one."""
        found = [(self.modules.index(m), i) for i, t in enumerate(module.inputs) if (m := self.producer.get(t))]
        found = [(place, i) for place, i in found if _open(self.modules[place])]
        if not found or module.inputs[0] == module.inputs[1]:
            return None
        place, index = max(found)
        if self._sole(module.inputs[index]) is None:
            return None
        self.modules[place].shortcut = module.inputs[1 - index]
        return self.modules[place]

    def _padding(self, module: FloatModule) -> None:
        """Let a convolution read past a spatial zero padding."""
        source = self.producer.get(module.inputs[0])
        if source is None or source.kind != "pad" or any(source.attributes["pads"][2]):
            return
        (top, bottom), (left, right), _ = source.attributes["pads"]
        pads = module.pads
        module.pads = (pads[0] + top, pads[1] + left, pads[2] + bottom, pads[3] + right)
        self.readers[module.inputs[0]] -= 1
        module.inputs = [source.inputs[0]]
        self.readers[module.inputs[0]] += 1


def _open(module: FloatModule) -> bool:
    """True for a convolution with neither shortcut nor activation: more can be added to its accumulator."""
    return module.kind == "conv" and not module.relu and module.clip is None and module.shortcut is None


def _unique_names(modules: list[FloatModule]) -> None:
    seen: set[str] = set()
    for module in modules:
        base, index = module.name, 2
        while module.name in seen:
            module.name, index = f"{base}_{index}", index + 1
        seen.add(module.name)
