"""A training that is shown while it runs: in place, seldom, and never in its way."""

import os
from pathlib import Path

import keras
import nbclient
import nbformat
import numpy as np
import pytest

from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.callbacks import live_view
from keras_extras.callbacks.live_view import LiveView

ROOT = Path(__file__).parents[1]
CELL = """
import keras
import numpy as np
from keras_extras.callbacks import TrainingDiagnostics
x = np.random.default_rng(0).normal(size=(64, 4))
x[40] = np.nan
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
live = TrainingDiagnostics(live=True, verbose=0)
history = model.fit(x, x[:, 0], shuffle=False, verbose=0, callbacks=[live])
"""


class Output:
    def __init__(self):
        self.shown = []

    def update(self, html):
        self.shown.append(html._repr_html_())


@pytest.fixture
def output(monkeypatch):
    output = Output()
    monkeypatch.setattr(live_view, "_new_output", lambda: output)
    return output


@pytest.fixture
def clock(monkeypatch):
    clock = {"now": 100.0}
    monkeypatch.setattr(live_view.time, "perf_counter", lambda: clock["now"])
    return clock


def test_drawing_takes_one_percent_of_the_time(output, clock):
    view = LiveView(True)
    view.begin()

    def render():
        clock["now"] += 0.05  # seconds
        return "drawn"

    drawn = []
    for _ in range(4_000):
        clock["now"] += 0.01
        view.update(render)
        drawn.append(len(output.shown))
    spent = 0.05 * drawn[-1]
    assert 5 <= drawn[-1] <= 10
    assert spent <= 0.01 * 40 + 2 * 0.05
    view.update(render, last=True)
    assert len(output.shown) == drawn[-1] + 1


def test_quick_drawings_come_once_a_second(output, clock):
    view = LiveView(True)
    view.begin()
    for _ in range(1_000):
        clock["now"] += 0.01
        view.update(lambda: "drawn")
    assert 9 <= len(output.shown) <= 11


def test_a_fault_ends_the_view_alone(output):
    view = LiveView(True)
    view.begin()
    with pytest.warns(UserWarning, match="live view .* ZeroDivisionError"):
        view.update(lambda: 1 / 0)
    view.update(lambda: "drawn", last=True)
    assert output.shown == []


def test_outside_of_a_notebook_nothing_is_shown(capsys):
    view = LiveView(True)
    view.begin()
    view.update(lambda: 1 / 0, last=True)
    assert capsys.readouterr().out == ""


def train(**arguments):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    layers = [keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    callback = TrainingDiagnostics(verbose=0, **arguments)
    model.fit(x, x[:, 0], batch_size=8, epochs=2, verbose=0, callbacks=[callback])
    return callback, model.get_weights()


def test_training_is_the_same_and_ends_with_what_the_callback_shows(output):
    callback, weights = train(live=True)
    assert callback.live
    assert output.shown[-1] == callback._repr_html_()
    assert "16 sampled" not in output.shown[0]
    assert "Steps</dt><dd>16" in output.shown[-1]
    for one, other in zip(weights, train()[1]):
        np.testing.assert_array_equal(one, other)


def test_live_is_checked():
    with pytest.raises(ValueError, match="`live` must be a boolean"):
        TrainingDiagnostics(live="yes")


def test_a_cell_has_one_output_which_ends_with_the_verdict(tmp_path, monkeypatch):
    paths = [str(ROOT), str(ROOT / "tensorboard_plugins")]
    paths += filter(None, [os.environ.get("PYTHONPATH")])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    cells = [nbformat.v4.new_code_cell(CELL), nbformat.v4.new_code_cell("live")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    shown = [
        [o for o in cell.outputs if "text/html" in o.get("data", {})]
        for cell in notebook.cells
    ]
    assert [len(outputs) for outputs in shown] == [1, 1]
    live, result = (outputs[0]["data"]["text/html"] for outputs in shown)
    assert "Failing: nan-loss, from step 1." in live
    assert "Failing: nan-loss, from step 1." in result
