"""What is said of a run first: a verdict, a few numbers, and where to begin to look."""

import json

import pytest
import synthetic_logs as logs
from board_client import Board

from keras_diagnostics import findings
from keras_diagnostics import html_pieces
from keras_diagnostics import run_header
from keras_extras.summaries.writer import open_writer

NAN = logs.finding("nan-loss", "error", None, first_step=14, last_step=199)


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    root = tmp_path_factory.mktemp("logs")
    logs.write_run(root / "well", logs.records(), [], epochs=3)
    write_curve(root / "well", [3.0, 1.0], best_constant=1.386)
    cause = logs.finding("bad-initialization", "warning")
    effects = [
        logs.finding(cause="bad-initialization"),
        logs.finding(layer="head", cause="bad-initialization"),
    ]
    own = logs.finding("overfitting", "warning", None, remedy="Stop earlier.")
    logs.write_run(root / "failing", findings=[cause, own, *effects])
    logs.write_run(root / "nan", logs.records(steps=20, every=10), [NAN])
    write_curve(root / "nan", [2.0, 1.5, float("nan"), float("nan")])
    logs.write_run(root / "unexamined", findings=None)
    return Board("--logdir", str(root))


def write_curve(directory, losses, best_constant=float("nan")):
    writer = open_writer(str(directory))
    series = {"steps": list(range(len(losses))), "values": {"loss": losses}}
    writer.curve(len(losses) - 1, {"logs": series})
    writer.best_constant(best_constant)
    writer.close()


def header(board, run):
    return board.json("findings", run=run)["header"]


def facts(board, run):
    return {fact["name"]: fact["value"] for fact in header(board, run)["facts"]}


def test_a_healthy_run_is_told_so(board):
    found = header(board, "well")
    assert found["severity"] == "good"
    assert found["verdict"] == (
        "Healthy: nothing found; the loss fell from 3 to 0.667, that of the best "
        "constant prediction is 1.39."
    )
    assert facts(board, "well") == {
        "Steps": "20",
        "Epochs": "3",
        "Loss": "3 \u2192 0.667",
        "Validation loss": "2.5 \u2192 0.833",
        "Best constant": "1.39",
    }


def test_a_failing_run_is_named_by_its_cause(board):
    found = header(board, "failing")
    assert found["severity"] == "error"
    assert found["verdict"] == (
        "Failing: bad-initialization in 'conv', from step 3; 2 more findings follow "
        "from it; 1 more finding stands beside it."
    )


def test_a_loss_that_became_nan_says_where(board):
    assert facts(board, "nan")["Loss"] == "2 \u2192 1.5, NaN from step 2"
    assert header(board, "nan")["verdict"] == "Failing: nan-loss, from step 14."
    assert "Best constant" not in facts(board, "nan")


def test_not_examined_is_not_healthy(board):
    assert header(board, "unexamined")["severity"] == "info"
    assert "Not examined" in header(board, "unexamined")["verdict"]
    assert board.json("findings")["header"] is None  # of several runs


def test_runs_that_became_nan_begin_before_it(board):
    focus = {run["name"]: run["focus"] for run in board.json("runs")["runs"]}
    assert focus == {"well": None, "failing": None, "nan": [0, 17], "unexamined": None}


@pytest.mark.parametrize(
    ("at", "last", "expected"),
    [
        (14, 179, [0, 17]),
        (1000, 5000, [500, 1050]),  # sampled steps are ever further apart
        (14, 20, None),  # no more than a little is left out
        (200, 199, None),  # damaged
    ],
)
def test_steps_to_begin_with(at, last, expected):
    found = [{"code": "nan-loss", "severity": "error", "first_step": at}]
    assert run_header.steps_to_begin_with(found, 0, last) == expected


def read(*found):
    return findings.read_findings([finding.to_dict() for finding in found], "run")[0]


def test_consequences_stand_below_their_causes():
    found = read(
        logs.finding("a"),
        logs.finding("other", layer="head", remedy="Do else."),
        logs.finding("a", layer="head"),
        logs.finding("c", cause="b"),
        logs.finding("b", cause="a"),
    )
    shown = [(f["code"], f["depth"]) for f in findings.nested(found)]
    assert shown == [("a", 0), ("a", 0), ("b", 1), ("c", 2), ("other", 0)]


def test_causes_in_a_circle_lose_no_finding():
    found = read(logs.finding("a", cause="b"), logs.finding("b", cause="a"))
    shown = [(f["code"], f["depth"]) for f in findings.nested(found)]
    assert shown == [("a", 0), ("b", 1)]


def test_equal_remedies_are_said_once():
    found = findings.nested(
        read(
            logs.finding("a", layer=logs.HOSTILE),
            logs.finding("b"),
            logs.finding("c", remedy="Do else."),
        )
    )
    assert [f["as_for"] for f in found] == [None, ["a", logs.HOSTILE], None]
    text = html_pieces.findings_html(found)
    assert text.count("<code>relu</code>") == 1
    assert "as for <code>a</code>" in text
    assert "<script" not in text
    assert "depth" not in json.loads(findings.as_json(found))[0]
