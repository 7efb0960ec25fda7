"""What the examples of the documentation take as given."""

import keras
import keras_tuner
import numpy as np

import keras_extras

rng = np.random.default_rng(0)
x, x_test = rng.normal(size=(160, 8)), rng.normal(size=(64, 8))
y, y_test = x[:, :3].argmax(axis=1), x_test[:, :3].argmax(axis=1)


def build_model(hp=None):
    """Returns a small classifier; `hp` is what KerasTuner tries."""
    units = 8 if hp is None else hp.Choice("units", [4, 8])
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    sgd = keras.optimizers.SGD(0.01, momentum=0.9)
    model.compile(sgd, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


model = build_model()
