from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from typing import Literal

from keras_extras.backends import processes
from keras_extras.backends.contract import Backend
from keras_extras.backends.contract import BatchRing
from keras_extras.inspection import measures as m
from keras_extras.inspection.inspector import Inspector
from keras_extras.inspection.layouts import Layouts
from keras_extras.inspection.origin import origin_in
from keras_extras.inspection.training_steps import TrainingSteps
from keras_extras.records.nonfinite_origin import NonFiniteOrigin

ReplayChoice = bool | Literal["auto"]

_SHARE = 0.01  # of the time, for what is kept to replay from
_NEVER = 2**62  # batches
_PATIENCE = 3  # snapshots that may cost more than that
_MEASURES = frozenset({m.ACTIVATIONS, m.GRADIENTS, m.BATCHES})


class Replay:
    """Finds the step and the layer at which values stopped being finite.

    Now and then all variables are kept, if they are finite; the batches since then are
    in a ring. When the loss goes bad, the model goes back there and trains on these
    batches again, with the user's own function, each inspected before, until one shows
    the first value that is not finite. Then the present is put back.

    Args:
        model: The model.
        backend: The backend in use.
        ring: The last batches.
        budgeted: Whether to give up if keeping variables takes more than 1 % of the
            time, and at once where several processes train together.

    Attributes:
        due: Number of batches after which to call `keep`.
    """

    def __init__(
        self, model: Any, backend: Backend, ring: BatchRing, budgeted: bool
    ) -> None:
        self._model = model
        self._backend = backend
        self._ring: BatchRing | None = ring
        self._patience = _PATIENCE if budgeted else 10**9
        self.due = 1  # the first batch makes the variables of the optimizer
        self._past: tuple[int, Any] | None = None
        self._kept_at = time.perf_counter()
        if budgeted and processes.count() > 1:
            self.end()  # they would not give up at the same time

    def keep(self, batch: int, first: int) -> None:
        """Keeps the variables; to be called when `due` batches have trained.

        Args:
            batch: Number of batches that the optimizer has seen.
            first: The same when this training began.
        """
        if self._ring is None:
            return
        began = time.perf_counter()
        snapshot = self._backend.snapshot(self._model)
        if snapshot.is_finite():
            self._past = batch, snapshot
        spent, passed = time.perf_counter() - began, began - self._kept_at
        each = self._ring.capacity - self._model.steps_per_execution
        if self.due > 1 and spent > _SHARE * passed:
            self._patience -= 1
        self._kept_at, self.due = began, batch - first + max(each, 1)
        if self._patience < 0:
            self.end()

    def forget(self) -> None:
        """Forgets what was kept: the model is another one from here."""
        self._past = None
        if self._ring is not None:  # else there is nothing that could be due
            self.due = 0

    def end(self) -> None:
        """Lets go of batches and variables."""
        if self._ring is not None:
            self._ring.detach()
        self._ring = self._past = None
        self.due = _NEVER

    def find(
        self,
        own: Callable[..., Any],
        inspector: Inspector,
        layouts: Layouts,
        steps: TrainingSteps,
    ) -> NonFiniteOrigin | None:
        """Returns where the first non-finite value came from, if the past shows it."""
        if self._ring is None or self._past is None or inspector.refused:
            return None
        first, past = self._past
        count = steps.counter.batches - first
        batches = self._ring.batches()[-count:] if count > 0 else []
        if len(batches) < count or not batches:
            return None
        layout = layouts.of(_MEASURES)

        def origin_of(number: int, batch: Any) -> NonFiniteOrigin | None:
            replicas = inspector.look(batch, layout, steps.optimizer).replicas
            step = steps.step_of(first + number)
            return origin_in(step, replicas, layout.layers, steps.skips_bad_steps)

        present = self._backend.snapshot(self._model)
        try:
            past.restore()
            with inspector.training_with(own) as train:
                return self._first(batches, origin_of, train)
        finally:
            present.restore()

    @staticmethod
    def _first(
        batches: list[Any],
        origin_of: Callable[[int, Any], NonFiniteOrigin | None],
        train: Callable[[Any], None],
    ) -> NonFiniteOrigin | None:
        for number, batch in enumerate(batches):
            found = origin_of(number, batch)
            if found is not None:
                return found
            train(batch)
        return None
