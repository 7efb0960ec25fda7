"""What tests need of the backend that they run on, whichever it is."""

import keras
import numpy as np

NAME = keras.backend.backend()
# How tests compile a model: without XLA where it takes longer than the training. Without
# it JAX runs one operation at a time, each compiled, which takes longer still.
JIT = "auto" if NAME == "jax" else False


def gradients_of(compute, variables):
    """Returns the gradients of the loss that `compute` returns, as arrays.

    `None` stands for a variable without a part in it; JAX has zeros there.
    """
    return _GRADIENTS[NAME](compute, variables)


def _on_tensorflow(compute, variables):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = compute()
    found = tape.gradient(loss, variables)
    return [None if g is None else tf.convert_to_tensor(g).numpy() for g in found]


def _on_torch(compute, variables):
    import torch

    values = [v.value for v in variables]
    found = torch.autograd.grad(compute(), values, allow_unused=True)
    return [None if g is None else g.numpy() for g in found]


def _on_jax(compute, variables):
    import jax

    def loss_at(values):
        known = list(zip(variables, values, strict=True))
        with keras.StatelessScope(known, collect_losses=True):
            return compute()

    found = jax.grad(loss_at)([v.value for v in variables])
    return [np.array(g) for g in found]


_GRADIENTS = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}


def state_of_torch():
    """Returns where torch's generator stands: what Keras' Dropout draws from there."""
    if NAME != "torch":
        return None
    import torch

    return torch.get_rng_state()


def restore_torch(state):
    """Puts torch's generator back to where it stood."""
    if state is not None:
        import torch

        torch.set_rng_state(state)
