"""Curves of hyperparameters: pure, serialisable functions of the step."""

from keras_extras.schedules.cosine import Cosine
from keras_extras.schedules.curve import Curve
from keras_extras.schedules.exponential import Exponential
from keras_extras.schedules.interpolation import Interpolation
from keras_extras.schedules.inverse_square_root import InverseSquareRoot
from keras_extras.schedules.join import Join
from keras_extras.schedules.linear_to_zero import LinearToZero
from keras_extras.schedules.one_cycle import OneCycle
from keras_extras.schedules.one_cycle_momentum import OneCycleMomentum
from keras_extras.schedules.piecewise_constant import PiecewiseConstant
from keras_extras.schedules.polynomial import Polynomial
from keras_extras.schedules.power import Power
from keras_extras.schedules.warm_restarts import WarmRestarts
from keras_extras.schedules.warmup import Warmup
from keras_extras.schedules.warmup_stable_decay import WarmupStableDecay

__all__ = [
    "Cosine",
    "Curve",
    "Exponential",
    "Interpolation",
    "InverseSquareRoot",
    "Join",
    "LinearToZero",
    "OneCycle",
    "OneCycleMomentum",
    "PiecewiseConstant",
    "Polynomial",
    "Power",
    "WarmRestarts",
    "Warmup",
    "WarmupStableDecay",
]
