from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_diagnostics.statistics import Statistic
from keras_diagnostics.views.theme import Token

_HEALTHY_LOG_RATIO = -3.0


_DECADES = 4


@dataclass(frozen=True)
class Scale:
    """Turns values into the numbers that colours stand for: one for all panels."""

    statistic: Statistic
    low: float
    high: float

    @classmethod
    def of(cls, statistic: Statistic, tables: Sequence[np.ndarray]) -> Scale:
        """Returns the range that suits all of the values."""
        if statistic.scale == "share":
            return cls(statistic, 0.0, 1.0)
        if statistic.scale == "ratio":
            return cls(statistic, _HEALTHY_LOG_RATIO - 3, _HEALTHY_LOG_RATIO + 3)
        logs = [np.log10(t[np.isfinite(t) & (t > 0)].astype(float)) for t in tables]
        every = np.concatenate([*logs, np.zeros(0)])
        if not len(every):
            return cls(statistic, -_DECADES, 0.0)
        low, high = np.percentile(every, [2, 98])
        low, high = math.floor(low), math.ceil(high)
        missing = max(_DECADES - (high - low), 0)
        return cls(statistic, low - (missing + 1) // 2, high + missing // 2)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Returns what stands for `values`; NaN stays NaN."""
        values = np.asarray(values, float)
        if not self.statistic.is_log:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log10(values)
        return np.where(values == 0, self.zero, logs)

    @property
    def zero(self) -> float:
        """Returns what stands for 0, which has no logarithm."""
        return self.low - 1.0 if self.statistic.is_log else 0.0

    def color_axis(self, with_bar: bool = True) -> dict[str, Any]:
        """Returns the `coloraxis` of a layout."""
        palettes = {"log": "viridis", "ratio": "ratio", "share": "share"}
        bar = {
            "thickness": 12,
            "outlinewidth": 0,
            "tickfont": {"color": Token("muted")},
            "ticks": "",
            "xpad": 4,
            **self._ticks(),
        }
        return {
            "cmin": self.low,
            "cmax": self.high,
            "colorscale": Token(palettes[self.statistic.scale]),
            "colorbar": bar,
            "showscale": with_bar,
        }

    def _ticks(self) -> dict[str, Any]:
        if not self.statistic.is_log:
            return {"tickformat": ".0%", "dtick": 0.25}
        span = int(self.high - self.low)
        each = max(math.ceil(span / 6), 1)
        ticks = [self.low + each * i for i in range(span // each + 1)]
        texts = [f"1e{int(tick)}" for tick in ticks]
        texts[0] = f"≤ {texts[0]}"
        if ticks[-1] == self.high:
            texts[-1] = f"≥ {texts[-1]}"
        return {"tickmode": "array", "tickvals": ticks, "ticktext": texts}
