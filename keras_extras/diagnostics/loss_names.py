"""Names of Keras' loss functions, by what they compare."""

from __future__ import annotations

from keras_extras.diagnostics.structure import Output

CUSTOM = "custom"
SQUARED = ("mean_squared_error",)
ABSOLUTE = ("mean_absolute_error",)
PERCENTAGE = "mean_absolute_percentage_error"
REGRESSION = (
    *SQUARED,
    *ABSOLUTE,
    PERCENTAGE,
    "mean_squared_logarithmic_error",
    "huber",
    "log_cosh",
)
ENTROPY_OF_TWO = "binary_crossentropy"
ENTROPY_OF_MANY = "categorical_crossentropy"
BINARY = (ENTROPY_OF_TWO, "binary_focal_crossentropy")
CATEGORICAL = (ENTROPY_OF_MANY, "categorical_focal_crossentropy")
SPARSE = ("sparse_categorical_crossentropy",)
CLASSIFICATION = (*BINARY, *CATEGORICAL, *SPARSE)
# What takes logarithms of predictions, or divides by them.
_TAKES_LOGARITHMS = (*CLASSIFICATION, "kl_divergence", "poisson", CUSTOM)


def takes_logarithms(output: Output) -> bool:
    """Returns whether predictions outside of [0, 1] may be too much for the loss."""
    return output.loss in _TAKES_LOGARITHMS and not output.from_logits
