from __future__ import annotations

from typing import Any
from typing import Protocol

from keras_extras.inspection.execution import Requester
from keras_extras.inspection.layouts import Chooser


class Subscriber(Requester, Chooser, Protocol):
    """A callback that takes part in a session."""

    def layers_changed(self) -> None:
        """Is called when other layers train from the next step on."""

    def batch_trained(self, logs: Any) -> None:
        """Is called after each batch where Keras is not to tell of it.

        Args:
            logs: What the train function returned for the batch. It may not have been
                computed yet.
        """

    def fit_failed(self) -> None:
        """Is called when `fit` ends by an exception."""

    def switch_off(self, error: Exception) -> None:
        """Is called when something failed on its behalf, which must end no training."""
