"""Transforms a model's outputs before their statistics are taken."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import TypeAlias

import keras
from keras import ops

from keras_extras.keras_internals.graph import output_activations

Activation: TypeAlias = Any  # a name, a function, None, or a structure of them
Variance: TypeAlias = Any  # a name, None, or a structure of them

_VARIANCES = (None, "variance", "log_variance")


class Transform:
    """Applies to each output of a model what was given for it.

    Args:
        activation: See `mc_predict`.
        variance: See `mc_predict`.
        names: Names of the outputs, in the order in which they are flattened, if the
            model has any beside those of the structure that it returns.

    Raises:
        ValueError: If an activation or a variance is unknown.
    """

    def __init__(
        self,
        activation: Activation = None,
        variance: Variance = None,
        names: Sequence[str] = (),
    ) -> None:
        self._activation, self._variance = activation, variance
        self._names = list(names)
        for name, given in (("activation", activation), ("variance", variance)):
            if not _leaves(given):
                raise ValueError(f"`{name}` must not be empty. Received: {given!r}")
        for each in _leaves(activation):
            _function_of(each)
        for each in _leaves(variance):
            if each not in _VARIANCES:
                raise ValueError(
                    "`variance` must be None, 'variance' or 'log_variance', or a dict "
                    f"or list of these. Received: variance={variance!r}"
                )

    @property
    def key(self) -> Any:
        """What tells it from others: it can be hashed."""
        given = (self._activation, self._variance)
        shapes = [str(keras.tree.map_structure(lambda _: 0, each)) for each in given]
        return *shapes, *(tuple(_leaves(each)) for each in given)

    def __call__(self, outputs: Any) -> list[Any]:
        """Returns the flat list of the outputs to use."""
        flat = keras.tree.flatten(outputs)
        functions = self._per_output("activation", self._activation, outputs)
        flat = [_function_of(f)(output) for f, output in zip(functions, flat)]
        variances = self._variances(outputs, [tuple(t.shape) for t in flat])
        return [_with_variance(t, variance) for t, variance in zip(flat, variances)]

    def end_in_softmax(self, model: Any, outputs: Any) -> list[bool]:
        """Returns for each output whether it is known to hold probabilities of classes.

        Args:
            model: The model.
            outputs: What it returns.
        """
        given = self._per_output("activation", self._activation, outputs)
        own = output_activations(model)
        if len(own) != len(given):
            own = [None] * len(given)
        return [
            (o if g is None else _function_of(g)) is keras.activations.softmax
            for g, o in zip(given, own)
        ]

    def has_variance(self, outputs: Any) -> list[bool]:
        """Returns for each output whether the last axis holds means, then variances."""
        shapes = [tuple(output.shape) for output in keras.tree.flatten(outputs)]
        return [each is not None for each in self._variances(outputs, shapes)]

    def _variances(self, outputs: Any, shapes: list[Any]) -> list[str | None]:
        variance = self._variance
        if len(shapes) == 1 or not isinstance(variance, str):
            return self._per_output("variance", variance, outputs)
        pairs = [len(shape) > 1 and shape[-1] == 2 for shape in shapes]
        if not any(pairs):
            raise ValueError(
                "`variance` must say which of several outputs it is about, as in "
                f"{{'{self.names_of(outputs)[0]}': {variance!r}}}, unless some have a "
                f"last axis of 2. Received: variance={variance!r}, outputs of shapes "
                f"{shapes}"
            )
        return [variance if is_pair else None for is_pair in pairs]

    def names_of(self, outputs: Any) -> list[str]:
        """Returns the names of the outputs in a structure of them."""
        paths = [path for path, _ in keras.tree.flatten_with_path(outputs)]
        if isinstance(outputs, dict):
            return ["/".join(map(str, path)) for path in paths]
        if len(self._names) == len(paths):
            return self._names
        return [str(number) for number in range(len(paths))]

    def _per_output(self, argument: str, given: Any, outputs: Any) -> list[Any]:
        """Returns what is given for each output, flat; `None` for those not named."""
        names = self.names_of(outputs)
        if isinstance(given, dict):
            named = _by_path(given)
            unknown = sorted(set(named) - set(names))
            if unknown:
                raise ValueError(
                    f"`{argument}` must have keys that are outputs of the model, which "
                    f"are {names}. Received: {unknown}"
                )
            return [named.get(name) for name in names]
        if isinstance(given, list | tuple):
            flat = _leaves(given)
            if len(flat) != len(names):
                raise ValueError(
                    f"`{argument}` must be one {argument}, or one for each output of "
                    f"the model, of which there are {len(names)}. "
                    f"Received: {argument}={given!r}"
                )
            return flat
        return [given] * len(names)


def _leaves(given: Any) -> list[Any]:
    """Returns what a structure holds, `None` included."""
    if isinstance(given, dict):
        return [leaf for key in sorted(given) for leaf in _leaves(given[key])]
    if isinstance(given, list | tuple):
        return [leaf for each in given for leaf in _leaves(each)]
    return [given]


def _by_path(given: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, dict):
            found |= _by_path(value, f"{prefix}{key}/")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _function_of(activation: Any) -> Callable[[Any], Any]:
    try:
        if isinstance(activation, type):
            raise TypeError("a class")
        return keras.activations.get(activation)
    except (ValueError, TypeError):
        raise ValueError(
            "`activation` must be the name of an activation of Keras, a function, "
            f"None, or a dict or list of these. Received: activation={activation!r}"
        ) from None


def _with_variance(output: Any, variance: str | None) -> Any:
    if variance is None:
        return output
    if len(output.shape) < 2 or (output.shape[-1] or 1) % 2:
        raise ValueError(
            "`variance` needs outputs whose last axis has an even size: means, then "
            f"variances. Received: variance={variance!r}, output of shape "
            f"{tuple(output.shape)}"
        )
    if variance == "variance":
        return output
    mean, logarithm = ops.split(output, 2, axis=-1)
    return ops.concatenate([mean, ops.exp(logarithm)], axis=-1)
