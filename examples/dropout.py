"""Compares dropout, alpha dropout and Monte-Carlo dropout on 300 training images.

A network that was trained with dropout predicts in two ways: as it is, and as the mean
of a hundred samples with dropout on (`mc_predict`). Run as
`python examples/dropout.py [--data fashion_mnist]`; `mc_dropout.py` looks at single
images.
"""

from __future__ import annotations

from typing import Any

import common
import keras
import numpy as np

from keras_extras.layers import HeDense
from keras_extras.layers import SELUDense
from keras_extras.uncertainty import mc_predict
from keras_extras.uncertainty import negative_log_likelihood

IMAGES, RATE = 300, 0.2

# The layers, and what follows each of them.
CASES: dict[str, tuple[Any, Any]] = {
    "ReLU": (HeDense, None),
    "ReLU, dropout": (HeDense, keras.layers.Dropout),
    "SELU": (SELUDense, None),
    "SELU, alpha dropout": (SELUDense, keras.layers.AlphaDropout),
    "SELU, plain dropout": (SELUDense, keras.layers.Dropout),
}


def build(dense: Any, dropout: Any) -> keras.Model:
    model = keras.Sequential()
    for _ in range(3):
        model.add(dense(100))
        if dropout is not None:
            model.add(dropout(RATE))
    model.add(keras.layers.Dense(10, activation="softmax"))
    return model


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=3, epochs=30)

    def measure(case: Any, data: common.Data) -> dict[str, Any]:
        model = build(*case)
        model.compile("nadam", "sparse_categorical_crossentropy")
        model.fit(data.x, data.y, epochs=options.epochs, verbose=0)
        plain = keras.ops.convert_to_numpy(model(data.x_test))
        sampled = plain
        if case[1] is not None:
            sampled = mc_predict(model, data.x_test, 100, seed=0, verbose=0).mean
        return {
            "test accuracy": common.accuracy(model, data),
            "with MC": np.mean(sampled.argmax(axis=-1) == data.y_test),
            "test NLL": negative_log_likelihood(data.y_test, plain),
            "NLL with MC": negative_log_likelihood(data.y_test, sampled),
        }

    quick = ("ReLU", "SELU, alpha dropout")
    results = common.compare(CASES, measure, options, train=IMAGES, quick=quick)
    forms = {"test accuracy": ".1%", "with MC": ".1%"}
    print(common.table(results, forms, versus="test accuracy"))


if __name__ == "__main__":
    main()
