"""The comparison of a search of 23 trials, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import synthetic_logs as logs
from board import Board
from test_plugin_browser import Tab
from test_plugin_browser import assert_accessible
from test_plugin_browser import overflow

TRIALS = 23
LONG = "a_rather_long_name_of_a_search_that_goes_on_and_on"
# Where rows and their first cells are, in pixels, once the table is scrolled sideways.
ROWS = """(table) => {
    const box = table.closest(".scroll");
    box.scrollLeft = 300;
    const left = box.getBoundingClientRect().left;
    return [...table.querySelectorAll("tbody tr")].map((row) => {
        const first = row.querySelector("th").getBoundingClientRect();
        return { height: first.height, left: first.left - left };
    });
}"""


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """A TensorBoard on trials of one process, whose layers Keras has counted on."""
    root = tmp_path_factory.mktemp("search")
    for trial in range(TRIALS):
        names = [f"dense_{2 * trial}" if trial else "dense", f"dense_{2 * trial + 1}"]
        of_records = logs.records(steps=4, layers=tuple(names))
        found = [logs.finding(layer=names[0])] if trial % 3 == 0 else []
        effect = logs.finding(cause="vanishing-gradient", code="saturated-activation")
        about = {"units": 8 * trial, "activation": "relu", "rate": 0.1 / (trial + 1)}
        logs.write_run(
            root / LONG / f"trial_{trial:02d}" / "execution0",
            of_records,
            [*found, *([effect] if found else [])],
            epochs=1,
            **about,
        )
    board = Board(root)
    yield board
    board.close()


@pytest.fixture
def open_tab(browser: Any, board: Board) -> Iterator[Any]:
    opened = []

    def open_tab(view: str, width: int = 1280, theme: str = "light") -> Tab:
        viewport = {"width": width, "height": 1000}
        tab = Tab(browser, board, viewport=viewport, color_scheme=theme)
        opened.append(tab)
        for _ in range(100):  # until TensorBoard has read all of the runs
            answer = tab.page.request.get(
                f"{board.url}data/plugin/keras_diagnostics/runs"
            )
            if sum(run["examined"] for run in answer.json()["runs"]) == TRIALS:
                break
            tab.page.wait_for_timeout(200)
        return tab.open_alone(view)

    yield open_tab
    for tab in opened:
        tab.close()
        assert not tab.faults


def heads(tab: Tab) -> list[str]:
    return tab.card("compare").locator(".runs thead th").all_inner_texts()


def column(tab: Tab, title: str) -> list[str]:
    at = heads(tab).index(title)
    rows = tab.card("compare").locator(".runs tbody tr").all()
    return [row.locator("th, td").nth(at).inner_text() for row in rows]


@pytest.mark.parametrize(
    ("width", "theme"), [(760, "dark"), (1280, "light"), (1920, "light")]
)
def test_rows_are_one_line_beside_a_name_that_stays(
    open_tab: Any, width: int, theme: str
) -> None:
    tab = open_tab("view=compare", width, theme)
    table = tab.drawn("compare").locator(".runs table")
    names = column(tab, "run")
    assert names == [f"…/trial_{trial:02d}" for trial in range(TRIALS)]
    rows = table.evaluate(ROWS)
    assert len(rows) == TRIALS
    assert all(row["height"] < 40 and 0 <= row["left"] < 2 for row in rows)
    link = table.locator("tbody th button").first
    assert link.get_attribute("title") == f"{LONG}/trial_00/execution0"
    assert table.locator("td.number").first.evaluate(
        "(cell) => getComputedStyle(cell).textAlign"
    ) in ("right", "end")
    assert overflow(tab) <= 0
    assert_accessible(tab)


def test_columns_are_folded_sorted_and_kept_in_the_address(open_tab: Any) -> None:
    tab = open_tab("view=compare")
    card = tab.drawn("compare")
    assert "activation" not in heads(tab)
    common = "The same in all runs: steps 4, final loss 2, final val_loss 2.5, "
    common += "optimizer SGD, learning_rate 0.1, activation relu."
    assert card.locator(".columns").inner_text().endswith(common)

    card.get_by_role("button", name="units", exact=True).click()
    assert column(tab, "units")[:2] == ["176", "168"]  # the largest first
    card.get_by_role("button", name="run", exact=True).click()
    assert column(tab, "run")[0] == "…/trial_00"
    card.get_by_role("button", name="rate", exact=True).click()
    card.get_by_role("button", name="rate", exact=True).click()
    assert column(tab, "run")[0] == "…/trial_22"

    card.locator(".columns summary").click()
    card.get_by_label("units", exact=True).uncheck()
    card.get_by_label("activation", exact=True).check()
    shown = heads(tab)
    assert "units" not in shown
    assert "activation" in shown
    address = tab.hash()
    other = open_tab(
        "&".join(
            part.removeprefix("p.keras_diagnostics.")
            for part in address.lstrip("#").split("&")
        )
    )
    other.drawn("compare")
    assert heads(other) == shown
    assert column(other, "run")[0] == "…/trial_22"


def test_runs_are_chosen_and_their_layers_are_matched(open_tab: Any) -> None:
    tab = open_tab("view=compare")
    chart = tab.drawn("compare").locator(".plot").first
    assert chart.evaluate("(plot) => plot.data[0].x") == ["dense", "dense_1"]
    causes = tab.card("findings").locator("tbody tr")
    assert causes.count() == 4  # of eight runs, without what follows
    assert tab.card("findings").locator(".consequence").count() == 0
    tab.frame.get_by_role("button", name="Show all 16 findings").click()
    assert causes.count() == 16

    tab.frame.locator(".run-button").click()
    tab.frame.get_by_label("Filter runs").fill("trial_1")
    tab.frame.get_by_role("button", name="All", exact=True).click()
    tab.page.keyboard.press("Escape")
    tab.frame.wait_for_function(
        "document.querySelectorAll('[data-card=compare] .runs tbody tr').length === 10"
    )
    runs = json.dumps([f"{LONG}/trial_{n}/execution0" for n in range(10, 20)])
    assert tab.frame.evaluate("decodeURIComponent(location.hash)").count("trial_1") == (
        runs.count("trial_1")
    )
