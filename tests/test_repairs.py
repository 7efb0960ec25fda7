"""Repairs as data: from a finding to a copy of the model that has what it asks for."""

import functools
import json

import keras
import numpy as np
import pytest
from keras import layers

from keras_extras.diagnostics import Diagnosis
from keras_extras.diagnostics import Finding
from keras_extras.diagnostics import Repair
from keras_extras.diagnostics.describe import describe
from keras_extras.diagnostics.describe import describe_layers
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.repairs.attach import CHOICES
from keras_extras.diagnostics.repairs.attach import ELSEWHERE
from keras_extras.diagnostics.repairs.attach import with_repairs
from keras_extras.diagnostics.report import text_report
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.batch_tensor import BatchTensor

RNG = np.random.default_rng(0)
CLASSES = np.arange(32) % 3


def dense_net(activation="relu", end="softmax", units=3, **arguments):
    net = [
        keras.Input((4,)),
        layers.Dense(6, activation, name="first", **arguments),
        layers.Dropout(0.9, name="drop"),
        layers.Dense(5, activation, name="second", **arguments),
        layers.Dense(units, end, name="head"),
    ]
    return keras.Sequential(net)


def conv_net(activation="relu", end="softmax"):
    pictures = keras.Input((8, 8, 1))
    maps = layers.Conv2D(4, 3, activation=activation, name="first")(pictures)
    maps = layers.Conv2D(4, 3, activation=activation, name="second")(maps)
    outputs = layers.Dense(3, end, name="head")(layers.Flatten()(maps))
    return keras.Model(pictures, outputs)


def loop_net():
    words = keras.Input((5, 4))
    states = layers.Bidirectional(layers.SimpleRNN(3), name="both")(words)
    return keras.Model(words, layers.Dense(3, "softmax", name="head")(states))


SPARSE = "sparse_categorical_crossentropy"


def seen(model, y=CLASSES, loss=SPARSE, optimizer="sgd", rate=0.01, scale=1.0):
    """Returns the evidence of a training that has not taken place, and its data."""
    # So small a step is sooner run than traced.
    model.compile(optimizer, loss, metrics=["accuracy"], run_eagerly=True)
    x = scale * RNG.normal(size=(32, *model.inputs[0].shape[1:])).astype("float32")
    y = np.asarray(y, "float32")
    specs = describe_layers(model)
    model.evaluate(x[:4], y[:4], verbose=0)  # which makes the losses
    predictions = model.predict(x, verbose=0)
    rows = BatchRows(0, 1.0, 0.0, (rows_of(x),), (rows_of(y),), (rows_of(predictions),))
    observations = Observations(
        layers=(),
        steps=np.arange(10),
        statistics={"learning_rate": np.full(10, rate)},
        last_step=300,
        structure=describe(model, specs, True),
        early=(rows,),
        losses=np.ones(30),
        loss_counts=np.full(30, 10),
    )
    return observations, x, y


def rows_of(values):
    flat = values.reshape(len(values), -1).astype("float32")
    return BatchTensor(flat, tuple(values.shape[1:]), str(values.dtype))


def repaired(code, observations, layer=None, model=None, severity="error"):
    """Returns a finding of that code with its repair, and the copy that has it."""
    bare = Finding(code, severity, layer, 0, 9, "seen", "do", 0.9)
    (finding,) = with_repairs([bare], observations)
    if model is None:
        return finding, None
    return finding, Diagnosis(observations, [finding], model).repaired(finding)


def trains(model, x, y):
    """Trains for a step, and returns whether the loss is a number."""
    history = model.fit(x, y, epochs=1, batch_size=32, verbose=0)
    return np.isfinite(history.history["loss"][0])


CASES = {
    # Code, net, layer, arguments of `seen`, what the text says, what the copy has.
    "rate too high": (
        "learning-rate-too-high",
        dense_net,
        None,
        {"optimizer": keras.optimizers.SGD, "rate": 20.0},
        "SGD(learning_rate=0.1)",
        lambda m: np.isclose(float(m.optimizer.learning_rate), 0.1),
    ),
    "rate too low": (
        "learning-rate-too-low",
        dense_net,
        None,
        {"optimizer": lambda: keras.optimizers.Adam(1e-8), "rate": 1e-8},
        "Adam(learning_rate=0.003)",
        lambda m: np.isclose(float(m.optimizer.learning_rate), 3e-3),
    ),
    "exploding": (
        "exploding-gradient",
        loop_net,
        None,
        {},
        "clipnorm=1",
        lambda m: m.optimizer.clipnorm == 1.0,
    ),
    "clipped to nothing": (
        "clipping-too-strong",
        dense_net,
        None,
        {"optimizer": lambda: keras.optimizers.SGD(0.1, global_clipnorm=1e-4)},
        "global_clipnorm=1)",
        lambda m: m.optimizer.global_clipnorm == 1.0,
    ),
    "softmax inside": (
        "hidden-activation",
        functools.partial(conv_net, "softmax"),
        "first",
        {},
        'Conv2D(4, 3, activation="relu", kernel_initializer="he_normal")` in \'first\'',
        lambda m: m.get_layer("first").activation is keras.activations.relu,
    ),
    "sigmoids that fade": (
        "vanishing-gradient",
        functools.partial(dense_net, "sigmoid"),
        "first",
        {},
        "'first', 'second'",
        lambda m: m.get_layer("second").activation is keras.activations.relu,
    ),
    "dead units": (
        "dead-units",
        conv_net,
        "second",
        {},
        'activation="leaky_relu"',
        lambda m: m.get_layer("second").activation is keras.activations.leaky_relu,
    ),
    "saturation": (
        "saturated-activation",
        functools.partial(dense_net, "tanh", kernel_initializer="ones"),
        "first",
        {},
        'kernel_initializer="he_normal"',
        lambda m: np.ptp(m.get_layer("first").get_weights()[0]) > 0,
    ),
    "zeros": (
        "bad-initialization",
        functools.partial(dense_net, kernel_initializer="zeros"),
        "first",
        {},
        'kernel_initializer="he_normal"',
        lambda m: np.ptp(m.get_layer("second").get_weights()[0]) > 0,
    ),
    "penalty": (
        "over-regularized",
        functools.partial(dense_net, kernel_regularizer="l2"),
        "first",
        {},
        "keras.regularizers.L2(0.0001)",
        lambda m: (
            m.get_layer("first").kernel_regularizer.l2 < 1e-3
            and m.get_layer("drop").rate == 0.2
        ),
    ),
    "plain descent": (
        "learning-rate-too-low",
        dense_net,
        None,
        {"rate": 1e-6},
        "by 30,000: compile with `optimizer=keras.optimizers.SGD(learning_rate=0.03",
        lambda m: m.optimizer.momentum == 0.9,
    ),
    "a share by one unit": (
        "output-loss-mismatch",
        functools.partial(dense_net, units=1),
        "head",
        {"y": RNG.uniform(size=(32, 1)), "loss": "mse"},
        'Dense(1, activation="sigmoid")',
        lambda m: m.loss == "mse",
    ),
    "dropout": (
        "over-regularized",
        dense_net,
        "drop",
        {},
        "rate=0.2",
        lambda m: m.get_layer("drop").rate == 0.2,
    ),
    "inputs": (
        "unnormalized-input",
        dense_net,
        "first",
        {"scale": 900.0},
        "keras.layers.Normalization()",
        lambda m: isinstance(m.layers[0], layers.Normalization),
    ),
    "pictures": (
        "unnormalized-input",
        conv_net,
        "first",
        {"scale": 900.0},
        "keras.layers.Rescaling(",
        lambda m: isinstance(m.layers[1], layers.Rescaling),
    ),
    "targets": (
        "unscaled-target",
        functools.partial(dense_net, end="relu", units=1),
        "head",
        {"y": 1e4 + 100 * RNG.normal(size=(32, 1)), "loss": "mse"},
        "y_train.std()",
        lambda m: abs(m.predict(np.zeros((1, 4)), verbose=0).item() - 1e4) < 1e3,
    ),
    "linear end of classes": (
        "output-loss-mismatch",
        functools.partial(dense_net, end=None),
        "head",
        {},
        'Dense(3, activation="softmax")',
        lambda m: m.get_layer("head").activation is keras.activations.softmax,
    ),
    "softmax over one unit": (
        "output-loss-mismatch",
        functools.partial(dense_net, units=1),
        "head",
        {"y": CLASSES[:, None] % 2, "loss": "binary_crossentropy"},
        'Dense(1, activation="sigmoid")',
        lambda m: m.get_layer("head").activation is keras.activations.sigmoid,
    ),
    "classes as numbers": (
        "output-loss-mismatch",
        functools.partial(dense_net, end="sigmoid", units=1),
        "head",
        {"y": CLASSES[:, None], "loss": "mse"},
        f'loss="{SPARSE}"',
        lambda m: m.output_shape == (None, 3) and m.loss == SPARSE,
    ),
    "several labels": (
        "output-loss-mismatch",
        dense_net,
        "head",
        {
            "y": RNG.integers(0, 2, (32, 3)) | [1, 0, 0],
            "loss": "categorical_crossentropy",
        },
        'loss="binary_crossentropy"',
        lambda m: m.get_layer("head").activation is keras.activations.sigmoid,
    ),
    "a sigmoid for any number": (
        "output-loss-mismatch",
        functools.partial(dense_net, end="sigmoid", units=1),
        "head",
        {"y": RNG.normal(size=(32, 1)), "loss": "mse"},
        'Dense(1, activation="linear")',
        lambda m: m.get_layer("head").activation is keras.activations.linear,
    ),
}


# Keras says so too, of the softmax over one unit.
@pytest.mark.filterwarnings("ignore:[\\s\\S]*You are using a softmax over axis")
@pytest.mark.parametrize("name", CASES)
def test_copy_has_what_the_finding_asks_for(name):
    keras.utils.set_random_seed(0)
    code, make, layer, arguments, said, holds = CASES[name]
    optimizer = arguments.get("optimizer", "sgd")
    made = optimizer if isinstance(optimizer, str) else optimizer()
    model = make()
    observations, x, y = seen(model, **{**arguments, "optimizer": made})
    before = model.get_weights(), model.get_config(), np.random.get_state()[1]
    finding, (copied, changes) = repaired(code, observations, layer, model)
    assert said in finding.remedy
    assert changes
    assert json.loads(json.dumps(finding.to_dict())) == finding.to_dict()
    assert Finding.from_dict(finding.to_dict()) == finding
    assert holds(copied)
    assert trains(copied, x, y)
    # The model, its optimizer and the generators are as they were.
    assert model.get_config() == before[1]
    assert int(model.optimizer.iterations) == 0
    np.testing.assert_array_equal(np.random.get_state()[1], before[2])
    for now, then in zip(model.get_weights(), before[0]):
        np.testing.assert_array_equal(now, then)


def test_copy_keeps_what_it_does_not_change():
    model = dense_net()
    observations, *_ = seen(model)
    _, (copied, _) = repaired("learning-rate-too-high", observations, None, model)
    assert copied is not model
    assert not {id(v) for v in copied.variables} & {id(v) for v in model.variables}
    for ours, theirs in zip(copied.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(ours, theirs)
    _, (copied, _) = repaired("dead-units", observations, "first", model)
    kept, new = (copied.get_layer(n).get_weights()[0] for n in ("head", "first"))
    np.testing.assert_array_equal(kept, model.get_layer("head").get_weights()[0])
    assert not np.array_equal(new, model.get_layer("first").get_weights()[0])


def test_repairs_of_several_findings_are_applied_together():
    model = dense_net("sigmoid", end="relu", units=1)
    y = 1e3 * RNG.normal(size=(32, 1))
    observations, x, y = seen(model, y, "mse", scale=900.0)
    codes = ("unnormalized-input", "unscaled-target", "vanishing-gradient")
    findings = [repaired(code, observations, "first")[0] for code in codes]
    diagnosis = Diagnosis(observations, findings, model)
    copied, changes = diagnosis.repaired(*findings)
    kinds = [type(layer).__name__ for layer in copied.layers]
    assert (kinds[0], kinds[-1]) == ("Normalization", "Rescaling")
    assert copied.get_layer("first").activation is keras.activations.relu
    assert copied.get_layer("head").activation is keras.activations.linear
    assert len(changes.splitlines()) == 4
    assert trains(copied, x, y)


def test_remedy_fits_the_model():
    observations, *_ = seen(conv_net())
    for code in ("dead-units", "vanishing-gradient", "bad-initialization"):
        finding, _ = repaired(code, observations, "first")
        assert "Dense(" not in finding.remedy
        assert "skip" not in finding.remedy
    dense, *_ = seen(dense_net())
    finding, _ = repaired("exploding-gradient", dense)
    assert "LSTM" not in finding.remedy


def test_recurrent_layers_that_fade_become_gated():
    words = keras.Input((5, 4))
    states = layers.SimpleRNN(3, name="loop")(words)
    ends = layers.Dense(3, "softmax", name="head")(states)
    model = keras.Model(words, ends)
    observations, x, y = seen(model)
    finding, (copied, _) = repaired("vanishing-gradient", observations, "loop", model)
    assert "`GRU(3)`" in finding.remedy
    assert isinstance(copied.get_layer("loop"), layers.GRU)
    assert trains(copied, x, y)


def test_layers_within_models_and_shared_ones_are_changed():
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, "sigmoid", name="deep")], name="inner"
    )
    inputs = keras.Input((4,))
    twice = inner(inner(inputs))
    model = keras.Model(inputs, layers.Dense(3, "softmax", name="head")(twice))
    observations, x, y = seen(model)
    _, (copied, _) = repaired("hidden-activation", observations, "inner/deep", model)
    within = copied.get_layer("inner")
    assert within.get_layer("deep").activation is keras.activations.relu
    assert len(copied.trainable_variables) == len(model.trainable_variables)
    assert trains(copied, x, y)


def test_activations_that_are_layers_are_changed_and_gates_are_left_alone():
    inputs = keras.Input((4,))
    hidden = layers.ReLU(name="bend")(layers.Dense(4, name="before")(inputs))
    gate = layers.Dense(4, "sigmoid", name="gate")(hidden)
    flat = layers.Activation("tanh", name="flat")(layers.Multiply()([hidden, gate]))
    model = keras.Model(inputs, layers.Dense(3, "softmax", name="head")(flat))
    observations, x, y = seen(model)
    finding, (copied, _) = repaired("dead-units", observations, "bend", model)
    assert list(finding.repair.value["layers"]) == ["bend", "before"]
    assert isinstance(copied.get_layer("bend"), layers.LeakyReLU)
    assert trains(copied, x, y)
    finding, _ = repaired("saturated-activation", observations, "flat")
    assert finding.repair.value == {"layers": {"flat": {"activation": "relu"}}}


@pytest.mark.parametrize("code", ["wrong-labels", "no-gradient", "overfitting"])
def test_what_no_copy_can_be_given_says_so(code):
    model = dense_net()
    observations, *_ = seen(model)
    finding, _ = repaired(code, observations)
    assert finding.remedy == "do"
    assert not finding.repair.is_applicable
    where = {"data": "in the data", "code": "in the code", "callback": "callback"}
    with pytest.raises(ValueError, match=where[ELSEWHERE[code]]):
        Diagnosis(observations, [finding], model).repaired(finding)


def test_what_cannot_be_copied_says_so():
    class Own(keras.Model):
        def train_step(self, *args):
            return super().train_step(*args)

    inputs = keras.Input((4,))
    own = Own(inputs, layers.Dense(3, "softmax", name="head")(inputs))
    observations, *_ = seen(own)
    finding, _ = repaired("learning-rate-too-high", observations)
    for model, said in ((own, "own"), (None, "needs the model")):
        with pytest.raises(ValueError, match=said):
            Diagnosis(observations, [finding], model).repaired(finding)
    with pytest.raises(ValueError, match="`finding`"):
        Diagnosis(observations, [finding], own).repaired("nan-loss")
    unknown = Finding("other", "error", None, 0, 1, "seen", "do", 0.5)
    with pytest.raises(ValueError, match="not known"):
        Diagnosis(observations, [unknown], own).repaired(unknown)


def test_every_code_with_a_repair_survives_evidence_of_nothing():
    for code in CHOICES:
        bare = Finding(code, "warning", "gone", 0, 1, "seen", "do", 0.5)
        (finding,) = with_repairs(
            [bare], Observations(layers=(), steps=np.arange(0), statistics={})
        )
        assert finding.code == code


def test_report_says_equal_repairs_once():
    repair = Repair("activation", "a", {"layers": {"a": {"activation": "relu"}}})
    findings = [
        Finding(
            "dead-units", "error", layer, 0, 1, "seen", "Change a.", 0.9, None, each
        )
        for layer, each in (("a", repair), ("c", None), ("b", repair))
    ]
    report = text_report(findings, 10, 10)
    assert report.count("Change a.") == 2
    assert report.index("in 'a'") < report.index("in 'b'") < report.index("in 'c'")
