"""Dense layers for the usual recipes; each makes plain `keras.layers.Dense`."""

from __future__ import annotations

import keras

from keras_extras.layers.configured import configured

HeDense = configured(
    keras.layers.Dense, activation="relu", kernel_initializer="he_normal"
)
"""ReLU keeps its variance from layer to layer with He's scale."""

SELUDense = configured(
    keras.layers.Dense, activation="selu", kernel_initializer="lecun_normal"
)
"""The only pair that normalises itself; scale the inputs, and add no skips."""

MaxNormDense = configured(
    HeDense, kernel_constraint=keras.constraints.MaxNorm(1.0, axis=0)
)
"""For dropout: the norm of what comes into each unit is held to 1."""

RegularizedDense = configured(HeDense, kernel_regularizer=keras.regularizers.L2(0.01))
"""`HeDense` whose weights are pulled towards 0."""
