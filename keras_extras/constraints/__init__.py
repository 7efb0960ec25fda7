"""Max-norm with the axis that each type of layer needs."""

from keras_extras.constraints.apply_max_norm import apply_max_norm
from keras_extras.constraints.max_norm_for import max_norm_for
from keras_extras.constraints.share_at_limit import share_at_limit

__all__ = ["apply_max_norm", "max_norm_for", "share_at_limit"]
