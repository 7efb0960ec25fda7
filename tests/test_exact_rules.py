"""Exact tests of silent errors: each names its own, and not a healthy twin."""

import dataclasses
import warnings

import keras
import numpy as np
import pytest
import test_diagnosis as by_hand
from backend_in_use import JIT
from backend_in_use import NAME as BACKEND
from keras import layers
from keras import ops

from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.diagnostics import FailedTrainingError
from keras_extras.diagnostics.causes import EXACT
from keras_extras.diagnostics.describe_data import weighted_constant
from keras_extras.diagnostics.examine import examine
from keras_extras.diagnostics.neighbours import relation
from keras_extras.diagnostics.rules.exact.targets import leaked_target
from keras_extras.diagnostics.structure import Output
from keras_extras.layers import MCDropout
from keras_extras.records.data_facts import DataFacts
from keras_extras.records.forward_facts import ForwardFacts

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")


def relu(units=8, **arguments):
    return layers.Dense(units, "relu", **arguments)


def fit(built, x=X, y=Y, loss="binary_crossentropy", optimizer="adam", **arguments):
    """Returns the diagnostics of a short training."""
    built.compile(optimizer, loss, jit_compile=JIT)
    diagnostics = TrainingDiagnostics(every=1, verbose=0)
    arguments = {"epochs": 2, "batch_size": 16, **arguments}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Gradients do not exist")
        built.fit(x, y, verbose=0, callbacks=[diagnostics], **arguments)
    return diagnostics


def sequential(*hidden, last="sigmoid"):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(1, last)])


def exact(diagnostics):
    """Returns the findings of exact tests."""
    return [f for f in diagnostics.findings if f.code in EXACT]


def only(diagnostics, code):
    (finding,) = exact(diagnostics)
    assert finding.code == code
    return finding


class Stop(layers.Layer):
    def call(self, x):
        return ops.stop_gradient(x)


class Noisy(layers.Layer):
    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.drop = layers.Dropout(0.5, name="drop")

    def call(self, x):
        return self.drop(x, training=True)


class Holder:
    """Holds a layer where Keras does not look for one."""

    def __init__(self, layer):
        self.layer = layer


class Hidden(keras.Model):
    def __init__(self, layer):
        super().__init__()
        self.inner = layer
        self.out = layers.Dense(1, "sigmoid")

    def call(self, x):
        return self.out(getattr(self.inner, "layer", self.inner)(x))


class Squared(keras.losses.Loss):
    """Compares what it gets, in whatever shape."""

    def call(self, y_true, y_pred):
        return ops.square(y_true - y_pred)


def test_healthy_training_has_no_exact_finding():
    assert exact(fit(sequential(relu(), layers.Dropout(0.3), relu()))) == []


def test_gradient_that_is_cut_off():
    net = sequential(relu(name="a"), relu(name="b"), Stop(name="stop"), relu(name="c"))
    finding = only(fit(net), "no-gradient")
    assert finding.layer == "b"
    assert "between 'b' and 'c', where 'stop' stands" in finding.evidence
    assert "'a', 'b'" in finding.evidence


def test_layers_that_nobody_asks_for_need_no_gradient():
    frozen = relu(trainable=False)
    assert exact(fit(sequential(frozen, relu()))) == []


def with_inner(layer, holder=None):
    keras.utils.set_random_seed(0)
    layer.build((None, 6))
    return Hidden(layer if holder is None else holder(layer))


def test_layer_that_the_model_does_not_own():
    model = with_inner(relu(name="lost"), Holder)
    finding = only(fit(model), "untracked-variables")
    assert "lost/kernel" in finding.evidence
    assert finding.severity == "error"


def test_layer_that_the_model_owns_or_that_does_not_train():
    assert exact(fit(with_inner(relu()))) == []
    assert exact(fit(with_inner(relu(trainable=False), Holder))) == []


def test_dropout_that_is_active_in_evaluation():
    finding = only(fit(sequential(relu(), Noisy(name="noisy"))), "random-evaluation")
    assert finding.severity == "warning"
    # On torch a layer without a seed draws from torch itself, which tells no layer.
    assert finding.layer == (None if BACKEND == "torch" else "noisy/drop")


def test_random_numbers_that_were_asked_for_are_advice():
    finding = only(fit(sequential(relu(), MCDropout(0.5))), "random-evaluation")
    assert finding.severity == "info"


def test_calls_beside_a_training_change_nothing_of_it():
    def weights(diagnosed):
        keras.utils.set_random_seed(3)
        model = sequential(relu(), Noisy(), layers.GaussianNoise(0.1))
        model.compile("adam", "binary_crossentropy", jit_compile=JIT)
        callbacks = [TrainingDiagnostics(every=1, verbose=0)] if diagnosed else []
        model.fit(X, Y, epochs=3, batch_size=16, verbose=0, callbacks=callbacks)
        drawn = keras.random.normal((2,))
        return [*model.get_weights(), ops.convert_to_numpy(drawn), np.random.rand()]

    for plain, beside in zip(weights(False), weights(True)):
        np.testing.assert_array_equal(plain, beside)


class AcrossRows(layers.Layer):
    axis = 0

    def call(self, x):
        return ops.softmax(x, axis=self.axis)


class WithinRows(AcrossRows):
    axis = -1


def test_rows_that_depend_on_each_other():
    finding = only(fit(sequential(relu(), AcrossRows())), "rows-not-independent")
    assert "axis=0" in finding.remedy
    assert exact(fit(sequential(relu(), WithinRows()))) == []
    normed = sequential(relu(), layers.BatchNormalization())
    assert exact(fit(normed)) == []


@pytest.mark.parametrize(
    ("loss", "y", "expected"),
    [
        (Squared(), Y, ["broadcast-loss"]),
        (Squared(), Y[:, None], []),
        ("mse", Y, []),
    ],
)
def test_loss_that_compares_each_row_with_all(loss, y, expected):
    found = exact(fit(sequential(relu(), last=None), y=y, loss=loss))
    assert [finding.code for finding in found] == expected
    assert all("(rows, 1)" in finding.evidence for finding in found)


def test_validation_split_of_sorted_rows():
    order = np.argsort(X[:, 0])
    kinds = np.digitize(X[order, 0], np.quantile(X[:, 0], [0.25, 0.5, 0.75]))
    model = sequential(relu(), layers.Dense(4, "softmax"))
    model = keras.Sequential(model.layers[:-1])
    several = {"loss": "sparse_categorical_crossentropy", "validation_split": 0.25}
    finding = only(fit(model, X[order], kinds, **several), "unshuffled-data")
    assert finding.severity == "error"
    assert "100% of the validation rows" in finding.evidence
    assert "`validation_split` took the last rows" in finding.evidence
    mixed = RNG.permutation(len(order))
    assert exact(fit(model, X[order][mixed], kinds[mixed], **several)) == []


def still(rate, gradient=1.0, **facts):
    seen = by_hand.observe(
        update_norm=0.0, gradient_norm=gradient, **by_hand.BAD, **facts
    )
    rates = {**seen.statistics, "learning_rate": np.full(30, rate)}
    return dataclasses.replace(seen, statistics=rates)


def codes(seen):
    return [f.code for f in examine(seen) if f.severity != "info"]


def test_weights_that_stay_what_they_are():
    first, *others = examine(still(0.0))
    assert (first.code, first.layer) == ("not-updated", None)
    assert "the learning rate is 0" in first.evidence
    assert all(f.cause == "not-updated" for f in others)
    assert codes(still(1e-2))[0] == "not-updated"


def test_steps_too_small_to_be_seen_are_a_low_rate():
    assert "not-updated" not in codes(still(1e-12))
    assert "not-updated" not in codes(still(1e-2, gradient=1e-12))
    assert codes(by_hand.observe(update_norm=0.0, last=0.05)) == []


def with_facts(seen, **facts):
    built = dataclasses.replace(seen.structure, **facts)
    return dataclasses.replace(seen, structure=built)


def with_forward(seen=None, **facts):
    seen = by_hand.observe() if seen is None else seen
    return with_facts(seen, forward=ForwardFacts(**facts))


def test_facts_of_calls_are_judged_by_what_they_do():
    assert codes(with_forward()) == []
    assert codes(with_forward(varies=1e-6, depends=1e-3)) == []
    assert codes(with_forward(varies=0.1, depends=0.5)) == ["random-evaluation"]
    assert codes(with_forward(by_hand.observe(last=0.5), depends=0.5)) == [
        "rows-not-independent"
    ]
    (lost,) = examine(with_forward(unowned=tuple("abcdef")))
    assert (lost.code, lost.severity) == ("untracked-variables", "warning")
    assert "and 2 more" in lost.evidence


TOKENS = RNG.integers(0, 20, (320, 8)).astype(float)


def language_model(y, copies=True, **facts):
    built = dataclasses.replace(
        by_hand.structure(),
        outputs=(
            Output("sparse_categorical_crossentropy", True, "linear", "head", 20),
        ),
    )
    seen = by_hand.batches(
        x=TOKENS, y=y, predictions=np.zeros((320, 20)), dtype="int32"
    )
    seen = by_hand.observe(built, seen, first=3.0, last=0.1, **facts)
    return with_forward(seen, copies=copies)


def test_shift_that_was_forgotten():
    assert codes(language_model(TOKENS)) == ["target-equals-input"]
    assert codes(language_model(TOKENS, copies=False)) == []
    assert codes(language_model(np.roll(TOKENS, -1, axis=1))) == []


def labelled(x, loss="binary_crossentropy"):
    built = by_hand.structure(loss)
    return by_hand.observe(built, by_hand.batches(x=x))


def test_label_among_the_features():
    x = by_hand.X.copy()
    assert codes(labelled(x)) == []
    x[:, 5] = 3.0 - by_hand.LABELS[:, 0]
    (finding,) = [f for f in examine(labelled(x)) if f.code == "leaked-target"]
    assert "column 5 " in finding.evidence
    x[0, 5] = 2.5  # all but one row
    assert codes(labelled(x)) == []


def test_flags_of_the_classes_among_the_features():
    x = by_hand.X.copy()
    x[:, 4:7] = by_hand.ONE_HOT
    built = by_hand.structure("categorical_crossentropy", "softmax", 3)
    seen = by_hand.observe(built, by_hand.batches(x=x, y=by_hand.ONE_HOT))
    (finding,) = leaked_target(seen)
    assert "column 4, 5, 6 " in finding.evidence
    x[:, 5] = by_hand.X[:, 5]
    seen = by_hand.observe(built, by_hand.batches(x=x, y=by_hand.ONE_HOT))
    assert list(leaked_target(seen)) == []


def in_order(y, order, **facts):
    built = by_hand.structure("sparse_categorical_crossentropy", "softmax", 5)
    shares = np.full((320, 5), 0.2)
    seen = by_hand.batches(y=y[order][:, None], predictions=shares)
    return by_hand.observe(built, seen, **facts)


def test_classes_that_come_one_after_the_other():
    kinds = np.repeat(np.arange(5.0), 64)
    sorted_rows, mixed = np.arange(320), RNG.permutation(320)
    assert codes(in_order(kinds, sorted_rows)) == ["unshuffled-data"]
    assert codes(in_order(kinds, mixed)) == []
    right = {"val_accuracy": [0.5, 0.9]}
    assert codes(in_order(kinds, sorted_rows, epochs=right)) == []


def test_classes_of_the_validation_data_that_are_new():
    seen = by_hand.observe()
    for share, expected in ((0.3, "error"), (0.1, "warning")):
        data = DataFacts(missing=share, missing_classes=(8.0, 9.0))
        (finding,) = examine(with_facts(seen, data=data))
        assert (finding.code, finding.severity) == ("unshuffled-data", expected)
        assert ": 8, 9" in finding.evidence
    few = with_facts(seen, data=DataFacts(missing=0.01))
    assert codes(few) == []


def rare(share, named=0.1, metrics=("accuracy",), weighted=False):
    y = (np.arange(320) % round(1.0 / share) == 0).astype(float)[:, None]
    built = by_hand.with_output(by_hand.structure(), metrics=metrics)
    seen = by_hand.batches(y=y, predictions=np.where(y > 0, named, 0.1))
    seen = tuple(dataclasses.replace(batch, weighted=weighted) for batch in seen)
    epochs = {"loss": [0.7, 0.2], "accuracy": [1 - share] * 2}
    observed = by_hand.observe(built, seen, last=0.2, epochs=epochs)
    return dataclasses.replace(observed, recent=seen)


def test_class_that_is_named_whatever_the_model_sees():
    assert codes(rare(0.1)) == ["imbalanced-classes"]
    assert "90% of the targets are of class 0" in examine(rare(0.1))[0].evidence
    assert "imbalanced-classes" not in codes(rare(0.1, named=0.9))
    assert "imbalanced-classes" not in codes(rare(0.5))
    assert "imbalanced-classes" not in codes(rare(0.1, metrics=("accuracy", "auc")))
    assert "imbalanced-classes" not in codes(rare(0.1, weighted=True))


@pytest.mark.parametrize(
    ("loss", "y", "weights", "expected"),
    [
        ("mean_squared_error", [0.0, 2.0], [1.0, 1.0], 1.0),
        ("mean_squared_error", [0.0, 2.0], [3.0, 1.0], 1.5),  # 4 / 2 of 0.75
        ("binary_crossentropy", [0.0, 1.0] * 16, [1.0, 1.0] * 16, np.log(2)),
        ("binary_crossentropy", [0.0, 1.0] * 16, [0.0, 1.0] * 16, 0.0),
        ("custom", [0.0, 1.0], [1.0, 1.0], np.nan),
    ],
)
def test_constant_of_weighted_rows(loss, y, weights, expected):
    found = weighted_constant(Output(loss), np.array(y), np.array(weights))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_class_weights_have_a_constant_of_their_own():
    diagnostics = fit(sequential(relu()), class_weight={0: 1.0, 1: 3.0})
    outcome = diagnostics.observations.outcome
    share = Y.mean()
    total = 1.0 - share + 3.0 * share
    p = 3.0 * share / total
    expected = -total * (p * np.log(p) + (1 - p) * np.log(1 - p))
    np.testing.assert_allclose(outcome.baseline, expected, rtol=1e-5)


def long(last=0.693, **facts):
    epochs = {"loss": [0.7, last], "accuracy": [0.5, 0.5]}
    return by_hand.observe(first=0.7, last=last, epochs=epochs, **facts)


def test_training_at_chance_is_never_silent():
    noise = by_hand.batches(y=RNG.permutation(by_hand.LABELS))
    (finding,) = examine(long(seen=noise))
    if finding.code == "not-learning":  # or it says more: that labels are wrong
        assert finding.severity == "warning"
        assert "may be noise" in finding.evidence
    (learnable,) = examine(long())
    assert (learnable.code, learnable.severity) == ("not-learning", "error")
    assert "always to name the most frequent class" in learnable.evidence
    assert examine(long(last=0.2)) == []


def test_noise_is_told_from_what_could_be_learnt():
    numbers = RNG.normal(size=(320, 1))
    built = by_hand.structure("mean_squared_error", "linear")
    level = float(np.var(numbers))
    epochs = {"loss": [level, level]}
    seen = by_hand.observe(
        built, by_hand.batches(y=numbers), first=level, last=level, epochs=epochs
    )
    (finding,) = examine(seen)
    assert (finding.code, finding.severity) == ("not-learning", "warning")
    assert "may be noise" in finding.evidence


def test_first_finding_of_a_training_that_came_to_nothing_is_an_error():
    ill = {"activation_saturated_fraction": 0.6}
    first = examine(long(**ill))[0]
    assert (first.code, first.severity) == ("saturated-activation", "error")
    halfway = examine(long(last=0.5, **ill))[0]
    assert halfway.severity == "warning"


def test_error_can_raise():
    broken = X.copy()
    broken[3, 2] = np.nan
    model = sequential(relu(), last=None)
    model.compile("adam", "mse", jit_compile=JIT)
    diagnostics = TrainingDiagnostics(verbose=0, actions="raise")
    with pytest.raises(FailedTrainingError, match="nan-loss") as raised:
        model.fit(broken, Y, epochs=3, verbose=0, callbacks=[diagnostics])
    assert raised.value.findings[0].code == "nan-loss"
    assert diagnostics.findings[0].code == "nan-loss"


def pixels(y):
    x = np.round(8.0 * by_hand.X).clip(-50, 50) + 50.0
    return by_hand.observe(seen=by_hand.batches(x=x, y=y, dtype="uint8"))


def test_whole_numbers_have_neighbours_too():
    assert relation(pixels(by_hand.LABELS)) > 3.0
    assert abs(relation(pixels(RNG.permutation(by_hand.LABELS)))) < 2.5


def test_tokens_are_near_each_other_where_rows_share_them():
    kinds = RNG.integers(0, 2, 320)
    tokens = RNG.integers(0, 40, (320, 8)) + 40 * kinds[:, None] * RNG.integers(
        0, 2, (320, 8)
    )
    embedded = by_hand.LayerSpec("embedding", "Embedding")
    built = by_hand.structure(layers=(embedded, *by_hand.HIDDEN, by_hand.head()))
    y = kinds[:, None].astype(float)
    seen = by_hand.batches(x=tokens.astype(float), y=y, dtype="int32")
    assert relation(by_hand.observe(built, seen)) > 3.0


def test_outputs_and_losses_belong_together_by_name():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    hidden = relu()(inputs)
    outputs = {
        "which": layers.Dense(2, "softmax", name="which")(hidden),
        "size": layers.Dense(1, name="size")(hidden),
    }
    losses = {"which": "sparse_categorical_crossentropy", "size": "mse"}
    y = {"which": Y.astype("int32"), "size": X[:, :1]}
    diagnostics = fit(keras.Model(inputs, outputs), y=y, loss=losses)
    found = {o.layer: o.loss for o in diagnostics.observations.structure.outputs}
    assert found == {
        "which": "sparse_categorical_crossentropy",
        "size": "mean_squared_error",
    }
    assert diagnostics.findings == []


class Similarities(keras.Model):
    """Hands its loss similarities of rows, one of each with each."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **_):
        rows = ops.normalize(y_pred)
        places = ops.arange(ops.shape(rows)[0])
        return super().compute_loss(
            y=places, y_pred=ops.matmul(rows, ops.transpose(rows))
        )


def test_what_the_loss_sees_is_not_the_last_layer():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    model = Similarities(inputs, layers.Dense(4)(relu()(inputs)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    diagnostics = fit(model, loss=loss)
    assert "output-loss-mismatch" not in [f.code for f in diagnostics.findings]


def clipped(limit, name="clipnorm", **facts):
    built = by_hand.structure(settings={name: limit})
    return by_hand.observe(built, **{**by_hand.BAD, **facts})


def test_clipping_that_leaves_next_to_nothing():
    first = examine(clipped(1e-3))[0]
    assert first.code == "clipping-too-strong"
    assert "`clipnorm=0.001` leaves 0.001" in first.evidence
    assert "clipping-too-strong" in codes(clipped(1e-3, "global_clipnorm"))
    assert "clipping-too-strong" not in codes(clipped(0.5))
    assert "clipping-too-strong" not in codes(clipped(1e-3, last=0.05))
    spikes = np.where(np.arange(30)[:, None] % 5 == 0, 1.0, 0.01)
    assert "clipping-too-strong" not in codes(clipped(5e-3, gradient_norm=spikes))


def test_validation_data_on_another_scale():
    model = sequential(relu(), last=None)
    y = X[:, 0] * 2.0
    other = {"validation_data": (X * 16.0, y), "loss": "mse"}
    finding = only(fit(model, y=y, **other), "validation-differs")
    assert "16 times as far" in finding.evidence
    same = {**other, "validation_data": (X[:48] * 1.5 + 0.3, y[:48])}
    assert exact(fit(model, y=y, **same)) == []


def test_other_validation_data_that_do_no_harm():
    epochs = {"loss": [0.7, 0.2], "val_loss": [0.7, 0.2]}
    seen = with_facts(by_hand.observe(epochs=epochs), data=DataFacts(shift=8.0))
    assert codes(seen) == []
    worse = by_hand.observe(epochs={**epochs, "val_loss": [0.7, 0.9]})
    assert codes(with_facts(worse, data=DataFacts(shift=8.0))) == ["validation-differs"]
