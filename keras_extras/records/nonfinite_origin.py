from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NonFiniteOrigin:
    """Says where NaN or infinity first appeared.

    Attributes:
        step: Integer. Value of `optimizer.iterations` at the step it appeared in.
        kind: `"input"`, `"activation"`, `"loss"`, `"gradient"` or `"unknown"`: what
            was not finite although what it was computed from still was.
        layer: Name of the layer, or `None` for the input and the loss.
    """

    step: int
    kind: str
    layer: str | None
