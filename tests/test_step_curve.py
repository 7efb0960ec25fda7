"""What is known of every step: to the end of a training, in a bounded room."""

import json

import keras
import numpy as np
import pytest
from board_client import Board

from keras_diagnostics import report
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.records.step_curve import StepCurve

STEPS, EPOCHS = 30, 5


def test_first_last_extreme_and_bad_steps_stay():
    curve = StepCurve()
    losses = np.random.default_rng(0).uniform(1.0, 2.0, 50_000)
    losses[31_234], losses[40_777], losses[45_678] = 9.0, np.nan, 0.5
    for step, loss in enumerate(losses.tolist()):
        curve.add(step, {"loss": loss})
    assert len(curve._steps) + len(curve._waiting) <= 2_256
    document = curve.to_dict(400)
    kept = dict(zip(document["steps"], document["values"]["loss"]))
    assert len(kept) <= 400
    assert {0, 31_234, 40_777, 45_678, 49_999} <= set(kept)
    assert np.isnan(kept[40_777])
    assert max(np.diff(document["steps"])) < 1_000


def test_later_values_of_a_step_count():
    curve = StepCurve()
    for step, loss in ((0, 1.0), (1, 2.0), (1, 3.0), (0, 4.0)):
        curve.add(step, {"loss": loss})
    assert curve.to_dict(10) == {"steps": [0, 1], "values": {"loss": [4.0, 3.0]}}


def model():
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1)]
    )
    made.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse", metrics=["mae"])
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Logs of a training that samples seldom, and its last rates."""
    root = tmp_path_factory.mktemp("logs")
    x = np.random.default_rng(0).normal(size=(8 * STEPS, 4)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    diagnostics = TrainingDiagnostics(str(root / "run"), every=49, verbose=0)
    scheduler = OneCycleScheduler(max_rate=0.01)
    network = model()
    network.fit(
        x, y, batch_size=8, epochs=EPOCHS, verbose=0, callbacks=[diagnostics, scheduler]
    )
    return root, diagnostics


def test_loss_and_rate_are_shown_to_the_last_step(trained):
    root, _ = trained
    board = Board("--logdir", str(root))
    last = STEPS * EPOCHS - 1
    (run,) = board.json("runs")["runs"]
    assert run["last_step"] == last
    loss = board.json("figure", card="loss", run="run")["panels"][0]["figure"]
    by_name = {trace["meta"]: trace for trace in loss["data"]}
    assert {"loss", "mae"} <= set(by_name)
    assert by_name["loss"]["x"] == list(range(last + 1))
    rate = board.json("figure", card="schedule", run="run")["panels"][0]["figure"]
    learning_rate = rate["data"][0]
    assert learning_rate["x"][0] == 0
    assert learning_rate["x"][-1] == last
    assert learning_rate["y"][-1] < 1e-2 * max(learning_rate["y"])
    steps = board.json("figure", card="gradients", run="run")["panels"][0]["figure"]
    for figure in (loss, rate, steps):
        low, high = figure["layout"]["xaxis"]["range"]
        assert low <= 0 < last < high < last + 5


def test_console_tab_and_report_say_the_same_numbers(trained, tmp_path):
    root, diagnostics = trained
    board = Board("--logdir", str(root))
    summary = board.json("findings", run="run")["summary"]
    steps = f"{STEPS * EPOCHS:,} steps, {len(diagnostics.history)} of them sampled"
    assert steps in summary
    assert steps in diagnostics.report()
    count = summary.split(" ")[0]
    assert diagnostics.report().startswith(count)
    output = tmp_path / "report.html"
    assert report.main([str(root), "-o", str(output), "--no-charts"]) == 0
    assert steps in output.read_text("utf-8")


def test_nan_is_shown_at_its_step(tmp_path):
    x = np.ones((20, 4), "float32")
    y = np.ones((20, 1), "float32")
    y[14] = np.nan
    diagnostics = TrainingDiagnostics(str(tmp_path), every=10, verbose=0, replay=False)
    model().fit(x, y, batch_size=1, shuffle=False, verbose=0, callbacks=[diagnostics])
    board = Board("--logdir", str(tmp_path))
    (panel,) = board.json("figure", card="loss", run=".")["panels"]
    marks = [t for t in panel["figure"]["data"] if t["name"] == "NaN or Inf"]
    assert marks[0]["x"] == list(range(14, 20))
    assert json.dumps(panel["figure"]["data"][0]["y"][:14]).count("null") == 0
