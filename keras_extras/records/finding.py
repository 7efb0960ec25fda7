from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any
from typing import Literal

from keras_extras.records.repair import Repair

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """Says one thing that is wrong with a training, and what to do about it.

    Attributes:
        code: String. What was found, such as `"vanishing-gradient"`.
        severity: `"error"` (training cannot go well like this), `"warning"` (it
            very likely goes worse than it could) or `"info"` (advice).
        layer: String or `None`. Name of the layer, or `None` for the whole model.
        first_step: Integer. First step at which it was seen, as a value of
            `optimizer.iterations`.
        last_step: Integer. Last step at which it was seen.
        evidence: String. The numbers that were measured, against their limits.
        remedy: String. What to do, as one sentence with code.
        confidence: Float between 0 and 1. How likely the finding is to be right, as
            the rule states by how clear its evidence is; `severity` says how bad it
            is.
        cause: String or `None`. Code of the finding that explains this one, which
            then is no more than its symptom.
        repair: `keras_extras.diagnostics.Repair` or `None`. The remedy as data: what
            to change, of which layer, to what.

    Example:

    ```python
    diagnosis = keras_extras.diagnose(model, x, y, steps=100)
    for finding in diagnosis.findings:
        print(finding.code, finding.layer, finding.remedy)
    ```
    """

    code: str
    severity: Severity
    layer: str | None
    first_step: int
    last_step: int
    evidence: str
    remedy: str
    confidence: float
    cause: str | None = None
    repair: Repair | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns the finding as a dict of plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Finding:
        """Returns the finding that `to_dict` made the values of."""
        repair = values.get("repair")
        known = repair if repair is None else Repair(**repair)
        return cls(**{**values, "repair": known})
