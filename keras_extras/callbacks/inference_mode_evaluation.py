from __future__ import annotations

import copy
from typing import Any

import keras

from keras_extras import checks
from keras_extras.data.batches import is_dataset
from keras_extras.data.training_sample import FirstBatches
from keras_extras.data.training_sample import sample_rows
from keras_extras.data.training_sample import shares_order
from keras_extras.keras_internals.callback_state import state_of
from keras_extras.keras_internals.compiled_losses import compares_with_targets
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.keras_internals.running_fit import local_of_fit
from keras_extras.keras_internals.snapshot import layer_states
from keras_extras.keras_internals.snapshot import random_state_kept
from keras_extras.keras_internals.snapshot import values_kept
from keras_extras.log_dir import LogDir
from keras_extras.log_dir import check_log_dir
from keras_extras.summaries.run import end_with_fit
from keras_extras.summaries.run import open_run
from keras_extras.summaries.writer import SummaryWriter

_DATA = ("x", "y", "sample_weight")
_LOCALS = (*_DATA, "batch_size")


class InferenceModeEvaluation(keras.callbacks.Callback):
    """Evaluates training data in the same way as validation data.

    The training `loss` that Keras reports cannot be compared with `val_loss`: it is
    computed with dropout and other noise, with the batch statistics of batch
    normalisation, with class weights, and averaged over an epoch in which the model
    changes. So `loss` may be above `val_loss` in a model that overfits. This callback
    evaluates a fixed sample of the training data at the end of an epoch, as `evaluate`
    does, and adds `train_eval_loss` and all metrics to the logs. The difference between
    `val_loss` and `train_eval_loss` shows how far the model overfits, apart from random
    differences between the two samples.

    Callbacks after it in the list see the added logs; `History` and the progress bar
    always do. Pass `mode` to `EarlyStopping` and `ReduceLROnPlateau` if they monitor
    these names, because Keras infers it from `val_` names only.

    Training is not affected: weights, seeds, the states of layers and of metrics are
    the same, bit for bit. Each epoch takes longer by the evaluation of `sample_size`
    rows. Do not use it on data that can be read only once, such as an endless stream.

    Args:
        x: Inputs, as `evaluate` takes them: arrays, or a dataset, of which the first
            batches are read, when training starts. `None` takes the arrays that `fit`
            trains on, without those of `validation_split`. A dataset that `fit` trains
            on is not read, because that may change its order: pass another one here,
            such as one without shuffling. Defaults to `None`.
        y: Targets, with arrays. Defaults to `None`.
        sample_weight: Weights of the rows, with arrays. Class weights are not applied,
            as with validation data. Defaults to `None`.
        sample_size: Integer >= 1, number of rows, or `None` for all. Rows of arrays
            are drawn at random. With 2000 rows the standard error of an accuracy of 90
            % is 0.7 %. Defaults to `2000`.
        every: Integer >= 1, epochs between two evaluations, counted as in
            `validation_freq`. Defaults to `1`.
        prefix: String, prefix of the names of loss and metrics.
            Defaults to `"train_eval_"`.
        batch_size: Integer >= 1, for arrays, or `None` for that of `fit`.
            Defaults to `None`.
        log_dir: Path of a directory to write TensorBoard summaries to, or a
            `keras.callbacks.TensorBoard`: then the run `train_evaluation` is written to
            its directory, so that it is a line in the charts of its runs `train` and
            `validation`. `None` to write nothing. Defaults to `None`.
        seed: Integer >= 0, seed of the choice of rows of arrays. Defaults to `0`.

    Attributes:
        history: Dict from the names in the logs, and `epoch`, to lists of numbers.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if there
            are no data, or if the dataset shares its shuffling with that of `fit`.

    Example:

    ```python
    evaluation = keras_extras.callbacks.InferenceModeEvaluation()
    history = model.fit(x, y, validation_split=0.2, callbacks=[evaluation])
    print(history.history["train_eval_loss"], history.history["val_loss"])
    ```
    """

    def __init__(
        self,
        x: Any = None,
        y: Any = None,
        sample_weight: Any = None,
        sample_size: int | None = 2000,
        every: int = 1,
        prefix: str = "train_eval_",
        batch_size: int | None = None,
        log_dir: LogDir = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if sample_size is not None:
            checks.check_count("sample_size", sample_size)
        if batch_size is not None:
            checks.check_count("batch_size", batch_size)
        checks.check_count("every", every)
        checks.check_seed("seed", seed)
        check_log_dir(log_dir)
        _check_prefix(prefix)
        _check_data(x, y, sample_weight)
        self.x, self.y, self.sample_weight = x, y, sample_weight
        self.sample_size = sample_size
        self.every = every
        self.prefix = prefix
        self.batch_size = batch_size
        self.log_dir = log_dir
        self.seed = seed
        self.history: dict[str, list[float]] = {}
        self._arguments: dict[str, Any] = {}
        self._writer: SummaryWriter | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what belongs to a training that is going on."""
        return state_of(self, _writer=None, _arguments={})

    def __deepcopy__(self, memo: dict[int, Any]) -> InferenceModeEvaluation:
        """Copies all but the data, which searches would hold once per trial."""
        clone = copy.copy(self)
        memo[id(self)] = clone
        own = {k: v for k, v in vars(clone).items() if k not in _DATA}
        clone.__dict__.update(copy.deepcopy(own, memo))
        return clone

    def on_train_begin(self, logs: Any = None) -> None:
        self.history = {}
        running = callbacks_of_fit()
        with random_state_kept():
            self._arguments = self._data(running)
        self._writer = open_run(self.log_dir, "train_evaluation")
        if self._writer is not None:
            end_with_fit(self._close_writer)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._writer is not None:
            self._writer.score(epoch, logs or {})
        if (epoch + 1) % self.every:
            return
        values = self._evaluate()
        if self._writer is not None:
            # Keras' names, so that TensorBoard draws one chart of all runs.
            self._writer.scalars(epoch, {f"epoch_{k}": v for k, v in values.items()})
        values = {f"{self.prefix}{name}": value for name, value in values.items()}
        if logs is not None:
            logs.update(values)
        for name, value in {"epoch": epoch, **values}.items():
            self.history.setdefault(name, []).append(value)

    def on_train_end(self, logs: Any = None) -> None:
        self._arguments = {}
        self._close_writer()

    def _close_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _evaluate(self) -> dict[str, float]:
        model = self.model
        # Metrics of the epoch, which `evaluate` resets, and what layers keep.
        kept = [*model.metrics_variables, *layer_states(model)]
        with values_kept(kept), random_state_kept():
            values = model.evaluate(**self._arguments, verbose=0, return_dict=True)
        return {name: float(value) for name, value in values.items()}

    def _data(self, running: Any) -> dict[str, Any]:
        """Returns what `evaluate` is to evaluate."""
        x, y, weight = self.x, self.y, self.sample_weight
        # Without a `fit` that runs, any function could have such names.
        found = {n: local_of_fit(running, n) for n in _LOCALS} if running else {}
        trained_on = found.get("x")
        if x is None:
            x, y, weight = (found.get(name) for name in _DATA)
            _check_learnt(x)
        if is_dataset(x):
            if shares_order(x, trained_on):
                raise ValueError(
                    "`x` must be a dataset that does not share its shuffling with the "
                    "one that `fit` trains on, whose order would change. Take the "
                    f"sample before it is shuffled. Received: x={x!r}"
                )
            if self.sample_size is not None:
                x = FirstBatches(x, self.sample_size)
            return {"x": x}
        if self.x is not None and y is None and compares_with_targets(self.model):
            raise ValueError(
                "`y` must be given with `x` for a model whose loss compares outputs "
                "with targets. Received: y=None"
            )
        x, y, weight = sample_rows((x, y, weight), self.sample_size, self.seed)
        size = self.batch_size or found.get("batch_size")
        return {"x": x, "y": y, "sample_weight": weight, "batch_size": size}


def _check_prefix(prefix: Any) -> None:
    if not isinstance(prefix, str) or not prefix or prefix.startswith("val_"):
        raise ValueError(
            "`prefix` must be a string that is not empty and does not begin with "
            f'"val_". Received: prefix={prefix!r}'
        )


def _check_data(x: Any, y: Any, sample_weight: Any) -> None:
    for name, value in {"x": x, "y": y, "sample_weight": sample_weight}.items():
        if not keras.tree.flatten(value):
            raise ValueError(f"`{name}` must hold arrays. Received: {name}={value!r}")
    if (x is None or is_dataset(x)) and not (y is None and sample_weight is None):
        raise ValueError(
            "`y` and `sample_weight` must be None unless `x` is given as arrays. "
            f"Received: x of type {type(x).__name__}"
        )
    if x is not None and not is_dataset(x):
        sample_rows((x, y, sample_weight), None, 0)


def _check_learnt(x: Any) -> None:
    leaves = keras.tree.flatten(x)
    if is_dataset(x) or not all(hasattr(leaf, "shape") for leaf in leaves):
        raise ValueError(
            "`x` must be given where `fit` trains on a dataset or generator: to read "
            "it here would change what is trained on. Give a dataset without "
            "shuffling, or arrays: `InferenceModeEvaluation(sample)`. "
            f"Received: x=None, and `fit` trains on {type(x).__name__}"
        )
