from __future__ import annotations

import copy
import warnings
from typing import Any

import keras

from keras_extras import layers
from keras_extras.keras_internals.layer_state import copy_state
from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.layers.always_on import ALWAYS_ON
from keras_extras.uncertainty import checks
from keras_extras.uncertainty.stochastic import install
from keras_extras.uncertainty.stochastic import is_regularisation
from keras_extras.uncertainty.stochastic import stochastic_layers

_CONVERTED = {
    keras.layers.Dropout: layers.MCDropout,
    keras.layers.AlphaDropout: layers.MCAlphaDropout,
    keras.layers.GaussianDropout: layers.MCGaussianDropout,
    keras.layers.GaussianNoise: layers.MCGaussianNoise,
    keras.layers.SpatialDropout1D: layers.MCSpatialDropout1D,
    keras.layers.SpatialDropout2D: layers.MCSpatialDropout2D,
    keras.layers.SpatialDropout3D: layers.MCSpatialDropout3D,
    **ALWAYS_ON,
}
# By the public name, which is not always that of the class.
_BY_NAME = {
    name: _CONVERTED[thing]
    for name, thing in vars(keras.layers).items()
    if isinstance(thing, type) and thing in _CONVERTED
}


def to_mc(model: Any) -> Any:
    """Returns a copy of a model whose every call is a sample.

    Use it to hand a sampling model on, to save it or to export it. To predict with
    a model once, `mc_predict` is faster and copies nothing. The copy has the
    weights of the model, of which it is independent, and is not compiled.

    Keras' layers are replaced by those of `keras_extras.layers`, recurrent and
    attention layers with dropout by such that drop always, at any depth; so the copy
    samples after saving and loading too, if `keras_extras` is imported. Layers that
    a class of your own makes for itself, and those that are not in `keras.layers`, are
    switched on in the copy, but not in what is saved of it: a warning names them. The
    copy has tables, adapted statistics, LoRA and quantised weights as the model has
    them.

    Args:
        model: Built Keras model that can be made anew from its configuration.

    Returns:
        A model of the same class.

    Raises:
        ValueError: If the model has no dropout and no noise, is not built, or
            cannot be made anew from its configuration.

    Example:

    ```python
    mc_model = keras_extras.uncertainty.to_mc(model)
    samples = np.stack([mc_model.predict(x_test, verbose=0) for _ in range(100)])
    mc_model.save("sampling.keras")
    ```

    References:
        Géron (2022), "Hands-on machine learning with Scikit-Learn, Keras and
        TensorFlow", 3rd edition, chapter 11.
    """
    checks.check_model(model)
    checks.check_something_random(model, stochastic_layers(model))
    converted = _rebuild(model)
    _copy_state(model, converted)
    plain = [
        layer
        for layer in sublayers(converted)
        if is_regularisation(layer) and not isinstance(layer, _ON)
    ]
    install(converted, plain)
    within = {
        id(inner)
        for layer in sublayers(converted)
        if isinstance(layer, _ON)
        for inner in sublayers(layer)
    }
    _say_what_is_lost([layer for layer in plain if id(layer) not in within])
    return converted


_ON = tuple(_CONVERTED.values())


def _rebuild(model: Any) -> Any:
    try:
        config = keras.saving.serialize_keras_object(model)
        config.pop("compile_config", None)
        converted = keras.saving.deserialize_keras_object(
            _convert(copy.deepcopy(config)), safe_mode=False
        )
        if not converted.built:
            converted.build_from_config(model.get_build_config())
    except Exception as error:
        raise ValueError(
            "`model` must be one that can be made anew from its configuration: give "
            "its classes `get_config` and register them, or use `mc_predict` or "
            f"`mc_dropout`, which need no copy. Received: model={model!r} ({error})"
        ) from error
    return converted


def _convert(config: Any) -> Any:
    """Replaces the classes in a serialised object, at any depth."""
    if isinstance(config, dict):
        if str(config.get("module", "")).startswith("keras.layers"):
            converted = _BY_NAME.get(config.get("class_name", ""))
            if converted is not None and _is_on(config["config"]):
                config.update(_reference(converted))
        return {key: _convert(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_convert(value) for value in config)
    return config


def _is_on(config: dict[str, Any]) -> bool:
    return any(config.get(name) for name in _RATES)


_RATES = ("rate", "stddev", "dropout", "recurrent_dropout")


def _reference(converted: type) -> dict[str, str]:
    return {
        "module": converted.__module__,
        "class_name": converted.__name__,
        "registered_name": keras.saving.get_registered_name(converted),
    }


def _copy_state(model: Any, converted: Any) -> None:
    pairs = list(zip(sublayers(model), sublayers(converted)))
    shapes = [tuple(w.shape) for w in model.weights]
    same = len(sublayers(model)) == len(sublayers(converted))
    same = same and all(isinstance(new, _kind_of(old)) for old, new in pairs)
    if not same or shapes != [tuple(w.shape) for w in converted.weights]:
        raise ValueError(
            "`model` must have all its layers and weights in the copy that is made "
            f"from its configuration. Received: {len(shapes)} weights, of which the "
            f"copy has {len(converted.weights)}"
        )
    for old, new in pairs:
        copy_state(old, new)
    # Weights of models that share them, or that hold some beside their layers.
    converted.set_weights(model.get_weights())


def _kind_of(layer: Any) -> Any:
    """Returns the class that a layer of Keras has, or the name of another one."""
    return _BASE_OF.get(type(layer), type(layer))


_BASE_OF = {converted: plain for plain, converted in _CONVERTED.items()}


def _say_what_is_lost(layers: list[Any]) -> None:
    if layers:
        names = ", ".join(layer.name for layer in layers)
        warnings.warn(
            "The copy samples, but not after it was saved and loaded: layers that "
            "a class of your own makes for itself, and those that are not in "
            f"`keras.layers`, are loaded as they were ({names}). Save the model "
            "instead, and sample with `mc_predict`, or call `to_mc` after loading",
            stacklevel=3,
        )
