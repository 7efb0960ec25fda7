"""The one place that looks through an optimizer for its hyperparameters.

`LossScaleOptimizer` hides an inner optimizer and `MultiOptimizer` several of
them; schedules, gradient accumulation and loss scales sit in different places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

_MOMENTUM_NAMES = ("momentum", "beta_1")
_OTHER_NAMES = ("beta_1", "weight_decay")
_NOT_TUNED = ("name", "jit_compile", "use_ema", "ema_momentum", "epsilon")


def innermost(optimizer: Any) -> Any:
    """Returns the optimizer inside a `LossScaleOptimizer`, or `optimizer`."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def parts(optimizer: Any) -> list[Any]:
    """Returns the optimizers that do the work: several in a `MultiOptimizer`."""
    inner = innermost(optimizer)
    return list(getattr(inner, "optimizers", None) or [inner])


def choice_of_part(optimizer: Any) -> Callable[[Any], Any]:
    """Returns the function from a variable to its part of a `MultiOptimizer`."""
    return getattr(innermost(optimizer), "_optimizer_map", lambda variable: None)


def optimizers_of(model: Any) -> list[Any]:
    """Returns the optimizers of `model`, its compiled one first.

    A model with a training step of its own may hold more of them as attributes.
    """
    found = [model.optimizer, *vars(model).values()]
    optimizers: list[Any] = []
    for candidate in found:
        known = any(candidate is optimizer for optimizer in optimizers)
        if isinstance(candidate, keras.optimizers.Optimizer) and not known:
            optimizers.append(candidate)
    return optimizers


def describe(optimizer: Any) -> dict[str, Any]:
    """Returns what an optimizer was made with: numbers and names, for people."""
    described: dict[str, Any] = {}
    several = len(parts(optimizer)) > 1
    for number, part in enumerate(parts(optimizer)):
        where = f"{number}/" if several else ""
        described[f"{where}optimizer"] = type(part).__name__
        try:
            config = part.get_config()
        except Exception:  # of a class that cannot be saved: there is less to tell
            continue
        for name, value in config.items():
            if isinstance(value, dict):  # a schedule
                value = value.get("class_name")
            if isinstance(value, str | int | float) and name not in _NOT_TUNED:
                described[f"{where}{name}"] = value
    return described


def accumulation_steps(optimizer: Any) -> int:
    """Returns how many batches make one update."""
    return parts(optimizer)[0].gradient_accumulation_steps or 1


def raw_iterations(optimizer: Any) -> Any:
    """Returns the variable that counts batches, also while accumulating."""
    return innermost(optimizer)._iterations


def batches_seen(optimizer: Any) -> int:
    """Returns how many batches an optimizer has seen, also while accumulating."""
    return int(number(raw_iterations(optimizer)))


def all_counts(model: Any) -> list[Any]:
    """Returns the variables in which the optimizers of a model count batches."""
    found: dict[int, Any] = {}
    for optimizer in optimizers_of(model):
        for each in (optimizer, innermost(optimizer), *parts(optimizer)):
            count = getattr(each, "_iterations", None)
            if count is not None:
                found[id(count)] = count
    return list(found.values())


def number(value: Any) -> float:
    """Returns the value of a scalar tensor or variable, which devices may share."""
    return float(keras.ops.convert_to_numpy(value))


def pending_gradient(optimizer: Any, variable: Any) -> Any | None:
    """Returns what was accumulated for `variable` in earlier batches, if any."""
    for part in parts(optimizer):
        known = part._trainable_variables_indices
        if part.gradient_accumulation_steps and part._var_key(variable) in known:
            return part._accumulated_gradients[part._get_variable_index(variable)]
    return None


def loss_scale(optimizer: Any) -> Any:
    """Returns the factor by which gradients are scaled: a variable or a float."""
    if hasattr(optimizer, "inner_optimizer"):
        return optimizer.dynamic_scale if optimizer.built else optimizer.initial_scale
    return optimizer.loss_scale_factor or 1.0


def share_clipped(
    optimizer: Any, variables: list[Any], norms: np.ndarray, largest: np.ndarray
) -> np.ndarray | None:
    """Returns 1.0 for each step whose gradients are clipped, 0.0 for the others.

    Args:
        optimizer: The optimizer that clips.
        variables: The variables.
        norms: L2 norm of the gradient of each of them, unscaled, 0 where there is
            none; an array of shape `(steps, variables)`.
        largest: Largest magnitude in the gradient of each variable.

    Returns:
        `None` for an optimizer that does not clip.
    """
    clipped = []
    for part in parts(optimizer):
        known = part._trainable_variables_indices
        own = [part._var_key(v) in known for v in variables]
        clipped.append(_part_clips(part, norms[:, own], largest[:, own]))
    decided = [c for c in clipped if c is not None]
    return np.any(decided, axis=0).astype(np.float64) if decided else None


def _part_clips(part: Any, norms: np.ndarray, largest: np.ndarray) -> Any:
    if part.clipnorm is not None:
        return np.any(norms > part.clipnorm, axis=1)
    if part.global_clipnorm is not None:
        return np.linalg.norm(norms, axis=1) > part.global_clipnorm
    if part.clipvalue is not None:
        return np.any(largest > part.clipvalue, axis=1)
    return None


def sources(optimizer: Any) -> dict[str, tuple[Any, Any]]:
    """Returns where each hyperparameter comes from, and whose it is.

    Args:
        optimizer: A Keras optimizer, `LossScaleOptimizer` and `MultiOptimizer`
            included.

    Returns:
        A dict from names to pairs of a value, which is a number, a variable, a
        schedule or a function, and the optimizer that it belongs to. Names are
        `learning_rate` and, where the optimizer has them, `momentum` (of SGD and
        RMSprop; `beta_1` elsewhere), `beta_1`, `weight_decay` and `loss_scale`. The
        optimizers of a `MultiOptimizer` append their place and name:
        `learning_rate/1_adam`; the plain names are those of the first.
    """
    found: dict[str, tuple[Any, Any]] = {}
    inner = parts(optimizer)
    for place, part in enumerate(inner):
        own = {name: (value, part) for name, value in _attributes(part).items()}
        if place == 0:
            found.update(own)
        if len(inner) > 1:
            suffix = f"/{place}_{part.name}"
            found.update({f"{name}{suffix}": value for name, value in own.items()})
    scale = loss_scale(optimizer)
    if not isinstance(scale, float) or scale != 1.0:
        found["loss_scale"] = (scale, inner[0])
    return found


def _attributes(optimizer: Any) -> dict[str, Any]:
    values = {"learning_rate": optimizer._learning_rate}
    for name in _MOMENTUM_NAMES:
        if getattr(optimizer, name, None) is not None:
            values["momentum"] = getattr(optimizer, name)
            break
    for name in _OTHER_NAMES:
        if getattr(optimizer, name, None) is not None:
            values[name] = getattr(optimizer, name)
    return values
