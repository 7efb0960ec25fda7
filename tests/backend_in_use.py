"""What tests need of the backend that they run on, whichever it is."""

import inspect

import keras
import numpy as np
import pytest

NAME = keras.backend.backend()
# How tests compile a model: without XLA where it takes longer than the training. JAX
# would run one operation at a time without, each compiled, which takes longer still.
JIT = "auto" if NAME == "jax" else False


def gradients_of(compute, variables):
    """Returns the gradients of the loss that `compute` returns, as arrays.

    `None` stands for a variable without a part in it.
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
    from jax.interpreters import partial_eval

    def loss_at(values):
        known = list(zip(variables, values, strict=True))
        with keras.StatelessScope(known, collect_losses=True):
            return compute()

    values = [v.value for v in variables]
    found = jax.grad(loss_at)(values)
    # JAX has zeros for what the loss is computed without.
    _, used = partial_eval.dce_jaxpr(jax.make_jaxpr(loss_at)(values).jaxpr, [True])
    return [np.array(g) if has_part else None for g, has_part in zip(found, used)]


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


def seed_the_backend(seed):
    """Seeds the generator that a backend has for all; JAX has none."""
    if NAME == "tensorflow":
        import tensorflow as tf

        tf.random.set_seed(seed)
    elif NAME == "torch":
        import torch

        torch.manual_seed(seed)


def draw_of_the_backend():
    """Draws from that generator; without one there is nothing to draw."""
    if NAME == "tensorflow":
        import tensorflow as tf

        return float(tf.random.uniform(()))
    if NAME == "torch":
        import torch

        return float(torch.rand(()))
    return None


def in_an_inspection():
    """Returns whether a step runs for an inspection, not to train."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_globals["__name__"] == f"keras_extras.backends.{NAME}.dry_run":
            return True
        frame = frame.f_back
    return False


class Listed(keras.utils.PyDataset):
    """Gives the batches of a list."""

    def __init__(self, batches):
        super().__init__()
        self._batches = batches

    @property
    def num_batches(self):
        return len(self._batches)

    def __getitem__(self, index):
        return self._batches[index]


def cut(arrays, size):
    """Returns the batches that a tuple of arrays falls into."""
    rows = len(arrays[0])
    return [
        tuple(each[start : start + size] for each in arrays)
        for start in range(0, rows, size)
    ]


def batches_of(*arrays, size):
    """Returns batches in what people have for it: `tf.data`, a `DataLoader`, or Keras'.

    For one array these are arrays, for several of them tuples.
    """
    if NAME == "tensorflow":
        import tensorflow as tf

        rows = arrays if len(arrays) > 1 else arrays[0]
        return tf.data.Dataset.from_tensor_slices(rows).batch(size)
    if NAME == "torch":
        from torch.utils.data import DataLoader

        rows = list(zip(*arrays)) if len(arrays) > 1 else arrays[0]
        return DataLoader(rows, batch_size=size)
    batches = cut(arrays, size)
    return Listed(batches if len(arrays) > 1 else [each for (each,) in batches])


def for_ever(*arrays, size):
    """Yields batches without an end."""
    while True:
        yield from cut(arrays, size)


def only_on(*names, because):
    """Marks a test that has nothing to say on the other backends."""
    where = " and ".join(names)
    return pytest.mark.skipif(NAME not in names, reason=f"{where} only: {because}")


beside_keras_tensorboard = only_on(
    "tensorflow", because="Keras' own TensorBoard callback writes with it"
)


class WritesVariables(keras.Model):
    """A model whose step, `learn(data)`, writes its variables wherever it runs.

    JAX wants a function of the state instead: there they are written aside.
    """

    def train_step(self, *arguments):
        if NAME != "jax":
            return self.learn(*arguments)
        state, data = arguments
        kinds = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        known = [pair for kind in zip(kinds, state) for pair in zip(*kind)]
        with keras.StatelessScope(known) as scope:
            logs = self.learn(data)
        written = [[scope.get_current_value(v) for v in kind] for kind in kinds]
        return logs, tuple(written)
