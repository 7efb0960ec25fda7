"""Compares five learning rate schedules with a constant rate, from the same rate.

Each acts inside the compiled step, on every batch, and records the learning rate in the
`History` of `fit`. Run as `python examples/schedules.py [--data fashion_mnist]`.
"""

from __future__ import annotations

from typing import Any

import common
import keras

from keras_extras.callbacks import ExponentialDecayScheduler
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import PerformanceScheduler
from keras_extras.callbacks import PiecewiseConstantScheduler
from keras_extras.callbacks import PowerScheduler
from keras_extras.layers import HeDense

RATE, BATCH = 0.05, 32


def schedules(steps: int) -> dict[str, keras.callbacks.Callback | None]:
    """Returns a schedule of each kind for a training of so many steps."""
    return {
        "none": None,
        "power": PowerScheduler(decay_steps=max(steps / 10, 1)),
        "exponential": ExponentialDecayScheduler(decay_steps=max(steps / 2, 1)),
        "piecewise constant": PiecewiseConstantScheduler(
            [0.5 * steps, 0.8 * steps], [RATE, RATE / 10, RATE / 100]
        ),
        "performance": PerformanceScheduler(factor=0.5, patience=2),
        "1cycle": OneCycleScheduler(max_rate=2 * RATE),
    }


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=5, epochs=20)

    def measure(name: str, data: common.Data) -> dict[str, Any]:
        model = keras.Sequential(
            [HeDense(64), HeDense(64), keras.layers.Dense(10, activation="softmax")]
        )
        model.compile(
            keras.optimizers.SGD(RATE, momentum=0.9), "sparse_categorical_crossentropy"
        )
        steps = options.epochs * -(-len(data.x) // BATCH)
        schedule = schedules(steps)[name]
        history = model.fit(
            data.x,
            data.y,
            batch_size=BATCH,
            epochs=options.epochs,
            validation_data=data.val,
            verbose=0,
            callbacks=[schedule] if schedule else [],
        ).history
        rates = history.get("learning_rate", [RATE] * options.epochs)
        return {
            "rate, first epoch": rates[0],
            "middle": rates[len(rates) // 2],
            "last": rates[-1],
            "training loss": history["loss"][-1],
            "validation loss": history["val_loss"][-1],
            "test accuracy": common.accuracy(model, data),
        }

    results = common.compare({name: name for name in schedules(1)}, measure, options)
    forms = dict.fromkeys(("rate, first epoch", "middle", "last"), ".2g")
    forms |= {"training loss": ".4f", "test accuracy": ".1%"}
    print(common.table(results, forms, versus="test accuracy"))


if __name__ == "__main__":
    main()
