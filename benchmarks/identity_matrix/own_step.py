"""A training step of a model's own, as one writes it for the backend in use."""

from __future__ import annotations

from typing import Any

import keras


class _OnTensorFlow(keras.Model):
    def train_step(self, data: Any) -> Any:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            logs = self.losses_of(*data)
            scaled = self.optimizer.scale_loss(logs["loss"])
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        return logs

    def test_step(self, data: Any) -> Any:
        return self.losses_of(*data)


class _OnTorch(keras.Model):
    def train_step(self, data: Any) -> Any:
        import torch

        self.zero_grad()
        logs = self.losses_of(*data)
        self.optimizer.scale_loss(logs["loss"]).backward()
        variables = self.trainable_variables
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in variables], variables)
        return logs

    def test_step(self, data: Any) -> Any:
        return self.losses_of(*data)


class _OnJax(keras.Model):
    def train_step(self, state: Any, data: Any) -> Any:
        import jax

        trainable, others, optimizer, metrics = state

        def compute(values: Any) -> Any:
            known = [
                *zip(self.trainable_variables, values),
                *zip(self.non_trainable_variables, others),
                *zip(self.optimizer.variables, optimizer),
            ]
            with keras.StatelessScope(known) as scope:
                logs = self.losses_of(*data)
                scaled = self.optimizer.scale_loss(logs["loss"])
            written = [scope.get_current_value(v) for v in self.non_trainable_variables]
            return scaled, (logs, written)

        gradients, (logs, others) = jax.grad(compute, has_aux=True)(trainable)
        trainable, optimizer = self.optimizer.stateless_apply(
            optimizer, gradients, trainable
        )
        return logs, (trainable, others, optimizer, metrics)

    def test_step(self, state: Any, data: Any) -> Any:
        trainable, others, _ = state
        known = [
            *zip(self.trainable_variables, trainable),
            *zip(self.non_trainable_variables, others),
        ]
        with keras.StatelessScope(known):
            return self.losses_of(*data), state


_STEPS = {"tensorflow": _OnTensorFlow, "jax": _OnJax, "torch": _OnTorch}


class OwnStep(_STEPS[keras.backend.backend()]):
    """Trains by a step of its own.

    What derives from it says how to compute the loss: `losses_of(x, y)` returns a
    dict of the numbers to show, with the `"loss"` among them.
    """
