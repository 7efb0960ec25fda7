from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from keras_extras.backends.contract import Backend
from keras_extras.backends.contract import DryRun
from keras_extras.backends.contract import ReplicaValues
from keras_extras.backends.contract import Stack
from keras_extras.backends.contract import Wanted
from keras_extras.inspection import measures
from keras_extras.inspection.decode import ROWS
from keras_extras.inspection.decode import decode_batch
from keras_extras.inspection.row_layout import RowLayout
from keras_extras.inspection.sample import Sample
from keras_extras.inspection.statistics import activations
from keras_extras.inspection.statistics import gradients
from keras_extras.inspection.statistics import histograms
from keras_extras.inspection.statistics import limits
from keras_extras.keras_internals import hyperparameters

# To compile a dry run takes as long as that many runs of one that does too much.
_RUNS_OF_A_LARGER_ONE = 24


class Before(NamedTuple):
    """What was seen of a step before the user's function trained."""

    replicas: tuple[ReplicaValues, ...]
    pending: dict[int, tuple[np.ndarray, int]]  # of earlier batches, by variable
    loss_scale: float


class Inspection:
    """Measures one step of a model: a dry run before it, and the weights around it.

    Args:
        model: The model.
        layout: What to measure.
        backend: The backend in use.
        data: What Keras hands the train function beside the state.
        larger: An inspection that brings back more, whose dry run to use at first.
    """

    def __init__(
        self,
        model: Any,
        layout: RowLayout,
        backend: Backend,
        data: tuple[Any, ...],
        larger: Inspection | None = None,
    ) -> None:
        self.layout = layout
        self._model = model
        self._backend = backend
        self._data = data
        self._accumulates = hyperparameters.accumulation_steps(model.optimizer) > 1
        self._larger = larger
        self._runs_left = _RUNS_OF_A_LARGER_ONE
        self.dry_run: DryRun = larger.dry_run if larger else self._own_dry_run()
        self._read_weights = backend.weight_reader(tuple(layout.variables))

    def covers(self, layout: RowLayout) -> bool:
        """Returns whether its own dry run brings back all that `layout` needs."""
        own = self.layout
        weights = own.needs_gradients or own.has_limits
        return (
            self._larger is None
            and own.layers == layout.layers
            and own.needs_outputs >= layout.needs_outputs
            and own.needs_gradients >= layout.needs_gradients
            and weights >= layout.has_limits
            and (own.measures >= layout.measures & {measures.BATCHES})
        )

    def _own_dry_run(self) -> DryRun:
        layout, model = self.layout, self._model
        layers = tuple(layer.layer for layer in layout.layers)
        variables = tuple(layout.variables)
        wanted = Wanted(
            layers=layers if layout.needs_outputs else (),
            variables=variables if layout.needs_gradients else (),
            weights=variables if layout.needs_gradients or layout.has_limits else (),
            rows=ROWS if measures.BATCHES in layout.measures else 0,
            dense=self._accumulates or self._backend.replicas(model) > 1,
        )
        return self._backend.dry_run(model, wanted, self._data)

    def before(self, state: Any, batch: Any, optimizer: Any) -> Before:
        """Runs the step dry on `batch`, which the user's function gets next."""
        if self._larger is not None:
            self._runs_left -= 1
            if self._runs_left < 0:  # it is wanted often: one of its own pays
                self._larger, self.dry_run = None, self._own_dry_run()
        replicas = self.dry_run(state, batch)
        with self._backend.values(self._model, state):
            return Before(
                replicas=replicas,
                pending=self._pending(optimizer) if self._accumulates else {},
                loss_scale=self._number(hyperparameters.loss_scale(optimizer)),
            )

    def after(self, step: int, before: Before) -> Sample:
        """Returns the measurements; the variables have the values after the step."""
        layout = self.layout
        sample = Sample(step, layout, loss_scale=before.loss_scale)
        summed = _sum_over_replicas(before.replicas, before.pending, before.loss_scale)
        if layout.needs_gradients:
            block = gradients.empty_block(len(layout.variables))
            gradients.measure_gradients(block, summed)
            after = self._read_weights() if layout.has_updates else None
            gradients.measure_updates(block, before.replicas[0].weights, after)
            gradients.forget_updates(block, before.replicas[0].trained)
            sample.blocks[measures.GRADIENTS] = block
            sample.is_finite = gradients.are_finite(block)
        if layout.has_limits:
            block = limits.measure_limits(layout.variables, before.replicas[0].weights)
            sample.blocks[measures.LIMITS] = block
        if measures.ACTIVATIONS in layout.measures:
            sample.blocks[measures.ACTIVATIONS] = activations.measure_outputs(
                len(layout.layers), before.replicas, layout.activations
            )
        sample.histograms = self._histograms(before.replicas, summed)
        losses = [r.batch.loss for r in before.replicas if r.batch is not None]
        sample.is_finite &= all(map(math.isfinite, losses))
        batch = before.replicas[0].batch
        # Replicas would each show their part.
        if batch is not None and len(before.replicas) == 1:
            sample.batch = decode_batch(step, batch)
        return sample

    def _pending(self, optimizer: Any) -> dict[int, tuple[np.ndarray, int]]:
        pairs = [
            (number, hyperparameters.pending_gradient(optimizer, variable))
            for number, variable in enumerate(self.layout.variables)
        ]
        known = [(number, v) for number, v in pairs if v is not None]
        stacks = self._backend.weight_reader([v for _, v in known])()
        steps = hyperparameters.accumulation_steps(optimizer)
        return {
            known[member][0]: (row, steps)
            for stack in stacks
            for member, row in zip(*stack)
        }

    def _number(self, value: Any) -> float:
        return value if isinstance(value, float) else self._backend.number(value)

    def _histograms(
        self, replicas: Sequence[ReplicaValues], summed: Sequence[Stack]
    ) -> dict[str, np.ndarray]:
        layout, found = self.layout, {}
        if measures.GRADIENT_HISTOGRAMS in layout.measures:
            rows = {m: row for stack in summed for m, row in zip(*stack)}
            numbers = {id(v): n for n, v in enumerate(layout.variables)}
            found[measures.GRADIENT_HISTOGRAMS] = np.stack(
                [
                    histograms.histogram(
                        rows[numbers[id(v)]]
                        for v in layer.variables
                        if numbers[id(v)] in rows
                    )
                    for layer in layout.trained
                ]
            )
        if measures.ACTIVATION_HISTOGRAMS in layout.measures:
            parts: list[list[np.ndarray]] = [[] for _ in layout.layers]
            for values in replicas:
                for stack in values.outputs:
                    for member, output in zip(*stack):
                        parts[values.calls[member]].append(output)
            found[measures.ACTIVATION_HISTOGRAMS] = np.stack(
                [histograms.histogram(part) for part in parts]
            )
        return found


def _sum_over_replicas(
    replicas: Sequence[ReplicaValues],
    pending: dict[int, tuple[np.ndarray, int]],
    scale: float,
) -> tuple[Stack, ...]:
    """Returns the gradients as the optimizer uses them, still times the loss scale.

    Each replica's loss is its share of the whole. While gradients are accumulated, the
    mean of the batches is used.
    """
    if len(replicas) == 1 and not pending:
        return replicas[0].gradients
    sums: dict[int, np.ndarray] = {}
    for values in replicas:
        for members, rows in values.gradients:
            for member, row in zip(members, rows):
                sums[member] = sums[member] + row if member in sums else row
    for number, (row, steps) in pending.items():
        if number in sums:
            sums[number] = (sums[number] + row * np.float32(scale)) / steps
    return tuple(Stack((number,), row[None]) for number, row in sums.items())
