"""A `fit` on JAX that ends by an exception leaves nothing behind."""

import jax_models
import keras
import numpy as np
import pytest

from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import TrainingDiagnostics


def batches(broken):
    x, y = jax_models.data(rows=80)
    for number in range(10):
        if number == broken:
            raise RuntimeError("no more data")
        yield x[:8], y[:8]


class Interrupts(keras.callbacks.Callback):
    def __init__(self, hook, at, error=KeyboardInterrupt):
        super().__init__()

        def interrupt(number, logs=None):
            if number == at:
                raise error("enough")

        setattr(self, hook, interrupt)


WAYS = {
    "data": (4, []),
    "batch begins": (None, [("on_train_batch_begin", 3)]),
    "batch ends": (None, [("on_train_batch_end", 3)]),
    "epoch ends": (None, [("on_epoch_end", 0)]),
    "at the first batch": (None, [("on_train_batch_begin", 0)]),
}


def interrupted(way, monitors):
    broken, hooks = WAYS[way]
    model = jax_models.net("adam")
    used = [*monitors, *(Interrupts(*hook) for hook in hooks)]
    before = dict(vars(model))
    with pytest.raises((RuntimeError, KeyboardInterrupt)):
        model.fit(
            batches(broken),
            shuffle=False,
            epochs=2,
            steps_per_epoch=5,
            verbose=0,
            callbacks=used,
        )
    return model, before


@pytest.mark.parametrize("way", WAYS)
def test_the_model_is_left_as_without_us(way):
    diagnostics = TrainingDiagnostics(every=2, verbose=0)
    logger = GradientLogger(every=1)
    model, _ = interrupted(way, [diagnostics, logger])
    plain, _ = interrupted(way, [])
    jax_models.assert_same(jax_models.state_of(model), jax_models.state_of(plain))
    assert type(vars(model)["train_function"]) is type(vars(plain)["train_function"])
    for owner in (model.optimizer, *model.layers):
        assert not {"apply", "stateless_apply", "call"} & set(vars(owner))
    trained = int(np.array(plain.optimizer.iterations))
    assert logger.history.steps.tolist() == list(range(trained))
    assert diagnostics.history.steps.tolist() == list(range(0, trained, 2))
    # Training can go on, and be monitored again.
    for each, used in ((model, [diagnostics]), (plain, [])):
        keras.utils.set_random_seed(3)
        each.fit(*jax_models.data(), batch_size=8, verbose=0, callbacks=used)
    jax_models.assert_same(jax_models.state_of(model), jax_models.state_of(plain))


def test_a_first_batch_that_fails_says_what_it_says_without_us():
    class Fails(jax_models.Net):
        def train_step(self, state, data):
            raise RuntimeError("a step that fails")

    for used in ([], [TrainingDiagnostics(every=1, verbose=0)]):
        model = jax_models.net("adam", Fails)
        if used:
            with (
                pytest.warns(UserWarning, match="cannot measure"),
                pytest.raises(RuntimeError, match="a step that fails"),
            ):
                model.fit(*jax_models.data(), verbose=0, callbacks=used)
        else:
            with pytest.raises(RuntimeError, match="a step that fails"):
                model.fit(*jax_models.data(), verbose=0)
