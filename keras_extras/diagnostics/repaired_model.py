from __future__ import annotations

from typing import Any
from typing import NamedTuple


class RepairedModel(NamedTuple):
    """Holds a copy of a model with what a finding asks for, ready to be trained.

    Returned by `keras_extras.diagnostics.Diagnosis.repaired`.

    Args:
        model: Compiled Keras model, with an optimizer and metrics of its own.
        changes: String. What is different, a line for each change.

    Example:

    ```python
    diagnosis = keras_extras.diagnose(model, x, y, steps=100)
    for finding in diagnosis.findings:
        if finding.repair is not None and finding.repair.is_applicable:
            copied, changes = diagnosis.repaired(finding)
            print(changes)
    ```
    """

    model: Any
    changes: str
