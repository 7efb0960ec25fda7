"""Dense layers for the usual recipes; each makes plain `keras.layers.Dense`."""

from __future__ import annotations

import keras

from keras_extras.layers.configured import configured

# ReLU and its relatives keep their variance from layer to layer with He's scale.
HeDense = configured(
    keras.layers.Dense, activation="relu", kernel_initializer="he_normal"
)

# The only pair that normalises itself; scale the inputs, and add no skips.
SELUDense = configured(
    keras.layers.Dense, activation="selu", kernel_initializer="lecun_normal"
)

# For dropout: the norm of what comes into each unit is held to 1.
MaxNormDense = configured(
    HeDense, kernel_constraint=keras.constraints.MaxNorm(1.0, axis=0)
)

RegularizedDense = configured(HeDense, kernel_regularizer=keras.regularizers.L2(0.01))
