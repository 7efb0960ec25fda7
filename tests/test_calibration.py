"""Metrics of probabilities, against values by hand and other implementations."""

import keras
import numpy as np
import pytest
from keras import layers
from mc_models import rows
from mc_models import sequential
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss

from keras_extras import uncertainty as u


def problem(count=500, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, classes)) * 2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = np.array([rng.choice(classes, p=row) for row in p])
    return y, p


def test_calibration_errors_by_hand():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.4, 0.6]])
    y = np.array([0, 1, 1, 1])
    # Bins (0.5, 0.75] and (0.75, 1]: confidences 0.65 and 0.9, accuracies 1 and 0.5.
    assert u.expected_calibration_error(y, p, bins=4) == pytest.approx(
        0.5 * 0.35 + 0.5 * 0.4
    )
    assert u.maximum_calibration_error(y, p, bins=4) == pytest.approx(0.4)
    curve = u.reliability_curve(y, p, bins=4)
    np.testing.assert_allclose(curve.confidence, [0.65, 0.9])
    np.testing.assert_allclose(curve.accuracy, [1.0, 0.5])
    np.testing.assert_array_equal(curve.count, [2, 2])


def test_reliability_curve_is_that_of_scikit_learn():
    y, p = problem(classes=2)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    accuracy, mean = calibration_curve(right, confidence, n_bins=10)
    curve = u.reliability_curve(y, p, bins=10)
    np.testing.assert_allclose(curve.accuracy, accuracy)
    np.testing.assert_allclose(curve.confidence, mean)


def test_adaptive_bins_are_equally_full():
    y, p = problem(600)
    curve = u.reliability_curve(y, p, bins=6, adaptive=True)
    assert set(curve.count) == {100}
    found = u.expected_calibration_error(y, p, bins=6, adaptive=True)
    order = np.argsort(p.max(axis=1))
    gaps = [
        abs(p[part].max(axis=1).mean() - (p[part].argmax(axis=1) == y[part]).mean())
        for part in np.split(order, 6)
    ]
    assert found == pytest.approx(np.mean(gaps))


def test_honest_probabilities_have_a_small_error_and_sharper_ones_a_larger():
    y, p = problem(20000)
    sharp = p**3 / (p**3).sum(axis=1, keepdims=True)
    assert u.expected_calibration_error(y, p) < 0.02
    assert u.expected_calibration_error(y, sharp) > 0.1
    for score in (u.negative_log_likelihood, u.brier_score):
        assert score(y, p) < score(y, sharp)


def test_scores_are_those_of_scikit_learn():
    y, p = problem()
    assert u.negative_log_likelihood(y, p) == pytest.approx(log_loss(y, p))
    yes, q = (y > 1).astype(int), p[:, 2:].sum(axis=1)
    assert u.brier_score(yes, q) == pytest.approx(2 * brier_score_loss(yes, q))


@pytest.mark.parametrize(
    "metric",
    [
        u.expected_calibration_error,
        u.maximum_calibration_error,
        u.brier_score,
        u.negative_log_likelihood,
    ],
)
def test_all_forms_of_targets_and_probabilities_agree(metric):
    y, p = problem(classes=2)
    expected = metric(y, p)
    for form in (y[:, None], np.eye(2)[y], y.astype("float32")):
        assert metric(form, p) == pytest.approx(expected)
    for form in (p[:, 1], p[:, 1:]):
        assert metric(y, form) == pytest.approx(expected)


def test_rejection_curve_by_hand():
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.55, 0.45]])
    y = np.array([0, 0, 1, 1])
    curve = u.accuracy_rejection_curve(y, p)
    np.testing.assert_allclose(curve.rejected, [0, 0.25, 0.5, 0.75])
    np.testing.assert_allclose(curve.accuracy, [0.5, 2 / 3, 1, 1])
    backwards = u.accuracy_rejection_curve(y, p, uncertainty=p.max(axis=1))
    np.testing.assert_allclose(backwards.accuracy, [0.5, 1 / 3, 0, 0])


def test_coverage_of_honest_and_of_too_narrow_intervals():
    rng = np.random.default_rng(0)
    mean, std = rng.normal(size=20000), rng.uniform(0.5, 2, size=20000)
    truth = mean + std * rng.normal(size=20000)
    found = u.interval_coverage(truth, mean, std)
    for level, share in found.items():
        assert abs(share - level) < 4 * np.sqrt(level * (1 - level) / 20000)
    narrow = u.interval_coverage(truth, mean, std / 2, levels=[0.9])
    assert narrow[0.9] < 0.7


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda y, p: u.brier_score(y, p * 2), "`probabilities` must be from 0 to 1"),
        (lambda y, p: u.brier_score(y, p * np.nan), "`probabilities` must be"),
        (lambda y, p: u.brier_score(y + 1, p), "`y_true` must hold 500 classes"),
        (lambda y, p: u.brier_score(y[1:], p), "`y_true` must hold 500 classes"),
        (lambda y, p: u.reliability_curve(y, p, bins=0), "`bins` must be an integer"),
        (
            lambda y, p: u.accuracy_rejection_curve(y, p, y[1:]),
            "`uncertainty` must hold one number for each of the 500",
        ),
        (lambda y, p: u.interval_coverage(y, y, y * 0), "`std` must be > 0"),
        (lambda y, p: u.interval_coverage(y, y[1:], y), "the same shape"),
        (lambda y, p: u.interval_coverage(y, y, y + 1, [1.5]), "`levels` must be"),
    ],
)
def test_bad_values_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(*problem())


def test_figures_show_the_curves():
    y, p = problem()
    curve = u.reliability_curve(y, p)
    figure = u.plot_reliability({"one": curve, "two": curve})
    assert [trace.name for trace in figure.data] == ["honest", "one", "two"]
    np.testing.assert_array_equal(figure.data[1].y, curve.accuracy)
    rejection = u.accuracy_rejection_curve(y, p)
    np.testing.assert_array_equal(
        u.plot_rejection(rejection).data[0].y, rejection.accuracy
    )
    for plot in (u.plot_reliability, u.plot_rejection):
        with pytest.raises(ValueError, match="`curves` must be a"):
            plot({"one": 3})


def test_figure_of_one_prediction():
    model = sequential(
        layers.Dropout(0.5), layers.Dense(3, activation="softmax"), shape=(4,)
    )
    found = u.mc_predict(model, rows(5, 4), 10, seed=0)
    figure = u.plot_samples(found, 2, ["a", "b", "c"])
    np.testing.assert_array_equal(figure.data[0].y, found.mean[2])
    np.testing.assert_array_equal(figure.data[0].error_y.array, found.std[2])
    for arguments, message in (
        ((found, 5), "`row` must be one of 5"),
        ((found, 0, ["a"]), "`class_names` must be 3"),
        ((problem()[1], 0), "`prediction` must be"),
    ):
        with pytest.raises(ValueError, match=message):
            u.plot_samples(*arguments)


def test_figures_say_which_extra_they_need(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "plotly", None)
    with pytest.raises(ImportError, match="pip install plotly"):
        u.plot_rejection(u.accuracy_rejection_curve(*problem()))


def classifier():
    model = sequential(
        layers.Dense(8, activation="relu"),
        layers.Dropout(0.3),
        layers.Dense(4, activation="softmax"),
        shape=(4,),
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_logger_measures_each_epoch_without_touching_the_training(tmp_path):
    y, x = problem(64)
    x_val, y_val = x[:32], y[:32]
    weights = []
    for use in (False, True):
        keras.utils.set_random_seed(0)
        model = classifier()
        logger = u.UncertaintyLogger(x_val, y_val, str(tmp_path), samples=20)
        history = model.fit(
            x, y, epochs=3, verbose=0, callbacks=[logger] if use else []
        )
        weights.append(model.get_weights())
    for plain, logged in zip(*weights):
        np.testing.assert_array_equal(plain, logged)
    found = u.mc_predict(model, x_val, 20, seed=0)
    last = {name: values[-1] for name, values in logger.history.items()}
    assert logger.history["epoch"] == [0, 1, 2]
    assert last["mc_bald"] == pytest.approx(found.mutual_information.mean())
    assert last["mc_entropy"] == pytest.approx(found.predictive_entropy.mean())
    assert last["mc_accuracy"] == (found.mean.argmax(axis=1) == y_val).mean()
    ece = u.expected_calibration_error(y_val, found.mean)
    assert last["mc_ece"] == pytest.approx(ece)
    assert history.history["mc_ece"] == logger.history["mc_ece"]
    assert read_tags(tmp_path)["mc_ece"] == pytest.approx(logger.history["mc_ece"])


def read_tags(directory):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(directory))
    events.Reload()
    return {
        tag: [event.value for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_logger_can_wait_and_be_copied():
    import copy

    y, x = problem(32)
    logger = copy.deepcopy(u.UncertaintyLogger(x, y, samples=5, every=2))
    classifier().fit(x, y, epochs=4, verbose=0, callbacks=[logger])
    assert logger.history["epoch"] == [1, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"samples": 1}, "`samples` must be"),
        ({"every": 0}, "`every` must be"),
        ({"bins": 0}, "`bins` must be"),
        ({"log_dir": ""}, "`log_dir` must be"),
        ({"y": np.zeros(3)}, "`x` and `y` must have the same number"),
    ],
)
def test_logger_checks_its_arguments(arguments, message):
    y, x = problem(32)
    with pytest.raises(ValueError, match=message):
        u.UncertaintyLogger(**{"x": x, "y": y, **arguments})


def test_logger_refuses_a_model_before_it_trains():
    y, x = problem(32)
    logger = u.UncertaintyLogger(x, y)
    model = sequential(layers.Dense(4, activation="softmax"), shape=(4,))
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(ValueError, match="at least one layer that drops"):
        model.fit(x, y, verbose=0, callbacks=[logger])
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
