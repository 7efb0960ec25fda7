"""What is said when something of ours fails: a training must not end for it."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from typing import Any

from keras_extras.backends.contract import CannotInspectError


def warn_cannot_inspect(error: Exception) -> None:
    """Says why the layers of a model are not measured from here on."""
    if isinstance(error, CannotInspectError):
        why = str(error)
    else:
        why = f"a fault ended the inspection of its training step ({place_of(error)})"
    warnings.warn(
        f"keras_extras does not measure the layers of this model: {why}. Training goes "
        "on as it would without; loss and hyperparameters are recorded.",
        stacklevel=2,
    )


def warn_switched_off(name: str, error: Exception) -> None:
    """Says that a callback ends its part because of a fault of its own."""
    warnings.warn(
        f"`{name}` ends its part in this training because of a fault of its own "
        f"({place_of(error)}). Training goes on as it would without it.",
        stacklevel=2,
    )


def warn_no_steps(name: str) -> None:
    """Says that there was nothing to record: the optimizer never made a step."""
    warnings.warn(
        f"`{name}` recorded nothing: no batch of this training ended with a step of "
        "the optimizer. Either more batches are accumulated than there were, or a loss "
        "scale makes all gradients overflow.",
        stacklevel=2,
    )


def place_of(error: BaseException) -> str:
    """Returns what went wrong and where, in a line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f", {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0] if said else ''}{place}"


def on_behalf_of(taker: Any, function: Callable[[], None]) -> None:
    """Calls a function of a taker, and keeps what fails there from everybody else."""
    try:
        function()
    except Exception as error:
        taker.switch_off(error)
