from __future__ import annotations

from typing import Any

from keras_extras import checks
from keras_extras.schedules.exponential import Exponential
from keras_extras.tuner.arguments import check_search


def exponential_decay(
    hp: Any,
    decay_steps: float,
    min_rate: float = 1e-4,
    max_rate: float = 1e-1,
    min_decay: float = 0.01,
    name: str = "exponential_decay",
) -> Exponential:
    """Makes an exponentially decaying learning rate part of the search.

    Pass the result as the `learning_rate` of an optimizer. It follows
    `optimizer.iterations`, so with `Hyperband`, which begins each round with a new
    optimizer, the decay starts over in each round.

    Args:
        hp: KerasTuner `HyperParameters`.
        decay_steps: Number of steps, such as those of the whole training, in which
            the learning rate falls by the factor in the search.
        min_rate: Float, lower bound on the first learning rate. Defaults to `0.0001`.
        max_rate: Float, upper bound on the first learning rate. Defaults to `0.1`.
        min_decay: Float between 0 and 1, lower bound on the factor; the upper bound is
        1,
            no decay. Defaults to `0.01`.
        name: String; the hyperparameters are `<name>/initial` and `<name>/factor`.
            Defaults to `"exponential_decay"`.

    Returns:
        A `keras_extras.schedules.Exponential`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    hp = keras_tuner.HyperParameters()
    rate = keras_extras.tuner.exponential_decay(hp, decay_steps=1000)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    ```
    """
    check_search(hp, name)
    checks.check_positive("decay_steps", decay_steps)
    checks.check_range("min_rate", min_rate, "max_rate", max_rate)
    checks.check_fraction("min_decay", min_decay)
    initial = hp.Float(f"{name}/initial", min_rate, max_rate, sampling="log")
    factor = hp.Float(f"{name}/factor", min_decay, 1.0, sampling="log")
    return Exponential(initial, decay_steps, factor)
