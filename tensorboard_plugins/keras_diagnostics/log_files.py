"""A directory of logs, read without TensorBoard running and without TensorFlow.

`FileProvider` lists series as TensorBoard's data provider does, and hands them out
undecoded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.data import provider

from keras_diagnostics import schema
from keras_diagnostics.event_files import Records
from keras_diagnostics.event_files import event_files
from keras_diagnostics.source import Problem
from keras_diagnostics.statistics import STATISTICS
from keras_diagnostics.undecoded import Point

_MOST = 2000  # steps kept of a tag; then every other one goes
_PLUGINS = (schema.PLUGIN_NAME, "hparams", "scalars")  # histograms take much room
# Scalars that repeat what our vectors hold, one tag for each layer.
_OF_LAYERS = ("gradient_", "activation_", "weight_", "update_")
_SEEN = frozenset(
    schema.tag_of(name)
    for statistic in STATISTICS.values()
    for name in (statistic.id, statistic.nonfinite)
) | set(schema.DOCUMENT_TAGS)


@dataclass
class _Series:
    """Holds what was kept of one tag."""

    plugin: str
    content: bytes = b""
    every: int = 1
    seen: int = 0
    points: list[tuple[int, float, Any]] = field(default_factory=list)
    last: tuple[int, float, Any] = (0, 0.0, None)

    def add(self, point: tuple[int, float, Any]) -> None:
        """Keeps a point, or only every so manieth of many; the last one always."""
        self.last = point
        if self.seen % self.every == 0:
            self.points.append(point)
        self.seen += 1
        if len(self.points) > _MOST:
            del self.points[1::2]
            self.every *= 2

    def all(self) -> list[tuple[int, float, Any]]:
        """Returns the points kept, the last one included."""
        is_in = bool(self.points) and self.points[-1] is self.last
        return self.points if is_in else [*self.points, self.last]


class FileProvider:
    """Reads all event files below a directory, once.

    Args:
        log_dir: Path of the directory.

    Attributes:
        problems: What could not be read.

    Raises:
        ValueError: If there is no such directory.
    """

    def __init__(self, log_dir: str | os.PathLike[str]) -> None:
        root = Path(log_dir)
        if not root.is_dir():
            raise ValueError(
                f"`log_dir` must be a directory. Received: log_dir={str(log_dir)!r}"
            )
        self.problems: list[Problem] = []
        self._runs: dict[str, dict[str, _Series]] = {}
        for folder in _folders(root):
            # Names of files need not be UTF-8; what is written must be.
            name = os.fsencode(folder.relative_to(root)).decode("utf-8", "replace")
            name = name.replace(os.sep, "/")
            for path in event_files(folder):
                self._read(path, self._runs.setdefault(name, {}), name)

    def list_runs(self, context: Any, *, experiment_id: str) -> list[Any]:
        """Returns the runs."""
        return [SimpleNamespace(run_name=name) for name in self._runs]

    def list_tensors(
        self, context: Any, *, experiment_id: str, plugin_name: str, run_tag_filter: Any
    ) -> dict[str, dict[str, Any]]:
        """Returns what series there are, by run and tag."""
        return {
            run: {
                tag: provider.TensorTimeSeries(
                    max_step=max(point[0] for point in series.all()),
                    max_wall_time=series.last[1],
                    plugin_content=series.content,
                    description="",
                    display_name="",
                )
                for tag, series in tags.items()
            }
            for run, tags in self._select(plugin_name, run_tag_filter)
        }

    list_scalars = list_tensors

    def undecoded(self, plugin: str, run: str, tag: str) -> list[Point]:
        """Returns the values of a series as they were written."""
        series = self._runs.get(run, {}).get(tag)
        if series is None or series.plugin != plugin:
            return []
        return [Point(*point) for point in series.all()]

    def _select(
        self, plugin: str, run_tag_filter: Any
    ) -> Iterator[tuple[str, dict[str, _Series]]]:
        runs, tags = run_tag_filter.runs, run_tag_filter.tags
        for run, all_tags in self._runs.items():
            chosen = {
                tag: series
                for tag, series in all_tags.items()
                if series.plugin == plugin and (tags is None or tag in tags)
            }
            if chosen and (runs is None or run in runs):
                yield run, chosen

    def _read(self, path: Path, tags: dict[str, _Series], run: str) -> None:
        records = Records(path)
        lost = 0
        try:
            for data in records:
                try:
                    _take(Event.FromString(data), tags)
                except (DecodeError, ValueError, TypeError):
                    lost += 1
        except OSError as error:
            self.problems.append(Problem(run, f"{path.name} cannot be read: {error}."))
        if lost:
            text = f"{lost} records of {path.name} are damaged and left out."
            self.problems.append(Problem(run, text))
        if records.fault is not None:
            kind, offset = records.fault.kind, records.fault.offset
            text = f"{path.name} is {kind} at byte {offset:,}; the rest is missing."
            self.problems.append(Problem(run, text))


def _folders(root: Path) -> list[Path]:
    """Returns the directories with logs, each once, though links may lead in circles.

    As in TensorBoard, a link to a directory of runs is followed wherever it leads.
    """
    found, seen = [], set(Path(os.path.realpath(root)).parents)
    for folder, names, _ in os.walk(root, followlinks=True):
        place = Path(os.path.realpath(folder))
        if place in seen:
            names.clear()
            continue
        seen.add(place)
        found.append(Path(folder))
    return sorted(folder for folder in found if event_files(folder))


def _take(event: Any, tags: dict[str, _Series]) -> None:
    """Adds the values of an event that somebody could ask for."""
    for value in event.summary.value:
        tag = value.tag
        is_simple = value.HasField("simple_value")
        if is_simple and tag.startswith(_OF_LAYERS):
            continue
        series = tags.get(tag)
        if series is None:
            data = value.metadata.plugin_data
            plugin = "scalars" if is_simple else data.plugin_name
            is_unseen = plugin == schema.PLUGIN_NAME and tag not in _SEEN
            if plugin not in _PLUGINS or is_unseen:
                continue
            series = tags[tag] = _Series(plugin, data.content)
        kept = value.simple_value if is_simple else value.tensor
        series.add((event.step, event.wall_time, kept))
