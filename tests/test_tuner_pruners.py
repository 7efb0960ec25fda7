"""Pruners end what is among the worst at its epoch, and nothing else."""

import keras
import keras_tuner
import numpy as np
import pytest
import searches
from keras_tuner.src.engine.tuner_utils import TunerCallback

from keras_extras.tuner import MedianPruner
from keras_extras.tuner import PercentilePruner
from keras_extras.tuner import results_table

LOW_TO_HIGH = [0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.fixture
def make_tuner(tmp_path):
    def make(objective="val_accuracy"):
        build = lambda hp: searches.classifier(hp.Float("rate", 0.1, 0.2))
        return keras_tuner.RandomSearch(
            build, objective, max_trials=99, directory=str(tmp_path), seed=0
        )

    return make


def train(tuner, pruner, values, name="val_accuracy", worker="tuner0", first=0):
    """Goes through the motions of a trial; returns how many epochs it was let run."""
    trial = tuner.oracle.create_trial(worker)
    model = keras.Model()
    fit = keras.callbacks.CallbackList(
        [pruner, TunerCallback(tuner, trial)], model=model
    )
    model.stop_training = False
    fit.on_train_begin()
    epochs = 0
    for epoch, value in enumerate(values, start=first):
        fit.on_epoch_end(epoch, {name: value})
        epochs += 1
        if model.stop_training:
            break
    fit.on_train_end()
    trial.status = "COMPLETED"
    # NaN itself would make KerasTuner's own statistics warn.
    tuner.oracle.update_trial(trial.trial_id, {name: np.nan_to_num(value)})
    tuner.oracle.end_trial(trial)
    return epochs


def constant(value):
    return [value] * 4


def test_below_the_median_is_ended_after_the_first_epochs(make_tuner):
    tuner = make_tuner()
    pruner = lambda: MedianPruner(min_trials=5, min_epochs=1)
    for value in LOW_TO_HIGH:  # too few others, all of them
        assert train(tuner, pruner(), constant(value)) == 4
    assert train(tuner, pruner(), constant(0.3)) == 4  # the median itself
    assert train(tuner, pruner(), constant(0.29)) == 2
    trial = tuner.oracle.get_trial(max(tuner.oracle.trials))
    assert "MedianPruner: val_accuracy 0.29" in trial.message
    assert "of 6 others is 0.3" in trial.message
    assert "pruned in epoch 2" in results_table(tuner)
    assert trial.score == 0.29


@pytest.mark.parametrize(
    ("percentile", "ended"), [(0, []), (25, [0.1]), (100, [0.1, 0.2, 0.3, 0.4])]
)
def test_percentile_is_the_share_that_is_too_bad(make_tuner, percentile, ended):
    tuner = make_tuner()
    for value in LOW_TO_HIGH:
        train(tuner, MedianPruner(min_trials=99), constant(value))
    pruner = PercentilePruner(percentile, min_trials=5, min_epochs=0)
    short = [v for v in LOW_TO_HIGH if train(tuner, pruner, constant(v)) < 4]
    assert short == ended


def test_objectives_to_be_minimised(make_tuner):
    tuner = make_tuner("val_loss")
    pruner = MedianPruner(min_trials=5, min_epochs=0)
    for value in LOW_TO_HIGH:
        train(tuner, pruner, constant(value), "val_loss")
    assert train(tuner, pruner, constant(0.3), "val_loss") == 4
    assert train(tuner, pruner, constant(0.31), "val_loss") == 1
    assert train(tuner, pruner, constant(np.nan), "val_loss") == 1


def test_what_counts_is_the_best_value_so_far_at_the_same_epoch(make_tuner):
    tuner = make_tuner()
    pruner = MedianPruner(min_trials=3, min_epochs=0)
    for _ in range(3):
        train(tuner, pruner, [0.1, 0.5, 0.3, 0.6])
    assert train(tuner, pruner, [0.1, 0.5, 0.2, 0.6]) == 4  # 0.5 is its best
    assert train(tuner, pruner, [0.2, 0.4, 0.9, 0.9]) == 2
    assert train(tuner, pruner, [0.1, 0.5, 0.5, 0.59]) == 4  # ended after its last
    assert train(tuner, pruner, [0.5, 0.6], first=2) == 2  # a round of Hyperband


def test_nan_is_the_worst_of_all(make_tuner):
    tuner = make_tuner()
    pruner = MedianPruner(min_trials=3, min_epochs=0)
    for value in (np.nan, np.nan, 0.2):
        train(tuner, MedianPruner(min_trials=99), constant(value))
    assert train(tuner, pruner, constant(np.nan)) == 1
    assert train(tuner, pruner, constant(0.1)) == 4


def test_trials_that_still_run_elsewhere_count_and_files_survive(make_tuner):
    tuner = make_tuner()
    for number, value in enumerate(LOW_TO_HIGH):
        train(tuner, MedianPruner(), constant(value), worker=f"worker{number}")
    tuner.save()
    again = make_tuner()  # reads the directory, as after a restart
    assert train(again, MedianPruner(), constant(0.1)) == 2


def test_half_written_file_of_another_process_is_left_out(make_tuner, tmp_path):
    tuner = make_tuner()
    for value in LOW_TO_HIGH:
        train(tuner, MedianPruner(), constant(value))
    for path in sorted(tmp_path.glob("*/trial_*/progress0.json"))[:1]:
        path.write_text('{"values": {"0":')
    assert train(tuner, MedianPruner(min_trials=5), constant(0.01)) == 4
    assert train(tuner, MedianPruner(min_trials=4), constant(0.01)) == 2


def test_outside_a_search_and_without_the_objective(make_tuner):
    with pytest.raises(ValueError, match="compares the trials of a search"):
        keras.callbacks.CallbackList([MedianPruner()], keras.Model()).on_train_begin()
    with pytest.raises(keras_tuner.errors.FatalValueError, match="needs the objective"):
        train(make_tuner(), MedianPruner(), [0.1], name="loss")


@pytest.mark.parametrize("percentile", [-1, 101, "50", True])
def test_wrong_percentile(percentile):
    with pytest.raises(ValueError, match="`percentile` must be a number from 0 to 100"):
        PercentilePruner(percentile)


def test_wrong_counts():
    with pytest.raises(ValueError, match="`min_trials` must be"):
        MedianPruner(min_trials=0)
    with pytest.raises(ValueError, match="`min_epochs` must be"):
        MedianPruner(min_epochs=-1)


def test_ends_trainings_of_a_search(tmp_path):
    build = lambda hp: searches.classifier(hp.Choice("rate", [0.5, 1e-9]))
    tuner = searches.grid(build, tmp_path)
    searches.search(tuner, [MedianPruner(min_trials=1, min_epochs=0)], epochs=3)
    assert "pruned in epoch 1" in results_table(tuner)
    assert tuner.oracle.get_best_trials()[0].hyperparameters.get("rate") == 0.5
