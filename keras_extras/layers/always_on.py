"""Recurrent and attention layers that drop in inference too; `to_mc` makes them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras


def in_training(call: Callable[..., Any]) -> Callable[..., Any]:
    """Returns `call`, a method or a function of `self`, with `training=True`."""

    # Keras reads the arguments of `call` from the signature, which `wraps` keeps.
    @functools.wraps(call)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        # Here, so that the first import of the package is one of few modules.
        from keras_extras.keras_internals.call_context import arguments_of_call_kept

        with arguments_of_call_kept():
            return call(*args, **{**kwargs, "training": True})

    return wrapper


def _make(base: Any) -> type:
    name = f"MC{base.__name__}"
    doc = f"`{base.__name__}` that drops in inference as well as in training."
    body = {"call": in_training(base.call), "__doc__": doc, "__module__": __name__}
    made = type(name, (base,), body)
    return keras.saving.register_keras_serializable(package="keras_extras")(made)


_BASES = (
    keras.layers.SimpleRNN,
    keras.layers.GRU,
    keras.layers.LSTM,
    keras.layers.ConvLSTM1D,
    keras.layers.ConvLSTM2D,
    keras.layers.ConvLSTM3D,
    keras.layers.SimpleRNNCell,
    keras.layers.GRUCell,
    keras.layers.LSTMCell,
    keras.layers.Attention,
    keras.layers.AdditiveAttention,
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
)
ALWAYS_ON = {base: _make(base) for base in _BASES}
# So that what is pickled finds them.
globals().update({made.__name__: made for made in ALWAYS_ON.values()})
