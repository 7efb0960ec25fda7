"""Dropout layers that are always on, and layers with other default arguments."""

from keras_extras.layers.always_on import ALWAYS_ON as ALWAYS_ON
from keras_extras.layers.configured import configured
from keras_extras.layers.mc_alpha_dropout import MCAlphaDropout
from keras_extras.layers.mc_dropout import MCDropout
from keras_extras.layers.mc_gaussian_dropout import MCGaussianDropout
from keras_extras.layers.mc_gaussian_noise import MCGaussianNoise
from keras_extras.layers.mc_spatial_dropout1d import MCSpatialDropout1D
from keras_extras.layers.mc_spatial_dropout2d import MCSpatialDropout2D
from keras_extras.layers.mc_spatial_dropout3d import MCSpatialDropout3D
from keras_extras.layers.presets import HeDense
from keras_extras.layers.presets import MaxNormDense
from keras_extras.layers.presets import RegularizedDense
from keras_extras.layers.presets import SELUDense

__all__ = [
    "HeDense",
    "MCAlphaDropout",
    "MCDropout",
    "MCGaussianDropout",
    "MCGaussianNoise",
    "MCSpatialDropout1D",
    "MCSpatialDropout2D",
    "MCSpatialDropout3D",
    "MaxNormDense",
    "RegularizedDense",
    "SELUDense",
    "configured",
]
