from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from keras_diagnostics.views.sweep import sweep_figure
from keras_diagnostics.views.theme import paint
from keras_extras.finder.rules import RULES
from keras_extras.finder.rules import edge
from keras_extras.finder.sweep_html import sweep_html

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LAST_LEFT_OUT = 5
_FEWEST = 10


class LearningRateSweep:
    """Holds the result of a learning rate range test.

    Args:
        rates: Array of the learning rates, increasing.
        losses: Array of the losses of the batches trained at these rates.
        smoothing: Float, weight of earlier losses in the moving average of the losses.
        planned: Integer, number of points that were planned.
        rule: String, the rule that gives `suggestion`.

    Attributes:
        rates: Array of the learning rates.
        losses: Array of the losses of single batches.
        smoothed: Array of the moving average of `losses`, with bias correction.
        suggestions: Dict from each of the rules `"edge"`, `"valley"`, `"slide"`,
            `"minimum"` and `"steep"` to the learning rate that it suggests; empty
            if the sweep ended too early.
        suggestion: Float, the suggestion of the chosen rule, or `None`.

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
        """Returns a Plotly figure: the recommended rate, and the range of the rules.

        It is the figure of the TensorBoard tab and of the report. The loss axis ends a
        little above where the loss came from.

        Raises:
            ImportError: If Plotly is not installed.
        """
        from keras_extras.plotting import graph_objects

        go = graph_objects()
        figure = go.Figure(paint(sweep_figure(self.to_dict()), "light"))
        figure.update_layout(template="plotly_white", height=400)
        return figure

    def _repr_html_(self) -> str:
        return sweep_html(self.to_dict())


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
