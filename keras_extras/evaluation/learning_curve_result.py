from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from keras_extras.plotting import graph_objects

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class LearningCurve:
    """Holds the result of `learning_curve`.

    Attributes:
        sizes: Array of shape `(sizes,)`: numbers of training rows, increasing.
        train_scores: Array of shape `(sizes, repeats)`: scores on the training rows, in
            inference mode; NaN for trainings that failed or did not take place.
        validation_scores: Array of the same shape: scores on the validation rows.
        metric: String, name of the score.
        higher_is_better: Boolean. Whether higher scores are better.
        complete: Boolean, `False` if `learning_curve` was interrupted.

    Example:

    ```python
    curve = keras_extras.evaluation.learning_curve(
        build_model, x, y, sizes=[0.2, 0.5, 1.0], repeats=1
    )
    print(curve.report())
    curve.plot().show()
    ```
    """

    sizes: np.ndarray
    train_scores: np.ndarray
    validation_scores: np.ndarray
    metric: str
    higher_is_better: bool
    complete: bool = True

    @property
    def mean(self) -> dict[str, np.ndarray]:
        """Means over the repeats, of `"train"` and `"validation"`, without NaN."""
        return {name: _over_repeats(np.mean, v) for name, v in self._scores().items()}

    @property
    def std(self) -> dict[str, np.ndarray]:
        """Standard deviations over the repeats; NaN for fewer than two."""
        spread = lambda row: np.std(row, ddof=1) if len(row) > 1 else np.nan
        return {name: _over_repeats(spread, v) for name, v in self._scores().items()}

    def report(self) -> str:
        """Returns one paragraph: what was measured, and whether more data would help.

        A change counts if it is more than twice its standard error over the repeats.
        """
        done = np.flatnonzero(np.isfinite(self.mean["validation"]))
        if not len(done):
            return f"No training has led to a {self.metric} that is a number."
        size, mean = self.sizes[done[-1]], self.mean
        train, validation = mean["train"][done[-1]], mean["validation"][done[-1]]
        text = [
            f"With {size:,} rows the {self.metric} is {validation:.4g} on validation "
            f"data and {train:.4g} on the rows trained on "
            f"(trainings: {self._repeats(done[-1])}).",
            self._trend(done),
            self._gap(done[-1]),
            self._missing(),
        ]
        return " ".join(sentence for sentence in text if sentence)

    def plot(self) -> go.Figure:
        """Returns a figure of both scores by the number of rows.

        Lines are means over the repeats, and bars are their standard deviations.

        Raises:
            ImportError: If Plotly is not installed.
        """
        figure = graph_objects().Figure()
        for name in ("train", "validation"):
            figure.add_scatter(
                x=self.sizes,
                y=self.mean[name],
                error_y={"array": np.nan_to_num(self.std[name])},
                mode="lines+markers",
                name=name,
            )
        figure.update_layout(
            title=f"Learning curve: {self.metric}",
            xaxis_title="rows trained on",
            yaxis_title=self.metric,
            template="plotly_white",
        )
        return figure

    def _scores(self) -> dict[str, np.ndarray]:
        return {"train": self.train_scores, "validation": self.validation_scores}

    def _repeats(self, row: int) -> int:
        return int(np.isfinite(self.validation_scores[row]).sum())

    def _better(self, difference: np.ndarray) -> np.ndarray:
        return difference if self.higher_is_better else -difference

    def _trend(self, done: np.ndarray) -> str:
        if len(done) < 2:
            return "There is no second size to compare with."
        before, last = done[-2:]
        scores = self.validation_scores
        gain, error = _mean_and_error(self._better(scores[last] - scores[before]))
        if not np.isfinite(error):
            return (
                "Whether more data would help cannot be told from one repeat: set "
                "`repeats` to 3 or more."
            )
        change = f"{gain:.2g} ± {error:.2g} from {self.sizes[before]:,} rows"
        if gain > 2 * error:
            return f"It still got better ({change}): more data would help."
        return f"It hardly got better ({change}): more data alone would help little."

    def _gap(self, row: int) -> str:
        gaps = self._better(self.train_scores[row] - self.validation_scores[row])
        gap, error = _mean_and_error(gaps)
        if not np.isfinite(error):
            return ""
        if gap > 2 * error:
            return (
                f"The gap to the rows trained on, {gap:.2g}, is overfitting: more data "
                "or regularisation can close it."
            )
        return (
            "Both agree, so the model does not overfit: a larger model or a longer "
            "training may do better on the same rows."
        )

    def _missing(self) -> str:
        if not self.complete:
            return "It was interrupted: some trainings are missing."
        missing = int(np.isnan(self.validation_scores).sum())
        return f"Trainings that failed or ended in NaN: {missing}." if missing else ""


def _over_repeats(function: Callable[..., Any], scores: np.ndarray) -> np.ndarray:
    rows = [row[np.isfinite(row)] for row in scores]
    return np.array([function(row) if len(row) else np.nan for row in rows])


def _mean_and_error(differences: np.ndarray) -> tuple[float, float]:
    known = differences[np.isfinite(differences)]
    if len(known) < 2:
        return float(known.mean()) if len(known) else np.nan, np.nan
    return float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known)))
