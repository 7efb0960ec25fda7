from __future__ import annotations

from typing import Any

import keras

from keras_extras.checks import check_positive
from keras_extras.constraints.axes import Kernel
from keras_extras.constraints.axes import kernels_of
from keras_extras.constraints.axes import kernels_of_class


def max_norm_for(
    layer_or_class: Any, max_value: float = 1.0, weight: str | None = None
) -> keras.constraints.MaxNorm:
    """Returns a max-norm constraint with the axis that the layer needs.

    Max-norm limits the norm of the weights that lead into each unit. Their axes in the
    kernel depend on the layer. The default axis of `keras.constraints.MaxNorm` is right
    for `Dense`; in a convolution it would limit each position of the filter separately.
    Use this function for a new layer, and `apply_max_norm` for an existing model.

    The axis is 0 for `Dense` and recurrent layers, all but the last for
    convolutions, all but the last but one for transposed ones, the spatial ones for
    depthwise ones, and those that the equation sums over for `EinsumDense`. It does
    not depend on `data_format`: kernels are the same. For `Embedding` it is 1, the
    vector of each item. The gates of a recurrent unit are limited one by one.

    Args:
        layer_or_class: Class of Keras layer, or a layer. An `EinsumDense` must be a
            layer, for its axis depends on its equation.
        max_value: Float > 0, the largest norm. Defaults to `1.0`.
        weight: String, name of the kernel to limit, for layers whose kernels need
            different axes: `"depthwise_kernel"` or `"pointwise_kernel"` of a
            `SeparableConv`. Defaults to `None`.

    Returns:
        A `keras.constraints.MaxNorm`, so models save and load without this package.

    Raises:
        ValueError: If `max_value` is not a number > 0, if the layer has no kernel of
            which Keras fixes the axes, or has several and `weight` names none.

    Example:

    ```python
    limit = keras_extras.constraints.max_norm_for(keras.layers.Conv2D, 3.0)
    layer = keras.layers.Conv2D(32, 3, kernel_constraint=limit)
    ```

    References:
        Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks
        from overfitting", section 5.1.
    """
    max_value = check_positive("max_value", max_value)
    kernels = _kernels(layer_or_class)
    if weight is not None:
        kernels = [kernel for kernel in kernels if kernel.name == weight]
    if not kernels:
        raise ValueError(_nothing_found(layer_or_class, weight))
    axes = {kernel.axes for kernel in kernels}
    if len(axes) > 1:
        names = " or ".join(repr(kernel.name) for kernel in kernels)
        raise ValueError(
            f"`weight` must be {names}, whose axes differ. Received: weight=None"
        )
    return make(kernels[0], max_value)


def make(kernel: Kernel, max_value: float) -> keras.constraints.MaxNorm:
    """Returns the constraint of a kernel."""
    return keras.constraints.MaxNorm(max_value, axis=list(kernel.axes))


def _kernels(layer_or_class: Any) -> list[Kernel]:
    if isinstance(layer_or_class, type):
        return kernels_of_class(layer_or_class)
    return kernels_of(layer_or_class) or kernels_of_class(type(layer_or_class))


def _nothing_found(layer_or_class: Any, weight: str | None) -> str:
    if weight is not None and _kernels(layer_or_class):
        names = [kernel.name for kernel in _kernels(layer_or_class)]
        return f"`weight` must be one of {names}. Received: weight={weight!r}"
    return (
        "`layer_or_class` must be a layer, or class of layer, that has one kernel "
        "with axes that Keras fixes; a layer rather than the class for EinsumDense. "
        "MultiHeadAttention has kernels with different axes: use `apply_max_norm` "
        "on the built model. "
        f"Received: layer_or_class={layer_or_class!r}"
    )
