"""What SELU needs, said and measured, and the model left as it is."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_extras.evaluation import check_self_normalizing

X = np.random.default_rng(0).normal(size=(300, 20)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def selu(units=200, **arguments):
    arguments = {"kernel_initializer": "lecun_normal", **arguments}
    return layers.Dense(units, "selu", **arguments)


def chain(*inner, first=()):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input((20,)), *first, selu(), *inner, selu(), layers.Dense(1)]
    )


def broken(model, x=X):
    check = check_self_normalizing(model, x)
    return {condition.name: condition for condition in check.broken}


def test_network_as_in_the_paper_passes():
    hidden = [selu(200) for _ in range(10)]
    model = chain(*hidden, layers.AlphaDropout(0.1))
    check = check_self_normalizing(model, X)
    assert check.passed, check.report()
    assert all(condition.holds for condition in check.conditions)
    # SELU's fixed point, for what is measured behind its layers.
    np.testing.assert_allclose(check.mean[:-1], 0.0, atol=0.25)
    np.testing.assert_allclose(check.std[:-1], 1.0, atol=0.25)
    assert "passed" in check.report()


def test_measured_values_are_those_of_the_layers():
    model = chain()
    check = check_self_normalizing(model, X, batch_size=70)
    assert check.layers == tuple(layer.name for layer in model.layers)
    values = X
    for row, layer in enumerate(model.layers):
        values = keras.ops.convert_to_numpy(layer(values))
        np.testing.assert_allclose(check.mean[row], values.mean(), atol=1e-6)
        np.testing.assert_allclose(check.std[row], values.std(), rtol=1e-5)


def skip():
    inputs = keras.Input((20,))
    x = selu(200)(inputs)
    x = layers.Add(name="skip")([x, selu(200)(x)])
    return keras.Model(inputs, layers.Dense(1)(x))


L2 = keras.regularizers.L2(1e-3)
BROKEN = {
    "activation": (lambda: chain(layers.Dense(200, "relu")), "has relu", "selu"),
    "initialization": (
        lambda: chain(selu(kernel_initializer="he_normal")),
        "HeNormal",
        "lecun_normal",
    ),
    "dropout": (lambda: chain(layers.Dropout(0.3)), "dropout", "AlphaDropout(0.3)"),
    "normalization": (
        lambda: chain(layers.BatchNormalization()),
        "normalises",
        "without",
    ),
    "penalty": (lambda: chain(selu(kernel_regularizer=L2)), "l2=0.001", "without"),
    "constraint": (
        lambda: chain(selu(kernel_constraint="max_norm")),
        "MaxNorm",
        "without",
    ),
    "architecture": (skip, "joins several paths", "plain chain"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_condition_alone_can_be_broken(name):
    build, found, remedy = BROKEN[name]
    check = check_self_normalizing(build(), X)
    conditions = {condition.name: condition for condition in check.broken}
    # The others may only be measured consequences.
    assert set(conditions) - {"measured"} == {name}
    assert found in conditions[name].found
    assert remedy in conditions[name].remedy
    assert f"NO  {name}" in check.report()
    assert conditions[name].remedy in check.report()


def test_other_initialisations_that_are_as_wide_are_not_faulted():
    same = keras.initializers.VarianceScaling(1.0, "fan_in", "uniform")
    assert broken(chain(selu(kernel_initializer=same))) == {}


def test_activation_as_a_layer_of_its_own_counts():
    plain = layers.Dense(200, kernel_initializer="lecun_normal")
    assert broken(chain(plain, layers.Activation("selu"))) == {}


@pytest.mark.parametrize("x", [10.0 * X, 0.01 * X, X + 1.0, 0.3 * X + np.sign(X[0])])
def test_inputs_must_be_standardised(x):
    assert "inputs" in broken(chain(), x)


def test_inputs_that_the_model_standardises_are_fine():
    norm = layers.Normalization()
    norm.adapt(5.0 * X + 3.0)
    assert broken(chain(first=[norm]), 5.0 * X + 3.0) == {}


def test_what_strays_is_measured():
    wide = keras.initializers.VarianceScaling(4.0, "fan_in")
    condition = broken(chain(selu(kernel_initializer=wide)))["measured"]
    assert "strays most" in condition.found


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = selu(), selu(), layers.Dense(1)

    def call(self, x):
        return self.head(self.second(self.first(x)))


def test_graph_of_a_subclassed_model_is_not_known():
    keras.utils.set_random_seed(0)
    model = Subclassed()
    check = check_self_normalizing(model, X)
    holds = {condition.name: condition.holds for condition in check.conditions}
    assert (holds["architecture"], holds["inputs"]) == (None, None)
    assert check.passed
    assert "?  architecture" in check.report()


def test_training_is_measured_and_put_back():
    model = chain(layers.AlphaDropout(0.2))
    model.compile(keras.optimizers.Adam(0.01), "mse", run_eagerly=True)
    before = [np.array(v) for v in [*model.variables, *model.optimizer.variables]]
    check = check_self_normalizing(model, X, Y, epochs=1, batch_size=150)
    after = [np.array(v) for v in [*model.variables, *model.optimizer.variables]]
    for old, new in zip(before, after[: len(before)]):
        np.testing.assert_array_equal(old, new)
    assert int(model.optimizer.iterations) == 0
    assert check.trained_std.shape == check.std.shape
    assert not np.allclose(check.trained_std, check.std)
    assert "std, trained" in check.report()
    assert [t.name for t in check.plot().data][-1] == "std, trained"
    again = check_self_normalizing(model, X, batch_size=150)
    np.testing.assert_array_equal(again.std, check.std)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"epochs": -1}, "`epochs` must be an integer >= 0"),
        ({"max_rows": 1}, "`max_rows` must be an integer >= 2"),
        ({"epochs": 1}, "`model` must be compiled to be trained"),
        ({"model": 3}, "`model` must be a Keras model"),
    ],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises(ValueError, match=words):
        check_self_normalizing(**{"model": chain(), "x": X, **arguments})
