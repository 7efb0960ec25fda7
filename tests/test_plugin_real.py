"""What the callbacks write in real trainings, the plugin shows."""

import plugin_logs as real
import pytest
from board_client import Board


@pytest.fixture(scope="module")
def board(plugin_logs):
    return Board("--logdir", str(plugin_logs))


def test_every_card_has_something_of_a_real_training(board):
    runs = {run["name"]: run for run in board.json("runs")["runs"]}
    assert set(runs) == {real.ILL, real.WELL, real.HOSTILE}
    layers = {"gradients", "activations", "updates", "schedule", "loss"}
    extras = {"finder", "uncertainty", "histogram"}
    assert layers <= set(runs[real.ILL]["cards"])
    assert layers | extras <= set(runs[real.WELL]["cards"])
    for card in sorted(layers | extras):
        answer = board.json("figure", card=card, run=real.WELL)
        assert answer["state"] == "ok", card
        assert answer["problems"] == []
        assert answer["table"]["rows"]
        assert all(panel["figure"]["data"] for panel in answer["panels"])


def test_the_ill_run_is_found_and_the_other_was_examined(board):
    runs = {run["name"]: run for run in board.json("runs")["runs"]}
    assert runs[real.ILL]["findings"]["error"] >= 1
    assert runs[real.ILL]["worst"]["severity"] == "error"
    assert runs[real.WELL]["examined"] is True
    assert runs[real.WELL]["findings"]["error"] == 0
    assert board.json("findings")["findings"][0]["run"] in (real.ILL, real.HOSTILE)


def test_all_steps_of_a_real_training_are_there(board):
    answer = board.json("figure", card="gradients", run=real.ILL)
    count = 3 * real.STEPS_PER_EPOCH
    assert answer["steps"]["text"] == f"all {count} steps"
    (panel,) = answer["panels"]
    assert panel["rows"] == ["first", "second", "third", "classes"]
    assert panel["figure"]["data"][0]["x"] == list(range(count))


def test_hyperparameters_and_losses_of_a_real_training(board):
    table = board.json("figure", card="compare", run=real.WELL)["table"]
    (row,) = table["rows"]
    values = dict(zip([column["id"] for column in table["columns"]], row))
    assert values["hp:optimizer"] == "SGD"
    assert values["hp:momentum"] == pytest.approx(0.9)
    assert values["loss"] > 0
