from __future__ import annotations

import hashlib
import inspect
import json
import os
import warnings
from collections.abc import Mapping
from typing import Any

import keras_tuner

from keras_extras import checks
from keras_extras import files
from keras_extras.callbacks.learning_rate_finder import LearningRateFinder
from keras_extras.callbacks.one_cycle_scheduler import OneCycleScheduler
from keras_extras.dry_run.find_learning_rate import find_learning_rate
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.layer_tree import all_layers
from keras_extras.running_trial import RunningTrial
from keras_extras.running_trial import trial_of
from keras_extras.tuner import trial_files
from keras_extras.tuner.trial_result import as_hypermodel
from keras_extras.tuner.unsupported import ends_the_search

_FOLDER = "learning_rates"
_OF_FINDER = (
    "x",
    "y",
    "batch_size",
    "sample_weight",
    "class_weight",
    "steps_per_epoch",
)
_SIZES = ("units", "filters", "kernel_size", "strides", "num_heads", "output_dim")


_SWEEP = frozenset(inspect.signature(LearningRateFinder).parameters)
_FINDER = frozenset(inspect.signature(find_learning_rate).parameters)
_CYCLE = frozenset(inspect.signature(OneCycleScheduler).parameters)


class OneCycleHyperModel(keras_tuner.HyperModel):
    """Trains each trial with 1cycle, around the learning rate that the finder suggests.

    It wraps a hypermodel, or a function that builds a model. Before the first training
    of an architecture, `keras_extras.find_learning_rate` runs on it. Then each trial of
    that architecture trains with a `OneCycleScheduler` whose `max_rate` is the
    suggestion times a factor, and the search is over this factor. So one search can
    include architectures that need very different learning rates.

    An architecture is the types, sizes, activations and initialisers of all layers, the
    type of the optimizer and the batch size. The suggestions are stored in the
    directory of the search, for other workers and after a restart. The finder uses the
    data and `batch_size` of `tuner.search`; it does not know a batch size that the
    `fit` of the wrapped hypermodel chooses.

    Args:
        hypermodel: `keras_tuner.HyperModel`, or function of the hyperparameters that
            returns a compiled model. Its own learning rate does not matter.
        span: Float > 1. The factor is searched from `1 / span` to `span`.
            Defaults to `3.0`.
        one_cycle: Dict of arguments of `OneCycleScheduler`, such as
            `{"preset": "torch"}`, or `None`. Defaults to `None`.
        finder: Dict of arguments of `find_learning_rate`, such as `{"steps": 200}`,
            or `None`. Defaults to `None`.
        name: String, name of the hyperparameter. Defaults to `"max_rate_factor"`.

    Raises:
        ValueError: If an argument has no valid value.

    Example:

    ```python
    hypermodel = keras_extras.tuner.OneCycleHyperModel(build_model)
    tuner = keras_tuner.RandomSearch(hypermodel, "val_accuracy", max_trials=30)
    tuner.search(x, y, validation_split=0.2, epochs=5)
    ```

    References:
        Smith (2018), "A disciplined approach to neural network hyper-parameters",
        arXiv:1803.09820.
    """

    def __init__(
        self,
        hypermodel: Any,
        span: float = 3.0,
        one_cycle: Mapping[str, Any] | None = None,
        finder: Mapping[str, Any] | None = None,
        name: str = "max_rate_factor",
    ) -> None:
        self.hypermodel = as_hypermodel(hypermodel)
        super().__init__(name=self.hypermodel.name, tunable=self.hypermodel.tunable)
        if not checks.is_number(span) or span <= 1:
            raise ValueError(f"`span` must be a number > 1. Received: span={span!r}")
        self.span = float(span)
        self.one_cycle = {"verbose": 0, **_checked("one_cycle", one_cycle, _CYCLE)}
        self.finder = _checked("finder", finder, _FINDER)
        self.factor_name = checks.check_text("name", name)
        LearningRateFinder(**{k: v for k, v in self.finder.items() if k in _SWEEP})
        OneCycleScheduler(**{"max_rate": 1.0, **self.one_cycle})  # wrong ones fail now

    def build(self, hp: Any) -> Any:
        """Builds the model of the wrapped hypermodel."""
        self._factor(hp)
        return self.hypermodel.build(hp)

    def declare_hyperparameters(self, hp: Any) -> None:
        """Declares those of the wrapped hypermodel."""
        self.hypermodel.declare_hyperparameters(hp)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Trains the model as the wrapped hypermodel does, in one cycle."""
        callbacks = list(kwargs.pop("callbacks", None) or [])
        trial = trial_of(callbacks)
        with ends_the_search(trial):
            rate = self._suggestion(model, trial, args, kwargs)
            cycle = {"max_rate": rate * self._factor(hp), **self.one_cycle}
            callbacks.append(OneCycleScheduler(**cycle))
            return self.hypermodel.fit(hp, model, *args, callbacks=callbacks, **kwargs)

    def _factor(self, hp: Any) -> float:
        return float(
            hp.Float(
                self.factor_name, 1 / self.span, self.span, sampling="log", default=1.0
            )
        )

    def _suggestion(
        self, model: Any, trial: RunningTrial | None, args: Any, kwargs: Any
    ) -> float:
        """Returns what the finder suggests for a model, looked up if possible."""
        path = None
        if trial is not None:
            folder = os.path.join(os.path.dirname(trial.directory), _FOLDER)
            files.make_directory(folder)
            path = os.path.join(folder, f"{_fingerprint(model, kwargs)}.json")
            known = trial_files.read(path)
            if known is not None:
                return float(known["suggestion"])
        given = {k: kwargs[k] for k in _OF_FINDER if k in kwargs}
        sweep = find_learning_rate(model, *args[:2], **(given | self.finder))
        rate = sweep.suggestion
        if rate is None:
            rate = float(model.optimizer.learning_rate)
            warnings.warn(
                "The learning-rate finder has no suggestion for this architecture; "
                f"its own learning rate is used. Received: learning_rate={rate:g}",
                stacklevel=2,
            )
        if path is not None:
            trial_files.write(path, {"suggestion": rate})
        return rate


def _fingerprint(model: Any, kwargs: Mapping[str, Any]) -> str:
    """Returns a name for the architecture of a model and how it is trained."""
    layers = [
        (
            type(layer).__name__,
            getattr(getattr(layer, "activation", None), "__name__", None),
            _initializer(layer),
            # Of a model that is not built yet there are no shapes.
            [repr(getattr(layer, name, None)) for name in _SIZES],
        )
        for layer in all_layers(model, include_self=False)
    ]
    optimizers = [type(o).__name__ for o in hyperparameters.parts(model.optimizer)]
    shapes = [list(v.shape) for v in model.variables]
    parts = [layers, optimizers, shapes, kwargs.get("batch_size")]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _initializer(layer: Any) -> Any:
    initializer = getattr(layer, "kernel_initializer", None)
    if initializer is None:
        return None
    config = initializer.get_config() if hasattr(initializer, "get_config") else {}
    numbers = {
        k: v for k, v in config.items() if k != "seed" and not isinstance(v, dict)
    }
    return type(initializer).__name__, repr(sorted(numbers.items()))


def _checked(name: str, given: Any, known: frozenset[str]) -> dict[str, Any]:
    """Returns arguments of a function as a dict, if it has arguments of these names."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not set(given) <= known:
        raise ValueError(
            f"`{name}` must be a dict of {', '.join(sorted(known))}. "
            f"Received: {name}={given!r}"
        )
    return dict(given)
