"""In a search each trial is seen for itself, and sick ones end early."""

import copy
import re

import keras
import keras_tuner
import numpy as np
import pytest
import searches
from backend_in_use import beside_keras_tensorboard

from keras_extras import callbacks
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.tuner import DiagnosticHyperModel
from keras_extras.tuner import results_table
from keras_extras.tuner import trial_findings
from keras_extras.uncertainty import UncertaintyLogger


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A healthy trial, then three sick ones, and where they wrote to."""
    directory = tmp_path_factory.mktemp("search")
    logs = directory / "logs"
    tuner = searches.grid(DiagnosticHyperModel(searches.build), directory)
    loggers = [TrainingDiagnostics(logs, verbose=0), GradientLogger(logs)]
    return searches.search(tuner, loggers), logs


def trials_of(tuner):
    return {t.hyperparameters.get("rate"): t for t in tuner.oracle.trials.values()}


def test_sick_trials_are_ended_and_never_abort_the_search(searched):
    tuner, _ = searched
    assert len(tuner.oracle.trials) == 1 + len(searches.SICK)
    assert tuner.oracle.max_consecutive_failed_trials == len(searches.SICK)
    for rate, trial in trials_of(tuner).items():
        ended = trial.metrics.get_last_value("findings/ended")
        assert trial.status == "COMPLETED"
        assert ended == (rate != searches.HEALTHY)
        assert bool(re.match("Ended in epoch [12] by", trial.message)) == bool(ended)


def test_ended_trials_are_ranked_last(searched):
    tuner, _ = searched
    best, *others = tuner.oracle.get_best_trials(10)
    assert best.hyperparameters.get("rate") == searches.HEALTHY
    assert best.score > 0.8
    assert {trial.score for trial in others} == {-1.0}


def test_findings_are_kept_with_the_trial(searched, capsys):
    tuner, _ = searched
    for rate, trial in trials_of(tuner).items():
        found = trial_findings(tuner, trial.trial_id)
        errors = [f for f in found if f.severity == "error"]
        assert bool(errors) == (rate != searches.HEALTHY)
        assert trial.metrics.get_last_value("findings/errors") == len(errors)
        if errors:
            assert errors[0].code == "learning-rate-too-high"
    tuner.results_summary()
    assert "error learning-rate-too-high" in capsys.readouterr().out
    with pytest.raises(ValueError, match="`trial_id` and `execution` must be"):
        trial_findings(tuner, "no such trial")


def test_table_has_the_best_first_with_findings(searched):
    head, best, *others = results_table(searched[0]).splitlines()
    assert head.split() == ["trial", "score", "state", "findings", "rate"]
    assert best.split()[2:] == ["completed", "none", str(searches.HEALTHY)]
    assert all("ended in epoch" in line for line in others)
    assert all("learning-rate-too-high!" in line for line in others)


def test_table_names_the_hyperparameters_that_it_has_no_room_for(searched):
    whole = results_table(searched[0]).splitlines()
    width = len(whole[0]) - 1
    *lines, last = results_table(searched[0], width).splitlines()
    assert [line.split()[:4] for line in lines] == [line.split()[:4] for line in whole]
    assert "rate" not in lines[0]
    assert last == f"Not shown, for {width} columns of text: rate"


def test_each_trial_has_a_run_of_its_own(searched):
    tuner, logs = searched
    board = searches.Board(logs)
    runs = [f"{trial_id}/execution0" for trial_id in sorted(tuner.oracle.trials)]
    assert board.runs() == runs
    for rate, trial in trials_of(tuner).items():
        scalars = board.scalars(f"{trial.trial_id}/execution0")
        np.testing.assert_allclose(scalars["learning_rate"], rate, rtol=1e-6)
        assert any(tag.startswith("gradient_norm/") for tag in scalars)


def test_hparams_show_hyperparameters_score_and_findings(searched):
    tuner, logs = searched
    shown = searches.Board(logs).trials()
    assert len(shown) == len(tuner.oracle.trials)
    for rate, trial in trials_of(tuner).items():
        values, metrics = shown[f"search/{trial.trial_id}"]
        sick = rate != searches.HEALTHY
        code = "learning-rate-too-high" if sick else "none"
        assert values == {"rate": rate, "first_finding": code}
        counts = ("errors", "warnings", "findings", "steps", "sampled")
        names = {f"trial/{name}" for name in ("val_accuracy", *counts)}
        assert set(metrics) == names
        assert (metrics["trial/errors"] > 0) == sick
        if not sick:
            score = pytest.approx(trial.score, rel=1e-6)
            assert metrics["trial/val_accuracy"] == score


@beside_keras_tensorboard
def test_beside_tensorboard_with_several_executions(tmp_path):
    other = tmp_path / "other"
    board = keras.callbacks.TensorBoard(tmp_path / "logs", write_graph=False)
    loggers = [board, HyperparameterLogger(board), HyperparameterLogger(other)]
    build = lambda hp: searches.classifier(hp.Choice("rate", [searches.HEALTHY]))
    tuner = searches.grid(build, tmp_path, executions_per_trial=2)
    searches.search(tuner, loggers, epochs=1)
    runs = searches.Board(tmp_path / "logs").runs()
    for number in range(2):
        assert f"0/execution{number}/diagnostics" in runs
        assert f"0/execution{number}/train" in runs
    assert len([run for run in runs if "diagnostics" in run]) == 2
    assert searches.Board(other).runs() == ["0/execution0", "0/execution1"]
    # One row: that of KerasTuner and ours are of the same trial.
    (values, metrics) = searches.Board(tmp_path).trials()["0"]
    assert len(searches.Board(tmp_path).trials()) == 1
    assert values["rate"] == searches.HEALTHY
    assert "trial/val_accuracy" in metrics


def test_beside_a_subclass_of_tensorboard(tmp_path):
    class Mine(keras.callbacks.TensorBoard):
        """KerasTuner knows the class by its name only, and leaves this one alone."""

    board = Mine(tmp_path / "logs", write_graph=False)
    build = lambda hp: searches.classifier(hp.Choice("rate", [0.1, 0.2]))
    tuner = searches.grid(build, tmp_path)
    searches.search(tuner, [HyperparameterLogger(board)], epochs=1)
    found = searches.Board(tmp_path / "logs")
    assert found.runs() == [f"{n}/execution0/diagnostics" for n in range(2)]
    assert len(found.trials()) == 2


TUNERS = {
    "bayesian": lambda build, **where: keras_tuner.BayesianOptimization(
        build, "val_loss", max_trials=4, num_initial_points=3, **where
    ),
    "hyperband": lambda build, **where: keras_tuner.Hyperband(
        build, "val_loss", max_epochs=2, factor=2, **where
    ),
    "random": lambda build, **where: keras_tuner.RandomSearch(
        build, "val_loss", max_trials=2, **where
    ),
}


# Of scikit-learn, which fits a Gaussian process to four points; of Keras: `Hyperband`
# loads the weights of a model whose optimizer has no variables.
@pytest.mark.filterwarnings("ignore:The optimal value found for")
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
@pytest.mark.parametrize("name", TUNERS)
def test_every_tuner_goes_to_its_end(tmp_path, name):
    def build(hp):
        sick = hp.Boolean("sick")
        return searches.classifier(hp.Float("rate", 0.1, 0.2) * (1e30 if sick else 1))

    logs = tmp_path / "logs"
    hypermodel = DiagnosticHyperModel(build, TrainingDiagnostics(logs, verbose=0))
    tuner = TUNERS[name](hypermodel, directory=str(tmp_path), seed=2)
    searches.search(tuner, epochs=1)
    trials = tuner.oracle.get_best_trials(100)
    assert {trial.status for trial in trials} == {"COMPLETED"}
    assert len(trials) == {"bayesian": 4, "hyperband": 5, "random": 2}[name]
    ended = [t.metrics.get_last_value("findings/ended") for t in trials]
    assert ended == sorted(ended)
    assert set(ended) == {0.0, 1.0}
    assert all(np.isfinite(trial.score) for trial in trials)
    runs = searches.Board(logs).runs()
    assert runs == sorted(f"{trial.trial_id}/execution0" for trial in trials)


def with_arguments():
    x, y = searches.data()
    given = {
        "ExponentialDecayScheduler": (10,),
        "FreezeUnfreeze": (1,),
        "HyperparameterScheduler": ("momentum", lambda step: 0.9),
        "InverseSquareRootScheduler": (10,),
        "LinearToZeroScheduler": (20,),
        "OneCycleScheduler": (20, 0.1),
        "WarmRestartsScheduler": (10,),
        "WarmupStableDecayScheduler": (20,),
        "PiecewiseConstantScheduler": ([10], [1.0, 0.1]),
        "PowerScheduler": (10,),
    }
    for name in callbacks.__all__:
        yield getattr(callbacks, name)(*given.get(name, ()))
    yield UncertaintyLogger(x, y)


@pytest.mark.parametrize(
    "callback", [*with_arguments()], ids=lambda c: type(c).__name__
)
def test_each_callback_can_be_copied_as_a_search_does(callback):
    callback.set_model(searches.classifier(0.1))
    duplicate = copy.deepcopy([callback, callback])
    assert type(duplicate[0]) is type(callback)
    assert duplicate[0] is duplicate[1]
    assert duplicate[0].model is None
