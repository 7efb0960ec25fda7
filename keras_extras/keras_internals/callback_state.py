from __future__ import annotations

from typing import Any


def state_of(callback: Any, **changed: Any) -> dict[str, Any]:
    """Returns what to copy or pickle of a callback: all but the model it is set to.

    Args:
        callback: A Keras callback.
        **changed: Attributes that belong to a training that is going on, with the
            values that they have outside of one.
    """
    return {**vars(callback), "_model": None, **changed}
