"""Rules that read a learning rate off a sweep: pure functions of two arrays.

Four are those of fastai, of which "valley" is its default. They take the rates and
the smoothed losses, without the first tenth and the last few points; `edge` takes
the losses as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_EDGE_WINDOW = 7
_SLIDE_WINDOW = 15
_SLIDE_THRESHOLD = 0.005


def valley(rates: np.ndarray, losses: np.ndarray) -> float:
    """Returns the rate in the middle of the longest stretch of falling losses.

    The stretch is the longest strictly decreasing subsequence, so that single points
    out of line do not end it.
    """
    lengths = np.ones(len(losses), int)
    for end in range(1, len(losses)):
        above = losses[:end] > losses[end]
        if above.any():
            lengths[end] = 1 + lengths[:end][above].max()
    last = int(lengths.argmax())
    length = int(lengths[last])
    third = length / 3
    first = last - length
    return float(rates[max(first + int(third) + int(third / 2), 0)])


def slide(rates: np.ndarray, losses: np.ndarray) -> float:
    """Returns the rate before which the slope differs little from that at the end.

    A window slides from the right to the left while the slopes at its two ends
    differ.
    """
    slopes = np.gradient(losses)
    right = len(losses) - 1
    left = max(right - _SLIDE_WINDOW, 0)
    chosen = left
    while left >= 0 and abs(slopes[right] - slopes[left]) > _SLIDE_THRESHOLD:
        chosen = left
        right, left = right - 1, left - 1
    return float(rates[chosen])


def minimum(rates: np.ndarray, losses: np.ndarray) -> float:
    """Returns a tenth of the rate of the lowest loss."""
    return float(rates[losses.argmin()] / 10)


def steep(rates: np.ndarray, losses: np.ndarray) -> float:
    """Returns the rate at which the loss falls fastest, on a logarithmic axis."""
    slopes = np.diff(losses) / np.diff(np.log(rates))
    return float(rates[slopes.argmin()])


def edge(rates: np.ndarray, losses: np.ndarray) -> float:
    """Returns a third of the rate at which the loss turns up, half a decade below it.

    It turns up where the running median, which does not lag behind, has lost a
    quarter of what the sweep had gained, and more than the noise of single batches.
    """
    median = running_median(losses, _EDGE_WINDOW)
    noise = 1.5 * np.median(np.abs(losses - median))  # that of a normal distribution
    lowest = int(median.argmin())
    gained = np.median(median[: max(len(median) // 10, 1)]) - median[lowest]
    above = median[lowest:] > median[lowest] + max(gained / 4, 3 * noise)
    turn = lowest + int(above.argmax()) if above.any() else len(rates) - 1
    return float(rates[turn] / np.sqrt(10))


def running_median(values: np.ndarray, window: int) -> np.ndarray:
    """Returns the median of the `window` values around each, an odd number."""
    padded = np.pad(values, window // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, window), axis=1)


RULES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "valley": valley,
    "slide": slide,
    "minimum": minimum,
    "steep": steep,
}
NAMES = ("edge", *RULES)
