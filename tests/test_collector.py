"""Python's garbage collector while something of ours runs."""

import gc
import threading

import keras
import numpy as np
import pytest

from keras_extras.callbacks import GradientLogger
from keras_extras.inspection.collector import collector_paused


@pytest.fixture(autouse=True)
def collector_runs():
    assert gc.isenabled()
    yield
    gc.enable()


def test_runs_again_after_the_outermost_pause():
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_runs_again_after_an_error():
    with pytest.raises(KeyError), collector_paused():
        raise KeyError
    assert gc.isenabled()


def test_stays_off_for_those_who_switched_it_off():
    gc.disable()
    with collector_paused():
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_pauses_that_overlap_in_threads_end_with_the_last_one():
    first_in, second_in, second_out = (threading.Event() for _ in range(3))

    def first():
        with collector_paused():
            first_in.set()
            second_in.wait(10)
        second_out.set()

    thread = threading.Thread(target=first)
    thread.start()
    first_in.wait(10)
    with collector_paused():
        second_in.set()
        assert second_out.wait(10)
        assert not gc.isenabled()
    thread.join()
    assert gc.isenabled()


def test_the_users_step_and_callbacks_run_with_it(tmp_path):
    seen = {"batch": [], "epoch": []}
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen["batch"].append(gc.isenabled()),
        on_epoch_end=lambda epoch, logs: seen["epoch"].append(gc.isenabled()),
    )
    logger = GradientLogger(tmp_path, every=1)
    x, y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[logger, callback])
    assert seen == {"batch": [True] * 4, "epoch": [True] * 2}
    assert len(logger.history.steps) == 4
