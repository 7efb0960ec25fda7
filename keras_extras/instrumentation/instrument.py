"""The one object that stands between `fit` and the callbacks that measure."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
import weakref
from collections.abc import Callable
from typing import Any
from typing import NamedTuple
from typing import Protocol

import keras
import numpy as np

from keras_extras.instrumentation import plan as plans
from keras_extras.instrumentation.backend import Backend
from keras_extras.instrumentation.backend import Buffer
from keras_extras.instrumentation.backend import Step
from keras_extras.instrumentation.backend import TrainFunction
from keras_extras.instrumentation.backend import load_backend
from keras_extras.instrumentation.capture import Album
from keras_extras.instrumentation.capture import Capture
from keras_extras.instrumentation.capture import Picture
from keras_extras.instrumentation.capture import decode_batch
from keras_extras.instrumentation.decode import decode
from keras_extras.instrumentation.hooks import Hooks
from keras_extras.instrumentation.layer_table import Site
from keras_extras.instrumentation.layer_table import find_sites
from keras_extras.instrumentation.plan import Plan
from keras_extras.instrumentation.recording import Recording
from keras_extras.instrumentation.sampling import Sampler
from keras_extras.instrumentation.watch import Watch
from keras_extras.instrumentation.watch import box_width
from keras_extras.instrumentation.watch import open_box
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.building import build_optimizer
from keras_extras.keras_internals.building import is_built
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.nonfinite_origin import NonFiniteOrigin
from keras_extras.records.step_records import StepRecords


class Subscriber(Protocol):
    """A callback that takes part in an instrument."""

    sampler: Sampler
    measures: frozenset[str]
    watches: bool

    def choose(self, sites: list[Site]) -> list[Site]:
        """Returns the layers that it wants measured."""

    def receive(self, records: StepRecords) -> None:
        """Takes the records of steps that it asked for."""

    def receive_batch(self, batch: BatchRows) -> None:
        """Takes a few rows of a batch, if it measures batches."""

    def layers_changed(self) -> None:
        """Is called when other layers train from the next step on."""


class Variant:
    """One compiled form of the training step."""

    def __init__(
        self,
        function: TrainFunction,
        plan: Plan | None = None,
        buffer: Buffer | None = None,
        album: Album | None = None,
    ):
        self.function = function
        self.plan = plan
        self.buffer = buffer
        self.album = album
        self.compiled = False


class _Sample(NamedTuple):
    """What one instrumented execution wrote, not decoded yet."""

    variant: Variant
    takers: tuple[Subscriber, ...]
    rows: np.ndarray  # (steps, replicas, values)
    picture: Picture | None  # of the batch of the last step


# Decoding many samples at once costs little more than decoding one.
_UNREAD_SAMPLES = 64
_UNREAD_SECONDS = 2.0

_live: weakref.WeakValueDictionary[int, Instrument] = weakref.WeakValueDictionary()


class Instrument:
    """Runs the training steps of one model, some of them instrumented.

    Between two batches the model is as the user made it. For a batch that
    someone wants to see, the model's train function is replaced until it is
    called, and what it then runs is an instrumented trace of the same step.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._backend: Backend = load_backend()
        self._sites: tuple[Site, ...] = ()
        self._variants: dict[Any, Variant] = {}
        self._own_function: Any = None
        self._box: Buffer | None = None
        self._order: list[str] = []
        self._start_over()

    def _start_over(self) -> None:
        self._subscribers: list[Subscriber] = []
        self._requests: list[Subscriber] = []
        self._unread: list[_Sample] = []
        self._unread_since = 0.0
        self._hyperparameters: dict[str, float | None] = {}
        self._optimizer = hyperparameters.optimizers_of(self._model)[0]
        self._batches_per_step = hyperparameters.accumulation_steps(self._optimizer)
        self._ordinary: TrainFunction | None = None
        self._ready = self._running = False
        self._sampled = self._first_sample = self._wanted = False
        self._callbacks: list[Any] | None = None
        self._last_word: _LastWord | None = None
        self._began = 0.0
        self._batches = 0
        self._steps_before = 0  # the optimizer started to count anew
        self.step = 0
        self.steps_per_batch = 1

    @classmethod
    def join(cls, model: Any, subscriber: Subscriber, callbacks: Any) -> Instrument:
        """Returns the instrument of the `fit` that is about to start.

        It is the one of the last `fit`, with its traces, while one of the
        callbacks of that `fit` is alive.

        Args:
            model: The model to be trained.
            subscriber: The callback that joins.
            callbacks: The list of all callbacks of this `fit`, or `None`.
        """
        instrument = _live.get(id(model))
        if instrument is None or instrument._model is not model:
            instrument = cls(model)
            _live[id(model)] = instrument
        elif instrument._callbacks is not callbacks or instrument._knows(subscriber):
            instrument._start_over()
        instrument._callbacks = callbacks
        if callbacks is not None and not instrument._subscribers:
            instrument._last_word = _LastWord(instrument._arm_if_wanted)
            callbacks.append(instrument._last_word)
        instrument._subscribers.append(subscriber)
        instrument._ready = False
        return instrument

    @classmethod
    def layers_changed(cls, model: Any, counts_anew: bool) -> None:
        """Tells the instrument of `model`, if it has one, that other layers train.

        Args:
            model: The model, in mid-training or before it.
            counts_anew: Whether its optimizer is about to count steps from 0 again.
                Here they go on.
        """
        instrument = _live.get(id(model))
        if instrument is None or instrument._model is not model:
            return
        if instrument._running:
            instrument.steps_trained()
            instrument.deliver()
            if counts_anew:
                instrument._steps_before, instrument._batches = instrument.step, 0
        for subscriber in instrument._subscribers:
            subscriber.layers_changed()

    def _knows(self, subscriber: Subscriber) -> bool:
        return any(subscriber is known for known in self._subscribers)

    def leave(self, subscriber: Subscriber) -> None:
        """Ends the part of `subscriber` in the training."""
        self._disarm()
        self.deliver()
        self._subscribers = [s for s in self._subscribers if s is not subscriber]
        if not self._subscribers:
            self._running = False

    def prepare(self, data: Any = None) -> bool:
        """Looks at the model as soon as it is built; returns whether it is.

        Args:
            data: The batches that the model will train on, which are enough to
                build a model that is not built yet.
        """
        if self._ready:
            return True
        if not is_built(self._model):
            if data is None:
                return False
            with contextlib.suppress(Exception):
                self._backend.build(self._model, data)
            if not is_built(self._model):
                return False
        build_optimizer(self._optimizer, self._model.trainable_variables)
        self._look_at_layers()
        self._ready = True
        return True

    def _look_at_layers(self) -> None:
        sites = find_sites(self._model)
        if [s.identity for s in sites] != [s.identity for s in self._sites]:
            self._sites = tuple(sites)
            self._variants = {}
            self._box, self._order = None, []
        chosen = self._chosen_sites()
        self._ordinary = None
        self._signature = (
            tuple(site.info.name for site in chosen),
            self._watched(),
            self._model.steps_per_execution,
        )

    def begin_batch(self, subscriber: Subscriber, batch: int) -> None:
        """Is called by each subscriber before each batch."""
        if subscriber is self._subscribers[0]:
            self._begin(batch)
        due = subscriber.sampler.due(self.step, self.steps_per_batch)
        if due and self._updates_weights():
            self._requests.append(subscriber)
        if due or subscriber.watches:
            self._wanted = True
            if self._last_word is None:
                self._arm_if_wanted()

    def end_batch(self, subscriber: Subscriber) -> None:
        """Is called by each subscriber after each batch."""
        if subscriber is not self._subscribers[0]:
            return
        self._batches += self.steps_per_batch
        self.step = self._count()
        seconds = time.perf_counter() - self._began
        for each in self._subscribers:
            if self._sampled:
                each.sampler.sampled(seconds, self._first_sample)
            else:
                each.sampler.ordinary(seconds)

    def origin_of_nonfinite(self) -> NonFiniteOrigin | None:
        """Returns what the black box tells about the first non-finite value."""
        if self._box is None:
            return None
        for row in self._box.read():
            found = open_box(row[0], self._sites, self._order, self._batches_per_step)
            if found is not None:
                step = found.step + self._steps_before
                return dataclasses.replace(found, step=step)
        return None

    @property
    def skips_bad_steps(self) -> bool:
        """Whether the optimizer leaves out steps with non-finite gradients."""
        return hasattr(self._optimizer, "inner_optimizer")

    def forget_nonfinite(self) -> None:
        """Empties the black box."""
        if self._box is not None:
            self._box.clear()

    def _begin(self, batch: int) -> None:
        if not self._running:
            self._running = True
            self.prepare()
            self.steps_per_batch = self._model.steps_per_execution
            self._hyperparameters = self._known_hyperparameters()
        if batch == 0:  # the last execution of an epoch may be a short one
            self.steps_trained()
        self._requests = []
        self._wanted = False
        self._sampled = self._first_sample = False
        self._began = time.perf_counter()

    def steps_trained(self) -> int:
        """Reads how many steps were trained; in between they are counted."""
        self._batches = hyperparameters.batches_seen(self._optimizer)
        self.step = self._count()
        return self.step

    def _count(self) -> int:
        return self._steps_before + self._batches // self._batches_per_step

    def _updates_weights(self) -> bool:
        """Whether the next execution ends with an update, while accumulating."""
        after = self._batches + self.steps_per_batch
        return after // self._batches_per_step > self._batches // self._batches_per_step

    def _arm_if_wanted(self) -> None:
        if not self._wanted:
            return
        self._wanted = False
        own = vars(self._model).get("train_function")
        if getattr(own, "__self__", None) is self:
            return
        if own is not self._own_function:
            self._own_function = own
            self._variants, self._ordinary = {}, None
        vars(self._model)["train_function"] = self._run

    def _disarm(self) -> None:
        own = vars(self._model).get("train_function")
        if getattr(own, "__self__", None) is self:
            vars(self._model)["train_function"] = self._own_function

    def _run(self, iterator: Any) -> Any:
        """Stands in for the train function, for one call."""
        vars(self._model)["train_function"] = self._own_function
        if self._ordinary is not None and not self._requests:
            return self._ordinary(iterator)
        return self._run_variant(iterator)

    def _run_variant(self, iterator: Any) -> Any:
        if not self.prepare(iterator):
            logs = self._own_function(iterator)
            self.prepare()
            return logs
        requests = self._requests
        measures = frozenset().union(*(r.measures for r in requests))
        variant = self._variant(measures)
        if not variant.compiled:
            self._build_metrics(iterator)
        try:
            logs = variant.function(iterator)
        except BaseException:
            if not variant.compiled:  # TensorFlow keeps half a trace
                self._variants = {}
            raise
        self._sampled, self._first_sample = bool(measures), not variant.compiled
        variant.compiled = True
        if variant.buffer is None:
            self._ordinary = variant.function
        else:
            rows = np.stack(variant.buffer.read(), axis=1)
            picture = variant.album.read() if variant.album else None
            self._keep(_Sample(variant, tuple(requests), rows, picture))
        return logs

    def _build_metrics(self, data: Any) -> None:
        """Makes the variables of the metrics, if they are to come.

        A step that makes them as it is traced is traced a second time without.
        """
        metrics = getattr(self._model, "_compile_metrics", None)
        if metrics is None or metrics.built or self._model.run_eagerly:
            return
        with contextlib.suppress(Exception):  # then the step makes them
            self._backend.build(self._model, data)

    def _keep(self, sample: _Sample) -> None:
        now = time.perf_counter()
        if not self._unread:
            self._unread_since = now
        self._unread.append(sample)
        waited = now - self._unread_since
        if len(self._unread) >= _UNREAD_SAMPLES or waited >= _UNREAD_SECONDS:
            self.deliver()
            spent = time.perf_counter() - now
            self._began += spent
            for taker in sample.takers:
                taker.sampler.spent(spent / len(sample.takers))

    def deliver(self) -> None:
        """Hands on what was measured since the last time."""
        unread, self._unread = self._unread, []
        for _, group in itertools.groupby(unread, lambda s: (s.variant, s.takers)):
            samples = list(group)
            plan = samples[0].variant.plan
            assert plan is not None
            rows = np.concatenate([sample.rows for sample in samples])
            records = decode(rows, plan, self._optimizer).later(self._steps_before)
            for taker in samples[0].takers:
                accepted = taker.sampler.accepts(records.steps)
                if accepted.any():
                    taker.receive(records.at(accepted))
                if plans.BATCHES in taker.measures:
                    self._show(samples, taker)

    def _show(self, samples: list[_Sample], taker: Subscriber) -> None:
        for sample in samples:
            if sample.picture is not None:
                batch = decode_batch(sample.picture, self._batches_per_step)
                step = batch.step + self._steps_before
                taker.receive_batch(dataclasses.replace(batch, step=step))

    def _watched(self) -> bool:
        return any(subscriber.watches for subscriber in self._subscribers)

    def _known_hyperparameters(self) -> dict[str, float | None]:
        """Returns the hyperparameters, with the values that cannot change."""
        known = hyperparameters.constants(self._optimizer)
        return dict.fromkeys(known) if self._model.run_eagerly else known

    def _variant(self, measures: frozenset[str]) -> Variant:
        known = self._hyperparameters
        key = measures, self._signature, tuple(known.items())
        if key not in self._variants:
            # The global norm is that of all layers, whichever are wanted.
            whole = plans.GRADIENTS in measures
            sites = self._sites if whole else self._chosen_sites()
            self._variants[key] = self._make_variant(measures, sites)
        return self._variants[key]

    def _chosen_sites(self) -> tuple[Site, ...]:
        wanted = {
            id(site)
            for subscriber in self._subscribers
            for site in subscriber.choose(list(self._sites))
            if subscriber.measures
        }
        return tuple(site for site in self._sites if id(site) in wanted)

    def _make_variant(
        self, measures: frozenset[str], sites: tuple[Site, ...]
    ) -> Variant:
        watched = self._watched()
        known = self._hyperparameters if plans.HYPERPARAMETERS in measures else {}
        plan = Plan(sites, measures, known) if measures else None
        model, backend = self._model, self._backend
        rows = model.steps_per_execution
        buffer = backend.buffer(model, rows, plan.width) if plan else None
        if watched and self._box is None:
            self._box = backend.buffer(model, 1, box_width(self._sites))
        box = self._box if watched else None
        if plan is None and not watched:
            return Variant(self._own_function)
        optimizers = hyperparameters.optimizers_of(model)
        hooks = Hooks(model, list(self._sites), optimizers)
        # Replicas would each show their part, in buffers made in the middle of a step.
        shows = plans.BATCHES in measures and backend.replicas(model) == 1
        album = Album(model, backend) if shows else None

        def listeners() -> list[Any]:
            found: list[Any] = [] if box is None else [self._new_watch(box)]
            if plan is not None and buffer is not None:
                found.append(Recording(model, plan, backend, buffer))
            if album is not None:
                found.append(Capture(model, backend, album))
            return found

        function = backend.train_function(
            model, lambda step: _instrumented(step, hooks, listeners)
        )
        return Variant(function, plan, buffer, album)

    def _new_watch(self, box: Buffer) -> Watch:
        batch = hyperparameters.raw_iterations(self._optimizer)
        return Watch(
            sites=self._sites,
            backend=self._backend,
            buffer=box,
            batch=keras.ops.copy(batch),
            skips_bad_steps=self.skips_bad_steps,
            order=self._order,
        )


class _LastWord(keras.callbacks.Callback):
    """Comes after all other callbacks, so that none of them can fail in between."""

    def __init__(self, function: Callable[[], None]) -> None:
        super().__init__()
        self._function = function

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._function()


class _All:
    """Tells several listeners the same."""

    def __init__(self, listeners: list[Any]) -> None:
        self._listeners = listeners

    def on_inputs(self, inputs: Any) -> None:
        for listener in self._listeners:
            listener.on_inputs(inputs)

    def on_output(self, site: Site, output: Any) -> None:
        for listener in self._listeners:
            listener.on_output(site, output)

    def on_loss(self, arguments: dict[str, Any], loss: Any) -> None:
        for listener in self._listeners:
            listener.on_loss(arguments, loss)

    def on_update(
        self, optimizer: Any, gradients: list[Any], variables: list[Any]
    ) -> Callable[[], None]:
        after = [
            listener.on_update(optimizer, gradients, variables)
            for listener in self._listeners
        ]

        def updated() -> None:
            for function in after:
                function()

        return updated

    def finish(self) -> None:
        for listener in self._listeners:
            listener.finish()


def _instrumented(step: Step, hooks: Hooks, listeners: Callable[[], list[Any]]) -> Step:
    def instrumented_step(*args: Any, **kwargs: Any) -> Any:
        listener = _All(listeners())
        with hooks.listening(listener):
            logs = step(*args, **kwargs)
            listener.finish()
        return logs

    return instrumented_step
