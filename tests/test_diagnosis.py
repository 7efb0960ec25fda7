"""What structure, data and the course of the loss tell, on evidence made by hand."""

import dataclasses

import numpy as np
import pytest

from keras_extras.diagnostics.examine import examine
from keras_extras.diagnostics.loss_curve import LossCurve
from keras_extras.diagnostics.neighbours import neighbour_score
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.report import text_report
from keras_extras.diagnostics.structure import Kernel
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.diagnostics.structure import Output
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.batch_tensor import BatchTensor
from keras_extras.records.layer_info import LayerInfo
from keras_extras.records.nonfinite_origin import NonFiniteOrigin

FEATURES = 8
RNG = np.random.default_rng(0)
X = RNG.normal(size=(320, FEATURES))
LABELS = (X[:, 0] > 0).astype(float)[:, None]
NUMBERS = X[:, :1] - X[:, 1:2]
ONE_HOT = np.eye(3)[np.digitize(X[:, 0], [-0.5, 0.5])]


def kernel(fan_in=FEATURES, units=16, **facts):
    rms = float(np.sqrt(2.0 / fan_in))
    return Kernel(fan_in, units, **{"rms": rms, "alike": False, **facts})


def dense(name, before=(), activation="relu", **facts):
    known = {"weights": 100, "kernel": kernel(), "head": "Dense(16"}
    return LayerSpec(
        name, "Dense", activation, inputs=tuple(before), **{**known, **facts}
    )


HIDDEN = dense("first"), dense("second", ["first"])


def head(activation="sigmoid", units=1):
    return dense("head", ["second"], activation, kernel=kernel(16, units))


def structure(loss="binary_crossentropy", activation="sigmoid", units=1, **facts):
    output = Output(loss, False, activation, "head", units, ("accuracy",))
    known = {"layers": (*HIDDEN, head(activation, units)), "outputs": (output,)}
    return Structure(optimizer="Adam", **{**known, **facts})


def with_output(built, **facts):
    (output,) = built.outputs
    return dataclasses.replace(built, outputs=(dataclasses.replace(output, **facts),))


def tensor(values, dtype="float32", shape=None):
    shape = values.shape[1:] if shape is None else shape
    return BatchTensor(values.astype("float32"), shape, dtype)


def batches(x=X, y=LABELS, predictions=None, penalty=0.0, **facts):
    predictions = np.full_like(y, 0.5) if predictions is None else predictions
    return tuple(
        BatchRows(
            step=step,
            loss=0.7 + penalty,
            penalty=penalty,
            inputs=(tensor(part, **facts),),
            targets=(tensor(y[step * 32 : step * 32 + 32]),),
            predictions=(tensor(predictions[step * 32 : step * 32 + 32]),),
        )
        for step, part in enumerate(np.split(x, 10))
    )


def observe(
    built=None,
    seen=None,
    first=0.7,
    last=0.1,
    samples=30,
    interval=10,
    epochs=None,
    **statistics,
):
    """Returns observations of a training that goes well, but for the arguments."""
    built = structure() if built is None else built
    layers = tuple(
        LayerInfo(p.name, p.kind, p.activation, ("kernel",), (64,))
        for p in built.layers
    )
    healthy = {
        "gradient_norm": 1.0,
        "weight_norm": 3.0,
        "update_norm": 3e-3,
        "activation_dead_fraction": 0.1,
        "activation_saturated_fraction": 0.1,
        "activation_values_per_unit": 32.0,
    }
    shape = (samples, len(layers))
    values = {**healthy, **statistics}
    seen = batches() if seen is None else seen
    return Observations(
        layers=layers,
        steps=np.arange(samples) * interval,
        statistics={k: np.broadcast_to(v, shape).copy() for k, v in values.items()},
        last_step=(samples - 1) * interval,
        structure=built,
        early=seen,
        recent=seen[-3:],
        losses=np.linspace(first, last, samples),
        loss_counts=np.full(samples, float(interval)),
        epochs={k: np.asarray(v, float) for k, v in (epochs or {}).items()},
    )


BAD = {"first": 0.7, "last": 0.69}


def claims(seen):
    return [f.code for f in examine(seen) if f.severity != "info"]


def test_training_that_goes_well_is_silent():
    assert examine(observe()) == []


def returned(output):
    """Returns predictions as such an output makes them."""
    activation, units = output.get("activation"), output.get("units", 1)
    values = {
        "linear": X,
        "relu": np.maximum(X, 0.0),
        "softmax": np.ones_like(X) / units,
    }
    return values.get(activation, np.full_like(X, 0.5))[:, :units]


@pytest.mark.parametrize(
    ("output", "y"),
    [
        ({"activation": "softmax"}, LABELS),
        ({"activation": "linear"}, LABELS),
        ({"activation": "relu"}, LABELS),
        ({"activation": "relu", "from_logits": True}, LABELS),
        ({}, 2.0 * LABELS - 1.0),
        ({"loss": "categorical_crossentropy"}, LABELS),
        (
            {"loss": "categorical_crossentropy", "activation": "linear", "units": 3},
            ONE_HOT,
        ),
        ({"loss": "sparse_categorical_crossentropy", "activation": "softmax"}, LABELS),
        (
            {
                "loss": "sparse_categorical_crossentropy",
                "activation": "softmax",
                "units": 3,
            },
            NUMBERS,
        ),
        ({"loss": "mean_squared_error", "activation": "sigmoid"}, NUMBERS),
        ({"loss": "mean_squared_error", "activation": "relu"}, NUMBERS),
        ({"loss": "mean_squared_error", "activation": "softmax", "units": 3}, ONE_HOT),
        ({"loss": "mean_squared_error", "activation": "linear"}, LABELS),
        ({"loss": "mean_absolute_percentage_error"}, LABELS),
        ({"loss": "poisson", "activation": "sigmoid"}, np.abs(NUMBERS * 3.0).round()),
    ],
)
def test_output_that_does_not_fit(output, y):
    built = with_output(structure(), **output)
    seen = batches(y=y, predictions=returned(output))
    found = examine(observe(built, seen, **BAD))
    assert found[0].code == "output-loss-mismatch"
    assert found[0].layer == "head"
    assert found[0].severity in ("error", "warning")


@pytest.mark.parametrize(
    ("output", "y"),
    [
        ({"activation": "linear", "from_logits": True}, LABELS),
        ({"activation": "sigmoid", "from_logits": True}, LABELS),  # Keras unwraps it
        ({"activation": None}, LABELS),
        ({"loss": "mean_squared_error", "activation": "linear"}, NUMBERS),
        ({"loss": "mean_squared_error", "activation": "sigmoid"}, np.abs(X[:, :1]) / 9),
        ({"loss": "huber", "activation": "tanh"}, NUMBERS / 9),
        (
            {"loss": "categorical_crossentropy", "activation": "softmax", "units": 3},
            ONE_HOT,
        ),
        ({"loss": "poisson", "activation": "exponential"}, np.abs(NUMBERS).round()),
        ({"loss": "custom", "activation": "linear"}, NUMBERS),
        ({"loss": "", "activation": "linear"}, LABELS),
    ],
)
def test_output_that_fits(output, y):
    built = with_output(structure(), **output)
    assert examine(observe(built, batches(y=y), first=0.01, last=1e-4)) == []


@pytest.mark.parametrize("activation", ["linear", "relu", "my_sigmoid"])
def test_predictions_have_the_last_word(activation):
    built = with_output(structure(), activation=activation)
    assert claims(observe(built, batches(predictions=np.abs(LABELS - 0.1)))) == []


@pytest.mark.parametrize(
    ("loss", "values", "expected"),
    [
        ("binary_crossentropy", 4.0 * LABELS - 2.0, ["output-loss-mismatch"]),
        ("binary_crossentropy", 0.9 * LABELS + 0.05, []),
        ("categorical_crossentropy", 3.0 * ONE_HOT - 1.0, ["output-loss-mismatch"]),
        ("categorical_crossentropy", 3.0 * ONE_HOT + 0.1, []),  # Keras divides
    ],
)
def test_what_cannot_be_a_probability_is_no_advice(loss, values, expected):
    y = LABELS if values.shape[1] == 1 else ONE_HOT
    built = structure(loss, "linear", y.shape[1])
    seen = observe(built, batches(y=y, predictions=values), last=0.01)
    assert seen.outcome.is_excellent
    assert claims(seen) == expected


def test_what_was_lost_since_is_no_merit():
    epochs = {"val_loss": [0.6, 0.4, 0.3, 0.5, 0.7, 0.7, 0.7, 0.7, 0.7]}
    assert observe(epochs=epochs, **BAD).outcome.skill < 0.02
    assert observe(epochs={"val_loss": [0.69, 0.6, 0.5]}, **BAD).outcome.skill > 0.15


def test_targets_a_little_out_of_reach_do_no_harm():
    built = with_output(structure(), loss="mean_squared_error", activation="tanh")
    noisy = np.sin(3.0 * X[:, :1]) + 0.1 * X[:, 1:2]
    assert (np.abs(noisy) > 1.0).mean() > 0.05
    assert claims(observe(built, batches(y=noisy, predictions=noisy / 2.0))) == []


def test_class_that_the_loss_ignores():
    built = with_output(
        structure(),
        loss="sparse_categorical_crossentropy",
        activation="softmax",
        units=2,
        ignored=255,
    )
    y = np.where(X[:, 1:2] > 1.0, 255.0, LABELS)
    sure = np.tile([[0.3, 0.7]], (len(X), 1))
    assert claims(observe(built, batches(y=y, predictions=sure))) == []


def test_loss_of_ones_own_is_never_poor():
    built = with_output(structure(), loss="custom", activation="linear")
    seen = observe(built, batches(y=NUMBERS), activation_dead_fraction=0.99, **BAD)
    assert claims(seen) == []
    assert not seen.outcome.is_known


def test_few_targets_leave_room_for_doubt():
    rare = (np.arange(320) % 40 == 0).astype(float)[:, None]
    baseline = observe(seen=batches(y=rare)).outcome.baseline
    stuck = {"first": baseline, "last": baseline}
    assert not observe(seen=batches(y=rare), **stuck).outcome.is_poor
    assert observe(**BAD).outcome.is_poor


def test_shares_can_be_predicted_no_better_than_they_are():
    shares = np.full_like(LABELS, 0.5) + 0.3 * np.sign(X[:, :1])
    least = float(-0.2 * np.log(0.2) - 0.8 * np.log(0.8))
    seen = observe(seen=batches(y=shares), first=0.7, last=least)
    assert seen.outcome.skill > 0.9


def test_classes_of_a_sequence_are_judged_step_by_step():
    built = with_output(
        structure(),
        loss="categorical_crossentropy",
        activation="softmax",
        units=3,
    )
    steps = np.tile(ONE_HOT, (1, 4))
    seen = tuple(
        dataclasses.replace(b, targets=(tensor(b.targets[0].values, shape=(4, 3)),))
        for b in batches(y=steps)
    )
    assert examine(observe(built, seen)) == []
    assert observe(built, seen).outcome.baseline < np.log(3) + 0.01


def test_several_outputs_are_judged_without_guessing_their_targets():
    built = structure()
    two = dataclasses.replace(built, outputs=built.outputs * 2)
    assert examine(observe(two, batches(y=NUMBERS * 3.0))) == []


def test_softmax_of_a_hidden_layer():
    parts = (dense("first", (), "softmax"), HIDDEN[1], head())
    (finding,) = examine(observe(structure(layers=parts), **BAD))[:1]
    assert (finding.code, finding.layer) == ("hidden-activation", "first")
    assert "Dense(16" in finding.remedy


def test_softmax_that_weighs_something_is_right():
    parts = (
        dense("first", (), "softmax"),
        LayerSpec("times", "Multiply", inputs=("first", "second")),
        HIDDEN[1],
        head(),
    )
    assert claims(observe(structure(layers=parts))) == []


def linear_net(*between):
    names = ["first", *(part.name for part in between)]
    return structure(
        layers=(
            dense("first", (), "linear"),
            *between,
            dense("second", [names[-1]], "linear"),
            head(),
        )
    )


def test_layers_without_activation():
    assert claims(observe(linear_net(), last=0.5))[:1] == ["hidden-activation"]


@pytest.mark.parametrize("kind", ["ReLU", "Activation", "BatchNormalization"])
def test_activation_may_come_as_a_layer(kind):
    between = LayerSpec("bend", kind, "relu", inputs=("first",))
    after = dataclasses.replace(linear_net(between).layers[2], activation="relu")
    built = linear_net(between)
    built = structure(layers=(*built.layers[:2], after, head()))
    assert claims(observe(built, last=0.5)) == []


def test_units_that_start_alike():
    alike = dense("first", kernel=kernel(alike=True, initializer="Zeros()"))
    found = examine(observe(structure(layers=(alike, HIDDEN[1], head())), **BAD))
    assert (found[0].code, found[0].layer) == ("bad-initialization", "first")


@pytest.mark.parametrize("kind", ["Add", "Multiply"])
def test_branches_that_open_during_the_training_may_start_alike(kind):
    zeros = {"activation": "linear", "kernel": kernel(alike=True)}
    parts = (
        HIDDEN[0],
        dense("a", ["first"], **zeros),
        LayerSpec("drop", "Dropout", inputs=("a",)),
        LayerSpec("sum", kind, inputs=("first", "drop")),
        dense("b", ["sum"], **zeros),
        LayerSpec("end", kind, inputs=("sum", "b")),
        dense("head", ["end"], "sigmoid", kernel=kernel(16, 1)),
    )
    assert "bad-initialization" not in claims(observe(structure(layers=parts), **BAD))


def test_last_layer_may_start_alike():
    zeros = dense("head", ["second"], "sigmoid", kernel=kernel(16, 1, alike=True))
    assert claims(observe(structure(layers=(*HIDDEN, zeros)))) == []


def test_weights_that_start_too_large():
    large = dense("first", kernel=kernel(rms=5.0))
    built = structure(layers=(large, HIDDEN[1], head()))
    assert claims(observe(built, **BAD)) == ["bad-initialization"]
    assert claims(observe(dataclasses.replace(built, fresh=False), **BAD)) == [
        "not-learning"
    ]


def test_conditions_of_selu_are_advice():
    selu = dense("first", (), "selu", kernel=kernel(initializer="HeNormal()"))
    (finding,) = examine(observe(structure(layers=(selu, HIDDEN[1], head()))))
    assert (finding.code, finding.severity) == ("bad-initialization", "info")
    assert "lecun_normal" in finding.remedy


def test_penalties_that_drown_the_data():
    strong = dense("first", l2=0.1)
    built = structure(layers=(strong, HIDDEN[1], head()))
    seen = observe(built, batches(penalty=5.0), first=5.7, last=5.69)
    assert claims(seen)[0] == "over-regularized"
    assert claims(observe(built, batches(penalty=0.01))) == []


@pytest.mark.parametrize(("shrunk", "expected"), [(0.3, True), (0.9, False)])
def test_penalties_that_rule_to_the_end_at_the_cost_of_the_data(shrunk, expected):
    strong = dense("first", l2=0.1)
    built = structure(layers=(strong, HIDDEN[1], head()))
    norms = np.linspace(3.0, 3.0 * shrunk, 30)[:, None]
    batches_seen = batches(penalty=5.0)
    seen = observe(built, batches_seen, first=5.7, last=5.25, weight_norm=norms)
    seen = dataclasses.replace(
        seen,
        recent=tuple(dataclasses.replace(b, loss=5.25) for b in batches_seen[-3:]),
    )
    assert seen.outcome.is_good
    assert ("over-regularized" in claims(seen)) is expected


@pytest.mark.parametrize("scale", [100.0, 1e-3])
def test_inputs_of_another_size(scale):
    found = examine(observe(seen=batches(x=X * scale), **BAD))
    assert found[0].code == "unnormalized-input"
    assert found[0].layer == "first"


@pytest.mark.parametrize(
    "kind", ["BatchNormalization", "Rescaling", "Normalization", "Embedding"]
)
def test_inputs_that_the_model_scales_itself(kind):
    parts = (
        LayerSpec("scale", kind, inputs=(), weights=3),
        dense("first", ["scale"]),
        HIDDEN[1],
        head(),
    )
    seen = observe(structure(layers=parts), batches(x=X * 100.0))
    assert claims(seen) == []


def test_inputs_that_code_of_the_model_scales():
    unscaled = structure(layers=(dense("first"), HIDDEN[1], head()))
    seen = observe(
        unscaled,
        batches(x=X * 100.0),
        activation_mean=0.5,
        activation_std=0.5,
        **BAD,
    )
    assert "unnormalized-input" not in claims(seen)


def test_sparse_inputs_are_no_small_ones():
    sparse = np.where(np.random.default_rng(2).random(X.shape) < 5e-4, 1.0, 0.0)
    sparse[0, 0] = 1.0
    assert "unnormalized-input" not in claims(observe(seen=batches(x=sparse), **BAD))


def test_model_of_unknown_graph_is_judged_by_its_first_layer():
    parts = tuple(dataclasses.replace(p, inputs=None) for p in (*HIDDEN, head()))
    seen = observe(structure(layers=parts), batches(x=X * 100.0), **BAD)
    assert claims(seen) == ["unnormalized-input"]


def test_targets_of_another_size():
    built = structure("mean_squared_error", "linear")
    seen = observe(built, batches(y=NUMBERS * 500.0), first=6e5, last=5e5)
    assert claims(seen)[0] == "unscaled-target"


def test_targets_that_the_inputs_do_not_tell():
    shuffled = np.random.default_rng(1).permutation(LABELS)
    seen = observe(seen=batches(y=shuffled), **BAD)
    assert claims(seen) == ["wrong-labels"]


def test_generator_may_have_one_target_only():
    judge = dense("head", ["second"], "sigmoid", trainable=False)
    built = structure(layers=(*HIDDEN, judge))
    assert claims(observe(built, batches(y=np.ones_like(LABELS)), last=0.0)) == []


def test_targets_that_are_all_the_same():
    seen = observe(seen=batches(y=np.ones_like(LABELS)), last=0.0)
    assert claims(seen) == ["wrong-labels"]


def test_neighbours_tell_related_targets_from_unrelated_ones():
    assert neighbour_score(X, NUMBERS) > 5.0
    unrelated = np.random.default_rng(1).normal(size=NUMBERS.shape)
    assert abs(neighbour_score(X, unrelated)) < 3.0


def test_constant_loss_without_a_reason_is_said_as_such():
    assert claims(observe(**BAD)) == ["not-learning"]


def test_short_training_is_not_judged_by_its_loss():
    assert claims(observe(interval=2, **BAD)) == []


def test_path_too_short_to_get_anywhere():
    seen = observe(update_norm=3e-6, **BAD)
    assert claims(seen) == ["learning-rate-too-low"]
    assert claims(observe(update_norm=3e-6, last=0.05)) == []


def test_negative_rate():
    seen = observe(first=0.7, last=9.0)
    rates = {**seen.statistics, "learning_rate": np.full(30, -0.1)}
    seen = dataclasses.replace(seen, statistics=rates)
    assert claims(seen)[0] == "learning-rate-too-high"


def test_early_damage_is_remembered():
    updates = np.where(np.arange(30)[:, None] < 3, 3.0, 3e-3)
    seen = observe(update_norm=updates, **BAD)
    assert claims(seen)[0] == "learning-rate-too-high"
    assert claims(observe(update_norm=updates)) == []


def test_early_damage_is_not_what_ends_a_training_that_went_well():
    updates = np.where(np.arange(30)[:, None] < 3, 3.0, 3e-3)
    losses = np.geomspace(0.7, 0.001, 30)
    losses[20:] = np.nan
    seen = dataclasses.replace(observe(update_norm=updates), losses=losses)
    assert "learning-rate-too-high" not in claims(seen)
    losses[:20] = np.linspace(0.7, 0.4, 20)
    seen = dataclasses.replace(observe(update_norm=updates), losses=losses)
    assert "learning-rate-too-high" in claims(seen)


def test_softmax_for_several_labels_at_a_time():
    several = (X[:, :3] > 0.3).astype(float)
    built = structure(activation="softmax", units=3)
    shares = np.full_like(several, 1 / 3)
    seen = observe(built, batches(y=several, predictions=shares), last=0.4)
    assert claims(seen)[0] == "output-loss-mismatch"
    exclusive = observe(built, batches(y=ONE_HOT, predictions=shares), last=0.2)
    assert claims(exclusive) == []


def test_penalty_is_that_of_the_last_batches():
    falling = [
        dataclasses.replace(batch, loss=0.7 + penalty, penalty=penalty)
        for batch, penalty in zip(
            batches(), [4.0, 3.0, 2.0, 1.0, 0.5, 0.2, 0.1, *[0.05] * 3]
        )
    ]
    seen = dataclasses.replace(observe(last=0.72), recent=tuple(falling))
    assert seen.outcome.penalty == pytest.approx(0.05)
    assert seen.outcome.skill < 0.1


def test_early_damage_to_a_model_that_has_learnt_little():
    updates = np.where(np.arange(30)[:, None] < 3, 0.6, 3e-3)
    grown = np.linspace(3.0, 12.0, 30)[:, None]
    ill = {"update_norm": updates * 3.0, "weight_norm": grown}
    assert claims(observe(last=0.63, **ill))[0] == "learning-rate-too-high"
    assert claims(observe(last=0.45, **ill)) == []


def test_validation_loss_that_rises():
    epochs = {
        "loss": np.geomspace(0.7, 0.01, 12),
        "val_loss": [0.69, 0.6, 0.55, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2],
    }
    assert "overfitting" in claims(observe(epochs=epochs))
    fine = {**epochs, "val_loss": np.geomspace(0.69, 0.4, 12)}
    assert claims(observe(epochs=fine)) == []


def test_likelihood_below_zero_is_not_judged_by_ratios():
    epochs = {
        "loss": np.linspace(0.5, -1.2, 12),
        "val_loss": [0.4, 0.2, -0.1, 0.4, 0.7, 0.8, 0.9, 0.6, 0.4, 0.5, 0.9, 0.8],
    }
    assert claims(observe(epochs=epochs)) == []


def test_rise_that_costs_little_of_what_was_learnt():
    epochs = {
        "loss": np.geomspace(0.7, 0.001, 12),
        "val_loss": [0.3, 0.1, 0.05, 0.03, *np.linspace(0.03, 0.08, 8)],
    }
    assert claims(observe(epochs=epochs)) == []


def test_rows_known_by_heart():
    epochs = {
        "loss": np.geomspace(0.7, 0.02, 14),
        "val_loss": [0.5, 0.3, 0.16, 0.15, 0.15, *np.linspace(0.16, 0.24, 9)],
    }
    assert claims(observe(epochs=epochs)) == ["overfitting"]
    level = {**epochs, "val_loss": [0.5, 0.3, 0.16, 0.15, 0.15, *[0.2, 0.16] * 4, 0.2]}
    assert claims(observe(epochs=level)) == []
    less = {**epochs, "loss": np.geomspace(0.7, 0.06, 14)}
    assert claims(observe(epochs=less)) == []


def test_loss_that_ran_away_for_a_while():
    losses = np.full(30, 0.72)
    losses[8] = 5e3
    ill = dataclasses.replace(observe(**BAD), losses=losses)
    found = [f for f in examine(ill) if f.code == "exploding-gradient"]
    assert [f.severity for f in found] == ["error"]  # worse than a constant
    assert "5e+03" in found[0].evidence
    losses[8] = 50.0
    assert "exploding-gradient" not in claims(
        dataclasses.replace(observe(**BAD), losses=losses)
    )


def test_loss_that_ran_away_and_came_back():
    losses = np.geomspace(0.7, 0.01, 30)
    losses[8] = 5e3
    assert claims(dataclasses.replace(observe(), losses=losses)) == []


def test_best_weights_are_kept_already():
    epochs = {"loss": np.geomspace(0.7, 1e-3, 12), "val_loss": np.full(12, 0.7)}
    seen = dataclasses.replace(observe(epochs=epochs), keeps_best=True)
    assert [(f.code, f.severity) for f in examine(seen)] == [("overfitting", "info")]


def test_memorised_data():
    epochs = {"loss": np.geomspace(0.7, 1e-3, 12), "val_loss": np.full(12, 0.7)}
    assert claims(observe(epochs=epochs)) == ["overfitting"]


def test_accuracy_far_apart():
    epochs = {
        "loss": np.geomspace(0.7, 0.1, 12),
        "val_loss": [0.7, 0.5, *np.linspace(0.45, 0.55, 10)],
        "accuracy": np.linspace(0.6, 1.0, 12),
        "val_accuracy": np.linspace(0.6, 0.7, 12).round(1),
    }
    assert claims(observe(epochs=epochs)) == ["overfitting"]
    rising = {**epochs, "val_accuracy": np.linspace(0.2, 0.7, 12)}
    assert claims(observe(epochs=rising)) == []


def test_loss_that_jumps():
    epochs = {"loss": [0.7, 0.6, 0.9, 0.5, 0.9, 0.6, 1.0, 0.6, 0.9, 0.55]}
    assert claims(observe(epochs=epochs, **BAD))[0] == "oscillating-loss"


def test_symptoms_come_after_their_cause_and_name_it():
    nan = NonFiniteOrigin(200, "loss", None)
    seen = observe(seen=batches(x=X * 200.0), update_norm=1.0, gradient_norm=1e3, **BAD)
    found = examine(dataclasses.replace(seen, nonfinite=nan))
    assert found[0].code == "unnormalized-input"
    assert {"exploding-gradient", "nan-loss"} <= {f.code for f in found[1:]}
    assert {f.cause for f in found[1:]} == {"unnormalized-input"}
    text = text_report(found, 300, 30)
    assert text.startswith(f"{len(found)} findings in 300 steps, 30 of them sampled:")
    assert "\n1. " in text
    assert "\n2. " not in text
    assert "leads to: exploding-gradient" in text


def test_bad_batch_is_no_symptom():
    nan = NonFiniteOrigin(200, "input", None)
    seen = observe(update_norm=1.0, first=0.7, last=np.nan)
    found = examine(dataclasses.replace(seen, nonfinite=nan))
    assert [f.cause for f in found if f.code == "nan-loss"] == [None]


def test_losses_of_stretches_follow_from_running_means():
    curve = LossCurve()
    batch_losses = np.random.default_rng(0).uniform(1, 2, (3, 50))
    for epoch in batch_losses:
        curve.start_epoch()
        for last in range(50):
            curve.add(1, float(epoch[: last + 1].mean()))
    losses, counts = curve.losses()
    np.testing.assert_allclose(losses, batch_losses.ravel(), rtol=1e-9)
    assert counts.sum() == 150
    losses, _ = curve.losses(is_mean=False)
    assert losses[1] == batch_losses[0, :2].mean()


def test_long_curves_are_thinned_without_loss_of_level():
    curve = LossCurve()
    curve.start_epoch()
    rng = np.random.default_rng(0)
    total = 0.0
    for number in range(1, 20001):
        total += 1.0 / number + rng.uniform(0, 0.01)
        curve.add(1, total / number)
    losses, counts = curve.losses()
    assert len(losses) <= 4096
    assert counts.sum() >= 19990
    np.testing.assert_allclose(np.sum(losses * counts), total, rtol=1e-6)
