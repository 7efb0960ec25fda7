"""The first NaN is reported with its step and layer, in steps nobody samples."""

import functools

import keras
import numpy as np
import pytest
from backend_in_use import JIT
from keras import layers
from keras import ops

from keras_extras.callbacks import TrainingDiagnostics

optimizers = keras.optimizers
ROWS = 12 * 4


class LogOfInput(layers.Layer):
    """Takes the logarithm of its first input, 0 where the marker is set."""

    def call(self, x):
        return ops.log(ops.where(x[:, :1] > 50.0, 0.0, 2.0)) + x


@ops.custom_gradient
def bad_slope(x, marker):
    def gradient(*arguments, upstream=None):
        upstream = arguments[0] if upstream is None else upstream
        spoilt = ops.sqrt(ops.where(marker > 50.0, -1.0, 1.0))
        return upstream * spoilt, ops.zeros_like(marker)

    return x + 0.0, gradient


class BadSlope(layers.Layer):
    """Passes its input on; its gradient is NaN where the marker is set."""

    def call(self, x, marker):
        return bad_slope(x, marker)


def rows(spoil_step=None, value=100.0):
    """Returns twelve batches of four; the marker is set in one of them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 3)).astype("float32")
    if spoil_step is not None:
        x[4 * spoil_step, 0] = value
    return x, rng.normal(size=(ROWS, 1)).astype("float32")


def chain(middle=None):
    inputs = keras.Input((3,))
    x = layers.Dense(4, activation="tanh", name="first")(inputs)
    if isinstance(middle, LogOfInput):
        marker = inputs[:, :1]
        x = middle(ops.concatenate([marker, x], axis=-1))
    elif middle is not None:
        x = middle(x, inputs[:, :1])
    x = layers.Dense(3, activation="softsign", name="second")(x)
    return keras.Model(inputs, layers.Dense(1, name="third")(x))


def train(model, x, y, more=(), epochs=1, every=1000, **arguments):
    keras.utils.set_random_seed(1)
    arguments = {"optimizer": optimizers.SGD(1e-3), "jit_compile": JIT, **arguments}
    model.compile(loss="mse", **arguments)
    diagnostics = TrainingDiagnostics(every=every, verbose=0)
    model.fit(
        x,
        y,
        batch_size=4,
        epochs=epochs,
        shuffle=False,
        callbacks=[diagnostics, *more],
        verbose=0,
    )
    assert every == 1 or set(diagnostics.history.steps) <= {0}
    return diagnostics


def nan_finding(diagnostics):
    (finding,) = [f for f in diagnostics.findings if f.code == "nan-loss"]
    assert finding.severity == "error"
    return finding


WAYS = {
    "plain": {},
    "steps_per_execution": {"steps_per_execution": 4},
    "run_eagerly": {"run_eagerly": True},
}


@pytest.mark.parametrize("way", WAYS)
def test_nan_in_a_batch(way):
    x, y = rows(7, np.nan)
    finding = nan_finding(train(chain(), x, y, **WAYS[way]))
    assert finding.first_step == 7
    assert finding.layer is None
    assert "batch" in finding.evidence
    assert "7" in finding.evidence


@functools.cache
def log_of_zero(way):
    x, y = rows(7)
    return train(chain(LogOfInput(name="log")), x, y, **WAYS[way])


@pytest.mark.parametrize("way", WAYS)
def test_log_of_zero_in_the_middle(way):
    finding = nan_finding(log_of_zero(way))
    assert finding.first_step == 7
    assert finding.layer == "log"
    assert "output" in finding.evidence


@pytest.mark.parametrize("way", WAYS)
def test_bad_gradient_behind_finite_outputs(way):
    x, y = rows(5)
    finding = nan_finding(train(chain(BadSlope(name="bad")), x, y, **WAYS[way]))
    assert finding.first_step == 5
    assert finding.layer == "first"
    assert "gradient" in finding.evidence


def test_bad_gradient_in_the_very_last_step_is_found_although_no_loss_shows_it():
    x, y = rows(11)
    diagnostics = train(chain(BadSlope(name="bad")), x, y)
    assert nan_finding(diagnostics).first_step == 11


def test_infinite_labels_are_laid_to_the_loss():
    x, y = rows()
    y[4 * 3] = np.inf
    finding = nan_finding(train(chain(), x, y))
    assert finding.first_step == 3
    assert finding.layer is None
    assert "loss" in finding.evidence


def test_weights_that_another_callback_spoils():
    class Spoils(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 4:
                layer = self.model.get_layer("second")
                layer.kernel.assign(layer.kernel * np.nan)

    x, y = rows()
    # Going back to the batches does not repeat what another callback did to weights:
    # the layer is known if the step is sampled.
    finding = nan_finding(train(chain(), x, y, [Spoils()], every=1))
    assert finding.layer == "second"
    assert finding.first_step in (4, 5)
    assert "weights" in finding.evidence


def test_first_of_two_troubles_is_the_one_reported():
    x, y = rows(3)
    x[4 * 6] = np.nan
    finding = nan_finding(train(chain(LogOfInput(name="log")), x, y))
    assert (finding.first_step, finding.layer) == (3, "log")


def test_step_is_that_of_the_optimizer_in_the_second_fit():
    x, y = rows()
    model = chain()
    model.compile(optimizers.SGD(1e-3), "mse", jit_compile=JIT)
    diagnostics = TrainingDiagnostics(every=1000, verbose=0)
    arguments = {"batch_size": 4, "shuffle": False, "verbose": 0}
    model.fit(x, y, callbacks=[diagnostics], **arguments)
    assert diagnostics.findings == []
    x[4 * 2] = np.nan
    model.fit(x, y, callbacks=[diagnostics], **arguments)
    assert nan_finding(diagnostics).first_step == 14


def test_gradients_that_the_loss_scale_overflows_are_no_finding():
    x, y = rows()
    scaled = optimizers.LossScaleOptimizer(optimizers.SGD(1e-3), initial_scale=2.0**127)
    y *= 100
    diagnostics = train(chain(), x, y, optimizer=scaled)
    assert float(scaled.dynamic_scale) < 2.0**127  # so steps were skipped
    assert int(scaled.iterations) < 12
    assert "nan-loss" not in [finding.code for finding in diagnostics.findings]


def test_nan_with_a_loss_scale_is_found():
    x, y = rows(7, np.nan)
    scaled = optimizers.LossScaleOptimizer(optimizers.SGD(1e-3), initial_scale=8.0)
    finding = nan_finding(train(chain(), x, y, optimizer=scaled))
    assert finding.first_step == 7
    assert finding.layer is None


class SquareRoot(layers.Layer):
    """Multiplies by a weight of its own and takes the root: infinite slope at 0."""

    def __init__(self, units, **arguments):
        super().__init__(**arguments)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

    def call(self, x):
        return ops.sqrt(ops.abs(ops.matmul(x, self.kernel)))


@pytest.mark.parametrize("units", [5, 3000])  # a small gradient and a large one
def test_bad_gradient_of_a_layer_without_bias(units):
    x, y = rows()
    x[4 * 6] = 0.0
    layer = SquareRoot(units, name="root")
    model = keras.Sequential([keras.Input((3,)), layer, layers.Dense(1, name="last")])
    finding = nan_finding(train(model, x, y))
    assert (finding.first_step, finding.layer) == (6, "root")


def test_finite_gradients_whose_sum_overflows_are_no_finding():
    x, _ = rows()

    def huge(y_true, y_pred):
        # Four rows of it are finite, in whichever order they are added; eight are not.
        return ops.sum(y_pred, axis=-1) * 6e37

    layer = layers.Dense(8, kernel_initializer="zeros", name="only")
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(optimizers.SGD(1e-45), huge, jit_compile=JIT)
    diagnostics = TrainingDiagnostics(every=1000, verbose=0)
    y = np.zeros((ROWS, 8))
    model.fit(0.1 * x, y, batch_size=4, callbacks=[diagnostics], verbose=0)
    assert not any(f.code == "nan-loss" for f in diagnostics.findings)
    assert all(np.isfinite(w).all() for w in layer.get_weights())


# Of Keras, for the layer without a loss.
@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")
def test_unused_weights_do_not_hide_that_the_loss_is_the_origin():
    x, y = rows()
    y[4 * 3] = np.inf
    inputs = keras.Input((3,))
    used = layers.Dense(1, name="used")(inputs)
    unused = layers.Dense(1, name="unused")(inputs)
    model = keras.Model(inputs, [used, unused])
    model.compile(optimizers.SGD(1e-3), ["mse", None], jit_compile=JIT)
    diagnostics = TrainingDiagnostics(every=1000, verbose=0)
    model.fit(
        x, [y, y], batch_size=4, shuffle=False, callbacks=[diagnostics], verbose=0
    )
    finding = nan_finding(diagnostics)
    assert (finding.first_step, finding.layer) == (3, None)
    assert "loss" in finding.evidence


def test_healthy_training_has_no_finding():
    assert train(chain(LogOfInput(name="log")), *rows()).findings == []


def test_report_names_step_and_layer():
    report = log_of_zero("plain").report()
    assert "nan-loss in 'log'" in report
    assert "step 7" in report


def test_without_replay_the_step_is_known_and_the_layer_is_not_guessed():
    x, y = rows(7)
    model = chain(LogOfInput(name="log"))
    model.compile(optimizers.SGD(1e-3), "mse", jit_compile=JIT)
    diagnostics = TrainingDiagnostics(every=1000, verbose=0, replay=False)
    model.fit(x, y, batch_size=4, shuffle=False, callbacks=[diagnostics], verbose=0)
    finding = nan_finding(diagnostics)
    assert (finding.first_step, finding.layer) == (7, None)
    assert finding.confidence < nan_finding(log_of_zero("plain")).confidence


def test_replay_leaves_nothing_changed():
    x, y = rows(7)
    both = []
    for replay in (False, True):
        keras.utils.set_random_seed(1)
        model = chain(LogOfInput(name="log"))
        model.compile(optimizers.Adam(1e-2), "mse", jit_compile=JIT)
        diagnostics = TrainingDiagnostics(every=1000, verbose=0, replay=replay)
        model.fit(x, y, batch_size=4, epochs=2, callbacks=[diagnostics], verbose=0)
        both.append([*model.get_weights(), *map(np.array, model.optimizer.variables)])
    for without, with_replay in zip(*both, strict=True):
        np.testing.assert_array_equal(without, with_replay)


def test_a_penalty_that_is_not_finite_is_named():
    hidden = keras.layers.Dense(
        4, activity_regularizer=lambda v: keras.ops.sqrt(keras.ops.mean(v) - 1e6)
    )
    model = keras.Sequential([keras.Input((3,)), hidden, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = TrainingDiagnostics(verbose=0, every=1)
    x = np.ones((8, 3), "float32")
    model.fit(x, x[:, :1], verbose=0, callbacks=[callback])
    finding = callback.findings[0]
    assert finding.code == "nan-loss"
    assert "a penalty was not" in finding.evidence
    assert "`model.losses`" in finding.remedy
