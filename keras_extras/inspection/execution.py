from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import Protocol

from keras_extras.inspection import measures as m
from keras_extras.inspection.deliveries import Deliveries
from keras_extras.inspection.deliveries import Taker
from keras_extras.inspection.inspection import Before
from keras_extras.inspection.inspection import Inspection
from keras_extras.inspection.layouts import Layouts
from keras_extras.inspection.origin import origin_in
from keras_extras.inspection.row_layout import RowLayout
from keras_extras.inspection.sample import Sample
from keras_extras.inspection.sampling import Sampler
from keras_extras.inspection.training_steps import TrainingSteps
from keras_extras.records.nonfinite_origin import NonFiniteOrigin

_NOTHING = RowLayout((), frozenset({m.HYPERPARAMETERS}))
_Values = dict[str, float]


class Requester(Taker, Protocol):
    """A taker that has a sampler of its own."""

    sampler: Sampler


class Execution:
    """One execution of the user's function, and what is sampled of its steps.

    Args:
        requests: Those who want steps of this execution measured.
        layouts: What is measured of the layers.
        steps: The steps of the optimizer.
        deliveries: Takes the samples.

    Attributes:
        sampled: Whether a step was inspected.
        origin: Where a non-finite value came from that was seen.
    """

    def __init__(
        self,
        requests: Sequence[Requester],
        layouts: Layouts,
        steps: TrainingSteps,
        deliveries: Deliveries,
    ) -> None:
        self._requests = requests
        self._layouts = layouts
        self._steps = steps
        self._deliveries = deliveries
        self._values: _Values = {}
        self.sampled = False
        self.origin: NonFiniteOrigin | None = None

    @property
    def optimizer(self) -> Any:
        """The optimizer that trains."""
        return self._steps.optimizer

    def step_of(self, number: int) -> int:
        """Returns the optimizer step of the batch of that number."""
        return self._steps.step_of(self._steps.counter.batches + number)

    def takers_of(self, number: int) -> tuple[Requester, ...]:
        """Returns who wants that batch: one that ends with an update."""
        counter = self._steps.counter
        if not counter.updates_at(counter.batches + number):
            return ()
        step = self.step_of(number)
        return tuple(r for r in self._requests if r.sampler.accepts(step))

    def layout_of(self, number: int) -> RowLayout | None:
        """Returns what to measure at that batch, if at all."""
        takers = self.takers_of(number)
        measures = frozenset[str]().union(*(t.measures for t in takers))
        return self._layouts.of(measures) if measures & m.OF_STEPS else None

    def insists(self, number: int) -> bool:
        """Returns whether somebody wants that batch whatever it costs."""
        return any(taker.sampler.insists for taker in self.takers_of(number))

    def saw(self, number: int, inspection: Inspection, before: Before) -> None:
        """Takes what was seen of a batch before it trained."""
        self.sampled = True
        self._steps.follow(inspection.dry_run.optimizers)
        if m.HYPERPARAMETERS in inspection.layout.measures:
            batch = self._steps.counter.batches + number
            self._values = self._steps.hyperparameters_at(batch)

    def measured(self, number: int, sample: Sample, before: Before) -> None:
        """Takes what was measured, once the batch has trained."""
        if self.origin is None and not sample.is_finite:
            self.origin = origin_in(
                self.step_of(number),
                before.replicas,
                sample.layout.layers,
                self._steps.skips_bad_steps,
            )
        counter = self._steps.counter
        if self._steps.skips_bad_steps and counter.read() == counter.batches + number:
            return  # the optimizer left it out
        if m.HYPERPARAMETERS in sample.layout.measures:
            sample.hyperparameters = self._values
        self._deliveries.add(sample, self.takers_of(number))


class LightExecution:
    """An execution of which nothing but hyperparameters is read, from outside.

    Args:
        requests: Those who want them.
        steps: The steps of the optimizer.
        batches: Number of batches of the execution, at most.
    """

    def __init__(
        self, requests: Sequence[Requester], steps: TrainingSteps, batches: int
    ) -> None:
        self._samples: list[tuple[Sample, tuple[Requester, ...]]] = []
        counter = steps.counter
        for batch in range(counter.batches, counter.batches + batches):
            step = steps.step_of(batch)
            takers = tuple(r for r in requests if r.sampler.accepts(step))
            if takers and counter.updates_at(batch):
                values = steps.hyperparameters_at(batch)
                sample = Sample(step, _NOTHING, hyperparameters=values)
                self._samples.append((sample, takers))

    def deliver(self, deliveries: Deliveries, trained_to: int) -> None:
        """Delivers the samples of the steps before `trained_to`, which were trained."""
        for sample, takers in self._samples:
            if sample.step < trained_to:
                deliveries.add(sample, takers)
