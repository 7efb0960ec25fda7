"""Layer classes with other defaults."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_extras.layers import HeDense
from keras_extras.layers import MaxNormDense
from keras_extras.layers import RegularizedDense
from keras_extras.layers import SELUDense
from keras_extras.layers import configured


def test_defaults_are_filled_in_and_can_be_overridden():
    make = configured(layers.Dense, activation="relu", use_bias=False)
    layer = make(7)
    assert type(layer) is layers.Dense
    assert (layer.units, layer.use_bias) == (7, False)
    assert layer.activation is keras.activations.relu
    assert make(7, activation="tanh").activation is keras.activations.tanh
    assert make(7, "tanh").activation is keras.activations.tanh
    assert make(units=7, name="mine").name == "mine"


def test_it_can_be_extended():
    make = configured(configured(layers.Conv2D, padding="same"), kernel_size=3)
    layer = make(8)
    assert (layer.kernel_size, layer.padding) == ((3, 3), "same")


def test_it_prints_what_it_is():
    make = configured(
        layers.Dense,
        activation="relu",
        kernel_regularizer=keras.regularizers.L1(0.5),
    )
    assert repr(make) == "configured(Dense, activation='relu', kernel_regularizer=" + (
        "L1(l1=0.5))"
    )
    assert "Dense" in make.__doc__


def test_layers_with_one_initializer_start_differently():
    make = configured(layers.Dense, kernel_initializer=keras.initializers.HeNormal())
    model = keras.Sequential([keras.Input((4,)), make(4), make(4)])
    first, second = (np.array(layer.kernel) for layer in model.layers)
    assert not np.allclose(first, second)


@pytest.mark.parametrize(
    "defaults", [{"activaton": "relu"}, {"units_": 3}, {"activation": 1, "rate": 0.5}]
)
def test_unknown_arguments_are_refused_at_once(defaults):
    with pytest.raises(ValueError, match="`defaults` must be arguments of `Dense`: "):
        configured(layers.Dense, **defaults)


def test_arguments_of_the_base_layer_are_known():
    assert (
        configured(layers.Dense, dtype="float16", trainable=False)(2).trainable is False
    )


@pytest.mark.parametrize("thing", [3, dict, layers.Dense(2)])
def test_what_is_no_layer_class_is_refused(thing):
    with pytest.raises(ValueError, match="`layer_class` must be a subclass"):
        configured(thing)


def test_a_name_for_all_is_refused():
    with pytest.raises(ValueError, match="`name` must be given to each layer"):
        configured(layers.Dense, name="same")


def test_models_of_presets_save_and_load_as_plain_keras(tmp_path):
    presets = [HeDense, SELUDense, MaxNormDense, RegularizedDense]
    stack = [make(4) for make in presets]
    model = keras.Sequential([keras.Input((4,)), *stack])
    assert {type(layer) for layer in stack} == {layers.Dense}
    assert "keras_extras" not in model.to_json()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for old, new in zip(model.layers, loaded.layers):
        assert old.get_config() == new.get_config()


def test_presets_are_the_usual_recipes():
    assert HeDense(1).get_config()["kernel_initializer"]["class_name"] == "HeNormal"
    selu = SELUDense(1)
    assert selu.activation is keras.activations.selu
    assert selu.get_config()["kernel_initializer"]["class_name"] == "LecunNormal"
    assert MaxNormDense(1).kernel_constraint.axis == 0
    assert RegularizedDense(1).kernel_regularizer is not None
