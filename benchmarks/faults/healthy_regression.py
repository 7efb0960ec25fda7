"""Healthy: regression with targets and losses of many kinds."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from faults import data
from faults.build import dense
from faults.build import ready
from faults.case import Setup
from faults.case import healthy

layers = keras.layers
losses = keras.losses
ERROR = ("mae",)


@healthy("line-sgd", note="no hidden layer")
def linear_regression() -> Setup:
    optimizer = keras.optimizers.SGD(0.05)
    return ready(dense(4, (), 1), data.line(), "mse", optimizer, 25, metrics=ERROR)


@healthy("line-adam-converged", note="exact: the loss goes to 0", noise=0.0)
def exact_line(noise: float) -> Setup:
    optimizer = keras.optimizers.Adam(0.02)
    exact = data.line(noise=noise)
    return ready(dense(4, (), 1), exact, "mse", optimizer, 25, metrics=ERROR)


@healthy("curve-mse", loss="mse")
@healthy("curve-mae", loss="mae")
@healthy("curve-huber", loss="huber")
def curve(loss: str) -> Setup:
    model = dense(6, (32, 32), 1)
    optimizer = keras.optimizers.Adam(5e-3)
    return ready(model, data.curve(), loss, optimizer, 20, metrics=ERROR)


@healthy("curve-quantile", note="the loss of the 0.9 quantile")
def quantile() -> Setup:
    def pinball(target: Any, forecast: Any) -> Any:
        error = target - forecast
        return ops.mean(ops.maximum(0.9 * error, -0.1 * error), axis=-1)

    optimizer = keras.optimizers.Adam(5e-3)
    return ready(
        dense(6, (32, 32), 1), data.curve(), pinball, optimizer, 20, metrics=ERROR
    )


@healthy("curve-gaussian-likelihood", note="the loss may go below 0")
def likelihood() -> Setup:
    def negative_log_likelihood(target: Any, forecast: Any) -> Any:
        mean, log_deviation = forecast[:, :1], forecast[:, 1:]
        scaled = (target - mean) * ops.exp(-log_deviation)
        return ops.mean(0.5 * ops.square(scaled) + log_deviation, axis=-1)

    optimizer = keras.optimizers.Adam(5e-3)
    model = dense(6, (32, 32), 2)
    return ready(
        model, data.curve(), negative_log_likelihood, optimizer, 20, metrics=()
    )


@healthy("curve-targets-of-30", factor=30.0, epochs=30, note="odd but tolerable")
@healthy("curve-targets-of-0.02", factor=0.02, epochs=30, note="odd but tolerable")
def other_scales(factor: float, epochs: int) -> Setup:
    scaled = data.with_targets(data.curve(), lambda y: factor * y)
    optimizer = keras.optimizers.Adam(5e-3)
    return ready(dense(6, (64, 64), 1), scaled, "mse", optimizer, epochs, metrics=ERROR)


@healthy("diabetes-standard", scale="standard", target="standard", output=None)
@healthy("diabetes-unit-sigmoid", scale="unit", target="unit", output="sigmoid")
@healthy("diabetes-unit-linear", scale="unit", target="unit", output=None)
def diabetes(scale: str, target: str, output: str | None) -> Setup:
    table = data.table("diabetes", scale, target)
    optimizer = keras.optimizers.Adam(2e-3)
    return ready(
        dense(10, (16,), 1, output), table, "mse", optimizer, 20, metrics=ERROR
    )


@healthy("curve-tanh-output", note="targets within -1..1")
def tanh_output() -> Setup:
    bounded = data.with_targets(data.curve(), lambda y: (y / 4).clip(-0.95, 0.95))
    optimizer = keras.optimizers.Adam(5e-3)
    return ready(
        dense(6, (32, 32), 1, "tanh"), bounded, "mse", optimizer, 20, metrics=ERROR
    )


@healthy("counts-poisson-exp", output="exponential", loss="poisson")
@healthy("counts-poisson-softplus", output="softplus", loss="poisson")
@healthy("counts-relu-output", output="relu", loss="mse", note="no count is negative")
def counts(output: str, loss: str) -> Setup:
    optimizer = keras.optimizers.Adam(5e-3)
    return ready(
        dense(5, (16,), 1, output), data.counts(), loss, optimizer, 20, metrics=ERROR
    )


@healthy("curve-weak-signal", note="noise is most of the variance; R2 of 0.2 at best")
def weak_signal() -> Setup:
    weak = data.curve(noise=2.0)
    optimizer = keras.optimizers.Adam(1e-3)
    return ready(dense(6, (8,), 1), weak, "mse", optimizer, 20, metrics=ERROR)
