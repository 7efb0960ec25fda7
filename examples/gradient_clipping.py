"""Compares gradient clipping by value and by norm: how often, and with which direction.

First for a gradient of [0.9, 100], then in a recurrent network whose gradients explode;
it reads an image row by row. Run as
`python examples/gradient_clipping.py`.
"""

from __future__ import annotations

from typing import Any

import common
import keras
import numpy as np

from keras_extras.callbacks import GradientLogger

CASES: dict[str, dict[str, float]] = {
    "none": {},
    "clipvalue=0.1": {"clipvalue": 0.1},
    "clipnorm=1": {"clipnorm": 1.0},  # of each variable for itself
    "global_clipnorm=1": {"global_clipnorm": 1.0},  # of all of them together
}


def clip(gradients: list[np.ndarray], limits: dict[str, float]) -> list[np.ndarray]:
    """Returns the gradients that an optimizer with these limits makes use of."""
    zeros = [keras.Variable(np.zeros_like(g), trainable=False) for g in gradients]
    gradients = [keras.ops.convert_to_tensor(g) for g in gradients]
    keras.optimizers.SGD(1.0, **limits).apply(gradients, zeros)
    return [-variable.numpy() for variable in zeros]


def cosine(gradients: list[np.ndarray], limits: dict[str, float]) -> float:
    """Returns the cosine between the gradients and what is left of them: 1 is along."""
    raw, kept = (
        np.concatenate([np.ravel(part) for part in parts]).astype("float64")
        for parts in (gradients, clip(gradients, limits))
    )
    lengths = np.linalg.norm(raw) * np.linalg.norm(kept)
    return float(raw @ kept / lengths) if lengths else 1.0  # of nothing, all is left


def build(side: int) -> keras.Model:
    explosive = keras.initializers.Orthogonal(gain=2.0)
    return keras.Sequential(
        [
            keras.layers.Reshape((side, side)),
            keras.layers.SimpleRNN(32, "relu", recurrent_initializer=explosive),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=3, epochs=10)
    pair = [np.array([0.9, 100.0], "float32")]
    for limits in ({"clipvalue": 1.0}, {"clipnorm": 1.0}):
        kept = clip(pair, limits)[0].round(4)
        print(f"{limits}: [0.9, 100] -> {kept}, cosine {cosine(pair, limits):.3f}")

    def measure(limits: dict[str, float], data: common.Data) -> dict[str, Any]:
        side = int(data.x.shape[1] ** 0.5)
        model, twin = build(side), build(side)
        loss = "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.SGD(0.05, **limits), loss)
        twin.compile(keras.optimizers.SGD(1.0), loss)
        model.build(data.x.shape)
        twin.build(data.x.shape)
        cosines: list[float] = []

        def look(epoch: int, logs: Any = None) -> None:
            weights = model.get_weights()
            twin.set_weights(weights)
            twin.train_on_batch(data.x[:32], data.y[:32])  # a step of rate 1
            steps = map(np.subtract, weights, twin.get_weights())
            cosines.append(cosine(list(steps), limits))

        logger = GradientLogger(every=1, updates=False)
        looks = keras.callbacks.LambdaCallback(on_epoch_begin=look)
        model.fit(
            data.x, data.y, epochs=options.epochs, verbose=0, callbacks=[logger, looks]
        )
        history = logger.history
        shares = history.gradient_clipped if limits else [0.0]
        return {
            "largest norm": np.nanmax(history.global_gradient_norm),
            "steps clipped": np.mean(shares),
            "cosine to raw": np.mean(cosines),
            "test accuracy": common.accuracy(model, data),
        }

    results = common.compare(CASES, measure, options)
    forms = {"largest norm": ".0f", "steps clipped": ".0%", "test accuracy": ".1%"}
    print(f"\n{common.table(results, forms, versus='test accuracy')}")


if __name__ == "__main__":
    main()
