"""Brings arrays to the host."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np


def to_numpy(array: Any) -> np.ndarray:
    """Returns a JAX array as one of NumPy; on the CPU both share the memory."""
    if not (isinstance(array, jax.Array) and _is_out_of_reach(array)):
        return np.asarray(array)
    # Parts of it are with other processes, which all come by here at the same step.
    whole = jax.sharding.NamedSharding(
        array.sharding.mesh, jax.sharding.PartitionSpec()
    )
    return np.asarray(jax.jit(lambda x: x, out_shardings=whole)(array))


def _is_out_of_reach(array: jax.Array) -> bool:
    return not (array.is_fully_addressable or array.is_fully_replicated)


def mesh_of(state: Any) -> Any:
    """Returns the mesh of devices that a state is spread over, `None` if it is not."""
    for leaf in jax.tree.leaves(state):
        sharding = getattr(leaf, "sharding", None)
        if isinstance(sharding, jax.sharding.NamedSharding):
            return sharding.mesh if sharding.mesh.size > 1 else None
    return None
