"""On JAX Python runs ahead of the steps, with our callbacks too."""

import jax
import jax_models
import keras
import numpy as np
import pytest

from keras_extras.backends.jax.backend import JaxBackend
from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.inspection import late_losses
from keras_extras.inspection.late_losses import LateLosses

MONITORS = [
    TrainingDiagnostics,
    GradientLogger,
    ActivationLogger,
    HyperparameterLogger,
]


@pytest.mark.parametrize("monitor", MONITORS)
def test_keras_does_not_wait_for_our_sake(monitor):
    used = keras.callbacks.CallbackList([monitor()])
    assert used._async_train

    class Waits(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    assert not keras.callbacks.CallbackList([monitor(), Waits()])._async_train


class CountsTraces(jax_models.Net):
    """Counts how often its step is traced: whenever its code runs."""

    traces = 0

    def train_step(self, state, data):
        CountsTraces.traces += 1
        return super().train_step(state, data)


def test_the_step_of_the_user_is_not_traced_again_nor_the_state_attached(monkeypatch):
    counts = []
    given = []
    x, y = jax_models.data()
    attach = keras.Model.jax_state_sync

    def count(model):
        given[-1] += not model._jax_state_synced
        attach(model)

    monkeypatch.setattr(keras.Model, "jax_state_sync", count)
    for used in ([], [TrainingDiagnostics(verbose=0), GradientLogger(every=2)]):
        CountsTraces.traces = 0
        given.append(0)
        model = jax_models.net("adam", CountsTraces)
        model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=used)
        counts.append(CountsTraces.traces)
    # Two shapes of batches: once each. Each of our rows has a trace of its own, and the
    # second logger wants the short batch too.
    assert counts[0] == 2
    assert counts[1] <= 2 + 3
    assert given[0] == given[1]


def test_the_model_has_its_own_function_after_fit():
    model = jax_models.net()
    x, y = jax_models.data()
    model.make_train_function()
    own = model.train_function
    seen = []

    class Looks(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(vars(self.model)["train_function"])

    used = [TrainingDiagnostics(verbose=0), Looks()]
    model.fit(x, y, batch_size=8, verbose=0, callbacks=used)
    assert seen[0] is not own
    assert vars(model)["train_function"] is own


class Ready:
    def __init__(self, value, ready):
        self.value, self.ready = value, ready

    def __float__(self):
        return self.value


class Backend(JaxBackend):
    def is_ready(self, value):
        return value.ready


def test_losses_are_read_in_order_a_few_at_a_time_and_when_they_are_there():
    late = LateLosses(Backend())
    late.add({"accuracy": 1.0})
    late.add(None)
    for n in range(4):
        late.add({"loss": Ready(float(n), n != 2)})
    assert late.read() == []
    late.add({"loss": Ready(4.0, True)})
    assert late.read() == [0.0, 1.0]  # the next one is not there yet
    for n in range(5, 15):
        late.add({"loss": Ready(float(n), n == 10)})
    assert late.read() == [float(n) for n in range(2, 11)]  # waits for all but four
    assert late.read(all_of_them=True) == [11.0, 12.0, 13.0, 14.0]
    assert late.read(all_of_them=True) == []


def test_quick_batches_wait_for_each_other_and_slow_ones_do_not(monkeypatch):
    now = 100.0
    monkeypatch.setattr(late_losses.time, "perf_counter", lambda: now)
    late, counts = LateLosses(JaxBackend()), []
    for seconds in (0.001, 1.0):
        for _ in range(24):
            now += seconds
            late.add({"loss": jax.numpy.ones(())})
            counts.append(len(late.read()))
    assert [n for n in counts[5:24] if n] == [13]
    assert max(counts[25:]) <= 5


def test_a_loss_is_read_as_it_is():
    late, losses = LateLosses(JaxBackend()), [0.1, jax.numpy.inf, 3.0]
    for dtype in ("float32", "bfloat16"):
        for loss in losses:
            late.add({"loss": jax.numpy.asarray(loss, dtype)})
        expected = [float(jax.numpy.asarray(loss, dtype)) for loss in losses]
        assert late.read(all_of_them=True) == expected


def test_the_curve_holds_each_loss_once():
    class Listens(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.losses = []

        def on_train_batch_end(self, batch, logs=None):
            self.losses.append(logs["loss"])

    curves, losses = [], []
    for more in ([], [Listens()]):
        model = jax_models.net("adam")
        x, y = jax_models.data()
        diagnostics = TrainingDiagnostics(verbose=0)
        seen = []
        take = diagnostics.take_loss
        diagnostics.take_loss = lambda loss, take=take, seen=seen: (
            seen.append(loss),
            take(loss),
        )
        used = [diagnostics, *more]
        keras.utils.set_random_seed(1)
        model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=used)
        curves.append(seen)
        losses.extend(more)
    np.testing.assert_array_equal(curves[0], curves[1])
    np.testing.assert_array_equal(curves[0], losses[0].losses)


def test_hyperparameters_are_those_of_each_step():
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)
    logger = HyperparameterLogger()
    model = jax_models.net(keras.optimizers.SGD(rate, momentum=0.9))
    x, y = jax_models.data()
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[logger])
    expected = 0.1 * 0.5 ** (np.arange(10) / 3)
    np.testing.assert_allclose(logger.history["learning_rate"], expected, rtol=1e-6)
    np.testing.assert_allclose(logger.history["momentum"], 0.9, rtol=1e-6)


def test_a_rate_that_another_callback_sets_is_read_where_it_acts():
    class Sets(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.1 / (epoch + 1)

    logger = GradientLogger(every=1)
    rates = HyperparameterLogger(every=2)
    model = jax_models.net()
    x, y = jax_models.data()
    used = [Sets(), logger, rates]
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=used)
    found = rates.history["learning_rate"]
    np.testing.assert_allclose(found, [0.1] * 3 + [0.05] * 2, rtol=1e-6)


def test_a_state_that_is_not_computed_is_waited_for_where_it_is_read():
    array = jax.numpy.ones(3)
    backend = JaxBackend()
    backend.wait(([array], [], [], []))
    assert backend.is_ready(array)
    assert backend.is_ready(1.0)
