from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_extras.checks import check_count
from keras_extras.checks import check_seed
from keras_extras.keras_internals.callback_state import state_of
from keras_extras.keras_internals.graph import output_names
from keras_extras.log_dir import LogDir
from keras_extras.log_dir import check_log_dir
from keras_extras.summaries.run import end_with_fit
from keras_extras.summaries.run import open_run
from keras_extras.summaries.writer import SummaryWriter
from keras_extras.uncertainty import checks
from keras_extras.uncertainty.calibration_error import expected_calibration_error
from keras_extras.uncertainty.classes import classes_and_table
from keras_extras.uncertainty.mc_prediction import MCPrediction
from keras_extras.uncertainty.sampling_run import SamplingRun
from keras_extras.uncertainty.scores import negative_log_likelihood
from keras_extras.uncertainty.stochastic import stochastic_layers
from keras_extras.uncertainty.transform import Transform


class UncertaintyLogger(keras.callbacks.Callback):
    """Records the uncertainty and calibration of a classifier after each epoch.

    After each epoch it predicts a set of inputs with `mc_predict` and records, in the
    epoch logs, in `history` and for TensorBoard:

    - `mc_accuracy`: accuracy of the mean of the samples.
    - `mc_entropy`: mean predictive entropy, nats.
    - `mc_bald`: mean mutual information (BALD), nats. It falls while the model learns;
      if it stays high, there are too few data or the dropout rates are too high.
    - `mc_ece`: expected calibration error. It rises when a model begins to overfit,
      often before the accuracy falls.
    - `mc_nll`: negative log-likelihood, nats.

    Training is not affected: no variable changes, and `val_loss` is still computed
    without dropout. Each epoch takes `samples` more predictions, so pass a few hundred
    inputs, not all of them.

    Args:
        x: Inputs: an array, or a list, tuple or dict of them.
        y: Integer classes, `(rows,)` or `(rows, 1)`, or one-hot rows.
        log_dir: Path of the directory to write TensorBoard summaries to, a
            `keras.callbacks.TensorBoard` whose directory is used, or `None` to write
            nothing. Defaults to `None`.
        samples: Integer >= 2, number of samples. Defaults to `50`.
        every: Integer >= 1, epochs between two measurements. Defaults to `1`.
        bins: Integer >= 1, number of bins of `mc_ece`. Defaults to `15`.
        activation: Function applied to the outputs, such as `"softmax"` for a model
        that
            returns logits. Defaults to `None`.
        seed: Integer >= 0, the same in each epoch, so that curves are smoother.
        Defaults
            to `0`.

    Attributes:
        history: Dict from the names above, and `epoch`, to lists of numbers.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if the
            model has no dropout, more than one output, or returns no probabilities.

    Example:

    ```python
    logger = keras_extras.uncertainty.UncertaintyLogger(x_test[:500], y_test[:500])
    model.fit(x, y, epochs=5, callbacks=[logger])
    print(logger.history["mc_ece"])
    ```

    References:
        Guo et al. (2017), "On calibration of modern neural networks".
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        log_dir: LogDir = None,
        samples: int = 50,
        every: int = 1,
        bins: int = 15,
        activation: Any = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        checks.check_samples(samples, None, False)
        check_count("every", every)
        check_seed("seed", seed)
        Transform(activation)
        check_count("bins", bins)
        check_log_dir(log_dir)
        checks.check_lengths(x, y)
        self.x, self.y = x, y
        self.log_dir = log_dir
        self.samples = samples
        self.every = every
        self.bins = bins
        self.activation = activation
        self.seed = seed
        self.history: dict[str, list[float]] = {}
        self._writer: SummaryWriter | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what belongs to a training that is going on."""
        return state_of(self, _writer=None)

    def on_train_begin(self, logs: Any = None) -> None:
        self.history = {}
        if self.model.built:
            # Two rows tell whether the model can be measured at all.
            x = keras.tree.map_structure(lambda array: array[:2], self.x)
            self._measure(x, self.y[:2], samples=2)
        self._writer = open_run(self.log_dir, "uncertainty")
        if self._writer is not None:
            end_with_fit(self._close_writer)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._writer is not None:
            self._writer.score(epoch, logs or {})
        if (epoch + 1) % self.every:
            return
        values = self._measure(self.x, self.y, self.samples)
        if logs is not None:
            logs.update(values)
        for name, value in {"epoch": epoch, **values}.items():
            self.history.setdefault(name, []).append(value)
        if self._writer is not None:
            self._writer.scalars(epoch, values)

    def on_train_end(self, logs: Any = None) -> None:
        self._close_writer()

    def _close_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _measure(self, x: Any, y: Any, samples: int) -> dict[str, float]:
        # A network that has died gives equal samples: that ends no training.
        run = SamplingRun(
            self.model,
            stochastic_layers(self.model),
            samples=int(samples),
            seed=int(self.seed),
            transform=Transform(self.activation, None, output_names(self.model)),
            must_differ=False,
        )
        prediction = run.predict(x, None, "nats", 0)
        if not isinstance(prediction, MCPrediction):
            raise ValueError(
                "`UncertaintyLogger` needs a model with one output. "
                f"Received: model={self.model!r}"
            )
        classes, table = classes_and_table(y, prediction.mean, "y")
        return {
            "mc_accuracy": float(np.mean(table.argmax(axis=1) == classes)),
            "mc_entropy": float(prediction.predictive_entropy.mean()),
            "mc_bald": float(prediction.mutual_information.mean()),
            "mc_ece": expected_calibration_error(classes, table, self.bins),
            "mc_nll": negative_log_likelihood(classes, table),
        }
