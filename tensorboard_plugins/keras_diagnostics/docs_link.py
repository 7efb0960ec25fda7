"""Finds the page of the documentation that explains a finding."""

from __future__ import annotations

import functools
import re
from importlib import metadata

_PACKAGE, _LABEL, _PAGE = "keras-extras", "documentation", "findings.html"
_CODE = re.compile(r"[a-z]+(-[a-z]+)*")


def page_of_finding(code: str) -> str | None:
    """Returns the address of a finding's section, or `None` if there is none.

    The site is the one that the metadata of the installed package name.
    """
    site = _site()
    if site is None or not _CODE.fullmatch(code):  # a log may come from anybody
        return None
    return f"{site}/{_PAGE}#{code}"


@functools.cache
def _site() -> str | None:
    try:
        urls = metadata.metadata(_PACKAGE).get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return None
    for entry in urls:
        label, _, address = entry.partition(",")
        address = address.strip().rstrip("/")
        is_web = address.startswith(("https://", "http://"))
        if label.strip().lower() == _LABEL and is_web:
            return address
    return None
