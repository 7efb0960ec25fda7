from __future__ import annotations

import math
from typing import Any

from keras_extras.callbacks.monitor import Monitor
from keras_extras.diagnostics.examine import examine
from keras_extras.diagnostics.finding import Finding
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.report import text_report
from keras_extras.instrumentation import plan as plans
from keras_extras.instrumentation.layer_table import LayerFilter
from keras_extras.instrumentation.nonfinite import NonFinite
from keras_extras.instrumentation.sampling import Interval
from keras_extras.log_dir import LogDir


class TrainingDiagnostics(Monitor):
    """Watches a training and says what is wrong with it.

    Records what `GradientLogger`, `ActivationLogger` and `HyperparameterLogger`
    record, looks for vanishing and exploding gradients, dead units, saturated
    activations, NaN and infinity, and learning rates that are too high or too low,
    and prints a report at the end of training when there is something to say.
    Training itself is not changed: without XLA the weights are the same, bit for bit,
    with XLA to rounding. What can differ: a layer that draws from TensorFlow's
    stateful random operations rather than a `keras.random.SeedGenerator` draws other
    numbers, and TensorFlow's graph optimiser may regroup a sum.

    Steps that are not sampled carry a black box: when NaN or infinity appears, its
    step and layer are known even then.

    Args:
        log_dir: Path of the directory to write TensorBoard summaries to, or a
            `keras.callbacks.TensorBoard` to write beside, or `None` to write
            nothing. Defaults to `None`.
        every: Integer, number of steps between samples, or `"auto"`: the first ten
            batches, again each time the training is twice as long, and otherwise as
            often as `overhead` allows. Defaults to `"auto"`.
        layers: Which layers: a list of names or paths, a regular expression, a
            function of the layer that returns a boolean, or `None` for all.
            Defaults to `None`.
        overhead: Float. Share of the training time that the samples of
            `every="auto"` may add. The first steps, compiling the second form of the
            step, and what every step carries are not counted. Defaults to `0.02`.
        verbose: Integer. 0 prints nothing, 1 prints the report when there are
            findings, 2 prints it always. Defaults to `1`.

    Attributes:
        findings: List of `keras_extras.diagnostics.Finding`, the most likely root
            cause first.
        history: The recorded statistics.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if
            `layers` names no layer of the model, if the model has no optimizer,
            or if `log_dir` cannot be written to.

    Example:

    ```python
    diagnostics = keras_extras.callbacks.TrainingDiagnostics("logs/run1")
    model.fit(x, y, epochs=5, callbacks=[diagnostics])
    for finding in diagnostics.findings:
        print(finding.code, finding.layer, finding.remedy)
    ```
    """

    kinds = ("gradient", "weight", "update", "activation", "hyperparameter")
    measures = frozenset(
        {
            plans.HYPERPARAMETERS,
            plans.GRADIENTS,
            plans.UPDATES,
            plans.LIMITS,
            plans.ACTIVATIONS,
        }
    )
    watches = True

    def __init__(
        self,
        log_dir: LogDir = None,
        every: Interval = "auto",
        layers: LayerFilter = None,
        overhead: float = 0.02,
        verbose: int = 1,
    ) -> None:
        super().__init__(log_dir, every, layers, overhead)
        self.verbose = verbose
        self.findings: list[Finding] = []
        self._nonfinite: NonFinite | None = None
        self._failed_rules: set[str] = set()
        self._steps = 0

    def report(self) -> str:
        """Returns the findings as readable text."""
        return text_report(self.findings, self._steps, len(self.history))

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self._nonfinite = None
        if self._instrument is not None:
            self._instrument.forget_nonfinite()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        super().on_train_batch_end(batch, logs)
        loss = (logs or {}).get("loss")
        if self._nonfinite is None and loss is not None and not math.isfinite(loss):
            self._look_for_origin()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, logs)
        instrument = self._instrument
        if instrument is not None and not instrument.skips_bad_steps:
            self._nonfinite = self._nonfinite or instrument.origin_of_nonfinite()
        self._examine()

    def on_train_end(self, logs: Any = None) -> None:
        self._examine()
        super().on_train_end(logs)
        if self.verbose > (0 if self.findings else 1):
            print(self.report())

    def _look_for_origin(self) -> None:
        if self._instrument is None:
            return
        origin = self._instrument.origin_of_nonfinite()
        now = max(self._instrument.step - 1, 0)
        self._nonfinite = origin or NonFinite(now, "unknown", None)
        self._examine()

    def _examine(self) -> None:
        if self._instrument is not None:
            self._steps = self._instrument.steps_trained()
        seen = Observations(
            layers=self.infos,
            steps=self.history.steps,
            statistics={name: self.history[name] for name in self.history},
            nonfinite=self._nonfinite,
            last_step=self._steps - 1,
        )
        findings = examine(seen, self._failed_rules)
        if findings != self.findings and self._writer is not None:
            self._writer.findings(seen.last_step, findings)
        self.findings = findings
