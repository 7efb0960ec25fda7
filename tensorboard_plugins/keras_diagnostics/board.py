"""Reads what logs hold about each training: the layer between series and views."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_diagnostics import hyperparameters
from keras_diagnostics import schema
from keras_diagnostics.curves import joined
from keras_diagnostics.curves import read_curves
from keras_diagnostics.findings import Finding
from keras_diagnostics.findings import read_findings
from keras_diagnostics.layer_table import LayerTable
from keras_diagnostics.request import Request
from keras_diagnostics.sampling import choose_steps
from keras_diagnostics.source import Source
from keras_diagnostics.statistics import STATISTICS
from keras_diagnostics.statistics import Statistic
from keras_diagnostics.statistics import statistics_of
from keras_diagnostics.tally import Tally

# Last parts of the names of runs that are one training together.
_ROLES = ("diagnostics", "uncertainty", "train", "validation")
SCHEDULE = ("learning_rate", "momentum", "weight_decay", "loss_scale")
_FINDER = "learning_rate_finder/"
_UNCERTAINTY = ("mc_entropy", "mc_bald", "mc_nll", "mc_accuracy", "mc_ece")
_MOST_VALUES = 1_000
_EPOCH_LOSS = "epoch_loss"  # of `keras.callbacks.TensorBoard`


class Board:
    """The trainings of one experiment.

    Args:
        source: The `Source` of the request.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._findings: dict[str, list[Finding]] = {}
        self._curves: dict[str, dict[str, Any]] = {}
        self._runs: list[str] | None = None
        self._all_runs: frozenset[str] | None = None

    def runs(self) -> list[str]:
        """Returns the names of the runs to show, in natural order."""
        if self._runs is None:
            ours = self.source.our_runs()
            diagnosed = {_base(run) for run in ours if _role(run) == "diagnostics"}
            shown = {
                run
                for run in ours
                if _role(run) != "uncertainty" or _base(run) not in diagnosed
            }
            self._runs = sorted(shown, key=_natural)
        return self._runs

    def relatives(self, run: str) -> list[str]:
        """Returns the run and those that belong to the same training."""
        if self._all_runs is None:
            self._all_runs = frozenset(self.source.runs())
        base = _base(run)
        names = [run, base, *(_join(base, role) for role in _ROLES)]
        return [n for n in dict.fromkeys(names) if n in self._all_runs]

    def ancestors(self, run: str) -> list[str]:
        """Returns the run, its relatives, and the directories above."""
        names = self.relatives(run)
        parts = _base(run).split("/")
        names += ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
        return [*names, "."]

    def findings(self, run: str) -> list[Finding]:
        """Returns the findings of a run, as it stands now."""
        if run not in self._findings:
            self._findings[run] = self._read_findings(run)
        return self._findings[run]

    def tally(self, run: str) -> Tally:
        """Returns how many findings and steps a run has, as it stands now."""
        severities = [finding["severity"] for finding in self.findings(run)]
        steps = self.last_step(run) + 1
        return Tally.of(severities, steps, self.about(run)["recorded"])

    def was_examined(self, run: str) -> bool:
        """Returns whether anything has looked for findings in the run."""
        return self.source.has(run, schema.FINDINGS_TAG)

    def about(self, run: str) -> dict[str, Any]:
        """Returns what was written about the run, all its trainings together."""
        sessions: dict[str, dict[str, Any]] = {}
        for _, document in self.source.documents(run, schema.RUN_TAG):
            if isinstance(document, dict):
                sessions[str(document.get("session"))] = document
            else:
                self.source.report(run, "What was noted of the run is damaged.")
        document = list(sessions.values())[-1] if sessions else {}
        counts = {
            name: [self._count(run, d, name) for d in sessions.values()]
            for name in ("first_step", "last_step", "recorded")
        }
        values = document.get("values")
        values = [str(v) for v in values] if isinstance(values, list) else []
        return {
            "about": document.get("about"),
            "first_step": min(counts["first_step"], default=0),
            "last_step": max(counts["last_step"], default=0),
            "recorded": sum(counts["recorded"]),
            "values": values[:_MOST_VALUES],
            "best_constant_loss": _finite(document.get("best_constant_loss")),
        }

    def hyperparameters(self, run: str) -> dict[str, Any]:
        """Returns the hyperparameters of the training, wherever they were written."""
        found = hyperparameters.of_hparams(self.source, self.ancestors(run))
        if found:
            return found
        about = self.about(run).get("about")
        return hyperparameters.plain(about if isinstance(about, dict) else {})

    def epochs(self, run: str) -> list[tuple[int, int, dict[str, float]]]:
        """Returns step, epoch and logs of each epoch that ended."""
        epochs: dict[int, tuple[int, int, dict[str, float]]] = {}
        for step, document in self.source.documents(run, schema.EPOCH_TAG):
            logs = document.get("logs") if isinstance(document, dict) else None
            if not isinstance(logs, dict):
                self.source.report(run, f"The logs at step {step} are damaged.")
            else:
                numbers = {str(k): schema.as_number(v) for k, v in logs.items()}
                epochs[step] = (step, schema.as_whole(document.get("epoch")), numbers)
        return [epochs[step] for step in sorted(epochs)]

    def final_logs(self, run: str) -> dict[str, float]:
        """Returns the last epoch's logs, ours or those of TensorBoard's callback."""
        epochs = self.epochs(run)
        if epochs:
            return epochs[-1][2]
        losses = {}
        for name, role in (("loss", "train"), ("val_loss", "validation")):
            other = _join(_base(run), role)
            if self._listed(other, [_EPOCH_LOSS]):
                losses[name] = float(self.source.scalar(other, _EPOCH_LOSS)[1][-1])
        return losses

    def last_step(self, run: str) -> int:
        """Returns the last step of the training that anything is known of."""
        # Each curve is written at its last step: that it is there says enough.
        of_curves = self.source.last_step(run, [schema.CURVE_TAG])
        told = max(self.about(run)["last_step"], of_curves)
        tags = [schema.tag_of(statistic) for statistic in STATISTICS]
        return told or self.source.last_step(run, tags)

    def statistics(self, run: str, card: str) -> list[Statistic]:
        """Returns the statistics of a card that the run has."""
        return [
            statistic
            for statistic in statistics_of(card)
            if self.source.has(run, schema.tag_of(statistic.id))
        ]

    def layers(self, run: str) -> tuple[str, ...]:
        """Returns the names of the run's layers, in model order."""
        return self.source.layers(run, STATISTICS)

    def table(
        self, run: str, statistic: Statistic, request: Request
    ) -> LayerTable | None:
        """Returns a statistic at all steps in the range asked for."""
        vectors = self.source.vectors(run, statistic.id)
        if vectors is None:
            return None
        inside = request.contains(vectors.steps)
        steps = vectors.steps[inside]
        values = vectors.values[inside].T
        broken = self._broken(run, statistic, steps, vectors.layers, values)
        values = np.where(broken & np.isfinite(values), np.nan, values)
        known = np.isfinite(values).any(axis=1) | broken.any(axis=1)
        named = [request.pattern.is_in(name) for name in vectors.layers]
        chosen = known & np.array(named, bool)
        layers = tuple(n for n, kept in zip(vectors.layers, chosen) if kept)
        return LayerTable(run, steps, layers, values[chosen], broken[chosen])

    def sampled(self, table: LayerTable, columns: int) -> LayerTable:
        """Returns the table at so many of its steps, those of findings included."""
        bounds = [
            finding[end]
            for finding in self.findings(table.run)
            for end in ("first_step", "last_step")
        ]
        marked = np.asarray(table.broken.any(axis=0))
        return table.at(choose_steps(table.steps, columns, marked, bounds))

    def schedule(self, run: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Returns steps and values of the learning rate and the like."""
        found = self._scalars(run, self._schedule_tags(run))
        for name, series in self.curves(run)["hyperparameters"].items():
            if name.split("/")[0] in SCHEDULE:
                found[name] = joined(found[name], series) if name in found else series
        return {tag: found[tag] for tag in self._schedule_tags(run) if tag in found}

    def curves(self, run: str) -> dict[str, dict[str, Any]]:
        """Returns logs and hyperparameters of every step, as far as they are known."""
        if run not in self._curves:
            self._curves[run] = read_curves(self.source, run)
        return self._curves[run]

    def uncertainty(self, run: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Returns epochs and values of what `UncertaintyLogger` wrote."""
        found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for relative in self.relatives(run):
            found = found or self._scalars(relative, _UNCERTAINTY)
        return found

    def sweep(self, run: str) -> dict[str, Any] | None:
        """Returns what a learning-rate finder wrote, or `None`."""
        sweep = self.source.document(run, schema.SWEEP_TAG)
        if isinstance(sweep, dict):
            return sweep
        names = ("learning_rate", "loss", "smoothed_loss")
        series = self._scalars(run, [_FINDER + name for name in names])
        if len(series) < len(names):
            return None
        rates, losses, smoothed = (series[_FINDER + name][1] for name in names)
        return {"rates": rates, "losses": losses, "smoothed": smoothed}

    def histogram_tags(self, run: str) -> list[str]:
        """Returns the tags of histograms of gradients and activations."""
        tags = self.source.tensors("histograms").get(run, {})  # all runs: listed once
        return [tag for tag in tags if tag.startswith(("gradient/", "activation/"))]

    def cards(self, run: str) -> list[str]:
        """Returns the ids of the cards that have something to show for a run."""
        has = {
            "loss": self.source.has(run, schema.EPOCH_TAG)
            or self.source.has(run, schema.CURVE_TAG),
            "schedule": self.source.has(run, schema.CURVE_TAG)
            or bool(self._listed(run, self._schedule_tags(run))),
            **{card: bool(self.statistics(run, card)) for card in _LAYER_CARDS},
            "finder": self.source.has(run, schema.SWEEP_TAG)
            or bool(self._listed(run, [_FINDER + "loss"])),
            "uncertainty": any(
                self._listed(relative, _UNCERTAINTY) for relative in self.relatives(run)
            ),
            "histogram": bool(self.histogram_tags(run)),
        }
        return [card for card, there in has.items() if there]

    def _count(self, run: str, document: dict[str, Any], name: str) -> int:
        value = document.get(name)
        count = schema.as_whole(value)
        if value is not None and count != value:
            self.source.report(run, f"Its {name.replace('_', ' ')} is damaged.")
        return count

    def _read_findings(self, run: str) -> list[Finding]:
        documents = self.source.documents(run, schema.FINDINGS_TAG)
        if not documents:
            return []
        step, document = documents[-1]
        try:
            found, damaged = read_findings(document, run)
        except ValueError as error:
            self.source.report(
                run, f"The findings at step {step} are damaged: {error}."
            )
            return []
        for text in damaged:
            self.source.report(run, f"{text} at step {step}.")
        return found

    def _broken(
        self,
        run: str,
        statistic: Statistic,
        steps: np.ndarray,
        layers: tuple[str, ...],
        values: np.ndarray,
    ) -> np.ndarray:
        """Returns where a value that is not finite is what was measured.

        NaN also stands for what a layer does not have; the share of non-finite values
        and the layer's other steps tell which it is.
        """
        broken = np.isinf(values)
        has_values = np.isfinite(values).any(axis=1, keepdims=True)
        shares = self.source.vectors(run, statistic.nonfinite)
        if shares is None or shares.layers != layers:
            return broken | (np.isnan(values) & has_values)
        at = np.searchsorted(shares.steps, steps).clip(0, len(shares.steps) - 1)
        same = shares.steps[at] == steps
        share = np.where(same, shares.values[at].T, np.nan)
        unknown = np.isnan(share) & has_values
        if statistic.scale == "share":
            return broken | (share > 0)
        return broken | (np.isnan(values) & ((share > 0) | unknown | has_values))

    def _schedule_tags(self, run: str) -> list[str]:
        known = [*self.about(run)["values"], *self.curves(run)["hyperparameters"]]
        named = [v for v in known if v.split("/")[0] in SCHEDULE]
        return list(dict.fromkeys([*named, *SCHEDULE]))

    def _listed(self, run: str, tags: Iterable[str]) -> list[str]:
        found = self.source.scalars(None, list(tags)).get(run, {})
        return [tag for tag in tags if tag in found]

    def _scalars(
        self, run: str, tags: Iterable[str]
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        return {tag: self.source.scalar(run, tag) for tag in self._listed(run, tags)}


_LAYER_CARDS = tuple(dict.fromkeys(s.card for s in STATISTICS.values()))


def _finite(value: Any) -> float | None:
    number = schema.as_number(value)
    return number if np.isfinite(number) else None


def _role(run: str) -> str | None:
    last = run.split("/")[-1]
    return last if last in _ROLES else None


def _base(run: str) -> str:
    if _role(run) is None:
        return run
    return "/".join(run.split("/")[:-1]) or "."


def _join(base: str, role: str) -> str:
    return role if base == "." else f"{base}/{role}"


def _natural(name: str) -> list[Any]:
    parts = re.split(r"(\d+)", name)
    return [int(part) if part.isdecimal() else part for part in parts]
