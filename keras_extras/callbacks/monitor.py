"""What the monitoring callbacks have in common."""

from __future__ import annotations

from typing import Any

import keras

from keras_extras.instrumentation import sampling
from keras_extras.instrumentation.instrument import Instrument
from keras_extras.instrumentation.layer_table import LayerFilter
from keras_extras.instrumentation.layer_table import Site
from keras_extras.instrumentation.layer_table import select_sites
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.log_dir import LogDir
from keras_extras.log_dir import check_log_dir
from keras_extras.records.history import History
from keras_extras.records.layer_info import LayerInfo
from keras_extras.records.step_records import StepRecords
from keras_extras.summaries.run import open_run
from keras_extras.summaries.writer import SummaryWriter

_RUN = "diagnostics"  # beside those of `TensorBoard`


class Monitor(keras.callbacks.Callback):
    """Records what the instrument measures and writes it to TensorBoard.

    Subclasses say what to measure in `measures`. Nothing is opened or looked at
    before training starts, so a callback can be copied until then.
    """

    measures: frozenset[str] = frozenset()
    kinds: tuple[str, ...] = ()
    watches = False

    def __init__(
        self,
        log_dir: LogDir,
        every: sampling.Interval,
        layers: LayerFilter,
        overhead: float = 0.02,
    ) -> None:
        super().__init__()
        sampling.check_every(every)
        sampling.check_overhead(overhead)
        check_log_dir(log_dir)
        self.log_dir = log_dir
        self.every = every
        self.layers = layers
        self.overhead = overhead
        self.history = History()
        self.infos: tuple[LayerInfo, ...] = ()
        self.sampler = sampling.make_sampler(every, overhead)
        self._instrument: Instrument | None = None
        self._writer: SummaryWriter | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what belongs to a training that is going on."""
        state = dict(vars(self))
        return state | {"_instrument": None, "_writer": None, "_model": None}

    def on_train_begin(self, logs: Any = None) -> None:
        _check_compiled(self.model, type(self).__name__)
        self.sampler = sampling.make_sampler(self.every, self.overhead)
        found = callbacks_of_fit()
        callbacks = None if found is None else found.callbacks
        self._instrument = Instrument.join(self.model, self, callbacks)
        self._instrument.prepare()
        self.history.source = self._instrument.deliver
        self._close_writer()
        self._writer = open_run(self.log_dir, _RUN)
        if self._writer is not None:
            self._writer.about(hyperparameters.describe(self.model.optimizer))

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._instrument is not None:
            self._instrument.begin_batch(self, batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._instrument is not None:
            self._instrument.end_batch(self)
        if self._writer is not None:
            self.sampler.spent(self._writer.seconds_spent())

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._writer is not None and self._instrument is not None:
            self._writer.epoch(self._instrument.steps_trained(), epoch, logs or {})

    def on_train_end(self, logs: Any = None) -> None:
        if self._instrument is not None:
            self._instrument.leave(self)
            self.history.source = None
        self._close_writer()

    def _close_writer(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()

    def choose(self, sites: list[Site]) -> list[Site]:
        """Returns the layers to measure, and starts a history for them."""
        chosen = select_sites([s for s in sites if self.concerns(s)], self.layers)
        infos = tuple(site.info for site in chosen)
        if infos != self.infos:
            source, self.infos = self.history.source, infos
            self.history = History(tuple(info.name for info in infos))
            self.history.source = source
        return chosen

    def concerns(self, site: Site) -> bool:
        """Whether the layer has anything that this callback measures."""
        return True

    def receive(self, records: StepRecords) -> None:
        """Takes the records of sampled steps."""
        records = records.about(self.history.layers, self.kinds)
        values = {**records.values_of_step, **records.statistics}
        self.history.extend(records.steps, values)
        if self._writer is not None:
            self._writer.records(records, thin=self.every == "auto")

    def layers_changed(self) -> None:
        """Does nothing: statistics of what is frozen are NaN."""


def _check_compiled(model: Any, name: str) -> None:
    from keras_extras.keras_internals.hyperparameters import optimizers_of

    if not optimizers_of(model):
        raise ValueError(
            f"`{name}` needs a model that is compiled with an optimizer. "
            f"Received: model={model!r}, model.optimizer=None"
        )
