"""Healthy: every optimizer at a sensible rate, schedules, batch sizes."""

from __future__ import annotations

from typing import Any

import keras

from faults import data
from faults.build import SPARSE
from faults.build import dense
from faults.build import ready
from faults.case import Setup
from faults.case import healthy
from keras_extras.callbacks import OneCycleScheduler

optimizers = keras.optimizers
schedules = keras.optimizers.schedules


@healthy("digits-sgd", make=lambda: optimizers.SGD(0.1))
@healthy("digits-momentum", make=lambda: optimizers.SGD(0.03, momentum=0.9))
@healthy(
    "digits-nesterov", make=lambda: optimizers.SGD(0.02, momentum=0.9, nesterov=True)
)
@healthy("digits-rmsprop", make=lambda: optimizers.RMSprop(1e-3))
@healthy("digits-adam", make=lambda: optimizers.Adam(1e-3))
@healthy("digits-adamw", make=lambda: optimizers.AdamW(2e-3, weight_decay=0.01))
@healthy("digits-adagrad", make=lambda: optimizers.Adagrad(0.05))
@healthy("digits-adadelta", make=lambda: optimizers.Adadelta(1.0))
@healthy("digits-adamax", make=lambda: optimizers.Adamax(2e-3))
@healthy("digits-nadam", make=lambda: optimizers.Nadam(1e-3))
@healthy("digits-lion", make=lambda: optimizers.Lion(3e-4))
@healthy(
    "digits-ema", make=lambda: optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.95)
)
@healthy("digits-clipnorm", make=lambda: optimizers.SGD(0.1, clipnorm=1.0))
@healthy(
    "digits-accumulation",
    make=lambda: optimizers.Adam(2e-3, gradient_accumulation_steps=4),
    batch=16,
)
@healthy(
    "digits-exponential-decay",
    make=lambda: optimizers.SGD(schedules.ExponentialDecay(0.2, 100, 0.8)),
)
@healthy(
    "digits-cosine-warmup",
    make=lambda: optimizers.Adam(
        schedules.CosineDecay(0.0, 350, warmup_target=4e-3, warmup_steps=60)
    ),
)
@healthy("digits-adam-fast", make=lambda: optimizers.Adam(0.01), note="still tolerable")
@healthy("digits-adam-slow", make=lambda: optimizers.Adam(2e-4), epochs=20)
@healthy("digits-batch-1", make=lambda: optimizers.SGD(0.01), batch=1, epochs=1)
@healthy("digits-batch-4", make=lambda: optimizers.Adam(5e-4), batch=4, epochs=2)
@healthy("digits-batch-512", make=lambda: optimizers.Adam(5e-3), batch=512, epochs=30)
@healthy("digits-40-steps", make=lambda: optimizers.Adam(3e-3), epochs=1)
@healthy(
    "digits-converged",
    make=lambda: optimizers.Adam(5e-3),
    epochs=25,
    note="goes on long after the loss is nearly 0",
)
def digits_with(make: Any, batch: int = 32, epochs: int = 8) -> Setup:
    return ready(
        dense(64, (48, 32), 10, "softmax"),
        data.digits(),
        SPARSE,
        make(),
        epochs=epochs,
        batch=batch,
    )


@healthy("fashion-one-cycle", steps=None)
@healthy("fashion-one-cycle-at-peak", steps=800, note="ends while the rate is highest")
def one_cycle(steps: int | None) -> Setup:
    cycle = OneCycleScheduler(steps, max_rate=0.2, verbose=0)
    return ready(
        dense(784, (64, 32), 10, "softmax"),
        data.fashion(flat=True),
        SPARSE,
        optimizers.SGD(momentum=0.95),
        epochs=6,
        callbacks=[cycle],
    )


@healthy("digits-plateau-and-stop")
def plateau_and_stop() -> Setup:
    callbacks = [
        keras.callbacks.ReduceLROnPlateau(patience=2),
        keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True),
    ]
    return ready(
        dense(64, (32,), 10, "softmax"),
        data.digits(),
        SPARSE,
        optimizers.RMSprop(2e-3),
        epochs=15,
        callbacks=callbacks,
    )


@healthy("digits-mixed-precision")
def mixed_precision() -> Setup:
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = dense(64, (48, 32), 10)
    model.add(keras.layers.Activation("softmax", dtype="float32"))
    return ready(model, data.digits(), SPARSE, "adam", epochs=8)
