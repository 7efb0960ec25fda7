"""Many runs side by side: what differs, with layers that are the same in one column."""

import numpy as np
import pytest
import synthetic_logs as logs
from board_client import Board

from keras_diagnostics.views.figure import without_shared


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """Eight trials of one process, whose layers Keras has counted on and on."""
    root = tmp_path_factory.mktemp("logs")
    for trial in range(8):
        first = 2 * trial
        names = [
            "dense" if not first else f"dense_{first}",
            f"dense_{first + 1}",
            "head",
        ]
        of_records = logs.records(steps=4, layers=tuple(names))
        found = [logs.finding()] if trial % 2 else []
        more = {"units": 8 * trial, "activation": "relu"}
        logs.write_run(root / f"trial{trial}", of_records, found, epochs=1, **more)
    return Board("--logdir", str(root))


def test_layers_that_differ_by_a_counter_are_one_column(board):
    (panel,) = board.json("figure", card="compare")["panels"]
    trace = panel["figure"]["data"][0]
    assert trace["x"] == ["dense", "dense_1", "head"]
    assert np.isfinite(np.array(trace["z"], float)).all()


def test_columns_that_are_the_same_are_marked(board):
    columns = board.json("figure", card="compare")["table"]["columns"]
    same = {column["title"]: column.get("same") for column in columns}
    assert same["units"] is False
    assert same["activation"] is True
    assert same["final loss"] is True
    assert same["errors"] is None


def test_names_that_others_have_are_the_same_layer(tmp_path):
    for number, layers in enumerate((("a", "b_1", "b_2"), ("a", "b_2"), ("b_7", "c"))):
        logs.write_run(tmp_path / f"run{number}", logs.records(steps=3, layers=layers))
    for number in range(3, 8):
        logs.write_run(
            tmp_path / f"run{number}", logs.records(steps=3, layers=("a", "b_2"))
        )
    board = Board("--logdir", str(tmp_path))
    (panel,) = board.json("figure", card="compare")["panels"]
    trace = panel["figure"]["data"][0]
    assert trace["x"] == ["a", "b_1", "b_2", "c"]
    there = [[value is not None for value in row] for row in trace["z"]]
    assert there[:3] == [
        [True, True, True, False],
        [True, False, True, False],
        [False, True, False, True],
    ]


def test_folders_that_all_runs_share_are_left_out_of_labels():
    names = [f"search/trial_{n}/execution0/diagnostics" for n in range(3)]
    assert without_shared(names) == [f"…/trial_{n}" for n in range(3)]
    assert without_shared(["a/b", "c", "a/d/b"]) == ["…/b", "c", "…/d/b"]
    assert without_shared(["a", "a/b"]) == ["a", "a/b"]
    assert without_shared(["00/execution0", "01/execution0"]) == ["00", "01"]
    assert without_shared(["a/b", "a/c/b"]) == ["…/b", "…/c/b"]
    assert without_shared(["one/run"]) == ["one/run"]
