from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import Protocol

from keras_extras.backends.contract import Backend
from keras_extras.backends.contract import HandOver
from keras_extras.inspection.collector import collector_paused
from keras_extras.inspection.cost_clock import CostClock
from keras_extras.inspection.inspection import Before
from keras_extras.inspection.inspection import Inspection
from keras_extras.inspection.row_layout import RowLayout
from keras_extras.inspection.sample import Sample
from keras_extras.records.cost import Cost

Own = Callable[..., Any]
Arguments = tuple[Any, ...]


class Plan(Protocol):
    """What is wanted of the steps of one execution."""

    @property
    def optimizer(self) -> Any:
        """The optimizer that trains."""

    def step_of(self, number: int) -> int:
        """Returns the optimizer step of the batch of that number."""

    def layout_of(self, number: int) -> RowLayout | None:
        """Returns what to measure at that batch, if at all."""

    def saw(self, number: int, inspection: Inspection, before: Before) -> None:
        """Takes what was seen of a batch before it trained."""

    def measured(self, number: int, sample: Sample, before: Before) -> None:
        """Takes what was measured, once the batch has trained."""

    def insists(self, number: int) -> bool:
        """Returns whether that batch is to be measured whatever it costs."""


class Inspector:
    """Trains one execution with the user's own function, and looks at its steps.

    Whatever fails here, each batch reaches the user's function, once and in order.

    Args:
        model: The model.
        backend: The backend in use.
        failed: Called with what went wrong, after which nothing is inspected.

    Attributes:
        refused: Whether the model cannot be inspected, or no longer.
        state: The state that the execution going on has come to.
        last_seconds: What the last execution took on top of the user's own function,
            and the processor time of that.
    """

    def __init__(
        self, model: Any, backend: Backend, failed: Callable[[Exception], None]
    ) -> None:
        self._model = model
        self._backend = backend
        self._failed = failed
        self._hand_over: HandOver | None = None
        self._data: Arguments | None = None  # the last one
        self._inspections: dict[RowLayout, Inspection] = {}
        self.refused = False
        self.state: Any = None
        self._samples = 0
        self._clock = CostClock()
        self.last_seconds = 0.0, 0.0
        self._started = time.perf_counter()

    @property
    def cost(self) -> Cost:
        """What the samples have cost so far."""
        passed = time.perf_counter() - self._started
        seconds = self._clock.seconds
        each = 1e3 * seconds / max(self._samples, 1)
        return Cost(self._samples, each, seconds / passed)

    @property
    def has_arguments(self) -> bool:
        """Whether it is known what Keras hands the train function."""
        return self._data is not None

    def forget(self) -> None:
        """Forgets what was traced: the model is another one from here."""
        self._inspections = {}

    def train(self, own: Own, arguments: Arguments, plan: Plan) -> Any:
        """Returns what the user's function returns for the batches of an execution.

        Args:
            own: The user's train function.
            arguments: What Keras hands it.
            plan: What is wanted of the steps.
        """
        try:
            self.state, data = self._backend.split(arguments)
        except Exception as error:
            self._refuse(error)
            return own(*arguments)
        try:
            self._wait()  # what ran before is not a sample's cost
            return self._train(own, arguments, data, plan)
        finally:
            self.state = None

    def _train(
        self, own: Own, arguments: Arguments, data: Arguments, plan: Plan
    ) -> Any:
        clock = self._clock
        seconds, processor_seconds = clock.seconds, clock.processor_seconds
        self._count(clock.start)
        batches = None if self.refused else self._fetch(data)
        if batches is None:  # the data has ended: the user's function is to find out
            return own(*arguments)
        result = None
        for number, batch in enumerate(batches):
            before = self._before(batch, number, plan)
            given = self._again(batch)
            self._count(clock.stop)
            result = own(*given)
            _, self.state = self._backend.outcome(result)
            if before is not None:
                self._wait()
            self._count(clock.start)
            if before is not None:
                self._after(number, before, plan)
        self._count(clock.stop)
        self.last_seconds = (
            clock.seconds - seconds,
            clock.processor_seconds - processor_seconds,
        )
        if self._hand_over is not None and self._hand_over.error is not None:
            self._hand_over.raise_error(own)
        return result

    def look(self, batch: Any, layout: RowLayout, optimizer: Any) -> Before:
        """Returns what a dry run on a batch shows, between two executions."""
        return self._inspection(layout).before(self.state, batch, optimizer)

    @contextlib.contextmanager
    def training_with(self, own: Own) -> Iterator[Callable[[Any], None]]:
        """Yields a function that trains on one batch with the user's own function."""

        def train(batch: Any) -> None:
            _, self.state = self._backend.outcome(own(*self._again(batch)))

        self.state = self._backend.state_now(self._model)
        try:
            yield train
        finally:
            self.state = None

    def _count(self, start_or_stop: Callable[[], None]) -> None:
        try:
            start_or_stop()
        except Exception as error:
            self._refuse(error)

    def _wait(self) -> None:
        try:
            self._backend.wait(self.state)
        except Exception as error:
            self._refuse(error)

    def _fetch(self, data: Arguments) -> list[Any] | None:
        try:
            self._data = data
            if self._hand_over is None or not self._hand_over.fits(*data):
                self._hand_over = self._backend.hand_over(self._model, data)
            return self._hand_over.fetch(data, self._model.steps_per_execution)
        except Exception as error:
            self._refuse(error)
            return None

    def _again(self, batch: Any) -> Arguments:
        return self._backend.join(self.state, self._data_again(batch))

    def _data_again(self, batch: Any) -> Arguments:
        assert self._hand_over is not None
        try:
            return self._hand_over.give(batch)
        except Exception as error:
            self._refuse(error)
        try:
            return self._hand_over.give_in_another_way(batch)
        except Exception:  # Keras takes any iterator, though it compiles anew for it
            return (iter((batch,)),)

    def _before(
        self, batch: Any, number: int, plan: Plan
    ) -> tuple[Inspection, Before] | None:
        try:
            layout = None if self.refused else plan.layout_of(number)
            if layout is None:
                return None
            inspection = self._inspection(layout)
            if inspection.dry_run.is_dear(batch) and not plan.insists(number):
                return None
            with collector_paused():
                before = inspection.before(self.state, batch, plan.optimizer)
                with self._backend.values(self._model, self.state):
                    plan.saw(number, inspection, before)
            return inspection, before
        except Exception as error:
            self._refuse(error)
            return None

    def _after(self, number: int, seen: tuple[Inspection, Before], plan: Plan) -> None:
        try:
            inspection, before = seen
            with collector_paused(), self._backend.values(self._model, self.state):
                sample = inspection.after(plan.step_of(number), before)
                plan.measured(number, sample, before)
            self._samples += 1
        except Exception as error:
            self._refuse(error)

    def _inspection(self, layout: RowLayout) -> Inspection:
        if layout not in self._inspections:
            assert self._data is not None
            known = self._inspections.values() if self._backend.compiles else ()
            larger = next((each for each in known if each.covers(layout)), None)
            self._inspections[layout] = Inspection(
                self._model, layout, self._backend, self._data, larger
            )
        return self._inspections[layout]

    def _refuse(self, error: Exception) -> None:
        self.refused = True
        self._inspections = {}
        self._failed(error)
