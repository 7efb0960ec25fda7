"""`keras_extras.diagnose(verify=True)`: repairs are tried, and nothing else changes."""

import dataclasses

import keras
import numpy as np
import pytest
from backend_in_use import JIT
from keras import layers

import keras_extras
from keras_extras.diagnostics import Finding
from keras_extras.diagnostics import Repair
from keras_extras.diagnostics.outcome import Outcome
from keras_extras.diagnostics.trial import ranked_by_trials
from keras_extras.diagnostics.trial import trial_of
from keras_extras.diagnostics.trial import with_trial

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 6)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")
STEPS = 56


def test_first_repair_is_tried_on_the_same_batches():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")]
    )
    optimizer = keras.optimizers.Adam(1e-9)
    model.compile(optimizer, "binary_crossentropy", jit_compile=JIT)
    before, read = model.get_weights(), []

    def batches():
        while True:
            read.append(len(read))
            rows = RNG.integers(0, len(X), 16)
            yield X[rows], Y[rows]

    state = np.random.get_state()[1].copy()
    diagnosis = keras_extras.diagnose(model, batches(), steps=STEPS, verify=True)
    finding = diagnosis.findings[0]
    assert finding.code == "learning-rate-too-low"
    trial = finding.repair.trial
    assert (trial["steps"], trial["measure"], trial["helped"]) == (STEPS, "loss", True)
    assert trial["with"] < 0.95 * trial["without"]
    report = " ".join(diagnosis.report().split())
    assert f"with it the loss falls to {trial['with']:.3g} in {STEPS} steps" in report
    assert f"without it stays at {trial['without']:.3g}" in report
    # Each batch was read once, and model, optimizer and generators are as they were.
    assert len(read) == STEPS
    assert int(optimizer.iterations) == 0
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    for now, then in zip(model.get_weights(), before):
        np.testing.assert_array_equal(now, then)


def test_verify_must_be_a_flag():
    with pytest.raises(ValueError, match=r"`verify`.*verify='yes'"):
        keras_extras.diagnose(None, X, Y, verify="yes")


def outcome(last, accuracy=np.nan):
    skill = 1.0 - last if np.isfinite(last) else -np.inf
    return Outcome(1.0, last, 0.0, 0.0, 1.0, skill, 0.0, accuracy, 0.5)


def found(code, cause=None):
    repair = Repair("learning-rate", None, {"optimizer": {"learning_rate": 0.1}})
    return Finding(code, "error", None, 0, 1, "seen", "Do it.", 0.9, cause, repair)


@pytest.mark.parametrize(
    ("before", "after", "same", "helped", "said"),
    [
        (outcome(1.0), outcome(0.3), True, True, "loss falls to 0.3 in 9 steps"),
        (outcome(np.nan), outcome(0.3), True, True, "without it stays at NaN"),
        (outcome(1.0), outcome(0.99), True, False, "alone it does not help"),
        (outcome(1.0), outcome(np.nan), True, False, "the loss is NaN after"),
        (
            outcome(1.0, 0.5),
            outcome(4.0, 0.9),
            True,
            False,
            "the loss is 4 after 9 steps, without it 1.",
        ),
        (outcome(0.9, 0.5), outcome(0.2, 0.9), False, True, "accuracy rises to 90.0%"),
        (outcome(0.9), outcome(0.2), False, True, "falls to 20.0% in 9 steps"),
    ],
)
def test_remedy_says_what_came_of_it(before, after, same, helped, said):
    trial = trial_of(before, after, 9, same)
    assert trial["helped"] is helped
    finding = with_trial(found("learning-rate-too-low"), trial)
    assert finding.remedy.startswith("Do it. Tried: ")
    assert said in finding.remedy


def test_what_helped_comes_first():
    helps = trial_of(outcome(1.0), outcome(0.2), 9, True)
    little = trial_of(outcome(1.0), outcome(0.7), 9, True)
    vain = trial_of(outcome(1.0), outcome(1.0), 9, True)
    findings = [
        with_trial(found("bad-initialization"), vain),
        dataclasses.replace(found("wrong-labels"), repair=Repair("data")),
        with_trial(found("dead-units", "bad-initialization"), little),
        found("vanishing-gradient", "bad-initialization"),
        with_trial(found("learning-rate-too-low"), helps),
    ]
    ranked = ranked_by_trials(findings)
    assert [finding.code for finding in ranked] == [
        "learning-rate-too-low",
        "dead-units",
        "bad-initialization",
        "wrong-labels",
        "vanishing-gradient",
    ]
    assert [finding.cause is None for finding in ranked] == [True] * 4 + [False]
