"""Takes the pictures of the README and of the guides: the tab on the logs of the demos.

Run as `make screenshots`, which trains what is not there yet. It needs Chromium; see
tests/board.py. `--widths 760 1920` takes others beside those, to look at.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from board import FLAGS  # noqa: E402 - found by the line above
from board import Board  # noqa: E402 - the same
from board import chromium  # noqa: E402 - the same

WIDTH = 1280
KEY = "p.keras_diagnostics."


@dataclass(frozen=True)
class Picture:
    """One picture: of which logs, of which view, and what must be drawn on it."""

    name: str
    logs: str
    view: str
    cards: tuple[str, ...]
    height: int
    marks_finding: bool = False


PICTURES = (
    Picture("failing", "demo", "run=1-vanishing", ("loss", "gradients"), 1440, True),
    Picture("healthy", "demo", "run=4-repaired", ("loss", "gradients"), 1236),
    Picture("comparison", "demo-tuner/runs", "view=compare", ("compare",), 1156),
)


def main() -> None:
    """Starts TensorBoard and a browser, and takes each picture in each theme."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=Path, default=ROOT / "logs")
    parser.add_argument("--images", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--widths", type=int, nargs="*", default=[])
    options = parser.parse_args()
    options.images.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        for logs in dict.fromkeys(picture.logs for picture in PICTURES):
            board = Board(options.logs / logs)
            try:
                wait_for_runs(browser, board.url)
                for picture in (p for p in PICTURES if p.logs == logs):
                    for width in (WIDTH, *options.widths):
                        take_all(browser, board.url, picture, width, options.images)
            finally:
                board.close()
        browser.close()


def take_all(
    browser: Browser, url: str, picture: Picture, width: int, images: Path
) -> None:
    """Takes a picture in each theme."""
    for theme in ("light", "dark"):
        size = "" if width == WIDTH else f"-{width}"
        path = images / f"{picture.name}-{theme}{size}.png"
        take(browser, url, picture, theme, width, path)
        print(f"wrote {path}", flush=True)


def wait_for_runs(browser: Browser, url: str) -> None:
    """Waits until TensorBoard has read all runs: their number is the same twice."""
    page, before = browser.new_page(), -1
    while True:
        answer: Any = page.request.get(f"{url}data/plugin/keras_diagnostics/runs")
        there = sum(run["examined"] for run in answer.json()["runs"])
        if there == before and there:
            break
        before = there
        page.wait_for_timeout(3000)
    page.close()


def take(
    browser: Browser, url: str, picture: Picture, theme: str, width: int, path: Path
) -> None:
    """Takes a picture, with the first finding of a failing run marked."""
    page = browser.new_page(viewport={"width": width, "height": picture.height})
    page.set_default_timeout(120_000)
    query = "?darkMode=true" if theme == "dark" else ""
    page.goto(f"{url}{query}#keras_diagnostics&{KEY}{picture.view}")
    frame = page.frame_locator('iframe[src*="keras_diagnostics"]')
    for card in picture.cards:
        frame.locator(f'[data-card="{card}"] .main-svg').first.wait_for()
    if picture.marks_finding:
        frame.locator(".row-button").first.click()
        frame.locator('[data-card="gradients"] .mark').first.wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)  # TensorBoard's own animations
    page.screenshot(path=path)
    page.close()


if __name__ == "__main__":
    main()
