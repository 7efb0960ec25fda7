"""Recurrent and attention layers that drop in inference too; `to_mc` makes them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras


def _always_on(base: type) -> Callable[..., Any]:
    """Returns the `call` of a class with `training=True`."""
    call: Any = base.call  # type: ignore[attr-defined]

    # Keras reads the arguments of `call` from the signature, which `wraps` keeps.
    @functools.wraps(call)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        return call(self, *args, **{**kwargs, "training": True})

    return wrapper


def _make(base: type) -> type:
    name = f"MC{base.__name__}"
    doc = f"`{base.__name__}` that drops in inference as well as in training."
    body = {"call": _always_on(base), "__doc__": doc, "__module__": __name__}
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
