"""Compares l1, l2 and max-norm on 150 training images, on which a network overfits.

It shows the effect of each on the weights and on the accuracy. Run as
`python examples/regularization.py [--data fashion_mnist]`.
"""

from __future__ import annotations

from typing import Any

import common
import keras
import numpy as np

from keras_extras.constraints import apply_max_norm
from keras_extras.constraints import share_at_limit
from keras_extras.layers import HeDense
from keras_extras.layers import configured

IMAGES = 150

# The penalty on the weights, and the largest norm of the weights of a unit.
CASES: dict[str, tuple[Any, float | None]] = {
    "none": (None, None),
    "l1 of 0.001": (keras.regularizers.L1(0.001), None),
    "l2 of 0.01": (keras.regularizers.L2(0.01), None),
    "max-norm of 1": (None, 1.0),
}


def build(inputs: int, penalty: Any, max_norm: float | None) -> keras.Model:
    hidden = configured(HeDense, kernel_regularizer=penalty)
    model = keras.Sequential(
        [
            keras.Input((inputs,)),
            hidden(100),
            hidden(100),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    if max_norm is not None:
        apply_max_norm(model, max_norm)
    return model


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=3, epochs=50)

    def measure(case: Any, data: common.Data) -> dict[str, Any]:
        model = build(data.x.shape[1], *case)
        model.compile("nadam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(data.x, data.y, epochs=options.epochs, verbose=0).history
        kernel = np.abs(model.layers[0].kernel.numpy())
        return {
            "weights below 0.001": np.mean(kernel < 1e-3),
            "weight norm": np.linalg.norm(kernel),
            "units at limit": share_at_limit(model.trainable_variables) or 0.0,
            "training accuracy": history["accuracy"][-1],
            "test accuracy": common.accuracy(model, data),
        }

    results = common.compare(CASES, measure, options, train=IMAGES)
    shares = ("weights below 0.001", "units at limit")
    forms = dict.fromkeys(shares, ".0%") | {"weight norm": ".1f"}
    forms |= dict.fromkeys(("training accuracy", "test accuracy"), ".1%")
    print(common.table(results, forms, versus="test accuracy"))


if __name__ == "__main__":
    main()
