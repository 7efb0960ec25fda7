from __future__ import annotations

from keras_diagnostics import findings as found
from keras_diagnostics.html_pieces import findings_html
from keras_diagnostics.notebook_html import notebook_html
from keras_extras.records.finding import Finding


class Findings(list[Finding]):
    """Lists findings; a notebook shows them as a table.

    It is a list like any other, the most likely root cause first. Parts of it, such as
    `findings[:3]`, are plain lists.

    Example:

    ```python
    diagnosis = keras_extras.diagnose(model, x, y, steps=100)
    print([finding.code for finding in diagnosis.findings])
    ```
    """

    def _repr_html_(self) -> str:
        shown = found.nested([finding.to_dict() for finding in self])
        return notebook_html(findings_html(shown) or "<p>No findings.</p>")
