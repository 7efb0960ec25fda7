from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from typing import Any

from keras_extras.callbacks.best_weights import BestWeights
from keras_extras.callbacks.plateau import Plateau
from keras_extras.callbacks.state_beside_backup import StateBesideBackup
from keras_extras.callbacks.training_clock import TrainingClock
from keras_extras.steering.live_number import LiveNumber

_NEVER = float(2**30)


@dataclass
class CooldownRun:
    """The state of one `fit` that may cool down at any step."""

    begin: LiveNumber = field(default_factory=lambda: LiveNumber(_NEVER))
    steps: LiveNumber = field(default_factory=lambda: LiveNumber(1.0))
    plateau: Plateau = field(default_factory=Plateau)
    weights: BestWeights | None = None
    best: float = float("inf")
    state: StateBesideBackup | None = None
    high_is_good: bool = False
    reason: str | None = None  # why it cools down, once it does
    due: str | None = None  # why it is to begin with the next batch
    planned: str | None = None  # which limit is known beforehand
    last: int = 0  # what the optimizer would count at its end, with no batch lost
    clock: TrainingClock = field(default_factory=TrainingClock)
    warned: bool = False

    @property
    def end(self) -> float:
        """The step after the last."""
        return float(self.begin) + float(self.steps)

    def cool_down(self, begin: int, steps: int) -> None:
        """Sets the steps of the cooldown."""
        self.begin.assign(float(begin))
        self.steps.assign(float(max(steps, 1)))

    def look_at_epoch(self, value: float, min_delta: float, model: Any) -> None:
        """Compares what is monitored with the best, and keeps the weights of that."""
        value = -value if self.high_is_good else value
        self.plateau.look(value, min_delta)
        if value < self.best:
            self.best = value
            if self.weights is not None:
                self.weights.keep(model)

    def save(self, epoch: int, training_began: int) -> None:
        """Keeps what a restarted training needs, if there is a backup."""
        if self.state is not None:
            self.state.save(
                epoch,
                {
                    "plateau": vars(self.plateau),
                    "best": self.best,
                    "begin": float(self.begin),
                    "steps": float(self.steps),
                    "reason": self.reason,
                    "due": self.due,
                    "seconds": self.clock.seconds,
                    "compiling": [self.clock.compiling, self.clock.steps_compiling],
                    "training_began": training_began,
                },
            )

    def load(self, epoch: int) -> int | None:
        """Takes over what was kept; returns the step at which the training began."""
        kept = {} if self.state is None else self.state.load(epoch)
        if self.state is None or not kept:
            return None
        self.plateau = Plateau(**kept["plateau"])
        self.best, self.reason, self.due = kept["best"], kept["reason"], kept["due"]
        self.cool_down(int(kept["begin"]), int(kept["steps"]))
        self.clock.set_back(kept["seconds"])
        self.clock.compiling, self.clock.steps_compiling = kept["compiling"]
        if self.weights is not None:
            self.weights.load()
        began: int = kept["training_began"]
        return began
