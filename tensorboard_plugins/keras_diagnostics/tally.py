"""Counts findings and steps: all that a user reads of a run says them from here."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Tally:
    """How many findings a run has, in how many steps.

    Console, `report()`, notebook, tab, report file and HParams make it of the same
    three things, so that they say the same.

    Attributes:
        by_severity: Number of findings of each of `SEVERITIES`.
        steps: Integer, number of steps trained.
        sampled: Integer, number of them sampled.
    """

    by_severity: Mapping[str, int]
    steps: int
    sampled: int

    @classmethod
    def of(cls, severities: Iterable[str], steps: int, sampled: int) -> Tally:
        """Returns the tally of findings of these severities."""
        counts = dict.fromkeys(SEVERITIES, 0)
        for severity in severities:
            counts[severity] += 1
        return cls(counts, steps, sampled)

    @property
    def findings(self) -> int:
        """Number of findings, advice included."""
        return sum(self.by_severity.values())

    @property
    def in_steps(self) -> str:
        """How many steps there were, and how many of them were sampled, in words."""
        sampled = f", {self.sampled:,} of them sampled" if self.sampled else ""
        return counted(self.steps, "step") + sampled

    def numbers(self) -> dict[str, int]:
        """Returns it as numbers for columns of a table."""
        return {
            "errors": self.by_severity["error"],
            "warnings": self.by_severity["warning"],
            "findings": self.findings,
            "steps": self.steps,
            "sampled": self.sampled,
        }


def counted(number: int, what: str = "finding") -> str:
    """Returns how many there are, in words."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
