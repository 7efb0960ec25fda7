from __future__ import annotations

from keras_extras.callbacks.monitor import Monitor
from keras_extras.checks import check_flag
from keras_extras.inspection import measures as m
from keras_extras.inspection.monitored_layers import LayerFilter
from keras_extras.inspection.sampling import Interval
from keras_extras.log_dir import LogDir


class ActivationLogger(Monitor):
    """Records statistics of the outputs of every layer during training.

    Use it to find dead and saturated units. The statistics come from a forward pass on
    a training batch before the training step, with the dropout masks of that step and
    batch normalisation in training mode. Layers inside nested models, wrappers and
    attention are included. A layer that runs in a loop, such as the cell of a recurrent
    layer, counts as part of the layer that runs it. If a layer is called several times
    in a step, or returns several tensors, the statistics are over all of them.

    `history` holds one `(steps, layers)` array for each of:

    - `activation_mean`, `activation_std`, `activation_min`, `activation_max`.
    - `activation_zero_fraction`: share of values that are exactly 0.
    - `activation_dead_fraction`: share of units (entries of the channel axis) that
      are 0 for the whole batch.
    - `activation_saturated_fraction`: share of values where the slope of the
      activation function is at most 1 % of its largest slope; NaN for functions
      that do not saturate.
    - `activation_nonfinite_fraction`: share of values that are NaN or infinite.

    Args:
        log_dir: Path of the directory to write TensorBoard summaries to, or a
            `keras.callbacks.TensorBoard` whose directory is used, or `None` to write
            nothing. Defaults to `None`.
        every: Integer, number of steps between samples, or `"auto"`: batches 1,
            2, 4, 8 and 16, while these samples take at most one second of processor
            time (four on JAX); batches 32, 64 and so on and the last one, while these
            take at most 0.1 s; and others as often as keeps the added time within 2 %.
            Defaults to `"auto"`.
        layers: Which layers to record: a list of names or paths, a regular expression,
            a function of the layer that returns a boolean, or `None` for all.
            Defaults to `None`.
        histograms: Boolean. Whether to write histograms of the outputs too.
            Defaults to `False`.
        history_size: Integer >= 100, largest number of steps that `history` keeps, or
            `None` for all. When it is reached, about every second step is dropped; the
            first, the last, the extremes and those with NaN or infinity are kept.
            Defaults to `10000`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if
            `layers` names no layer of the model, if the model has no optimizer,
            or if `log_dir` cannot be written to.

    Example:

    ```python
    activations = keras_extras.callbacks.ActivationLogger(every=10)
    model.fit(x, y, epochs=5, callbacks=[activations])
    print(activations.history.activation_dead_fraction[-1])
    ```

    References:
        Glorot & Bengio (2010), "Understanding the difficulty of training deep
        feedforward neural networks".
    """

    kinds = ("activation",)

    def __init__(
        self,
        log_dir: LogDir = None,
        every: Interval = "auto",
        layers: LayerFilter = None,
        histograms: bool = False,
        history_size: int | None = 10_000,
    ) -> None:
        super().__init__(log_dir, every, layers, history_size=history_size)
        self.histograms = check_flag("histograms", histograms)
        measures = {m.ACTIVATIONS}
        measures |= {m.ACTIVATION_HISTOGRAMS} if histograms else set()
        self.measures = frozenset(measures)
