from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr
from jax.extend.core import Jaxpr
from jax.extend.core import Literal
from jax.extend.core import jaxpr_as_fun

from keras_extras.backends.jax.arrays import mesh_of

# It is compiled once and run rarely: what the processor saves at the start counts.
_LITTLE_EFFORT = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


class Program:
    """A part of a traced step, compiled: what leads to the values with some names.

    Nothing is donated to it: state and batch are there after it has run.

    Args:
        step: The traced step, a function of state and batch.
        names: Names of the wanted values.
        state: A state, for where it lies.

    Attributes:
        known: The names that were found, in the order of `names`.
    """

    def __init__(
        self,
        step: ClosedJaxpr,
        names: Sequence[str],
        state: Any,
    ) -> None:
        variables = _named(step.jaxpr)
        self.known = [name for name in names if name in variables]
        run = jaxpr_as_fun(_pruned(step, [variables[name] for name in self.known]))

        def program(state: Any, batch: Any) -> list[Any]:
            return run(*jax.tree.leaves((state, batch)))

        self._run = jax.jit(program, **_how(state))

    def __call__(self, state: Any, batch: Any) -> dict[str, Any]:
        """Returns the values by their names."""
        return dict(zip(self.known, self._run(state, batch)))


def compile_options() -> dict[str, Any] | None:
    """Returns options of the compiler for what runs rarely."""
    return _LITTLE_EFFORT if jax.default_backend() == "cpu" else None


def _how(state: Any) -> dict[str, Any]:
    how: dict[str, Any] = {"compiler_options": compile_options()}
    mesh = mesh_of(state)
    if mesh is not None:  # each process is to see all of it
        everywhere = jax.sharding.PartitionSpec()
        how["out_shardings"] = jax.sharding.NamedSharding(mesh, everywhere)
    return how


def _named(jaxpr: Jaxpr) -> dict[str, Any]:
    """Returns the variables of a function that have names."""
    return {
        equation.params["name"]: equation.outvars[0]
        for equation in jaxpr.eqns
        if equation.primitive.name == "name"
    }


def _pruned(closed: ClosedJaxpr, wanted: list[Any]) -> ClosedJaxpr:
    """Returns the part of a function that leads to some of its variables."""
    needed, equations = set(wanted), []
    for equation in reversed(closed.jaxpr.eqns):
        if any(variable in needed for variable in equation.outvars):
            equations.append(equation)
            needed.update(v for v in equation.invars if not isinstance(v, Literal))
    jaxpr = closed.jaxpr.replace(
        eqns=equations[::-1],
        outvars=wanted,
        debug_info=closed.jaxpr.debug_info.with_unknown_names(),
    )
    return closed.replace(jaxpr=jaxpr)
