"""Reads series from data providers without decoding what is in them.

`read_tensors` of TensorBoard's providers decodes all series that it is asked for: one
bad tensor in one run makes it fail for all, and one of 200 bytes can ask it for
gigabytes. Below that are events as they were written; their fields are private to
TensorBoard, and listed in `tests/test_tensorboard_internals.py`. With a provider that
has none of them, each series is read on its own, and decoded there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from collections.abc import Iterable
from typing import Any
from typing import NamedTuple

from tensorboard.data.provider import RunTagFilter

_ALL = 1_000_000  # TensorBoard has sampled already; we want all that it kept


class Point(NamedTuple):
    """One value of a series: a `TensorProto`, an array, or a float."""

    step: int
    wall_time: float
    value: Any


Names = Collection[str] | None
Series = dict[tuple[str, str], "list[Point] | Exception"]


class UndecodedReader:
    """Reads series of one experiment; one that cannot be read is an exception.

    Args:
        provider: A `tensorboard.data.provider.DataProvider`.
        context: The request's context.
        experiment: String, the experiment's id.
    """

    def __init__(self, provider: Any, context: Any, experiment: str) -> None:
        self._provider = provider
        self._multiplexer: Any = getattr(provider, "_multiplexer", None)
        self._stub: Any = getattr(provider, "_stub", None)
        self._files = getattr(provider, "undecoded", None)  # a `FileProvider`
        self._asked = {"experiment_id": experiment}
        self._context = context

    def listed(
        self, kind: str, plugin: str, runs: Names, tags: Names
    ) -> dict[str, dict[str, Any]]:
        """Returns the series of a plugin by run and tag.

        One tag that has a description and no value makes TensorBoard's Python loader
        fail to list any: then they are listed one by one.

        Args:
            kind: `"tensors"` or `"scalars"`.
            plugin: String.
            runs: Names of runs, or `None` for all.
            tags: Names of tags, or `None` for all.
        """
        try:
            return self._list(kind, plugin, runs, tags)
        except LookupError:
            found: dict[str, dict[str, Any]] = {}
            described = self._multiplexer.AllSummaryMetadata()
            for run in described if runs is None else set(runs) & set(described):
                for tag in described[run]:
                    if tags is None or tag in tags:
                        with contextlib.suppress(LookupError):
                            one = self._list(kind, plugin, [run], [tag])
                            found.setdefault(run, {}).update(one.get(run, {}))
            return {run: series for run, series in found.items() if series}

    def tensors(self, plugin: str, pairs: Iterable[tuple[str, str]]) -> Series:
        """Returns tensor series by run and tag."""
        pairs = list(pairs)
        if self._stub is not None and len(pairs) > 1:
            with contextlib.suppress(Exception):  # too much at once: one by one
                return self._remote(plugin, pairs)
        return {pair: self._attempt(self._tensor, plugin, *pair) for pair in pairs}

    def scalars(self, run: str, tag: str) -> list[Point] | Exception:
        """Returns a scalar series."""
        return self._attempt(self._scalar, "scalars", run, tag)

    def _list(
        self, kind: str, plugin: str, runs: Names, tags: Names
    ) -> dict[str, dict[str, Any]]:
        method = getattr(self._provider, f"list_{kind}")
        chosen = {"plugin_name": plugin, "run_tag_filter": RunTagFilter(runs, tags)}
        return method(self._context, **self._asked, **chosen)

    def _attempt(self, read: Any, *asked: str) -> list[Point] | Exception:
        try:
            return read(*asked)
        except Exception as error:  # a provider's own: nobody knows all of them
            return error

    def _tensor(self, plugin: str, run: str, tag: str) -> list[Point]:
        if self._multiplexer is not None:
            return self._events(run, tag)
        if self._files is not None:
            return self._files(plugin, run, tag)
        if self._stub is not None:
            return self._remote(plugin, [(run, tag)])[run, tag]
        read = self._provider.read_tensors(self._context, **self._one(plugin, run, tag))
        data = read.get(run, {}).get(tag, [])
        return [Point(datum.step, datum.wall_time, datum.numpy) for datum in data]

    def _scalar(self, plugin: str, run: str, tag: str) -> list[Point]:
        if self._multiplexer is not None:
            return self._events(run, tag)
        if self._files is not None:
            return self._files(plugin, run, tag)
        read = self._provider.read_scalars(self._context, **self._one(plugin, run, tag))
        data = read.get(run, {}).get(tag, [])
        return [Point(datum.step, datum.wall_time, datum.value) for datum in data]

    def _one(self, plugin: str, run: str, tag: str) -> dict[str, Any]:
        chosen = RunTagFilter([run], [tag])
        more = {"plugin_name": plugin, "downsample": _ALL, "run_tag_filter": chosen}
        return {**self._asked, **more}

    def _events(self, run: str, tag: str) -> list[Point]:
        events = self._multiplexer.Tensors(run, tag)
        return [Point(e.step, e.wall_time, e.tensor_proto) for e in events]

    def _remote(self, plugin: str, pairs: list[tuple[str, str]]) -> dict:
        from tensorboard.data.proto import data_provider_pb2 as messages

        request = messages.ReadTensorsRequest(**self._asked)
        request.plugin_filter.plugin_name = plugin
        request.run_tag_filter.runs.names.extend(sorted({run for run, _ in pairs}))
        request.run_tag_filter.tags.names.extend(sorted({tag for _, tag in pairs}))
        request.downsample.num_points = _ALL
        series: dict[tuple[str, str], list[Point]] = {pair: [] for pair in pairs}
        for run in self._stub.ReadTensors(request).runs:
            for tag in run.tags:
                data = tag.data
                points = map(Point, data.step, data.wall_time, data.value)
                series[run.run_name, tag.tag_name] = list(points)
        return series
