"""How long a reader of the TensorBoard tab waits, in a real browser.

Run as `python benchmarks/plugin_browser.py [--logs DIR] [--repeats N]`, where DIR has
what `python benchmarks/plugin.py --write DIR` wrote: one run of 500 layers and 10,000
recorded steps, and 60 trials. It needs Chromium and Playwright; see tests/board.py.

The first chart counts from the moment TensorBoard's page is asked for, in a browser
with an empty cache, until the first card has drawn its chart; TensorBoard's own share
is what passes until it asks for our page. An answered click counts from the click
until the browser has painted what it changed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plugin
from playwright.sync_api import sync_playwright

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from board import chromium

TAB = "keras_diagnostics"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--no-first-run"]
VIEWS = {"one": "run", "many": "compare"}
FIRST_CARD = {"run": "gradients", "compare": "compare"}
# Does something, waits until it shows, then until it is painted: milliseconds.
ACT = """async ([act, shows]) => {
    const run = (text) => new Function(`return ${text}`)();
    const began = performance.now();
    run(act);
    while (!run(shows)) await new Promise((r) => setTimeout(r, 1));
    await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)));
    return performance.now() - began;
}"""
FIRST = "document.querySelector('{}')"
ROW = FIRST.format(".row-button")
PRESSED = FIRST.format(".row-button[aria-pressed=true]")
CHART = FIRST.format("[data-card=gradients] .chart")
KEY = f"{CHART}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'ArrowRight'}}))"
CURSOR = FIRST.format("[data-card=gradients] .cursor:not([hidden])")
SORT = FIRST.format("[data-card=compare] thead button")
SORTED = FIRST.format("[data-card=compare] th[aria-sort=ascending]")
CLICKS = {
    "run": {"a finding": (f"{ROW}.click()", PRESSED), "the cursor": (KEY, CURSOR)},
    "compare": {
        "a finding": (f"{ROW}.click()", PRESSED),
        "a column's head": (f"{SORT}.click()", SORTED),
    },
}


def measure(url: str, view: str, repeats: int) -> None:
    """Prints how long the first chart and the clicks take in one log directory."""
    seconds: dict[str, list[float]] = {}
    for _ in range(repeats):
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            for name, value in times_of(page, url, view).items():
                seconds.setdefault(name, []).append(value)
            browser.close()
    for name, values in seconds.items():
        print(f"| {view} | {name} | {spread(values)} |", flush=True)


def times_of(page: Any, url: str, view: str) -> dict[str, float]:
    """Returns the seconds until the first chart, and until each click is answered."""
    page.set_default_timeout(120_000)
    busy = processor_time(page)
    began = time.perf_counter()
    page.goto(f"{url}#{TAB}&p.{TAB}.view={view}", wait_until="commit")
    handle = page.wait_for_selector(f'iframe[src*="{TAB}"]', state="attached")
    times = {"TensorBoard asks for the tab": time.perf_counter() - began}
    busy_before = busy()
    frame = handle.content_frame()
    card = FIRST_CARD[view]
    frame.wait_for_selector(f'[data-card="{card}"] .main-svg')
    frame.evaluate(ACT, ["0", "1"])
    times["first chart"] = time.perf_counter() - began
    times["first chart, after that"] = times["first chart"] - next(iter(times.values()))
    times["first chart, after that, processor time"] = busy() - busy_before
    page.wait_for_timeout(5000)  # the cards below are drawn as well by then
    for name, (act, shows) in CLICKS[view].items():
        busy_before = busy()
        times[f"click on {name}"] = frame.evaluate(ACT, [act, shows]) / 1000
        times[f"click on {name}, processor time"] = busy() - busy_before
        page.wait_for_timeout(500)
    return times


def processor_time(page: Any) -> Callable[[], float]:
    """Returns what tells the seconds that the page's main thread was busy so far.

    Unlike the time that passes, they hardly depend on what else the machine does.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def read() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "TaskDuration")

    return read


def spread(seconds: list[float]) -> str:
    """Returns median and extremes."""
    low, high = min(seconds), max(seconds)
    return f"{statistics.median(seconds):.2f} s ({low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--logs", type=Path, help="where logs were written before")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = options.logs or Path(scratch)
        if options.logs is None:
            plugin.write_large(root / "one")
            plugin.write_trials(root / "many")
        runs = {"one": (plugin.STEPS - 1, 1), "many": (199, plugin.TRIALS)}
        for name, view in VIEWS.items():
            with plugin.Board(root / name) as board:
                board.wait_for(*runs[name])
                measure(board.url, view, options.repeats)


if __name__ == "__main__":
    main()
