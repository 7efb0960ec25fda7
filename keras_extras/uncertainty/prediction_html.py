"""Shows a prediction of Monte-Carlo dropout in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from keras_diagnostics.html_pieces import escaped
from keras_diagnostics.notebook_html import notebook_html
from keras_diagnostics.views.figure import number

if TYPE_CHECKING:
    from keras_extras.uncertainty.mc_prediction import MCPrediction

_COLUMNS = ("least", "median", "greatest")


def prediction_html(
    prediction: MCPrediction, summaries: Mapping[str, np.ndarray]
) -> str:
    """Returns HTML for a cell of a notebook.

    Args:
        prediction: What to show.
        summaries: Arrays by name of the attribute that holds them.
    """
    shape = " \u00d7 ".join(map(str, prediction.mean.shape))
    facts = {
        "Shape": shape,
        "Samples": f"{prediction.samples:,}",
        "Computed": prediction.strategy or "unknown",
        "Unit of entropies": prediction.unit,
    }
    shown = "".join(
        f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>"
        for name, value in facts.items()
    )
    titles = "".join(f'<th scope="col" class="number">{n}</th>' for n in _COLUMNS)
    rows = "".join(_row(name, values) for name, values in summaries.items())
    return notebook_html(
        f'<dl class="facts">{shown}</dl>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Prediction">'
        "<table><thead><tr>"
        f'<th scope="col">over all rows</th>{titles}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(name: str, values: np.ndarray) -> str:
    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    found = np.quantile(known, [0.0, 0.5, 1.0]) if known.size else [np.nan] * 3
    cells = "".join(f'<td class="number">{number(value)}</td>' for value in found)
    return f'<tr><th scope="row"><code>{escaped(name)}</code></th>{cells}</tr>'
