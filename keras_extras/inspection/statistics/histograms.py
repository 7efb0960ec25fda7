"""Histograms of gradients and of what layers return."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

BINS = 30
WIDTH = BINS + 2  # smallest value, largest value, and the counts between


def histogram(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Returns the histogram of all values taken together, zeros where there are none.

    Values that are not finite have no place in it.
    """
    found = np.zeros(WIDTH)
    flat = [part.ravel() for part in parts]
    values = np.concatenate(flat) if flat else np.zeros(0)
    values = values[np.isfinite(values)].astype(np.float64)
    if values.size:
        low, high = values.min(), values.max()
        width = (high - low) or 1.0
        place = np.minimum(((values - low) / width * BINS).astype(int), BINS - 1)
        found[:2] = low, high
        found[2:] = np.bincount(place, minlength=BINS)
    return found
