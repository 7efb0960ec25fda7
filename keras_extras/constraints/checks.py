"""Checks of what users pass."""

from __future__ import annotations

import math
from typing import Any


def check_max_value(max_value: Any) -> None:
    """Raises `ValueError` unless it is a finite number > 0."""
    is_number = isinstance(max_value, int | float) and not isinstance(max_value, bool)
    if not is_number or not max_value > 0 or math.isinf(max_value):
        raise ValueError(
            f"`max_value` must be a number > 0. Received: max_value={max_value!r}"
        )
