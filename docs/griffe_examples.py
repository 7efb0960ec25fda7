"""Lets titles that Keras writes over blocks of text read as titles."""

from __future__ import annotations

import inspect
import re
from typing import Any

from griffe import Extension
from griffe import Object

_TITLE = re.compile(
    r"^(Example|Examples|Call arguments|Input shape|Output shape):$", re.M
)
_REFERENCES = re.compile(r"^References:\n((?:    .*\n?|\n)+)", re.M)


class Titles(Extension):
    """Turns `Example:` into a bold line, and `References:` into a list."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Changes the docstring of whatever has one."""
        if obj.docstring is not None:
            text = _TITLE.sub(r"**\1**", obj.docstring.value)
            obj.docstring.value = _REFERENCES.sub(_as_text, text)


def _as_text(match: re.Match[str]) -> str:
    return "**References**\n\n" + inspect.cleandoc("\n" + match[1]) + "\n"
