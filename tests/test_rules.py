"""Each rule speaks of a training that is ill, and is silent on a healthy one."""

import dataclasses
import importlib
import warnings

import keras
import numpy as np
import pytest
from backend_in_use import JIT
from keras import layers

from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.diagnostics import rules
from keras_extras.diagnostics.examine import examine
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.report import line_without_claims
from keras_extras.diagnostics.report import text_report
from keras_extras.diagnostics.structure import Output
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.batch_tensor import BatchTensor
from keras_extras.records.finding import Finding
from keras_extras.records.layer_info import LayerInfo
from keras_extras.records.nonfinite_origin import NonFiniteOrigin

BATCH = 16
optimizers = keras.optimizers
initializers = keras.initializers


def train(
    hidden,
    optimizer,
    steps=12,
    target_scale=1.0,
    callbacks=(),
    every=1,
    head="glorot_uniform",
):
    """Trains `hidden` layers with a linear head; returns the diagnostics."""
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH * 4, 6)).astype("float32")
    y = (np.sin(x.sum(1, keepdims=True)) * target_scale).astype("float32")
    last = layers.Dense(1, kernel_initializer=head, name="head")
    model = keras.Sequential([keras.Input((6,)), *hidden, last])
    model.compile(optimizer, "mse", jit_compile=JIT)
    diagnostics = TrainingDiagnostics(every=every, verbose=0)
    model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=-(-steps // 4),
        callbacks=[diagnostics, *callbacks],
        verbose=0,
    )
    return diagnostics


def codes(diagnostics):
    return [finding.code for finding in diagnostics.findings]


def finding_of(diagnostics, code):
    (finding,) = [f for f in diagnostics.findings if f.code == code]
    assert finding.evidence
    assert finding.remedy
    assert 0 < finding.confidence <= 1
    return finding


def dense(activation="relu", **arguments):
    arguments = {"kernel_initializer": "he_normal", **arguments}
    return layers.Dense(8, activation=activation, **arguments)


@pytest.fixture(scope="module")
def healthy():
    return train([dense(), dense(), dense("tanh")], optimizers.SGD(0.02), steps=60)


def test_healthy_training_has_no_finding(healthy):
    assert codes(healthy) == []
    assert len(healthy.history) == 60
    assert healthy.report().startswith("No findings")


def test_dead_units_of_a_real_training():
    dead = dense(bias_initializer=initializers.Constant(-100.0), name="dead")
    finding = finding_of(train([dense(), dead], optimizers.SGD(0.02)), "dead-units")
    assert finding.layer == "dead"
    assert finding.severity == "error"
    assert finding.first_step == 0
    assert finding.last_step == 11


def test_saturated_activation_of_a_real_training():
    flat = dense(
        "tanh", kernel_initializer=initializers.RandomNormal(stddev=50.0), name="flat"
    )
    diagnostics = train([flat, dense()], optimizers.SGD(0.02))
    assert finding_of(diagnostics, "saturated-activation").layer == "flat"


def test_vanishing_gradient_of_a_real_training():
    small = initializers.RandomNormal(stddev=0.1)
    hidden = [dense("sigmoid", kernel_initializer=small) for _ in range(6)]
    diagnostics = train(hidden, optimizers.SGD(0.02))
    assert finding_of(diagnostics, "vanishing-gradient").layer == hidden[0].name


def exploding():
    drawn = np.random.default_rng(1)  # the same on every backend

    def normal(deviation):
        return lambda shape, dtype=None: keras.ops.convert_to_tensor(
            drawn.normal(0, deviation, shape), dtype
        )

    hidden = [dense(None, kernel_initializer=normal(2.0)) for _ in range(3)]
    rate = optimizers.SGD(1e-3)
    return train(hidden, rate, target_scale=100.0, head=normal(0.5))


def test_exploding_gradient_comes_before_the_nan_that_it_causes():
    found = codes(exploding())
    assert "nan-loss" in found
    assert found[0] == "unscaled-target"
    assert found.index("exploding-gradient") < found.index("nan-loss")


def test_learning_rate_too_high_in_a_real_training():
    huge_steps = optimizers.SGD(5.0, clipnorm=1.0)
    diagnostics = train([dense("tanh"), dense("tanh")], huge_steps)
    assert finding_of(diagnostics, "learning-rate-too-high").layer is None


def test_learning_rate_too_low_in_a_real_training():
    diagnostics = train([dense(), dense()], optimizers.SGD(1e-8), steps=60)
    finding = finding_of(diagnostics, "learning-rate-too-low")
    assert finding.severity == "warning"
    assert finding.first_step == 0


def test_large_targets_with_adam_are_no_explosion():
    found = codes(train([dense(), dense()], optimizers.Adam(1e-3), target_scale=1e4))
    assert "exploding-gradient" not in found


def test_warm_up_is_no_low_learning_rate():
    rate = optimizers.schedules.PolynomialDecay(1e-9, 40, end_learning_rate=0.02)
    assert codes(train([dense(), dense()], optimizers.SGD(rate), steps=60)) == []


CHAIN = tuple(
    LayerInfo(f"dense_{i}", "Dense", activation, ("kernel",), (64,))
    for i, activation in enumerate(["relu", "relu", "tanh", "tanh", "linear"])
)


TARGETS = np.tile(np.array([[1.2], [-1.2], [0.75], [-0.75]], "float32"), (8, 1))


def observe(samples=30, interval=10, chain=CHAIN, loss=1.0, **statistics):
    """Returns observations of a training that fails for no reason but `statistics`.

    Its loss stays where that of a constant is: a training that does well is judged
    less.
    """
    shape = (samples, len(chain))
    healthy = {
        "gradient_norm": 1.0,
        "weight_norm": 3.0,
        "update_norm": 3e-3,
        "activation_dead_fraction": 0.1,
        "activation_saturated_fraction": 0.1,
        "activation_values_per_unit": 32.0,
    }
    values = {**healthy, **statistics}
    return Observations(
        layers=chain,
        steps=np.arange(samples) * interval,
        statistics={k: np.broadcast_to(v, shape).copy() for k, v in values.items()},
        last_step=(samples - 1) * interval,
        structure=Structure(outputs=(Output("mean_squared_error"),)),
        early=(
            BatchRows(0, 1.0, 0.0, (), (BatchTensor(TARGETS, (1,), "float32"),), ()),
        ),
        losses=np.full(samples, loss),
        loss_counts=np.full(samples, float(interval)),
    )


def in_layer(index, ill, healthy):
    return np.where(np.arange(len(CHAIN)) == index, ill, healthy)


def only_recent(samples, ill, healthy, of=30):
    return np.where(np.arange(of)[:, None] >= of - samples, ill, healthy)


def names(seen):
    return [(f.code, f.layer) for f in examine(seen)]


def test_nothing_is_found_without_a_reason():
    assert examine(observe()) == []


def test_nothing_is_found_in_no_observations():
    assert examine(observe(samples=0)) == []
    empty = Observations(layers=CHAIN, steps=np.arange(0), statistics={})
    assert examine(empty) == []


def test_nothing_is_found_where_nothing_was_measured():
    steps = np.arange(50)
    seen = Observations(layers=CHAIN, steps=steps, statistics={}, last_step=49)
    assert examine(seen) == []


def test_converged_model_is_silent():
    seen = observe(gradient_norm=1e-9, update_norm=1e-11, loss=0.01)
    assert examine(seen) == []


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_rule_does_not_judge_a_single_sample(rule):
    ill = {
        "gradient_norm": in_layer(0, 1e-9, 1e3),
        "update_norm": 10.0,
        "activation_dead_fraction": 1.0,
        "activation_saturated_fraction": 1.0,
    }
    assert list(rule(observe(samples=1, **ill))) == []


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_rule_does_not_speak_of_what_is_over(rule):
    recovered = only_recent(5, 0.0, 1.0)
    seen = observe(
        gradient_norm=np.where(recovered > 0, in_layer(0, 1e-9, 1e3), 1.0),
        update_norm=np.where(recovered > 0, 10.0, 3e-3),
        activation_dead_fraction=recovered,
        activation_saturated_fraction=recovered,
        loss=0.01,
    )
    assert list(rule(seen)) == []


def test_dead_units_of_a_relu_layer():
    dead = in_layer(1, 0.8, 0.1)
    assert names(observe(activation_dead_fraction=dead)) == [("dead-units", "dense_1")]


@pytest.mark.parametrize("loss", [0.1, 0.3])
def test_dead_units_that_do_no_harm_are_advice(loss):
    (finding,) = examine(
        observe(activation_dead_fraction=in_layer(1, 0.8, 0.1), loss=loss)
    )
    assert (finding.code, finding.severity) == ("dead-units", "info")


@pytest.mark.parametrize(
    ("code", "ill"),
    [
        ("dead-units", {"activation_dead_fraction": in_layer(1, 0.8, 0.1)}),
        ("saturated-activation", {"activation_saturated_fraction": 0.95}),
        ("vanishing-gradient", {"gradient_norm": in_layer(0, 5e-4, 1.0)}),
        ("learning-rate-too-high", {"update_norm": 1.0}),
        ("exploding-gradient", {"update_norm": 1.0, "gradient_norm": 1e4}),
    ],
)
def test_harm_is_all_that_keeps_a_training_from_going_well(code, ill):
    halfway = [f for f in examine(observe(loss=0.7, **ill)) if f.severity != "info"]
    assert halfway[0].code == code
    good = examine(observe(loss=0.1, **ill))
    assert all(f.severity == "info" for f in good)


def test_layer_without_any_gradient_is_not_called_vanishing():
    assert examine(observe(gradient_norm=in_layer(0, 0.0, 1.0))) == []


def test_infinity_that_the_training_survives_is_advice():
    seen = dataclasses.replace(
        observe(), nonfinite=NonFiniteOrigin(5, "activation", None)
    )
    assert [(f.code, f.severity) for f in examine(seen)] == [("nan-loss", "info")]


def test_zeros_of_other_functions_are_no_dead_units():
    assert examine(observe(activation_dead_fraction=in_layer(3, 1.0, 0.1))) == []


def test_small_batches_do_not_tell_dead_units():
    dead = in_layer(1, 0.9, 0.1)
    seen = observe(activation_dead_fraction=dead, activation_values_per_unit=8.0)
    assert examine(seen) == []


def test_saturation_of_a_hidden_layer():
    flat = in_layer(2, 0.95, 0.1)
    found = examine(observe(activation_saturated_fraction=flat))
    assert [(f.code, f.layer) for f in found] == [("saturated-activation", "dense_2")]
    assert found[0].severity == "error"


def test_saturation_of_the_last_layer_is_right():
    assert examine(observe(activation_saturated_fraction=in_layer(4, 1.0, 0.1))) == []


def test_vanishing_is_relative_to_the_other_layers():
    norms = in_layer(0, 1e-5, 1.0)
    found = names(observe(gradient_norm=norms))
    assert found == [("vanishing-gradient", "dense_0")]
    assert names(observe(gradient_norm=norms * 1e-3)) == found


def test_dead_layer_is_not_called_vanishing_too():
    dead = in_layer(1, 1.0, 0.1)
    seen = observe(gradient_norm=in_layer(0, 0.0, 1.0), activation_dead_fraction=dead)
    assert names(seen) == [("dead-units", "dense_1")]


def test_steps_of_a_finding_are_those_of_its_last_stretch():
    dead = np.where(np.arange(5) == 1, only_recent(7, 0.9, 0.1), 0.1)
    (finding,) = examine(observe(activation_dead_fraction=dead))
    assert (finding.first_step, finding.last_step) == (230, 290)


def test_large_updates_with_small_gradients_are_the_learning_rate():
    assert names(observe(update_norm=1.0)) == [("learning-rate-too-high", None)]


def test_large_updates_with_large_gradients_are_an_explosion():
    found = names(observe(update_norm=1.0, gradient_norm=in_layer(3, 1e4, 100.0)))
    assert found == [("exploding-gradient", "dense_3")]


def test_large_gradients_with_small_updates_are_no_fault():
    assert examine(observe(gradient_norm=1e6)) == []


def test_tiny_updates_in_spite_of_a_gradient():
    assert names(observe(update_norm=1e-9)) == [("learning-rate-too-low", None)]


def test_tiny_updates_at_the_end_of_a_decay_are_no_fault():
    seen = observe(update_norm=only_recent(20, 1e-9, 3e-3), loss=0.01)
    assert examine(seen) == []


@pytest.mark.parametrize(
    ("at", "loss", "expected"),
    [(10, 0.7, ["learning-rate-too-low"]), (25, 0.7, []), (10, 0.1, [])],
)
def test_schedule_that_ends_long_before_the_training(at, loss, expected):
    over = np.arange(30) >= at
    seen = observe(update_norm=np.where(over[:, None], 1e-9, 3e-3), loss=loss)
    rate = {"learning_rate": np.where(over, 1e-9, 1e-2)}
    seen = dataclasses.replace(seen, statistics={**seen.statistics, **rate})
    assert [f.code for f in examine(seen)] == expected


def test_few_samples_do_not_tell_a_low_rate():
    assert examine(observe(samples=4, update_norm=1e-9)) == []


def with_nan(seen, step):
    nan = NonFiniteOrigin(step, "loss", None)
    return dataclasses.replace(seen, nonfinite=nan, losses=seen.losses * np.nan)


@pytest.mark.parametrize(
    "cause",
    [
        ("exploding-gradient", {"update_norm": 1.0, "gradient_norm": 100.0}),
        ("learning-rate-too-high", {"update_norm": 1.0}),
    ],
    ids=lambda cause: cause[0],
)
def test_cause_of_nan_is_ranked_first(cause):
    code, statistics = cause
    found = [f.code for f in examine(with_nan(observe(**statistics), 500))]
    assert found == [code, "nan-loss"]


def test_what_comes_after_the_nan_is_not_judged():
    assert [f.code for f in examine(with_nan(observe(update_norm=1.0), 0))] == [
        "nan-loss"
    ]


def test_errors_come_before_warnings():
    seen = observe(
        activation_dead_fraction=in_layer(0, 0.8, 0.1),
        activation_saturated_fraction=in_layer(2, 0.95, 0.1),
    )
    assert [f.severity for f in examine(seen)] == ["error", "warning"]


def test_rule_that_fails_is_reported_once_and_training_goes_on(monkeypatch):
    def broken(seen):
        raise ZeroDivisionError("a defect")

    module = importlib.import_module("keras_extras.diagnostics.examine")
    monkeypatch.setattr(module, "RULES", (broken, *rules.RULES))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dead = dense(bias_initializer=initializers.Constant(-100.0))
        diagnostics = train([dense(), dead], optimizers.SGD(0.02))
    ours = [str(w.message) for w in caught if "broken" in str(w.message)]
    assert len(ours) == 1
    assert "ZeroDivisionError: a defect" in ours[0]
    assert len(diagnostics.history) == 12
    assert "dead-units" in codes(diagnostics)


@pytest.mark.parametrize("rule", [rules.non_finite, *rules.RULES])
def test_rule_says_what_it_looks_for_and_on_whose_word(rule):
    assert "References:" in rule.__doc__


def test_finding_becomes_plain_values():
    finding = Finding("nan-loss", "error", "dense", 3, 4, "seen", "do", 0.5)
    assert finding.to_dict() == {
        "code": "nan-loss",
        "severity": "error",
        "layer": "dense",
        "first_step": 3,
        "last_step": 4,
        "evidence": "seen",
        "remedy": "do",
        "confidence": 0.5,
        "cause": None,
        "repair": None,
    }


def test_report_is_printed_when_there_is_something_to_say(capsys):
    keras.utils.set_random_seed(0)
    for verbose, is_ill, lines in (
        (0, True, 0),
        (0, False, 0),
        (1, True, None),
        (1, False, 1),
        (2, False, 1),
    ):
        model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        model.compile("sgd", "mse", jit_compile=JIT)
        x = np.full((8, 2), np.nan if is_ill else 0.5, "float32")
        diagnostics = TrainingDiagnostics(every=1, verbose=verbose)
        model.fit(x, x[:, :1], callbacks=[diagnostics], verbose=0)
        printed = capsys.readouterr().out
        assert lines is None or printed.count("\n") == lines
        assert (diagnostics.report() in printed) == (lines != 0)


def test_healthy_training_is_told_in_one_line_with_advice_too():
    healthy = observe(loss=0.1)
    said = "No findings in 291 steps, 30 of them sampled: loss 0.1 to 0.1, that of a "
    assert text_report([], 291, 30, healthy.outcome).startswith(said + "constant is 1.")
    advice = Finding("dead-units", "info", "dense", 0, 1, "seen", "do", 0.5)
    line = line_without_claims([advice], 291, 30, healthy.outcome)
    assert line.startswith("No errors or warnings in 291 steps")
    assert "1 piece of advice" in line
    assert "\n" not in line
