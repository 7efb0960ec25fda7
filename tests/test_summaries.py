"""What the callbacks write, TensorBoard reads back through its own data provider."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import warnings

import keras
import models
import numpy as np
import pytest
from backend_in_use import beside_keras_tensorboard
from reading import data_provider_of
from tensorboard import context

from keras_diagnostics import schema
from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.summaries.event_file import EventFile


class Provider:
    """TensorBoard's view of a log directory."""

    def __init__(self, log_dir):
        self._provider = data_provider_of(log_dir)
        self._where = {"experiment_id": ""}

    def runs(self):
        runs = self._provider.list_runs(context.RequestContext(), **self._where)
        return sorted(run.run_name for run in runs)

    def _read(self, list_tags, read, plugin, run, **how):
        found = list_tags(
            context.RequestContext(), plugin_name=plugin, **self._where
        ).get(run, {})
        data = read(
            context.RequestContext(),
            plugin_name=plugin,
            downsample=10_000,
            **self._where,
            **how,
        ).get(run, {})
        return found, data

    def scalars(self, run="."):
        p = self._provider
        _, data = self._read(p.list_scalars, p.read_scalars, "scalars", run)
        return {
            tag: ([d.step for d in points], [d.value for d in points])
            for tag, points in data.items()
        }

    def tensors(self, plugin, run="."):
        p = self._provider
        found, data = self._read(p.list_tensors, p.read_tensors, plugin, run)
        return {tag: (found[tag], data[tag]) for tag in found}


def fit(callbacks, name="nested", model=None, **arguments):
    prepared, x, y = models.make(name)
    model = prepared if model is None else model
    model.fit(
        x,
        y,
        batch_size=models.BATCH,
        shuffle=False,
        callbacks=callbacks,
        verbose=0,
        **arguments,
    )
    return model


def event_files(log_dir):
    return sorted(p.name for p in log_dir.rglob("*") if "tfevents" in p.name)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A log directory that three callbacks share, and the callbacks."""
    log_dir = tmp_path_factory.mktemp("logs") / "run"
    callbacks = [
        GradientLogger(log_dir, every=1, histograms=True),
        ActivationLogger(log_dir, every=1, histograms=True),
        HyperparameterLogger(log_dir),
    ]
    fit(callbacks, epochs=2)
    return log_dir, callbacks


@functools.cache
def provider_of(log_dir):
    return Provider(log_dir)


@pytest.mark.parametrize(
    ("index", "statistic"),
    [
        (0, "gradient_norm"),
        (0, "update_ratio"),
        (1, "activation_mean"),
        (1, "activation_dead_fraction"),
    ],
)
def test_scalar_of_each_layer_equals_history(run, index, statistic):
    log_dir, callbacks = run
    history = callbacks[index].history
    scalars = provider_of(log_dir).scalars()
    assert history.layers
    for column, layer in enumerate(history.layers):
        steps, values = scalars[f"{statistic}/{layer}"]
        assert steps == history.steps.tolist() == list(range(10))
        np.testing.assert_allclose(values, history[statistic][:, column], rtol=1e-6)


def test_layers_without_a_statistic_have_no_scalar(run):
    tags = [tag for tag in provider_of(run[0]).scalars() if "at_limit" in tag]
    assert tags == ["weight_at_limit_fraction/encoder/dense"]


@pytest.mark.parametrize(
    ("index", "tag"), [(0, "global_gradient_norm"), (2, "learning_rate")]
)
def test_scalar_of_the_step_equals_history(run, index, tag):
    log_dir, callbacks = run
    steps, values = provider_of(log_dir).scalars()[tag]
    assert steps == list(range(10))
    np.testing.assert_allclose(values, callbacks[index].history[tag], rtol=1e-6)


def test_vectors_carry_the_names_of_their_layers(run):
    log_dir, callbacks = run
    history = callbacks[0].history
    tag = schema.tag_of("gradient_norm")
    found, data = provider_of(log_dir).tensors(schema.PLUGIN_NAME)[tag]
    content = schema.decode_content(found.plugin_content)
    assert content["kind"] == "layers"
    assert tuple(content["layers"]) == history.layers
    assert [d.step for d in data] == history.steps.tolist()
    values = np.stack([d.numpy for d in data])
    np.testing.assert_allclose(values, history.gradient_norm, rtol=1e-6)


def test_each_statistic_has_vectors(run):
    log_dir, callbacks = run
    tags = set(provider_of(log_dir).tensors(schema.PLUGIN_NAME))
    for callback in callbacks[:2]:
        by_layer = [n for n in callback.history if callback.history[n].ndim == 2]
        assert {schema.tag_of(name) for name in by_layer} <= tags


def test_histograms_hold_all_values(run):
    log_dir, callbacks = run
    histograms = provider_of(log_dir).tensors("histograms")
    gradients, activations = callbacks[0].history, callbacks[1].history
    sizes = {"encoder/dense": 6 * 8 + 8, "encoder/dense_1": 8 * 4 + 4, "head": 5}
    assert set(sizes) == set(gradients.layers)
    for layer, size in sizes.items():
        points = histograms[f"gradient/{layer}"][1]
        assert [p.step for p in points] == list(range(10))
        buckets = points[0].numpy
        assert buckets[:, 2].sum() == size
        column = gradients.layers.index(layer)
        largest = max(-buckets[0, 0], buckets[-1, 1])
        expected = gradients.gradient_max_abs[0, column]
        assert largest == pytest.approx(expected, rel=1e-5)
    column = activations.layers.index("head")
    buckets = histograms["activation/head"][1][0].numpy
    assert buckets[:, 2].sum() == models.BATCH
    low = activations.activation_min[0, column]
    assert buckets[0, 0] == pytest.approx(low, rel=1e-5)


def test_no_histograms_unless_asked(tmp_path):
    fit([GradientLogger(tmp_path, every=1), ActivationLogger(tmp_path, every=1)])
    assert Provider(tmp_path).tensors("histograms") == {}


def test_callbacks_with_one_directory_share_one_file(run):
    assert len(event_files(run[0])) == 1


def test_findings_are_written_as_text_and_as_json(tmp_path):
    model, x, y = models.make("nested")
    y[:] = np.nan
    diagnostics = TrainingDiagnostics(tmp_path, every=1, verbose=0)
    model.fit(x, y, batch_size=models.BATCH, callbacks=[diagnostics], verbose=0)
    provider = Provider(tmp_path)
    _, text = provider.tensors("text")["findings"]
    assert b"nan-loss" in text[-1].numpy.item()
    found, data = provider.tensors(schema.PLUGIN_NAME)[schema.FINDINGS_TAG]
    assert schema.decode_content(found.plugin_content)["kind"] == "findings"
    written = json.loads(data[-1].numpy.item())
    assert written == [finding.to_dict() for finding in diagnostics.findings]
    assert written[0]["code"] == "nan-loss"


@beside_keras_tensorboard
def test_runs_beside_the_tensorboard_callback(tmp_path):
    tensorboard = keras.callbacks.TensorBoard(str(tmp_path), write_graph=False)
    logger = GradientLogger(log_dir=tensorboard, every=1)
    fit([tensorboard, logger])
    provider = Provider(tmp_path)
    assert "train" in provider.runs()
    (ours,) = [r for r in provider.runs() if r not in ("train", "validation")]
    _, values = provider.scalars(ours)["global_gradient_norm"]
    np.testing.assert_allclose(values, logger.history.global_gradient_norm, rtol=1e-6)
    assert "global_gradient_norm" not in provider.scalars("train")


def test_two_fits_are_one_run(tmp_path):
    logger = GradientLogger(tmp_path, every=1)
    model = fit([logger])
    fit([logger], model=model)
    steps, _ = Provider(tmp_path).scalars()["global_gradient_norm"]
    assert steps == list(range(10))


KILLED = """
import sys
sys.path.insert(0, sys.argv[2])
import os
import signal
import time
import keras
import models
from keras_extras.callbacks import GradientLogger
from keras_extras.inspection import deliveries
from keras_extras.summaries import background_writer

deliveries._UNREAD_SECONDS = 0.0
background_writer._FLUSH_SECONDS = 0.01

class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 4:
            deadline = time.monotonic() + 30
            while size() < 3000 and time.monotonic() < deadline:
                pass
            os.kill(os.getpid(), signal.SIGKILL)

def size():
    return sum(entry.stat().st_size for entry in os.scandir(sys.argv[1]))

model, x, y = models.make("sequential_mlp")
logger = GradientLogger(sys.argv[1], every=1)
model.fit(x, y, batch_size=models.BATCH, callbacks=[logger, Kill()], verbose=0)
"""


def test_events_survive_a_kill(tmp_path):
    here = os.path.dirname(__file__)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), here],
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    steps, values = Provider(tmp_path).scalars()["global_gradient_norm"]
    assert steps == list(range(len(steps)))
    assert len(steps) > 0
    assert np.isfinite(values).all()


class At(keras.callbacks.Callback):
    """Does something after the third batch."""

    def __init__(self, action):
        super().__init__()
        self.action = action

    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            self.action()


def weights_and_warnings(callbacks):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        weights = fit(callbacks, "sequential_mlp", epochs=3).get_weights()
    ours = [str(w.message) for w in caught if "`log_dir`" in str(w.message)]
    return weights, ours


@functools.cache
def weights_of_an_ordinary_training():
    return fit([], "sequential_mlp", epochs=3).get_weights()


def assert_one_warning_and_same_weights(callbacks, log_dir):
    weights, ours = weights_and_warnings(callbacks)
    assert len(ours) == 1
    assert str(log_dir) in ours[0]
    for mine, other in zip(weights, weights_of_an_ordinary_training(), strict=True):
        assert np.array_equal(mine, other)
    assert callbacks[0].history.steps.tolist() == list(range(15))


def test_deleted_directory_costs_one_warning(tmp_path):
    log_dir = tmp_path / "run"
    logger = GradientLogger(log_dir, every=1)
    delete = At(lambda: shutil.rmtree(log_dir, ignore_errors=True))
    assert_one_warning_and_same_weights([logger, delete], log_dir)


def test_full_disk_costs_one_warning_for_all_callbacks_together(tmp_path, monkeypatch):
    def write(self, data):
        raise OSError(28, "No space left on device")

    fill = At(lambda: monkeypatch.setattr(EventFile, "write", write))
    shared = [GradientLogger(tmp_path, every=1), HyperparameterLogger(tmp_path)]
    assert_one_warning_and_same_weights([*shared, fill], tmp_path)


def test_content_of_a_newer_schema_is_refused():
    newer = json.dumps({"version": schema.SCHEMA_VERSION + 1}).encode()
    with pytest.raises(ValueError, match="newer"):
        schema.decode_content(newer)
    with pytest.raises(ValueError, match="Not the content"):
        schema.decode_content(b"\xff\x00")


def test_content_survives_a_round_trip():
    decoded = schema.decode_content(schema.encode_content("layers", ["a/b", "c"]))
    assert decoded["layers"] == ["a/b", "c"]
    assert decoded["kind"] == "layers"
