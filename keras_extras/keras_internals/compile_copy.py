"""Compiles a copy of a model as the model was, with other arguments for some parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

_CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
_TAKEN_OVER = ("run_eagerly", "steps_per_execution", "jit_compile")


def compile_copy(
    copied: Any,
    model: Any,
    optimizer: Mapping[str, Any],
    loss: str | None = None,
    weight: float | None = None,
) -> None:
    """Compiles a copy of a model with an optimizer and metrics of its own.

    Args:
        copied: The copy.
        model: The model that was compiled.
        optimizer: Arguments of the optimizer that change; `"name"` is its class.
        loss: Name of another loss, or `None`.
        weight: What the loss is multiplied with, or `None`.

    Raises:
        ValueError: If the optimizer cannot be made again.
    """
    known = model._compile_config.config
    metrics = [known.get("metrics"), known.get("weighted_metrics")]
    if loss is None:
        metrics = [_copies(each) for each in metrics]
    else:
        metrics = [_by_name(each) for each in metrics]
    copied.compile(
        optimizer=changed_optimizer(model.optimizer, optimizer),
        loss=known.get("loss") if loss is None else loss,
        loss_weights=_weights(known, loss, weight),
        metrics=metrics[0],
        weighted_metrics=metrics[1],
        **{name: known[name] for name in _TAKEN_OVER if name in known},
    )


def _weights(known: Mapping[str, Any], loss: str | None, weight: float | None) -> Any:
    """Returns the weights of the losses, in the form that the losses have."""
    if weight is None:
        return known.get("loss_weights") if loss is None else None
    given = known.get("loss") if loss is None else loss
    return dict.fromkeys(given, weight) if isinstance(given, dict) else [weight]


def changed_optimizer(optimizer: Any, settings: Mapping[str, Any]) -> Any:
    """Returns a new optimizer like another one, with other arguments.

    Raises:
        ValueError: If it cannot be made from its configuration.
    """
    settings = dict(settings)
    kind = settings.pop("name", None)
    try:
        if kind is not None:
            return getattr(keras.optimizers, kind)(**settings)
        config = optimizer.get_config()
        inner = config.get("inner_optimizer")
        target = inner["config"] if isinstance(inner, dict) else config
        if any(name in settings for name in _CLIPPING):
            target.update({n: None for n in _CLIPPING if n in target})
        unknown = [name for name in settings if name not in target]
        if unknown:
            raise ValueError(f"it has no {unknown[0]}")
        target.update(settings)
        return type(optimizer).from_config(config)
    except Exception as error:
        raise ValueError(
            "The optimizer must be one that can be made again from its configuration. "
            f"Received: {optimizer!r}; {type(error).__name__}: {error}"
        ) from error


def _copies(metrics: Any) -> Any:
    """Returns metrics with states of their own; names stay names."""
    if isinstance(metrics, dict):
        return {name: _copies(metric) for name, metric in metrics.items()}
    if isinstance(metrics, list | tuple):
        return [_copies(metric) for metric in metrics]
    if not isinstance(metrics, keras.metrics.Metric):
        return metrics
    try:
        return type(metrics).from_config(metrics.get_config())
    except Exception:  # one that cannot be made again is no reason to have no copy
        return None


def _by_name(metrics: Any) -> Any:
    """Returns metrics that suit another loss: accuracies, by the one name for all."""
    names = keras.tree.flatten(metrics) if metrics is not None else []
    said = [getattr(metric, "name", metric) for metric in names]
    known = [name for name in said if isinstance(name, str)]
    return ["accuracy"] if any("acc" in name for name in known) else None
