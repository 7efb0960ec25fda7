"""What the posted cases share: how they are registered, and short names of codes."""

from __future__ import annotations

import functools

from faults import case

healthy = functools.partial(case.healthy, part="posted")
faulty = functools.partial(case.faulty, part="posted")
WRONG, HIDDEN, INITIAL = (
    "output-loss-mismatch",
    "hidden-activation",
    "bad-initialization",
)
RAW, TARGET, LABELS = "unnormalized-input", "unscaled-target", "wrong-labels"
LOW, HIGH = "learning-rate-too-low", "learning-rate-too-high"
TIGHT, LOOSE = "over-regularized", "overfitting"
VANISHING, EXPLODING = "vanishing-gradient", "exploding-gradient"
DEAD, SATURATED, NAN = "dead-units", "saturated-activation", "nan-loss"
IDLE = ("not-learning",)
WRECK = (DEAD, EXPLODING, NAN, "not-learning", "oscillating-loss", SATURATED)
ERROR = ("mae",)
