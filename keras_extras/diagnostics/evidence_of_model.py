"""Adds what the model is to the evidence: its weights before training, its outputs."""

from __future__ import annotations

from typing import Any

from keras_extras.diagnostics.describe import describe
from keras_extras.diagnostics.describe import describe_layers
from keras_extras.diagnostics.judging_without import judging_without
from keras_extras.diagnostics.observation_collector import ObservationCollector
from keras_extras.diagnostics.structure import Structure
from keras_extras.keras_internals import hyperparameters


def note_weights(evidence: ObservationCollector, model: Any) -> None:
    """Describes the layers and their weights, once, as soon as they are built."""
    if evidence.layers is not None:
        return
    steps = hyperparameters.batches_seen(model.optimizer)
    evidence.is_fresh = steps <= model.steps_per_execution
    evidence.layers = ()
    with judging_without("weights"):
        evidence.layers = describe_layers(model)


def note_structure(evidence: ObservationCollector, model: Any) -> None:
    """Describes outputs and losses, once, when there is something to judge."""
    if evidence.structure is not None or model is None:
        return
    note_weights(evidence, model)
    parts = evidence.layers or ()
    evidence.structure = Structure(layers=parts)
    with judging_without("outputs"):
        evidence.structure = describe(model, parts, evidence.is_fresh)
