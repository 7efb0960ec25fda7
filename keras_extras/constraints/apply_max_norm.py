from __future__ import annotations

from typing import Any

import keras

from keras_extras.checks import check_positive
from keras_extras.constraints.axes import Kernel
from keras_extras.constraints.axes import kernels_of
from keras_extras.constraints.max_norm_for import make
from keras_extras.keras_internals.layer_tree import named_layers
from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.keras_internals.layer_tree import unique
from keras_extras.keras_internals.stale_functions import drop_train_functions


def apply_max_norm(
    model: Any, max_value: float | None, layers: Any = None
) -> dict[str, tuple[int, ...]]:
    """Adds max-norm constraints to the layers of an existing model.

    Use it with dropout, before a `fit` or between two, instead of a `kernel_constraint`
    in each layer. Max-norm limits the norm of the weights that lead into each unit; the
    axis depends on the type of layer, as in `max_norm_for`. Nested models, wrappers,
    cells and the projections of attention layers are included. Weights above the limit
    are scaled down at once, and after each training step. Weights of frozen layers are
    scaled down once.

    The constraints are saved with the model, but for those within attention layers,
    whose configuration has one constraint for kernels of different axes: apply them
    again after loading.

    A `keras_extras.callbacks.GradientLogger` records the share of the units that are
    at the limit, `weight_at_limit_fraction`: near 0 the limit does nothing, near 1 it
    alone decides the size of the weights.

    Args:
        model: Built Keras model, compiled or not.
        max_value: Float > 0, the largest norm; 1 to 4 is usual. `None` removes the
            max-norm constraints.
        layers: List of layers, names or layer classes to limit, or `None` for all
            that have a kernel; layers within those are included. Defaults to `None`.

    Returns:
        A dict from the path of each kernel to the axes of its norm.

    Raises:
        ValueError: If `max_value` is neither a number > 0 nor `None`, if the model is
            not built, if `layers` names what the model does not have or what has no
            kernel of a known type, or if a kernel is quantised, has LoRA, or has a
            constraint of another kind.

    Example:

    ```python
    keras_extras.constraints.apply_max_norm(model, 3.0)
    model.fit(x, y, epochs=5)
    ```

    References:
        Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks
        from overfitting", section 5.1.
    """
    if max_value is not None:
        max_value = check_positive("max_value", max_value)
    if not isinstance(model, keras.layers.Layer) or not model.built:
        raise ValueError(f"`model` must be a built Keras model. Received: {model!r}")
    found = [
        (layer, kernel)
        for layer in _chosen(model, layers)
        for kernel in kernels_of(layer)
        if layers is not None or kernel.name != "embeddings"
    ]
    if not found:
        raise ValueError(
            "`layers` must have at least one kernel of a layer type that Keras has. "
            f"Received: layers={layers!r}, model={model!r}"
        )
    for layer, kernel in found:
        _check(layer, kernel)
    for layer, kernel in found:
        _constrain(layer, kernel, max_value)
    drop_train_functions([model, *(layer for layer, _ in found)])
    return {_variable(layer, kernel).path: kernel.axes for layer, kernel in found}


def _chosen(model: Any, layers: Any) -> list[Any]:
    if layers is None:
        return sublayers(model)
    return unique(x for layer in named_layers(model, layers) for x in sublayers(layer))


def _variable(layer: Any, kernel: Kernel) -> Any:
    return getattr(layer, kernel.name)


def _check(layer: Any, kernel: Kernel) -> None:
    variable = _variable(layer, kernel)
    is_plain = isinstance(variable, keras.Variable)
    # A quantised kernel is of integers, of which the scale stands elsewhere.
    if not is_plain or not keras.backend.is_float_dtype(variable.dtype):
        raise ValueError(
            "`layers` must have plain kernels, neither quantised nor with LoRA. "
            f"Received: layer {layer.name!r}"
        )
    known = keras.constraints.MaxNorm | None
    if not isinstance(variable.constraint, known):
        raise ValueError(
            "`layers` must have no constraint of another kind on their kernels. "
            f"Received: layer {layer.name!r} with {kernel.constraint}="
            f"{variable.constraint!r}"
        )


def _constrain(layer: Any, kernel: Kernel, max_value: float | None) -> None:
    constraint = None if max_value is None else make(kernel, max_value)
    variable = _variable(layer, kernel)
    variable.constraint = constraint
    setattr(layer, kernel.constraint, constraint)
    if constraint is not None:
        variable.assign(constraint(variable))
