"""Chooses which of many recorded steps are worth keeping."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping

import numpy as np


def rows_to_keep(
    steps: np.ndarray, values: Mapping[str, np.ndarray], most: int
) -> np.ndarray:
    """Returns the indices of `most` rows at most, in order.

    They are, while there is room:

    - the last one, and the first sixteenth of `most`;
    - the least and the greatest finite value of each statistic, over all layers;
    - the first and the last rows that hold a value that is not finite, up to an eighth
      of `most` each. NaN counts where a series has finite values elsewhere;
    - the least and the greatest finite value of each series, up to a quarter of `most`;
    - rows that are evenly spread over the steps.

    Args:
        steps: Integers of shape `(rows,)`.
        values: For each statistic an array of shape `(rows, layers)` or `(rows,)`.
        most: Integer >= 2.
    """
    count = len(steps)
    if count <= most:
        return np.arange(count)
    bad = np.zeros(count, bool)
    whole: list[int] = []
    single: list[np.ndarray] = []
    for name, value in values.items():
        series = np.ascontiguousarray(value.reshape(count, -1).T)
        finite = np.isfinite(series)
        known = finite.any(axis=1)
        if not known.all():  # a layer without that statistic, or with no finite one
            bad |= np.isinf(series[~known]).any(axis=0)
            series, finite = series[known], finite[known]
        bad |= ~finite.all(axis=0)
        if "nonfinite" in name:  # a share of the values of a layer
            bad |= (series > 0).any(axis=0)
        for rows, best in _extremes(series, finite) if len(series) else ():
            whole.append(best)
            single.append(rows)
    kept = np.zeros(count, bool)
    last = np.array([count - 1, 0])
    for rows, share in (
        (last, 1.0),
        (np.array(whole, int), 1.0),
        (np.arange(most // 16), 1.0),
        (np.flatnonzero(bad), 1 / 8),
        (np.flatnonzero(bad)[::-1], 1 / 8),
        (np.unique(np.concatenate(single)) if single else last, 1 / 4),
    ):
        room = min(int(most * share), most - int(kept.sum()))
        kept[rows[:room]] = True
    room = most - int(kept.sum())
    kept[_evenly(steps, room)] = True
    return np.flatnonzero(kept)


def _extremes(
    series: np.ndarray, finite: np.ndarray
) -> Iterator[tuple[np.ndarray, int]]:
    """Yields the rows with the least value of each series and of all; then the most.

    Args:
        series: Array of shape `(layers, rows)`.
        finite: Which of its values are finite; some of each series.
    """
    is_whole = bool(finite.all())
    for find, nothing in ((np.argmin, np.inf), (np.argmax, -np.inf)):
        values = series if is_whole else np.where(finite, series, nothing)
        rows = find(values, axis=1)
        yield rows, int(rows[find(values[np.arange(len(rows)), rows])])


def _evenly(steps: np.ndarray, most: int) -> np.ndarray:
    """Returns the first row of each of `most` equal stretches of steps."""
    # Steps may begin anew, in a second training.
    passed = np.concatenate([[0], np.cumsum(np.maximum(np.diff(steps), 1))])
    stretch = passed * most // (passed[-1] + 1)
    return np.flatnonzero(np.diff(stretch, prepend=-1))
