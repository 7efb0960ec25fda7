"""Shows vanishing and exploding gradients, their findings, and what repairs them.

Eight hidden layers on handwritten digits, with the initialisations and activations
that fail, and with those that do not. Run as `python examples/gradient_problems.py`.
"""

from __future__ import annotations

from typing import Any

import common
import keras

from keras_extras.callbacks import TrainingDiagnostics

DEPTH, UNITS = 8, 32
WIDE = keras.initializers.RandomNormal(stddev=1.0)

# Activation, initialiser of the weights, batch normalisation, limits of gradients.
CASES: dict[str, tuple[str, Any, bool, dict[str, float]]] = {
    "sigmoid, N(0, 1)": ("sigmoid", WIDE, False, {}),
    "sigmoid, Glorot": ("sigmoid", "glorot_uniform", False, {}),
    "sigmoid, Glorot, batch norm": ("sigmoid", "glorot_uniform", True, {}),
    "ReLU, N(0, 1)": ("relu", WIDE, False, {}),
    "ReLU, N(0, 1), clipped": ("relu", WIDE, False, {"clipnorm": 1.0}),
    "ReLU, He": ("relu", "he_normal", False, {}),
    "SELU, LeCun": ("selu", "lecun_normal", False, {}),
}
QUICK = ("sigmoid, Glorot", "ReLU, He")


def build(activation: str, initializer: Any, normalized: bool) -> keras.Model:
    model = keras.Sequential()
    for number in range(1, DEPTH + 1):
        dense = keras.layers.Dense(
            UNITS,
            activation=activation,
            kernel_initializer=keras.initializers.get(initializer).clone(),
            name=f"hidden_{number}",
        )
        model.add(dense)
        if normalized:
            model.add(keras.layers.BatchNormalization())
    model.add(keras.layers.Dense(10, activation="softmax", name="classes"))
    return model


def main(argv: list[str] | None = None) -> None:
    options = common.options(__doc__, argv, seeds=3, epochs=10)

    def measure(case: Any, data: common.Data) -> dict[str, Any]:
        activation, initializer, normalized, limits = case
        model = build(activation, initializer, normalized)
        model.compile(
            keras.optimizers.SGD(0.01, momentum=0.9, **limits),
            "sparse_categorical_crossentropy",
        )
        # Every step; leave `every` out in a long training, to keep the cost low.
        diagnostics = TrainingDiagnostics(every=1, verbose=0)
        model.fit(
            data.x, data.y, epochs=options.epochs, verbose=0, callbacks=[diagnostics]
        )
        history, findings = diagnostics.history, diagnostics.findings
        first, last = map(history.layers.index, ("hidden_1", f"hidden_{DEPTH}"))
        norms = history.gradient_norm[0]  # of the first step, before it is clipped
        return {
            "gradient, first : last layer": norms[first] / norms[last],
            "first finding": findings[0].code if findings else "-",
            "test accuracy": common.accuracy(model, data),
        }

    results = common.compare(CASES, measure, options, quick=QUICK)
    forms = {"gradient, first : last layer": ".0e", "test accuracy": ".1%"}
    print(common.table(results, forms))


if __name__ == "__main__":
    main()
