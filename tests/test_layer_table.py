"""Which layers a model has, and how they are chosen."""

import re

import keras
import models
import numpy as np
import pytest
from backend_in_use import JIT
from keras import layers

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.inspection.monitored_layers import select_layers


def names(model, chosen=None):
    return [site.info.name for site in select_layers(find_layers(model), chosen)]


def test_layers_are_in_model_order_without_inputs():
    model, _, _ = models.make("functional_cnn")
    assert names(model) == [
        "conv2d",
        "batch_normalization",
        "re_lu",
        "flatten",
        "dropout",
        "dense",
    ]


def test_nested_layers_have_paths():
    model, _, _ = models.make("nested")
    assert names(model) == ["encoder/dense", "encoder/dense_1", "head"]


def test_attention_shows_its_projections_with_their_variables():
    model, _, _ = models.make("attention")
    sites = {site.info.name: site.info for site in find_layers(model)}
    assert sites["attention/query"].variables
    assert not sites["attention"].variables


def test_cell_belongs_to_its_recurrent_layer():
    model, _, _ = models.make("recurrent")
    sites = find_layers(model)
    assert [s.info.name for s in sites] == ["lstm", "gru", "dense"]
    assert [len(s.variables) for s in sites] == [3, 3, 2]


def test_time_distributed_counts_as_one_layer():
    model = keras.Sequential(
        [keras.Input((4, 3)), layers.TimeDistributed(layers.Dense(2), name="wrapped")]
    )
    (site,) = find_layers(model)
    assert site.info.name == "wrapped"
    assert len(site.variables) == 2


def test_bidirectional_variables_are_all_there_once():
    model = keras.Sequential([keras.Input((4, 3)), layers.Bidirectional(layers.GRU(2))])
    found = [id(v) for site in find_layers(model) for v in site.variables]
    assert sorted(found) == sorted(id(v) for v in model.trainable_variables)


@pytest.mark.parametrize("name", models.MODELS)
def test_each_trainable_variable_belongs_to_exactly_one_layer(name):
    model, x, _ = models.make(name)
    if not model.built:
        model(x[:1])
    found = [id(v) for site in find_layers(model) for v in site.variables]
    assert sorted(found) == sorted(id(v) for v in model.trainable_variables)
    paths = [site.info.name for site in find_layers(model)]
    assert len(set(paths)) == len(paths)


def test_shared_layer_is_listed_once():
    assert names(models.make("shared_layer")[0]) == ["shared", "head"]


def test_equal_names_are_told_apart():
    class Twins(keras.Model):
        def __init__(self):
            super().__init__()
            self.a = layers.Dense(2, name="same")
            self.b = layers.Dense(2, name="same")

        def call(self, x):
            return self.b(self.a(x))

    model = Twins()
    model(np.zeros((1, 2), "float32"))
    assert names(model) == ["same", "same_1"]


def test_variable_of_the_model_itself_has_a_row():
    class WithScale(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

        def call(self, x):
            return self.dense(x) * self.scale

    model = WithScale()
    model.compile("sgd", "mse", jit_compile=JIT)
    logger = GradientLogger(every=1)
    x = np.ones((8, 2), "float32")
    model.fit(x, x[:, :1], callbacks=[logger], verbose=0)
    found = {id(v) for site in find_layers(model) for v in site.variables}
    assert id(model.scale) in found
    total = np.sqrt(np.nansum(logger.history.gradient_norm[0] ** 2))
    assert total == pytest.approx(logger.history.global_gradient_norm[0], rel=1e-5)


def test_activation_is_known_by_name():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(2, activation="tanh"),
            layers.ReLU(),
            layers.Activation("sigmoid"),
            layers.Dropout(0.1),
        ]
    )
    found = [site.info.activation for site in find_layers(model)]
    assert found == ["tanh", "relu", "sigmoid", None]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, ["encoder/dense", "encoder/dense_1", "head"]),
        (["head"], ["head"]),
        (["head", "encoder/dense"], ["encoder/dense", "head"]),
        (["dense"], ["encoder/dense"]),
        ("encoder/.*", ["encoder/dense", "encoder/dense_1"]),
        (re.compile(r".*dense(_\d)?"), ["encoder/dense", "encoder/dense_1"]),
        (lambda layer: layer.name == "head", ["head"]),
    ],
)
def test_filter(chosen, expected):
    assert names(models.make("nested")[0], chosen) == expected


def test_name_in_a_list_is_no_pattern():
    with pytest.raises(ValueError, match=re.escape("['h.*']")):
        names(models.make("nested")[0], ["h.*"])


def test_callbacks_of_one_fit_choose_for_themselves():
    model, x, y = models.make("nested")
    gradients = GradientLogger(every=1, layers=["head"])
    activations = ActivationLogger(every=1, layers="encoder/.*")
    model.fit(x[:8], y[:8], callbacks=[gradients, activations], verbose=0)
    assert gradients.history.layers == ("head",)
    assert gradients.history.gradient_norm.shape == (1, 1)
    assert activations.history.layers == ("encoder/dense", "encoder/dense_1")
    assert activations.history.activation_mean.shape == (1, 2)


def test_gradients_leave_out_layers_without_trainable_weights():
    model, x, y = models.make("functional_cnn")
    logger = GradientLogger(every=1)
    model.fit(x[:8], y[:8], callbacks=[logger], verbose=0)
    assert logger.history.layers == ("conv2d", "batch_normalization", "dense")


def test_history_starts_anew_when_layers_are_frozen_between_fits():
    model, x, y = models.make("sequential_mlp")
    logger = GradientLogger(every=1)
    model.fit(x[:8], y[:8], callbacks=[logger], verbose=0)
    model.layers[0].trainable = False
    model.compile("sgd", "mse", jit_compile=JIT)
    model.fit(x[:8], y[:8], callbacks=[logger], verbose=0)
    assert logger.history.layers == ("dense_1", "dense_2")
    assert logger.history.gradient_norm.shape == (1, 2)
