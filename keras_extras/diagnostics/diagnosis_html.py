"""Shows a diagnosis in a notebook: verdict, findings, loss and gradients."""

from __future__ import annotations

import html

import numpy as np

from keras_diagnostics import findings as found
from keras_diagnostics.html_pieces import findings_html
from keras_diagnostics.html_pieces import header_html
from keras_diagnostics.layer_table import LayerTable
from keras_diagnostics.notebook_html import notebook_html
from keras_diagnostics.statistics import STATISTICS
from keras_diagnostics.verdict import Course
from keras_diagnostics.verdict import Training
from keras_diagnostics.verdict import header_of
from keras_diagnostics.views import figure as figures
from keras_diagnostics.views import layers
from keras_diagnostics.views import lines
from keras_diagnostics.views.scale import Scale
from keras_diagnostics.views.svg import svg
from keras_extras.diagnostics.best_constant_loss import best_constant_loss
from keras_extras.diagnostics.observations import Observations
from keras_extras.records.finding import Finding

_MOST_STEPS, _MOST_LAYERS = 60, 60  # of the gradients, which are drawn cell by cell
_WIDTH = 520  # pixels of a figure: two stand side by side
_STATISTIC, _NOT_FINITE = "gradient_norm", "gradient_nonfinite_fraction"


def diagnosis_html(
    observations: Observations, findings: list[Finding], sampled: int | None = None
) -> str:
    """Returns HTML for a cell of a notebook; nothing in it is run.

    Args:
        observations: The evidence.
        findings: The findings.
        sampled: Integer, number of steps sampled, if these are more than `observations`
            has kept.
    """
    if sampled is None:
        sampled = len(observations.steps)
    dicts = [finding.to_dict() for finding in findings]
    parts = [
        header_html(header_of(_training(observations, sampled), dicts)),
        findings_html(found.nested(dicts)),
        f'<div class="figures">{_loss(observations)}{_gradients(observations)}</div>',
    ]
    return notebook_html("".join(parts))


def not_trained_html(name: str) -> str:
    """Returns what a callback shows before a training."""
    text = f"{html.escape(name)}: not trained yet, pass it to fit(callbacks=[...])."
    return notebook_html(f"<p>{text}</p>")


def _training(observations: Observations, sampled: int) -> Training:
    constant = best_constant_loss(observations)
    epochs = observations.epochs
    steps, losses = _losses(observations)
    if len(losses) and len(epochs.get("loss", ())):
        steps, losses = (
            np.append(steps, steps[-1]),
            np.append(losses, epochs["loss"][-1]),
        )
    validation = epochs.get("val_loss", np.zeros(0))
    at = np.linspace(0, observations.last_step, len(validation) + 1)[1:]
    return Training(
        steps=observations.last_step + 1,
        sampled=sampled,
        epochs=max(map(len, epochs.values()), default=0),
        losses={
            "Loss": Course.of(steps, losses),
            "Validation loss": Course.of(np.round(at), validation),
        },
        best_constant=float(constant) if np.isfinite(constant) else None,
    )


def _losses(observations: Observations) -> tuple[np.ndarray, np.ndarray]:
    """Returns steps and losses, each the mean of the batches up to that step."""
    counts = np.asarray(observations.loss_counts)
    return np.cumsum(counts) - 1, np.asarray(observations.losses, float)


def _loss(observations: Observations) -> str:
    steps, losses = _losses(observations)
    if not len(losses):
        return ""
    chart = {"loss": {"loss": (steps, losses)}}
    panel = lines.stacked_panel(chart, {"loss": 0}, "step", _steps(observations), 64)
    return svg(panel.figure, "Loss of the training by step", _WIDTH)


def _gradients(observations: Observations) -> str:
    values = observations[_STATISTIC]
    known = np.isfinite(values)
    if not known.any() or known.any(axis=0).sum() > _MOST_LAYERS:
        return ""
    rows, columns = _spread(len(values)), known.any(axis=0)
    names = tuple(spec.name for spec in observations.layers)
    names = tuple(name for name, kept in zip(names, columns) if kept)
    shown = values[rows][:, columns].T
    broken = observations[_NOT_FINITE][rows][:, columns].T > 0
    table = LayerTable("", observations.steps[rows], names, shown, broken)
    statistic = STATISTICS[_STATISTIC]
    scale = Scale.of(statistic, [shown])
    left = figures.left_margin(names)
    (panel,) = layers.heatmap_panels([table], scale, left)
    layout = panel.figure["layout"]
    layout["xaxis"] = _steps(observations)
    text = f"norm of the gradients, 1e{scale.low:g} (dark) to 1e{scale.high:g} (bright)"
    layout["yaxis"]["title"]["text"] = text
    layout["margin"] = {**layout["margin"], "t": 26}
    return svg(panel.figure, "Norm of the gradients by layer and step", _WIDTH)


def _steps(observations: Observations) -> figures.Figure:
    return figures.step_axis(range=[-0.5, max(observations.last_step, 1) + 0.5])


def _spread(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_STEPS)).round()).astype(
        int
    )
