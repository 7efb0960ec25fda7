"""The ways to train that each model meets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import keras

_ON_JAX = keras.backend.backend() == "jax"  # which always compiles by XLA


@dataclass(frozen=True)
class Setup:
    """An optimizer, a dtype policy, and arguments of `compile`.

    Attributes:
        name: The name of the set-up.
        optimizer: Makes a new optimizer.
        policy: The global dtype policy to build the model under.
        steps_per_execution: Steps in one call of the train function.
        run_eagerly: Whether to train without a graph.
        jit_compile: Whether XLA compiles the step.
    """

    name: str
    optimizer: Callable[[], Any]
    policy: str = "float32"
    steps_per_execution: int = 1
    run_eagerly: bool = False
    jit_compile: bool = False

    def arguments(self) -> dict[str, Any]:
        """Returns the arguments of `compile` that are not of the model."""
        return {
            "steps_per_execution": self.steps_per_execution,
            "run_eagerly": self.run_eagerly,
            "jit_compile": self.jit_compile or self._by_default,
        }

    @property
    def _by_default(self) -> bool | str:
        """Says how to compile where it is not said: on JAX wherever a model can be."""
        return "auto" if _ON_JAX and not self.run_eagerly else False


def _momentum() -> Any:
    return keras.optimizers.SGD(
        0.05,
        momentum=0.9,
        clipnorm=0.5,
        use_ema=True,
        ema_momentum=0.8,
        ema_overwrite_frequency=5,
    )


def _accumulating() -> Any:
    return keras.optimizers.Adam(0.01, gradient_accumulation_steps=3)


def _scaling() -> Any:
    return keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.01), initial_scale=2.0**10, dynamic_growth_steps=3
    )


def _decaying() -> Any:
    rates = keras.optimizers.schedules.ExponentialDecay(0.01, 3, 0.9)
    return keras.optimizers.AdamW(rates, weight_decay=0.01, global_clipnorm=1.0)


_PLAIN = (
    Setup("sgd", lambda: keras.optimizers.SGD(0.05)),
    Setup("adam", lambda: keras.optimizers.Adam(0.01)),
    Setup("momentum", _momentum),
    Setup("accumulation", _accumulating),
    Setup("float16", _scaling, policy="mixed_float16"),
    Setup("bfloat16", _decaying, policy="mixed_bfloat16"),
    Setup("steps3", lambda: keras.optimizers.Adam(0.01), steps_per_execution=3),
    Setup("eager", lambda: keras.optimizers.SGD(0.05), run_eagerly=True),
)
_WITH_XLA = tuple(
    replace(setup, name=f"{setup.name}+xla", jit_compile=True)
    for setup in _PLAIN
    if not setup.run_eagerly
)
# JAX has XLA anyway; of torch's counterpart and of several steps in one Keras knows
# nothing there, or we do not.
_OF_BACKEND = {
    "tensorflow": (*_PLAIN, *_WITH_XLA),
    "jax": _PLAIN,
    "torch": tuple(each for each in _PLAIN if each.steps_per_execution == 1),
}
SETUPS = {each.name: each for each in _OF_BACKEND[keras.backend.backend()]}
