"""Finds the axes of a kernel that run over what comes into one unit."""

from __future__ import annotations

from typing import Any
from typing import NamedTuple

import keras


class Kernel(NamedTuple):
    """A kernel of a kind of layer.

    Attributes:
        name: Attribute of the layer that holds the kernel.
        constraint: Attribute, and argument, that holds its constraint.
        axes: The axes to sum over for the norm of what comes into each unit.
    """

    name: str
    constraint: str
    axes: tuple[int, ...]


def _kernel(*axes: int) -> Kernel:
    return Kernel("kernel", "kernel_constraint", axes)


def _recurrent(*axes: int) -> list[Kernel]:
    recurrent = Kernel("recurrent_kernel", "recurrent_constraint", axes)
    return [_kernel(*axes), recurrent]


def _table() -> dict[type, list[Kernel]]:
    layers = keras.layers
    table: dict[type, list[Kernel]] = {
        layers.Dense: [_kernel(0)],
        # A row is looked up, so each is what an embedded item puts out.
        layers.Embedding: [Kernel("embeddings", "embeddings_constraint", (1,))],
    }
    for kind in ("SimpleRNN", "GRU", "LSTM"):
        table[getattr(layers, kind)] = _recurrent(0)
        table[getattr(layers, f"{kind}Cell")] = _recurrent(0)
    for rank in (1, 2, 3):
        space = tuple(range(rank))
        table |= {
            # (space, in, out), whatever `data_format` says of the inputs
            getattr(layers, f"Conv{rank}D"): [_kernel(*space, rank)],
            # (space, out, in)
            getattr(layers, f"Conv{rank}DTranspose"): [_kernel(*space, rank + 1)],
            getattr(layers, f"ConvLSTM{rank}D"): _recurrent(*space, rank),
        }
    for rank in (1, 2):
        space = tuple(range(rank))
        # (space, in, multiplier): each output sees one channel
        depthwise = Kernel("depthwise_kernel", "depthwise_constraint", space)
        pointwise = Kernel("pointwise_kernel", "pointwise_constraint", (*space, rank))
        table |= {
            getattr(layers, f"DepthwiseConv{rank}D"): [
                depthwise._replace(name="kernel")
            ],
            getattr(layers, f"SeparableConv{rank}D"): [depthwise, pointwise],
        }
    return table


_KERNELS = _table()


def kernels_of_class(layer_class: type) -> list[Kernel]:
    """Returns the kernels of a class, none if Keras does not fix their axes."""
    for base in layer_class.__mro__:
        if base in _KERNELS:
            return _KERNELS[base]
    return []


def kernels_of(layer: Any) -> list[Kernel]:
    """Returns the kernels that a layer has itself, not in a layer within it."""
    if isinstance(layer, keras.layers.EinsumDense):
        return [_kernel(*einsum_axes(layer.equation))]
    if hasattr(layer, "cell"):
        return []  # the cell has them
    if _is_convolutional_cell(layer):
        return _recurrent(*range(len(layer.kernel.shape) - 1))
    return kernels_of_class(type(layer))


def _is_convolutional_cell(layer: Any) -> bool:
    kernel = getattr(layer, "recurrent_kernel", None)
    return isinstance(kernel, keras.Variable) and len(kernel.shape) > 2


def einsum_axes(equation: str) -> tuple[int, ...]:
    """Returns the axes of the kernel that the equation sums over."""
    inputs, output = equation.replace(" ", "").split("->")
    kernel = inputs.split(",")[1]
    return tuple(axis for axis, letter in enumerate(kernel) if letter not in output)
