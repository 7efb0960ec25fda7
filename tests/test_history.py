"""What a callback recorded, as arrays."""

import copy
import pickle

import numpy as np
import pytest

from keras_extras.records.history import History


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
