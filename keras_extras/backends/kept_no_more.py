"""What is said when batches cannot be kept: a training must not end for it."""

from __future__ import annotations

from keras_extras.warn_safely import warn_safely


def warn_keeps_no_more(error: Exception) -> None:
    """Says that where NaN come from will be known less exactly from here on."""
    warn_safely(
        "keras_extras keeps no more batches to locate NaN with, because of an internal "
        f"error ({type(error).__name__}: {error}). Training continues unchanged.",
        stacklevel=2,
    )
