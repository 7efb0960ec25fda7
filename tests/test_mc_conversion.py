"""Always-on layers, `mc_dropout` and `to_mc`."""

from contextlib import nullcontext

import keras
import numpy as np
import pytest
from keras import layers
from mc_models import TWO_OUTCOMES
from mc_models import called
from mc_models import everything
from mc_models import rows
from mc_models import sequential

import keras_extras
from keras_extras.uncertainty import mc_dropout
from keras_extras.uncertainty import mc_predict
from keras_extras.uncertainty import to_mc

SHAPES = {
    "MCDropout": (6,),
    "MCAlphaDropout": (6,),
    "MCGaussianDropout": (6,),
    "MCGaussianNoise": (6,),
    "MCSpatialDropout1D": (3, 6),
    "MCSpatialDropout2D": (3, 2, 6),
    "MCSpatialDropout3D": (3, 2, 2, 6),
}


@pytest.mark.parametrize("name", SHAPES)
def test_always_on_layer_samples_like_the_layer_in_training(name):
    always = getattr(keras_extras.layers, name)(0.4, seed=5)
    plain = getattr(keras.layers, name.removeprefix("MC"))(0.4, seed=5)
    x = np.ones((4, *SHAPES[name]), "float32")
    for training in (None, False, True):
        np.testing.assert_array_equal(
            always(x, training=training), plain(x, training=True)
        )


@pytest.mark.parametrize("name", SHAPES)
def test_always_on_layer_loads_without_custom_objects(name, tmp_path):
    model = sequential(
        getattr(keras_extras.layers, name)(0.4), layers.Dense(2), shape=SHAPES[name]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[0]) is getattr(keras_extras.layers, name)
    assert loaded.layers[0].get_config() == model.layers[0].get_config()
    x = rows(3, *SHAPES[name])
    first, second = (called(loaded, x) for _ in range(2))
    assert not np.array_equal(first, second)
    assert mc_predict(loaded, x, 10, seed=0).std.max() > 0


def test_evaluate_is_random_with_always_on_layers_only():
    x, y = rows(16, 6), rows(16, 1, seed=1)
    for layer, is_random in (
        (keras_extras.layers.MCDropout(0.5), True),
        (layers.Dropout(0.5), False),
    ):
        model = sequential(layer, layers.Dense(1), shape=(6,))
        model.compile("sgd", "mse")
        losses = {model.evaluate(x, y, verbose=0) for _ in range(4)}
        assert (len(losses) > 1) == is_random


@pytest.mark.parametrize("name", TWO_OUTCOMES)
def test_context_switches_every_kind_of_layer_on_and_off(name):
    make, shape, outcomes = TWO_OUTCOMES[name]
    keras.utils.set_random_seed(3)
    model, x = make(), rows(6, *shape, seed=4) + 0.2
    plain = model.predict(x, verbose=0)
    none, double = outcomes(model, x)
    before = [np.array(v) for v in model.variables]
    with mc_dropout(model, seed=0):
        samples = np.stack([called(model, x) for _ in range(6)])
        predicted = model.predict(x, verbose=0)
    for old, variable in zip(before, model.variables):
        np.testing.assert_array_equal(old, np.array(variable))
    for sample in (*samples, predicted):
        axes = tuple(range(1, sample.ndim))
        is_none = np.isclose(sample, none, atol=1e-5).all(axis=axes)
        is_double = np.isclose(sample, double, atol=1e-5).all(axis=axes)
        assert (is_none ^ is_double).all()
    assert not np.allclose(samples, samples[0])
    np.testing.assert_array_equal(model.predict(x, verbose=0), plain)
    np.testing.assert_allclose(called(model, x), plain, atol=1e-6)


def test_context_leaves_normalisation_alone_and_nothing_behind():
    model = everything()
    x = rows(4, 8, 8, 1)
    plain = model.predict(x, verbose=0)
    before = [np.array(v) for v in model.variables]
    attributes = [set(vars(layer)) for layer in model._flatten_layers()]
    with pytest.raises(KeyError, match="mine"), mc_dropout(model):
        {"sampled": model.predict(x, verbose=0)}["mine"]
    for old, variable in zip(before, model.variables):
        np.testing.assert_array_equal(old, np.array(variable), variable.path)
    after = [set(vars(layer)) for layer in model._flatten_layers()]
    assert [a - b for a, b in zip(after, attributes) if {"call"} & (a - b)] == []
    np.testing.assert_array_equal(model.predict(x, verbose=0), plain)


def test_context_is_reproducible_and_can_be_nested():
    model, x = sequential(layers.Dropout(0.5), shape=(20,)), np.ones((3, 20), "float32")
    samples = []
    for seed in (1, 1, 2):
        with mc_dropout(model, seed=seed):
            with mc_dropout(model):
                pass
            samples.append(called(model, x))
    np.testing.assert_array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[0], samples[2])
    np.testing.assert_array_equal(called(model, x), x)


def test_context_evaluates_with_dropout():
    model = sequential(layers.Dropout(0.5), layers.Dense(1), shape=(6,))
    model.compile("sgd", "mse")
    x, y = rows(16, 6), rows(16, 1)
    plain = model.evaluate(x, y, verbose=0)
    with mc_dropout(model, seed=0):
        assert model.evaluate(x, y, verbose=0) != plain
    assert model.evaluate(x, y, verbose=0) == plain


@pytest.mark.parametrize("name", TWO_OUTCOMES)
def test_converted_copy_samples_and_the_model_does_not(name):
    make, shape, outcomes = TWO_OUTCOMES[name]
    keras.utils.set_random_seed(3)
    model, x = make(), rows(6, *shape, seed=4) + 0.2
    plain, (none, double) = model.predict(x, verbose=0), outcomes(model, x)
    own = name in ("layer_of_layers", "subclassed")
    with pytest.warns(UserWarning, match="dropout") if own else nullcontext():
        converted = to_mc(model)
    for sample in (called(converted, x), converted.predict(x, verbose=0)):
        axes = tuple(range(1, sample.ndim))
        is_none = np.isclose(sample, none, atol=1e-5).all(axis=axes)
        is_double = np.isclose(sample, double, atol=1e-5).all(axis=axes)
        assert (is_none ^ is_double).all()
    np.testing.assert_array_equal(model.predict(x, verbose=0), plain)


def test_converted_copy_is_saved_and_loaded(tmp_path):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((3, 2))
    x = layers.LSTM(3, dropout=0.5, return_sequences=True)(inputs)
    x = layers.MultiHeadAttention(1, 2, dropout=0.5)(x, x)
    inner = sequential(layers.Dropout(0.5), layers.Dense(2), shape=(3, 3))
    converted = to_mc(keras.Model(inputs, inner(x)))
    converted.save(tmp_path / "mc.keras")
    loaded = keras.saving.load_model(tmp_path / "mc.keras")
    x = rows(4, 3, 2)
    assert np.ptp([loaded.predict(x, verbose=0) for _ in range(3)], axis=0).max() > 0
    for old, new in zip(converted.get_weights(), loaded.get_weights()):
        np.testing.assert_array_equal(old, new)
    names = {type(layer).__name__ for layer in loaded._flatten_layers()}
    assert {"MCLSTM", "MCMultiHeadAttention", "MCDropout"} <= names


def test_converted_copy_has_weights_of_its_own():
    model = sequential(layers.Dropout(0.5), layers.Dense(1), shape=(4,))
    before = model.get_weights()
    converted = to_mc(model)
    converted.set_weights([w + 1 for w in before])
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


class NeedsArgument(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units)
        self.drop = layers.Dropout(0.5)

    def call(self, x):
        return self.drop(self.dense(x))

    def get_config(self):
        raise NotImplementedError("no configuration")


def test_what_cannot_be_converted_is_said():
    model = NeedsArgument(2)
    model(rows(2, 3))
    with pytest.raises(ValueError, match="made anew from its configuration"):
        to_mc(model)
    with pytest.raises(ValueError, match="at least one layer that drops"):
        to_mc(sequential(layers.Dense(1), shape=(2,)))
    plain = sequential(layers.Dense(1), shape=(2,))
    with (
        pytest.raises(ValueError, match="at least one layer that drops"),
        mc_dropout(plain),
    ):
        pass
