from __future__ import annotations

from typing import Any

from keras_extras import checks
from keras_extras.callbacks.one_cycle_scheduler import OneCycleScheduler
from keras_extras.tuner.arguments import check_search


def one_cycle(
    hp: Any,
    min_rate: float = 1e-3,
    max_rate: float = 1.0,
    name: str = "one_cycle",
    **fixed: Any,
) -> OneCycleScheduler:
    """Makes a 1cycle schedule part of the search, with its learning rate and momentum.

    Add the result to the callbacks in the `fit` of a `keras_tuner.HyperModel`. The
    cycle is as long as the training. With `Hyperband` its length is that of all epochs
    of the trial, the `epochs` of its round: a round that starts from the weights of an
    earlier one continues at its `initial_epoch` in a cycle of the new length, and ends
    at a low rate. To search around the suggestion of the learning-rate finder, use
    `OneCycleHyperModel`.

    Args:
        hp: KerasTuner `HyperParameters`.
        min_rate: Float, lower bound on the highest learning rate. Defaults to `0.001`.
        max_rate: Float, upper bound on it; for Adam a tenth of the default is enough.
            Defaults to `1.0`.
        name: String; the hyperparameters are `<name>/max_rate`,
            `<name>/min_momentum` and `<name>/phases`. Defaults to `"one_cycle"`.
        **fixed: Arguments of `OneCycleScheduler` that are not part of the search, such
            as `phases=3`.

    Returns:
        A `keras_extras.callbacks.OneCycleScheduler`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    class MyHyperModel(keras_tuner.HyperModel):
        def build(self, hp):
            return build_model(hp)

        def fit(self, hp, model, *args, callbacks=(), **kwargs):
            cycle = keras_extras.tuner.one_cycle(hp)
            return model.fit(*args, callbacks=[*callbacks, cycle], **kwargs)
    ```

    References:
        Smith (2018), "A disciplined approach to neural network hyper-parameters",
        arXiv:1803.09820.
    """
    check_search(hp, name)
    checks.check_range("min_rate", min_rate, "max_rate", max_rate)
    arguments = {"verbose": 0, **fixed}
    if "max_rate" not in fixed:
        arguments["max_rate"] = hp.Float(
            f"{name}/max_rate", min_rate, max_rate, sampling="log"
        )
    if "min_momentum" not in fixed:
        arguments["min_momentum"] = hp.Choice(f"{name}/min_momentum", [0.8, 0.85, 0.9])
    if "phases" not in fixed:
        arguments["phases"] = hp.Choice(f"{name}/phases", [2, 3])
    return OneCycleScheduler(**arguments)
