from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import Literal

from keras_extras.diagnostics.failed_training_error import FailedTrainingError
from keras_extras.records.finding import Finding

Action = Literal["report", "stop", "raise"] | Callable[[list[Finding]], Any]


class Reaction:
    """Does what the user asked for when errors are found, once for each of them."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str | None]] = set()

    def to(self, findings: Sequence[Finding], actions: Action, model: Any) -> None:
        """Acts on those errors among `findings` that were not there before."""
        errors = [finding for finding in findings if finding.severity == "error"]
        new = {(error.code, error.layer) for error in errors} - self._known
        self._known |= new
        if not new or actions == "report":
            return
        if callable(actions):
            actions(errors)
        elif actions == "raise":
            raise FailedTrainingError(errors)
        else:
            model.stop_training = True
