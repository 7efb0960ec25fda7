"""The files that the browser gets: ours, and Plotly's from its Python package."""

from __future__ import annotations

import gzip
import importlib.util
import threading
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

HINT = "Charts need Plotly, which is not installed here. Run: pip install plotly"
# Chromium then compiles all of it while it loads, on another thread, and not when it is
# called, which would keep the page from doing anything else. Others see a comment.
COMPILE_HINT = b"//# allFunctionsCalledOnLoad\n"
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    """A file and its type."""

    path: Path
    content_type: str


def static_files() -> dict[str, Asset]:
    """Returns our files by name: the only ones that are ever served."""
    folder = Path(__file__).parent / "static"
    if not folder.is_dir():
        return {}
    return {
        path.name: Asset(path, _TYPES[path.suffix])
        for path in sorted(folder.iterdir())
        if path.is_file() and path.suffix in _TYPES
    }


class Plotly:
    """Plotly's bundle for the browser, found without importing Plotly."""

    def __init__(self) -> None:
        self._compressed: bytes | None = None
        self._lock = threading.Lock()

    @property
    def path(self) -> Path | None:
        """Returns where the bundle is, or `None` if Plotly is not installed."""
        try:
            spec = importlib.util.find_spec("plotly")
        except (ImportError, ValueError):
            return None
        for folder in (spec.submodule_search_locations or []) if spec else []:
            path = Path(folder) / "package_data" / "plotly.min.js"
            if path.is_file():
                return path
        return None

    def describe(self) -> dict[str, object]:
        """Returns what a front end must know to load it."""
        if self.path is None:
            absent = dict.fromkeys(("version", "url"))
            return {"available": False, **absent, "hint": HINT}
        try:
            version = metadata.version("plotly")
        except metadata.PackageNotFoundError:
            version = "unknown"
        url = f"plotly.js?v={version}"
        return {"available": True, "version": version, "url": url, "hint": None}

    def compressed(self) -> bytes | None:
        """Returns the bundle compressed, or `None`; later calls cost nothing."""
        with self._lock:
            path = self.path
            if self._compressed is None and path is not None:
                bundle = COMPILE_HINT + path.read_bytes()
                self._compressed = gzip.compress(bundle, 6, mtime=0)
            return self._compressed
