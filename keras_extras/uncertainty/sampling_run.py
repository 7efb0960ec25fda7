"""One call of `mc_predict`, from batches to predictions."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from keras_extras.data.batches import arrays_of
from keras_extras.data.batches import batches
from keras_extras.data.batches import check_ends
from keras_extras.data.batches import count_batches
from keras_extras.data.batches import flat_of
from keras_extras.data.batches import is_dataset
from keras_extras.data.batches import is_generator
from keras_extras.data.batches import rows_of
from keras_extras.data.batches import slice_rows
from keras_extras.keras_internals.graph import functional_of
from keras_extras.keras_internals.local_overrides import context_of_thread
from keras_extras.uncertainty import checks
from keras_extras.uncertainty.graph import SplitGraph
from keras_extras.uncertainty.inputs import as_model_takes
from keras_extras.uncertainty.inputs import check_inputs
from keras_extras.uncertainty.inputs import check_shapes
from keras_extras.uncertainty.inputs import fixed_batch_size
from keras_extras.uncertainty.inputs import shapes_that_vary
from keras_extras.uncertainty.make_sampler import make_sampler
from keras_extras.uncertainty.mc_prediction import MCPrediction
from keras_extras.uncertainty.plain_sampler import PlainSampler
from keras_extras.uncertainty.plain_sampler import is_stateful
from keras_extras.uncertainty.progress import Progress
from keras_extras.uncertainty.running import Running
from keras_extras.uncertainty.sampler import MOST_ROWS
from keras_extras.uncertainty.sampler import Sampler
from keras_extras.uncertainty.sampler_cache import cached_sampler
from keras_extras.uncertainty.stochastic import random_layers
from keras_extras.uncertainty.transform import Transform

_ROWS_PER_STEP = 2048  # more in one step is no faster and needs more memory
_LEAST_SAMPLES = 10  # before a standard error is believed
_LEAST_DRAWS = 20_000  # of rows, before samples are said to be all equal
_SAMPLES_OF_ROUNDING = 4.0


class SamplingRun:
    """One call of `mc_predict`."""

    def __init__(
        self,
        model: Any,
        chosen: list[Any],
        *,
        samples: int,
        seed: int,
        transform: Transform,
        strategy: str = "auto",
        shared: bool = False,
        tolerance: float | None = None,
        memory: float = 24 * 2.0**20,
        keeps_samples: bool = False,
        must_differ: bool = True,
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
        self._keeps_samples = keeps_samples
        self._must_differ = must_differ
        self._chooses_rows = False
        self._carried: dict[int, list[Any]] = {}
        if tolerance is not None and is_stateful(model):
            raise ValueError(
                "`tolerance` must be None for a stateful model, of which each sample "
                f"goes through all batches. Received: tolerance={tolerance!r}"
            )

    def predict(
        self,
        x: Any,
        batch_size: int | None,
        unit: str,
        verbose: str | int,
        steps: int | None = None,
    ) -> Any:
        has_batches = is_dataset(x) or is_generator(x)
        if has_batches:
            checks.check_no_batch_size(batch_size)
            check_ends(x, steps)
        else:
            x = as_model_takes(self._model, arrays_of(x))
            batch_size = batch_size or fixed_batch_size(self._model)
            self._chooses_rows = batch_size is None
            first = slice_rows(x, slice(batch_size or 1))
            check_shapes(self._model, first, rows_of(x))
            batch_size = batch_size or self._default_batch_size(self._sampler(x))
        count = count_batches(x, batch_size)
        count = steps if count is None else min(count, steps or count)
        progress = Progress(count, self._samples, verbose)
        states, counts, kept, row, size = [], [], [], 0, 0
        for number, batch in enumerate(batches(x, batch_size, steps)):
            batch = as_model_takes(self._model, batch)
            check_inputs(self._model, batch, row)
            sampler = self._sampler(batch)
            rows = rows_of(batch)
            # The last batch is computed with as many rows as the others, where it
            # would have to be compiled for otherwise.
            whole = rows == batch_size or has_batches
            size = sampler.size_of(rows, size, whole)
            state, done, samples = self._predict_batch(
                sampler, batch, number, size, progress
            )
            if number == 0 and self._must_differ:
                self._check_samples_differ(sampler, batch, state)
            states.append(state)
            counts.append(done)
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
                sampler.has_variance[index],
                _join_samples(kept, index) if self._keeps_samples else None,
                sampler.tolerances[index],
            )
            for index in range(len(states[0]))
        ]
        return keras.tree.pack_sequence_as(sampler.structure, predictions)

    def _check_samples_differ(
        self, sampler: Sampler, batch: Any, state: list[Running]
    ) -> None:
        """Raises `ValueError` for an output of which all samples are equal.

        Few samples of few rows may be so by chance: then more are drawn, which count
        for nothing else.
        """
        if not any(_all_equal(output) for output in state):
            return
        rows = rows_of(batch)
        needed = -(-_LEAST_DRAWS // rows)
        if self._samples < needed:
            if is_stateful(self._model):
                return  # more samples would need all batches before
            inputs = [keras.ops.convert_to_tensor(a) for a in flat_of(batch)]
            size = sampler.size_of(rows, 0, True)
            common = sampler.begin(inputs, self._prefix_rows(sampler), size)
            key, chunk = _key(self._seed, 2**31), self._chunk(sampler, size)
            more = sampler.start(common)
            more = sampler.advance(common, more, key, 0, needed, chunk)
            state = sampler.read(common, more)
        equal = [number for number, each in enumerate(state) if _all_equal(each)]
        if len(equal) < len(state) and functional_of(self._model) is not None:
            # One that nothing random leads to is meant to be as it is.
            random = random_layers(self._model, self._chosen)
            depends = SplitGraph(self._model, random).random_outputs()
            equal = [number for number in equal if depends[number]]
        if equal:
            names = self._transform.names_of(sampler.structure)
            which = ", ".join(repr(names[number]) for number in equal)
            raise ValueError(
                "`model` must have outputs that differ from sample to sample. "
                f"Received: all samples are equal of output {which}, of {len(names)}. "
                f"What is switched on {self._describe_chosen()}. A "
                "layer of your own that is random in training must be named in "
                "`layers`, and draw with a `keras.random.SeedGenerator` that is an "
                "attribute of it"
            )

    def _describe_chosen(self) -> str:
        names = [layer.name for layer in self._chosen]
        if not names:
            return "is no layer"
        listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        return f"does not reach it: {listed}"

    def _predict_batch(
        self,
        sampler: Sampler,
        batch: Any,
        number: int,
        size: int,
        progress: Progress,
    ) -> tuple[list[Running], int, list[list[np.ndarray]]]:
        tensors = [keras.ops.convert_to_tensor(array) for array in flat_of(batch)]
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
        if self._tolerance is not None:
            most = min(most, _LEAST_SAMPLES)  # after which it is looked at
        return sampler.chunk_of(most, self._samples, self._strategy)

    def _sampler(self, batch: Any) -> Sampler:
        """Returns the compiled sampler for batches like this one."""
        shapes = tuple(
            (shape, str(array.dtype))
            for array, shape in zip(
                flat_of(batch), shapes_that_vary(self._model, batch)
            )
        )
        names = str(keras.tree.map_structure(lambda a: None if a is None else 0, batch))
        how = (self._strategy, self._shared, self._transform.key)
        chosen = tuple(id(layer) for layer in self._chosen)
        sampler = cached_sampler(
            self._model,
            (chosen, how, names, shapes, context_of_thread()),
            lambda: make_sampler(
                self._model,
                self._chosen,
                self._strategy,
                self._shared,
                batch,
                self._transform,
            ),
        )
        if isinstance(sampler, PlainSampler):
            return sampler.for_one_run(self._carried)
        return sampler


def _all_equal(output: Running) -> bool:
    """Returns whether the samples of an output differ by rounding only."""
    ulp = np.finfo(np.float32).eps * np.abs(output.mean)
    return bool((output.squares <= _SAMPLES_OF_ROUNDING * ulp**2).all())


def _key(seed: int, batch: int) -> np.ndarray:
    sequence = np.random.SeedSequence((seed, batch))
    return sequence.generate_state(2, np.uint32).astype(np.int64)


def _join_samples(kept: list[list[list[np.ndarray]]], index: int) -> np.ndarray:
    by_batch = [np.concatenate([new[index] for new in batch]) for batch in kept]
    return np.concatenate(by_batch, axis=1)


def _describe(sampler: Sampler, chunk: int) -> str:
    cached = "deterministic prefix cached, " if sampler.plan.split else ""
    return f"{cached}{chunk} sample{'s' if chunk > 1 else ''} at a time"
