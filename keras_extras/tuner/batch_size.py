from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_extras import checks
from keras_extras.tuner.arguments import check_search


def batch_size(
    hp: Any, sizes: Sequence[int] = (16, 32, 64, 128, 256), name: str = "batch_size"
) -> int:
    """Makes the batch size part of the search.

    Use it in the `fit` of a `keras_tuner.HyperModel`: a model has no batch size.

    Args:
        hp: KerasTuner `HyperParameters`.
        sizes: List of integers, the sizes to choose from.
            Defaults to `(16, 32, 64, 128, 256)`.
        name: String, name of the hyperparameter. Defaults to `"batch_size"`.

    Returns:
        Integer.

    Raises:
        ValueError: If `sizes` are not integers >= 1.

    Example:

    ```python
    class MyHyperModel(keras_tuner.HyperModel):
        def build(self, hp):
            return build_model(hp)

        def fit(self, hp, model, *args, **kwargs):
            size = keras_extras.tuner.batch_size(hp)
            return model.fit(*args, batch_size=size, **kwargs)
    ```
    """
    check_search(hp, name)
    counts = [
        checks.check_count("sizes", size) for size in checks.check_list("sizes", sizes)
    ]
    return int(hp.Choice(name, counts))
