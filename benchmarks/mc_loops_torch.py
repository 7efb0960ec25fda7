"""Monte-Carlo dropout as one would write it for one model on torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import torch

ROWS_AT_ONCE = 2048


def tiler(model: Any, samples: int) -> Callable[[Any, np.ndarray], Any]:
    """All samples as one prediction of as many rows."""

    def run(model: Any, x: np.ndarray) -> Any:
        tiled = np.tile(x, (samples, *[1] * (x.ndim - 1)))
        firsts = range(0, len(tiled), ROWS_AT_ONCE)
        with torch.no_grad():
            parts = [
                keras.ops.convert_to_numpy(
                    model(tiled[first : first + ROWS_AT_ONCE], training=True)
                )
                for first in firsts
            ]
        found = np.concatenate(parts).reshape(samples, len(x), -1)
        return found.mean(axis=0), found.std(axis=0)

    return run


def entropy_of(probabilities: Any) -> Any:
    return -(probabilities * (probabilities + 1e-37).log()).sum(dim=-1)


def statistics_of(found: Any) -> Any:
    """What `mc_predict` returns, from all samples: `(samples, rows, classes)`."""
    mean = found.mean(dim=0)
    bald = entropy_of(mean) - entropy_of(found).mean(dim=0)
    classes = found.shape[-1]
    votes = torch.nn.functional.one_hot(found.argmax(dim=-1), classes).float().mean(0)
    return mean, found.std(dim=0, correction=0), bald, 1 - votes.amax(dim=-1)


def by_hand(
    model: Any, first: int | None, samples: int
) -> Callable[[Any, np.ndarray], Any]:
    """A loop over chunks of samples."""

    def run(model: Any, x: np.ndarray) -> Any:
        with torch.no_grad():
            common = keras.ops.convert_to_tensor(x)
            for layer in model.layers[:first] if first is not None else []:
                common = layer(common)
            rows, parts, done = common.shape[0], [], 0
            chunk = min(max(ROWS_AT_ONCE // rows, 1), samples)
            while done < samples:
                count = min(chunk, samples - done)
                found = common.repeat(count, *[1] * (common.ndim - 1))
                if first is None:
                    found = model(found, training=True)
                for layer in model.layers[first:] if first is not None else []:
                    found = layer(found, training=True)
                parts.append(found.reshape(count, rows, -1))
                done += count
            statistics = statistics_of(torch.cat(parts))
        return [keras.ops.convert_to_numpy(t) for t in statistics]

    return run
