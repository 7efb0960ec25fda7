"""The user's step is traced as often as without monitors, and seldom inspected."""

import keras
import numpy as np
import pytest
from backend_in_use import in_an_inspection
from backend_in_use import only_on

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import TrainingDiagnostics

pytestmark = only_on("tensorflow", "jax", because="torch runs a step and traces none")


class Counting(keras.Sequential):
    """Counts how often Python runs its step, which is once for each trace."""

    traces = inspected = 0

    def train_step(self, *args, **kwargs):
        if in_an_inspection():
            self.inspected += 1
        else:
            self.traces += 1
        return super().train_step(*args, **kwargs)


def fit(callbacks, metrics, *further_layers):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)]
    model = Counting([*layers, *further_layers])
    model.compile("adam", "mse", metrics=metrics)
    x = np.ones((48, 3), "float32")
    model.fit(x, x[:, :2], batch_size=2, verbose=0, callbacks=callbacks)
    return model


@pytest.mark.parametrize("metrics", [None, ["mae"]])
@pytest.mark.parametrize(
    "callbacks",
    [
        lambda: [TrainingDiagnostics(verbose=0)],
        lambda: [GradientLogger()],
        lambda: [GradientLogger(), ActivationLogger(), TrainingDiagnostics(verbose=0)],
    ],
    ids=["diagnostics", "gradients", "all"],
)
def test_the_users_step_is_traced_as_without_monitors(callbacks, metrics):
    plain = fit([], metrics)
    monitored = fit(callbacks(), metrics)
    assert monitored.traces == plain.traces
    assert plain.inspected == 0
    assert 1 <= monitored.inspected <= 3


class OnlyTrains(keras.layers.Layer):
    """Cannot be called but in training, so its metrics cannot be made in advance."""

    def call(self, x, training=None):
        if training is not True:
            raise NotImplementedError("`training` must be True")
        return x * 1.0


@only_on("tensorflow", because="Keras itself builds every model in advance elsewhere")
def test_metrics_that_cannot_be_made_in_advance_are_made_by_the_step():
    model = fit([TrainingDiagnostics(verbose=0)], ["mae"], OnlyTrains())
    own = fit([], ["mae"], OnlyTrains())
    assert model.traces == own.traces
    for ours, theirs in zip(model.get_weights(), own.get_weights()):
        np.testing.assert_array_equal(ours, theirs)
