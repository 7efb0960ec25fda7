"""What a case is: a model, its data, and how to compile it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from identity_matrix.setups import Setup

BATCH = 8
ROWS = 52  # six batches and one of four rows: seven steps an epoch
EPOCHS = 2

CASES: dict[str, Case] = {}


@dataclass(frozen=True)
class Case:
    """One kind of training.

    Attributes:
        name: The name of the case.
        build: Makes the model; called after the random seed was set.
        data: Makes the arguments of `fit` that hold the data.
        losses: Arguments of `compile` besides those of the set-up.
        compile: Compiles the model where `losses` do not say it all.
        logical_cpus: Number of logical CPUs that the process needs.
        seconds: Rough cost of a fit, to start the long cases first.
    """

    name: str
    build: Callable[[], Any]
    data: Callable[[], dict[str, Any]]
    losses: Callable[[], dict[str, Any]]
    compile: Callable[[Any, Setup], None] | None = None
    logical_cpus: int = 1
    seconds: float = 1.0

    def compile_model(self, model: Any, setup: Setup) -> None:
        """Compiles `model` the way `setup` says."""
        if self.compile is not None:
            self.compile(model, setup)
            return
        arguments = {**self.losses(), **setup.arguments()}
        model.compile(optimizer=setup.optimizer(), **arguments)


def case(
    data: Callable[[], dict[str, Any]],
    losses: Callable[[], dict[str, Any]] | None = None,
    **more: Any,
) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Registers the function that builds a model as a case of its own name."""

    def register(build: Callable[[], Any]) -> Callable[[], Any]:
        name = build.__name__
        if name in CASES:
            raise ValueError(f"`{name}` is the name of two cases.")
        CASES[name] = Case(name, build, data, losses or regression, **more)
        return build

    return register


def regression() -> dict[str, Any]:
    """Returns the loss of a regression, and a metric that has a state."""
    return {"loss": "mse", "metrics": ["mae"]}


def classification() -> dict[str, Any]:
    """Returns the loss of a classification by logits."""
    import keras

    return {
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": ["accuracy"],
    }


def own_loss() -> dict[str, Any]:
    """Returns nothing: the model brings its loss."""
    return {}
