"""Layer classes with defaults of one's own."""

from __future__ import annotations

import inspect
from typing import Any

import keras

_PER_LAYER = ("name",)


class Configured:
    """Fills in some arguments of a layer class; `configured` returns it.

    Calling it makes a plain layer of that class.

    Attributes:
        layer_class: The class of the layers that it makes.
        defaults: Dict of the arguments that are filled in.
    """

    def __init__(self, layer_class: type, defaults: dict[str, Any]) -> None:
        self.layer_class = layer_class
        self.defaults = dict(defaults)
        self.__doc__ = _describe(layer_class, defaults)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = _positional_names(self.layer_class)[: len(args)]
        filled = {k: v for k, v in self.defaults.items() if k not in given}
        filled = {k: _own_copy(v) for k, v in filled.items() if k not in kwargs}
        return self.layer_class(*args, **filled, **kwargs)

    def __repr__(self) -> str:
        arguments = "".join(f", {k}={_text(v)}" for k, v in self.defaults.items())
        return f"configured({self.layer_class.__name__}{arguments})"


def configured(layer_class: type | Configured, **defaults: Any) -> Configured:
    """Gives a layer class other defaults, as `functools.partial` does.

    Use it if many layers of a model share their arguments. Unlike `partial`, it raises
    an error at once for an argument that the class does not have, has a readable
    `repr`, takes positional arguments that override a default, and gives each layer its
    own copies of initialisers and layers: one initialiser object without a seed would
    start all layers with the same numbers, and layers that share another layer, such as
    an activation with weights, would train it together. The layers are of the plain
    class, so a model made of them saves and loads without this package.

    Args:
        layer_class: Subclass of `keras.layers.Layer`, or what another call of
            `configured` returned, whose defaults are then extended.
        **defaults: Arguments of the class and their values.

    Returns:
        A function that makes layers: it takes the arguments of the class, which
        override the defaults.

    Raises:
        ValueError: If `layer_class` is not a layer class or does not have one of
            the arguments, or if `name` is among them, which two layers of a model
            cannot share.

    Example:

    ```python
    RegularizedDense = keras_extras.layers.configured(
        keras.layers.Dense,
        activation="relu",
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.L2(0.01),
    )
    model = keras.Sequential(
        [
            RegularizedDense(300),
            RegularizedDense(100),
            RegularizedDense(10, activation="softmax"),
        ]
    )
    ```

    References:
        Géron (2022), "Hands-on machine learning with Scikit-Learn, Keras and
        TensorFlow", 3rd edition, chapter 11.
    """
    if isinstance(layer_class, Configured):
        defaults = layer_class.defaults | defaults
        layer_class = layer_class.layer_class
    if not _is_layer_class(layer_class):
        raise ValueError(
            "`layer_class` must be a subclass of `keras.layers.Layer`. "
            f"Received: layer_class={layer_class!r}"
        )
    _check_names(layer_class, defaults)
    return Configured(layer_class, defaults)


def _is_layer_class(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, keras.layers.Layer)


def _check_names(layer_class: type, defaults: dict[str, Any]) -> None:
    shared = [name for name in _PER_LAYER if name in defaults]
    if shared:
        raise ValueError(
            "`name` must be given to each layer, not to all of them. "
            f"Received: name={defaults['name']!r}"
        )
    allowed = _argument_names(layer_class)
    unknown = [name for name in defaults if name not in allowed]
    if unknown:
        raise ValueError(
            f"`defaults` must be arguments of `{layer_class.__name__}`: "
            f"{', '.join(sorted(allowed))}. Received: {', '.join(unknown)}"
        )


def _argument_names(layer_class: type) -> set[str]:
    """Returns what the class takes, its bases included where it passes on the rest."""
    names: set[str] = set()
    for base in layer_class.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names |= {p.name for p in parameters if p.kind in _NAMED} - {"self"}
        if all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters):
            break
        if base is keras.layers.Layer:
            break
    return names


_NAMED = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


def _positional_names(layer_class: type) -> list[str]:
    parameters = inspect.signature(layer_class).parameters.values()
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [p.name for p in parameters if p.kind is positional]


def _own_copy(value: Any) -> Any:
    """Returns an initializer or a layer of its own, others as they are."""
    if isinstance(value, keras.initializers.Initializer | keras.layers.Layer):
        return type(value).from_config(value.get_config())
    if isinstance(value, list | tuple):
        return type(value)(map(_own_copy, value))
    return value


def _describe(layer_class: type, defaults: dict[str, Any]) -> str:
    arguments = ", ".join(f"{k}={_text(v)}" for k, v in defaults.items())
    return f"Makes a `keras.layers.{layer_class.__name__}` with {arguments}."


def _text(value: Any) -> str:
    """Returns what makes an object of Keras, instead of where it is in memory."""
    if not hasattr(value, "get_config") or isinstance(value, type):
        return repr(value)
    config = ", ".join(f"{k}={_text(v)}" for k, v in value.get_config().items())
    return f"{type(value).__name__}({config})"
