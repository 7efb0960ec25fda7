"""What people look at first, in a real browser, on windows of all sizes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic_logs as logs
from board import Board
from test_plugin_browser import Tab
from test_plugin_browser import assert_accessible
from test_plugin_browser import overflow

from keras_extras.summaries.writer import open_writer

STEPS = 450
# Where the charts of a card begin and end, in pixels, and what stands at their axes.
CHARTS = """(card) => {
    const plot = document.querySelector(`[data-card="${card}"] .plot`);
    const { _fullLayout: layout } = plot;
    const axes = Object.keys(layout).filter((key) => /^yaxis[0-9]*$/.test(key));
    return {
        heights: axes.map((key) => layout[key]._length),
        range: layout.xaxis.range,
        titles: (layout.annotations ?? []).map(({ text }) => text),
        ticks: [...plot.querySelectorAll(".ytick text")].map((t) => t.textContent),
    };
}"""


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    root = tmp_path_factory.mktemp("screens")
    write(root / "healthy", np.geomspace(3.0, 0.01, STEPS), [], best=1.386)
    cause = logs.finding("bad-initialization", "warning")
    effects = [
        logs.finding(layer=layer, cause="bad-initialization")
        for layer in ("block/dense", "head")
    ]
    write(root / "failing", np.full(STEPS, 2.0), [cause, *effects], rate=1e-6)
    broken = np.where(np.arange(STEPS) < 14, 1.5, np.nan)
    found = logs.finding("nan-loss", layer=None, first_step=14, last_step=STEPS - 1)
    write(root / "nan", broken, [found])
    logs.write_sweep(root / "healthy")
    deep = tuple(f"block_{number // 4}/dense_{number}" for number in range(34))
    logs.write_run(root / "deep", logs.records(steps=3, layers=deep), [])
    board = Board(root)
    yield board
    board.close()


def write(
    directory: Path,
    losses: np.ndarray,
    found: list[Any],
    best: float = float("nan"),
    rate: float = 1e-3,
) -> None:
    """Writes a run of which every step is known, and every tenth was sampled."""
    sampled = logs.records(steps=STEPS // 10, every=10)
    sampled.hyperparameters["learning_rate"][:] = rate
    logs.write_run(directory, sampled, found)
    steps = list(range(STEPS))
    metrics = {"loss": losses, "accuracy": np.linspace(0.2, 0.9, STEPS)}
    metrics |= {"learning_rate": np.full(STEPS, rate)}
    values = {name: series.tolist() for name, series in metrics.items()}
    rates = {
        "steps": [0, STEPS - 1],
        "values": {"learning_rate": [rate, rate * (1 + 1e-8)]},
    }
    writer = open_writer(str(directory))
    assert writer is not None
    last = {"loss": losses[-1], "val_loss": losses[-1] + 0.1}
    writer.epoch(STEPS, 0, last)
    writer.best_constant(best)
    curve = {"logs": {"steps": steps, "values": values}, "hyperparameters": rates}
    writer.curve(STEPS - 1, curve)
    writer.close()


@pytest.fixture
def open_tab(browser: Any, board: Board) -> Iterator[Any]:
    opened = []

    def open_tab(view: str, width: int = 1280, theme: str = "light") -> Tab:
        viewport = {"width": width, "height": 1000}
        tab = Tab(browser, board, viewport=viewport, color_scheme=theme)
        opened.append(tab)
        return tab.open_alone(view)

    yield open_tab
    for tab in opened:
        tab.close()
        assert not tab.faults


@pytest.mark.parametrize(
    ("width", "theme"), [(760, "dark"), (1280, "light"), (1920, "dark")]
)
@pytest.mark.parametrize("run", ["healthy", "failing"])
def test_the_first_screen(open_tab: Any, run: str, width: int, theme: str) -> None:
    tab = open_tab(f"run={run}", width, theme)
    header = tab.card("findings").locator(".run-header")
    words = {"healthy": "Healthy: nothing found", "failing": "Failing: bad-init"}
    assert header.locator(".verdict").inner_text().startswith(words[run])
    facts = header.locator("dt").all_inner_texts()
    constant = ["Best constant"] if run == "healthy" else []
    assert facts == ["Steps", "Epochs", "Loss", "Validation loss", *constant]
    tab.drawn("loss")
    tab.drawn("schedule")
    loss, schedule = (tab.frame.evaluate(CHARTS, card) for card in ("loss", "schedule"))
    assert loss["titles"] == ["loss", "accuracy"]  # the rate stands beside them
    assert min(loss["heights"]) >= 140
    assert loss["heights"][0] >= 200
    assert loss["range"] == [-0.5, STEPS - 0.5]
    if run == "failing":
        assert "1e\u22126" in [tick.replace("0.", "") for tick in schedule["ticks"]]
    assert not set("\u03bc\u00b5un") & set("".join(schedule["ticks"]))
    assert overflow(tab) <= 0
    assert_accessible(tab)


def test_a_run_that_became_nan_begins_before_it(open_tab: Any) -> None:
    tab = open_tab("run=nan")
    tab.drawn("loss")
    tab.drawn("gradients")
    assert tab.frame.evaluate(CHARTS, "loss")["range"] == [-0.5, 17.5]
    assert tab.frame.evaluate(CHARTS, "gradients")["range"] == [-0.5, 17.5]
    shown = tab.card("loss").locator(".shown").inner_text()
    assert shown == "all 18 steps in range"
    assert "NaN from step 14" in tab.card("findings").inner_text()
    tab.frame.get_by_role("button", name="All steps").click()
    tab.frame.wait_for_function(
        "document.querySelector('[data-card=loss] .plot').layout.xaxis.range[1] > 400"
    )
    assert "all=true" in tab.hash()
    assert tab.frame.get_by_role("button", name="All steps").is_hidden()


@pytest.mark.parametrize("width", [760, 1280])
def test_consequences_are_indented(open_tab: Any, width: int) -> None:
    tab = open_tab("run=failing", width)
    cause, *effects = tab.card("findings").locator("tbody tr").all()
    place, *places = (
        row.locator(".row-button, .chip").first.bounding_box()
        if width < 900
        else row.locator(".row-button").bounding_box()
        for row in (cause, *effects)
    )
    assert len(places) == 2
    assert all(each["x"] >= place["x"] + 10 for each in places)
    remedies = [row.locator(".remedy").inner_text() for row in (cause, *effects)]
    assert remedies[0] == "Use relu."
    assert remedies[1:] == ["as for bad-initialization in conv"] * 2


def test_names_of_many_layers_do_not_overlap(open_tab: Any) -> None:
    tab = open_tab("run=deep")
    names = tab.drawn("activations").locator(".plot").first.locator(".ytick text")
    boxes = sorted((name.bounding_box() for name in names.all()), key=lambda b: b["y"])
    assert len(boxes) >= 15
    for upper, lower in itertools.pairwise(boxes):
        assert upper["y"] + 0.8 * upper["height"] <= lower["y"]


def test_the_finder_recommends_one_rate(open_tab: Any) -> None:
    tab = open_tab("run=healthy")
    chart = tab.drawn("finder").locator(".plot")
    assert chart.get_by_text("recommended 0.05").is_visible()
    assert chart.get_by_text("rules: 0.02 to 0.05").is_visible()
    assert chart.get_by_text("diverges").is_visible()
