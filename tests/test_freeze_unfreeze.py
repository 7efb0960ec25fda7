"""One `fit` with `FreezeUnfreeze` is the two of them that people write by hand."""

import keras
import models
import numpy as np
import pytest
from backend_in_use import JIT
from backend_in_use import NAME
from backend_in_use import batches_of
from backend_in_use import only_on
from keras import layers

from keras_extras.callbacks import FreezeUnfreeze

optimizers = keras.optimizers

FROZEN_EPOCHS, EPOCHS = 2, 4
RATE, FACTOR = 0.05, 0.125  # their product has no rounding


def mlp():
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", name="first"),
            layers.Dropout(0.3),
            layers.Dense(5, activation="tanh", name="second"),
            layers.Dense(1, name="head"),
        ]
    )


def cnn():
    return models.functional_cnn()


def nested():
    return models.nested()


DATA = {mlp: (6,), cnn: (8, 8, 1), nested: (6,), models.Subclassed: (6,)}


def data_for(build):
    return models._features(DATA[build]), models._targets()


def start(build, optimizer, jit_compile=JIT):
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(7)
    model = build()
    model.compile(optimizer, "mse", metrics=["mae"], jit_compile=jit_compile)
    return model


def frozen_by_hand(model):
    tops = [layer for layer in model.layers if layer.trainable_variables]
    return tops[:-1]


def is_normalization(layer):
    return isinstance(layer, layers.BatchNormalization)


def feed(x, y, as_dataset, shuffle):
    if not as_dataset:
        return {"x": x, "y": y, "batch_size": models.BATCH, "shuffle": shuffle}
    return _DATASETS[NAME](x, y, shuffle)


def _of_tensorflow(x, y, shuffle):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((x, y))
    data = data.shuffle(16) if shuffle else data
    return {"x": data.batch(models.BATCH), "shuffle": False}


def _of_torch(x, y, shuffle):
    from torch.utils.data import DataLoader

    rows = list(zip(x, y))
    loader = DataLoader(rows, batch_size=models.BATCH, shuffle=shuffle)
    return {"x": loader, "shuffle": False}


def _of_keras(x, y, shuffle):
    return {"x": batches_of(x, y, size=models.BATCH), "shuffle": shuffle}


_DATASETS = {"tensorflow": _of_tensorflow, "torch": _of_torch, "jax": _of_keras}


def in_two_fits(
    build,
    make_optimizer,
    keeps_normalization=False,
    as_dataset=False,
    shuffle=False,
    validates=False,
    by_factor=False,
    jit_compile=JIT,
):
    """Returns what the two fits give that people write by hand."""
    x, y = data_for(build)
    model = start(build, make_optimizer(RATE), jit_compile)
    model(x[:1])  # it may have to be built for its layers to be told apart
    data = feed(x, y, as_dataset, shuffle)
    frozen = frozen_by_hand(model)
    logs = {}
    for stage, epochs in enumerate([(0, FROZEN_EPOCHS), (FROZEN_EPOCHS, EPOCHS)]):
        for layer in frozen:
            layer.trainable = stage == 1 and not (
                keeps_normalization and is_normalization(layer)
            )
        optimizer = make_optimizer(RATE * (1.0, FACTOR)[stage])
        model.compile(optimizer, "mse", metrics=["mae"], jit_compile=jit_compile)
        history = model.fit(
            **data,
            initial_epoch=epochs[0],
            epochs=epochs[1],
            validation_data=(x, y) if validates else None,
            verbose=0,
        )
        for name, values in history.history.items():
            logs.setdefault(name, []).extend(values)
    return state_of(model), logs


def in_one_fit(
    build,
    make_optimizer,
    keeps_normalization=False,
    as_dataset=False,
    shuffle=False,
    validates=False,
    by_factor=False,
    jit_compile=JIT,
):
    """Returns what one fit with the callback gives."""
    x, y = data_for(build)
    model = start(build, make_optimizer(RATE), jit_compile)
    own = FreezeUnfreeze(
        FROZEN_EPOCHS,
        learning_rate=None if by_factor else RATE * FACTOR,
        factor=FACTOR if by_factor else None,
        batch_normalization="frozen" if keeps_normalization else "train",
    )
    history = model.fit(
        **feed(x, y, as_dataset, shuffle),
        epochs=EPOCHS,
        validation_data=(x, y) if validates else None,
        callbacks=[own],
        verbose=0,
    )
    return state_of(model), history.history


def state_of(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(variable) for variable in variables]


def assert_same(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for mine, other in zip(ours, theirs):
        assert np.array_equal(mine, other)


def sgd(rate):
    return optimizers.SGD(rate, momentum=0.9)


def adam(rate):
    return optimizers.Adam(rate)


def averaged(rate):
    return optimizers.Nadam(
        rate, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3
    )


def scaled(rate):
    return optimizers.LossScaleOptimizer(optimizers.Adam(rate), dynamic_growth_steps=3)


def accumulating(rate):
    return optimizers.SGD(rate, momentum=0.9, gradient_accumulation_steps=2)


def several(rate):
    kernels, rest = sgd(rate), optimizers.Adam(rate)
    pairs = optimizers.OptimizerMap(rest, {".*kernel": kernels})
    return optimizers.MultiOptimizer(pairs)


CASES = {
    "mlp-sgd": (mlp, sgd, {}),
    "mlp-adam": (mlp, adam, {}),
    "mlp-adam-xla": (mlp, adam, {"jit_compile": True}),
    "mlp-shuffled": (mlp, sgd, {"shuffle": True, "validates": True}),
    "mlp-shuffled-batches": (mlp, adam, {"shuffle": "batch"}),
    "mlp-shuffled-dataset": (mlp, adam, {"as_dataset": True, "shuffle": True}),
    "cnn-sgd": (cnn, sgd, {}),
    "cnn-adam": (cnn, adam, {"as_dataset": True}),
    "cnn-sgd-kept": (cnn, sgd, {"keeps_normalization": True}),
    "cnn-adam-kept": (cnn, adam, {"keeps_normalization": True}),
    "nested-averages": (nested, averaged, {}),
    "subclassed-scaled": (models.Subclassed, scaled, {}),
    "mlp-accumulating": (mlp, accumulating, {}),
    "mlp-several": (mlp, several, {"by_factor": True}),
}


# What torch compiles anew for each stage, by Python alone, takes minutes.
SLOW = {"mlp-adam-xla": only_on("tensorflow", "jax", because="torch compiles too long")}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=SLOW.get(case, ())) for case in CASES]
)
def test_one_fit_is_two_fits_bit_for_bit(case):
    build, make_optimizer, arguments = CASES[case]
    state, logs = in_one_fit(build, make_optimizer, **arguments)
    expected, expected_logs = in_two_fits(build, make_optimizer, **arguments)
    assert_same(state, expected)
    assert logs == expected_logs
