from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_extras")
class ScheduleFreeAdamW(keras.optimizers.ScheduleFreeAdamW):
    """Trains without a learning rate schedule (schedule-free AdamW).

    It is `keras.optimizers.ScheduleFreeAdamW` with two faults of Keras 3.15 corrected:
    on TensorFlow, if `fit` builds the optimizer, its first step sets all weights to
    about zero; and on TensorFlow and torch its average is computed with the new value
    of z instead of the old one, so that the average lags. Here each step is that of the
    paper on every backend. On JAX, once the optimizer is built, both are the same.

    Use it with `keras_extras.callbacks.ScheduleFreeEvaluation`: without that callback
    the model never has the averaged weights, which are the result. Do not use it with a
    learning rate schedule; it has its own `warmup_steps`. Weight decay acts on the
    trained weights before the step, and all steps of a warm-up count alike in the
    average, as in Keras.

    With g the gradient at y, v the second moment of Adam and c = 1 / t at step t:
    z is `z - learning_rate * g / (sqrt(v / (1 - beta_2^t)) + epsilon)`,
    x is `(1 - c) * x + c * z`, and the weights are `(1 - beta_1) * z + beta_1 * x`.

    Args:
        learning_rate: Float, a schedule, or a function without arguments. Defaults to
            `0.0025`.
        beta_1: Float between 0 and 1, the share of the average in the trained weights.
            Defaults to `0.9`.
        beta_2: Float, decay of the second moment. Defaults to `0.999`.
        epsilon: Float, for numerical stability. Defaults to `1e-8`.
        warmup_steps: Integer, the steps in which the rate rises. Defaults to `0`.
        weight_decay: Float, or `None`. This and all below are arguments of every
            `keras.optimizers.Optimizer`. Defaults to `None`.
        clipnorm: Float, or `None`. Defaults to `None`.
        clipvalue: Float, or `None`. Defaults to `None`.
        global_clipnorm: Float, or `None`. Defaults to `None`.
        use_ema: Boolean. Leave it `False` here. Defaults to `False`.
        ema_momentum: Float. Defaults to `0.99`.
        ema_overwrite_frequency: Integer, or `None`. Defaults to `None`.
        loss_scale_factor: Float, or `None`. Defaults to `None`.
        gradient_accumulation_steps: Integer, or `None`. Defaults to `None`.
        name: String, or `None`. Defaults to `None`.
        **kwargs: Further arguments of `keras.optimizers.Optimizer`.

    Example:

    ```python
    optimizer = keras_extras.optimizers.ScheduleFreeAdamW(0.003)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    evaluation = keras_extras.callbacks.ScheduleFreeEvaluation()
    model.fit(x, y, verbose=0, callbacks=[evaluation])
    ```

    References:
        Defazio et al. (2024), "The Road Less Scheduled", arXiv:2405.15682.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Makes a step of the paper, wherever the optimizer was built."""
        ops = keras.ops
        momentum = self._momentums[self._get_variable_index(variable)]
        beta_1 = ops.cast(self.beta_1, variable.dtype)
        share = 1.0 / ops.cast(self.iterations + 1, variable.dtype)
        # Tensors, taken before Keras' step writes to the variables: on TensorFlow and
        # torch a variable that is read later has its later value.
        stored, start = map(ops.convert_to_tensor, (momentum, variable))
        old = ops.where(ops.equal(self.iterations, 0), start, stored)
        average = (variable - (1.0 - beta_1) * old) / beta_1
        self.assign(momentum, old)
        super().update_step(gradient, variable, learning_rate)
        average = (1.0 - share) * average + share * momentum
        self.assign(variable, (1.0 - beta_1) * momentum + beta_1 * average)
