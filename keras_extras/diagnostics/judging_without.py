"""Judges a training without what cannot be told of its model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from keras_extras.warn_safely import warn_safely


@contextlib.contextmanager
def judging_without(what: str) -> Iterator[None]:
    """Lets a model that cannot be described end no training, and says so."""
    try:
        yield
    except Exception as error:
        warn_safely(
            f"keras_extras cannot tell the {what} of this model, and judges it "
            f"without them: {type(error).__name__}: {error}",
            stacklevel=4,
        )
