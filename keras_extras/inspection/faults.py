"""What is said when something of ours fails: a training must not end for it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import keras

from keras_extras.backends.contract import CannotInspectError
from keras_extras.warn_safely import warn_safely


def warn_cannot_inspect(error: Exception) -> None:
    """Says why the layers of a model are not measured from here on."""
    if isinstance(error, CannotInspectError):
        why = str(error)
    else:
        why = f"an internal error ended its inspection ({place_of(error)})"
    warn_safely(
        "keras_extras cannot measure gradients and activations of this model from here "
        f"on: {why}. Training continues unchanged; `TrainingDiagnostics` still checks "
        "the model and the loss.",
        stacklevel=2,
    )


def warn_switched_off(name: str, error: Exception) -> None:
    """Says that a callback ends its part because of a fault of its own."""
    warn_safely(
        f"`{name}` stopped recording because of an internal error of keras_extras "
        f"({place_of(error)}). Training continues unchanged, and what was recorded is "
        "kept. Please report this with your versions of Keras and "
        f"{keras.backend.backend()}.",
        stacklevel=2,
    )


def warn_no_steps(name: str) -> None:
    """Says that there was nothing to record: the optimizer never made a step."""
    warn_safely(
        f"`{name}` recorded nothing: no batch of this training ended with a step of "
        "the optimizer. Either `gradient_accumulation_steps` is larger than the number "
        "of batches, or with a loss scale all gradients overflowed: then lower "
        "`initial_scale`, or look for NaN in the data.",
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
