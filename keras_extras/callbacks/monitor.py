"""Holds what the monitoring callbacks have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from keras_extras.backends import processes
from keras_extras.backends.load import load_backend
from keras_extras.callbacks.before_training import check_compiled
from keras_extras.callbacks.before_training import check_stands_once
from keras_extras.inspection import sampling
from keras_extras.inspection.agreed_sampler import AgreedSampler
from keras_extras.inspection.faults import warn_no_steps
from keras_extras.inspection.faults import warn_switched_off
from keras_extras.inspection.late_losses import LateLosses
from keras_extras.inspection.monitored_layers import LayerFilter
from keras_extras.inspection.monitored_layers import MonitoredLayer
from keras_extras.inspection.monitored_layers import NoSuchLayerError
from keras_extras.inspection.monitored_layers import check_layers
from keras_extras.inspection.monitored_layers import select_layers
from keras_extras.inspection.session import MonitoringSession
from keras_extras.inspection.step_log import StepLog
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.asynchronous import unless_it_waits
from keras_extras.keras_internals.callback_state import state_of
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.log_dir import LogDir
from keras_extras.log_dir import check_log_dir
from keras_extras.records.cost import Cost
from keras_extras.records.history import History
from keras_extras.records.history import check_history_size
from keras_extras.records.layer_info import LayerInfo
from keras_extras.records.step_records import StepRecords
from keras_extras.summaries.run import open_run
from keras_extras.summaries.writer import SummaryWriter

_RUN = "diagnostics"  # beside those of `TensorBoard`


class Monitor(keras.callbacks.Callback):
    """Records what a monitoring session measures and writes it to TensorBoard.

    Subclasses say what to measure in `measures`. Nothing is opened or examined
    before training starts, so a callback can be copied until then.
    """

    measures = frozenset[str]()
    kinds = tuple[str, ...]()
    takes_losses = False

    def __init__(
        self,
        log_dir: LogDir,
        every: sampling.Interval,
        layers: LayerFilter,
        overhead: float = 0.02,
        history_size: int | None = 10_000,
    ) -> None:
        super().__init__()
        sampling.check_every(every)
        sampling.check_overhead(overhead)
        check_layers(layers)
        check_history_size(history_size)
        check_log_dir(log_dir)
        self.log_dir = log_dir
        self.every = every
        self.layers = layers
        self.overhead = overhead
        self.history = History(max_steps=history_size)
        self.infos: tuple[LayerInfo, ...] = ()
        self.sampler = sampling.make_sampler(every, overhead)
        self._session: MonitoringSession | None = None
        self._cost = Cost()
        self._is_off = self._has_trained = False
        self._writer: SummaryWriter | None = None
        self._late: LateLosses | None = None
        self._reports: list[Any] = []

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what belongs to a training that is going on."""
        return state_of(self, _session=None, _writer=None, _late=None, _reports=[])

    @property
    def cost(self) -> Cost:
        """Says what monitoring has cost so far: time per sample, and share.

        The callbacks of one `fit` share their samples, and so what these cost.
        """
        return self._cost if self._session is None else self._session.cost

    def on_train_begin(self, logs: Any = None) -> None:
        check_compiled(self.model, type(self).__name__)
        check_stands_once(self)
        backend = load_backend()
        self._close_writer()
        self._late, self._reports = None, []
        self._writer = open_run(self.log_dir, _RUN)
        self._is_off = self._has_trained = False
        with self._boundary():
            if backend.runs_ahead and self.takes_losses:
                self._late = LateLosses(backend)
            self.sampler = sampling.make_sampler(
                self.every, self.overhead, backend.compiles
            )
            if processes.count() > 1 and not self.sampler.insists:
                self.sampler = AgreedSampler(self.sampler, processes.agreed)
            self._session = MonitoringSession.join(self.model, self, callbacks_of_fit())
            self.history.source = self._session.deliver
            self._session.look_at_layers_if_built()
            if self._writer is not None:
                self._writer.about(hyperparameters.describe(self.model.optimizer))
                if self.takes_losses:
                    self._writer.step_log = StepLog(self.model)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._session is not None:
            with self._boundary():
                last = self._session.begin_epoch(epoch, self.params.get("steps"))
                if last is not None:
                    is_last_epoch = epoch + 1 == self.params.get("epochs")
                    self.sampler.epoch_ends(last, is_last_epoch)

    # These run for each batch, between two runs of the step: a name that is looked up
    # there costs more than a line in a loop. So the boundary is written out, and in
    # most batches nothing is done but to keep what Keras reports.
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        session = self._session
        if session is None:
            return
        counter = session.steps.counter
        if self._late is not None:
            keeps_now = is_due = False
            try:
                keeps_now = (
                    counter.batches >= counter.sleeps_until and session.keeps_now
                )
                is_due = keeps_now or self._late.is_due
            except Exception as error:
                self.switch_off(error)
            if is_due:
                self._take_late(keeps_now)
            if self._session is None:
                return
        if counter.batches >= counter.sleeps_until:
            try:
                session.begin_batch(self)
            except Exception as error:
                self.switch_off(error)

    def hear_batch(self, batch: int, logs: Any = None) -> None:
        """Is `on_train_batch_end` where losses are taken."""
        session = self._session
        if session is None:
            return
        try:
            if logs:
                self._reports.append(logs)
                counter, loss = session.steps.counter, logs.get("loss", 0.0)
                # A loss less itself is 0 unless it is NaN or infinity. One that comes
                # late is not to be waited for.
                well = self._late is not None or loss - loss == 0.0
                if well and counter.batches < counter.sleeps_until:
                    if counter.counted_by is self:
                        counter.batches += 1
                    return
        except Exception as error:
            self.switch_off(error)
        self._end_batch()
        self._take_reports()

    def _take_reports(self) -> None:
        """Takes what Keras has reported of batches, for the charts of every step."""
        reports, self._reports = self._reports, []
        if not reports or self._session is None:
            return
        with self._boundary():
            log = None if self._writer is None else self._writer.step_log
            first = self._session.step - len(reports)
            if log is not None:
                log.add(first, reports)
        if self._late is not None:
            return
        for logs in reports:  # outside of the boundary, since that may end the training
            self.take_loss(logs.get("loss"))

    def batch_trained(self, logs: Any) -> None:
        """Does what `on_train_batch_end` does, but for the loss, which comes late."""
        if self._late is not None:
            try:
                self._late.add(logs)
            except Exception as error:
                self.switch_off(error)
        if self.takes_losses:
            self.hear_batch(0, logs)
        else:
            self._end_batch()

    def _end_batch(self, batch: int = 0, logs: Any = None) -> None:
        session = self._session
        if session is None:
            return
        counter = session.steps.counter
        if counter.batches < counter.sleeps_until:
            if counter.counted_by is self:
                counter.batches += 1
            return
        try:
            self._has_trained = True
            session.end_batch(self)
        except Exception as error:
            self.switch_off(error)

    on_train_batch_end = unless_it_waits("on_train_batch_end", _end_batch)

    def _take_late(self, all_of_them: bool = False) -> None:
        """Takes losses of earlier batches, as far as they are known by now."""
        losses: list[float] = []
        with self._boundary():
            losses = self._late.read(all_of_them) if self._late is not None else []
        for loss in losses:
            self.take_loss(loss)

    def _take_all_losses(self) -> None:
        """Takes the losses of all batches so far."""
        self._take_late(all_of_them=True)
        self._take_reports()

    def take_loss(self, loss: Any) -> None:
        """Takes the loss of a batch, as Keras reports it."""

    # Validation is no time of training that would pay for samples.
    def on_test_begin(self, logs: Any = None) -> None:
        self._take_all_losses()
        self._pause()

    def on_test_end(self, logs: Any = None) -> None:
        self._pause()

    def _pause(self) -> None:
        if self._session is not None:
            with self._boundary():
                self._session.pause()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._take_all_losses()
        with self._boundary():
            if self._writer is not None and self._session is not None:
                steps = self._session.steps_trained()
                self._writer.epoch(steps, epoch, logs or {})
                self._write_curve(steps)

    def _write_curve(self, steps: int) -> None:
        """Writes what is known of every one of so many steps, if that is noted."""
        log = None if self._writer is None else self._writer.step_log
        if log is not None and self._writer is not None and steps:
            log.read(steps - 1)
            self._writer.curve(steps - 1, log.to_dict())

    def on_train_end(self, logs: Any = None) -> None:
        self._end_part()

    def fit_failed(self) -> None:
        """Ends the part of this callback in a `fit` that ends by an exception."""
        self._end_part()

    def _end_part(self) -> None:
        """Takes what is still due, and closes the run."""
        session, self._session = self._session, None
        with self._boundary():
            if session is not None:
                self._write_curve(session.steps_trained())
                session.leave(self)
                self._cost = session.cost
                if self._has_trained and not session.made_steps:
                    warn_no_steps(type(self).__name__)
        self.history.source = None
        self._close_writer()

    def switch_off(self, error: Exception) -> None:
        """Ends the part of this callback: something of ours failed on its behalf.

        What was recorded until then stays, and is written.
        """
        if self._is_off:
            return
        self._is_off = True
        warn_switched_off(type(self).__name__, error)
        session, self._session = self._session, None
        self.history.source = None
        if session is not None:
            with contextlib.suppress(Exception):
                session.leave(self)
        self._close_writer()

    @contextlib.contextmanager
    def _boundary(self) -> Iterator[None]:
        """Lets no fault of ours end a training: the part that has it ends instead."""
        try:
            yield
        except NoSuchLayerError:
            raise  # a mistake of the user's, who is to know before it trains
        except Exception as error:
            self.switch_off(error)

    def _close_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with self._boundary():
                writer.close()

    def choose(self, layers: list[MonitoredLayer]) -> list[MonitoredLayer]:
        """Returns the layers to measure, and starts a history for them."""
        chosen = select_layers([x for x in layers if self.concerns(x)], self.layers)
        infos = tuple(layer.info for layer in chosen)
        if infos != self.infos:
            source, self.infos = self.history.source, infos
            names = tuple(info.name for info in infos)
            self.history = History(names, self.history.max_steps)
            self.history.source = source
        return chosen

    def concerns(self, layer: MonitoredLayer) -> bool:
        """Returns whether the layer has anything that this callback measures."""
        return True

    def receive(self, records: StepRecords) -> None:
        """Takes the records of sampled steps."""
        records = records.about(self.history.layers, self.kinds)
        values = {**records.values_of_step, **records.statistics}
        self.history.extend(records.steps, values)
        if self._writer is not None:
            self._writer.records(records, thin=self.every == "auto")
            self.sampler.spent(self._writer.seconds_spent())

    def layers_changed(self) -> None:
        """Does nothing: statistics of what is frozen are NaN."""
