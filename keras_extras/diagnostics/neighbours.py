"""Measures what inputs tell of targets, whatever the model makes of them."""

from __future__ import annotations

import numpy as np

from keras_extras.diagnostics.batch_arrays import inputs_of
from keras_extras.diagnostics.batch_arrays import targets_of
from keras_extras.diagnostics.observations import Observations

_MOST_TOKENS = 500
# What they take are names, of a kind for each column.
_ENCODERS = {"CategoryEncoding", "Hashing", "HashedCrossing", "IntegerLookup"}


def reconstructs(observations: Observations) -> bool:
    """Returns whether the targets are the inputs, as for an autoencoder."""
    x, y = inputs_of(observations.batches[:1]), targets_of(observations.batches[:1])
    return x is not None and y is not None and np.array_equal(x.ravel(), y.ravel())


def relation(observations: Observations) -> float:
    """Returns how clearly neighbours have like targets; NaN if that is not known."""
    batches = observations.batches
    x, y = inputs_of(batches), targets_of(batches)
    if x is None or y is None or len(x) != len(y):
        return np.nan
    if not batches[0].inputs[0].dtype.startswith("float"):
        kinds = {spec.kind for spec in observations.structure.layers}
        if kinds & _ENCODERS:
            return np.nan
        if takes_tokens(observations):
            x = _bags(x)  # numbers of tokens are names: no two are near each other
    return neighbour_score(x, y)


def takes_tokens(observations: Observations) -> bool:
    """Returns whether whole numbers among the inputs name things."""
    return any(spec.kind == "Embedding" for spec in observations.structure.layers)


def _bags(tokens: np.ndarray) -> np.ndarray:
    """Returns for each row how often each of the more frequent tokens stands in it."""
    kinds, place, counts = np.unique(tokens, return_inverse=True, return_counts=True)
    bags = np.zeros((len(tokens), len(kinds)))
    rows = np.repeat(np.arange(len(tokens)), tokens.shape[1])
    np.add.at(bags, (rows, place.reshape(-1)), 1.0)
    # What stands nearly everywhere, as padding does, or once, tells nothing.
    usual = (bags > 0).mean(axis=0) < 0.9
    often = usual & (counts > 2)
    kept = np.flatnonzero(often)[np.argsort(-counts[often])[:_MOST_TOKENS]]
    bags = np.minimum(bags[:, kept], 1.0)
    return bags / np.sqrt(np.maximum(bags.sum(axis=1, keepdims=True), 1.0))


def neighbour_score(x: np.ndarray, y: np.ndarray) -> float:
    """Returns by how many standard deviations neighbours agree more than others.

    Args:
        x: Inputs, of shape `(rows, features)`.
        y: Targets, of shape `(rows, values)`.
    """
    _, kept = np.unique(x, axis=0, return_index=True)
    x, y = x[kept].astype(np.float64), y[kept].astype(np.float64)
    if len(x) < 100:
        return np.nan
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    squares = np.sum(x * x, axis=1)
    distance = squares[:, None] + squares[None] - 2.0 * x @ x.T
    np.fill_diagonal(distance, np.inf)
    nearest = np.argmin(distance, axis=1)
    difference = np.sum(np.abs(y - y[nearest]), axis=1)
    rng = np.random.default_rng(0)
    others = [
        np.mean(np.sum(np.abs(y - y[rng.permutation(len(y))]), axis=1))
        for _ in range(50)
    ]
    spread_of_others = np.std(others)
    if spread_of_others == 0:
        return np.nan
    return float((np.mean(others) - difference.mean()) / spread_of_others)
