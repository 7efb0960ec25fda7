from __future__ import annotations

import math
import time
from typing import Any

from keras_extras.backends import processes
from keras_extras.callbacks.live_view import LiveView
from keras_extras.callbacks.monitor import Monitor
from keras_extras.callbacks.reaction import Action
from keras_extras.callbacks.reaction import Reaction
from keras_extras.callbacks.rule_time import RuleTime
from keras_extras.checks import check_choice
from keras_extras.checks import check_choice_or_function
from keras_extras.checks import check_flag
from keras_extras.checks import check_verbose
from keras_extras.diagnostics.best_constant_loss import best_constant_loss
from keras_extras.diagnostics.describe import describe_frozen
from keras_extras.diagnostics.diagnosis_html import diagnosis_html
from keras_extras.diagnostics.diagnosis_html import not_trained_html
from keras_extras.diagnostics.evidence_of_fit import EvidenceOfFit
from keras_extras.diagnostics.examine import examine
from keras_extras.diagnostics.observation_collector import ObservationCollector
from keras_extras.diagnostics.observations import Observations
from keras_extras.diagnostics.report import line_without_claims
from keras_extras.diagnostics.report import text_report
from keras_extras.inspection import measures as m
from keras_extras.inspection.monitored_layers import LayerFilter
from keras_extras.inspection.monitored_layers import MonitoredLayer
from keras_extras.inspection.replay import ReplayChoice
from keras_extras.inspection.sampling import Interval
from keras_extras.keras_internals.asynchronous import unless_it_waits
from keras_extras.keras_internals.building import is_built
from keras_extras.keras_internals.building import is_ready
from keras_extras.keras_internals.loss_tracker import reports_means
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.keras_internals.running_fit import data_of_fit
from keras_extras.keras_internals.running_fit import keeps_best
from keras_extras.log_dir import LogDir
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.finding import Finding
from keras_extras.records.findings import Findings
from keras_extras.records.nonfinite_origin import NonFiniteOrigin

# Shares of the training time that looking at the evidence may take.
_SHARE_FOR_RULES, _SHARE_FOR_ACTIONS = 0.002, 0.02


class TrainingDiagnostics(Monitor):
    """Diagnoses a training: what is wrong, in which layer, since when, and the remedy.

    Records what `GradientLogger`, `ActivationLogger` and `HyperparameterLogger`
    record, and examines the model, a few rows of its batches, the loss and what was
    recorded: does the last layer fit the loss and the targets, are inputs,
    targets and weights of a sensible size, do gradients vanish or explode, are units
    dead or saturated, is the learning rate too high or too low, does it learn, and
    does it generalise? Causes come before their symptoms; a training that goes well
    gets advice at most. A report is printed at the end of training when something is
    wrong.
    Training itself is not changed: the weights are the same, bit for bit. A sampled
    batch is inspected by a dry run of the step before the model's own function trains
    on it; see `GradientLogger`.

    NaN and infinity are located by a replay of the last batches: the step and the
    layer where they began; see `replay`.

    Args:
        log_dir: Path of the directory to write TensorBoard summaries to, or a
            `keras.callbacks.TensorBoard` to write beside, or `None` to write
            nothing. Defaults to `None`.
        every: Integer, number of steps between samples, or `"auto"`: batches 1,
            2, 4, 8 and 16, if these take no more than a second of the processor (four
            on JAX), 32, 64 and so on and the last, if these take no more than 0.1 s,
            and others as `overhead` allows. Defaults to `"auto"`.
        layers: Which layers: a list of names or paths, a regular expression, a
            function of the layer that returns a boolean, or `None` for all.
            Defaults to `None`.
        overhead: Float. Share of the training time that the samples of
            `every="auto"` may add, those of the first batches not counted.
            Defaults to `0.02`.
        verbose: Integer. 0 prints nothing, 1 prints the report when there are
            errors or warnings and one line otherwise, 2 prints the report always.
            Defaults to `1`.
        actions: What to do when a new error is found:
            `"report"` only reports it, `"stop"` also ends the training, `"raise"` ends
            it with a `keras_extras.diagnostics.FailedTrainingError`, so that
            `keras.callbacks.BackupAndRestore` keeps its backup, and a function
            is called with the list of all errors. Errors are looked for at the ends of
            epochs, as long as that takes less than 0.2 % of the time (2 % with other
            actions than `"report"`), and NaN or infinity after each batch. Defaults to
            `"report"`.
        replay: Whether to keep the last batches and, from time to time, a copy of all
            variables, so that the step and the layer at which NaN or infinity began can
            be found by a replay. `"auto"` does as long as it takes at most 1 % of the
            time. Needs memory for a copy of all variables of model and optimizer (two
            while it goes back), and for the last 8 to 256 batches: 64 MB, or 8 batches
            if these are larger. Without it, and with ragged, sparse or distributed
            data, the step is that of the first bad loss, and the layer is known if
            that step was sampled. Defaults to `"auto"`.
        history_size: Integer >= 100, most steps that `history` keeps, `None` for all.
            Beyond it about every second one is dropped; the first, the last, the
            extremes and those with NaN or infinity stay. Defaults to `10000`.
        live: Boolean. Whether to show findings, loss and gradients below a notebook's
            cell while it trains, updated in place, in at most 1 % of the time.
            Elsewhere it does nothing. Defaults to `False`.

    Attributes:
        findings: List of `keras_extras.diagnostics.Finding`, the most likely root
            cause first, as of the end of the last epoch, or later when NaN appeared
            or the training has ended. Those of severity `"info"` are advice.
        history: The recorded statistics.
        observations: The evidence behind the findings.

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
            m.HYPERPARAMETERS,
            m.GRADIENTS,
            m.UPDATES,
            m.LIMITS,
            m.ACTIVATIONS,
            m.BATCHES,
        }
    )

    takes_losses = True

    def __init__(
        self,
        log_dir: LogDir = None,
        every: Interval = "auto",
        layers: LayerFilter = None,
        overhead: float = 0.02,
        verbose: int = 1,
        actions: Action = "report",
        replay: ReplayChoice = "auto",
        history_size: int | None = 10_000,
        live: bool = False,
    ) -> None:
        super().__init__(log_dir, every, layers, overhead, history_size)
        check_choice_or_function("actions", actions, ("report", "stop", "raise"))
        check_choice("replay", replay, ("auto", True, False))
        self._live = LiveView(check_flag("live", live))
        self.verbose = check_verbose("verbose", verbose)
        self.actions = actions
        self.replay = replay
        self.findings = Findings()
        self._nonfinite: NonFiniteOrigin | None = None
        self._failed_rules: set[str] = set()
        self._evidence = ObservationCollector()
        self._of_fit = EvidenceOfFit()
        self._steps = 0
        self._reaction = Reaction()
        self._written: list[Finding] | None = None  # nor an empty list as yet
        self._examined: tuple[Any, ...] | None = None
        self._rule_time = RuleTime()

    def report(self) -> str:
        """Returns the findings as readable text."""
        sampled, outcome = self.history.sampled, self.observations.outcome
        return text_report(self.findings, self._steps, sampled, outcome)

    @property
    def live(self) -> bool:
        """Returns whether a notebook shows the training while it runs."""
        return self._live.wanted

    def _repr_html_(self) -> str:
        if self._session is not None:
            self._steps = self._session.steps_trained()
        if not self._steps:
            return not_trained_html(type(self).__name__)
        return diagnosis_html(self.observations, self.findings, self.history.sampled)

    def examine(self) -> list[Finding]:
        """Examines the evidence now, and returns the findings.

        Without it they are brought up to date when it costs next to nothing, and at
        the end of training.
        """
        self._examine()
        self._act()
        return self.findings

    def on_train_begin(self, logs: Any = None) -> None:
        self._nonfinite = None
        self._reaction = Reaction()
        self._written = self._examined = None
        self._rule_time = RuleTime()
        self._live.begin()
        super().on_train_begin(logs)
        with self._boundary():
            if self._session is not None:
                self._session.replay_with(self.replay, data_of_fit())
            self._evidence.keeps_best = keeps_best(callbacks_of_fit())
            self._of_fit = EvidenceOfFit(data_of_fit())
            if is_built(self.model):
                self._of_fit.look_at_weights(self.model, self._evidence)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self._evidence.curve.start_epoch()

    on_train_batch_end = unless_it_waits("on_train_batch_end", Monitor.hear_batch)

    def take_loss(self, loss: Any) -> None:
        """Takes the loss of a batch, as Keras reports it, and says when it is bad."""
        session, evidence, found = self._session, self._evidence, False
        if session is None:
            return
        try:
            if evidence.layers is None and is_ready(self.model):
                self._of_fit.look_at_weights(self.model, evidence)
            if loss is not None:
                evidence.curve.add(session.steps_per_batch, loss)
                if self._nonfinite is None and not math.isfinite(loss):
                    found = True
                    self._nonfinite = session.origin_of_bad_loss()
                    self._examine()
        except Exception as error:
            self.switch_off(error)
        self._live.update(self._repr_html_)
        if found:
            self._act()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, logs)
        with self._boundary():
            self._evidence.add_epoch(logs or {})
            self._of_fit.note_validation(self.model)
            self._evidence.reports_means = reports_means(self.model)
            if self._session is not None:
                self._nonfinite = self._nonfinite or self._session.origin
            if self._may_examine():
                self._examine(between_epochs=True)
        self._act()

    def _may_examine(self) -> bool:
        """Returns whether to examine it all again costs little: epochs may be short."""
        share = _SHARE_FOR_ACTIONS if self.actions != "report" else _SHARE_FOR_RULES
        # Several processes have to examine alike, and their clocks differ.
        return self._rule_time.is_left(share) or processes.count() > 1

    def on_train_end(self, logs: Any = None) -> None:
        super().on_train_end(logs)
        self._act()

    def _end_part(self) -> None:
        """Says what was found, also of a training that an exception has ended."""
        with self._boundary():
            self._take_all_losses()
            if self._session is not None and self._nonfinite is None:
                self._nonfinite = self._session.origin_of_bad_weights()
            if self._examined != self._evidence_so_far():
                self._examine(between_epochs=True)
            if self._writer is not None and self._writer.session is not None:
                sampled = self.history.sampled
                self._writer.session.examined(self.findings, self._steps, sampled)
        self._of_fit = EvidenceOfFit()  # which holds none of the data
        super()._end_part()
        self._live.update(self._repr_html_, last=True)
        with self._boundary():
            if self.verbose and processes.is_first():
                print(self._report_or_line())

    def _report_or_line(self) -> str:
        """Returns the report, or one line where nothing is wrong."""
        if self.verbose > 1 or any(f.severity != "info" for f in self.findings):
            return self.report()
        sampled, outcome = self.history.sampled, self.observations.outcome
        return line_without_claims(self.findings, self._steps, sampled, outcome)

    def choose(self, layers: list[MonitoredLayer]) -> list[MonitoredLayer]:
        """Returns the layers to measure; another model is another case."""
        known = self.infos
        chosen = super().choose(layers)
        if self.infos != known:
            self._evidence = ObservationCollector(self._evidence.keeps_best)
        return chosen

    def layers_changed(self) -> None:
        """Notes which layers train, so that frozen ones are not judged."""
        if self._session is not None:
            frozen = describe_frozen(self.model)
            self._evidence.note_frozen(frozen, self._session.step)

    def receive_batch(self, batch: BatchRows) -> None:
        """Takes a few rows of a batch."""
        self._evidence.add_batch(batch)

    @property
    def observations(self) -> Observations:
        """The evidence so far: plain values that can be stored and examined again."""
        self._take_reports()
        return Observations(
            layers=self.infos,
            steps=self.history.steps,
            statistics={name: self.history[name] for name in self.history},
            nonfinite=self._nonfinite,
            last_step=self._steps - 1,
            **self._evidence.as_observed(),
        )

    def _examine(self, between_epochs: bool = False) -> None:
        if self._session is not None:
            self._steps = self._session.steps_trained()
        self._of_fit.look_at_outputs(self.model, self._evidence)
        if between_epochs:
            if self._session is not None:
                self._session.deliver()  # the rows of batches, of which some are due
            self._of_fit.look_at_calls(self.model, self._evidence)
        began = time.perf_counter()  # what comes once is no reason to look less often
        seen = self.observations
        findings = examine(seen, self._failed_rules)
        if findings != self._written and self._writer is not None:
            self._writer.findings(seen.last_step, findings)
            self._written = findings
        if self._writer is not None:
            self._writer.best_constant(best_constant_loss(seen))
        self.findings = findings
        self._examined = self._evidence_so_far()
        self._rule_time.spent += time.perf_counter() - began

    def _evidence_so_far(self) -> tuple[Any, ...]:
        """Returns what grows with the evidence: if it has not, nothing is new."""
        epochs = sum(map(len, self._evidence.epochs.values()))
        return self._steps, len(self.history), epochs, self._nonfinite

    def _act(self) -> None:
        self._reaction.to(self.findings, self.actions, self.model)
