"""The plugin's answers, through TensorBoard's own application."""

import json
import re
from urllib.parse import parse_qs

import numpy as np
import pytest
import synthetic_logs as logs
from board_client import Board

from keras_diagnostics import assets
from keras_diagnostics.cards import KINDS

LAYER_CARDS = ("gradients", "activations", "updates")


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """Three runs: ill with NaN, well with all extras, and one that only logs."""
    root = tmp_path_factory.mktemp("logs")
    late = logs.finding("dead-units", "warning", "head", cause="vanishing-gradient")
    ill = logs.records(broken_from=12)
    logs.write_run(root / "run10/diagnostics", ill, [logs.finding(), late], rate=0.5)
    well = logs.records(histograms=True)
    logs.write_run(root / "run2/diagnostics", well, [], epochs=3)
    logs.write_uncertainty(root / "run2/uncertainty")
    logs.write_sweep(root / "run2/diagnostics")
    logs.write_run(root / "unexamined", findings=None)
    return Board("--logdir", str(root))


RUNS = ["run2/diagnostics", "run10/diagnostics", "unexamined"]
WELL, ILL, UNEXAMINED = RUNS


def test_plugin_is_listed_as_active_under_its_name(board):
    listing = board.client.get("/data/plugins_listing").get_json()
    ours = listing["keras_diagnostics"]
    assert ours["enabled"] is True
    assert ours["tab_name"] == "Diagnostics"
    url = board.json("runs")["plotly"]["url"]
    path, query = ours["loading_mechanism"]["module_path"].split("?")
    assert path.endswith("/static/index.js")
    assert parse_qs(query) == {"plotly": [url]}


def test_runs_are_in_natural_order_with_what_they_have(board):
    answer = board.json("runs")
    assert [run["name"] for run in answer["runs"]] == RUNS
    well, ill, unexamined = answer["runs"]
    extras = {"schedule", "loss", "finder", "uncertainty", "histogram"}
    assert set(well["cards"]) == {*LAYER_CARDS, *extras}
    assert set(ill["cards"]) == {*LAYER_CARDS, "schedule"}
    assert ill["findings"] == {"error": 1, "warning": 1, "info": 0}
    assert ill["worst"] == {
        "code": "vanishing-gradient",
        "severity": "error",
        "layer": "conv",
    }
    assert [run["examined"] for run in answer["runs"]] == [True, True, False]
    assert ill["recorded"] == 20
    assert (ill["first_step"], ill["last_step"]) == (0, 19)
    assert unexamined["layers"] == list(logs.LAYERS)
    assert answer["problems"] == []
    assert {card["id"] for card in answer["cards"]} == set(KINDS)


def test_findings_come_worst_run_first_and_cause_before_symptom(board):
    answer = board.json("findings")
    found = [(f["run"], f["code"], f["cause"]) for f in answer["findings"]]
    assert found == [
        (ILL, "vanishing-gradient", None),
        (ILL, "dead-units", "vanishing-gradient"),
    ]
    assert answer["summary"] == "2 findings in 1 of 3 runs."
    ids = [f["id"] for f in answer["findings"]]
    assert len(set(ids)) == 2
    assert ids == [f["id"] for f in board.json("findings", run=ILL)["findings"]]


@pytest.mark.parametrize(
    ("run", "start"),
    [
        (WELL, "No findings in run2/diagnostics (20 steps, 20 of them sampled)"),
        (UNEXAMINED, "Not examined"),
    ],
)
def test_no_findings_is_not_the_same_as_not_examined(board, run, start):
    assert board.json("findings", run=run)["summary"].startswith(start)


@pytest.mark.parametrize("card", [card for card in KINDS if card != "histogram"])
@pytest.mark.parametrize("run", [WELL, ILL, UNEXAMINED])
def test_each_card_has_text_and_a_complete_figure_or_says_why_not(board, card, run):
    answer = board.json("figure", card=card, run=run)
    assert answer["how"]
    if answer["state"] == "empty":
        assert answer["message"]
        assert answer["panels"] == []
        return
    assert answer["table"]["rows"]
    for panel in answer["panels"]:
        layout = panel["figure"]["layout"]
        assert panel["figure"]["data"]
        assert layout["meta"]["height"] >= 200
        assert "width" not in layout
        assert not _tokens(panel)


def _tokens(value):
    """Returns colours that no theme was put in for."""
    text = json.dumps(value)
    return re.findall(r'"(?:text|muted|grid|card|mark|alarm|run\d)"(?=[,}\]])', text)


@pytest.mark.parametrize("card", LAYER_CARDS)
def test_rows_are_layers_in_model_order_and_columns_steps(board, card):
    (panel,) = board.json("figure", card=card, run=UNEXAMINED)["panels"]
    values = panel["figure"]["data"][0]
    assert panel["rows"] == list(logs.LAYERS)
    assert values["x"] == list(range(20))
    assert np.shape(values["z"]) == (4, 20)
    low, high = panel["figure"]["layout"]["yaxis"]["range"]
    assert low > high  # the input on top


def test_gradient_colours_are_powers_of_ten(board):
    (panel,) = board.json("figure", card="gradients", run=UNEXAMINED)["panels"]
    (trace,) = panel["figure"]["data"]
    expected = np.log10(logs.records().statistics["gradient_norm"].T)
    np.testing.assert_allclose(np.array(trace["z"], float), expected, atol=1e-3)
    assert trace["text"][0][0] == f"{10 ** expected[0, 0]:.3g}"


def test_nan_is_a_trace_of_its_own_and_no_gap(board):
    (panel,) = board.json("figure", card="gradients", run=ILL)["panels"]
    values, broken = panel["figure"]["data"]
    row = panel["rows"].index("dense_1")
    assert values["z"][row][11] is not None
    assert values["z"][row][12:] == [None] * 8
    assert broken["name"] == "NaN or Inf"
    assert broken["y"] == values["y"] == list(logs.LAYERS)
    assert [bool(line) for line in broken["z"]] == [False, False, True, False]
    drawn = dict(zip(broken["x"], broken["z"][row]))
    assert [x for x, z in drawn.items() if z == 1] == list(range(12, 20))


def test_layers_without_a_meaning_for_a_statistic_are_left_out(board):
    answer = board.json(
        "figure", card="activations", run=WELL, metric="activation_saturated_fraction"
    )
    assert answer["state"] == "empty"


def test_several_runs_have_one_colour_range(board):
    panels = board.json("figure", card="gradients", run=RUNS)["panels"]
    assert [panel["run"] for panel in panels] == RUNS
    ranges = {
        (axis["cmin"], axis["cmax"])
        for axis in (panel["figure"]["layout"]["coloraxis"] for panel in panels)
    }
    assert len(ranges) == 1
    ((low, high),) = ranges
    assert high - low >= 4


def test_profile_holds_medians(board):
    (panel,) = board.json("figure", card="gradients", run=UNEXAMINED)["panels"]
    profile = panel["profile"]["figure"]
    medians = np.median(logs.records().statistics["gradient_norm"], axis=0)
    np.testing.assert_allclose(profile["data"][0]["x"], medians, rtol=1e-3)
    assert profile["layout"]["xaxis"]["type"] == "log"


def test_layer_filter_and_step_range(board):
    answer = board.json(
        "figure", card="gradients", run=WELL, layers="DENSE", from_=5, to=9
    )
    (panel,) = answer["panels"]
    assert panel["rows"] == ["block/dense", "dense_1"]
    assert panel["figure"]["data"][0]["x"] == [5, 6, 7, 8, 9]
    assert answer["steps"]["text"] == "all 5 steps in range"


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"card": "nothing"}, "card"),
        ({"card": "gradients", "layers": "("}, "layers"),
        ({"card": "gradients", "layers": "a" * 201}, "layers"),
        ({"card": "gradients", "metric": "no"}, "metric"),
        ({"card": "gradients", "theme": "pink"}, "theme"),
        ({"card": "gradients", "from_": "x"}, "from"),
        ({"card": "gradients", "columns": "many"}, "columns"),
        ({"card": "histogram"}, "run"),
    ],
)
def test_wrong_parameter_is_named(board, parameters, named):
    error = board.json("figure", code=400, **parameters)["error"]
    assert f"`{named}`" in error


def test_a_range_beyond_all_steps_is_an_empty_card(board):
    answer = board.json("figure", card="gradients", run=WELL, from_=10**30)
    assert answer["state"] == "empty"
    assert "range" in answer["message"]


def test_unknown_run_is_an_empty_card(board):
    answer = board.json("figure", card="gradients", run="nobody")
    assert answer["state"] == "empty"


def test_themes_differ_in_colours_only(board):
    light, dark = (
        board.json("figure", card="updates", run=ILL, theme=t)["panels"][0]["figure"]
        for t in ("light", "dark")
    )
    assert light != dark
    for one, other in zip(light["data"], dark["data"], strict=True):
        assert one["z"] == other["z"]


def test_schedule_is_stacked_on_one_axis_of_steps(board):
    (panel,) = board.json("figure", card="schedule", run=WELL)["panels"]
    rate, momentum = panel["figure"]["data"]
    assert panel["x"] == "step"
    expected = logs.records().hyperparameters["learning_rate"]
    np.testing.assert_allclose(rate["y"], expected, rtol=1e-3)
    assert rate["yaxis"] != momentum["yaxis"]
    assert rate["xaxis"] == momentum["xaxis"] == "x"
    layout = panel["figure"]["layout"]
    assert "range" not in layout["yaxis"]
    assert layout["yaxis2"]["range"] == [0.0, 1.125]  # of a constant momentum of 0.9


def test_loss_of_each_epoch(board):
    (panel,) = board.json("figure", card="loss", run=WELL)["panels"]
    training, validation = panel["figure"]["data"]
    assert training["y"] == [2.0, 1.0, pytest.approx(2 / 3, rel=1e-3)]
    assert validation["x"] == [6, 13, 20]
    assert training["yaxis"] == validation["yaxis"]  # one chart: it shows overfitting
    assert [training["name"], validation["name"]] == ["training", "validation"]
    assert validation["line"]["color"] == training["line"]["color"]
    assert validation["line"]["dash"] == "dash"


def test_finder_recommends_one_rate_and_ends_where_the_loss_diverges(board):
    answer = board.json("figure", card="finder", run=WELL)
    (panel,) = answer["panels"]
    data, layout = panel["figure"]["data"], panel["figure"]["layout"]
    (point,) = (trace for trace in data if trace["name"] == "recommended")
    assert point["x"] == [0.05]
    of_rules, diverges = layout["shapes"]
    assert (of_rules["x0"], of_rules["x1"]) == (0.02, 0.05)
    assert diverges["x0"] > 0.2
    assert layout["xaxis"]["type"] == "log"
    low, high = layout["yaxis"]["range"]
    # Of losses from 1 to 0.1, and 50 at the end.
    assert 0.0 < low < 0.1
    assert 1.0 < high < 1.3
    texts = [note["text"] for note in layout["annotations"]]
    assert any("recommended 0.05" in text for text in texts)
    rules = {row[1]: row[2] for row in answer["table"]["rows"]}
    assert rules == {"edge (chosen)": 0.05, "valley": 0.02}


def test_uncertainty_of_a_run_beside_is_found(board):
    (panel,) = board.json("figure", card="uncertainty", run=WELL)["panels"]
    assert panel["x"] == "epoch"
    entropy = panel["figure"]["data"][0]
    assert entropy["x"] == [0, 1, 2, 3, 4]
    assert entropy["y"][:2] == [0.5, 0.25]


def test_histogram_keeps_the_number_of_values(board):
    answer = board.json("figure", card="histogram", run=WELL, layer="conv")
    (panel,) = answer["panels"]
    (trace,) = panel["figure"]["data"]
    counts = 10 ** np.array(trace["z"]) - 1
    np.testing.assert_allclose(counts.sum(axis=0), 30 * 31 / 2, rtol=0.01)
    assert counts[-1].min() > counts[0].max()  # the counts rise with the value
    empty = board.json("figure", card="histogram", run=ILL, layer="conv")
    assert "histograms=True" in empty["message"]


def test_comparison_has_findings_losses_and_hyperparameters(board):
    table = board.json("figure", card="compare")["table"]
    ids = [column["id"] for column in table["columns"]]
    rows = [dict(zip(ids, row)) for row in table["rows"]]
    assert [row["run"] for row in rows] == RUNS
    well, ill, unexamined = rows
    assert (ill["error"], ill["worst"]) == (1, "vanishing-gradient")
    assert ill["worst_layer"] == "conv"
    assert (well["error"], well["worst"]) == (0, None)
    assert (unexamined["error"], unexamined["worst"]) == (None, "not examined")
    assert well["val_loss"] == pytest.approx(2.5 / 3, rel=1e-3)
    assert (ill["hp:rate"], well["hp:rate"]) == (0.5, None)
    assert well["hp:optimizer"] == "SGD"


def test_export_is_a_file(board):
    response = board.get("export", format="json")
    assert "attachment" in response.headers["Content-Disposition"]
    exported = json.loads(response.get_data())
    assert [f["code"] for f in exported] == ["vanishing-gradient", "dead-units"]
    text = board.get("export", format="markdown", run=ILL).get_data(as_text=True)
    assert text.count("\n") == 4
    assert "vanishing-gradient" in text.splitlines()[2]


def test_plotly_is_served_compressed_and_cached(board):
    described = board.json("runs")["plotly"]
    assert described["available"] is True
    response = board.client.get(
        board.root + described["url"], headers={"Accept-Encoding": "gzip"}
    )
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Cache-Control"] == "private, max-age=86400"
    plain = board.get("plotly.js").get_data()
    assert b"Plotly" in plain
    from plotly.offline import get_plotlyjs

    assert plain == assets.COMPILE_HINT + get_plotlyjs().encode("utf-8")
    assert assets.COMPILE_HINT.startswith(b"//")


def test_without_plotly_all_but_the_bundle_works(board, monkeypatch):
    monkeypatch.setattr(assets.Plotly, "path", None)
    plugin = assets.Plotly()
    assert plugin.compressed() is None
    monkeypatch.setattr(assets.Plotly, "compressed", lambda self: None)
    answer = board.json("plotly.js", code=404)
    assert "pip install" in answer["hint"]
    described = board.json("runs")["plotly"]
    assert described["available"] is False
    listing = board.client.get("/data/plugins_listing").get_json()
    entry = listing["keras_diagnostics"]["loading_mechanism"]["module_path"]
    assert entry.endswith("/static/index.js")
    assert "pip install" in described["hint"]
    assert board.json("figure", card="gradients", run=ILL)["table"]["rows"]


def test_static_files_are_served_by_name(board):
    names = list(assets.static_files())
    assert "index.js" in names
    for name in names:
        response = board.get(f"static/{name}")
        assert response.status_code == 200
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        kinds = ("text/javascript", "text/css", "image/svg+xml", "text/html")
        assert response.content_type.startswith(kinds)


def test_all_of_our_modules_are_asked_for_at_once(board):
    index = board.get("static/index.js").get_data(as_text=True)
    listed = re.search(r"const MODULES = \[(.*?)\]", index, re.DOTALL)[1]
    names = {f"{name}.js" for name in re.findall(r'"(\w+)"', listed)}
    there = {name for name in assets.static_files() if name.endswith(".js")}
    assert names == there - {"index.js"}


@pytest.mark.parametrize(
    "name",
    [
        "../loader.py",
        "..%2floader.py",
        "..\\loader.py",
        "%2e%2e/loader.py",
        "./../schema.py",
        "index.js/../../schema.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "index.js%00",
        "INDEX.JS",
        "nowhere.js",
        "",
    ],
)
def test_no_other_file_is_served(board, name):
    response = board.client.get(f"{board.root}static/{name}")
    assert response.status_code == 404
    assert b"import" not in response.get_data()


def test_answers_are_never_cached_and_never_html(board):
    for route in ("runs", "findings", "figure?card=gradients"):
        response = board.client.get(board.root + route)
        assert response.content_type == "application/json"
        assert "no-cache" in response.headers["Cache-Control"]
