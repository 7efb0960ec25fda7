from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from keras_extras.diagnostics.condition import Condition
from keras_extras.plotting import graph_objects

if TYPE_CHECKING:
    import plotly.graph_objects as go

_SIGNS = {True: "yes", False: "NO", None: "?"}


@dataclass(frozen=True)
class SelfNormalizingCheck:
    """Holds the result of `check_self_normalizing`.

    Attributes:
        conditions: Tuple of `Condition`, all conditions that were checked.
        layers: Tuple of the names of the layers, in model order.
        mean: Array of shape `(layers,)`: mean of the outputs of each layer.
        std: Array of shape `(layers,)`: its standard deviation.
        trained_mean: As `mean`, after training, or `None`.
        trained_std: As `std`, after training, or `None`.

    Example:

    ```python
    check = keras_extras.evaluation.check_self_normalizing(model, x)
    if not check.passed:
        print(check.report())
    check.plot().show()
    ```
    """

    conditions: tuple[Condition, ...]
    layers: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray
    trained_mean: np.ndarray | None = None
    trained_std: np.ndarray | None = None

    @property
    def passed(self) -> bool:
        """Returns whether no condition is known to be violated."""
        return not self.broken

    @property
    def broken(self) -> tuple[Condition, ...]:
        """The conditions that are violated."""
        return tuple(c for c in self.conditions if c.holds is False)

    def report(self) -> str:
        """Returns the conditions and the measured values as text."""
        names = ", ".join(condition.name for condition in self.broken)
        lines = [f"Self-normalising: {f'no ({names})' if names else 'passed'}.", ""]
        for condition in self.conditions:
            sign = _SIGNS[condition.holds]
            lines.append(f"  {sign:>3}  {condition.name}: {condition.found}")
            if condition.holds is False and condition.remedy:
                lines.append(f"       do: {condition.remedy}")
        return "\n".join([*lines, "", *self._table()])

    def __repr__(self) -> str:
        broken = ", ".join(condition.name for condition in self.broken)
        return f"<SelfNormalizingCheck: {broken or 'passed'}>"

    def plot(self) -> go.Figure:
        """Returns a figure: mean and standard deviation over the layers.

        Raises:
            ImportError: If Plotly is not installed.
        """
        go = graph_objects()
        figure = go.Figure()
        for name, values in self._columns().items():
            figure.add_scatter(x=self.layers, y=values, name=name, mode="lines+markers")
        figure.add_hline(y=1.0, line={"dash": "dot"})
        figure.add_hline(y=0.0, line={"dash": "dot"})
        figure.update_layout(
            title="Mean and standard deviation of the layers' outputs",
            xaxis_title="layer",
            yaxis_title="value",
            template="plotly_white",
        )
        return figure

    def _columns(self) -> dict[str, np.ndarray]:
        columns = {"mean": self.mean, "std": self.std}
        if self.trained_mean is not None and self.trained_std is not None:
            columns["mean, trained"] = self.trained_mean
            columns["std, trained"] = self.trained_std
        return columns

    def _table(self) -> list[str]:
        columns = self._columns()
        width = max([len(name) for name in self.layers] + [5])
        head = "".join(f"{name:>15}" for name in columns)
        lines = [f"  {'layer':{width}}{head}"]
        for row, name in enumerate(self.layers):
            cells = "".join(f"{values[row]:>15.3g}" for values in columns.values())
            lines.append(f"  {name:{width}}{cells}")
        return lines
