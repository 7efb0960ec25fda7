from __future__ import annotations

import contextlib
import dataclasses
import warnings
from typing import Any

from keras_extras.backends.load import load_backend
from keras_extras.diagnostics.describe import describe
from keras_extras.diagnostics.describe import describe_layers
from keras_extras.diagnostics.describe_data import data_facts
from keras_extras.diagnostics.fresh_weights import are_fresh
from keras_extras.diagnostics.fresh_weights import fresh_frozen_layers
from keras_extras.diagnostics.judging_without import judging_without
from keras_extras.diagnostics.moving_statistics_of import moving_statistics_of
from keras_extras.diagnostics.observation_collector import ObservationCollector
from keras_extras.diagnostics.structure import Structure
from keras_extras.diagnostics.try_forward import forward_facts
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.fit_arrays import FitArrays
from keras_extras.keras_internals.fit_arrays import arrays_of
from keras_extras.keras_internals.fit_arrays import validation_arrays_of
from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.records.forward_facts import ForwardFacts

# So little of their initial value moves no statistics.
_FORGOTTEN = 0.01


class EvidenceOfFit:
    """Looks at the model, its data and its calls, at the few moments when that is due.

    What cannot be described is left out, which ends no training.

    Args:
        epoch_iterator: Keras' own iterator over the epochs of the `fit`.
    """

    def __init__(self, epoch_iterator: Any = None) -> None:
        self._training: FitArrays | None = arrays_of(epoch_iterator)
        self._validation: FitArrays | None = None
        self._has_called = self._has_compared = False

    def look_at_weights(self, model: Any, evidence: ObservationCollector) -> None:
        """Describes the layers as they are before the first step."""
        if evidence.layers is not None:
            return
        steps = hyperparameters.batches_seen(model.optimizer)
        evidence.is_fresh = steps <= model.steps_per_execution
        evidence.layers = ()
        with judging_without("weights"):
            evidence.layers = describe_layers(model)
        if not evidence.is_fresh:
            with contextlib.suppress(Exception):
                evidence.is_stale = are_fresh(sublayers(model))

    def look_at_outputs(self, model: Any, evidence: ObservationCollector) -> None:
        """Describes outputs and losses, which are known after the first step."""
        if evidence.structure is not None or model is None:
            return
        self.look_at_weights(model, evidence)
        parts = evidence.layers or ()
        evidence.structure = Structure(layers=parts)
        with judging_without("outputs"):
            evidence.structure = describe(model, parts, evidence.is_fresh)

    def look_at_calls(self, model: Any, evidence: ObservationCollector) -> None:
        """Calls the model on a few rows, once, and looks at the data, as it may."""
        if model is None or evidence.structure is None:
            return
        if not self._has_called and (evidence.early or self._training is not None):
            self._has_called = True
            with (
                contextlib.suppress(Exception),
                warnings.catch_warnings(),
                load_backend().values(model, None),
            ):
                warnings.simplefilter("ignore")  # a single row may well be warned of
                evidence.forward = forward_facts(model, evidence.early, self._training)
        elif evidence.forward.fresh or evidence.forward.moving:
            with contextlib.suppress(Exception), load_backend().values(model, None):
                evidence.forward = _again(model, evidence.forward)
        if not self._has_compared:
            self._has_compared = self._validation is not None
            with contextlib.suppress(Exception):
                evidence.data = data_facts(
                    evidence.structure, self._training, self._validation
                )

    def note_validation(self, model: Any) -> None:
        """Notes the validation data, which Keras lets go of before a training ends."""
        if self._validation is None:
            self._validation = validation_arrays_of(model)


def _again(model: Any, forward: ForwardFacts) -> ForwardFacts:
    """Returns the facts with those up to date that a training can change.

    A target network may have been updated since, and moving statistics go on.
    """
    steps = hyperparameters.batches_seen(model.optimizer)
    names = {each.layer for each in forward.moving}
    late = any(each.momentum**steps > _FORGOTTEN for each in forward.moving)
    return dataclasses.replace(
        forward,
        fresh=fresh_frozen_layers(model) if forward.fresh else (),
        moving=moving_statistics_of(model, names) if late else (),
    )
