from __future__ import annotations

from collections.abc import Sequence

from keras_extras.records.finding import Finding


class FailedTrainingError(RuntimeError):
    """Is raised by `TrainingDiagnostics(actions="raise")` to end a failing training.

    An exception leaves `fit` without the end of a training that other callbacks would
    hear of: `keras.callbacks.BackupAndRestore` keeps what it has saved, to go on from
    once the cause is mended.

    Args:
        findings: Sequence of `keras_extras.diagnostics.Finding`, the errors.

    Attributes:
        findings: Tuple of the errors, the most likely root cause first.

    Example:

    ```python
    diagnostics = keras_extras.callbacks.TrainingDiagnostics(actions="raise")
    try:
        model.fit(x, y, epochs=5, callbacks=[diagnostics])
    except keras_extras.diagnostics.FailedTrainingError as error:
        print(error.findings[0].remedy)
    ```
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(
            "; ".join(f"{f.code}: {f.evidence}" for f in self.findings)
            or "the training failed"
        )
