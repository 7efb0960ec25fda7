"""The rules: inputs or targets are on a scale that a training cannot cope with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_extras.diagnostics.batch_arrays import inputs_of
from keras_extras.diagnostics.batch_arrays import predictions_of
from keras_extras.diagnostics.batch_arrays import targets_of
from keras_extras.diagnostics.loss_names import REGRESSION
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.rules.common import unless_good
from keras_extras.diagnostics.rules.common import whole
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.finding import Finding
from keras_extras.records.finding import Severity

_NORMALISERS = (
    "Normalization",
    "Rescaling",
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "UnitNormalization",
    "SpectralNormalization",
    "Embedding",
    "Discretization",
    "Hashing",
    "CategoryEncoding",
    "IntegerLookup",
    "StringLookup",
    "TextVectorization",
    "Lambda",
)
_SENSITIVE = (
    "Dense",
    "EinsumDense",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "SeparableConv2D",
    "DepthwiseConv2D",
    "LSTM",
    "GRU",
    "SimpleRNN",
)
_CELLS = ("LSTM", "GRU", "SimpleRNN")
_UNBOUNDED = ("relu", "leaky_relu", "elu", "gelu", "silu", "swish", "selu", "softplus")
# Beginnings of the names of layers that leave values about as large as they are.
_KEEPS_SCALE = (
    "Flatten",
    "Reshape",
    "Permute",
    "RepeatVector",
    "Dropout",
    "Spatial",
    "Gaussian",
    "Random",
    "Masking",
    "ZeroPadding",
    "Cropping",
    "CenterCrop",
    "Resizing",
    "UpSampling",
    "MaxPooling",
    "AveragePooling",
    "InputLayer",
)
_LARGE, _VERY_LARGE, _TINY = 15.0, 60.0, 0.02


def unnormalized_input(observations: Observations) -> Iterator[Finding]:
    """Inputs are far larger or smaller than 1, or their features of unlike size.

    Silent where the model scales them itself, where they are numbers of classes or
    tokens, and where it is not known which layer they meet first.

    References:
        LeCun et al. (1998), "Efficient backprop"; TheDeepChecker's and UMLAUT's checks
        of the input range; SageMaker Debugger's CheckInputImages.
    """
    first = _first_layer(observations.structure)
    batches = observations.batches
    x = inputs_of(batches)
    if first is None or x is None or len(batches[0].inputs) != 1:
        return
    tensor = batches[0].inputs[0]
    if first.inputs is None and not tensor.dtype.startswith("float"):
        return  # numbers of tokens, for all that is known
    x = x[:, np.isfinite(x).all(axis=0)]
    if not x.size:
        return
    size = _rms(x)
    image = len(tensor.shape) >= 3
    severity: Severity = unless_good(observations)
    excellent = observations.outcome.is_good and observations.outcome.skill >= 0.9
    if size > _LARGE:
        evidence = (
            f"the inputs of '{first.name}' have a root mean square of {size:.3g} and "
            f"reach from {x.min():.3g} to {x.max():.3g} (limit {_LARGE:g}, usual 1)"
        )
        confidence = 0.9 if size > _VERY_LARGE else 0.75
        if size > _VERY_LARGE and observations.outcome.is_known and not excellent:
            severity = "warning"
    elif np.ptp(x) > 0.0 and _rms(x[x != 0.0]) < _TINY:  # most words are in no text
        evidence = (
            f"the inputs of '{first.name}' have a root mean square of {size:.2g} "
            f"(limit {_TINY:g}, usual 1)"
        )
        confidence = 0.85
    else:
        return
    if _scaled_on_the_way(observations, first, size):
        return
    remedy = (
        "Scale them once, and no more: `x / 255`, or `Rescaling(1 / 255)` as the first "
        "layer."
        if image or (x.min() >= 0 and 200 < x.max() <= 255) or size < _TINY
        else "Begin with `norm = keras.layers.Normalization(); norm.adapt(x_train)`."
    )
    yield whole(
        observations,
        "unnormalized-input",
        severity,
        first.name,
        evidence,
        remedy,
        confidence,
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _scaled_on_the_way(
    observations: Observations, first: LayerSpec, size: float
) -> bool:
    """Returns whether what the layer returned at first is too small for such inputs.

    Then something that is no layer scales them: code of a model or training step.
    """
    names = [layer.name for layer in observations.layers]
    if first.kernel is None or first.name not in names or not len(observations.steps):
        return False
    index = names.index(first.name)
    mean, std = (
        observations["activation_mean"][0, index],
        observations["activation_std"][0, index],
    )
    returned = np.hypot(mean, std)
    expected = size * first.kernel.rms * np.sqrt(first.kernel.fan_in)
    if first.activation == "tanh":
        expected = min(expected, 1.0)
    elif first.activation not in (None, "linear", *_UNBOUNDED) or first.kind in _CELLS:
        return False
    ratio = returned / max(expected, 1e-12)
    return bool(ratio < 0.05 or (size < _TINY and ratio > 20.0))


def _first_layer(structure: Structure) -> LayerSpec | None:
    """Returns the layer with weights that sees the inputs as they are, if known."""
    if all(spec.inputs is None for spec in structure.layers):
        return _first_of_unknown(structure)
    heads = [spec for spec in structure.layers if spec.inputs == ()]
    if len(heads) != 1:
        return None
    spec = heads[0]
    while spec.kind not in _SENSITIVE:
        followers = structure.after(spec.name)
        if not spec.kind.startswith(_KEEPS_SCALE) or len(followers) != 1:
            return None
        spec = followers[0]
    return spec


def _first_of_unknown(structure: Structure) -> LayerSpec | None:
    """Returns the first layer of a model whose graph is not known."""
    for spec in structure.layers:
        if spec.kind in _SENSITIVE:
            return spec
        if spec.kind in _NORMALISERS or spec.weights:
            return None
    return None


def unscaled_target(observations: Observations) -> Iterator[Finding]:
    """Targets of a regression are far from what a model returns at the start.

    References:
        TheDeepChecker's "over-scaled outputs"; Bishop (1995), "Neural networks for
        pattern recognition", section 8.2.
    """
    outputs = observations.structure.outputs
    if len(outputs) != 1 or outputs[0].loss not in REGRESSION:
        return
    y = targets_of(observations.batches)
    if y is None or not np.isfinite(y).all() or outputs[0].activation == "exponential":
        return
    size = _rms(y)
    if size < 30.0 or _starts_at(observations, size):
        return
    poor = observations.outcome.is_poor and (
        size > 300.0 or not _has_arrived(observations, y)
    )
    yield whole(
        observations,
        "unscaled-target",
        "warning"
        if poor or (size > 300.0 and observations.outcome.skill < 0.5)
        else "info",
        outputs[0].layer,
        f"the targets have a mean of {y.mean():.3g} and a standard deviation of "
        f"{y.std():.3g}; the model starts near 0 with a spread of about 1",
        "Train on `(y - y_train.mean()) / y_train.std()` and scale the predictions "
        "back.",
        0.85 if size > 300.0 else 0.7,
    )


def _starts_at(observations: Observations, size: float) -> bool:
    """Returns whether the model returns values of about that size from the start."""
    predictions = predictions_of(observations.early[:1])
    inputs = inputs_of(observations.early[:1])
    if predictions is None or inputs is None or not len(predictions):
        return False
    return 0.3 * size < _rms(predictions) < 3.0 * size and _rms(inputs) < _LARGE


def _has_arrived(observations: Observations, y: np.ndarray) -> bool:
    """Returns whether the model returns values about the mean of the targets by now."""
    predictions = predictions_of(observations.recent or observations.early)
    if predictions is None:
        return False
    return bool(abs(predictions.mean() - y.mean()) < 0.5 * y.std())
