"""Which way a metric gets better is known from Keras, and else from its name."""

import keras
import numpy as np
import pytest

from keras_extras.keras_internals.metric_direction import is_higher_better


@pytest.fixture(scope="module")
def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    fit_score = keras.metrics.R2Score(name="explained")
    miss = keras.metrics.MeanSquaredError(name="accuracy_of_a_kind")
    model.compile("sgd", "mse", metrics=[fit_score, miss])
    model.evaluate(np.ones((4, 2)), np.arange(4.0)[:, None], verbose=0)
    return model


def test_keras_knows(model):
    assert is_higher_better(model, "explained")
    assert not is_higher_better(model, "accuracy_of_a_kind")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("loss", False),
        ("head_accuracy", True),
        ("AUC_2", True),
        ("top_k", True),
        ("error_rate", False),
    ],
)
def test_names_tell(model, name, expected):
    assert is_higher_better(model, name) is expected
