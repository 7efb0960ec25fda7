"""The scale of a signal on its way through a network that is not trained."""

import random

import keras
import models
import numpy as np
import pytest
from backend_in_use import draw_of_the_backend
from backend_in_use import seed_the_backend
from keras import layers

from keras_extras.evaluation import activation_profile

X = np.random.default_rng(0).normal(size=(200, 64)).astype("float32")


def deep(activation="relu", depth=8, units=128, **arguments):
    hidden = [layers.Dense(units, activation, **arguments) for _ in range(depth)]
    return keras.Sequential([keras.Input((64,)), *hidden, layers.Dense(1)])


def test_factors_are_those_of_the_theory():
    names = ["he_normal", "lecun_normal", keras.initializers.RandomNormal(stddev=0.01)]
    profile = activation_profile(deep(), X, names, seeds=(0, 1))
    assert profile.initializers == ("he_normal", "lecun_normal", "RandomNormal")
    assert profile.mean.shape == profile.std.shape == (3, 2, 9)
    # ReLU halves the second moment; n * var of the kernels makes up for it, or not.
    expected = [1.0, np.sqrt(0.5), 0.01 * np.sqrt(128 / 2)]
    np.testing.assert_allclose(profile.factor_per_layer, expected, rtol=0.12)
    assert f"x {profile.factor_per_layer[1]:.3g}" in profile.report()


def test_seeds_decide_what_is_drawn():
    first = activation_profile(deep(), X, seeds=(0, 1))
    again = activation_profile(deep(), X, seeds=(1, 0))
    np.testing.assert_array_equal(first.std[:, ::-1], again.std)
    assert not np.allclose(first.std[:, 0], first.std[:, 1])
    assert first.initializers == ("as it is",)


def test_layers_of_equal_shape_get_kernels_of_their_own():
    model = deep(depth=3, units=64)
    seeded = keras.initializers.HeNormal(seed=3)
    ones = activation_profile(model, X, {"mine": seeded}, seeds=(0,))
    other = activation_profile(model, X, {"mine": seeded}, seeds=(1,))
    assert not np.allclose(ones.std, other.std)


def test_model_and_generators_are_as_before():
    model = deep(depth=2)
    model.compile("adam", "mse")
    seed_the_backend(5)
    states = [random.getstate(), np.random.get_state()[1].tolist()]
    before = [np.array(v) for v in model.variables]
    activation_profile(model, X, ["he_normal"], seeds=(0,))
    assert states == [random.getstate(), np.random.get_state()[1].tolist()]
    for old, new in zip(before, model.variables):
        np.testing.assert_array_equal(old, np.array(new))
    ours = draw_of_the_backend()
    seed_the_backend(5)
    assert ours == draw_of_the_backend()


def test_what_is_not_trained_keeps_its_values():
    norm = layers.Normalization(name="norm")
    norm.adapt(X * 7.0 + 2.0)
    frozen = layers.Dense(32, "relu", name="frozen")
    model = keras.Sequential(
        [keras.Input((64,)), norm, frozen, layers.Dense(16, "relu"), layers.Dense(1)]
    )
    frozen.trainable = False
    frozen.bias.assign(np.full(32, 3.0))
    profile = activation_profile(model, X * 7.0 + 2.0, ["he_normal", None], seeds=(4,))
    place = profile.layers.index("norm")
    np.testing.assert_allclose(profile.std[:, 0, place], 1.0, rtol=1e-3)
    np.testing.assert_allclose(profile.mean[:, 0, place], 0.0, atol=1e-3)
    expected = np.asarray(frozen(norm(X * 7.0 + 2.0)))
    place = profile.layers.index("frozen")
    np.testing.assert_allclose(profile.std[:, 0, place], expected.std(), rtol=1e-4)


def test_model_that_is_not_built_has_its_normalization():
    norm = layers.Normalization()
    norm.adapt(X * 7.0 + 2.0)
    model = keras.Sequential([norm, layers.Dense(16, "relu"), layers.Dense(1)])
    profile = activation_profile(model, X * 7.0 + 2.0, "he_normal", seeds=(0,))
    np.testing.assert_allclose(profile.std[0, 0, 0], 1.0, rtol=1e-3)
    assert not model.built


@pytest.mark.parametrize("name", ["functional_cnn", "nested", "attention", "recurrent"])
def test_models_of_many_kinds(name):
    model, x, _ = models.make(name)
    profile = activation_profile(model, x, ["he_normal"], seeds=(0,))
    assert np.isfinite(profile.std).all()
    assert len(profile.layers) >= 2


def test_function_that_builds_any_model():
    _, x, _ = models.make("subclassed")
    profile = activation_profile(models.Subclassed, x, ["zeros", None], seeds=(0, 1))
    assert len(profile.layers) == 2
    np.testing.assert_array_equal(profile.std[0], 0.0)
    assert (profile.std[1] > 0).all()
    with pytest.raises(ValueError, match="or a function without arguments"):
        activation_profile(models.Subclassed(), x)


def test_figure_has_a_line_per_initialiser_for_both_statistics():
    profile = activation_profile(deep(depth=2), X, ["he_normal", "zeros"], seeds=(0, 1))
    figure = profile.plot()
    assert [trace.name for trace in figure.data] == ["he_normal"] * 2 + ["zeros"] * 2
    np.testing.assert_allclose(figure.data[0].y, profile.std[0].mean(axis=0))
    assert figure.layout.yaxis.type == "log"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seeds": ()}, "`seeds` must be a list"),
        ({"seeds": (-1,)}, "`seeds` must be an integer >= 0"),
        ({"max_rows": 1}, "`max_rows` must be"),
        ({"initializers": []}, "`initializers` must have at least one"),
        ({"initializers": ["he"]}, "`initializers` must be"),
        ({"model": lambda: 3}, "a function that returns 3"),
    ],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises(ValueError, match=words):
        activation_profile(**{"model": deep(), "x": X, **arguments})
