"""Reads JSON of logs that anybody may have written."""

from __future__ import annotations

import json
from typing import Any

_LONGEST = 8_000_000  # bytes; ours take some thousand
_DEEPEST = 16  # ours have four levels


def parse(text: bytes) -> Any:
    """Returns what a JSON document says, in text that can be written again.

    Raises:
        ValueError: If it is none, is not UTF-8, or is too long or too deep.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"it is {len(text):,} bytes long")
    try:
        document = _load(text.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except ValueError:
        raise ValueError("it is not JSON") from None
    _check_depth(document)
    if b"\\ud" in text or b"\\uD" in text:
        document = _without_halves(document)
    return document


def _load(text: str) -> Any:
    return json.loads(text, parse_int=_number)


def _number(digits: str) -> int | float:
    """Returns an integer, or a float for one that no integer of an array can hold."""
    return int(digits) if len(digits) < 17 else float(digits)


def _check_depth(document: Any) -> None:
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError("it is nested too deep")


def _without_halves(document: Any) -> Any:
    """Returns a document whose text UTF-8 can express: halves of pairs become `?`."""
    text = json.dumps(document, ensure_ascii=False)
    return _load(text.encode("utf-8", "replace").decode("utf-8"))
