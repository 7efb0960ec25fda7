"""Trains one small network at many learning rates side by side, in NumPy.

Thirty set-ups at twenty rates each are too many trainings for `fit`. Here all rates of
a set-up are one array with an axis more. The formulas of the optimizers are Keras'.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

BATCH = 32


def _relu(z: Any) -> Any:
    return np.maximum(z, 0), (z > 0).astype("float32")


def _tanh(z: Any) -> Any:
    y = np.tanh(z)
    return y, 1 - y * y


def _elu(z: Any) -> Any:
    low = np.exp(np.minimum(z, 0))
    return np.where(z > 0, z, low - 1), np.where(z > 0, 1, low).astype("float32")


ACTIVATIONS = {"relu": _relu, "tanh": _tanh, "elu": _elu}


class Networks:
    """Networks of one kind and one start, each to be trained at a rate of its own.

    Args:
        sizes: Number of units of each layer, inputs and outputs included.
        activation: One of `ACTIVATIONS`.
        optimizer: `"SGD"` with momentum .9, `"AdamW"`, `"Lion"`,
            `"ScheduleFreeAdamW"`, or `"ScheduleFreeAdamW, reads later"`: Keras' on
            TensorFlow and torch.
        count: How many networks.
        seed: Decides the start.
    """

    def __init__(
        self, sizes: list[int], activation: str, optimizer: str, count: int, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        self._activation = ACTIVATIONS[activation]
        self._optimizer = optimizer
        self._weights: list[Any] = []
        for fan_in, fan_out in pairwise(sizes):
            kernel = rng.normal(0, (2 / fan_in) ** 0.5, (1, fan_in, fan_out))
            for start in (kernel, np.zeros((1, 1, fan_out))):
                self._weights.append(np.repeat(start.astype("float32"), count, axis=0))
        self._is_free = optimizer.startswith("ScheduleFree")
        self._first = [w.copy() if self._is_free else 0 * w for w in self._weights]
        self._second = [np.zeros_like(w) for w in self._weights]
        self._steps = 0

    def losses(self, x: Any, y: Any) -> Any:
        """Returns the loss of each network on some rows."""
        return _loss(self._forward(x)[-1], y)[0]

    def train(self, x: Any, y: Any, rates: Any) -> Any:
        """Makes a step, each network at its rate; returns the losses before it."""
        *layers, outputs = self._forward(x)
        losses, slope = _loss(outputs, y)
        gradients: list[Any] = []
        for place in reversed(range(len(layers))):
            inputs, kernel = layers[place][0], self._weights[2 * place]
            gradients[:0] = [
                np.swapaxes(inputs, 1, 2) @ slope,
                slope.sum(1, keepdims=True),
            ]
            if place:
                slope = (slope @ np.swapaxes(kernel, 1, 2)) * layers[place][1]
        self._steps += 1
        rates = np.asarray(rates, "float32")[:, None, None]
        for place, gradient in enumerate(gradients):
            self._update(place, gradient, rates)
        return losses

    def _forward(self, x: Any) -> list[Any]:
        """Returns for each layer its inputs and their slope, and the outputs."""
        found: list[Any] = [(x[None], None)]
        layers = len(self._weights) // 2
        for place in range(layers):
            kernel, bias = self._weights[2 * place : 2 * place + 2]
            z = found[-1][0] @ kernel + bias
            found.append(self._activation(z) if place < layers - 1 else z)
        return found

    def _update(self, place: int, gradient: Any, rates: Any) -> None:
        weights, first, second = (
            each[place] for each in (self._weights, self._first, self._second)
        )
        if self._optimizer == "SGD":
            first *= 0.9
            first -= rates * gradient
            weights += first
        elif self._is_free:
            self._update_free(place, gradient, rates)
        elif self._optimizer == "Lion":
            weights -= rates * np.sign(0.9 * first + 0.1 * gradient)
            first *= 0.99
            first += 0.01 * gradient
        else:
            weights *= 1 - 0.004 * rates
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            t = self._steps
            alpha = rates * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
            weights -= alpha * first / (np.sqrt(second) + 1e-7)

    def _update_free(self, place: int, gradient: Any, rates: Any) -> None:
        y, z, second = (
            each[place] for each in (self._weights, self._first, self._second)
        )
        y *= 1 - 0.004 * rates
        second += 0.001 * (gradient**2 - second)
        before, t = z.copy(), self._steps
        z -= rates * gradient / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        x = (y - 0.1 * (z if "later" in self._optimizer else before)) / 0.9
        y[:] = 0.1 * z + 0.9 * ((1 - 1 / t) * x + z / t)

    def take_average(self) -> None:
        """Has the weights that a schedule-free optimizer averages, from now on."""
        if self._is_free:
            self._weights = [
                (y - 0.1 * z) / 0.9 for y, z in zip(self._weights, self._first)
            ]


def _loss(outputs: Any, y: Any) -> Any:
    """Returns squared error or cross-entropy of each network, and its gradient."""
    rows = len(y)
    if y.ndim == 2:
        error = outputs - y
        return (error**2).mean((1, 2)), 2 * error / y.size
    shares = np.exp(outputs - outputs.max(2, keepdims=True))
    shares /= shares.sum(2, keepdims=True)
    own = shares[:, np.arange(rows), y]
    slope = shares / rows
    slope[:, np.arange(rows), y] -= 1 / rows
    return -np.log(own + 1e-12).mean(1), slope


def batches(rows: int, steps: int, seed: int) -> Any:
    """Returns the rows of each batch: shuffled anew in each epoch, as `fit` does."""
    rng = np.random.default_rng(seed)
    each = rows // BATCH
    epochs = [
        rng.permutation(rows)[: each * BATCH].reshape(each, BATCH)
        for _ in range(-(-steps // each))
    ]
    return np.concatenate(epochs)[:steps]
