"""Refuses this package every backend but the one in use, whether it is there or not."""

import importlib.abc
import sys

import keras

BACKENDS = ("tensorflow", "jax", "torch")
OTHERS = set(BACKENDS) - {keras.backend.backend()}
OURS = ("keras_extras", "keras_diagnostics")
# Who asks on behalf of another: `tensorboard.compat.tf` imports TensorFlow.
ON_BEHALF = ("importlib", "_frozen_importlib", "tensorboard")


class Refusal(importlib.abc.MetaPathFinder):
    """Finds no other backend for what our modules import, and notes what they wanted.

    Keras itself may ask for TensorFlow where it is installed, to seed it or to save a
    model: that is its own affair.
    """

    def __init__(self):
        self.refused = []

    def find_spec(self, name, path=None, target=None):
        if root_of(name) in OTHERS and (module := who_asks()):
            self.refused.append(f"{name}, by {module}")
            raise ModuleNotFoundError(f"{module} imports {name}", name=name)


def who_asks():
    """Returns which of our modules is importing something, or nothing."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if root_of(module) not in (*ON_BEHALF, root_of(__name__)):
            return module if root_of(module) in OURS else None
        frame = frame.f_back


def root_of(module):
    return module.partition(".")[0]


def refuse():
    """Refuses the other backends from now on."""
    refusal = Refusal()
    sys.meta_path.insert(0, refusal)
    return refusal
