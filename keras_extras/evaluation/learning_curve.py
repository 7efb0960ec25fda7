from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import keras
import numpy as np

from keras_extras import checks
from keras_extras.evaluation.fresh_training import FreshTraining
from keras_extras.evaluation.fresh_training import SameModelError
from keras_extras.evaluation.fresh_training import Scores
from keras_extras.evaluation.learning_curve_result import LearningCurve
from keras_extras.evaluation.subsets import checked_sizes
from keras_extras.evaluation.subsets import held_out
from keras_extras.evaluation.subsets import nested
from keras_extras.keras_internals.snapshot import random_state_kept

if TYPE_CHECKING:
    pass


def learning_curve(
    build: Callable[[], Any],
    x: Any,
    y: Any,
    sizes: Sequence[float] = (0.1, 0.2, 0.4, 0.7, 1.0),
    sample_weight: Any = None,
    validation_split: float = 0.2,
    validation_data: Any = None,
    repeats: int = 3,
    epochs: int = 20,
    budget: str = "steps",
    batch_size: int = 32,
    metric: str = "loss",
    callbacks: Callable[[], list[Any]] | None = None,
    seed: int = 0,
    verbose: str | int = "auto",
    **fit_arguments: Any,
) -> LearningCurve:
    """Trains models on subsets of growing size, to see whether more data would help.

    Validation rows are held out first and are the same for all trainings. Each repeat
    shuffles the other rows and trains on the first ones, so each subset includes the
    smaller ones. Within a repeat all models start from the same seed. Training and
    validation scores are computed by `evaluate`, without dropout.

    With the same number of epochs, a model makes fewer steps on fewer rows, and would
    be worse for that reason alone. So by default all sizes train for the same number of
    steps. The model then sees the rows of small subsets more often and may overfit
    them: pass an `EarlyStopping` in `callbacks`.

    It takes `len(sizes) * repeats` trainings. Ctrl-C returns the results so far. A
    training that fails gives NaN and a warning, unless it is the first one. If rows
    depend on each other, such as those of a time series or of one patient, pass
    separate `validation_data`; subsets are still drawn at random. The random generators
    are restored afterwards.

    Args:
        build: Function without arguments that returns a new compiled model.
        x: Inputs: an array, or a list, tuple or dict of them.
        y: Targets, likewise.
        sizes: Increasing numbers of rows as integers, or, as floats, shares of the rows
            that are not held out. Defaults to `(0.1, 0.2, 0.4, 0.7, 1.0)`.
        sample_weight: Weights of the rows, for training and scores.
            Defaults to `None`.
        validation_split: Float between 0 and 1, share of the rows to hold out, drawn
            at random. Defaults to `0.2`.
        validation_data: `(x, y)` or `(x, y, sample_weight)` to use instead of held-out
            rows; must not contain rows of `x`. Defaults to `None`.
        repeats: Integer >= 1, trainings per size. With one, a trend cannot be told from
            chance. Defaults to `3`.
        epochs: Integer >= 1, epochs on the largest subset. Defaults to `20`.
        budget: `"steps"` for the same number of steps for all sizes, as many as
        `epochs`
            take on the largest subset, or `"epochs"` for the same number of epochs.
            Defaults to `"steps"`.
        batch_size: Integer >= 1. Defaults to `32`.
        metric: Name of the score, `"loss"` or one of the compiled metrics.
            Defaults to `"loss"`.
        callbacks: Function without arguments that returns a list of callbacks for one
            training, or `None`. Validation data are passed to `fit` only if it is
            given. Defaults to `None`.
        seed: Integer >= 0. Defaults to `0`.
        verbose: `0` prints nothing, other values show a progress bar. Defaults to
            `"auto"`.
        **fit_arguments: Further arguments of `fit`, such as `class_weight`.

    Returns:
        A `LearningCurve`.

    Raises:
        ValueError: If an argument has no valid value, if `build` returns no compiled
            model or the same one twice, or if the model has no such metric.

    Example:

    ```python
    def build():
        layers = [keras.layers.Dense(50, "relu"), keras.layers.Dense(10, "softmax")]
        model = keras.Sequential(layers)
        loss = "sparse_categorical_crossentropy"
        model.compile("adam", loss, metrics=["accuracy"])
        return model


    curve = keras_extras.evaluation.learning_curve(
        build, x, y, sizes=[0.2, 1.0], repeats=2, metric="accuracy"
    )
    print(curve.report())
    ```

    References:
        Perlich, Provost and Simonoff (2003), "Tree induction vs. logistic regression:
        a learning-curve analysis".
    """
    for name, value in {
        "repeats": repeats,
        "epochs": epochs,
        "batch_size": batch_size,
    }.items():
        checks.check_count(name, value)
    checks.check_seed("seed", seed)
    checks.check_choice("budget", budget, ("steps", "epochs"))
    checks.check_text("metric", metric)
    checks.check_verbose("verbose", verbose, ("auto", 0, 1, 2))
    _check_functions(build, callbacks)
    for name, value in {"x": x, "y": y}.items():
        if not keras.tree.flatten(value) or value is None:
            raise ValueError(f"`{name}` must hold arrays. Received: {name}={value!r}")
    if sample_weight is not None and not keras.tree.flatten(sample_weight):
        raise ValueError(
            "`sample_weight` must hold arrays. "
            f"Received: sample_weight={sample_weight!r}"
        )
    rows, validation = held_out(
        (x, y, sample_weight), validation_data, validation_split, seed
    )
    counts = checked_sizes(sizes, len(rows))
    training = FreshTraining(
        build, validation, metric, batch_size, callbacks, fit_arguments
    )
    training.plan(epochs, counts[-1], budget)
    orders = nested(rows, repeats, seed)
    with random_state_kept():
        return _measure(training, (x, y, sample_weight), counts, orders, seed, verbose)


def _measure(
    training: FreshTraining,
    data: Any,
    counts: list[int],
    orders: list[np.ndarray],
    seed: int,
    verbose: str | int,
) -> LearningCurve:
    scores = np.full((2, len(counts), len(orders)), np.nan)
    todo = [(i, j) for j in range(len(orders)) for i in range(len(counts))]
    bar = None
    if verbose != 0:
        bar = keras.utils.Progbar(
            len(todo), stateful_metrics=["rows", "validation"], unit_name="training"
        )
    complete = False
    try:
        for number, (i, j) in enumerate(todo):
            rows = np.sort(orders[j][: counts[i]])
            found = _scores(training, data, rows, seed + j, is_first=number == 0)
            scores[:, i, j] = found
            if bar is not None:
                known = [("rows", counts[i]), ("validation", found.validation)]
                bar.update(number + 1, known)
        complete = True
    except KeyboardInterrupt:
        if np.isnan(scores).all():
            raise
    return LearningCurve(
        np.array(counts),
        scores[0],
        scores[1],
        training.metric,
        training.higher_is_better,
        complete,
    )


def _scores(
    training: FreshTraining, data: Any, rows: np.ndarray, seed: int, is_first: bool
) -> Scores:
    try:
        return training.run(data, rows, seed)
    except SameModelError:
        raise
    except Exception as error:
        if is_first:
            raise
        warnings.warn(
            f"A training on {len(rows)} rows failed and is left out: "
            f"{type(error).__name__}: {error}",
            stacklevel=4,
        )
        return Scores(np.nan, np.nan)
    finally:
        gc.collect()  # graphs of a model are cycles


def _check_functions(build: Any, callbacks: Any) -> None:
    if not callable(build) or isinstance(build, keras.layers.Layer):
        raise ValueError(
            "`build` must be a function without arguments that returns a new compiled "
            f"model. Received: build={build!r}"
        )
    is_function = callable(callbacks) and not isinstance(callbacks, type)
    if callbacks is not None and not is_function:
        raise ValueError(
            "`callbacks` must be a function without arguments that returns a list, "
            "for each training needs callbacks of its own. "
            f"Received: callbacks={callbacks!r}"
        )
