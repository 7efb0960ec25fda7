"""Activation statistics are those of what the layers return, seen with NumPy."""

import contextlib
import functools

import keras
import models
import numpy as np
import pytest
import replay
from backend_in_use import JIT
from backend_in_use import NAME
from keras import layers
from keras import ops

from keras_extras.callbacks import ActivationLogger

PLAIN = (
    "mean",
    "std",
    "min",
    "max",
    "zero_fraction",
    "dead_fraction",
    "nonfinite_fraction",
)


def fit(model, x, y, callbacks, **arguments):
    model.fit(
        x,
        y,
        batch_size=models.BATCH,
        shuffle=False,
        callbacks=callbacks,
        verbose=0,
        **arguments,
    )


def summary(*outputs):
    """Returns the statistics of all `outputs` of one layer taken together."""
    values = np.concatenate([np.ravel(y) for y in outputs]).astype("float64")
    peaks = [np.abs(y).reshape(-1, y.shape[-1]).max(axis=0) for y in outputs]
    if len({len(peak) for peak in peaks}) == 1:
        units = np.max(peaks, axis=0)
    else:
        units = np.concatenate(peaks)
    return {
        "mean": values.mean(),
        "std": values.std(),
        "min": values.min(),
        "max": values.max(),
        "zero_fraction": np.mean(values == 0),
        "dead_fraction": np.mean(units == 0),
        "nonfinite_fraction": np.mean(~np.isfinite(values)),
    }


def row(history, name, step=0):
    column = history.layers.index(name)
    return {s: history[f"activation_{s}"][step, column] for s in PLAIN}


to_numpy = keras.ops.convert_to_numpy


def assert_equal(found, expected):
    for statistic in PLAIN:
        np.testing.assert_allclose(
            found[statistic], expected[statistic], rtol=1e-5, atol=1e-6
        )


@functools.cache
def recorded(name):
    """Returns the history of two steps, the model before each, and the batches."""
    model, x, y = models.make(name)
    snapshots, logger = replay.Snapshots(), ActivationLogger(every=1)
    x, y = keras.tree.map_structure(lambda a: a[: 2 * models.BATCH], (x, y))
    fit(model, x, y, [snapshots, logger])
    twin, _, _ = models.make(name)
    first = [keras.tree.map_structure(lambda a: a[: models.BATCH], x)]
    second = [keras.tree.map_structure(lambda a: a[models.BATCH :], x)]
    return logger.history, snapshots.before, twin, first + second


def outputs_of(name, step):
    """Returns what each layer of a functional model returns in a step."""
    _, before, twin, batches = recorded(name)
    replay.restore(twin, before[step])
    wanted = {
        layer.name: layer.output
        for layer in twin.layers
        if not isinstance(layer, layers.InputLayer)
    }
    found = keras.Model(twin.inputs[0], wanted)(batches[step], training=True)
    return {key: to_numpy(found[key]) for key in wanted}  # some backends sort them


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("name", ["sequential_mlp", "functional_cnn", "embedding"])
def test_every_layer_equals_its_output(name, step):
    history = recorded(name)[0]
    expected = outputs_of(name, step)
    assert history.layers == tuple(expected)
    assert history.steps.tolist() == [0, 1]
    for layer, output in expected.items():
        assert_equal(row(history, layer, step), summary(output))


def test_batch_normalisation_and_dropout_are_those_of_training():
    history = recorded("functional_cnn")[0]
    normalised = row(history, "batch_normalization")
    assert normalised["mean"] == pytest.approx(0, abs=1e-5)
    assert normalised["std"] == pytest.approx(1, abs=0.05)
    dropped = row(history, "dropout")["zero_fraction"]
    assert dropped > row(history, "flatten")["zero_fraction"]


def test_shared_layer_has_its_calls_together():
    history, before, twin, batches = recorded("shared_layer")
    replay.restore(twin, before[0])
    shared = twin.get_layer("shared")
    once = to_numpy(shared(batches[0]))
    twice = to_numpy(shared(once))
    assert history.layers == ("shared", "head")
    assert_equal(row(history, "shared"), summary(once, twice))


def test_layers_of_a_nested_model_have_rows():
    history, before, twin, batches = recorded("nested")
    replay.restore(twin, before[0])
    encoder = twin.get_layer("encoder")
    hidden = encoder.layers[0](batches[0])
    code = encoder.layers[1](hidden)
    names = [f"encoder/{layer.name}" for layer in encoder.layers]
    assert history.layers == (*names, "head")
    assert_equal(row(history, names[0]), summary(to_numpy(hidden)))
    assert_equal(row(history, names[1]), summary(to_numpy(code)))


def test_projections_inside_attention_have_rows():
    history, before, twin, batches = recorded("attention")
    replay.restore(twin, before[0])
    attention = twin.get_layer("attention")
    for path, projection in (
        ("attention/query", attention.query_dense),
        ("attention/key", attention.key_dense),
        ("attention/value", attention.value_dense),
    ):
        assert_equal(row(history, path), summary(to_numpy(projection(batches[0]))))
    assert np.isfinite(row(history, "attention/attention_output")["mean"])
    assert np.isfinite(row(history, "attention")["mean"])


def test_cell_is_part_of_its_recurrent_layer():
    history, before, twin, batches = recorded("recurrent")
    replay.restore(twin, before[0])
    assert history.layers == ("lstm", "gru", "dense")
    sequence = twin.get_layer("lstm")(batches[0], training=True)
    assert_equal(row(history, "lstm"), summary(to_numpy(sequence)))


def test_float_tensors_of_a_tuple_with_a_dict_are_taken_together():
    history, before, twin, batches = recorded("tuple_and_dict")
    replay.restore(twin, before[0])
    y, more = twin.get_layer("several")(batches[0])
    assert_equal(row(history, "several"), summary(to_numpy(y), to_numpy(more["sine"])))


def test_several_inputs_and_outputs():
    history, before, twin, batches = recorded("many_inputs_and_outputs")
    replay.restore(twin, before[0])
    found = twin(batches[0])
    assert_equal(row(history, "first"), summary(to_numpy(found["first"])))
    assert_equal(row(history, "second"), summary(to_numpy(found["second"])))


def train_one(layer, x, **arguments):
    """Returns the history of one step of `layer` with a head on it."""
    head = layers.Dense(1, name="head")
    model = keras.Sequential([keras.Input(x.shape[1:]), layer, head])
    model.compile("sgd", "mse", jit_compile=JIT, **arguments)
    logger = ActivationLogger(every=1)
    fit(model, x, np.zeros((len(x), 1), "float32"), [logger])
    return logger.history


ROOT = np.sqrt(1 - 4 * 0.01 * 0.25)


@pytest.mark.parametrize(
    ("activation", "is_flat"),
    [
        ("tanh", lambda x: np.abs(np.tanh(x)) >= np.sqrt(0.99)),
        # y (1 - y) is at most 1 % of 1/4 outside these two roots.
        ("sigmoid", lambda x: np.abs(1 / (1 + np.exp(-x)) - 0.5) >= ROOT / 2),
    ],
)
def test_saturated_share_counts_flat_places(activation, is_flat):
    x = np.linspace(-9, 9, 8 * 5, dtype="float32").reshape(8, 5)
    layer = layers.Dense(
        5, activation=activation, kernel_initializer="identity", name="flat"
    )
    expected = np.mean(is_flat(x.astype("float64")))
    assert 0.2 < expected < 0.9
    history = train_one(layer, x)
    assert history.activation_saturated_fraction[0, 0] == pytest.approx(expected)


def test_function_that_cannot_saturate_has_nan():
    history = recorded("sequential_mlp")[0]
    assert np.isnan(history.activation_saturated_fraction[:, [0, 2]]).all()
    assert np.isfinite(history.activation_saturated_fraction[:, 1]).all()


def test_unit_is_dead_if_it_is_zero_for_the_whole_batch():
    x = np.abs(np.random.default_rng(0).normal(size=(8, 4))).astype("float32")
    x[0, 1] = -1.0  # zero in one row is not dead
    x[:, 2] = -1.0
    layer = layers.Dense(
        4, activation="relu", kernel_initializer="identity", name="relu"
    )
    history = train_one(layer, x)
    assert history.activation_dead_fraction[0, 0] == 0.25
    assert history.activation_zero_fraction[0, 0] == 9 / 32


def test_dead_channel_of_an_image():
    x = np.ones((8, 3, 3, 2), "float32")
    x[..., 1] = -1.0
    model = keras.Sequential(
        [keras.Input((3, 3, 2)), layers.ReLU(), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("sgd", "mse", jit_compile=JIT)
    logger = ActivationLogger(every=1)
    fit(model, x, np.zeros((8, 1), "float32"), [logger])
    assert logger.history.activation_dead_fraction[0, 0] == 0.5


def test_share_of_nonfinite_outputs():
    x = np.ones((8, 4), "float32")
    x[:3, 0] = 0.0
    history = train_one(layers.Lambda(lambda t: ops.log(t), name="log"), x)
    assert history.activation_nonfinite_fraction[0, 0] == 3 / 32
    assert history.activation_min[0, 0] == -np.inf


def test_eager_steps_equal_compiled_ones():
    model, x, y = models.make("functional_cnn", run_eagerly=True)
    logger = ActivationLogger(every=1)
    fit(model, x[: models.BATCH], y[: models.BATCH], [logger])
    compiled = recorded("functional_cnn")[0]
    for layer in compiled.layers:
        assert_equal(row(logger.history, layer), row(compiled, layer))


def test_layer_that_is_not_called_is_nan():
    class HalfUsed(keras.Model):
        def __init__(self):
            super().__init__()
            self.used = layers.Dense(2, name="used")
            self.idle = layers.Dense(2, name="idle")

        def call(self, x):
            return self.used(x)

    model = HalfUsed()
    model.compile("sgd", "mse", jit_compile=JIT)
    model.idle.build((None, 2))
    logger = ActivationLogger(every=1)
    warns = pytest.warns(UserWarning, match="Gradients do not exist")
    # Keras says nothing of it on JAX.
    with warns if NAME != "jax" else contextlib.nullcontext():
        fit(model, np.ones((8, 3), "float32"), np.ones((8, 2), "float32"), [logger])
    idle = logger.history.layers.index("idle")
    assert np.isnan(logger.history.activation_mean[:, idle]).all()


def test_half_precision_outputs_are_measured_in_single_precision():
    layer = layers.Dense(4, dtype="mixed_float16", name="half")
    x = np.full((8, 4), 200.0, "float32")
    history = train_one(layer, x)
    # The sum of the squares would overflow in half precision.
    assert np.isfinite(history.activation_std).all()
    assert (history.activation_nonfinite_fraction == 0).all()
