from __future__ import annotations

import time


class CostClock:
    """Adds up what samples take, in the thread that trains.

    Attributes:
        seconds: Time that has passed.
        processor_seconds: Time in which the processor worked on it: other programs
            do not make that longer.
    """

    def __init__(self) -> None:
        self.seconds = self.processor_seconds = 0.0
        self._began = 0.0, 0.0

    def start(self) -> None:
        """Counts from here."""
        self._began = time.perf_counter(), time.thread_time()

    def stop(self) -> None:
        """Adds the time since `start`."""
        seconds, processor = self._began
        self.seconds += time.perf_counter() - seconds
        self.processor_seconds += time.thread_time() - processor
