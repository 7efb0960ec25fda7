"""Sampling, colours and sizes of what the plugin shows."""

import json

import numpy as np
import pytest
import synthetic_logs as logs
from board_client import Board

from keras_diagnostics import findings
from keras_diagnostics.sampling import choose_steps
from keras_diagnostics.statistics import STATISTICS
from keras_diagnostics.views import figure as figures
from keras_diagnostics.views import histogram
from keras_diagnostics.views import layers
from keras_diagnostics.views import lines
from keras_diagnostics.views.theme import Token
from keras_diagnostics.views.theme import paint


@pytest.mark.parametrize("most", [2, 3, 10, 299, 300, 5000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_chosen_steps_hold_the_ends_and_are_no_more_than_asked(most, share):
    chance = np.random.default_rng(0)
    steps = np.sort(chance.choice(100_000, 3000, replace=False))
    marked = chance.random(3000) < share
    chosen = choose_steps(steps, most, marked, [int(steps[1500]), 10**9])
    assert len(chosen) == min(most, 3000)
    assert (np.diff(chosen) > 0).all()
    assert chosen[0] == 0
    assert chosen[-1] == 2999


def test_chosen_steps_hold_borders_of_what_is_marked_and_bounds():
    steps = np.arange(10_000)
    marked = np.zeros(10_000, bool)
    marked[1234] = marked[7001:9000] = True
    chosen = choose_steps(steps, 100, marked, [42, 5678])
    assert {42, 1234, 5678, 7001, 8999} <= set(chosen.tolist())
    gaps = np.diff(chosen)
    assert gaps.max() < 250  # the rest is spread evenly


def test_colour_range_is_robust_and_wide():
    norm = STATISTICS["gradient_norm"]
    values = 10.0 ** np.random.default_rng(0).uniform(-3.0, -2.5, (10, 100))
    values[0, 0] = 1e30
    scale = layers.Scale.of(norm, [values])
    assert scale.high - scale.low == 4
    assert scale.low <= -3
    assert scale.high >= -2


@pytest.mark.parametrize("values", [np.zeros((2, 3)), np.full((2, 3), np.nan)])
def test_colour_range_of_nothing(values):
    scale = layers.Scale.of(STATISTICS["gradient_norm"], [values])
    assert scale.high > scale.low


def test_zero_is_the_lowest_colour_and_reads_as_zero():
    values = np.array([[0.0, 1e-3, 1.0]])
    table = layers.LayerTable("run", np.arange(3), ("a",), values, values < 0)
    scale = layers.Scale.of(STATISTICS["gradient_norm"], [values])
    (panel,) = layers.heatmap_panels([table], scale, left=64)
    (trace,) = panel.figure["data"]
    assert trace["z"][0][0] == panel.zero < scale.low
    assert trace["text"][0][0] == "0"


def test_ratio_is_centred_on_a_thousandth():
    scale = layers.Scale.of(STATISTICS["update_ratio"], [np.array([[1e9]])])
    assert (scale.low + scale.high) / 2 == pytest.approx(np.log10(1e-3))
    ticks = scale.color_axis()["colorbar"]["ticktext"]
    assert ticks[0].startswith("≤")
    assert ticks[-1].startswith("≥")


def test_table_shows_the_layers_that_stand_out():
    names = tuple(f"layer_{number}" for number in range(100))
    values = np.ones((100, 5))
    values[37] = 1e-9
    broken = np.zeros(values.shape, bool)
    broken[80, 2] = True
    values[80, 2] = np.nan
    table = layers.LayerTable("run", np.arange(5), names, values, broken)
    text = layers.text_table([table], STATISTICS["gradient_norm"])
    assert text.of == 100
    assert len(text.rows) == 20
    shown = {row[0]: row for row in text.rows}
    assert shown["layer_37"][2] == 1e-9
    assert shown["layer_80"][-1] == 1


def test_rounding_keeps_four_digits_in_few_characters():
    values = np.array([1 / 3, 2e9 / 3, 1.23456e-30, 0.0, np.nan, -np.inf, 65504.0])
    result = figures.rounded(values)
    assert result[4:6] == [None, None]
    kept = [v for v in result if v is not None]
    np.testing.assert_allclose(kept, values[[0, 1, 2, 3, 6]], rtol=5e-4)
    assert all(len(json.dumps(v)) <= 12 for v in kept)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a<b>&c", "a&lt;b&gt;&amp;c"), ("tab\tnew\nline\x00", "tab new line ")],
)
def test_names_are_escaped(name, shown):
    assert figures.escape(name) == shown


def test_paint_leaves_text_of_logs_alone():
    figure = {"data": [{"name": "text", "line": {"color": Token("text")}}]}
    painted = paint(figure, "dark")
    assert painted["data"][0]["name"] == "text"
    assert painted["data"][0]["line"]["color"].startswith("#")


def test_common_bins_conserve_counts_and_place():
    buckets = np.array([[0.0, 1.0, 4.0], [1.0, 2.0, 0.0], [2.0, 3.0, 6.0]])
    edges, counts = histogram.common_bins([(0, buckets), (1, buckets)], bins=6)
    np.testing.assert_allclose(edges, np.linspace(0, 3, 7))
    np.testing.assert_allclose(counts[0], [2, 2, 0, 0, 3, 3])


def test_unusable_histograms_are_left_out():
    good = np.array([[0.0, 1.0, 4.0]])
    bad = [np.zeros((0, 3)), np.full((1, 3), np.nan), np.zeros((2, 2)), good * 0]
    kept = histogram.usable([(5, good), *enumerate(bad)])
    assert [step for step, _ in kept] == [5]


def test_markdown_escapes_what_would_change_the_table():
    found = {**logs.finding().to_dict(), "evidence": "a | b\n<i>", "layer": None}
    (row,) = findings.markdown_table([found]).splitlines()[2:]
    assert "a \\| b \\<i>" in row
    assert "Use `relu`." in row


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A run with many layers, half of it NaN, and more runs than fit side by side."""
    root = tmp_path_factory.mktemp("large")
    names = tuple(f"stage_{n // 50}/block_{n // 5}/convolution_{n}" for n in range(500))
    wide = logs.records(steps=400, layers=names, every=25, broken_from=200)
    broken = wide.statistics["gradient_nonfinite_fraction"]
    broken[100::2] = 0.5
    names = ("gradient_norm", "update_ratio", "gradient_nonfinite_fraction")
    logs.write_vectors(root / "wide", wide, names)
    for trial in range(12):
        found = [logs.finding()] if trial % 3 == 0 else []
        logs.write_run(root / f"trial_{trial}", logs.records(steps=5), found)
    return Board("--logdir", str(root))


@pytest.mark.parametrize("card", ["gradients", "updates"])
def test_answer_for_500_layers_is_below_2_mb(large, card):
    response = large.get("figure", card=card, run="wide", columns=1000)
    assert response.status_code == 200
    assert len(response.get_data()) < 2_000_000
    answer = response.get_json()
    assert answer["steps"]["text"].endswith("of 400 sampled of 9,976 steps")
    assert answer["table"]["of"] == 500
    shown = answer["panels"][0]["figure"]["data"][0]["x"]
    assert {0, 399 * 25, 100 * 25} <= set(shown)


def test_zooming_in_brings_all_steps(large):
    answer = large.json("figure", card="gradients", run="wide", from_=2500, to=3000)
    assert answer["steps"]["text"] == ("21 sampled of 501 steps in range")


def test_many_runs_are_one_chart_of_medians(large):
    runs = [f"trial_{trial}" for trial in range(12)]
    (panel,) = large.json("figure", card="gradients", run=runs)["panels"]
    assert panel["rows"] == runs
    assert panel["x"] == "layer"
    (trace,) = panel["figure"]["data"]
    assert trace["x"] == list(logs.LAYERS)
    medians = np.median(logs.records(steps=5).statistics["gradient_norm"], axis=0)
    np.testing.assert_allclose(trace["z"][7], np.log10(medians), atol=1e-3)


def test_comparison_of_all_runs_is_small(large):
    response = large.get("figure", card="compare")
    assert len(response.get_data()) < 2_000_000
    assert len(response.get_json()["table"]["rows"]) == 13


def test_six_large_runs_side_by_side_are_below_2_mb(tmp_path):
    names = tuple(f"block_{n}/convolution" for n in range(60))
    for run in range(6):
        of_records = logs.records(steps=400, layers=names, broken_from=1)
        shares = of_records.statistics["gradient_nonfinite_fraction"]
        shares[::2, ::3] = 1.0
        statistics = ("gradient_norm", "gradient_nonfinite_fraction")
        logs.write_vectors(tmp_path / f"run_{run}", of_records, statistics)
    response = Board("--logdir", str(tmp_path)).get("figure", card="gradients")
    assert len(response.get_json()["panels"]) == 6
    assert len(response.get_data()) < 2_000_000


def test_more_runs_than_fit_are_counted():
    tables = []
    for run in range(9):
        values = np.ones((10, 3))
        names = tuple(f"layer_{n}" for n in range(10))
        broken = np.zeros(values.shape, bool)
        tables.append(layers.LayerTable(f"r{run}", np.arange(3), names, values, broken))
    scale = layers.Scale.of(STATISTICS["gradient_norm"], [np.ones(3)])
    panel = layers.median_panel(tables, scale, most_cells=50)
    assert panel.rows == ["r0", "r1", "r2", "r3", "r4"]
    assert panel.title == "median of each layer in 5 of 9 runs"


def test_many_lines_share_the_points():
    at = np.arange(5000)
    charts = {
        f"metric {n}": {f"run {r}": (at, at * 1.0) for r in range(8)} for n in range(20)
    }
    colors = {f"run {r}": r for r in range(8)}
    panel = lines.stacked_panel(charts, colors, "step", figures.step_axis(), 64)
    assert len(panel.figure["data"]) == 160
    assert len(json.dumps(panel.figure)) < 2_000_000
    assert all(trace["x"][-1] == 4999 for trace in panel.figure["data"])
