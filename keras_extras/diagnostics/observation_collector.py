from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_extras.diagnostics.loss_curve import LossCurve
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.diagnostics.structure import Structure
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.data_facts import DataFacts
from keras_extras.records.forward_facts import ForwardFacts

_EARLY = _RECENT = 12


class ObservationCollector:
    """Collects what a training shows beside the statistics of its layers."""

    def __init__(self, keeps_best: bool = False) -> None:
        self.curve = LossCurve()
        self.epochs: dict[str, list[float]] = {}
        self.early: list[BatchRows] = []
        self.recent: deque[BatchRows] = deque(maxlen=_RECENT)
        self.layers: tuple[LayerSpec, ...] | None = None
        self.structure: Structure | None = None
        self.is_fresh = True
        self.is_stale = False
        self.reports_means = True
        self.keeps_best = keeps_best
        self.unfrozen_at = 0
        self.forward = ForwardFacts()
        self.data = DataFacts()

    def add_batch(self, batch: BatchRows) -> None:
        """Takes a few rows of a batch."""
        if len(self.early) < _EARLY:
            self.early.append(batch)
        else:
            self.recent.append(batch)

    def add_epoch(self, logs: Mapping[str, Any]) -> None:
        """Takes Keras' logs of an epoch."""
        for name, value in logs.items():
            if isinstance(value, int | float | np.number):
                self.epochs.setdefault(name, []).append(float(value))

    def note_frozen(self, names: frozenset[str], step: int) -> None:
        """Takes the names of the layers that do not train from `step` on."""
        self.unfrozen_at = step
        if self.layers is None:
            return
        self.layers = tuple(
            _with_flags(spec, spec.name in names) for spec in self.layers
        )
        if self.structure is not None:
            self.structure = dataclasses.replace(self.structure, layers=self.layers)

    def as_observed(self) -> dict[str, Any]:
        """Returns the evidence as arguments of `Observations`."""
        losses, counts = self.curve.losses(self.reports_means)
        early, recent = self._halves()
        return {
            "structure": dataclasses.replace(
                self.structure or Structure(layers=self.layers or ()),
                stale=self.is_stale,
                forward=self.forward,
                data=self.data,
            ),
            "early": early,
            "recent": recent,
            "losses": losses,
            "loss_counts": counts,
            "epochs": {k: np.array(v) for k, v in self.epochs.items()},
            "keeps_best": self.keeps_best,
            "unfrozen_at": self.unfrozen_at,
        }

    def _halves(self) -> tuple[tuple[BatchRows, ...], tuple[BatchRows, ...]]:
        """Returns batches of the start, and later ones, of a short training too."""
        batches = (*self.early, *self.recent)
        middle = len(batches) - len(batches) // 2
        return batches[:middle], batches[middle:]


def _with_flags(spec: LayerSpec, frozen: bool) -> LayerSpec:
    reused = spec.reused or frozen or not spec.trainable
    return dataclasses.replace(spec, trainable=not frozen, reused=reused)
