from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Says what monitoring has cost a training so far, on this machine.

    Attributes:
        samples: Integer, number of steps that were sampled.
        ms_per_sample: Float. Milliseconds that a sample takes, on top of the step.
        share: Float. Share of the time since training began, from 0 to 1, that all
            samples together have taken.
    """

    samples: int = 0
    ms_per_sample: float = 0.0
    share: float = 0.0
