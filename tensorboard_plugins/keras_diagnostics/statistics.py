"""The statistics of layers that there are views of."""

from __future__ import annotations

from dataclasses import dataclass

GRADIENTS, ACTIVATIONS, UPDATES = "gradients", "activations", "updates"


@dataclass(frozen=True)
class Statistic:
    """Says how a statistic is shown.

    Attributes:
        id: String, its name in the logs.
        title: String, for a menu.
        card: String, id of the card that shows it.
        scale: `"log"`, `"share"` (0 to 1), `"ratio"` (logarithmic, about 1e-3) or
            `"linear"`.
    """

    id: str
    title: str
    card: str
    scale: str

    @property
    def nonfinite(self) -> str:
        """The statistic that tells the share of values that are NaN or infinite."""
        measured = "activation" if self.card == ACTIVATIONS else "gradient"
        return f"{measured}_nonfinite_fraction"

    @property
    def is_log(self) -> bool:
        """Returns whether its colours stand for powers of ten."""
        return self.scale in ("log", "ratio")


STATISTICS = {
    id: Statistic(id, title, card, scale)
    for id, title, card, scale in (
        ("gradient_norm", "norm", GRADIENTS, "log"),
        ("gradient_mean_abs", "mean magnitude", GRADIENTS, "log"),
        ("gradient_max_abs", "largest magnitude", GRADIENTS, "log"),
        ("gradient_zero_fraction", "share of zeros", GRADIENTS, "share"),
        ("activation_dead_fraction", "dead units", ACTIVATIONS, "share"),
        ("activation_saturated_fraction", "saturated values", ACTIVATIONS, "share"),
        ("activation_zero_fraction", "share of zeros", ACTIVATIONS, "share"),
        ("activation_std", "standard deviation", ACTIVATIONS, "log"),
        ("update_ratio", "update / weight", UPDATES, "ratio"),
        ("update_norm", "norm of the update", UPDATES, "log"),
        ("weight_norm", "norm of the weights", UPDATES, "log"),
        ("weight_at_limit_fraction", "units at their max-norm", UPDATES, "share"),
    )
}


def statistics_of(card: str) -> list[Statistic]:
    """Returns the statistics that a card shows, the most telling one first."""
    return [s for s in STATISTICS.values() if s.card == card]
