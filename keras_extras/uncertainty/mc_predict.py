from __future__ import annotations

import math
import random
import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_extras.checks import check_choice
from keras_extras.data.batches import arrays_of
from keras_extras.data.batches import batches
from keras_extras.data.batches import count_batches
from keras_extras.data.batches import is_dataset
from keras_extras.data.batches import rows_of
from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.uncertainty import checks
from keras_extras.uncertainty.inputs import check_inputs
from keras_extras.uncertainty.inputs import fixed_batch_size
from keras_extras.uncertainty.mc_prediction import MCPrediction
from keras_extras.uncertainty.progress import Progress
from keras_extras.uncertainty.sampler import Sampler
from keras_extras.uncertainty.sampler import make_sampler
from keras_extras.uncertainty.stochastic import LayerChoice
from keras_extras.uncertainty.stochastic import stochastic_layers
from keras_extras.uncertainty.transform import Activation
from keras_extras.uncertainty.transform import make_transform

_MOST_ROWS = 1024  # at once, by default
_ROWS_PER_STEP = 2048  # more in one step is no faster and needs more memory
_LEAST_SAMPLES = 10  # before a standard error is believed
_SAMPLERS_KEPT = 8

_cache: weakref.WeakKeyDictionary[Any, dict[Any, Sampler]]
_cache = weakref.WeakKeyDictionary()


def mc_predict(
    model: Any,
    x: Any,
    samples: int = 100,
    batch_size: int | None = None,
    seed: int | None = None,
    *,
    activation: Activation = None,
    variance: str | None = None,
    layers: LayerChoice = None,
    shared_masks: bool = False,
    tolerance: float | None = None,
    return_samples: bool = False,
    strategy: str = "auto",
    memory_limit: float = 24.0,
    unit: str = "nats",
    verbose: str | int = "auto",
) -> Any:
    """Predicts with the dropout on, many times, and returns what the samples say.

    Use it on a trained model as it is, to learn how uncertain each prediction is;
    the mean of the samples is often a little more accurate than `predict`, and
    better calibrated. It says nothing about a model that was trained without
    dropout, and it is no cure for inputs unlike any in the training data, about
    which dropout can be sure and wrong.

    Dropout of every kind is switched on, Gaussian noise, `dropout` and
    `recurrent_dropout` of recurrent layers and the dropout of attention layers,
    wherever they are: in models within the model, in subclassed models, in wrappers.
    Nothing else is: normalisation and augmentation stay in inference mode. No
    variable of the model changes, not even the state of a seed generator.

    Statistics are kept, samples are not, so memory does not grow with `samples`.
    What comes before the first dropout of a Functional or Sequential model is
    computed once. The first call compiles; the next ones for the same model and
    shape of input do not.

    Args:
        model: Built Keras model. Functional, Sequential or subclassed.
        x: Inputs: an array or tensor, a list, tuple or dict of them, a
            `tf.data.Dataset` in batches or a `keras.utils.PyDataset`. The targets of
            a dataset are ignored.
        samples: Integer >= 2, number of samples; with `tolerance` the largest
            number. Defaults to `100`.
        batch_size: Integer >= 1, rows at once, or `None` for as many as the memory
            limit allows, up to 1024. Not for datasets. Defaults to `None`.
        seed: Integer >= 0, or `None` for a random one that
            `keras.utils.set_random_seed` makes reproducible. The same seed gives the
            same samples with the same model, `strategy`, batches and memory limit.
            Defaults to `None`.
        activation: Applied to the outputs before anything else, for models that
            return logits: a name such as `"softmax"`, a function, or a structure of
            them like that of the outputs. Defaults to `None`.
        variance: `"variance"` or `"log_variance"` if the second half of the output's
            last axis predicts the variance of the first half, or its logarithm.
            Defaults to `None`.
        layers: Which layers to switch on: a list of layers, names or layer classes,
            your own included, which must be random when `training=True` and keep
            their `SeedGenerator` as an attribute. Defaults to `None`, all of Keras'
            stochastic regularisation.
        shared_masks: Boolean. Whether a sample drops the same units for all inputs:
            each sample is then one network, a smooth function of its input.
            Defaults to `False`.
        tolerance: Float > 0. Stop as soon as the standard error of the mean is not
            above it for any value of a batch; checked from 10 samples on. Defaults
            to `None`.
        return_samples: Boolean. Whether to keep all samples, in
            `MCPrediction.samples_array`. Defaults to `False`.
        strategy: How to compute: `"cached"` computes the part before the first
            dropout once and the rest sample by sample; `"tiled"` all of the model
            for as many samples at once as the memory limit allows; `"loop"` all of
            the model sample by sample; `"auto"` caches where there is a graph and
            computes several samples at once where the batch is small. Defaults to
            `"auto"`.
        memory_limit: Float > 0, MiB that the activations of a step may take,
            approximately. Defaults to `24.0`.
        unit: `"nats"` or `"bits"`, of entropies. Defaults to `"nats"`.
        verbose: `0`, `1` or `"auto"`: whether to show a progress bar; `"auto"` shows
            one when it takes more than two seconds. Defaults to `"auto"`.

    Returns:
        An `MCPrediction`, or for a model of several outputs one for each of them, in
        a list or dict as the model returns.

    Raises:
        ValueError: If an argument has no valid value, if the model is not built or
            has nothing to switch on, or if the inputs do not fit the model or hold
            NaN.
        NotImplementedError: If the Keras backend is not TensorFlow.

    Example:

    ```python
    prediction = keras_extras.uncertainty.mc_predict(model, x_test, seed=0)
    print(prediction.mean[0].round(2), prediction.std[0].round(2))
    most_to_learn = prediction.mutual_information.argsort()[::-1][:100]
    ```

    References:
        Gal & Ghahramani (2016), "Dropout as a Bayesian approximation: representing
        model uncertainty in deep learning"; (2016), "A theoretically grounded
        application of dropout in recurrent neural networks".
    """
    checks.check_backend()
    checks.check_samples(samples, tolerance, return_samples)
    check_choice("strategy", strategy, ("auto", "cached", "tiled", "loop"))
    check_choice("unit", unit, ("nats", "bits"))
    check_choice("variance", variance, (None, "variance", "log_variance"))
    check_choice("verbose", verbose, ("auto", 0, 1))
    checks.check_positive("memory_limit", memory_limit)
    checks.check_whole("batch_size", batch_size, least=1)
    checks.check_whole("seed", seed, least=0)
    checks.check_model(model)
    run = _Run(
        model,
        stochastic_layers(model, layers),
        samples=samples,
        seed=random.randrange(2**31) if seed is None else seed,
        strategy=strategy,
        shared=shared_masks,
        tolerance=tolerance,
        memory=memory_limit * 2**20,
        transform=make_transform(activation, variance),
        transform_key=(_hashable(activation), variance),
        has_variance=variance is not None,
        keeps_samples=return_samples,
    )
    return run.predict(x, batch_size, unit, verbose)


class _Run:
    """One call of `mc_predict`."""

    def __init__(
        self,
        model: Any,
        chosen: list[Any],
        *,
        samples: int,
        seed: int,
        strategy: str,
        shared: bool,
        tolerance: float | None,
        memory: float,
        transform: Callable[[Any], list[Any]],
        transform_key: Any,
        has_variance: bool,
        keeps_samples: bool,
    ) -> None:
        checks.check_something_random(model, chosen)
        self._model = model
        self._chosen = chosen
        self._samples = samples
        self._seed = seed
        self._strategy = strategy
        self._shared = shared
        self._tolerance = tolerance
        self._memory = memory
        self._transform = transform
        self._transform_key = transform_key
        self._has_variance = has_variance
        self._keeps_samples = keeps_samples
        self._fingerprint = _fingerprint(model, chosen)
        self._chooses_rows = False

    def predict(
        self, x: Any, batch_size: int | None, unit: str, verbose: str | int
    ) -> Any:
        if is_dataset(x):
            checks.check_no_batch_size(batch_size)
        else:
            x = arrays_of(x)
            batch_size = batch_size or fixed_batch_size(self._model)
            self._chooses_rows = batch_size is None
            first = keras.tree.map_structure(lambda array: array[: batch_size or 1], x)
            check_inputs(self._model, first, 0)
            batch_size = batch_size or self._default_batch_size(self._sampler(x))
        progress = Progress(count_batches(x, batch_size), self._samples, verbose)
        states, counts, kept, row = [], [], [], 0
        for number, batch in enumerate(batches(x, batch_size)):
            check_inputs(self._model, batch, row)
            sampler = self._sampler(batch)
            state, count, samples = self._predict_batch(
                sampler, batch, number, progress
            )
            states.append(sampler.read(state))
            counts.append(count)
            kept.append(samples)
            row += rows_of(batch)
        progress.close()
        if not states:
            raise ValueError("`x` must have at least one batch. Received: no batch")
        how = _describe(sampler, self._chunk(sampler, rows_of(batch)))
        predictions = [
            MCPrediction(
                [state[index] for state in states],
                counts,
                unit,
                how,
                self._has_variance,
                _join_samples(kept, index) if self._keeps_samples else None,
            )
            for index in range(len(states[0]))
        ]
        return keras.tree.pack_sequence_as(sampler.structure, predictions)

    def _predict_batch(
        self, sampler: Sampler, batch: Any, number: int, progress: Progress
    ) -> tuple[list[Any], int, list[list[np.ndarray]]]:
        tensors = [
            keras.ops.convert_to_tensor(array) for array in keras.tree.flatten(batch)
        ]
        chunk = self._chunk(sampler, rows_of(batch))
        key = _key(self._seed, 0 if self._shared else number)
        frontier = sampler.begin(tensors, self._prefix_rows(sampler))
        state = sampler.start()
        done, kept = 0, []
        while done < self._samples:
            if self._keeps_samples:
                until = min(done + chunk, self._samples)
                state, new = sampler.advance_one(
                    frontier, state, key, done, until - done
                )
                kept.append([np.asarray(tensor) for tensor in new])
            else:
                until = self._next_stop(done, chunk, progress)
                state = sampler.advance(frontier, state, key, done, until, chunk)
            progress.add(until - done)
            done = until
            if self._is_precise(sampler, state, done):
                progress.add(self._samples - done)
                break
        return state, done, kept

    def _next_stop(self, done: int, chunk: int, progress: Progress) -> int:
        """Returns up to which sample to go before looking up again."""
        if self._tolerance is not None:
            stride = chunk * math.ceil(_LEAST_SAMPLES / chunk)
        elif progress.is_wanted:
            stride = chunk * max(8, done // chunk)  # doubles what is done
        else:
            stride = self._samples
        return min(done + stride, self._samples)

    def _is_precise(self, sampler: Sampler, state: list[Any], done: int) -> bool:
        if self._tolerance is None or done < 2:
            return False
        limit = self._tolerance**2 * done * (done - 1)
        return all(bool((s.squares <= limit).all()) for s in sampler.read(state))

    def _default_batch_size(self, sampler: Sampler) -> int:
        return max(1, min(_MOST_ROWS, int(self._memory / sampler.suffix_bytes)))

    def _prefix_rows(self, sampler: Sampler) -> int | None:
        """Returns how many rows of a batch go through the fixed part at once."""
        if not (self._chooses_rows and sampler.plan.split):
            return None
        return max(1, int(self._memory / sampler.prefix_bytes))

    def _chunk(self, sampler: Sampler, rows: int) -> int:
        """Returns how many samples of a batch to compute at once."""
        if not sampler.plan.tiled:
            return 1
        most = self._memory / sampler.suffix_bytes
        if self._strategy == "auto":
            most = min(most, _ROWS_PER_STEP)
        return int(min(max(most // rows, 1), self._samples))

    def _sampler(self, batch: Any) -> Sampler:
        """Returns the compiled sampler for batches like this one."""
        flat = keras.tree.flatten(batch)
        shapes = tuple((tuple(a.shape[1:]), str(a.dtype)) for a in flat)
        names = str(keras.tree.map_structure(lambda _: 0, batch))
        how = (self._strategy, self._shared, self._transform_key)
        key = (self._fingerprint, how, names, shapes)
        known = _cache.setdefault(self._model, {})
        if key not in known:
            while len(known) >= _SAMPLERS_KEPT:
                known.pop(next(iter(known)))
            known[key] = make_sampler(
                self._model,
                self._chosen,
                self._strategy,
                self._shared,
                self._has_variance,
                batch,
                self._transform,
            )
        return known[key]


def _fingerprint(model: Any, chosen: list[Any]) -> Any:
    """Returns what a compiled sampler depends on and a user may change."""
    rates = [tuple(getattr(layer, name, None) for name in _RATES) for layer in chosen]
    layers = [id(layer) for layer in sublayers(model)]
    return tuple(layers), tuple(id(layer) for layer in chosen), tuple(rates)


_RATES = ("rate", "stddev", "dropout", "recurrent_dropout", "noise_shape")


def _hashable(activation: Activation) -> Any:
    names = str(keras.tree.map_structure(lambda _: 0, activation))
    return names, tuple(keras.tree.flatten(activation))


def _key(seed: int, batch: int) -> np.ndarray:
    sequence = np.random.SeedSequence((seed, batch))
    return sequence.generate_state(2, np.uint32).astype(np.int64)


def _join_samples(kept: list[list[list[np.ndarray]]], index: int) -> np.ndarray:
    by_batch = [np.concatenate([new[index] for new in batch]) for batch in kept]
    return np.concatenate(by_batch, axis=1)


def _describe(sampler: Sampler, chunk: int) -> str:
    cached = "deterministic prefix cached, " if sampler.plan.split else ""
    return f"{cached}{chunk} sample{'s' if chunk > 1 else ''} at a time"
