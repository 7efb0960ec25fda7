from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """Names one thing that self-normalisation needs, and says if a model has it.

    Attributes:
        name: String: `"activation"`, `"initialization"`, `"architecture"`,
            `"dropout"`, `"normalization"`, `"penalty"`, `"constraint"`, `"inputs"` or
            `"measured"`.
        holds: Boolean, or `None` where it cannot be told.
        layer: String or `None`. Name of the first layer that breaks it.
        found: String. What the model has.
        remedy: String. What to have instead, with code; empty where it holds.

    Example:

    ```python
    check = keras_extras.evaluation.check_self_normalizing(model, x)
    for condition in check.conditions:
        print(condition.name, condition.holds, condition.remedy)
    ```
    """

    name: str
    holds: bool | None
    layer: str | None
    found: str
    remedy: str
