"""Checks a built site: links inside lead somewhere, nothing comes from other hosts.

Run as `python docs/check_links.py site`. What is wrong is printed, a line each, and the
exit status is 1. mkdocs checks the links that stand in Markdown; this one checks what
came out of it, the pages of the API and the theme included.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from urllib.parse import urlsplit

# Attributes that make a browser fetch something by itself.
_LOADED = {
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "script": ("src",),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "link": ("href",),
}
_NOT_FETCHED = ("canonical", "next", "prev", "alternate", "edit")


class Page(HTMLParser):
    """Collects what a page links to, what it loads, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Looks at one element."""
        values = {name: value for name, value in attrs if value is not None}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if tag == "link" and values.get("rel") in _NOT_FETCHED:
            self.links.add(values.get("href", ""))
            return
        for name in _LOADED.get(tag, ()):
            value = values.get(name, "")
            for candidate in value.split(",") if name == "srcset" else [value]:
                self.loaded |= set(candidate.split()[:1])


def problems(site: Path) -> list[str]:
    """Returns what is wrong with the site, a line each."""
    pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        where = path.relative_to(site.resolve())
        for link in sorted(page.links | page.loaded):
            wrong = _wrong(link, path, pages, loaded=link in page.loaded)
            if wrong:
                found.append(f"{where}: {link}: {wrong}")
    return found


def _wrong(link: str, path: Path, pages: dict[Path, Page], loaded: bool) -> str:
    """Returns what is wrong with a link of a page, or an empty text."""
    parts = urlsplit(link)
    if parts.scheme == "data":
        return ""
    if parts.scheme or parts.netloc:
        return "is loaded from another host" if loaded else ""
    if path.name == "404.html":
        return ""  # it is shown at any address, and so has the links of a server
    if parts.path.startswith("/"):
        return "leads to the root of a server, not of the site"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "there is no such file"
    anchors = pages[target].anchors if target in pages else {unquote(parts.fragment)}
    if parts.fragment and unquote(parts.fragment) not in anchors:
        return "there is no such anchor"
    return ""


def main(arguments: list[str]) -> int:
    """Checks the site in the folder that is named; returns the exit status."""
    site = Path(arguments[0] if arguments else "site")
    if not (site / "index.html").is_file():
        print(f"There is no site in {site}: run `make docs`")
        return 1
    found = problems(site)
    print("\n".join(found) or f"All links inside {site} lead somewhere.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
