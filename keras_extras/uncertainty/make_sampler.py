"""Chooses how samples of a model are drawn."""

from __future__ import annotations

from typing import Any

import keras

from keras_extras.keras_internals.graph import functional_of
from keras_extras.keras_internals.stock import works_row_by_row
from keras_extras.uncertainty.graph import SplitGraph
from keras_extras.uncertainty.inputs import fixed_batch_size
from keras_extras.uncertainty.load_sampler import load_sampler
from keras_extras.uncertainty.plain_sampler import PlainSampler
from keras_extras.uncertainty.plain_sampler import has_own_step
from keras_extras.uncertainty.plain_sampler import is_stateful
from keras_extras.uncertainty.plain_sampler import needs_plain_sampler
from keras_extras.uncertainty.sampler import Sampler
from keras_extras.uncertainty.sampling_plan import SamplingPlan
from keras_extras.uncertainty.stochastic import CannotTile
from keras_extras.uncertainty.stochastic import is_regularisation
from keras_extras.uncertainty.stochastic import random_layers
from keras_extras.uncertainty.transform import Transform


def make_sampler(
    model: Any,
    chosen: list[Any],
    strategy: str,
    shared: bool,
    inputs: Any,
    transform: Transform,
) -> Sampler:
    """Returns a sampler for the model that follows a strategy.

    Raises:
        ValueError: If the model does not allow the strategy.
    """
    if needs_plain_sampler(model):
        return _plain_sampler(model, chosen, strategy, shared, inputs, transform)
    random = random_layers(model, chosen)
    graph = SplitGraph(model, random) if functional_of(model) is not None else None
    if strategy == "cached" and graph is None:
        raise ValueError(
            "`strategy` must be 'auto', 'tiled' or 'loop' for a model that is not "
            "Functional or Sequential: there is no graph of which to cache a part. "
            f"Received: strategy='cached', model={model!r}"
        )
    split = graph is not None and graph.is_split and strategy in ("auto", "cached")
    any_rows = fixed_batch_size(model) is None
    sampler_class = load_sampler()
    tiled = strategy in ("auto", "tiled")
    if tiled and not sampler_class.can_tile_all:
        tiled = not shared and any_rows and (graph is None or graph.can_tile())
        tiled = tiled and all(is_regularisation(layer) for layer in random)
    arguments = (inputs, transform)
    by_row = works_row_by_row(model)

    def made(plan: SamplingPlan) -> Sampler:
        return sampler_class(model, chosen, plan, *arguments)

    try:
        sampler = made(SamplingPlan(split, tiled, shared, any_rows))
        mixes = sampler.mixes_rows and any_rows and not by_row
        if mixes and sampler.rows_depend(inputs):
            alone = tiled and sampler_class.can_tile_all
            sampler = made(SamplingPlan(split, alone, shared, False))
    except CannotTile:
        sampler = made(SamplingPlan(split, False, shared, any_rows))
    if strategy == "tiled" and not sampler.plan.tiled:
        raise ValueError(
            "`strategy` must be 'auto', 'cached' or 'loop' where all rows of a batch "
            "share a mask or a state. Received: strategy='tiled'"
        )
    return sampler


def _plain_sampler(
    model: Any,
    chosen: list[Any],
    strategy: str,
    shared: bool,
    inputs: Any,
    transform: Transform,
) -> Sampler:
    if strategy not in ("auto", "loop"):
        raise ValueError(
            "`strategy` must be 'auto' or 'loop' for a model that is stateful, runs "
            "eagerly, or has a `predict_step` of its own. "
            f"Received: strategy={strategy!r}, model={model!r}"
        )
    if has_own_step(model) and keras.backend.backend() == "jax":
        raise ValueError(
            "`model` must have the `predict_step` of Keras on JAX, where another one "
            f"returns variables too. Received: model={model!r}"
        )
    any_rows = fixed_batch_size(model) is None and not is_stateful(model)
    plan = SamplingPlan(False, False, shared, any_rows)
    return PlainSampler(load_sampler(), model, chosen, plan, inputs, transform)
