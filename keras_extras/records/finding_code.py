from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FindingCode:
    """Says of a code of findings where it stands among the others.

    Attributes:
        name: The code itself, such as `"dead-units"`. The page of the finding codes
            has a section of that name.
        group: What it is about, as the tables of the documentation put it.
        source: Where its test comes from.
        explains: Codes of what it can lead to.
        exact: Whether an exact test finds it, which outranks every symptom.
        about_training: Whether it is of how one training goes, and not as true of
            another one of a like model on the same data.
    """

    name: str
    group: str
    source: str
    explains: tuple[str, ...] = ()
    exact: bool = False
    about_training: bool = False
