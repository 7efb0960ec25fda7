from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from keras_extras.checks import check_count
from keras_extras.evaluation.initialization import fresh_model
from keras_extras.evaluation.initialization import labelled
from keras_extras.evaluation.layer_statistics import measure
from keras_extras.evaluation.layer_statistics import some_batches
from keras_extras.keras_internals.snapshot import random_state_kept
from keras_extras.plotting import graph_objects

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class ActivationProfile:
    """Holds the result of `activation_profile`: the scale of the outputs of each layer.

    Attributes:
        layers: Tuple of the names of the layers, in model order.
        activations: Tuple of the names of their activation functions, or `None`.
        initializers: Tuple of the labels of the initialisers.
        seeds: Tuple of integers, one per draw.
        mean: Array of shape `(initializers, seeds, layers)`: mean of the outputs of
        each
            layer.
        std: Array of the same shape: its standard deviation.

    Example:

    ```python
    profile = keras_extras.evaluation.activation_profile(model, x, ["he_normal"])
    profile.std[0].mean(axis=0)  # per layer, mean over the seeds
    ```
    """

    layers: tuple[str, ...]
    activations: tuple[str | None, ...]
    initializers: tuple[str, ...]
    seeds: tuple[int, ...]
    mean: np.ndarray
    std: np.ndarray

    @property
    def factor_per_layer(self) -> np.ndarray:
        """Array of shape `(initializers,)`: by what a layer multiplies the scale.

        It is the geometric mean of the change of the standard deviation, over seeds
        and all layers but the last one. 1 means that the signal neither vanishes nor
        explodes, 0 that it is zero at the end; NaN that it is zero from the first
        layer on, or that the model has fewer than three layers.
        """
        hidden = self.std[:, :, :-1]
        if hidden.shape[-1] < 2:
            return np.full(len(self.initializers), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.log(hidden[:, :, -1] / hidden[:, :, 0])
            return np.exp(ratios.mean(axis=1) / (hidden.shape[-1] - 1))

    def report(self) -> str:
        """Returns a line per initialiser, means over the seeds."""
        width = max(len(label) for label in (*self.initializers, "initializer"))
        head = f"{'initializer':{width}}  {'first std':>9}  {'last std':>9}  per layer"
        lines = [f"{len(self.layers)} layers, {len(self.seeds)} draws each", head]
        last = -2 if len(self.layers) > 1 else -1
        for label, std, factor in zip(
            self.initializers, self.std.mean(axis=1), self.factor_per_layer
        ):
            lines.append(
                f"{label:{width}}  {std[0]:>9.2g}  {std[last]:>9.2g}  x {factor:.3g}"
            )
        return "\n".join(lines)

    def plot(self) -> go.Figure:
        """Returns a figure: mean and standard deviation over the layers.

        A line is the mean over the seeds, and its bars span the smallest to the
        largest value.

        Raises:
            ImportError: If Plotly is not installed.
        """
        graph_objects()
        from plotly.colors import qualitative
        from plotly.subplots import make_subplots

        titles = ("standard deviation", "mean")
        figure = make_subplots(rows=2, cols=1, shared_xaxes=True, subplot_titles=titles)
        for place, label in enumerate(self.initializers):
            color = qualitative.Plotly[place % len(qualitative.Plotly)]
            for row, values in enumerate((self.std[place], self.mean[place]), start=1):
                center = values.mean(axis=0)
                figure.add_scatter(
                    x=self.layers,
                    y=center,
                    error_y={
                        "array": values.max(axis=0) - center,
                        "arrayminus": center - values.min(axis=0),
                    },
                    mode="lines+markers",
                    name=label,
                    legendgroup=label,
                    showlegend=row == 1,
                    line={"color": color},
                    row=row,
                    col=1,
                )
        figure.update_yaxes(type="log", row=1, col=1)
        figure.update_xaxes(title_text="layer", row=2, col=1)
        figure.update_layout(
            title="Outputs of the layers before training", template="plotly_white"
        )
        return figure


def activation_profile(
    model: Any,
    x: Any,
    initializers: Any = None,
    seeds: Sequence[int] = (0, 1, 2),
    max_rows: int = 1000,
    batch_size: int = 256,
) -> ActivationProfile:
    """Measures the scale of the outputs of each layer in an untrained network.

    A deep network trains well if its layers keep the scale of their inputs: if the
    standard deviation falls or grows by a constant factor from layer to layer,
    gradients vanish or explode. Use it to choose an initialiser for an activation
    function before training. `keras_extras.callbacks.ActivationLogger` records outputs
    during training.

    The model is cloned for each initialiser and seed, so it does not change itself.
    Frozen layers and adapted `Normalization` keep their values. For networks whose
    layers Keras cannot clone, pass a function that builds the model.

    Args:
        model: Sequential or functional model, or a function without arguments that
            returns a model, called for each initialiser and seed.
        x: Inputs as for `predict`: arrays or a dataset, scaled as in training.
        initializers: Initialisers of the kernels to compare: the name of a Keras
            initialiser or an instance, a list of them, or a dict from your own labels
            to them. `None` means those of the layers. Recurrent kernels and embeddings
            keep their own. Defaults to `None`.
        seeds: Sequence of integers; weights are drawn once for each. Defaults to
            `(0, 1, 2)`.
        max_rows: Integer >= 2, number of rows to measure on: random rows of arrays, the
            first rows of a dataset. Defaults to `1000`.
        batch_size: Integer >= 1, number of rows per batch. Defaults to `256`.

    Returns:
        An `ActivationProfile`.

    Raises:
        ValueError: If an argument has no valid value, or the model cannot be cloned.

    Example:

    ```python
    names = ["glorot_uniform", "he_normal", "lecun_normal"]
    profile = keras_extras.evaluation.activation_profile(model, x, names)
    print(profile.report())
    profile.plot().show()
    ```

    References:
        Glorot and Bengio (2010), "Understanding the difficulty of training deep
        feedforward neural networks"; He et al. (2015), "Delving deep into rectifiers".
    """
    check_count("max_rows", max_rows, least=2)
    check_count("batch_size", batch_size)
    seeds = _checked_seeds(seeds)
    with random_state_kept():
        choices = labelled(initializers)
        inputs = some_batches(x, max_rows, batch_size)
        rows = [
            [
                measure(fresh_model(model, inputs[0], initializer, seed), inputs)
                for seed in seeds
            ]
            for initializer in choices.values()
        ]
    first = rows[0][0]
    return ActivationProfile(
        layers=first.layers,
        activations=first.activations,
        initializers=tuple(choices),
        seeds=tuple(seeds),
        mean=np.array([[seen.mean for seen in row] for row in rows]),
        std=np.array([[seen.std for seen in row] for row in rows]),
    )


def _checked_seeds(seeds: Any) -> list[int]:
    is_list = isinstance(seeds, Sequence) and not isinstance(seeds, str)
    if not is_list or not seeds:
        raise ValueError(
            f"`seeds` must be a list of integers >= 0. Received: seeds={seeds!r}"
        )
    return [check_count("seeds", seed, least=0) for seed in seeds]
