"""Chooses which of many recorded steps a chart shows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def choose_steps(
    steps: np.ndarray,
    most: int,
    marked: np.ndarray | None = None,
    bounds: Iterable[int] = (),
) -> np.ndarray:
    """Returns the indices of at most `most` steps, in order.

    The first and the last are among them, then those that begin or end a stretch of
    marked steps, those next to `bounds`, other marked ones up to half of `most`, and
    evenly spread ones for the rest.

    Args:
        steps: Integers of shape `(n,)`, increasing.
        most: Integer >= 2.
        marked: Booleans of shape `(n,)`, steps that matter, or `None`.
        bounds: Steps that matter, such as those where findings begin and end.
    """
    count = len(steps)
    if count <= most:
        return np.arange(count)
    edges, inside = _stretches(np.zeros(count, bool) if marked is None else marked)
    near = np.searchsorted(steps, sorted(bounds)).clip(0, count - 1)
    kept = {0, count - 1}
    for wanted in (np.union1d(edges, near), inside):
        room = max(most // 2 - len(kept), 0)
        kept |= set(_evenly(wanted, room).tolist())
    others = np.setdiff1d(np.arange(count), np.array(sorted(kept)))
    return np.union1d(sorted(kept), _evenly(others, most - len(kept))).astype(int)


def _stretches(marked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the indices at the ends of stretches of `marked`, and the other ones."""
    before = np.concatenate([[False], marked[:-1]])
    after = np.concatenate([marked[1:], [False]])
    is_edge = marked & ~(before & after)
    return np.flatnonzero(is_edge), np.flatnonzero(marked & ~is_edge)


def _evenly(indices: np.ndarray, most: int) -> np.ndarray:
    if len(indices) <= most:
        return indices
    if most <= 0:
        return indices[:0]
    return indices[np.linspace(0, len(indices) - 1, most).round().astype(int)]
