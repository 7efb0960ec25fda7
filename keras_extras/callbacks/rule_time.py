from __future__ import annotations

import time


class RuleTime:
    """The time that rules have taken in one training, of which they may have a share.

    Attributes:
        spent: Float, seconds.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.spent = 0.0

    def is_left(self, share: float) -> bool:
        """Returns whether they have taken less than that share of the time so far."""
        return self.spent <= share * (time.perf_counter() - self._began)
