"""Numbers at their limits: ties, labels, low precision, dead signals."""

import keras_tuner
import numpy as np
import pytest
from keras import layers
from mc_models import rows
from mc_models import sequential

from keras_extras import constraints
from keras_extras import evaluation
from keras_extras import tuner
from keras_extras import uncertainty as u
from keras_extras.layers import configured


def entropy(p):
    return -(p * np.log(p) + (1 - p) * np.log(1 - p))


@pytest.mark.parametrize("strategy", ["auto", "loop"])
def test_several_labels_have_a_probability_each(strategy):
    labels = layers.Dense(5, activation="sigmoid")
    model = sequential(layers.Dense(8), layers.Dropout(0.3), labels, shape=(6,))
    found = u.mc_predict(
        model, rows(8, 6), 20, seed=0, strategy=strategy, return_samples=True
    )
    p = found.samples_array.astype(float)
    mean = p.mean(axis=0)
    expected = entropy(p).mean(axis=0)
    np.testing.assert_allclose(found.predictive_entropy, entropy(mean), atol=1e-5)
    np.testing.assert_allclose(found.expected_entropy, expected, atol=1e-5)
    np.testing.assert_allclose(
        found.mutual_information, entropy(mean) - expected, atol=2e-5
    )
    share = (p > 0.5).mean(axis=0)
    np.testing.assert_allclose(
        found.variation_ratio, np.minimum(share, 1 - share), atol=1e-6
    )


def test_metrics_of_labels_are_those_of_each_as_two_classes():
    rng = np.random.default_rng(0)
    p, y = rng.uniform(size=(40, 3)), rng.integers(0, 2, size=(40, 3))
    for metric in (
        u.brier_score,
        u.negative_log_likelihood,
        u.expected_calibration_error,
        u.maximum_calibration_error,
    ):
        assert metric(y, p) == pytest.approx(metric(y.ravel(), p.ravel()))
    one_by_one = u.accuracy_rejection_curve(y.ravel(), p.ravel()).accuracy
    curve = u.accuracy_rejection_curve(y, p)
    np.testing.assert_allclose(curve.accuracy, one_by_one)
    classes = p / p.sum(axis=1, keepdims=True)
    with pytest.raises(ValueError, match="`y_true` must be one-hot"):
        u.brier_score(np.ones((40, 3)), classes)


def test_the_curve_of_ties_is_the_mean_over_their_orders():
    y, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.1, 0.1, 0.9])
    wrong_last = u.accuracy_rejection_curve(y, p)
    wrong_first = u.accuracy_rejection_curve(y[[2, 0, 1, 3]], p)
    np.testing.assert_allclose(wrong_last.accuracy, wrong_first.accuracy)
    np.testing.assert_allclose(wrong_last.accuracy, [0.75] * 4)
    doubt = [0.0, 1.0, 1.0, 2.0]
    curve = u.accuracy_rejection_curve(y, p, doubt)
    np.testing.assert_allclose(curve.accuracy, [0.75, 2 / 3, 0.75, 1.0])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_probabilities_of_low_precision_sum_to_nearly_1(policy):
    stack = [layers.Dense(16, dtype=policy), layers.Dropout(0.3, dtype=policy)]
    last = layers.Dense(20, activation="softmax", dtype=policy)
    model = sequential(*stack, last, shape=(6,))
    found = u.mc_predict(model, rows(64, 6), 5, seed=0)
    assert (found.predictive_entropy >= 0).all()
    assert 0 <= u.expected_calibration_error(np.arange(64) % 20, found.mean) <= 1


def test_logits_are_no_probabilities():
    with pytest.raises(ValueError, match="`probabilities`"):
        u.brier_score([0, 1], [[2.0, -1.0], [0.5, 3.0]])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_units_at_the_limit_are_counted_in_any_precision(dtype):
    model = sequential(layers.Dense(50, dtype=dtype), shape=(40,))
    constraints.apply_max_norm(model, 0.3)
    assert constraints.share_at_limit(model.weights) == 1.0


@pytest.mark.parametrize(
    ("highest", "step"), [(0.5, 0.1), (0.3, 0.1), (0.6, 0.2), (0.5, 0.2)]
)
def test_a_search_draws_both_ends_of_the_range(highest, step):
    drawn = set()
    for seed in range(100):
        hp = keras_tuner.HyperParameters()
        tuner.dropout(hp, highest, step)
        drawn.add(hp.space[0].random_sample(seed))
    assert {min(drawn), max(drawn)} == {0.0, highest}
    gaps = np.diff(sorted(drawn))
    np.testing.assert_allclose(gaps[:-1], step)
    assert gaps[-1] <= step + 1e-9


def test_a_dead_signal_is_0_or_nan():
    def profile(*std):
        values = np.array([[[*std, 1.0]]])
        names = tuple(f"dense_{n}" for n in range(values.shape[-1]))
        return evaluation.ActivationProfile(
            names, (None,) * len(names), ("he_normal",), (0,), values * 0, values
        )

    np.testing.assert_allclose(profile(1.0, 0.5, 0.25).factor_per_layer, [0.5])
    np.testing.assert_array_equal(profile(1.0, 0.5, 0.0).factor_per_layer, [0.0])
    assert np.isnan(profile(0.0, 0.0, 0.0).factor_per_layer).all()


def test_one_model_for_all_trainings_is_refused():
    model = sequential(layers.Dense(1), shape=(2,))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="`build` must return a new model"):
        evaluation.learning_curve(
            lambda: model,
            rows(12, 2),
            rows(12, 1),
            [4, 8],
            repeats=1,
            epochs=1,
            verbose=0,
        )


def test_layers_among_the_defaults_are_not_shared():
    make = configured(layers.Dense, activation=layers.PReLU())
    first, second = make(3), make(3)
    assert first.activation is not second.activation


def test_numbers_of_numpy_are_numbers():
    model, x = sequential(layers.Dropout(0.3), layers.Dense(1), shape=(6,)), rows(8, 6)
    found = u.mc_predict(
        model,
        x,
        np.int64(12),
        np.int32(4),
        np.uint8(0),
        memory_limit=np.float32(9),
        tolerance=np.float32(10.0),
    )
    assert 10 <= found.samples <= 12
    constraints.apply_max_norm(model, np.float32(3))
    hp = keras_tuner.HyperParameters()
    assert tuner.batch_size(hp, np.array([16, 32])) == 16


def test_intervals_of_arrays_that_do_not_fit_are_refused():
    truth, ones = np.zeros((2, 3)), np.ones((2, 3))
    with pytest.raises(ValueError, match="same shape"):
        u.interval_coverage(truth, truth.T, ones)
    for name in ("y_true", "mean", "std"):
        arrays = {"y_true": truth, "mean": truth, "std": ones}
        arrays[name] = np.where(np.eye(2, 3) > 0, np.nan, ones)
        with pytest.raises(ValueError, match=f"`{name}` must be finite"):
            u.interval_coverage(**arrays)
    assert u.interval_coverage(np.zeros(3), np.zeros((3, 1)), np.ones(3))[0.5] == 1.0
