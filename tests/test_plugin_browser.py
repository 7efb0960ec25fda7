"""The tab in a real TensorBoard and a real browser."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import digits_search
import numpy as np
import plugin_logs as logs
import pytest
from board import Board

from keras_extras.tuner import trial_findings

try:
    import playwright.sync_api as playwright
    from axe_playwright_python.sync_playwright import Axe
except ImportError:  # the fixture `browser` says so
    playwright = Axe = None

TAB = "keras_diagnostics"
ALONE = f"data/plugin_entry.html?name={TAB}"  # our page without TensorBoard around it
CARDS = ("gradients", "activations", "updates", "schedule", "loss", "finder")
CARDS += ("uncertainty", "histogram")
PATIENCE = 60_000  # milliseconds; an idle machine needs two seconds
# The rows of the HParams tab, whose cells a component shows in slots of its own.
HPARAMS = """() => {
    const inside = (root) => [...root.querySelectorAll("*")].flatMap(
        (node) => [node, ...(node.shadowRoot ? inside(node.shadowRoot) : [])]);
    const grid = inside(document).find((node) => node.matches(".session-group-table"));
    const text = (cell) => cell.querySelector("slot").assignedElements()
        .map((node) => node.innerText.replace(/\\s+/g, " ").trim()).join(" ");
    const rows = inside(grid.shadowRoot).filter((node) => node.matches("tr"));
    return rows.map((row) => [...row.querySelectorAll("th, td")].map(text));
}"""
# What is made of two traces, and the styles of the pictures that Plotly makes of them:
# an even grid is one of few pixels, which are not smoothed.
DRAWN = """async (data) => {
    const load = (name) => import(new URL(`static/${name}.js`, document.baseURI));
    const { drawable } = await load("raster");
    const panel = { kind: "heatmap", x: "step", figure: { data } };
    const traces = drawable(panel, 400);
    while (!window.Plotly) await new Promise((resolve) => setTimeout(resolve, 10));
    const place = document.body.appendChild(document.createElement("div"));
    await Plotly.newPlot(place, traces, { width: 600, height: 500 });
    const images = [...place.querySelectorAll(".hm image")];
    const styles = images.map((image) => image.getAttribute("style") ?? "");
    const rows = (z) => ({ 0: [...z[0]], 5: [...z[5]], 299: [...z[299]] });
    return traces.map(({ x, z, customdata, hovertemplate }) => (
        { x, rows: rows(z), steps: customdata[0], hover: hovertemplate, styles }));
}"""


@pytest.fixture(scope="session")
def own_logs(plugin_logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the logs, to which runs are added."""
    return shutil.copytree(plugin_logs, tmp_path_factory.mktemp("browser") / "logs")


@pytest.fixture(scope="session")
def board(own_logs: Path) -> Iterator[Board]:
    board = Board(own_logs)
    yield board
    board.close()


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Board]]:
    """A tuner after its search, and TensorBoard on what the trials logged."""
    tuner, directory = digits_search.search(tmp_path_factory.mktemp("digits"))
    board = Board(directory)
    yield tuner, board
    board.close()


class Tab:
    """Our tab in a page of its own, which notes all that goes wrong in it."""

    def __init__(self, browser: Any, board: Board, **context: Any) -> None:
        self.board = board
        self.faults: list[str] = []
        self._context = browser.new_context(accept_downloads=True, **context)
        self._context.set_default_timeout(PATIENCE)
        self.page = self._context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.faults.append(error.stack))
        self.page.on("dialog", self._on_dialog)
        self.page.on("request", self._on_request)
        self.frame = self.page.main_frame

    def open(self, view: str = "", query: str = "") -> Tab:
        """Opens TensorBoard at our tab."""
        address = f"{self.board.url}{query}#{TAB}{parameters(view)}"
        self.page.goto(address, wait_until="commit")
        handle = self.page.wait_for_selector(f'iframe[src*="{TAB}"]', state="attached")
        self.frame = handle.content_frame()
        return self.wait()

    def open_alone(self, view: str = "") -> Tab:
        """Opens our page without TensorBoard around it, which is quicker."""
        self.page.goto(f"{self.board.url}{ALONE}#{parameters(view)}")
        return self.wait()

    def wait(self) -> Tab:
        self.frame.wait_for_selector('[data-card]:not([data-state="loading"])')
        return self

    def card(self, name: str) -> Any:
        return self.frame.locator(f'[data-card="{name}"]')

    def drawn(self, name: str) -> Any:
        """Waits until the card has a chart, and returns the card."""
        card = self.card(name)
        card.scroll_into_view_if_needed()
        card.locator(".main-svg").first.wait_for()
        return card

    def finding(self, code: str) -> Any:
        return self.frame.get_by_role("button", name=code, exact=True)

    def hash(self) -> str:
        self.page.wait_for_timeout(300)  # the address follows after a moment
        return self.page.evaluate("location.hash")

    def close(self) -> None:
        self._context.close()

    def _on_console(self, message: Any) -> None:
        if message.location["url"].endswith("/favicon.ico"):
            return
        if message.type == "error" or "Content Security Policy" in message.text:
            self.faults.append(message.text)

    def _on_dialog(self, dialog: Any) -> None:
        self.faults.append(f"a dialog opened: {dialog.message}")
        dialog.dismiss()

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith((self.board.url, "data:", "blob:")):
            self.faults.append(f"a request to {request.url}")


def parameters(view: str) -> str:
    """Returns `"run=a&step=3"` as it stands in TensorBoard's address."""
    return "".join(f"&p.{TAB}.{part}" for part in view.split("&") if part)


@pytest.fixture
def tab(browser: Any, board: Board) -> Iterator[Tab]:
    tab = Tab(browser, board)
    yield tab
    tab.close()
    assert not tab.faults


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_renders(tab: Tab, theme: str) -> None:
    query = "?darkMode=true" if theme == "dark" else ""
    tab.open(f"run={logs.WELL}", query)
    assert tab.frame.locator("html").get_attribute("data-theme") == theme
    assert tab.card("findings").get_attribute("data-state") == "ok"
    for name in CARDS:
        card = tab.drawn(name)
        assert card.get_attribute("data-state") == "ok"
        assert card.locator(".how").first.inner_text()
    assert_accessible(tab)

    tab.frame.get_by_role("button", name="Compare").click()
    card = tab.drawn("compare")
    assert card.get_by_role("button", name=logs.ILL, exact=True).is_visible()
    assert card.locator(".main-svg").count() >= 2
    assert_accessible(tab)


def test_theme_follows_tensorboard_at_once(tab: Tab) -> None:
    tab.open()
    light = background(tab)
    tab.page.evaluate("document.body.classList.add('dark-mode')")
    tab.frame.wait_for_selector('html[data-theme="dark"]')
    assert background(tab) != light


def test_choosing_a_finding_marks_every_chart(tab: Tab) -> None:
    tab.open_alone(f"run={logs.ILL}")
    tab.drawn("gradients")
    tab.drawn("activations")
    button = tab.finding("dead-units")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    for name in ("gradients", "activations", "updates", "schedule"):
        assert tab.drawn(name).locator(".mark").first.is_visible()
    row = tab.card("activations").locator(".mark").bounding_box()
    chart = tab.card("activations").locator(".plot").bounding_box()
    assert 0 < row["height"] < chart["height"] / 3
    assert 0 < row["width"] < chart["width"]

    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "false"
    assert not tab.card("activations").locator(".mark").is_visible()


def test_choosing_a_finding_asks_for_no_chart_anew(tab: Tab) -> None:
    tab.page.route("**/runs", only_the_ill_run)
    tab.open_alone()
    tab.drawn("updates")
    tab.drawn("gradients")
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.finding("dead-units").click()
    tab.card("gradients").locator(".mark").first.wait_for()
    tab.page.wait_for_timeout(200)
    assert [url for url in asked if "figure" in url] == []


def test_keyboard_moves_the_cursor_of_all_charts(tab: Tab) -> None:
    tab.open_alone(f"run={logs.ILL}")
    chart = tab.drawn("gradients").locator(".chart").first
    tab.drawn("updates")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        chart.press(key)
    for name in ("gradients", "updates"):
        readout = tab.card(name).locator(".readout")
        assert re.fullmatch(r"step 1 · first \S+", readout.inner_text())
        assert tab.card(name).locator(".cursor").first.is_visible()
    assert tab.frame.get_by_label("Step of the cursor").input_value() == "1"


def test_mouse_moves_cursor_and_steps_of_all_charts(tab: Tab) -> None:
    tab.open_alone(f"run={logs.ILL}")
    chart = tab.drawn("gradients").locator(".nsewdrag").first
    cursor = tab.drawn("updates").locator(".cursor").first
    chart.scroll_into_view_if_needed()
    chart.hover()
    cursor.wait_for()
    tab.frame.locator(".toolbar").hover()
    cursor.wait_for(state="hidden")
    chart.click()
    tab.frame.locator(".toolbar").hover()
    cursor.wait_for()
    assert int(tab.frame.get_by_label("Step of the cursor").input_value()) > 0

    box = chart.bounding_box()
    middle = box["y"] + box["height"] / 2
    tab.page.mouse.move(box["x"] + box["width"] / 2, middle)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] - 5, middle, steps=4)
    tab.page.mouse.up()
    all_steps = tab.frame.get_by_role("button", name="All steps")
    all_steps.wait_for()
    assert int(tab.frame.get_by_label("First shown step").input_value()) > 5
    for _ in range(5):  # a busy browser takes a slow double click for two single ones
        chart.dblclick()
        with contextlib.suppress(playwright.TimeoutError):
            all_steps.wait_for(state="hidden", timeout=5000)
            break
    assert not all_steps.is_visible()


def test_address_restores_the_view(tab: Tab, browser: Any, board: Board) -> None:
    tab.open(f"run={logs.ILL}")
    tab.drawn("gradients")
    frame = tab.frame
    tab.finding("dead-units").click()
    frame.get_by_label("Show layers whose names match").fill("third|classes")
    for label, value in (("First shown step", "2"), ("Last shown step", "15")):
        frame.get_by_label(label).fill(value)
        frame.get_by_label(label).press("Enter")
    frame.get_by_label("What “Gradient flow” shows").select_option(index=1)
    metric = frame.get_by_label("What “Gradient flow” shows").input_value()
    frame.get_by_label("Full width of “Update-to-weight ratio”").click()
    view = tab.hash()
    assert view.startswith(f"#{TAB}&")

    other = Tab(browser, board)
    other.page.goto(board.url + view)
    handle = other.page.wait_for_selector(f'iframe[src*="{TAB}"]', state="attached")
    other.frame = handle.content_frame()
    other.wait().drawn("gradients")
    restored = other.frame
    assert other.finding("dead-units").get_attribute("aria-pressed") == "true"
    wanted = {
        "Show layers whose names match": "third|classes",
        "First shown step": "2",
        "Last shown step": "15",
        "What “Gradient flow” shows": metric,
    }
    assert {
        name: restored.get_by_label(name).input_value() for name in wanted
    } == wanted
    assert "wide" in other.card("updates").get_attribute("class").split()
    assert layers_of(other, "gradients") == layers_of(tab, "gradients")
    assert set(layers_of(other, "gradients")) == {"third", "classes"}
    assert other.faults == []
    other.close()


def test_tensorboard_keeps_its_own_address(tab: Tab) -> None:
    tab.open(f"run={logs.WELL}")
    tab.frame.get_by_role("button", name="Compare").click()
    assert tab.hash().startswith(f"#{TAB}&")
    tab.page.get_by_role("tab", name="Scalars").click()
    assert tab.hash().startswith("#scalars")
    tab.page.get_by_role("tab", name="Diagnostics").click()
    assert tab.hash().startswith(f"#{TAB}")
    assert tab.card("compare").is_visible()


def test_new_data_appears(tab: Tab, own_logs: Path) -> None:
    tab.open("view=compare")
    assert not tab.frame.get_by_role("button", name="later").count()
    logs.write_hostile(own_logs / "later")
    found = tab.drawn("compare").get_by_role("button", name="later", exact=True)
    reload = tab.page.locator("app-header-reload button")
    for _ in range(40):
        reload.click()
        tab.page.wait_for_timeout(250)
        if found.count():
            break
    assert found.is_visible()
    assert tab.frame.get_by_role("button", name="All").first.is_visible()


def test_narrow_windows_need_no_sideways_scrolling(tab: Tab) -> None:
    tab.page.set_viewport_size({"width": 760, "height": 900})
    tab.open_alone(f"run={logs.ILL}")
    tab.drawn("gradients")
    assert overflow(tab) <= 0
    tab.frame.get_by_role("button", name="Compare").click()
    tab.drawn("compare")
    assert overflow(tab) <= 0


def test_names_and_texts_are_never_markup(tab: Tab) -> None:
    tab.open_alone("view=compare")
    tab.drawn("compare")
    tab.frame.get_by_role("button", name=logs.HOSTILE, exact=True).last.click()
    tab.drawn("gradients")
    findings = tab.card("findings")
    assert logs.HOSTILE in findings.locator(".evidence").inner_text()
    assert logs.HOSTILE_LAYER in findings.locator(".layer").inner_text()
    assert layers_of(tab, "gradients")[0].startswith(logs.HOSTILE_LAYER[:10])
    tab.card("gradients").locator("summary").click()
    assert logs.HOSTILE_LAYER in tab.card("gradients").locator("table").inner_text()
    tab.card("gradients").locator(".plot").first.hover()
    assert tab.frame.locator(".app img, .app script").count() == 0


def test_layers_are_filtered(tab: Tab) -> None:
    tab.open_alone(f"run={logs.ILL}")
    tab.drawn("gradients")
    search = tab.frame.get_by_label("Show layers whose names match")
    search.fill("(")
    tab.frame.get_by_text("not a regular expression").wait_for()
    assert search.get_attribute("aria-invalid") == "true"
    search.fill("SECOND")
    tab.frame.wait_for_function(
        "document.querySelector('[data-card=gradients] .plot').data[0].z.length === 1"
    )
    assert layers_of(tab, "gradients") == ["second"]


def test_steps_are_chosen(tab: Tab) -> None:
    tab.open_alone(f"run={logs.ILL}")
    tab.drawn("gradients")
    tab.frame.get_by_label("First shown step").fill("5")
    tab.frame.get_by_label("First shown step").press("Enter")
    for name in ("gradients", "updates", "schedule"):
        tab.drawn(name)
        tab.frame.wait_for_function(
            "name => document.querySelector(`[data-card=${name}] .plot`)"
            ".layout.xaxis.range[0] === 4.5",
            arg=name,
        )
    tab.frame.get_by_role("button", name="All steps").click()
    tab.frame.wait_for_function(
        "document.querySelector('[data-card=gradients] .plot')"
        ".layout.xaxis.range[0] === -0.5"
    )


def test_runs_are_chosen_from_the_menu(tab: Tab) -> None:
    tab.open_alone(f"run={logs.ILL}")
    tab.frame.locator(".run-button").click()
    tab.frame.get_by_label("Filter runs").fill("WEL")
    tab.page.keyboard.press("ArrowDown")
    tab.page.keyboard.press("Enter")
    tab.frame.get_by_role("heading", name=re.compile("No findings")).wait_for()
    assert logs.WELL in tab.frame.locator(".run-button").inner_text()
    assert f"p.{TAB}.run={logs.WELL}" in tab.hash()


def test_uneven_steps_of_many_layers_are_drawn_on_an_even_grid(tab: Tab) -> None:
    tab.open_alone()
    rows, narrow = 300, 40
    gaps = np.random.default_rng(0).integers(5, 60, 80)
    gaps[narrow - 1 : narrow + 2] = 1
    steps = np.cumsum(gaps)
    z = (1000 * np.arange(rows)[:, None] + np.arange(len(steps))).astype(object)
    z[0, 60] = None
    alarms = np.zeros((rows, 7), int)
    alarms[5, 3] = 1
    hover = {"type": "heatmap", "hovertemplate": "%{y} %{x}"}
    y = [f"layer {row}" for row in range(rows)]
    values = {**hover, "x": steps.tolist(), "y": y, "z": z.tolist()}
    part = slice(narrow - 3, narrow + 4)
    broken = {**hover, "x": steps[part].tolist(), "y": y, "z": alarms.tolist()}
    drawn = tab.frame.evaluate(DRAWN, [values, broken])

    centres, shown = np.array(drawn[0]["x"]), np.array(drawn[0]["steps"])
    np.testing.assert_allclose(np.diff(centres), np.diff(centres)[0])
    middles = (steps[1:] + steps[:-1]) / 2
    nearest = steps[np.searchsorted(middles, centres)]
    assert steps[narrow] not in nearest  # narrower than a column of the grid
    assert steps[narrow] in shown
    assert (nearest != shown).sum() == 1
    index = np.searchsorted(steps, shown)
    for row, numbers in drawn[0]["rows"].items():
        gap = (index == 60) & (row == "0")
        expected = np.where(gap, np.nan, 1000 * int(row) + index)
        np.testing.assert_array_equal(np.array(numbers, float), expected)
    alarmed = np.array(drawn[1]["steps"])[np.array(drawn[1]["rows"]["5"]) == 1]
    assert alarmed.tolist() == [steps[narrow]]
    assert [trace["hover"] for trace in drawn] == ["%{y} %{customdata:,d}"] * 2
    assert all("pixelated" in style for style in drawn[0]["styles"])
    assert len(drawn[0]["styles"]) == 2


def test_charts_and_findings_are_saved(tab: Tab) -> None:
    tab.open_alone(f"run={logs.ILL}")
    tab.drawn("gradients")
    tab.finding("dead-units").click()
    picture = saved(tab, tab.frame.get_by_label("Save “Gradient flow” as PNG"))
    assert picture.startswith(b"\x89PNG")
    findings = json.loads(saved(tab, tab.frame.get_by_label("as JSON")))
    assert "dead-units" in json.dumps(findings)
    assert b"dead-units" in saved(tab, tab.frame.get_by_label("as Markdown"))


def test_without_plotly_all_is_readable(tab: Tab) -> None:
    tab.page.route("**/runs", without_plotly)
    tab.open_alone(f"run={logs.ILL}")
    tab.frame.get_by_text("pip install plotly").wait_for()
    tab.finding("dead-units").click()
    for name in ("gradients", "activations", "updates"):
        table = tab.card(name).locator("table")
        table.scroll_into_view_if_needed()
        assert "first" in table.inner_text()
    assert tab.frame.locator(".main-svg").count() == 0


def test_cards_say_why_they_are_empty(tab: Tab) -> None:
    tab.open_alone(f"run={logs.HOSTILE}")
    missing = tab.card("missing")
    missing.locator("summary").click()
    missing.locator("dt").first.wait_for()
    assert missing.locator("dd").count() >= 5
    assert all(len(text) > 20 for text in missing.locator("dd").all_inner_texts())


def test_a_log_directory_without_data_says_so(tab: Tab) -> None:
    tab.page.route("**/runs", without_runs)
    tab.open_alone()
    tab.frame.get_by_text("No diagnostics in this log directory yet").wait_for()


def test_a_failed_card_can_be_tried_again(tab: Tab) -> None:
    tab.page.route("**/figure?card=gradients*", fail)
    tab.open_alone(f"run={logs.ILL}")
    tab.card("gradients").get_by_text("A fault of ours").wait_for()
    tab.drawn("activations")
    tab.page.unroute("**/figure?card=gradients*")
    tab.card("gradients").get_by_role("button", name="Try again").click()
    tab.drawn("gradients")
    assert len(tab.faults) == 1
    assert "500" in tab.faults.pop()


def test_hparams_tab_lists_every_trial_of_a_search(
    browser: Any, searched: tuple[Any, Board]
) -> None:
    tuner, board = searched
    tab = Tab(browser, board, viewport={"width": 1900, "height": 900})
    wait_for_runs(tab, digits_search.TRIALS)
    tab.page.goto(f"{board.url}#hparams")
    tab.page.get_by_text(f"trials/{digits_search.TRIALS - 1}").first.wait_for()
    head, *rows = (row for row in tab.page.evaluate(HPARAMS) if any(row))
    shown = {row[0]: dict(zip(head, row)) for row in rows}
    tab.close()
    assert set(shown) == {f"trials/{trial_id}" for trial_id in tuner.oracle.trials}
    for trial_id in tuner.oracle.trials:
        row, trial = shown[f"trials/{trial_id}"], tuner.oracle.get_trial(trial_id)
        found = trial_findings(tuner, trial_id)
        assert_same_trial(row, trial, found)
        claims = [f.code for f in found if f.severity != "info"]
        assert row["first_finding"] == (claims[0] if claims else "none")
        if trial.score > 0:  # an ended one has another rank than its accuracy
            assert float(row["val_accuracy"]) == pytest.approx(trial.score, rel=1e-3)


def test_comparison_lists_every_trial_of_a_search(
    browser: Any, searched: tuple[Any, Board]
) -> None:
    tuner, board = searched
    tab = Tab(browser, board)
    wait_for_runs(tab, digits_search.TRIALS)
    tab.open_alone("view=compare")
    table = tab.drawn("compare").locator(".runs table")
    head = table.locator("thead th").all_inner_texts()
    rows = [row.locator("th, td") for row in table.locator("tbody tr").all()]
    texts = [dict(zip(head, row.all_inner_texts())) for row in rows]
    faults = tab.faults
    tab.close()
    assert faults == []
    shown = {row["run"].strip(): row for row in texts}
    assert set(shown) == set(tuner.oracle.trials)  # without the ends that all share
    codes = set()
    for trial_id in tuner.oracle.trials:
        row, trial = shown[trial_id], tuner.oracle.get_trial(trial_id)
        found = trial_findings(tuner, trial_id)
        assert_same_trial(row, trial, found)
        assert row["worst finding"] == (found[0].code if found else "\u2013")
        codes.add(row["worst finding"])
    assert len(codes) > 1  # a search with sick and healthy trials


def assert_same_trial(row: dict[str, str], trial: Any, found: list[Any]) -> None:
    """Asserts that a row of texts shows a trial's hyperparameters and findings."""
    values = trial.hyperparameters.values
    assert {"units", "rate", "activation"} == set(values)
    assert row["activation"] == values["activation"]
    for name in ("units", "rate"):
        assert float(row[name]) == pytest.approx(values[name], rel=1e-3)
    for severity in ("error", "warning"):
        digits = re.sub(r"\D", "", row[f"{severity}s"].split(".")[0])
        count = sum(finding.severity == severity for finding in found)
        assert int(digits or 0) == count


def wait_for_runs(tab: Tab, count: int) -> None:
    """Waits until TensorBoard has read the findings of so many runs."""
    for _ in range(240):
        answer = tab.page.request.get(f"{tab.board.url}data/plugin/{TAB}/runs")
        if sum(run["examined"] for run in answer.json()["runs"]) == count:
            return
        tab.page.wait_for_timeout(250)
    raise AssertionError(f"TensorBoard has not read {count} runs")


def only_the_ill_run(route: Any) -> None:
    answer = route.fetch().json()
    runs = [run for run in answer["runs"] if run["name"] == logs.ILL]
    route.fulfill(json={**answer, "runs": runs})


def background(tab: Tab) -> str:
    return tab.frame.evaluate("getComputedStyle(document.body).backgroundColor")


def overflow(tab: Tab) -> int:
    return tab.frame.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def layers_of(tab: Tab, card: str) -> list[str]:
    """Returns the names on the vertical axis, as the reader sees them."""
    chart = tab.card(card).locator(".plot").first
    return [text for text in chart.locator(".ytick").all_text_contents() if text]


def saved(tab: Tab, button: Any) -> bytes:
    with tab.page.expect_download() as download:
        button.click()
    return Path(download.value.path()).read_bytes()


def without_plotly(route: Any) -> None:
    answer = route.fetch().json()
    answer["plotly"] = {"available": False, "version": None, "url": None}
    answer["plotly"]["hint"] = "pip install plotly"
    route.fulfill(json=answer)


def without_runs(route: Any) -> None:
    route.fulfill(json={**route.fetch().json(), "runs": []})


def fail(route: Any) -> None:
    route.fulfill(status=500, json={"error": "A fault of ours", "hint": None})


def assert_accessible(tab: Tab) -> None:
    """Asserts that axe-core finds nothing serious in our page."""
    found = Axe().run(tab.frame).response["violations"]
    grave = [
        (fault["id"], [node["html"][:200] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
    assert not grave
