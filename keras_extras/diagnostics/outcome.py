from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Outcome:
    """Says how well a training goes, whatever the reasons.

    Attributes:
        first: Float. Loss of the first few batches, NaN if unknown.
        last: Float. Loss of the last tenth of the batches.
        first_penalty: Float. What regularisers added to the loss at first, which is
            not in `first`.
        penalty: Float. What they add lately, which is not in `last`.
        baseline: Float. Loss of the best constant prediction; NaN if unknown.
        skill: Float. Share of that loss that the model has got rid of, in training
            or validation, whichever went better: 1 is perfect, 0 as good as a
            constant. Of the first loss where the baseline is not known.
        doubt: Float. Standard error of `skill`: the baseline comes from a few
            hundred targets, the loss from the last batches.
        accuracy: Float. Training or validation accuracy, the better one; NaN
            without one.
        chance: Float. Accuracy of always naming the most frequent class.
    """

    first: float
    last: float
    first_penalty: float
    penalty: float
    baseline: float
    skill: float
    doubt: float
    accuracy: float
    chance: float

    @property
    def is_good(self) -> bool:
        """Returns whether the model clearly learns what it should."""
        if self.last > 2.0 * self.baseline:  # right at times, and sure when wrong
            return False
        by_loss = bool(self.skill >= 0.5)
        if not (np.isfinite(self.accuracy) and np.isfinite(self.chance)):
            return by_loss
        return self.gain >= 0.5 or (
            by_loss and bool(np.isfinite(self.baseline)) and self.gain > 0.2
        )

    @property
    def is_excellent(self) -> bool:
        """Returns whether it could hardly go better."""
        return self.is_good and self.skill >= 0.75 and not self.gain < 0.8

    @property
    def gain(self) -> float:
        """Share of what a constant gets wrong that the model gets right."""
        return (self.accuracy - self.chance) / max(1.0 - self.chance, 1e-3)

    @property
    def is_poor(self) -> bool:
        """Returns whether the model is known to be hardly better than a constant.

        It never is where nobody can say how good a constant would be: a loss of
        one's own may begin near its least value, or have none.
        """
        if self.is_good:
            return False
        if np.isneginf(self.skill):  # the loss is NaN or infinite
            return True
        # Where most rows are of one class, accuracy tells little.
        gain = self.gain if self.chance < 0.7 else np.nan
        if np.isfinite(self.baseline) and not np.isnan(self.skill):
            weak = self.skill > 0.0 and gain >= 0.2
            by_loss = self.skill <= 0.07 and self.skill + 2.0 * self.doubt <= 0.2
            return bool(by_loss and not weak)
        # Far below chance, it counts something else than what is wanted.
        return bool(-0.2 < gain < 0.1)

    @property
    def is_at_chance(self) -> bool:
        """Returns whether the model is no better than a constant, and none of it.

        A validation set has other shares of the classes than the training data, and
        so its loss may lie a few hundredths below that of a constant: then accuracy,
        where there is one, has to be that of a constant too.
        """
        if not self.is_poor or np.isneginf(self.skill):
            return False
        if np.isfinite(self.baseline) and not np.isnan(self.skill):
            return self.skill < (0.04 if self.gain < 0.05 else 0.02)
        return bool(-0.05 < self.gain < 0.02)

    @property
    def is_worse(self) -> bool:
        """Returns whether the model is clearly worse than a constant."""
        return self.is_at_chance and self.skill < -0.02 - 2.0 * self.doubt

    @property
    def is_known(self) -> bool:
        """Returns whether there is something to judge the training by."""
        return self.is_poor or bool(np.isfinite(self.baseline) and self.baseline > 0.0)

    @property
    def is_wanting(self) -> bool:
        """Returns whether the training is known not to go well."""
        return self.is_known and not self.is_good
