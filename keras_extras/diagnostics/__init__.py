"""From statistics to findings: what is wrong, where, since when, what to do."""

from keras_extras.diagnostics.finding import Finding

__all__ = ["Finding"]
