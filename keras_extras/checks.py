"""Checks of arguments."""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Sequence
from typing import Any

_LARGEST_RATE = 1e4  # far above any rate that trains: what is meant is another number
_LARGEST_COUNT = 2**31 - 1  # Keras counts steps in 32 bits


def is_number(value: Any) -> bool:
    """Returns whether `value` is a finite real number; booleans are none."""
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_real and math.isfinite(value)


def check_positive(name: str, value: Any, most: float = math.inf) -> float:
    """Returns `value` as a float, if it is a number above 0 and at most `most`."""
    if not is_number(value) or not 0 < value <= most:
        limit = "" if most == math.inf else f" and <= {most:g}"
        raise ValueError(
            f"`{name}` must be a number > 0{limit}. Received: {name}={value!r}"
        )
    return float(value)


def check_not_negative(name: str, value: Any, most: float = math.inf) -> float:
    """Returns `value` as a float, if it is a number from 0 to `most`."""
    if not is_number(value) or not 0 <= value <= most:
        limit = "" if most == math.inf else f" and <= {most:g}"
        raise ValueError(
            f"`{name}` must be a number >= 0{limit}. Received: {name}={value!r}"
        )
    return float(value)


def check_rate(name: str, value: Any) -> float:
    """Returns `value` as a float, if it can be a learning rate."""
    if not is_number(value) or not 0 < value <= _LARGEST_RATE:
        raise ValueError(
            f"`{name}` must be a number > 0, a learning rate of at most "
            f"{_LARGEST_RATE:.0f}. Received: {name}={value!r}"
        )
    return float(value)


def check_steps(name: str, value: Any) -> float:
    """Returns `value` as a float, if it can be a number of steps; fractions can."""
    if not is_number(value) or not 1 <= value <= _LARGEST_COUNT:
        raise ValueError(
            f"`{name}` must be a number of steps, at least 1 and below 2**31. "
            f"Received: {name}={value!r}"
        )
    return float(value)


def check_decay(name: str, value: Any) -> float:
    """Returns `value` as a float, if it is above 0 and at most 1."""
    if not is_number(value) or not 0 < value <= 1:
        raise ValueError(
            f"`{name}` must be a number above 0 and at most 1. "
            f"Received: {name}={value!r}"
        )
    return float(value)


def check_fraction(name: str, value: Any) -> float:
    """Returns `value` as a float, if it is above 0 and below 1."""
    if not is_number(value) or not 0 < value < 1:
        raise ValueError(
            f"`{name}` must be a number above 0 and below 1. Received: {name}={value!r}"
        )
    return float(value)


def check_momentum(name: str, value: Any) -> float:
    """Returns `value` as a float, if it is at least 0 and below 1."""
    if not is_number(value) or not 0 <= value < 1:
        raise ValueError(
            f"`{name}` must be a number >= 0 and below 1. Received: {name}={value!r}"
        )
    return float(value)


def check_count(name: str, value: Any, least: int = 1) -> int:
    """Returns `value` as an int, if it is a whole number of at least `least`."""
    if (
        not is_number(value)
        or value != int(value)
        or not least <= value <= _LARGEST_COUNT
    ):
        raise ValueError(
            f"`{name}` must be an integer >= {least}. Received: {name}={value!r}"
        )
    return int(value)


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> Any:
    """Returns `value`, if it is one of `choices`."""
    if not any(value is choice or value == choice for choice in choices):
        allowed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(
            f"`{name}` must be one of {allowed}. Received: {name}={value!r}"
        )
    return value


def check_choice_or_function(name: str, value: Any, choices: Sequence[str]) -> Any:
    """Returns `value`, if it is one of `choices`, or can be called."""
    is_function = callable(value) and not isinstance(value, type)
    if not is_function and value not in choices:
        allowed = ", ".join(f'"{choice}"' for choice in choices)
        raise ValueError(
            f"`{name}` must be {allowed} or a function. Received: {name}={value!r}"
        )
    return value


def check_increasing(name: str, values: Any) -> list[float]:
    """Returns `values` as floats, if they are numbers >= 0 that increase."""
    numbers_ok = isinstance(values, Sequence) and all(is_number(v) for v in values)
    if (
        not numbers_ok
        or any(v < 0 for v in values)
        or any(b <= a for a, b in itertools.pairwise(values))
    ):
        raise ValueError(
            f"`{name}` must be a list of numbers >= 0, each greater than the one "
            f"before. Received: {name}={values!r}"
        )
    return [float(v) for v in values]


def check_range(low_name: str, low: Any, high_name: str, high: Any) -> None:
    """Raises an error unless both are numbers > 0, the second the greater one."""
    check_positive(low_name, low)
    if check_positive(high_name, high) <= low:
        raise ValueError(
            f"`{low_name}` must be less than `{high_name}`. "
            f"Received: {low_name}={low!r}, {high_name}={high!r}"
        )


def check_optional_count(name: str, value: Any, least: int = 1) -> int | None:
    """Returns `value` as an int, if it is one of at least `least`, or `None`."""
    try:
        return None if value is None else check_count(name, value, least)
    except ValueError:
        raise ValueError(
            f"`{name}` must be an integer >= {least} or None. "
            f"Received: {name}={value!r}"
        ) from None


def check_seed(name: str, value: Any) -> int:
    """Returns a seed as an int; it may be as large as any."""
    if not is_number(value) or value != int(value) or value < 0:
        raise ValueError(
            f"`{name}` must be an integer >= 0. Received: {name}={value!r}"
        )
    return int(value)


def check_flag(name: str, value: Any) -> bool:
    """Returns `value` as a bool, if it is one, or 0 or 1."""
    is_flag = isinstance(value, bool) or (is_number(value) and value in (0, 1))
    # What NumPy compares with is no number there, nor is it a bool.
    if not is_flag and type(value).__name__ not in ("bool", "bool_"):
        raise ValueError(f"`{name}` must be a boolean. Received: {name}={value!r}")
    return bool(value)


def check_verbose(name: str, value: Any, allowed: Sequence[Any] = (0, 1, 2)) -> Any:
    """Returns `value`, if it is a boolean or one of what is allowed."""
    if isinstance(value, bool):
        return value
    return check_choice(name, value, allowed)


def check_text(name: str, value: Any) -> str:
    """Returns `value`, if it is a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(
            f"`{name}` must be a non-empty string. Received: {name}={value!r}"
        )
    return value


def check_list(name: str, value: Any) -> list[Any]:
    """Returns `value` as a list, if it is a list, tuple or array of something."""
    is_array = hasattr(value, "tolist") and getattr(value, "ndim", 0) == 1
    is_list = is_array or (isinstance(value, Sequence) and not isinstance(value, str))
    if not is_list or len(value) == 0:
        raise ValueError(
            f"`{name}` must be a non-empty list. Received: {name}={value!r}"
        )
    return value.tolist() if is_array else list(value)


def check_function(name: str, value: Any) -> Any:
    """Returns `value`, if it can be called and is no class."""
    if not callable(value) or isinstance(value, type):
        raise ValueError(f"`{name}` must be a function. Received: {name}={value!r}")
    return value
