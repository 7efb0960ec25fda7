from __future__ import annotations

from keras_extras.callbacks.monitor import Monitor
from keras_extras.checks import check_flag
from keras_extras.inspection import measures as m
from keras_extras.inspection.monitored_layers import LayerFilter
from keras_extras.inspection.monitored_layers import MonitoredLayer
from keras_extras.inspection.sampling import Interval
from keras_extras.log_dir import LogDir


class GradientLogger(Monitor):
    """Records the gradients that the optimizer receives, layer by layer.

    Use it to see whether gradients vanish or explode, and how large the updates are in
    proportion to the weights. `TrainingDiagnostics` also says what is wrong. Gradients
    are recorded before the optimizer clips them, with any loss scale removed. A dry run
    of the step on the same batch, with the same weights and dropout masks, computes
    them before the training step: they equal those of the step up to rounding. Do not
    sample every step of a long training: a sample takes about as long as a step, and
    `cost` says how long.

    `history` holds one `(steps, layers)` array for each of:

    - `gradient_norm`: L2 norm over all trainable variables of the layer's own.
    - `gradient_mean_abs`, `gradient_max_abs`: mean and largest absolute value.
    - `gradient_zero_fraction`, `gradient_nonfinite_fraction`: shares, 0 to 1.
    - `weight_norm`: L2 norm of the weights before the update.
    - `update_norm`, `update_ratio`: L2 norm of the change of the weights, and its
      ratio to `weight_norm`; usual values are about 1e-3.
    - `weight_at_limit_fraction`: share of the units, 0 to 1, whose weights are at the
      limit of a max-norm constraint before the update, as
      `keras_extras.constraints.share_at_limit` counts them. NaN for layers without
      such a constraint; not recorded, at no cost, if no layer has one.

    and one `(steps,)` array for `global_gradient_norm` and, with an optimizer that
    clips, `gradient_clipped`: 1 where that step was clipped, so its mean is the
    share of steps clipped. Layers without trainable weights have no column. The values
    are NaN for a layer that the loss does not depend on, and while `FreezeUnfreeze`
    keeps a layer frozen.

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
        histograms: Boolean. Whether to write histograms of the gradients too.
            Defaults to `False`.
        updates: Boolean. Whether to measure `update_norm` and `update_ratio`,
            which takes a copy of the trainable weights during a sampled step.
            Defaults to `True`.
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
    gradients = keras_extras.callbacks.GradientLogger("logs/run1")
    model.fit(x, y, epochs=5, callbacks=[gradients])
    print(gradients.history.layers)
    print(gradients.history.gradient_norm[-1])
    ```

    References:
        Glorot & Bengio (2010), "Understanding the difficulty of training deep
        feedforward neural networks".
    """

    kinds = ("gradient", "weight", "update")

    def __init__(
        self,
        log_dir: LogDir = None,
        every: Interval = "auto",
        layers: LayerFilter = None,
        histograms: bool = False,
        updates: bool = True,
        history_size: int | None = 10_000,
    ) -> None:
        super().__init__(log_dir, every, layers, history_size=history_size)
        self.histograms = check_flag("histograms", histograms)
        self.updates = check_flag("updates", updates)
        measures = {m.GRADIENTS, m.LIMITS}
        measures |= {m.UPDATES} if updates else set()
        measures |= {m.GRADIENT_HISTOGRAMS} if histograms else set()
        self.measures = frozenset(measures)

    def concerns(self, layer: MonitoredLayer) -> bool:
        return bool(layer.variables)
