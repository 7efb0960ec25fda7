"""Recurrent layers with cells that draw random numbers in each step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras.src.backend import rnn
from keras.src.backend.common import global_state

# More than a generator draws in one step, so that no two steps share a seed.
_DRAWS_OF_A_STEP = 1009
_SEEDS = 2**31 - 2


def runs_cell_in_a_loop(layer: Any) -> bool:
    """Returns whether a layer runs its cell as `keras.layers.RNN` does."""
    own = getattr(type(layer), "inner_loop", None)
    return own is keras.layers.RNN.inner_loop and hasattr(layer, "cell")


def draws_in_each_step(generators: Sequence[Any]) -> Callable[..., Any]:
    """Returns a function that makes an `inner_loop` with seeds for each time step.

    Within a `keras.StatelessScope` generators cannot move on from step to step: the
    loop is traced once, so all steps would draw the same, and what the trace leaves in
    the scope belongs to the loop. So each step has a scope of its own, in which seeds
    are made from its number. Outside of one, generators move on as in `fit`.

    Args:
        generators: The generators that the cell draws from.
    """

    def make(layer: Any, inner_loop: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(inner_loop)
        def wrapper(
            sequences: Any, initial_state: Any, mask: Any, training: bool = False
        ) -> Any:
            outer = global_state.get_global_attribute("stateless_scope")
            if outer is None or keras.backend.backend() == "torch":
                return inner_loop(sequences, initial_state, mask, training)
            first = [generator.next() for generator in generators]
            takes = isinstance(layer.cell, keras.layers.Layer)
            takes = takes and layer.cell._call_has_training_arg
            arguments = {"training": training} if takes else {}

            def step(inputs: Any, states: Any) -> Any:
                values, time = inputs
                inner = keras.StatelessScope()
                inner.state_mapping.update(outer.state_mapping)
                for generator, seed in zip(generators, first):
                    seeds = _seed_of_step(seed, time[0, 0])
                    inner.state_mapping[id(generator.state)] = seeds
                with inner:
                    output, new = layer.cell(values, states, **arguments)
                return output, new if keras.tree.is_nested(new) else [new]

            nested = keras.tree.is_nested(initial_state)
            return rnn(
                step,
                (sequences, ops.arange(ops.shape(sequences)[1])[None, :, None]),
                initial_state if nested else [initial_state],
                go_backwards=layer.go_backwards,
                mask=mask,
                unroll=layer.unroll,
                input_length=sequences.shape[1],
                zero_output_for_mask=layer.zero_output_for_mask,
                return_all_outputs=layer.return_sequences,
            )

        return wrapper

    return make


def _seed_of_step(seed: Any, time: Any) -> Any:
    moved = seed[1] + ops.cast((time + 1) * _DRAWS_OF_A_STEP, seed.dtype)
    return ops.stack([seed[0], ops.mod(moved, ops.cast(_SEEDS, seed.dtype))])
