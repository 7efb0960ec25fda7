from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from typing import Any


@dataclass(frozen=True)
class Repair:
    """Says as plain data what to change of a model or its training.

    `keras_extras.diagnostics.Diagnosis.repaired` applies it to a copy of the model.
    What no change of a model can mend, such as wrong labels, has a kind and no values.

    Attributes:
        kind: String. What is changed: `"learning-rate"`, `"clipping"`,
            `"weight-decay"`, `"output"`, `"activation"`, `"initializer"`, `"penalty"`,
            `"dropout"`, `"input-scale"`, `"target-scale"`, `"loss"`, `"layer"`,
            `"data"`, `"code"` or `"callback"`.
        layer: String or `None`. Name of the first layer that is changed.
        value: Dict of plain values. `"optimizer"`: arguments of the optimizer that
            change, `"layers"`: for names of layers the arguments that change,
            `"loss"`: name of the new loss, `"inputs"` and `"targets"`: how to scale
            them. Empty where nothing can be applied.
        trial: Dict of plain values or `None`. What came of it where
            `keras_extras.diagnose(verify=True)` has tried it: `"steps"`, `"measure"`,
            which is the name of what is compared, such as `"loss"`, its values
            `"with"` and `"without"` the repair, `"gain"`, and whether it `"helped"`.

    Example:

    ```python
    diagnosis = keras_extras.diagnose(model, x, y, steps=100)
    for finding in diagnosis.findings:
        print(finding.code, finding.repair)
    ```
    """

    kind: str
    layer: str | None = None
    value: Mapping[str, Any] = field(default_factory=dict, hash=False)
    trial: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def is_applicable(self) -> bool:
        """Returns whether a copy of a model can be changed by it."""
        return bool(self.value)

    def to_dict(self) -> dict[str, Any]:
        """Returns the repair as a dict of plain values, for JSON."""
        return asdict(self)
