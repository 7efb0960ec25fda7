"""Draws samples in compiled functions of JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.extend.core import ClosedJaxpr
from jax.extend.core import jaxpr_as_fun

from keras_extras.data.batches import flat_of
from keras_extras.keras_internals.layer_tree import unique
from keras_extras.uncertainty import running
from keras_extras.uncertainty.frontier import Frontier
from keras_extras.uncertainty.jax.tensors import Tensor
from keras_extras.uncertainty.jax.tensors import bytes_per_row
from keras_extras.uncertainty.jax.tensors import draw_seeds
from keras_extras.uncertainty.jax.tensors import rounded_up
from keras_extras.uncertainty.jax.tensors import spec_of
from keras_extras.uncertainty.sampler import MOST_ROWS
from keras_extras.uncertainty.sampler import Sampler
from keras_extras.uncertainty.sampling_plan import SamplingPlan
from keras_extras.uncertainty.stochastic import seed_generators
from keras_extras.uncertainty.transform import Transform

_Shapes = tuple[tuple[tuple[int, ...], str], ...]


class _Common(NamedTuple):
    """What all samples of a batch start from, and how many of its rows are real."""

    tensors: list[Tensor]
    rows: int


class JaxSampler(Sampler):
    """Draws samples in functions that are compiled for a number of rows and samples.

    Batches are filled up with copies of their last row, and rounds of samples with
    samples that are not counted, so that few numbers of either occur. Samples that are
    computed at once are so along an axis of their own, which `jax.vmap` adds: no layer
    sees it, and a sample is the same whatever is computed beside it.
    """

    can_tile_all = True
    draws_for_keras = False  # Keras refuses to, within what is compiled

    def __init__(
        self,
        model: Any,
        chosen: list[Any],
        plan: SamplingPlan,
        inputs: Any,
        transform: Transform,
    ) -> None:
        super().__init__(model, chosen, plan, inputs, transform)
        self._programs: dict[tuple[str, _Shapes], ClosedJaxpr] = {}
        self._begin = jax.jit(self._begin_compiled)
        self._advance = jax.jit(self._advance_compiled, static_argnames="chunk")
        self._draw = jax.jit(self._draw_compiled, static_argnames="chunk")
        self._measured = not plan.any_rows
        # What becomes of foreign tensors and types, one row of them tells.
        flat = flat_of(inputs)
        first = [keras.ops.convert_to_tensor(array[:1]) for array in flat]
        rows = rounded_up(min(flat[0].shape[0], MOST_ROWS))
        self._specs = [spec_of(tensor, rows) for tensor in first]

    @property
    def mixes_rows(self) -> bool:
        return self.plan.any_rows  # it fills up batches

    @property
    def prefix_bytes(self) -> int:
        return self._measure()[0]

    @property
    def suffix_bytes(self) -> int:
        return self._measure()[1]

    def _measure(self) -> tuple[int, int]:
        """Traces the model for as many rows as a batch is likely to have."""
        if not self._measured:
            values, rows = self._values(), self._specs[0].shape[0]
            prefix = self._prefix(values, self._specs)
            suffix = self._suffix(values, prefix.out_avals)
            self._bytes = bytes_per_row(prefix, rows), bytes_per_row(suffix, rows)
            self._measured = True
        return self._bytes

    def chunk_of(self, most: int, samples: int, strategy: str) -> int:
        if strategy == "auto" and jax.default_backend() == "cpu":
            return 1  # several are no faster there
        rounds = -(-samples // most)
        return -(-samples // rounds)

    def size_of(self, rows: int, before: int, whole: bool) -> int:
        if not self.plan.any_rows:
            return rows
        if rows <= before:
            return before
        size = rows if whole else rounded_up(rows)
        if not self._measured:  # with this size, for which it is compiled too
            self._specs = [spec_of(spec, size) for spec in self._specs]
        return size

    def begin(self, inputs: list[Tensor], at_once: int | None, size: int) -> _Common:
        rows = inputs[0].shape[0]
        at_once = size if at_once is None else min(at_once, size)
        parts = []
        for first in range(0, size, at_once):
            part = inputs
            if rows != size or at_once != size:
                places = np.minimum(np.arange(first, first + at_once), rows - 1)
                part = [keras.ops.convert_to_numpy(t)[places] for t in inputs]
            parts.append(self._begin(self._values(), part))
        if len(parts) == 1:
            return _Common(parts[0], rows)
        joined = zip(self._frontier.join(parts), self._frontier.batched_with_masks())
        return _Common([t[:size] if b else t for t, b in joined], rows)

    def _with_another_first_row(self, common: _Common) -> _Common:
        return common._replace(tensors=self._changed(common.tensors))

    def start(self, common: _Common) -> list[running.Running]:
        outputs = self._suffix(self._values(), common.tensors).out_avals
        samples = [jax.ShapeDtypeStruct((1, *o.shape), o.dtype) for o in outputs]
        states = [
            running.start(len(o.shape), variance)
            for o, variance in zip(outputs, self.has_variance)
        ]
        shapes = jax.eval_shape(self._updated, states, samples, np.float32(0))
        # In NumPy: JAX compiles for each operation outside of a function.
        return jax.tree.map(lambda a, s: np.broadcast_to(a, s.shape), states, shapes)

    def advance(
        self,
        common: _Common,
        state: list[running.Running],
        key: np.ndarray,
        done: int,
        until: int,
        chunk: int,
    ) -> list[running.Running]:
        numbers = np.int32(done), np.int32(until)
        key = key.astype(np.uint32)
        return self._advance(self._values(), common, state, key, *numbers, chunk=chunk)

    def advance_one(
        self,
        common: _Common,
        state: list[running.Running],
        key: np.ndarray,
        done: int,
        until: int,
        chunk: int,
    ) -> tuple[list[running.Running], list[np.ndarray]]:
        numbers = np.int32(done), np.int32(until)
        key = key.astype(np.uint32)
        state, samples = self._draw(
            self._values(), common, state, key, *numbers, chunk=chunk
        )
        count = min(chunk, until - done)
        return state, [np.asarray(t)[:count, : common.rows] for t in samples]

    def read(
        self, common: _Common, state: list[running.Running]
    ) -> list[running.Running]:
        def real(tensor: Tensor) -> np.ndarray:
            array = np.asarray(tensor)
            return array[: common.rows] if array.ndim else array

        return jax.tree.map(real, state)

    def _variables(self) -> list[Any]:
        model: Any = self._model()
        generators = seed_generators(model)
        return unique([*model.variables, *(g.state for g in generators)])

    def _values(self) -> list[Tensor]:
        return [variable.value for variable in self._variables()]

    def _prefix(self, values: list[Tensor], inputs: list[Tensor]) -> ClosedJaxpr:
        return self._program("prefix", self._trace_prefix, values, inputs)

    def _suffix(self, values: list[Tensor], tensors: list[Tensor]) -> ClosedJaxpr:
        generators = len(seed_generators(self._model()))
        seeds = jax.ShapeDtypeStruct((generators, 2), "uint32")
        return self._program("suffix", self._trace_suffix, values, tensors, seeds)

    def _program(
        self,
        name: str,
        trace: Callable[..., Any],
        values: list[Tensor],
        tensors: list[Tensor],
        *more: Any,
    ) -> ClosedJaxpr:
        """Returns a part of the model, which is traced once for each set of shapes."""
        specs = [spec_of(tensor) for tensor in tensors]
        key = name, tuple((spec.shape, str(spec.dtype)) for spec in specs)
        if key not in self._programs:
            make = jax.make_jaxpr(trace)
            self._programs[key] = make([spec_of(v) for v in values], specs, *more)
        return self._programs[key]

    def _trace_prefix(self, values: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
        with keras.StatelessScope(zip(self._variables(), values)):
            tensors, batched = self._fixed_part(inputs)
        self._frontier, flat = Frontier.of(tensors, batched)
        return flat

    def _trace_suffix(
        self, values: list[Tensor], flat: list[Tensor], seeds: Tensor
    ) -> list[Tensor]:
        model = self._model()
        tensors = self._frontier.with_masks(flat)
        states = [generator.state for generator in seed_generators(model)]
        given = [*zip(self._variables(), values), *zip(states, seeds)]
        return self._random_part(model, tensors, given, is_batch=None)

    def _begin_compiled(
        self, values: list[Tensor], inputs: list[Tensor]
    ) -> list[Tensor]:
        return jaxpr_as_fun(self._prefix(values, inputs))(*values, *inputs)

    def _advance_compiled(
        self,
        values: list[Tensor],
        common: _Common,
        state: list[running.Running],
        key: Tensor,
        done: Tensor,
        until: Tensor,
        chunk: int,
    ) -> list[running.Running]:
        def step(carry: tuple[Tensor, Any]) -> tuple[Tensor, Any]:
            done, state = carry
            new, _ = self._draw_compiled(values, common, state, key, done, until, chunk)
            return jnp.minimum(done + chunk, until), new

        return jax.lax.while_loop(lambda c: c[0] < until, step, (done, state))[1]

    def _draw_compiled(
        self,
        values: list[Tensor],
        common: _Common,
        state: list[running.Running],
        key: Tensor,
        done: Tensor,
        until: Tensor,
        chunk: int,
    ) -> tuple[list[running.Running], list[Tensor]]:
        generators = len(seed_generators(self._model()))
        one = jaxpr_as_fun(self._suffix(values, common.tensors))
        numbers = done + jnp.arange(chunk)

        def sample(number: Tensor) -> list[Tensor]:
            seeds = draw_seeds(key, number, generators)
            return one(*values, *common.tensors, seeds)

        if chunk > 1:
            samples = jax.vmap(sample)(numbers)
        else:  # takes half as long to compile
            samples = [tensor[None] for tensor in sample(done)]
        rows = jnp.arange(samples[0].shape[1])
        valid = (numbers < until)[:, None] & (rows < common.rows)
        return self._updated(state, samples, done.astype("float32"), valid), samples
