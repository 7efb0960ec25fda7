"""Plotly figures of what the metrics find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_extras.checks import check_list
from keras_extras.checks import is_number
from keras_extras.plotting import graph_objects
from keras_extras.uncertainty.mc_prediction import MCPrediction
from keras_extras.uncertainty.rejection_curve import RejectionCurve
from keras_extras.uncertainty.reliability_curve import ReliabilityCurve


def plot_reliability(curves: ReliabilityCurve | Mapping[str, ReliabilityCurve]) -> Any:
    """Draws accuracy by confidence; the diagonal is honest.

    Below the diagonal a model is surer than it may be. Markers are as large as their
    bins are full: small ones may be off by chance.

    Args:
        curves: A `ReliabilityCurve`, or a dict of them by name to compare.

    Returns:
        A `plotly.graph_objects.Figure`, which a notebook shows.

    Raises:
        ImportError: If Plotly is not installed.

    Example:

    ```python
    from keras_extras import uncertainty

    plain, sampled = model.predict(x_test), uncertainty.mc_predict(model, x_test)
    curves = {
        "predict": uncertainty.reliability_curve(y_test, plain),
        "MC dropout": uncertainty.reliability_curve(y_test, sampled.mean),
    }
    uncertainty.plot_reliability(curves).show()
    ```
    """
    go = graph_objects()
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="honest", line={"dash": "dash"}
    )
    for name, curve in _named(curves, ReliabilityCurve, "curves").items():
        sizes = 4 + 20 * np.sqrt(curve.count / curve.count.max())
        figure.add_scatter(
            x=curve.confidence,
            y=curve.accuracy,
            customdata=curve.count,
            mode="lines+markers",
            name=name,
            marker={"size": sizes},
            hovertemplate="confidence %{x:.3f}<br>accuracy %{y:.3f}<br>"
            "%{customdata} predictions",
        )
    figure.update_layout(
        title="Reliability",
        xaxis={"title": "mean confidence", "range": [0, 1.02]},
        yaxis={"title": "accuracy", "range": [0, 1.02]},
    )
    return figure


def plot_rejection(curves: RejectionCurve | Mapping[str, RejectionCurve]) -> Any:
    """Draws the accuracy of the predictions that are kept, by the share refused.

    Args:
        curves: A `RejectionCurve`, or a dict of them by name to compare.

    Returns:
        A `plotly.graph_objects.Figure`, which a notebook shows.

    Raises:
        ImportError: If Plotly is not installed.

    Example:

    ```python
    probabilities = model.predict(x_test)
    curve = keras_extras.uncertainty.accuracy_rejection_curve(y_test, probabilities)
    keras_extras.uncertainty.plot_rejection(curve).show()
    ```
    """
    go = graph_objects()
    figure = go.Figure()
    for name, curve in _named(curves, RejectionCurve, "curves").items():
        figure.add_scatter(x=curve.rejected, y=curve.accuracy, mode="lines", name=name)
    figure.update_layout(
        title="Accuracy of the predictions that are kept",
        xaxis={"title": "share refused, most uncertain first", "tickformat": ".0%"},
        yaxis={"title": "accuracy"},
    )
    return figure


def plot_samples(
    prediction: MCPrediction, row: int = 0, class_names: list[str] | None = None
) -> Any:
    """Draws the mean probability of each class for one input, and its spread.

    Args:
        prediction: Of class probabilities.
        row: Integer, which input. Defaults to `0`.
        class_names: List of names, or `None` for numbers. Defaults to `None`.

    Returns:
        A `plotly.graph_objects.Figure`, which a notebook shows.

    Raises:
        ImportError: If Plotly is not installed.
        ValueError: If the prediction is not one of `(rows, classes)`, has no such
            row, or not as many classes as there are names.

    Example:

    ```python
    prediction = keras_extras.uncertainty.mc_predict(model, x_test)
    keras_extras.uncertainty.plot_samples(prediction, row=0).show()
    ```
    """
    go = graph_objects()
    _check_row(prediction, row)
    row = int(row)
    mean, std = prediction.mean[row], prediction.std[row]
    names = list(map(str, range(len(mean))))
    if class_names is not None:
        names = [str(name) for name in check_list("class_names", class_names)]
    if len(names) != len(mean):
        raise ValueError(
            f"`class_names` must be {len(mean)} names. Received: {len(names)}"
        )
    figure = go.Figure()
    figure.add_bar(x=names, y=mean, error_y={"array": std, "type": "data"})
    figure.update_layout(
        title=f"Row {row}: mean and standard deviation of "
        f"{prediction.sample_counts[row]} samples",
        xaxis={"title": "class", "type": "category"},
        yaxis={"title": "probability"},
    )
    return figure


def _check_row(prediction: MCPrediction, row: int) -> None:
    if not isinstance(prediction, MCPrediction) or prediction.mean.ndim != 2:
        raise ValueError(
            "`prediction` must be an `MCPrediction` of shape (rows, classes). "
            f"Received: prediction={prediction!r}"
        )
    is_whole = is_number(row) and int(row) == row
    if not is_whole or not -len(prediction) <= row < len(prediction):
        raise ValueError(
            f"`row` must be one of {len(prediction)} rows. Received: row={row!r}"
        )


def _named(curves: Any, kind: type, argument: str) -> dict[str, Any]:
    named = dict(curves) if isinstance(curves, Mapping) else {"model": curves}
    if not named or any(not isinstance(curve, kind) for curve in named.values()):
        raise ValueError(
            f"`{argument}` must be a `{kind.__name__}` or a dict of them. "
            f"Received: {argument}={curves!r}"
        )
    return named
