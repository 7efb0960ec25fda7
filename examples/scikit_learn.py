"""Runs cross-validation and randomised search of scikit-learn, with callbacks.

`SKLearnClassifier(build, fit_kwargs={"callbacks": [...]})` would train without them:
both clone an estimator before they fit it, and the wrapper's clone has no `fit_kwargs`.
`Classifier` has callbacks of its own in each fit instead.
Run as `python examples/scikit_learn.py`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import common
import keras
import numpy as np
from scipy.stats import loguniform
from sklearn.model_selection import ParameterSampler
from sklearn.model_selection import RandomizedSearchCV
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.model_selection import cross_validate

from keras_extras.callbacks import TrainingDiagnostics

SPACE = {
    "rate": loguniform(1e-4, 10.0),
    "units": [16, 32, 64],
    "activation": ["relu", "sigmoid"],
}


class Classifier(keras.wrappers.SKLearnClassifier):
    """Stops each fit early, and keeps its findings in `diagnostics_`."""

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Classifier:
        self.diagnostics_ = TrainingDiagnostics(every=1, verbose=0)
        stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
        own = {"callbacks": [stop, self.diagnostics_], "validation_split": 0.1}
        return super().fit(X, y, verbose=0, **own, **kwargs)


def build(
    X: Any, y: Any, rate: float = 0.1, units: int = 32, activation: str = "relu"
) -> keras.Model:
    """Returns a compiled network; the wrapper passes the data, `y` as one-hot rows."""
    hidden = [keras.layers.Dense(units, activation) for _ in range(2)]
    outputs = keras.layers.Dense(y.shape[1], "softmax")
    model = keras.Sequential([keras.Input(X.shape[1:]), *hidden, outputs])
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "categorical_crossentropy")
    return model


def has_error(classifier: Classifier, X: Any, y: Any) -> bool:
    """A score like any other: whether the training had an error."""
    return any(f.severity == "error" for f in classifier.diagnostics_.findings)


def validate(data: common.Data, folds: int, repeats: int, epochs: int) -> None:
    folding = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=0)
    arguments = {"cv": folding, "params": {"epochs": epochs}, "return_estimator": True}
    found = cross_validate(Classifier(build), data.x, data.y, **arguments)
    fits = found["estimator"]
    codes = Counter(f.code for fit in fits for f in fit.diagnostics_.findings)
    lengths = [len(fit.history_.epoch) for fit in fits]
    print(f"Cross-validation: {folds} folds, {repeats} times with other folds")
    print(f"accuracy {common.spread(list(found['test_score']), '.1%')}")
    print(f"ended after {min(lengths)} to {max(lengths)} of {epochs} epochs")
    print(f"findings of {len(fits)} fits: {dict(codes) or 'none'}")


def search(data: common.Data, folds: int, trials: int, epochs: int) -> None:
    # The wrapper takes the arguments of `build` as one dict, so dicts are drawn.
    drawn = {"model_kwargs": list(ParameterSampler(SPACE, trials, random_state=1))}
    scoring = {"accuracy": "accuracy", "error": has_error}
    how = {"scoring": scoring, "refit": "accuracy", "cv": folds, "n_iter": trials}
    searcher = RandomizedSearchCV(Classifier(build), drawn, **how)
    searcher.fit(data.x, data.y, epochs=epochs)
    found = searcher.cv_results_
    rows = [
        {**kwargs, "rate": f"{kwargs['rate']:.1e}", "units": str(kwargs["units"])}
        for kwargs in found["param_model_kwargs"]
    ]
    for place, row in enumerate(rows):
        row["accuracy"] = f"{found['mean_test_accuracy'][place]:.1%}"
        row["folds with an error"] = f"{found['mean_test_error'][place]:.0%}"
    right = np.mean(searcher.predict(data.x_test) == data.y_test)
    print(f"\nRandomised search: {trials} trials, {folds} folds each\n")
    print(common.layout(rows))
    print(f"\nThe best, trained once more on all folds: {right:.1%} of the test images")


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=2, epochs=15)
    keras.utils.disable_interactive_logging()  # `predict` would draw progress bars
    keras.utils.set_random_seed(0)
    data = common.load(options.data, seed=0)
    folds, trials = (2, 2) if options.quick else (3, 4)
    validate(data, folds, options.seeds, options.epochs)
    search(data, folds, trials, options.epochs)


if __name__ == "__main__":
    main()
