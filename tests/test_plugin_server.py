"""The plugin in a TensorBoard process of its own, with the fast loader."""

import json
import time
import urllib.request

import pytest
import synthetic_logs as logs
from board import Board
from board_client import ROOT


@pytest.fixture(scope="module")
def late_logs(tmp_path_factory):
    """A TensorBoard that starts before its logs, and their directory."""
    root = tmp_path_factory.mktemp("late") / "logs"
    board = Board(root, "--path_prefix", "/some/where", "--load_fast", "true")
    try:
        yield board, root
    finally:
        board.close()


def ask(board, route):
    url = board.url.rstrip("/") + ROOT + route
    with urllib.request.urlopen(url, timeout=60) as response:
        return json.load(response)


def ask_until(board, route, done):
    """Returns the first answer for which `done` holds; logs are read now and then."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = ask(board, route)
        if done(answer):
            return answer
        time.sleep(0.2)
    raise AssertionError(f"still {json.dumps(answer)[:500]}")


def test_fast_loader_with_prefix_and_logs_that_appear_later(late_logs):
    board, root = late_logs
    assert "/some/where" in board.url
    assert ask(board, "runs")["runs"] == []
    many = logs.records(steps=1500)
    names = ("gradient_norm", "gradient_nonfinite_fraction")
    logs.write_vectors(root / "long", many, names)
    logs.write_run(root / "ill", logs.records(broken_from=9), [logs.finding()])
    answer = ask_until(
        board,
        "runs",
        lambda answer: (
            [r["last_step"] for r in answer["runs"]] == [19, 1499]
            and answer["runs"][0]["examined"]
        ),
    )
    assert answer["runs"][0]["findings"]["error"] == 1
    ill = ask(board, "figure?card=gradients&run=ill")
    assert [trace["name"] for trace in ill["panels"][0]["figure"]["data"]] == [
        "norm",
        "NaN or Inf",
    ]
    long = ask(board, "figure?card=gradients&run=long&columns=1000")
    assert long["steps"]["recorded"] == 1000  # not 100, the loader's own choice
