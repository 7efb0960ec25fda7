from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from keras_extras.diagnostics.diagnosis_html import diagnosis_html
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.repaired_model import RepairedModel
from keras_extras.diagnostics.repairs.apply import applied
from keras_extras.diagnostics.report import text_report
from keras_extras.records.finding import Finding
from keras_extras.records.findings import Findings

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Diagnosis:
    """Holds what `keras_extras.diagnose` found. A notebook shows it as a page.

    Args:
        observations: `keras_extras.diagnostics.observations.Observations`, the
            evidence.
        findings: Sequence of `keras_extras.diagnostics.Finding`.
        model: The model that was diagnosed, or `None` where there is none to repair.
            Defaults to `None`.

    Attributes:
        findings: List of `keras_extras.diagnostics.Finding`, the most likely root
            cause first.
        layers: Tuple of the names of the layers, in model order.
        steps: Array of shape `(steps,)`, the sampled steps.
        statistics: Dict with an array of shape `(steps, layers)`, or `(steps,)`, for
            each statistic, such as `"gradient_norm"`.
        observations: The evidence as a whole.

    Example:

    ```python
    diagnosis = keras_extras.diagnose(model, x, y, steps=100)
    print(diagnosis.report())
    diagnosis.plot().show()
    ```
    """

    def __init__(
        self, observations: Observations, findings: list[Finding], model: Any = None
    ) -> None:
        self._model = model
        self.observations = observations
        self.findings = Findings(findings)
        self.layers = tuple(layer.name for layer in observations.layers)
        self.steps = observations.steps
        self.statistics = dict(observations.statistics)

    def report(self) -> str:
        """Returns the findings as text."""
        observations = self.observations
        return text_report(
            self.findings,
            observations.last_step + 1,
            len(observations.steps),
            observations.outcome,
        )

    def repaired(self, finding: Finding, *more: Finding) -> RepairedModel:
        """Returns a copy of the model that has what findings ask for.

        The copy has the layers, loss, metrics and optimizer of the model but for what
        `finding.repair` changes, and the weights that the model has now; layers that
        get another initialisation start anew. An optimizer starts at its beginning.
        The model itself, its optimizer and the random generators stay as they are.
        Inputs and targets are scaled by layers within the copy, so that it is trained
        on the same data; the loss is that of scaled targets.

        It cannot give what is not in a model: other labels, another order of the data,
        a callback. Nor can it copy a subclassed model, or one with a training step of
        its own: then follow `finding.remedy`.

        Args:
            finding: `keras_extras.diagnostics.Finding`, one of `findings`.
            *more: Further ones, whose repairs are applied too: a training may have
                several faults. Where two change the same, the first one decides.

        Returns:
            A `keras_extras.diagnostics.RepairedModel`: the compiled copy and the text
            of the changes.

        Raises:
            ValueError: If the finding has no repair that a copy can be given, or the
                model cannot be copied.

        Example:

        ```python
        diagnosis = keras_extras.diagnose(model, x, y, steps=100)
        for finding in diagnosis.findings:
            if finding.repair is not None and finding.repair.is_applicable:
                copied, changes = diagnosis.repaired(finding)
                copied.fit(x, y, epochs=1, verbose=0)
        ```
        """
        for each in (finding, *more):
            if not isinstance(each, Finding):
                raise ValueError(
                    "`finding` must be a `keras_extras.diagnostics.Finding`. "
                    f"Received: finding={each!r}"
                )
        if self._model is None:
            raise ValueError(
                "`repaired` needs the model, as a diagnosis by `keras_extras.diagnose` "
                "has it. Received: a diagnosis without one"
            )
        return applied(self._model, (finding, *more), self.observations)

    def __repr__(self) -> str:
        codes = ", ".join(finding.code for finding in self.findings)
        return f"<Diagnosis: {codes or 'no findings'}>"

    def __str__(self) -> str:
        return self.report()

    def _repr_html_(self) -> str:
        return diagnosis_html(self.observations, self.findings)

    def plot(self) -> go.Figure:
        """Returns a figure: loss over the steps, gradient norm of each layer.

        Raises:
            ImportError: If Plotly is not installed.
        """
        from keras_extras.plotting import graph_objects

        go = graph_objects()
        from plotly.subplots import make_subplots

        titles = ("loss", "gradient norm, log10")
        figure = make_subplots(rows=2, cols=1, subplot_titles=titles)
        losses, counts = self.observations.losses, self.observations.loss_counts
        figure.add_trace(
            go.Scatter(x=np.cumsum(counts), y=losses, name="loss", mode="lines"), 1, 1
        )
        norms = self.observations["gradient_norm"]
        trained = np.isfinite(norms).any(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log10(norms[:, trained].T)
        names = [name for name, kept in zip(self.layers, trained) if kept]
        figure.add_trace(
            go.Heatmap(
                x=self.steps,
                y=names,
                z=np.where(np.isfinite(values), values, np.nan),
                colorscale="Viridis",
                colorbar={"len": 0.45, "y": 0.2},
                name="gradient norm",
            ),
            2,
            1,
        )
        figure.update_xaxes(title_text="step", row=2, col=1)
        figure.update_yaxes(autorange="reversed", row=2, col=1)
        figure.update_layout(template="plotly_white", showlegend=False)
        return figure
