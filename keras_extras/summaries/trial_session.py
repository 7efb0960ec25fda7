"""Tells TensorBoard's HParams tab of a trial."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from keras_diagnostics.tally import Tally

if TYPE_CHECKING:
    from keras_extras.records.finding import Finding
    from keras_extras.running_trial import RunningTrial

_PREFIX = "trial/"
_FINDING = "first_finding"
_NOT_SHOWN = "tuner/trial_id"  # of Hyperband: the trial whose weights it starts from


class TrialSession:
    """One execution of a trial: hyperparameters, score so far, and findings.

    They are written when the run ends, since TensorBoard reads what it is told of a
    session only once, and only then is it known what was found.

    Args:
        trial: The trial.
        inside: Name of the run within one for which KerasTuner writes the
            hyperparameters, or `None`.

    Attributes:
        findings: The findings, or `None` where nobody looks for any.
        epoch: Integer, the last epoch.
    """

    def __init__(self, trial: RunningTrial, inside: str | None = None) -> None:
        self.findings: Sequence[Finding] | None = None
        self.epoch = 0
        self._tally: Tally | None = None
        self._hyperparameters = trial.trial.hyperparameters
        self._objective = trial.objective
        self._inside = inside
        self._group = trial.trial_id
        if not trial.has_session:  # else in one row with what KerasTuner writes
            self._group = f"{trial.tuner.project_name}/{trial.trial_id}"
        self._began = time.time()
        self._score: float | None = None
        self._known = -1

    def examined(self, findings: Sequence[Finding], steps: int, sampled: int) -> None:
        """Takes what was found in the trial, and in how many steps.

        Args:
            findings: The findings.
            steps: Integer, number of steps trained.
            sampled: Integer, number of them sampled.
        """
        self.findings = tuple(findings)
        self._tally = Tally.of((f.severity for f in findings), steps, sampled)

    def end_epoch(self, epoch: int, logs: Mapping[str, Any]) -> dict[str, float]:
        """Returns the best value of the objective so far, once for each epoch."""
        if epoch == self._known:
            return {}
        self.epoch = self._known = epoch
        if self._objective.has_value(logs):
            value = float(self._objective.get_value(logs))
            better = self._objective.better_than
            if math.isfinite(value) and (
                self._score is None or better(value, self._score)
            ):
                self._score = value
        return {} if self._score is None else {self._tag: self._score}

    @property
    def _tag(self) -> str:
        return f"{_PREFIX}{self._objective.name}"

    def values(self) -> list[Any]:
        """Returns the summaries for the end of the run."""
        from keras_extras.summaries.events import scalar_values

        counts = {} if self._tally is None else self._tally.numbers()
        values = scalar_values({f"{_PREFIX}{k}": float(v) for k, v in counts.items()})
        values.append(self._experiment())
        return values if self._inside else [*values, *self._session()]

    def _hyperparameter_values(self) -> dict[str, Any]:
        values = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self._hyperparameters.values.items()
            if name != _NOT_SHOWN
        }
        if self.findings is not None:
            claims = [f.code for f in self.findings if f.severity != "info"]
            values[_FINDING] = claims[0] if claims else "none"
        return values

    def _session(self) -> list[Any]:
        from tensorboard.plugins.hparams import api_pb2
        from tensorboard.plugins.hparams import metadata
        from tensorboard.plugins.hparams import plugin_data_pb2

        start = plugin_data_pb2.SessionStartInfo(
            group_name=self._group, start_time_secs=self._began
        )
        for name, value in self._hyperparameter_values().items():
            setattr(start.hparams[name], _field_of(value), value)
        end = plugin_data_pb2.SessionEndInfo(
            status=api_pb2.STATUS_SUCCESS, end_time_secs=time.time()
        )
        return [
            _value(metadata.SESSION_START_INFO_TAG, session_start_info=start),
            _value(metadata.SESSION_END_INFO_TAG, session_end_info=end),
        ]

    def _experiment(self) -> Any:
        """Names the columns; else each statistic of each layer would be one."""
        from tensorboard.plugins.hparams import api_pb2
        from tensorboard.plugins.hparams import metadata

        domains = {hp.name: hp for hp in self._hyperparameters.space}
        # Also those that do not apply to this trial: the tab reads one list of names.
        defaults = {name: hp.default for name, hp in domains.items()}
        counts = {} if self._tally is None else self._tally.numbers()
        tags = [self._tag, *(f"{_PREFIX}{name}" for name in counts)]
        experiment = api_pb2.Experiment(
            time_created_secs=self._began,
            hparam_infos=[
                _describe(name, value, domains.get(name))
                for name, value in {**defaults, **self._hyperparameter_values()}.items()
            ],
            metric_infos=[
                api_pb2.MetricInfo(
                    name=api_pb2.MetricName(group=self._inside or "", tag=tag),
                    display_name=tag.removeprefix(_PREFIX),
                )
                for tag in tags
            ],
        )
        return _value(metadata.EXPERIMENT_TAG, experiment=experiment)


def _field_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool_value"
    return "string_value" if isinstance(value, str) else "number_value"


def _describe(name: str, value: Any, domain: Any) -> Any:
    from google.protobuf import struct_pb2
    from tensorboard.plugins.hparams import api_pb2

    types = {
        "bool_value": api_pb2.DATA_TYPE_BOOL,
        "string_value": api_pb2.DATA_TYPE_STRING,
        "number_value": api_pb2.DATA_TYPE_FLOAT64,
    }
    info = api_pb2.HParamInfo(name=name, type=types[_field_of(value)])
    if hasattr(domain, "min_value"):
        info.domain_interval.min_value = domain.min_value
        info.domain_interval.max_value = domain.max_value
    elif isinstance(getattr(domain, "values", None), list | tuple):
        for choice in domain.values:
            info.domain_discrete.values.append(
                struct_pb2.Value(**{_field_of(choice): choice})
            )
    return info


def _value(tag: str, **content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams import plugin_data_pb2

    data = plugin_data_pb2.HParamsPluginData(**content)
    return Summary.Value(
        tag=tag,
        metadata=metadata.create_summary_metadata(data),
        tensor=metadata.NULL_TENSOR,
    )
