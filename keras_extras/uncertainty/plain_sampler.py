from __future__ import annotations

import copy
from typing import Any

import keras
import numpy as np

from keras_extras.keras_internals.graph import takes_training
from keras_extras.keras_internals.layer_tree import all_layers
from keras_extras.keras_internals.layer_tree import own_non_trainable
from keras_extras.keras_internals.layer_tree import unique
from keras_extras.uncertainty import running
from keras_extras.uncertainty.sampler import Sampler
from keras_extras.uncertainty.sampler import Tensor
from keras_extras.uncertainty.sampling_plan import SamplingPlan
from keras_extras.uncertainty.transform import Transform

_SEEDS = 2**31 - 2  # exclusive


def needs_plain_sampler(model: Any) -> bool:
    """Returns whether samples must be drawn as `predict` computes batches.

    So it is with models that carry a state from batch to batch, that have a
    `predict_step` of their own, and that run eagerly.
    """
    return is_stateful(model) or has_own_step(model) or runs_eagerly(model)


def is_stateful(model: Any) -> bool:
    """Returns whether a batch starts from the state that the one before left."""
    return any(getattr(layer, "stateful", False) for layer in all_layers(model))


def has_own_step(model: Any) -> bool:
    """Returns whether `predict` does something of the user's own with a batch."""
    own = type(model).predict_step is not keras.Model.predict_step
    return own or "predict_step" in vars(model)


def runs_eagerly(model: Any) -> bool:
    """Returns whether the model is not to be compiled."""
    return bool(getattr(model, "run_eagerly", False))


def _states_of(layer: Any) -> Any:
    return getattr(layer, "states", None) if getattr(layer, "stateful", False) else None


class PlainSampler(Sampler):
    """Draws one sample after the other, each through all batches as `predict` does.

    A state that layers carry from batch to batch is kept for each sample, beside the
    model.

    Args:
        backend: Class of the sampler that the backend has.
        model: The model.
        chosen: Layers to switch on.
        plan: How to draw: nothing is split or tiled.
        inputs: Batch in the structure that the model takes.
        transform: What to do with the model's outputs.
    """

    def __init__(
        self,
        backend: type[Sampler],
        model: Any,
        chosen: list[Any],
        plan: SamplingPlan,
        inputs: Any,
        transform: Transform,
    ) -> None:
        self.draws_for_keras = True  # nothing is traced that Keras refuses
        super().__init__(model, chosen, plan, inputs, transform)
        self._backend = backend
        self._has_own_step = has_own_step(model)
        self._carried: dict[int, list[Tensor]] = {}
        self._first = self
        self._compute: Any = self._computed
        if not runs_eagerly(model):
            self._compute = backend.compiled(self._computed)

    def for_one_run(self, carried: dict[int, list[Tensor]]) -> PlainSampler:
        """Returns the same with a place for the states of the samples of one run."""
        ours = copy.copy(self)
        ours._carried = carried
        return ours

    def begin(self, inputs: list[Tensor], at_once: int | None, size: int) -> Any:
        return inputs

    def start(self, common: Any) -> Any:
        return []

    def advance(
        self,
        common: Any,
        state: Any,
        key: np.ndarray,
        done: int,
        until: int,
        chunk: int,
    ) -> Any:
        for number in range(done, until):
            state, _ = self.advance_one(common, state, key, number, number + 1, 1)
        return state

    def advance_one(
        self,
        common: Any,
        state: Any,
        key: np.ndarray,
        done: int,
        until: int,
        chunk: int,
    ) -> tuple[Any, list[np.ndarray]]:
        model = self._model()
        count = len(self._generators(model))
        draw = np.random.default_rng([*key.tolist(), done])
        seeds = draw.integers(0, _SEEDS, (count, 2))
        before = self._carried.get(done)
        if before is None:
            variables = self._state_variables(model)
            before = [keras.ops.convert_to_tensor(v.value) for v in variables]
        own = int(draw.integers(0, _SEEDS))
        with self._backend.without_gradients(), self._backend.drawing_alone(own):
            flat = self._compute(list(common), list(seeds), before)
        # Known to the object whose method was compiled.
        self.structure = self._first.structure
        self.has_variance = self._first.has_variance
        self.tolerances = self._first.tolerances
        self._may_be_labels = self._first._may_be_labels
        samples, self._carried[done] = (
            flat[: len(flat) - len(before)],
            flat[len(flat) - len(before) :],
        )
        if not state:
            state = [
                running.start(len(t.shape), variance)
                for t, variance in zip(samples, self.has_variance)
            ]
            state = keras.tree.map_structure(keras.ops.convert_to_tensor, state)
        samples = [t[None] for t in samples]
        state = self._updated(state, samples, float(done))
        return state, [keras.ops.convert_to_numpy(t) for t in samples]

    def read(self, common: Any, state: Any) -> list[running.Running]:
        return keras.tree.map_structure(keras.ops.convert_to_numpy, state)

    def _computed(
        self, inputs: list[Tensor], seeds: list[Tensor], before: list[Tensor]
    ) -> list[Tensor]:
        """Returns one sample of the outputs, and the states after it."""
        model = self._model()
        variables = self._state_variables(model)
        states = [generator.state for generator in self._generators(model)]
        given = [*zip(states, seeds), *zip(variables, before)]
        return self._random_part(model, inputs, given, None, kept=variables)

    def _state_variables(self, model: Any) -> list[Any]:
        if not is_stateful(model):
            return []
        layers = all_layers(model)
        own = [v for layer in layers for v in own_non_trainable(layer)]
        # Recurrent layers hold theirs where Keras does not count them.
        kept = [v for layer in layers for v in keras.tree.flatten(_states_of(layer))]
        return unique([*own, *(v for v in kept if isinstance(v, keras.Variable))])

    def _call(self, model: Any, tensors: list[Tensor]) -> Any:
        inputs = self._pack(tensors)
        if self._has_own_step:
            return model.predict_step((inputs,))
        return model(inputs, training=False) if takes_training(model) else model(inputs)
