"""Splits the graph of a Functional model where it becomes random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from keras_extras.keras_internals.graph import flat_inputs
from keras_extras.keras_internals.graph import functional_of
from keras_extras.keras_internals.graph import nodes_by_depth
from keras_extras.keras_internals.graph import output_structure
from keras_extras.keras_internals.graph import takes_training
from keras_extras.keras_internals.layer_tree import sublayers

Tensor = Any


@dataclass(frozen=True)
class _Step:
    """One call of a layer or operation: where its tensors come from and go to."""

    operation: Any
    arguments: Any
    inputs: dict[int, int]  # from the symbolic tensor's id to the place of its value
    outputs: list[int]
    is_random: bool


class SplitGraph:
    """A Functional or Sequential model as two functions, the second one random.

    What does not depend on a random layer is computed by `prefix`, once for each
    input; `outputs` computes the rest as often as there are samples. Models within
    the model are taken apart too, so that the dropout at the end of a network that
    is used as a layer does not make all of it random.

    Args:
        model: A model for which `functional_of` returns a graph.
        random: The layers whose output differs from sample to sample.
    """

    def __init__(self, model: Any, random: list[Any]) -> None:
        self._random = {id(layer) for layer in random}
        self._functional: Any = functional_of(model)
        self._steps: list[_Step] = []
        self._places = 0
        self._is_random: dict[int, bool] = {}
        self._symbolic: dict[int, Any] = {}
        inputs = [self._new_place(t, False) for t in self._functional.inputs]
        self._inputs = inputs
        self._outputs = self._add(self._functional, inputs)
        self._frontier = self._find_frontier()

    @property
    def is_split(self) -> bool:
        """Returns whether any work is left for the prefix."""
        return any(not step.is_random for step in self._steps)

    def prefix(self, inputs: Any) -> list[Tensor]:
        """Returns all that the random part needs, from a batch of inputs."""
        flat = flat_inputs(self._functional, inputs)
        values = dict(zip(self._inputs, flat))
        self._run(values, random=False)
        return [values[place] for place in self._frontier]

    def outputs(self, frontier: list[Tensor]) -> Any:
        """Returns one sample of the model's outputs from what `prefix` returned."""
        values = dict(zip(self._frontier, frontier))
        self._run(values, random=True)
        flat = [values[place] for place in self._outputs]
        packed = keras.tree.pack_sequence_as(output_structure(self._functional), flat)
        # As `Functional.call` does: a list of one output is that output.
        single = isinstance(packed, list | tuple) and len(packed) == 1
        return packed[0] if single else packed

    def batched(self) -> list[bool]:
        """Returns for each tensor of `prefix` whether its first axis is the batch."""
        return [self._symbolic[place].shape[0] is None for place in self._frontier]

    def random_outputs(self) -> list[bool]:
        """Returns for each output whether it depends on a random layer."""
        return [self._is_random[place] for place in self._outputs]

    def can_tile(self) -> bool:
        """Returns whether rows of a batch can be several samples of one input."""
        shapes = [tuple(self._symbolic[place].shape) for place in self._frontier]
        if any(not shape for shape in shapes):
            return False
        static = [shape for shape in shapes if shape[0] is not None]
        no_batch = any(None in shape for shape in static)
        fixed = any(t.shape[0] is not None for t in self._functional.inputs)
        return not no_batch and not fixed

    def _new_place(self, symbolic: Any, is_random: bool) -> int:
        place = self._places
        self._places += 1
        self._is_random[place] = is_random
        self._symbolic[place] = symbolic
        return place

    def _add(self, functional: Any, inputs: list[int]) -> list[int]:
        """Adds the calls of a graph and returns the places of its outputs."""
        place_of = {id(t): p for t, p in zip(functional.inputs, inputs)}
        for node in _nodes(functional):
            arguments = {id(t): place_of[id(t)] for t in node.input_tensors}
            random_inputs = any(self._is_random[p] for p in arguments.values())
            random_inside = self._has_random(node.operation)
            if random_inside and _can_inline(node):
                outer = [arguments[id(t)] for t in node.input_tensors]
                made = self._add(functional_of(node.operation), outer)
            else:
                is_random = random_inputs or random_inside
                made = [self._new_place(t, is_random) for t in node.outputs]
                step = _Step(node.operation, node.arguments, arguments, made, is_random)
                self._steps.append(step)
            place_of.update({id(t): p for t, p in zip(node.outputs, made)})
        return [place_of[id(t)] for t in functional.outputs]

    def _has_random(self, operation: Any) -> bool:
        if not isinstance(operation, keras.layers.Layer):
            return False
        return any(id(layer) in self._random for layer in sublayers(operation))

    def _find_frontier(self) -> list[int]:
        needed = [p for s in self._steps if s.is_random for p in s.inputs.values()]
        fixed = [p for p in [*needed, *self._outputs] if not self._is_random[p]]
        return list(dict.fromkeys(fixed))

    def _run(self, values: dict[int, Tensor], random: bool) -> None:
        for step in self._steps:
            if step.is_random is random:
                known = {key: values[place] for key, place in step.inputs.items()}
                args, kwargs = step.arguments.fill_in(known)
                outputs = _in_inference(step.operation)(*args, **kwargs)
                values.update(zip(step.outputs, keras.tree.flatten(outputs)))


def _nodes(functional: Any) -> list[Any]:
    by_depth = nodes_by_depth(functional)
    nodes = [
        node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]
    ]
    return [node for node in nodes if node.operation and not node.is_input]


def _can_inline(node: Any) -> bool:
    """Returns whether a model's call is that of its layers, one after another."""
    inner = functional_of(node.operation)
    args = node.arguments.args
    if inner is None or len(args) != 1 or isinstance(args[0], dict):
        return False
    if len(node.input_tensors) != len(inner.inputs):
        return False
    return all(
        len(given.shape) == len(own.shape) and given.dtype == own.dtype
        for given, own in zip(node.input_tensors, inner.inputs)
    )


def _in_inference(operation: Any) -> Callable[..., Any]:
    """Returns the operation as `predict` calls it within a Functional model."""
    if not takes_training(operation):
        return operation

    def call(*args: Any, **kwargs: Any) -> Any:
        return operation(*args, **{**kwargs, "training": False})

    return call
