"""Chooses how samples of a model are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras_extras.keras_internals.graph import functional_of
from keras_extras.keras_internals.layer_tree import all_layers
from keras_extras.uncertainty.graph import SplitGraph
from keras_extras.uncertainty.inputs import fixed_batch_size
from keras_extras.uncertainty.load_sampler import load_sampler
from keras_extras.uncertainty.sampler import Sampler
from keras_extras.uncertainty.sampler import Tensor
from keras_extras.uncertainty.sampling_plan import SamplingPlan
from keras_extras.uncertainty.stochastic import CannotTile
from keras_extras.uncertainty.stochastic import is_regularisation
from keras_extras.uncertainty.stochastic import random_layers


def make_sampler(
    model: Any,
    chosen: list[Any],
    strategy: str,
    shared: bool,
    has_variance: bool,
    inputs: Any,
    transform: Callable[[Any], list[Tensor]],
) -> Sampler:
    """Returns a sampler for the model that follows a strategy.

    Raises:
        ValueError: If the model does not allow the strategy.
    """
    random = random_layers(model, chosen)
    graph = SplitGraph(model, random) if functional_of(model) is not None else None
    if strategy == "cached" and graph is None:
        raise ValueError(
            "`strategy` must be 'auto', 'tiled' or 'loop' for a model that is not "
            "Functional or Sequential: there is no graph of which to cache a part. "
            f"Received: strategy='cached', model={model!r}"
        )
    split = graph is not None and graph.is_split and strategy in ("auto", "cached")
    any_rows = _rows_are_free(model)
    sampler_class = load_sampler()
    tiled = strategy in ("auto", "tiled")
    if tiled and not sampler_class.can_tile_all:
        tiled = not shared and any_rows and (graph is None or graph.can_tile())
        tiled = tiled and all(is_regularisation(layer) for layer in random)
    arguments = (inputs, transform)
    try:
        plan = SamplingPlan(split, tiled, shared, has_variance, any_rows)
        sampler = sampler_class(model, chosen, plan, *arguments)
    except CannotTile:
        plan = SamplingPlan(split, False, shared, has_variance, any_rows)
        sampler = sampler_class(model, chosen, plan, *arguments)
    if strategy == "tiled" and not sampler.plan.tiled:
        raise ValueError(
            "`strategy` must be 'auto', 'cached' or 'loop' where all rows of a batch "
            "share a mask or a state. Received: strategy='tiled'"
        )
    return sampler


def _rows_are_free(model: Any) -> bool:
    """Returns whether a batch may have any number of rows."""
    layers = all_layers(model)
    if fixed_batch_size(model) is not None:
        return False
    return not any(getattr(layer, "stateful", False) for layer in layers)
