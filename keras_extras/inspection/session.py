from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import Callable
from typing import Any

from keras_extras.backends.load import load_backend
from keras_extras.inspection import measures as m
from keras_extras.inspection.batch_clock import BatchClock
from keras_extras.inspection.deliveries import Deliveries
from keras_extras.inspection.execution import Execution
from keras_extras.inspection.execution import LightExecution
from keras_extras.inspection.faults import on_behalf_of
from keras_extras.inspection.faults import warn_cannot_inspect
from keras_extras.inspection.inspector import Inspector
from keras_extras.inspection.layouts import Layouts
from keras_extras.inspection.monitored_layers import NoSuchLayerError
from keras_extras.inspection.origin import all_finite
from keras_extras.inspection.replay import Replay
from keras_extras.inspection.replay import ReplayChoice
from keras_extras.inspection.staying_substitute import make_substitute
from keras_extras.inspection.subscriber import Subscriber
from keras_extras.inspection.training_steps import TrainingSteps
from keras_extras.keras_internals.fit_guard import FitGuard
from keras_extras.records.cost import Cost
from keras_extras.records.nonfinite_origin import NonFiniteOrigin

_live = weakref.WeakValueDictionary[int, "MonitoringSession"]()


class MonitoringSession:
    """Runs one `fit` for all callbacks that measure: who wants what, and when.

    For a batch that someone wants to see, the model's train function is replaced.

    Args:
        model: The model that is trained.

    Attributes:
        origin: Where the first non-finite value came from that was seen, or `None`.
        steps: The steps of the optimizer. Its counter says in which batches nothing is
            to be done: to look there takes less time than to call `begin_batch`.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._backend = load_backend()
        self._inspector = Inspector(model, self._backend, self._cannot_inspect)
        self._deliveries = Deliveries(on_behalf_of)
        self._substitute = make_substitute(
            self._backend, model, self._run, self._train_function_returned
        )
        self.steps = TrainingSteps(model, self._backend)
        self._subscribers: list[Subscriber] = []
        self._layouts = Layouts(model, self._backend, self._subscribers)
        self._execution: Execution | None = None
        self._light: LightExecution | None = None
        self._clock = BatchClock()
        self._requests: list[Subscriber] = []
        self._replay: Replay | None = None
        self.origin: NonFiniteOrigin | None = None

    @classmethod
    def join(
        cls, model: Any, subscriber: Subscriber, callbacks: Any
    ) -> MonitoringSession:
        """Returns the session of the `fit` that is about to start.

        Args:
            model: The model to be trained.
            subscriber: The callback that joins.
            callbacks: The `CallbackList` of this `fit`, or `None`.
        """
        key = id(model if callbacks is None else callbacks)
        session = _live.get(key)
        if session is None or not session._can_take(model, subscriber):
            session = _live[key] = cls(model)
            if callbacks is not None:
                FitGuard(lambda: None, session._fit_ended).watch(callbacks)
        session._subscribers.append(subscriber)
        session._clock.wake(session.steps.counter)
        session._layouts.forget()
        return session

    def _can_take(self, model: Any, subscriber: Subscriber) -> bool:
        return self._model is model and all(
            s is not subscriber for s in self._subscribers
        )

    @classmethod
    def layers_changed(cls, model: Any, counts_anew: bool) -> None:
        """Tells the sessions of `model` that other layers train from here.

        Args:
            model: The model, in mid-training or before it.
            counts_anew: Whether its optimizer is about to count steps from 0 again.
                Here they go on.
        """
        for session in [s for s in _live.values() if s._model is model]:
            session._synchronize()
            session.deliver()
            session._inspector.forget()
            if session._replay is not None:
                session._replay.forget()
            session._layouts.forget()
            session._clock.wake(session.steps.counter)
            if counts_anew:
                session.steps.counter.start_over()
            for subscriber in session._subscribers:
                subscriber.layers_changed()

    def leave(self, subscriber: Subscriber) -> None:
        """Ends the part of `subscriber` in the training; it gets what is its due."""
        try:
            self._substitute.disarm()
            self.deliver()
        finally:
            self._subscribers[:] = [s for s in self._subscribers if s is not subscriber]
            self._clock.wake(self.steps.counter)
            if not self._subscribers:
                self._substitute.remove()
                if self._replay is not None:
                    self._replay.end()

    @property
    def step(self) -> int:
        """Number of optimizer steps so far."""
        return self.steps.counter.step

    @property
    def steps_per_batch(self) -> int:
        """Number of batches of one execution, at most."""
        return self.steps.counter.per_execution

    @property
    def made_steps(self) -> bool:
        """Whether the optimizer has made a step since this training began."""
        return self.steps.counter.made_steps

    def steps_trained(self) -> int:
        """Returns the number of steps, as exactly as it can be known."""
        self._synchronize()
        return self.steps.counter.step

    def _synchronize(self) -> None:
        with self._backend.values(self._model, None):
            self.steps.counter.synchronize()

    def origin_of_bad_loss(self) -> NonFiniteOrigin:
        """Returns where a loss that is not finite came from, as far as is known."""
        if not self.steps.skips_bad_steps:  # else the bad one was not counted
            self._synchronize()  # the last execution may have been a short one
        replayed, now = None, max(self.step - 1, 0)
        if self._replay is not None:
            replayed = self._replay.find(
                self._substitute.own, self._inspector, self._layouts, self.steps
            )
        return replayed or self.origin or NonFiniteOrigin(now, "unknown", None)

    def origin_of_bad_weights(self) -> NonFiniteOrigin | None:
        """Returns where weights that are not finite came from, if there are any.

        What spoils the weights in the very last step shows in no loss.
        """
        read = self._backend.weight_reader(self._model.trainable_variables)
        return None if all_finite(read()) else self.origin_of_bad_loss()

    def replay_with(self, choice: ReplayChoice, epoch_iterator: Any) -> None:
        """Keeps what it takes to go back to where values stopped being finite.

        Args:
            choice: Whether to; `"auto"` does if it costs next to nothing.
            epoch_iterator: Keras' own iterator over epochs.
        """
        if choice is False or epoch_iterator is None or self._replay is not None:
            return
        ring = self._backend.batch_ring(epoch_iterator)
        if ring is not None:
            self._replay = Replay(self._model, self._backend, ring, choice == "auto")

    def begin_epoch(self, epoch: int, batches: int | None) -> int | None:
        """Is called by each subscriber before each epoch; returns its last step.

        Args:
            epoch: Integer. A training that begins with a later epoch, and with an
                optimizer that has made no step yet, goes on with that epoch's steps.
            batches: Integer, number of batches of an epoch, `None` if unknown.
        """
        self._clock.wake(self.steps.counter)
        return self.steps.begin_epoch(epoch, batches)

    # What these two do runs between two runs of the step, and takes ten times as long
    # there as in a loop. So most batches are slept through, and neither is called.
    def begin_batch(self, subscriber: Subscriber) -> None:
        """Is called by each subscriber before a batch that is not slept through."""
        if subscriber is self._subscribers[0]:
            self._wake()
        due = subscriber.sampler.due  # asked only where there is a step to see
        if self.steps.counter.updates and due(
            self.steps.counter.step, self.steps_per_batch
        ):
            self._requests.append(subscriber)
        if subscriber is self._subscribers[-1]:
            if self._requests:
                self._prepare_execution()
            elif self._replay is not None and not self._inspector.has_arguments:
                self._substitute.arm()  # to see once what it takes to train again
            self._clock.plan(self._rests())

    def pause(self) -> None:
        """Is called before and after a time in which no batch is trained."""
        batches, seconds = self._clock.tick(self.steps.counter), self._clock.seconds
        for each in self._subscribers if seconds else ():
            each.sampler.ordinary(seconds, batches)

    @property
    def keeps_now(self) -> bool:
        """Whether the next batch begins with a look at all variables."""
        replay = self._replay
        return replay is not None and self.steps.counter.since_first >= replay.due

    def _wake(self) -> None:
        """Starts a batch in which there may be something to do."""
        self._requests = []
        self._substitute.settle()
        self.pause()
        if self._replay is not None and self.keeps_now:
            self._replay.keep(self.steps.counter.batches, self.steps.counter.first)

    def _rests(self) -> list[int]:
        """Returns how many batches each part may rest, after the present one."""
        counter, steps = self.steps.counter, self.steps_per_batch
        if not counter.is_regular:
            return [0]
        rests = [each.sampler.rest(counter.step, steps) for each in self._subscribers]
        if self._replay is not None:
            rests.append(self._replay.due - counter.since_first - 1)
        return rests

    def _prepare_execution(self) -> None:
        """Has the next execution sampled, from outside or by an inspection."""
        looks = not self._inspector.refused
        deep = [r for r in self._requests if looks and r.measures & m.OF_STEPS]
        light = [r for r in self._requests if r not in deep]
        if light:
            with self._backend.values(self._model, None):
                self._light = LightExecution(light, self.steps, self.steps_per_batch)
        if deep:
            self._requests = deep
            self._substitute.arm()

    def end_batch(self, subscriber: Subscriber) -> None:
        """Is called by each subscriber after a batch that was not slept through."""
        if subscriber is not self._subscribers[0]:
            return
        counter = self.steps.counter
        self._clock.batches += 1
        if self._execution is None and self._light is None:
            counter.batches += counter.per_execution
        else:
            counter.trained(counter.per_execution)
            self._take(self._execution, self._light)
        if self._deliveries.unread and self._deliveries.due:
            self._deliver_in_time()
        self._clock.sleep(counter, subscriber)

    def _train_function_returned(self, result: Any) -> None:
        """Ends a batch where Keras is not to tell of it."""
        try:
            logs, state = self._backend.outcome(result)
            if self._execution is None and self._light is None:
                for each in tuple(self._subscribers):
                    each.batch_trained(logs)
                return
            with self._backend.values(self._model, state):
                for each in tuple(self._subscribers):
                    each.batch_trained(logs)
        except Exception as error:
            for each in list(self._subscribers):
                each.switch_off(error)

    def _take(self, execution: Execution | None, light: LightExecution | None) -> None:
        """Takes what was measured in the last execution."""
        self._execution = self._light = None
        if execution is not None and execution.sampled:
            self._clock.restart()
            for each in self._subscribers:
                each.sampler.sampled(*self._inspector.last_seconds)
            self.origin = self.origin or execution.origin
        if light is not None:
            light.deliver(self._deliveries, self.steps.counter.step)

    def _deliver_in_time(self) -> None:
        began = time.perf_counter()
        self.deliver()
        spent = (time.perf_counter() - began) / max(len(self._subscribers), 1)
        for each in self._subscribers:
            each.sampler.spent(spent)

    def deliver(self) -> None:
        """Hands on what was measured since the last time."""
        replicas = self._backend.replicas(self._model)
        self._deliveries.hand_on(self.steps.optimizer, replicas)

    def _run(self, own: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Stands in for the train function, for one call."""
        try:
            execution = self._new_execution(arguments)
        except NoSuchLayerError:
            raise  # a mistake of the user's, who is to know before it trains
        except Exception as error:
            execution = None
            self._cannot_inspect(error)
        if execution is None:
            return own(*arguments)
        self._execution = execution
        return self._inspector.train(own, arguments, execution)

    def _new_execution(self, arguments: tuple[Any, ...]) -> Execution | None:
        """Returns what is wanted next; `None` before the model has layers."""
        if not self._layouts.prepare(self._backend.split(arguments)[1]):
            return None
        return Execution(self._requests, self._layouts, self.steps, self._deliveries)

    def look_at_layers_if_built(self) -> None:
        """Finds the layers of a model that is built already, for all subscribers."""
        self._layouts.look_if_built()

    @property
    def cost(self) -> Cost:
        """What the samples have cost so far."""
        return self._inspector.cost

    def _cannot_inspect(self, error: Exception) -> None:
        self._inspector.refused = True
        state = self._inspector.state
        with contextlib.suppress(Exception), self._backend.values(self._model, state):
            self._light = self._light or LightExecution(  # of what is about to train
                self._requests, self.steps, self.steps_per_batch
            )
        warn_cannot_inspect(error)

    def _fit_ended(self) -> None:
        """Ends the parts of all that are left: of `fit` that ends by an exception."""
        self._substitute.remove()  # also where `leave` came to nothing
        for subscriber in list(self._subscribers):
            subscriber.fit_failed()
