"""Console, `report()`, notebook, tab, report file and HParams count alike."""

import re

import pytest
import searches
from board_client import Board

from keras_diagnostics import report
from keras_diagnostics.tally import Tally
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.tuner import DiagnosticHyperModel
from keras_extras.tuner import trial_findings

EPOCHS, STEPS = 3, 3 * searches.ROWS // searches.BATCH


def test_it_is_said_in_words_and_in_numbers():
    tally = Tally.of(["error", "info", "error"], 1234, 18)
    assert tally.in_steps == "1,234 steps, 18 of them sampled"
    counts = {"errors": 2, "warnings": 0, "findings": 3, "steps": 1234, "sampled": 18}
    assert tally.numbers() == counts
    assert Tally.of([], 1, 0).in_steps == "1 step"


def train(callback):
    model = searches.classifier(searches.SICK[0])
    x, y = searches.data()
    sizes = {"batch_size": searches.BATCH, "epochs": EPOCHS}
    model.fit(x, y, **sizes, verbose=0, callbacks=[callback])


def test_a_training_is_counted_alike_wherever_it_is_shown(tmp_path, capsys):
    callback = TrainingDiagnostics(str(tmp_path / "logs"), every=5, verbose=2)
    train(callback)
    said = re.search(r"^\d+ findings? in .*sampled", capsys.readouterr().out)[0]
    assert said.endswith(f"in {STEPS} steps, 4 of them sampled")
    assert said.startswith(f"{len(callback.findings)} finding")
    assert callback.report().startswith(f"{said}:")
    summary = Board("--logdir", str(tmp_path / "logs")).json("findings")["summary"]
    assert re.sub(r"this run \((.*)\)|\S*diagnostics \((.*)\)", r"\1\2", summary) == (
        f"{said}."
    )
    page = tmp_path / "report.html"
    assert report.main([str(tmp_path / "logs"), "-o", str(page)]) == 0
    for text in (page.read_text("utf-8"), callback._repr_html_()):
        assert re.search(rf"Steps</dt>\s*<dd>{STEPS}\W.*?4 sampled", text, re.S)


def test_what_a_long_history_forgets_was_sampled(tmp_path):
    callback = TrainingDiagnostics(every=1, verbose=0, history_size=100)
    model = searches.classifier(0.1)
    x, y = searches.data()
    model.fit(x, y, batch_size=2, epochs=EPOCHS, verbose=0, callbacks=[callback])
    steps = EPOCHS * len(x) // 2
    assert len(callback.history) < steps == callback.history.sampled
    assert f"{steps} steps, {steps} of them sampled" in callback.report()


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search of two trials, and where they wrote to."""
    directory = tmp_path_factory.mktemp("search")
    tuner = searches.grid(DiagnosticHyperModel(searches.build), directory, max_trials=2)
    logger = TrainingDiagnostics(directory / "logs", every=5, verbose=0)
    return searches.search(tuner, [logger], epochs=EPOCHS), directory / "logs"


def test_hparams_count_as_the_tab_does(searched):
    tuner, logs = searched
    board, trials = Board("--logdir", str(logs)), searches.Board(logs).trials()
    for trial_id in tuner.oracle.trials:
        _, metrics = trials[f"search/{trial_id}"]
        found = trial_findings(tuner, trial_id)
        answer = board.json("findings", run=f"{trial_id}/execution0")
        (looked_at,) = answer["looked_at"]
        assert metrics["trial/findings"] == len(found) == len(answer["findings"])
        assert metrics["trial/steps"] == looked_at["last_step"] + 1
        assert metrics["trial/sampled"] == looked_at["recorded"]
