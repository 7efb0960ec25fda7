"""The statistics of layers that there are views of."""

from __future__ import annotations

from dataclasses import dataclass

GRADIENTS, ACTIVATIONS, UPDATES = "gradients", "activations", "updates"


@dataclass(frozen=True)
class Statistic:
    """How a statistic is shown.

    Attributes:
        id: String, its name in the logs.
        title: String, for a menu.
        card: String, id of the card that shows it.
        scale: `"log"`, `"share"` (0 to 1), `"ratio"` (logarithmic, about 1e-3) or
            `"linear"`.
        nonfinite: String, the statistic that tells the share of values that are NaN
            or infinite.
    """

    id: str
    title: str
    card: str
    scale: str
    nonfinite: str

    @property
    def is_log(self) -> bool:
        """Whether its colours stand for powers of ten."""
        return self.scale in ("log", "ratio")


_OF_GRADIENTS = "gradient_nonfinite_fraction"
_OF_ACTIVATIONS = "activation_nonfinite_fraction"

STATISTICS = {
    id: Statistic(id, title, card, scale, nonfinite)
    for id, title, card, scale, nonfinite in (
        ("gradient_norm", "norm", GRADIENTS, "log", _OF_GRADIENTS),
        ("gradient_mean_abs", "mean magnitude", GRADIENTS, "log", _OF_GRADIENTS),
        ("gradient_max_abs", "largest magnitude", GRADIENTS, "log", _OF_GRADIENTS),
        ("gradient_zero_fraction", "share of zeros", GRADIENTS, "share", _OF_GRADIENTS),
        (
            "activation_dead_fraction",
            "dead units",
            ACTIVATIONS,
            "share",
            _OF_ACTIVATIONS,
        ),
        (
            "activation_saturated_fraction",
            "saturated values",
            ACTIVATIONS,
            "share",
            _OF_ACTIVATIONS,
        ),
        (
            "activation_zero_fraction",
            "share of zeros",
            ACTIVATIONS,
            "share",
            _OF_ACTIVATIONS,
        ),
        ("activation_std", "standard deviation", ACTIVATIONS, "log", _OF_ACTIVATIONS),
        ("update_ratio", "update / weight", UPDATES, "ratio", _OF_GRADIENTS),
        ("update_norm", "norm of the update", UPDATES, "log", _OF_GRADIENTS),
        ("weight_norm", "norm of the weights", UPDATES, "log", _OF_GRADIENTS),
        (
            "weight_at_limit_fraction",
            "units at their max-norm",
            UPDATES,
            "share",
            _OF_GRADIENTS,
        ),
    )
}


def statistics_of(card: str) -> list[Statistic]:
    """Returns the statistics that a card shows, the most telling one first."""
    return [s for s in STATISTICS.values() if s.card == card]
