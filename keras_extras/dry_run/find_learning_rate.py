from __future__ import annotations

from typing import Any

from keras_extras.callbacks.learning_rate_finder import LearningRateFinder
from keras_extras.finder.sweep import LearningRateSweep
from keras_extras.keras_internals.building import first_look_kept
from keras_extras.keras_internals.overrides import attributes_kept
from keras_extras.keras_internals.snapshot import random_state_kept


def find_learning_rate(
    model: Any,
    x: Any,
    y: Any = None,
    min_rate: float = 1e-6,
    max_rate: float = 10.0,
    steps: int = 300,
    mode: str = "exponential",
    smoothing: float = 0.98,
    stop_factor: float | None = 4.0,
    rule: str = "edge",
    log_dir: Any = None,
    **fit_arguments: Any,
) -> LearningRateSweep:
    """Runs a learning rate range test and suggests a learning rate.

    The model is trained on one batch at each learning rate, and the loss of that batch
    is recorded, until the loss explodes. Then weights, optimizer, metrics, seeds and
    the global random generators are restored, so that a training afterwards is the
    same, bit for bit, as without the test. Two things cannot be restored: the position
    of a generator or of a dataset that shuffles itself; and, on JAX and torch, the
    random numbers that `fit` draws to build a model that was compiled without a loss.

    The suggestion is the `max_rate` for a `OneCycleScheduler`; for a constant learning
    rate take a tenth of it. It is a starting point: if it matters, also try a third and
    three times of it.

    Args:
        model: A compiled Keras model, trained or not. Its learning rate may be a
            schedule.
        x: The training data, anything that `fit` takes.
        y: The targets, as for `fit`. Defaults to `None`.
        min_rate: Float, the first learning rate. Defaults to `1e-06`.
        max_rate: Float, the last learning rate. Defaults to `10.0`.
        steps: Integer, number of learning rates, with one optimizer step at each. With
            momentum the loss lags behind the rate, by about 20 steps for a momentum of
            0.95, so use 40 steps or more per factor of 10. Defaults to `300`.
        mode: `"exponential"` or `"linear"`: how the rate grows from the first to the
            last. Defaults to `"exponential"`.
        smoothing: Float, weight of earlier losses in the moving average of the losses.
            Defaults to `0.98`.
        stop_factor: Float > 1. The sweep ends when the smoothed loss is this many times
            its lowest value; `None` to continue. NaN always ends it. Defaults to `4.0`.
        rule: The rule that gives `suggestion`: `"edge"` (a third of the rate at which
            the loss starts to rise), or one of fastai's: `"valley"`, `"slide"`,
            `"minimum"`, `"steep"`. Defaults to `"edge"`.
        log_dir: Path of a directory to write the sweep to for TensorBoard, or
            `None` to write nothing. Defaults to `None`.
        **fit_arguments: Further arguments of `fit`, such as `batch_size`.

    Returns:
        A `keras_extras.finder.LearningRateSweep`.

    Raises:
        ValueError: If an argument has no valid value, or the model has no optimizer.

    Example:

    ```python
    sweep = keras_extras.find_learning_rate(model, x, y, batch_size=32)
    one_cycle = keras_extras.callbacks.OneCycleScheduler(max_rate=sweep.suggestion)
    model.fit(x, y, batch_size=32, epochs=10, callbacks=[one_cycle])
    ```

    References:
        Smith (2015), "Cyclical Learning Rates for Training Neural Networks",
        arXiv:1506.01186.
    """
    finder = LearningRateFinder(
        min_rate, max_rate, steps, mode, smoothing, stop_factor, rule, log_dir
    )
    # An epoch has one batch at least; several may make one step.
    arguments = {"epochs": steps * 1000, "verbose": 0, **fit_arguments}
    arguments["callbacks"] = [finder, *(fit_arguments.get("callbacks") or [])]
    kept = attributes_kept(model, "history", "stop_training")
    with random_state_kept(), kept, first_look_kept(model):
        model.fit(x, y, **arguments)
    if finder.sweep is None:
        raise RuntimeError("Training ended before its first step.")
    return finder.sweep
