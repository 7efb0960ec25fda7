"""What goes wrong in a search ends with a clear message, and no trial is lost."""

import importlib
import sys

import keras
import keras_tuner
import numpy as np
import pytest
import searches

from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import HyperparameterLogger
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.tuner import DiagnosticHyperModel
from keras_extras.tuner import OneCycleHyperModel
from keras_extras.tuner import results_table
from keras_extras.tuner import trial_findings


class Interrupt(keras.callbacks.Callback):
    """Ends the process, so to speak, in the second epoch of the second trial."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def __deepcopy__(self, memo):
        return Interrupt(self.seen)

    def on_train_begin(self, logs=None):
        self.seen.append(self.model)

    def on_epoch_end(self, epoch, logs=None):
        if len(self.seen) == 2 and epoch == 1:
            raise KeyboardInterrupt


def two_rates(hp):
    return searches.classifier(hp.Choice("rate", [0.1, 0.2]))


def test_interrupted_search_goes_on_with_the_trial_it_was_in(tmp_path):
    logs = tmp_path / "logs"
    make = lambda: searches.grid(DiagnosticHyperModel(two_rates), tmp_path)
    loggers = [GradientLogger(logs, every=1), Interrupt([])]
    with pytest.raises(KeyboardInterrupt):
        searches.search(make(), loggers)
    assert searches.Board(logs).runs() == ["0/execution0", "1/execution0"]

    tuner = searches.search(make(), loggers[:1])
    trials = tuner.oracle.trials
    assert {trial.status for trial in trials.values()} == {"COMPLETED"}
    rates = [trial.hyperparameters.get("rate") for trial in trials.values()]
    assert sorted(rates) == [0.1, 0.2]
    board = searches.Board(logs)
    steps = 3 * searches.ROWS // searches.BATCH
    assert board.runs() == [
        "0/execution0",
        "1/execution0",  # what there was of it
        "1/execution0-retry1",
    ]
    for trial_id, run in {"0": "0/execution0", "1": "1/execution0-retry1"}.items():
        assert len(board.scalars(run)["global_gradient_norm"]) == steps
        assert trial_findings(tuner, trial_id) == []
    assert sorted(board.trials()) == ["search/0", "search/1"]


def test_failing_build_function_loses_no_other_trial(tmp_path):
    def build(hp):
        rate = hp.Choice("rate", [0.2, 0.3])
        if rate == 0.3:
            raise RuntimeError("no such network")
        return searches.classifier(rate)

    tuner = searches.grid(DiagnosticHyperModel(build), tmp_path)
    searches.search(tuner, epochs=1)
    states = {
        t.hyperparameters.get("rate"): (t.status, t.message)
        for t in tuner.oracle.trials.values()
    }
    assert states[0.2] == ("COMPLETED", "Findings: none")
    assert states[0.3][0] == "FAILED"
    assert "no such network" in states[0.3][1]
    assert "failed" in results_table(tuner)


def test_failing_fit_keeps_its_findings_and_its_message(tmp_path):
    class Breaks(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError("out of luck")

    build = lambda hp: searches.classifier(hp.Choice("rate", [searches.SICK[0]]))
    # A model that diverges, so that there is something to keep.
    tuner = searches.grid(DiagnosticHyperModel(build, patience=3), tmp_path)
    searches.search(tuner, [Breaks()])
    trial = tuner.oracle.get_trial("0")
    assert trial.status == "FAILED"
    assert "out of luck" in trial.message
    assert trial_findings(tuner, "0")[0].code == "learning-rate-too-high"


def regression(scale):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.layers[0].set_weights([np.full((4, 1), scale), np.zeros(1)])
    model.compile("sgd", "mse")
    return model


def test_nan_trials_are_last_and_do_not_abort(tmp_path):
    build = lambda hp: regression(hp.Choice("scale", [np.nan, 1e35, 0.1]))
    tuner = searches.grid(DiagnosticHyperModel(build), tmp_path, objective="val_loss")
    searches.search(tuner)
    best, *others = tuner.oracle.get_best_trials(10)
    assert best.hyperparameters.get("scale") == 0.1
    assert {trial.status for trial in (best, *others)} == {"COMPLETED"}
    for trial in others:
        assert np.isfinite(trial.score)
        assert trial.metrics.get_last_value("findings/ended")
        codes = {f.code for f in trial_findings(tuner, trial.trial_id)}
        assert "nan-loss" in codes
    assert best.score < min(trial.score for trial in others)
    assert tuner.get_best_models()[0].evaluate(*searches.data(), verbose=0) >= 0


def test_directory_that_cannot_be_written_ends_the_search_at_once(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    make = lambda: searches.grid(two_rates, tmp_path)
    with pytest.raises(keras_tuner.errors.FatalValueError, match="`log_dir` must be"):
        searches.search(make(), [HyperparameterLogger(blocked)], epochs=1)
    blocked.unlink()
    tuner = searches.search(make(), [HyperparameterLogger(blocked)], epochs=1)
    trials = tuner.oracle.trials.values()
    assert [trial.status for trial in trials] == ["COMPLETED"] * 2
    assert len(searches.Board(blocked).trials()) == 2


@pytest.fixture
def on_another_backend(monkeypatch):
    """Has Keras name a backend that this package knows nothing of."""
    forget_the_backend()
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    yield
    forget_the_backend()


def forget_the_backend():
    """Has what was loaded for the backend be looked up anew."""
    ours = [m for name, m in sys.modules.items() if name.startswith("keras_extras.")]
    for module in ours:
        for name, value in vars(module).items():
            if name.startswith("load_") and hasattr(value, "cache_clear"):
                value.cache_clear()


@pytest.mark.usefixtures("on_another_backend")
@pytest.mark.parametrize("wrapper", [DiagnosticHyperModel, OneCycleHyperModel])
def test_what_cannot_be_done_ends_the_search_with_the_reason(wrapper, tmp_path):
    tuner = searches.grid(wrapper(two_rates), tmp_path)
    with pytest.raises(keras_tuner.errors.FatalValueError, match="numpy"):
        searches.search(tuner, epochs=1)


def test_what_a_model_does_not_implement_is_an_error_of_its_trial(tmp_path):
    class Unfinished(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if self.model.optimizer.learning_rate > 0.15:
                raise NotImplementedError("such a rate")

    tuner = searches.grid(DiagnosticHyperModel(two_rates), tmp_path)
    searches.search(tuner, [Unfinished()], epochs=1)
    states = sorted(trial.status for trial in tuner.oracle.trials.values())
    assert states == ["COMPLETED", "FAILED"]


@pytest.mark.filterwarnings("ignore:All-NaN axis")  # KerasTuner's, of a NaN loss
def test_codes_end_a_trial_and_none_do_if_asked(tmp_path):
    build = lambda hp: searches.classifier(hp.Choice("rate", [1e-7]))
    tuner = searches.grid(
        DiagnosticHyperModel(
            build,
            TrainingDiagnostics(every=1, verbose=0),
            ("learning-rate-too-low",),
            1,
        ),
        tmp_path / "stops",
    )
    searches.search(tuner, epochs=20)
    assert "learning-rate-too-low" in tuner.oracle.get_trial("0").message
    assert "ended in epoch" in results_table(tuner)
    build = lambda hp: searches.classifier(hp.Choice("rate", [searches.SICK[0]]))
    tuner = searches.grid(DiagnosticHyperModel(build, stop_on=()), tmp_path / "goes")
    searches.search(tuner, epochs=4)
    trial = tuner.oracle.get_trial("0")
    assert trial.metrics.get_last_value("findings/errors") > 0
    assert trial.metrics.get_last_value("findings/ended") == 0
    assert "completed" in results_table(tuner)


def test_executions_after_one_that_was_ended_are_left_out(tmp_path):
    epochs = []

    class Counts(keras.callbacks.Callback):
        def __deepcopy__(self, memo):
            return self

        def on_epoch_end(self, epoch, logs=None):
            epochs.append(epoch)

    build = lambda hp: searches.classifier(hp.Choice("rate", [searches.SICK[0]]))
    tuner = searches.grid(
        DiagnosticHyperModel(build, patience=1), tmp_path, executions_per_trial=3
    )
    searches.search(tuner, [Counts()])
    assert epochs == list(range(len(epochs)))  # none began anew
    assert tuner.oracle.get_trial("0").score == -1.0


def test_fit_of_the_hypermodel_outside_a_search():
    hypermodel = DiagnosticHyperModel(searches.build)
    hp = keras_tuner.HyperParameters()
    x, y = searches.data()
    history = hypermodel.fit(hp, hypermodel.build(hp), x, y, verbose=0)
    assert set(history.history) == {"accuracy", "loss"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hypermodel": 3}, "`hypermodel` must be"),
        ({"diagnostics": "yes"}, "`diagnostics` must be"),
        ({"stop_on": "error"}, "`stop_on` must be"),
        ({"stop_on": ("no-such-code",)}, "`stop_on` must be"),
        ({"patience": 0}, "`patience` must be"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DiagnosticHyperModel(**{"hypermodel": searches.build, **arguments})


def test_without_keras_tuner_the_error_names_the_extra(monkeypatch):
    for name in [n for n in sys.modules if n.startswith("keras_extras.tuner")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "keras_tuner", None)
    with pytest.raises(ImportError, match="pip install keras-tuner six"):
        importlib.import_module("keras_extras.tuner")
