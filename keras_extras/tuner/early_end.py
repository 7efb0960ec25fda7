"""Ends a training that fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras.callbacks.training_diagnostics import TrainingDiagnostics
from keras_extras.records.finding import Finding
from keras_extras.records.finding_codes import FINDING_CODES

SEVERITIES = ("error", "warning")
CODES = frozenset(code.name for code in FINDING_CODES)
# What is said of the data and of the last layer is as true of every other trial.
ABOUT_TRAINING = frozenset(code.name for code in FINDING_CODES if code.about_training)
_HOPELESS = "nan-loss"


class EarlyEnd(keras.callbacks.Callback):
    """Ends a training when a finding has held for some epochs.

    Args:
        diagnostics: What makes the findings; before this one in the list.
        stop_on: Severities and codes that end it.
        patience: Integer, number of epochs in a row.

    Attributes:
        reason: The finding that has ended the training, or `None`.
        epoch: Integer, the last epoch, counted from 1.
        logs: List of the logs of the epochs.
    """

    def __init__(
        self, diagnostics: TrainingDiagnostics, stop_on: Sequence[str], patience: int
    ) -> None:
        super().__init__()
        self.diagnostics = diagnostics
        self.stop_on = stop_on
        self.patience = patience
        self.reason: Finding | None = None
        self.epoch = 0
        self.logs: list[dict[str, Any]] = []
        self._in_a_row = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Ends it within the epoch if nothing can come of it any more."""
        if self.reason is None and self.diagnostics.findings:
            found = self._complaints(self.diagnostics.findings)
            self._end([f for f in found if f.code == _HOPELESS])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch + 1
        self.logs.append(dict(logs or {}))
        if self.reason is not None:
            return
        found = self._complaints(self.diagnostics.examine())
        self._in_a_row = self._in_a_row + 1 if found else 0
        if self._in_a_row >= self.patience:
            self._end(found)
        else:
            self._end([f for f in found if f.code == _HOPELESS])

    def _complaints(self, findings: Sequence[Finding]) -> list[Finding]:
        return [
            f
            for f in findings
            if f.code in self.stop_on
            or (f.severity in self.stop_on and f.code in ABOUT_TRAINING)
        ]

    def _end(self, because: list[Finding]) -> None:
        if because:
            self.reason = because[0]
            self.model.stop_training = True
