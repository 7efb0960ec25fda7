"""Exact tests of more silent errors: what layers return, rows, states, terms."""

import dataclasses

import keras
import numpy as np
import pytest
import test_diagnosis as by_hand
from backend_in_use import only_on
from keras import layers
from test_exact_rules import RNG
from test_exact_rules import X
from test_exact_rules import Y
from test_exact_rules import codes
from test_exact_rules import exact
from test_exact_rules import fit
from test_exact_rules import only
from test_exact_rules import relu
from test_exact_rules import sequential
from test_exact_rules import with_facts
from test_exact_rules import with_forward

from keras_extras.diagnostics.changed_inputs import later_changed
from keras_extras.diagnostics.changed_inputs import padded_table
from keras_extras.diagnostics.constant_layers import ConstantLayers
from keras_extras.diagnostics.describe import describe_layers
from keras_extras.diagnostics.examine import examine
from keras_extras.diagnostics.fresh_weights import are_fresh
from keras_extras.diagnostics.fresh_weights import fresh_frozen_layers
from keras_extras.diagnostics.shared_rows import shared_rows
from keras_extras.diagnostics.structure import Output
from keras_extras.keras_internals.fit_arrays import FitArrays
from keras_extras.records.constant_layer import ConstantLayer
from keras_extras.records.data_facts import DataFacts
from keras_extras.records.moving_statistics import MovingStatistics
from keras_extras.records.nonfinite_origin import NonFiniteOrigin


def found(seen, code):
    """Returns the finding of that code, `None` without one."""
    return next((f for f in examine(seen) if f.code == code), None)


class Gate(layers.Layer):
    """Weighs its input by a score of one unit."""

    def __init__(self, activation, **arguments):
        super().__init__(**arguments)
        self.score = layers.Dense(1, activation, name="score")

    def call(self, x):
        return x * self.score(x)


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
def test_softmax_over_one_unit_within_a_model():
    model = sequential(Gate("softmax", name="gate"), relu())
    finding = only(fit(model), "constant-output")
    assert finding.layer == "gate/score"
    assert "has one element" in finding.evidence


def test_layer_that_takes_its_input_out_of_the_predictions():
    model = sequential(relu(), layers.Rescaling(0.0, name="none"))
    finding = only(fit(model), "constant-output")
    assert (finding.layer, finding.severity) == ("none", "error")
    gated = sequential(Gate("sigmoid"), layers.LayerNormalization(), relu())
    assert exact(fit(gated)) == []


def test_softmax_that_is_sure_of_one_class_is_no_constant():
    wide = keras.initializers.VarianceScaling(1e6)
    stack = [relu(), layers.Dense(4, "softmax", kernel_initializer=wide)]
    stack[1].bias_initializer = keras.initializers.Constant([1e6, 0.0, 0.0, 0.0])
    model = keras.Sequential([keras.Input((4,)), *stack])
    watched = ConstantLayers(model)
    with watched.watched():
        outputs = model(np.random.default_rng(0).normal(size=(8, 4)))
    assert len(np.unique(keras.ops.convert_to_numpy(outputs), axis=0)) == 1
    spreads = [keras.ops.convert_to_numpy(each) for each in watched.spreads()]
    assert watched.found(spreads, one_prediction=True) == ()


def test_constant_layers_are_judged_by_what_they_do():
    along_one = ConstantLayer("second", axis=True)
    assert codes(with_forward(by_hand.observe(last=0.5), constant=(along_one,))) == [
        "constant-output"
    ]
    of_output = with_forward(constant=(dataclasses.replace(along_one, name="head"),))
    assert found(of_output, "constant-output") is None
    mixed = with_forward(constant=(ConstantLayer("a", False),), depends=0.5)
    assert found(mixed, "constant-output") is None


def frozen_net(units=40):
    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.Input((40,)), relu(units), layers.Dense(4)])
    net.trainable = False
    return net


def test_weights_that_nobody_has_trained():
    net = frozen_net()
    assert fresh_frozen_layers(net) == tuple(layer.name for layer in net.layers)
    net.layers[0].bias.assign(np.full(40, 1e-4))  # as any training leaves it
    assert fresh_frozen_layers(net) == ()


@pytest.mark.parametrize(
    "initializer",
    [
        "glorot_uniform",
        "he_normal",
        keras.initializers.RandomNormal(0.1, 0.2),
        keras.initializers.RandomUniform(-0.2, 0.1),
        keras.initializers.TruncatedNormal(0.0, 0.3),
        keras.initializers.VarianceScaling(1.0, "fan_out", "untruncated_normal"),
    ],
)
def test_kernels_follow_their_initializer(initializer):
    keras.utils.set_random_seed(2)
    layer = layers.Conv2D(32, 3, kernel_initializer=initializer)
    layer.build((None, 8, 8, 8))
    assert are_fresh([layer])
    layer.kernel.assign(layer.kernel * 1.2)
    assert not are_fresh([layer])


def test_few_weights_and_other_initializers_tell_nothing():
    small, other = relu(), relu(64, kernel_initializer="orthogonal")
    small.build((None, 6))
    other.build((None, 64))
    assert not are_fresh([small])
    assert not are_fresh([other])
    assert not are_fresh([])


def with_frozen(seen=None, trainable=False):
    seen = by_hand.observe(last=0.5) if seen is None else seen
    first = dataclasses.replace(by_hand.HIDDEN[0], trainable=trainable)
    parts = (first, *seen.structure.layers[1:])
    return with_forward(with_facts(seen, layers=parts), fresh=("first",))


def test_frozen_layers_as_they_were_drawn():
    finding = found(with_frozen(), "frozen-random-weights")
    assert (finding.layer, finding.severity) == ("first", "warning")
    assert found(with_frozen(trainable=True), "frozen-random-weights") is None
    well = found(with_frozen(by_hand.observe(last=0.05)), "frozen-random-weights")
    assert well.severity == "info"


class Inferring(layers.Layer):
    """Normalises as in inference, whatever it is told."""

    def __init__(self, training=None, **arguments):
        super().__init__(**arguments)
        self.norm = layers.BatchNormalization(name="norm")
        self.training = training

    def call(self, x, training=None):
        return self.norm(x, training=training if self.training is None else False)


def test_moving_statistics_that_nobody_updates():
    still = fit(sequential(Inferring(False, name="inner"), relu()), epochs=4)
    finding = only(still, "frozen-statistics")
    assert finding.layer == "inner/norm"
    assert exact(fit(sequential(Inferring(), relu()), epochs=4)) == []


def moving(steps, mean=0.5, variance=0.04, momentum=0.99):
    left = momentum**steps
    values = np.full(4, (1 - left) * mean), left + (1 - left) * np.full(4, variance)
    return MovingStatistics("first", momentum, *values)


def lagging(steps, val_loss=2.0, **facts):
    losses = {"loss": [0.6, 0.5], "val_loss": [0.9, val_loss]}
    seen = by_hand.observe(samples=10, interval=1, last=0.5, epochs=losses)
    seen = dataclasses.replace(seen, last_step=steps - 1)
    return with_forward(seen, moving=(moving(steps, **facts),))


def test_moving_statistics_that_lag_behind():
    finding = found(lagging(50), "frozen-statistics")
    assert "61% of the moving statistics of 'first'" in finding.evidence
    assert found(lagging(500), "frozen-statistics") is None
    assert found(lagging(50, val_loss=0.5), "frozen-statistics") is None
    near = lagging(50, mean=0.1, variance=1.1)
    assert found(near, "frozen-statistics") is None


def arrays(x):
    return FitArrays(x, None, None, 32, True)


def test_rows_that_two_sets_share():
    x, other = RNG.normal(size=(200, 100)), RNG.normal(size=(60, 100))
    assert shared_rows(arrays(x), arrays(other)).number == 0
    other[:12] = x[50:62]
    shared = shared_rows(arrays(x), arrays(other))
    assert (shared.number, shared.share, shared.repeated) == (12, 0.2, 0.0)
    other[:12, 37] += 1e-9  # a column that is not among those looked at first
    assert shared_rows(arrays(x), arrays(other)).number == 0
    few = RNG.integers(0, 2, (200, 3)).astype("float32")
    assert shared_rows(arrays(few), arrays(few[:50])).repeated > 0.9
    assert shared_rows(arrays(x), None).number == 0


def leaked(share, rows, repeated=0.0):
    data = DataFacts(rows=100, leaked=share, leaked_rows=rows, repeated=repeated)
    return codes(with_facts(by_hand.observe(), data=data))


def test_rows_that_leak_into_the_validation_data():
    assert leaked(0.2, 20) == ["leaked-rows"]
    assert leaked(0.01, 20) == []
    assert leaked(0.2, 4) == []
    assert leaked(0.2, 20, repeated=0.3) == []
    finding = only(
        fit(sequential(relu()), validation_data=(X[:40], Y[:40])), "leaked-rows"
    )
    assert "100% of the validation rows" in finding.evidence


def repeating(kinds, rows=0, **facts):
    """Returns the first epoch of a training that sees so many batches in turns."""
    x = np.tile(by_hand.X[: 32 * kinds], (10 // kinds + 1, 1))[:320]
    seen = by_hand.batches(x=x)
    epochs = {"loss": [0.5]}
    observed = by_hand.observe(
        seen=seen, samples=10, interval=10, epochs=epochs, **facts
    )
    return codes(with_facts(observed, data=DataFacts(rows=rows)))


def test_batches_that_come_again_within_an_epoch():
    assert repeating(1) == ["repeated-data"]
    assert repeating(2) == ["repeated-data"]
    assert repeating(5) == []
    assert repeating(10) == []
    assert repeating(1, rows=320) == []


def first_step(optimizer="Adam", moved=3.0, **facts):
    built = by_hand.structure(settings=facts.pop("settings", {}), **facts)
    built = dataclasses.replace(built, optimizer=optimizer)
    updates = np.full((30, 3), 3e-3)
    updates[0] = moved
    seen = by_hand.observe(built, update_norm=updates)
    rates = {**seen.statistics, "learning_rate": np.full(30, 1e-3)}
    return codes(dataclasses.replace(seen, statistics=rates))


def test_first_step_that_is_larger_than_it_can_be():
    assert first_step()[0] == "optimizer-state"
    assert "optimizer-state" not in first_step(moved=8e-3)
    assert "optimizer-state" not in first_step("SGD")
    assert "optimizer-state" not in first_step(fresh=False)
    many = {"steps_per_execution": 1000.0}
    assert "optimizer-state" not in first_step(settings=many)


@pytest.mark.skipif(
    not hasattr(keras.optimizers, "ScheduleFreeAdamW"), reason="newer than Keras 3.14"
)
@only_on("tensorflow", because="a copy that is lost while a step is traced")
@pytest.mark.parametrize("built", [False, True])
def test_optimizer_that_loses_the_weights_in_its_first_step(built):
    model = sequential(relu())
    optimizer = keras.optimizers.ScheduleFreeAdamW(1e-3)
    if built:
        optimizer.build(model.trainable_variables)
    found = [f.code for f in exact(fit(model, optimizer=optimizer))]
    assert found == ([] if built else ["optimizer-state"])


def test_optimizer_that_has_trained_other_weights():
    seen = by_hand.observe(last=0.6)
    assert codes(with_facts(seen, stale=True)) == ["optimizer-state"]
    model = sequential(relu(200))
    first = model.get_weights()
    assert not fit(model)._evidence.is_stale
    model.set_weights(first)
    diagnostics = fit_again(model)
    assert diagnostics.observations.structure.stale
    assert not fit_again(model).observations.structure.stale


def fit_again(model):
    from keras_extras.callbacks import TrainingDiagnostics

    diagnostics = TrainingDiagnostics(verbose=0)
    model.fit(X, Y, verbose=0, callbacks=[diagnostics])
    return diagnostics


def two_outputs(price, kind, weights=(1.0, 1.0), units=3):
    outputs = (
        Output("mean_squared_error", name="price", layer="a", weight=weights[0]),
        Output(
            "sparse_categorical_crossentropy",
            name="kind",
            layer="b",
            units=units,
            weight=weights[1],
        ),
    )
    built = by_hand.structure(outputs=outputs)
    epochs = {"loss": [1.0] * 3, "price_loss": price, "kind_loss": kind}
    return found(by_hand.observe(built, epochs=epochs), "dominant-loss-term")


def test_output_that_leaves_another_no_say():
    finding = two_outputs([9e6, 5e6, 4e6], [1.10, 1.09, 1.09])
    assert "'kind'" in finding.evidence
    assert finding.layer == "b"
    assert two_outputs([9e6, 5e6, 4e6], [1.10, 0.8, 0.5]) is None
    assert two_outputs([9.0, 5.0, 4.0], [1.10, 1.09, 1.09]) is None
    assert two_outputs([9e6, 5e6, 4e6], [0.2, 0.2, 0.2]) is None
    assert two_outputs([9e6, 5e6, 4e6], [1.1, 1.1, 1.1], (1.0, 0.0)) is None


def added(penalty, last=0.69):
    seen = by_hand.batches(penalty=penalty)
    seen = tuple(dataclasses.replace(batch, loss=last + penalty) for batch in seen)
    seen = by_hand.observe(seen=seen, first=0.7 + penalty, last=last + penalty)
    return found(seen, "dominant-loss-term")


def test_added_term_that_leaves_the_data_no_say():
    assert "`add_loss`" in added(70.0).evidence
    assert added(0.7) is None
    assert added(70.0, last=0.1) is None


PADDED = np.array([[5, 3, 0, 0], [2, 0, 0, 0], [4, 4, 1, 5], [1, 2, 3, 0]])


def test_padding_is_told_from_tokens():
    model = keras.Sequential([keras.Input((4,)), layers.Embedding(6, 3)])
    assert padded_table(model, PADDED) is model.layers[0]
    assert padded_table(model, PADDED[:, ::-1]) is model.layers[0]
    within = PADDED.copy()
    within[2, 1] = 0
    assert padded_table(model, within) is None
    assert padded_table(model, PADDED[2:3]) is None
    assert padded_table(model, PADDED.astype("float32")) is None
    positions = keras.Sequential([keras.Input((4,)), layers.Embedding(4, 3)])
    assert padded_table(positions, PADDED) is None


@pytest.mark.parametrize("masked", [False, True])
def test_padding_that_a_recurrent_layer_reads(masked):
    keras.utils.set_random_seed(0)
    lengths = RNG.integers(1, 9, 96)
    x = np.where(np.arange(12) < lengths[:, None], RNG.integers(1, 9, (96, 12)), 0)
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            layers.Embedding(9, 4, mask_zero=masked),
            layers.SimpleRNN(4),
            layers.Dense(1, "sigmoid"),
        ]
    )
    padding = fit(model, x.astype("int32"), epochs=1).observations.forward.padding
    assert (padding > 0.02) is not masked


def test_padding_is_named_where_nothing_is_learnt():
    seen = with_forward(by_hand.observe(**by_hand.BAD), padding=0.3)
    assert "padding-not-masked" in codes(seen)
    assert "padding-not-masked" not in codes(with_forward(padding=0.3))


def test_answers_that_are_seen_and_predictions_that_vary_anyway():
    assert codes(with_forward(looks_ahead=0.3)) == ["leaked-target"]
    assert codes(with_forward(looks_ahead=0.3, varies=0.3)) == ["random-evaluation"]
    mixed = with_forward(by_hand.observe(last=0.5), looks_ahead=0.3, depends=0.3)
    assert codes(mixed) == ["rows-not-independent"]


def test_targets_that_are_one_place_ahead():
    words = RNG.integers(0, 9, (8, 7))
    x, y = words[:, :-1], words[:, 1:]
    changed = later_changed(x, y)
    assert np.array_equal(changed[:, :3], x[:, :3])
    assert not np.array_equal(changed, x)
    assert later_changed(x, y[..., None]) is not None
    assert later_changed(x, x) is None
    assert later_changed(x, y[:, ::-1]) is None
    assert later_changed(x, None) is None
    series = RNG.normal(size=(8, 7, 3))
    assert later_changed(series[:, :-1], series[:, 1:, :1]) is not None


class Mean(layers.Layer):
    """Averages what was before each position, or all positions."""

    def __init__(self, causal, **arguments):
        super().__init__(**arguments)
        self.causal = causal

    def call(self, x):
        total = keras.ops.cumsum(x, axis=1)
        return x + (total if self.causal else total[:, -1:])


@pytest.mark.parametrize("causal", [False, True])
def test_language_model_that_sees_what_it_is_to_predict(causal):
    keras.utils.set_random_seed(0)
    words = RNG.integers(0, 9, (96, 9)).astype("int32")
    model = keras.Sequential(
        [
            keras.Input((8,), dtype="int32"),
            layers.Embedding(9, 4),
            Mean(causal),
            layers.Dense(9, "softmax"),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    found = exact(fit(model, words[:, :-1], words[:, 1:], loss=loss, epochs=1))
    assert [f.code for f in found] == ([] if causal else ["leaked-target"])


def test_several_labels_under_softmax():
    y = (RNG.normal(size=(320, 4)) > 0.2).astype(float)
    built = by_hand.structure("categorical_crossentropy", "softmax", 4)
    seen = by_hand.batches(y=y, predictions=np.full((320, 4), 0.25))
    finding = found(by_hand.observe(built, seen), "output-loss-mismatch")
    assert finding.severity == "warning"
    assert "several labels" in finding.evidence
    rewarded = np.eye(4)[RNG.integers(0, 4, 320)] * RNG.normal(size=(320, 1)) * 3.0
    seen = by_hand.batches(y=rewarded, predictions=np.full((320, 4), 0.25))
    assert codes(by_hand.observe(built, seen)) == []


@pytest.mark.parametrize("precision", ["float16", "float32", "bfloat16"])
def test_nan_of_half_precision_says_so(precision):
    first = dataclasses.replace(by_hand.HIDDEN[0], precision=precision)
    built = by_hand.structure(layers=(first, by_hand.HIDDEN[1], by_hand.head()))
    seen = by_hand.observe(built)
    origin = NonFiniteOrigin(step=100, kind="activation", layer="first")
    finding = found(dataclasses.replace(seen, nonfinite=origin), "nan-loss")
    said = "65,504" in finding.evidence and 'dtype="float32"' in finding.remedy
    assert said is (precision == "float16")


def test_layers_say_what_they_compute_in():
    half = relu(dtype="mixed_float16")
    first, last = describe_layers(sequential(half))
    assert first.precision == half.compute_dtype
    assert last.precision == "float32"
