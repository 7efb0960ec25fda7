"""One call of `mc_predict`, from batches to predictions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_extras.data.batches import arrays_of
from keras_extras.data.batches import batches
from keras_extras.data.batches import count_batches
from keras_extras.data.batches import is_dataset
from keras_extras.data.batches import rows_of
from keras_extras.keras_internals.local_overrides import context_of_thread
from keras_extras.uncertainty import checks
from keras_extras.uncertainty.inputs import check_inputs
from keras_extras.uncertainty.inputs import fixed_batch_size
from keras_extras.uncertainty.make_sampler import make_sampler
from keras_extras.uncertainty.mc_prediction import MCPrediction
from keras_extras.uncertainty.progress import Progress
from keras_extras.uncertainty.running import Running
from keras_extras.uncertainty.sampler import MOST_ROWS
from keras_extras.uncertainty.sampler import Sampler
from keras_extras.uncertainty.sampler_cache import cached_sampler

_ROWS_PER_STEP = 2048  # more in one step is no faster and needs more memory
_LEAST_SAMPLES = 10  # before a standard error is believed


class SamplingRun:
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
        states, counts, kept, row, size = [], [], [], 0, 0
        for number, batch in enumerate(batches(x, batch_size)):
            check_inputs(self._model, batch, row)
            sampler = self._sampler(batch)
            rows = rows_of(batch)
            # The last batch is computed with as many rows as the others, where it
            # would have to be compiled for otherwise.
            whole = rows == batch_size or is_dataset(x)
            size = sampler.size_of(rows, size, whole)
            state, count, samples = self._predict_batch(
                sampler, batch, number, size, progress
            )
            states.append(state)
            counts.append(count)
            kept.append(samples)
            row += rows
        progress.close()
        if not states:
            raise ValueError("`x` must have at least one batch. Received: no batch")
        how = _describe(sampler, self._chunk(sampler, size))
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
        self,
        sampler: Sampler,
        batch: Any,
        number: int,
        size: int,
        progress: Progress,
    ) -> tuple[list[Running], int, list[list[np.ndarray]]]:
        tensors = [
            keras.ops.convert_to_tensor(array) for array in keras.tree.flatten(batch)
        ]
        chunk = self._chunk(sampler, size)
        key = _key(self._seed, 0 if self._shared else number)
        common = sampler.begin(tensors, self._prefix_rows(sampler), size)
        state = sampler.start(common)
        done, kept = 0, []
        while done < self._samples:
            if self._keeps_samples:
                until = min(done + chunk, self._samples)
                state, new = sampler.advance_one(common, state, key, done, until, chunk)
                kept.append(new)
            else:
                until = self._next_stop(done, chunk, progress)
                state = sampler.advance(common, state, key, done, until, chunk)
            progress.add(until - done)
            done = until
            if self._is_precise(sampler.read(common, state), done):
                progress.add(self._samples - done)
                break
        return sampler.read(common, state), done, kept

    def _next_stop(self, done: int, chunk: int, progress: Progress) -> int:
        """Returns up to which sample to go before looking up again."""
        if self._tolerance is not None:
            stride = chunk * math.ceil(_LEAST_SAMPLES / chunk)
        elif progress.is_wanted:
            stride = chunk * max(8, done // chunk)  # doubles what is done
        else:
            stride = self._samples
        return min(done + stride, self._samples)

    def _is_precise(self, state: list[Running], done: int) -> bool:
        if self._tolerance is None or done < 2:
            return False
        limit = self._tolerance**2 * done * (done - 1)
        return all(bool((s.squares <= limit).all()) for s in state)

    def _default_batch_size(self, sampler: Sampler) -> int:
        return max(1, min(MOST_ROWS, int(self._memory / sampler.suffix_bytes)))

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
        most = int(max(most // rows, 1))
        return sampler.chunk_of(most, self._samples, self._strategy)

    def _sampler(self, batch: Any) -> Sampler:
        """Returns the compiled sampler for batches like this one."""
        flat = keras.tree.flatten(batch)
        shapes = tuple((tuple(a.shape[1:]), str(a.dtype)) for a in flat)
        names = str(keras.tree.map_structure(lambda _: 0, batch))
        how = (self._strategy, self._shared, self._transform_key)
        chosen = tuple(id(layer) for layer in self._chosen)
        return cached_sampler(
            self._model,
            (chosen, how, names, shapes, context_of_thread()),
            lambda: make_sampler(
                self._model,
                self._chosen,
                self._strategy,
                self._shared,
                self._has_variance,
                batch,
                self._transform,
            ),
        )


def _key(seed: int, batch: int) -> np.ndarray:
    sequence = np.random.SeedSequence((seed, batch))
    return sequence.generate_state(2, np.uint32).astype(np.int64)


def _join_samples(kept: list[list[list[np.ndarray]]], index: int) -> np.ndarray:
    by_batch = [np.concatenate([new[index] for new in batch]) for batch in kept]
    return np.concatenate(by_batch, axis=1)


def _describe(sampler: Sampler, chunk: int) -> str:
    cached = "deterministic prefix cached, " if sampler.plan.split else ""
    return f"{cached}{chunk} sample{'s' if chunk > 1 else ''} at a time"
