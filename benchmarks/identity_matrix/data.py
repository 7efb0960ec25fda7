"""Small data sets; the same at each call."""

from __future__ import annotations

from typing import Any

import numpy as np

from identity_matrix.case import ROWS


def features(*shape: int, seed: int = 0) -> np.ndarray:
    """Returns normal features of `shape` for each row."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(ROWS, *shape)).astype("float32")


def tokens(length: int = 7, vocabulary: int = 20, seed: int = 0) -> np.ndarray:
    """Returns rows of word numbers; 0 only at the end, as padding."""
    rng = np.random.default_rng(seed)
    words = rng.integers(1, vocabulary, (ROWS, length)).astype("int32")
    lengths = rng.integers(2, length + 1, ROWS)
    words[np.arange(length)[None] >= lengths[:, None]] = 0
    return words


def classes(number: int = 3, seed: int = 1) -> np.ndarray:
    """Returns class numbers."""
    return np.random.default_rng(seed).integers(0, number, ROWS).astype("int32")


def vectors() -> dict[str, Any]:
    """Returns rows of six features, and one target each."""
    return {"x": features(6), "y": features(1, seed=1)}


def labelled_vectors() -> dict[str, Any]:
    """Returns rows of six features, and a class each."""
    return {"x": features(6), "y": classes()}


def pictures() -> dict[str, Any]:
    """Returns pictures of 8 by 8 pixels, and a class each."""
    return {"x": features(8, 8, 3), "y": classes()}


def sequences() -> dict[str, Any]:
    """Returns sequences of five steps, and one target each."""
    return {"x": features(5, 4), "y": features(1, seed=1)}


def texts() -> dict[str, Any]:
    """Returns padded word numbers, and a class each."""
    return {"x": tokens(), "y": classes()}


def features_only() -> dict[str, Any]:
    """Returns rows of six features that are their own targets."""
    return {"x": features(6)}
