"""Lets the sections that only Keras' docstrings have read as sections."""

from __future__ import annotations

import inspect
import re
from typing import Any

from griffe import Extension
from griffe import Object

_TITLE = re.compile(r"^(Examples?):$", re.MULTILINE)
_SECTION = re.compile(
    r"^(Call arguments|Input shape|Output shape|References):\n((?:    .*\n?|\n)+)",
    re.MULTILINE,
)
_ARGUMENT = re.compile(r"^(\w+):", re.MULTILINE)


class Sections(Extension):
    """Gives the sections that a Google docstring does not know a bold title."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Changes the docstring of whatever has one."""
        if obj.docstring is not None:
            text = _TITLE.sub(r"**\1:**", obj.docstring.value)
            obj.docstring.value = _SECTION.sub(_as_text, text)


def _as_text(match: re.Match[str]) -> str:
    title, body = match[1], inspect.cleandoc("\n" + match[2])
    if title == "Call arguments":
        body = _ARGUMENT.sub(r"- **`\1`**:", body)
    if title == "References":  # an entry ends where a line ends with a full stop
        body = "- " + re.sub(r"(?<=\.)\n", "\n- ", body).replace("\n", "\n  ")
        body = body.replace("\n  - ", "\n- ")
    return f"**{title}:**\n\n{body}\n\n"
