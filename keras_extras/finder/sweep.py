from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from keras_extras.finder.rules import RULES
from keras_extras.finder.rules import edge

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LAST_LEFT_OUT = 5
_FEWEST = 10


class LearningRateSweep:
    """Holds what a sweep over learning rates has shown.

    Args:
        rates: Array of the learning rates, increasing.
        losses: Array of the losses of the batches trained at these rates.
        smoothing: Float, weight of the past in the moving average of the losses.
        planned: Integer, number of points that the sweep was to have.
        rule: String, the rule that gives `suggestion`.

    Attributes:
        rates: Array of the learning rates.
        losses: Array of the losses of single batches.
        smoothed: Array of the moving average of `losses`, corrected for its start.
        suggestions: Dict from each of the rules `"edge"`, `"valley"`, `"slide"`,
            `"minimum"` and `"steep"` to the learning rate that it suggests; empty
            where a sweep ended too soon to tell.
        suggestion: Float, that of the chosen rule, or `None`.

    Example:

    ```python
    sweep = keras_extras.find_learning_rate(model, x, y)
    print(sweep.suggestion, sweep.suggestions)
    sweep.plot().show()
    ```
    """

    def __init__(
        self, rates: Any, losses: Any, smoothing: float, planned: int, rule: str
    ) -> None:
        self.rates = np.asarray(rates, float)
        self.losses = np.asarray(losses, float)
        self.smoothed = smooth(self.losses, smoothing)
        self.rule = rule
        self.suggestions = suggest(self.rates, self.losses, self.smoothed, planned)

    @property
    def suggestion(self) -> float | None:
        """The learning rate that the chosen rule suggests."""
        return self.suggestions.get(self.rule)

    def to_dict(self) -> dict[str, Any]:
        """Returns the sweep as a dict of plain values, for JSON."""
        return {
            "rates": self.rates.tolist(),
            "losses": self.losses.tolist(),
            "smoothed": self.smoothed.tolist(),
            "rule": self.rule,
            "suggestion": self.suggestion,
            "suggestions": self.suggestions,
        }

    def plot(self) -> go.Figure:
        """Returns a Plotly figure of the losses, with the suggestions marked.

        Raises:
            ImportError: If Plotly is not installed.
        """
        from keras_extras.plotting import graph_objects
        from keras_extras.plotting import line_figure

        lines = {"loss of the batch": self.losses, "smoothed": self.smoothed}
        figure = line_figure(
            self.rates, lines, "Loss by learning rate", "learning rate", "loss"
        )
        figure.data[0].update(line={"width": 1}, opacity=0.4)
        figure.update_xaxes(type="log")
        if len(self.smoothed):
            low, high = self.smoothed.min(), np.median(self.smoothed)
            margin = max(high - low, 1e-12)
            figure.update_yaxes(range=[low - margin / 2, high + margin])
        go = graph_objects()
        for name, rate in self.suggestions.items():
            loss = np.interp(np.log(rate), np.log(self.rates), self.smoothed)
            chosen = name == self.rule
            marker = {
                "size": 12 if chosen else 8,
                "symbol": "x" if chosen else "circle",
            }
            figure.add_trace(
                go.Scatter(
                    x=[rate],
                    y=[loss],
                    mode="markers",
                    marker=marker,
                    name=f"{name}: {rate:.2g}",
                )
            )
        return figure


def smooth(losses: np.ndarray, weight: float) -> np.ndarray:
    """Returns the moving average, divided by the weight it has had so far."""
    average, averages = 0.0, []
    for count, loss in enumerate(losses, start=1):
        average = weight * average + (1 - weight) * loss
        averages.append(average / (1 - weight**count))
    return np.array(averages)


def suggest(
    rates: np.ndarray, losses: np.ndarray, smoothed: np.ndarray, planned: int
) -> dict[str, float]:
    """Returns what each rule suggests, or nothing if there are too few points."""
    if len(rates) < _FEWEST + _LAST_LEFT_OUT:
        return {}
    inner = slice(min(planned // 10, len(rates) // 4), -_LAST_LEFT_OUT)
    known = {name: rule(rates[inner], smoothed[inner]) for name, rule in RULES.items()}
    return {"edge": edge(rates, losses), **known}
