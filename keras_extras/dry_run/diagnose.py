from __future__ import annotations

from typing import Any

from keras_extras.callbacks.training_diagnostics import TrainingDiagnostics
from keras_extras.checks import check_count
from keras_extras.checks import check_flag
from keras_extras.data.kept_batches import replayable
from keras_extras.diagnostics.diagnosis import Diagnosis
from keras_extras.dry_run.stop_after import StopAfter
from keras_extras.dry_run.verify import verified
from keras_extras.keras_internals.building import build_in_fit
from keras_extras.keras_internals.building import build_optimizer
from keras_extras.keras_internals.building import first_look_kept
from keras_extras.keras_internals.overrides import attributes_kept
from keras_extras.keras_internals.snapshot import Snapshot
from keras_extras.keras_internals.snapshot import random_state_kept

_SAMPLES = 60


def diagnose(
    model: Any,
    x: Any,
    y: Any = None,
    steps: int = 300,
    validation_data: Any = None,
    verify: bool = False,
    **fit_arguments: Any,
) -> Diagnosis:
    """Diagnoses a model in a short training, and restores the model afterwards.

    Weights, optimizer, metrics, seeds and the global random generators are restored, so
    that a training afterwards is the same, bit for bit, as without the diagnosis. The
    position of a generator, or of a dataset that shuffles itself, cannot be restored.
    If you are going to train anyway, pass `keras_extras.callbacks.TrainingDiagnostics`
    to `fit` instead: it examines the whole training.

    Args:
        model: A compiled Keras model, trained or not.
        x: The training data, anything that `fit` takes.
        y: The targets, as for `fit`. Defaults to `None`.
        steps: Integer, largest number of batches to train on. Defaults to `300`.
        validation_data: As for `fit`; needed to find overfitting. Defaults to `None`.
        verify: Boolean. Whether to try the repairs of the first findings, at most
            three, each on a copy of the model that is trained for the same number of
            steps, without callbacks and validation. Findings whose repairs help come
            first, and their remedies state the result. Adds up to three times the time
            of the diagnosis, and memory for a copy; of data that are not arrays `steps`
            batches are read once and kept in memory. Defaults to `False`.
        **fit_arguments: Further arguments of `fit`, such as `batch_size`.

    Returns:
        A `keras_extras.diagnostics.Diagnosis`.

    Raises:
        ValueError: If `steps` is not a positive integer, `verify` is not a boolean, or
            the model has no optimizer.

    Example:

    ```python
    diagnosis = keras_extras.diagnose(model, x, y, steps=100, batch_size=32)
    print(diagnosis.report())
    verified = keras_extras.diagnose(model, x, y, steps=50, verify=True)
    ```
    """
    check_count("steps", steps)
    if check_flag("verify", verify):
        x = replayable(x, steps)
    every = max(steps // _SAMPLES, 1)
    diagnostics = TrainingDiagnostics(every=every, verbose=0)
    trial = _Trial(steps)
    arguments = {"epochs": steps, "verbose": 0, **fit_arguments}
    # The trial comes first, to take everything down before it is touched.
    own = [trial, *(fit_arguments.get("callbacks") or []), diagnostics]
    arguments["callbacks"] = own
    kept = attributes_kept(model, "history", "stop_training")
    with random_state_kept(), kept, first_look_kept(model):
        try:
            model.fit(x, y, validation_data=validation_data, **arguments)
        finally:
            trial.put_back()
    diagnosis = Diagnosis(diagnostics.observations, diagnostics.findings, model)
    if not verify:
        return diagnosis
    del arguments["callbacks"]
    return verified(diagnosis, model, (x, y), steps, arguments)


class _Trial(StopAfter):
    """Ends a training early; what it changed can be put back afterwards."""

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self._snapshot: Snapshot | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        if getattr(self.model, "optimizer", None) is None:
            return  # the diagnostics say so
        build_in_fit(self.model, "diagnose")
        build_optimizer(self.model.optimizer, self.model.trainable_variables)
        self._snapshot = Snapshot(self.model)

    def put_back(self) -> None:
        """Gives the model its state back."""
        if self._snapshot is not None:
            self._snapshot.restore()
            self._snapshot = None
