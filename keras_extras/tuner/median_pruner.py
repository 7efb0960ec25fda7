from __future__ import annotations

from keras_extras.tuner.percentile_pruner import PercentilePruner


class MedianPruner(PercentilePruner):
    """Ends a trial that is worse than the median of the other trials at the same epoch.

    Pass it to `tuner.search(callbacks=[...])`, with any tuner. It is a
    `PercentilePruner` with a percentile of 50; see there for what is compared, and when
    not to use it.

    Args:
        min_trials: Integer >= 1, number of other trials that must have reached the
            epoch. Defaults to `5`.
        min_epochs: Integer >= 0, number of epochs in which no trial is ended.
            Defaults to `1`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if it is
            used outside of a search, or if the logs do not contain the objective.

    Example:

    ```python
    tuner = keras_tuner.RandomSearch(build_model, "val_accuracy", max_trials=30)
    pruner = keras_extras.tuner.MedianPruner()
    tuner.search(x, y, validation_split=0.2, epochs=5, callbacks=[pruner])
    ```

    References:
        Golovin et al. (2017), "Google Vizier: a service for black-box optimization",
        section 3.2.
    """

    def __init__(self, min_trials: int = 5, min_epochs: int = 1) -> None:
        super().__init__(50.0, min_trials, min_epochs)
