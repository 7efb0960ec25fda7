"""Compares 1cycle, at the learning rate that the finder suggests, with constant rates.

`find_learning_rate` runs a range test and restores the model; its suggestion is the
highest rate of the cycle, a tenth of it the constant rate. Run as
`python examples/one_cycle.py [--data fashion_mnist]`.
"""

from __future__ import annotations

from typing import Any

import common
import keras

import keras_extras
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.layers import HeDense

# One cycle or a constant rate, and the share of the epochs it may train for.
CASES = {
    "constant": (False, 1.0),
    "1cycle": (True, 1.0),
    "constant, half the epochs": (False, 0.5),
    "1cycle, half the epochs": (True, 0.5),
}


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=5, epochs=20)
    sweep_steps = 60 if options.quick else 300

    def measure(case: tuple[bool, float], data: common.Data) -> dict[str, Any]:
        cycles, share = case
        model = keras.Sequential(
            [HeDense(64), HeDense(64), keras.layers.Dense(10, activation="softmax")]
        )
        model.compile(
            keras.optimizers.SGD(momentum=0.9), "sparse_categorical_crossentropy"
        )
        sweep = keras_extras.find_learning_rate(
            model, data.x, data.y, max_rate=10.0, steps=sweep_steps
        )
        rate = sweep.suggestion if cycles else sweep.suggestion / 10
        callbacks = [OneCycleScheduler(max_rate=rate)] if cycles else []
        model.optimizer.learning_rate = rate
        history = model.fit(
            data.x,
            data.y,
            epochs=max(1, round(share * options.epochs)),
            validation_data=data.val,
            verbose=0,
            callbacks=callbacks,
        ).history
        return {
            "highest rate": rate,
            "training loss": history["loss"][-1],
            "validation loss": history["val_loss"][-1],
            "test accuracy": common.accuracy(model, data),
        }

    results = common.compare(CASES, measure, options, quick=("constant", "1cycle"))
    forms = {"highest rate": ".2g", "training loss": ".4f", "test accuracy": ".1%"}
    print(common.table(results, forms, versus="test accuracy"))


if __name__ == "__main__":
    main()
