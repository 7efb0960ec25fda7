"""What a callback recorded, as arrays."""

import copy
import pickle

import models
import numpy as np
import pytest
from backend_in_use import for_ever

from keras_extras.callbacks import HyperparameterLogger
from keras_extras.records.history import History
from keras_extras.records.history import check_history_size


def add(history, step, **values):
    """Adds the record of one step."""
    rows = {name: np.asarray(value)[np.newaxis] for name, value in values.items()}
    history.extend(np.array([step]), rows)


@pytest.fixture
def history():
    recorded = History(("a", "b"))
    norms = np.array([[1.0, 2.0], [3.0, np.nan]])
    recorded.extend(np.array([0, 5]), {"norm": norms, "rate": np.array([0.1, 0.2])})
    add(recorded, 10, rate=0.3)
    return recorded


def test_statistic_is_an_array_of_steps_and_layers(history):
    expected = [[1.0, 2.0], [3.0, np.nan], [np.nan, np.nan]]
    np.testing.assert_array_equal(history["norm"], expected)
    np.testing.assert_array_equal(history.norm, expected)


def test_value_of_the_step_is_an_array_of_steps(history):
    np.testing.assert_array_equal(history.rate, [0.1, 0.2, 0.3])


def test_every_record_is_a_row(history):
    assert history.steps.tolist() == [0, 5, 10]
    assert len(history) == 3


def test_what_is_not_handed_over_yet_is_fetched_when_someone_looks():
    recorded, waiting = History(), [1, 2, 3]

    def hand_over():
        while waiting:
            add(recorded, waiting.pop(0), rate=0.5)

    recorded.source = hand_over
    assert "rate" in recorded
    assert recorded.steps.tolist() == [1, 2, 3]
    waiting.append(4)
    assert len(recorded) == 4
    waiting.append(5)
    assert len(copy.deepcopy(recorded)) == 5


def test_what_came_late_is_nan_before():
    recorded = History()
    add(recorded, 0, rate=1.0)
    add(recorded, 1, rate=1.0, scale=2.0)
    np.testing.assert_array_equal(recorded.scale, [np.nan, 2.0])


def test_arrays_grow_with_later_records(history):
    assert history.rate.shape == (3,)
    add(history, 11, rate=0.4, norm=np.zeros(2))
    assert history.rate.shape == (4,)
    assert history.norm.shape == (4, 2)


def test_many_records_keep_their_values():
    recorded = History(("a",))
    for step in range(5000):
        add(recorded, step, norm=[float(step)])
    np.testing.assert_array_equal(recorded.norm[:, 0], np.arange(5000.0))
    np.testing.assert_array_equal(recorded.steps, np.arange(5000))


def test_changing_a_result_does_not_change_the_record(history):
    values = history.rate
    try:
        values[0] = 99.0
    except ValueError:  # a read-only array does as well
        return
    add(history, 12, rate=0.5)
    assert history.rate[0] == 0.1


def test_recorded_array_may_be_reused_by_its_owner():
    recorded, values = History(("a",)), np.array([1.0])
    add(recorded, 0, norm=values)
    values[0] = 2.0
    add(recorded, 1, norm=values)
    np.testing.assert_array_equal(recorded.norm[-1], [2.0])


def test_names_and_membership(history):
    assert set(history) == {"norm", "rate"} == set(history.names)
    assert "norm" in history
    assert "loss" not in history


def test_missing_statistic_names_what_there_is(history):
    with pytest.raises(KeyError, match=r"loss.*norm.*rate"):
        history["loss"]
    with pytest.raises(AttributeError, match="loss"):
        getattr(history, "loss")  # noqa: B009 - what is tested is the attribute


def test_empty_history():
    empty = History()
    assert len(empty) == 0
    assert empty.steps.shape == (0,)
    assert empty.layers == ()
    assert "nothing recorded" in repr(empty)


def test_repr_tells_what_is_inside(history):
    assert "3 steps" in repr(history)
    assert "2 layers" in repr(history)
    assert "norm" in repr(history)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h))]
)
def test_history_can_be_copied(history, duplicate):
    other = duplicate(history)
    assert other.layers == history.layers
    np.testing.assert_array_equal(other.norm, history.norm)


def long_history(max_steps, steps, layers=3, batch=64):
    """Records values that tell their step, with a spike each way and gaps."""
    history = History(tuple("abc"[:layers]), max_steps=max_steps)
    for first in range(0, steps, batch):
        now = np.arange(first, min(first + batch, steps))
        norm = now[:, np.newaxis] + np.arange(layers) / 10
        share = np.zeros_like(norm)
        norm[now == 1234, 1] = -5.0
        norm[now == 2345, 2] = 1e9
        norm[(now >= 3000) & (now < 3003), 0] = np.nan
        norm[now == 4000, 0] = np.inf
        share[now == 5000, 0] = 0.5
        rate = now.astype(float)
        rate[now == 777], rate[now == 888] = -1.0, 1e7
        values = {"norm": norm, "nonfinite_fraction": share, "rate": rate}
        history.extend(now, values)
    return history


def test_history_keeps_ten_thousand_steps_unless_told_otherwise():
    assert History().max_steps == 10_000
    assert len(long_history(10_000, 10_000)) == 10_000
    assert len(long_history(None, 30_000)) == 30_000


@pytest.mark.parametrize("max_steps", [100, 1000])
@pytest.mark.parametrize("batch", [1, 64, 5000])
def test_long_history_is_bounded_and_keeps_what_matters(max_steps, batch):
    history = long_history(max_steps, 9999, batch=batch)
    steps = history.steps
    assert max_steps // 4 < len(steps) <= max_steps
    assert (np.diff(steps) > 0).all()
    kept = set(steps.tolist())
    assert {0, 9998} <= kept
    assert {1234, 2345, 777, 888} <= kept  # the extremes
    assert {3000, 3001, 3002, 4000, 5000} <= kept  # what was not finite


def test_rows_of_a_long_history_stay_together():
    history = long_history(500, 20_000)
    usual = (history.rate > 0) & (history.rate < 1e6)
    np.testing.assert_array_equal(history.rate[usual], history.steps[usual])
    for column in range(3):
        norm = history.norm[:, column]
        usual = (norm >= 0) & (norm < 1e8)
        expected = history.steps[usual] + column / 10
        np.testing.assert_array_equal(norm[usual], expected)
        assert usual.sum() > 200
    assert history.nonfinite_fraction.shape == history.norm.shape


def test_steps_of_a_long_history_are_spread_evenly():
    steps = long_history(1000, 200_000).steps
    gaps = np.diff(steps[steps > 6000])
    assert gaps.max() <= 4 * 200_000 / 500


def test_extremes_of_each_layer_are_kept():
    history, now = History(tuple("ab"), max_steps=400), np.arange(5000)
    norm = np.random.default_rng(0).uniform(1, 2, (5000, 2))
    norm[1111, 0], norm[2222, 0] = 0.5, 3.0  # of the first layer
    norm[3333, 1], norm[4444, 1] = 0.4, 4.0
    history.extend(now, {"norm": norm})
    assert {1111, 2222, 3333, 4444} <= set(history.steps.tolist())


def test_steps_that_are_not_finite_are_bounded_too():
    history, now = History(("a",), max_steps=400), np.arange(5000)
    norm = np.where(now < 1000, 1.0, np.nan)[:, np.newaxis]
    history.extend(now, {"norm": norm})
    steps = history.steps
    assert len(steps) <= 400
    assert set(range(1000, 1025)) <= set(steps.tolist())
    assert steps[-1] == 4999


def test_statistic_that_came_late_is_nan_before_in_a_long_history():
    history = History(("a",), max_steps=100)
    history.extend(np.arange(60), {"rate": np.ones(60)})
    history.extend(np.arange(60, 110), {"rate": np.ones(50), "late": np.ones(50)})
    history.extend(np.arange(110, 140), {"rate": np.ones(30)})
    was_there = (history.steps >= 60) & (history.steps < 110)
    np.testing.assert_array_equal(np.isfinite(history.late), was_there)


def test_history_of_two_trainings_keeps_their_order():
    history = History(max_steps=100)
    for _ in range(2):
        history.extend(np.arange(500), {"rate": np.arange(500.0)})
    np.testing.assert_array_equal(history.rate, history.steps)
    assert (np.diff(history.steps) < 0).sum() == 1


@pytest.mark.parametrize("size", [0, 99, -1, True, 1e4, "all"])
def test_size_of_a_history_is_checked(size):
    with pytest.raises(ValueError, match=r"`history_size` must be .* Received"):
        check_history_size(size)
    check_history_size(None)
    check_history_size(100)


@pytest.mark.parametrize(("size", "is_whole"), [(100, False), (None, True)])
def test_history_of_a_training_is_as_long_as_asked_for(size, is_whole):
    model, x, y = models.make("sequential_mlp")
    logger = HyperparameterLogger(history_size=size)
    data = for_ever(x, y, size=models.BATCH)
    model.fit(data, steps_per_epoch=120, verbose=0, shuffle=False, callbacks=[logger])
    assert (len(logger.history) == 120) == is_whole
    assert logger.history.steps[[0, -1]].tolist() == [0, 119]
