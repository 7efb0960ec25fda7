"""Takes the pictures of README.md: the tab on the logs of `make demo`.

Run as `make screenshots`, after `make demo`. It needs Chromium; see tests/board.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Browser
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from board import Board  # noqa: E402 - found by the line above
from board import chromium  # noqa: E402 - the same

SIZE = {"width": 1280, "height": 980}
VIEW = "#keras_diagnostics&p.keras_diagnostics.run=1-vanishing"


def main() -> None:
    """Starts TensorBoard and a browser, and takes a picture in each theme."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logdir", type=Path, default=ROOT / "logs" / "demo")
    parser.add_argument("--images", type=Path, default=ROOT / "docs" / "images")
    arguments = parser.parse_args()
    board = Board(arguments.logdir)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
            )
            for theme in ("light", "dark"):
                path = arguments.images / f"diagnostics-{theme}.png"
                take(browser, board.url, theme, path)
                print(f"wrote {path}")
            browser.close()
    finally:
        board.close()


def take(browser: Browser, url: str, theme: str, path: Path) -> None:
    """Takes a picture of a run with its first finding marked."""
    page = browser.new_page(viewport=SIZE)
    query = "?darkMode=true" if theme == "dark" else ""
    page.goto(f"{url}{query}{VIEW}")
    frame = page.frame_locator('iframe[src*="keras_diagnostics"]')
    frame.locator(".row-button").first.click()
    for card in ("gradients", "activations", "updates"):
        frame.locator(f'[data-card="{card}"] .main-svg').first.wait_for()
    frame.locator('[data-card="gradients"] .mark').first.wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)  # TensorBoard's own animations
    page.screenshot(path=path)
    page.close()


if __name__ == "__main__":
    main()
