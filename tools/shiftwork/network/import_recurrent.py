# SPDX-License-Identifier: Apache-2.0
"""LSTM, GRU and RNN as the layers that they are, step by step.

What a gate gets of the input is one fully connected layer over all steps. In every step each gate is a fully connected
layer of the state before it, to whose accumulator that is added, and a table; products and sums of gates and states
follow. States are tensors like others: between steps they are codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from shiftwork.network.builder import Builder, Node, Value
from shiftwork.network.graph import FloatModule
from shiftwork.network.import_functions import table
from shiftwork.network.import_layers import dense
from shiftwork.network.import_moves import cut
from shiftwork.tensors.layout import View

Real = NDArray[np.float64]
_FUNCTIONS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
_GATES = {"LSTM": "iofc", "GRU": "zrh", "RNN": "h"}


def recurrent(graph: Builder, node: Node) -> None:
    """LSTM, GRU and RNN in either direction."""
    value = graph.value(node)
    batched = bool(node.integer("layout", 0))
    if len(value.view.axes) != 3 or value.view.batch_axis != (0 if batched else 1):
        raise node.error("an input (steps, N, features), or (N, steps, features) with layout 1, is expected")
    way = node.text("direction", "forward")
    count = 2 if way == "bidirectional" else 1
    names = [n.decode() if isinstance(n, bytes) else str(n) for n in node.attributes.get("activations", [])]
    if names and names != _FUNCTIONS[node.operator] * count:
        raise node.error(f"activations {', '.join(names)} are not supported")
    if "clip" in node.attributes or node.integer("input_forget", 0) or node.has(7):
        raise node.error("clip, input_forget and peepholes are not supported")
    if not batched:
        value = Value(value.tensor, value.view.transposed((1, 0, 2)))
    steps, hidden = graph.sizes(value)[1], node.integer("hidden_size", 0)
    lengths = graph.constant(node, 4, "sequence_lens")
    if lengths is not None and (np.asarray(lengths) != steps).any():
        raise node.error("sequences of different lengths are not supported")
    cells = [_Cell.of(graph, node, place, hidden, (way == "reverse") or place == 1, batched) for place in range(count)]
    found = [cell.run(value, steps) for cell in cells]
    _set_outputs(graph, node, cells, found, steps, batched)


@dataclass
class _Cell:
    """One direction of a recurrent layer.

    Attributes:
        weights, states: of every gate, (hidden, features) and (hidden, hidden). biases, state_biases: of both.
        start: state and cell before the first step; None is zero. backwards: the last step comes first.
    """

    graph: Builder
    node: Node
    name: str
    hidden: int
    weights: dict[str, Real]
    states: dict[str, Real]
    biases: dict[str, Real]
    state_biases: dict[str, Real]
    start: tuple[Value | None, Value | None]
    backwards: bool

    @staticmethod
    def of(graph: Builder, node: Node, place: int, hidden: int, backwards: bool, batched: bool) -> _Cell:
        gates = _GATES[node.operator]
        arrays = [graph.weight(node, 1, "W"), graph.weight(node, 2, "R"), graph.weight(node, 3, "B")]
        weight, state = arrays[0], arrays[1]
        if weight is None or state is None or weight.ndim != 3 or place >= len(weight):
            raise node.error("weights W and R (directions, gates * hidden, ...) are expected")
        hidden = hidden or state.shape[2]
        if weight.shape[1] != len(gates) * hidden or state.shape[1:] != (len(gates) * hidden, hidden):
            raise node.error(f"weights {weight.shape} and {state.shape} do not fit a state of {hidden}")
        bias = np.zeros(2 * len(gates) * hidden) if arrays[2] is None else arrays[2][place]
        halves = bias.reshape(2, len(gates), hidden)
        count = 2 if node.operator == "LSTM" else 1
        starts = [_start(graph, node, 5 + index, place, batched) for index in range(count)]
        return _Cell(
            graph, node, f"{node.name}{'.reverse' if backwards else ''}", hidden,
            dict(zip(gates, weight[place].reshape(len(gates), hidden, -1), strict=True)),
            dict(zip(gates, state[place].reshape(len(gates), hidden, hidden), strict=True)),
            dict(zip(gates, halves[0], strict=True)), dict(zip(gates, halves[1], strict=True)),
            (starts[0], starts[1] if len(starts) > 1 else None), backwards,
        )  # fmt: skip

    def run(self, value: Value, steps: int) -> tuple[list[Value], Value | None]:
        """State (N, hidden) after every step, in the order of the sequence, and the cell after the last one."""
        separate = self.node.operator == "GRU" and self.node.integer("linear_before_reset", 0)
        inputs = {}
        for gate, weight in self.weights.items():
            own = self.biases[gate] + (0 if separate and gate == "h" else self.state_biases[gate])
            inputs[gate] = dense(self.graph, self._node("MatMul", f"x.{gate}"), value, weight, own)
        state, cell = self.start
        found: dict[int, Value] = {}
        for step in range(steps)[:: -1 if self.backwards else 1]:
            parts = {gate: self._step(whole, step, steps, gate) for gate, whole in inputs.items()}
            advance = {"LSTM": self._lstm, "GRU": self._gru, "RNN": self._rnn}[self.node.operator]
            state, cell = advance(f"{step}", parts, state, cell)
            found[step] = state
        return [found[step] for step in range(steps)], cell

    def _lstm(
        self, step: str, parts: dict[str, Value], state: Value | None, cell: Value | None
    ) -> tuple[Value, Value | None]:
        sums = {gate: self._gate(f"{step}.{gate}", gate, state, part) for gate, part in parts.items()}
        gates = {gate: self._table("Sigmoid", f"{step}.{gate}.sigmoid", sums[gate]) for gate in "iof"}
        new = self._table("Tanh", f"{step}.c.tanh", sums["c"])
        cell_after = self._two("mul", f"{step}.input", gates["i"], new)
        if cell is not None:
            kept = self._two("mul", f"{step}.kept", gates["f"], cell)
            cell_after = self._two("add", f"{step}.cell", kept, cell_after)
        shown = self._table("Tanh", f"{step}.cell.tanh", cell_after)
        return self._two("mul", f"{step}.state", gates["o"], shown), cell_after

    def _gru(
        self, step: str, parts: dict[str, Value], state: Value | None, cell: Value | None
    ) -> tuple[Value, Value | None]:
        sums = {gate: self._gate(f"{step}.{gate}", gate, state, parts[gate]) for gate in "zr"}
        update = self._table("Sigmoid", f"{step}.z.sigmoid", sums["z"])
        rest = self._rest(f"{step}.z.rest", update)
        reset = self._table("Sigmoid", f"{step}.r.sigmoid", sums["r"])
        if self.node.integer("linear_before_reset", 0):
            if state is None:
                inner = self._scaled(f"{step}.h.bias", reset, self.state_biases["h"])
            else:
                inner = self._two("mul", f"{step}.h.reset", reset, self._layer(f"{step}.h", "h", state, None, True))
            total = self._two("add", f"{step}.h.sum", parts["h"], inner)
        else:
            before = None if state is None else self._two("mul", f"{step}.reset", reset, state)
            total = self._gate(f"{step}.h", "h", before, parts["h"])
        new = self._two("mul", f"{step}.new", rest, self._table("Tanh", f"{step}.h.tanh", total))
        if state is None:
            return new, None
        kept = self._two("mul", f"{step}.kept", update, state)
        return self._two("add", f"{step}.state", kept, new), None

    def _rnn(
        self, step: str, parts: dict[str, Value], state: Value | None, cell: Value | None
    ) -> tuple[Value, Value | None]:
        return self._table("Tanh", f"{step}.tanh", self._gate(f"{step}.h", "h", state, parts["h"])), None

    # -- what steps are made of

    def _node(self, operator: str, name: str) -> Node:
        output = self.graph.fresh(f"{self.name}.{name}")
        return Node(onnx.helper.make_node(operator, [], [output], name=output))

    def _step(self, value: Value, step: int, steps: int, gate: str) -> Value:
        """The part (N, hidden) of a value (N, steps, hidden)."""
        node = self._node("Slice", f"{step}.x.{gate}")
        found = cut(self.graph, node, value, {1: range(step, step + 1)}, node.outputs[0]) if steps > 1 else value
        return Value(found.tensor, found.view.squeezed([1]))

    def _gate(self, name: str, gate: str, state: Value | None, part: Value) -> Value:
        """What a gate gets of a state and of the input."""
        return part if state is None else self._layer(name, gate, state, part, False)

    def _layer(self, name: str, gate: str, state: Value, part: Value | None, bias: bool) -> Value:
        own = self.state_biases[gate] if bias else None
        result = dense(self.graph, self._node("MatMul", name), state, self.states[gate], own)
        if part is not None:
            self.graph.modules[-1].shortcut = part.tensor
        return result

    def _table(self, operator: str, name: str, value: Value) -> Value:
        output = self.graph.fresh(f"{self.name}.{name}")
        read = f"{output} (x)"
        self.graph.values[read] = value
        return table(self.graph, Node(onnx.helper.make_node(operator, [read], [output], name=output)), [value])

    def _rest(self, name: str, value: Value) -> Value:
        """1 - x."""
        output = self.graph.fresh(f"{self.name}.{name}")
        one, read = f"{output} (1)", f"{output} (x)"
        self.graph.constants[one], self.graph.values[read] = np.array(1.0, np.float32), value
        return table(self.graph, Node(onnx.helper.make_node("Sub", [one, read], [output], name=output)), [value])

    def _scaled(self, name: str, value: Value, factor: Real) -> Value:
        """A value (N, hidden) times a number a channel."""
        module = FloatModule(
            name, "conv", [value.tensor], self.graph.fresh(f"{self.name}.{name}"), factor.reshape(-1, 1, 1, 1).copy(),
            np.zeros(len(factor)), groups=len(factor),
        )  # fmt: skip
        return self._emitted(module, value)

    def _two(self, kind: Any, name: str, first: Value, second: Value) -> Value:
        module = FloatModule(name, kind, [first.tensor, second.tensor], self.graph.fresh(f"{self.name}.{name}"))
        return self._emitted(module, first)

    def _emitted(self, module: FloatModule, like: Value) -> Value:
        module.name = module.output
        self.graph.append(module, self.graph.shapes[like.tensor], self.node)
        return Value(module.output, View.of((1, 1, self.hidden), "n c"))


def _start(graph: Builder, node: Node, index: int, place: int, batched: bool) -> Value | None:
    """State (N, hidden) before the first step; None where it is zero."""
    if not node.has(index):
        return None
    axis = 1 if batched else 0
    if node.inputs[index] in graph.constants:
        array = np.take(np.asarray(graph.constants[node.inputs[index]], np.float64), [place], axis).squeeze(axis)
        if not array.any():
            return None
        if not np.array_equal(array, np.broadcast_to(array[:1], array.shape)):
            raise node.error(f"initial state {node.inputs[index]!r} differs between samples")
        return graph.fix(f"{node.name} (start {index} {place})", array[0])
    value = graph.value(node, index)
    name = graph.fresh(f"{node.name} (start {index} {place})")
    whole = graph.sizes(value)[axis]
    if whole > 1:
        value = cut(graph, node, value, {axis: range(place, place + 1)}, name)
    found = Value(value.tensor, value.view.squeezed([axis]))
    return graph.arranged(found, ((), (), (1,)))


def _set_outputs(
    graph: Builder, node: Node, cells: list[_Cell], found: list[tuple[list[Value], Value | None]], steps: int,
    front: bool,
) -> None:  # fmt: skip
    """Y (steps, directions, N, hidden), Y_h and Y_c (directions, N, hidden), if they are read; N first if ``front``."""
    hidden, count = cells[0].hidden, len(cells)
    every = [states[step] for step in range(steps) for states, _ in found]
    last = [states[0 if cell.backwards else -1] for cell, (states, _) in zip(cells, found, strict=True)]
    ends = [every, last, [cell for _, cell in found if cell is not None]]
    for index, values in enumerate(ends[: len(node.outputs)]):
        output = node.outputs[index]
        if not output:
            continue
        tensors = [value.tensor for value in values]
        shape = (1, 1, hidden * len(tensors))
        if len(tensors) > 1:
            graph.append(FloatModule(output, "concat", tensors, output), shape, node)
        sizes = (steps, count) if index == 0 else (count,)
        view = View.of(shape, "n hwc").reshaped((graph.batch, *sizes, hidden), graph.batch)
        assert view is not None
        order = (1, 2, 0, 3) if index == 0 else (1, 0, 2)
        whole = output if len(tensors) > 1 else tensors[0]
        graph.set(node, Value(whole, view if front else view.transposed(order)), index)
