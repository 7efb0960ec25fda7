"""Checks of what all helpers of a search are given."""

from __future__ import annotations

from typing import Any

import keras_tuner

from keras_extras import checks


def check_search(hp: Any, name: Any) -> None:
    """Raises `ValueError` unless these are hyperparameters, and a name for one."""
    if not isinstance(hp, keras_tuner.HyperParameters):
        raise ValueError(
            f"`hp` must be KerasTuner's `HyperParameters`. Received: hp={hp!r}"
        )
    checks.check_text("name", name)


def check_tuner(tuner: Any) -> None:
    """Raises `ValueError` unless it is a tuner."""
    if not isinstance(tuner, keras_tuner.engine.base_tuner.BaseTuner):
        raise ValueError(
            f"`tuner` must be a tuner of KerasTuner. Received: tuner={tuner!r}"
        )
