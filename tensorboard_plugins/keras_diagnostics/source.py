"""Reads an experiment through TensorBoard's data provider, as arrays and documents."""

from __future__ import annotations

import functools
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from tensorboard.data.provider import RunTagFilter

from keras_diagnostics import schema

_ALL = 1_000_000  # TensorBoard has sampled already; we want all that it kept
_CACHE_BYTES = 256_000_000
_WORTH_PREFETCHING = 4


@dataclass(frozen=True)
class Vectors:
    """One statistic of one run: a row for each step, a column for each layer."""

    steps: np.ndarray
    layers: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class Problem:
    """Something that could not be read, in words for the reader."""

    run: str | None
    text: str


class Cache:
    """Keeps what was read last, up to a number of bytes; for several threads."""

    def __init__(self, most_bytes: int = _CACHE_BYTES) -> None:
        self._kept: OrderedDict[Any, tuple[int, Any]] = OrderedDict()
        self._most, self._bytes = most_bytes, 0
        self._lock = threading.Lock()

    def __contains__(self, key: Any) -> bool:
        return key in self._kept

    def get(self, key: Any, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """Returns the value of `key`, made if it is not there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][1]
        value = make()
        self.put(key, value, size)
        return value

    def put(self, key: Any, value: Any, size: Callable[[Any], int]) -> None:
        """Keeps a value, and drops those that nobody has asked for longest."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = (size(value), value)
                self._bytes += self._kept[key][0]
            while self._bytes > self._most and len(self._kept) > 1:
                _, (freed, _) = self._kept.popitem(last=False)
                self._bytes -= freed


class Source:
    """Reads what there is to see in one experiment, at the time of one request.

    Args:
        provider: A `tensorboard.data.provider.DataProvider`, or what has its methods
            for scalars and tensors.
        context: The request's context.
        experiment: String, the experiment's id.
        cache: A `Cache`, which later requests share.
    """

    def __init__(
        self, provider: Any, context: Any, experiment: str, cache: Cache
    ) -> None:
        self._provider = provider
        self._context = context
        self._experiment = experiment
        self._cache = cache
        self.problems: list[Problem] = []
        self._listed: dict[Any, dict[str, dict[str, Any]]] = {}

    def runs(self) -> list[str]:
        """Returns the names of all runs."""
        found = self._provider.list_runs(self._context, experiment_id=self._experiment)
        return [run.run_name for run in found]

    def tensors(
        self,
        plugin: str,
        runs: Collection[str] | None = None,
        tags: Collection[str] | None = None,
    ) -> dict[str, dict[str, Any]]:
        """Returns the tensor series of a plugin, by run and tag."""
        return self._list(self._provider.list_tensors, plugin, runs, tags)

    def scalars(
        self, runs: Collection[str] | None, tags: Collection[str]
    ) -> dict[str, dict[str, Any]]:
        """Returns those of `tags` that are scalars, by run and tag."""
        return self._list(self._provider.list_scalars, "scalars", runs, tags)

    def vectors(self, run: str, statistic: str) -> Vectors | None:
        """Returns a statistic of the layers, or `None` if the run has none."""
        tag = schema.tag_of(statistic)
        series = self._ours([run]).get(run, {}).get(tag)
        if series is None:
            return None
        content = self._content(run, tag, series)
        if content is None or content.get("kind") != "layers":
            return None
        layers = _layers_of(content)
        vectors, dropped = self._cache.get(
            self._key(run, tag, series),
            lambda: _stack(self._read_tensors(schema.PLUGIN_NAME, run, tag), layers),
            _bytes_of,
        )
        if dropped:
            self.report(
                run,
                f"{dropped} steps of {statistic!r} belong to a model with other layers "
                "than the run began with, and are left out.",
            )
        return vectors if len(vectors.steps) else None

    def prefetch(self, runs: Collection[str], statistics: Iterable[str]) -> None:
        """Reads statistics of many runs at once, which is quicker than one by one."""
        listed = self._ours()
        tags = [schema.tag_of(statistic) for statistic in statistics]
        missing = [
            (run, tag)
            for run in runs
            for tag in tags
            if tag in listed.get(run, {})
            and self._key(run, tag, listed[run][tag]) not in self._cache
        ]
        if len(missing) < _WORTH_PREFETCHING:
            return
        data = self._provider.read_tensors(
            self._context,
            experiment_id=self._experiment,
            plugin_name=schema.PLUGIN_NAME,
            downsample=_ALL,
            run_tag_filter=RunTagFilter({run for run, _ in missing}, set(tags)),
        )
        for run, tag in missing:
            series = listed[run][tag]
            content = self._content(run, tag, series)
            read = data.get(run, {}).get(tag)
            if content is not None and read is not None:
                stacked = _stack(list(read), _layers_of(content))
                self._cache.put(self._key(run, tag, series), stacked, _bytes_of)

    def layers(self, run: str, statistics: Iterable[str]) -> tuple[str, ...]:
        """Returns the names of the layers of a run."""
        listed = self._ours().get(run, {})
        for statistic in statistics:
            tag = schema.tag_of(statistic)
            content = self._content(run, tag, listed[tag]) if tag in listed else None
            if content is not None:
                return _layers_of(content)
        return ()

    def has(self, run: str, tag: str) -> bool:
        """Returns whether a run has one of our tags, in a format we know."""
        series = self._ours().get(run, {}).get(tag)
        return series is not None and self._content(run, tag, series) is not None

    def our_runs(self) -> set[str]:
        """Returns the runs that have anything of ours."""
        return set(self._ours())

    def last_step(self, run: str, statistics: Iterable[str]) -> int:
        """Returns the last step of any of some statistics of a run."""
        listed = self._ours().get(run, {})
        tags = map(schema.tag_of, statistics)
        return max((listed[tag].max_step for tag in tags if tag in listed), default=0)

    def documents(self, run: str, tag: str) -> list[tuple[int, Any]]:
        """Returns the steps and JSON documents of one of our tags."""
        if not self.has(run, tag):
            return []
        documents = []
        series = self._ours()[run][tag]
        data = self._cache.get(
            self._key(run, tag, series),
            lambda: self._read_tensors(schema.PLUGIN_NAME, run, tag),
            lambda data: 1000 * (len(data) + 1),
        )
        for datum in data:
            try:
                documents.append((datum.step, json.loads(datum.numpy.item())))
            except (ValueError, TypeError):
                self.report(
                    run, f"A document of {tag!r} at step {datum.step} is damaged."
                )
        return documents

    def document(self, run: str, tag: str) -> Any:
        """Returns the last JSON document of one of our tags, or `None`."""
        documents = self.documents(run, tag)
        return documents[-1][1] if documents else None

    def scalar(self, run: str, tag: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns the steps and values of a scalar series."""
        data = self._provider.read_scalars(
            self._context,
            experiment_id=self._experiment,
            plugin_name="scalars",
            downsample=_ALL,
            run_tag_filter=RunTagFilter([run], [tag]),
        )
        points = data.get(run, {}).get(tag, [])
        steps = np.array([point.step for point in points], int)
        values = np.array([point.value for point in points], float)
        return _latest(steps, values)

    def histograms(self, run: str, tag: str) -> list[tuple[int, np.ndarray]]:
        """Returns the steps and buckets (left, right, count) of a stock histogram."""
        data = self._read_tensors("histograms", run, tag)
        return [(d.step, d.numpy) for d in data if d.numpy.ndim == 2]

    def report(self, run: str | None, text: str) -> None:
        """Notes a problem, once."""
        problem = Problem(run, text)
        if problem not in self.problems:
            self.problems.append(problem)

    def _ours(self, runs: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
        listed = self._listed.get((schema.PLUGIN_NAME, None, None))
        return listed or self.tensors(schema.PLUGIN_NAME, runs)

    def _key(self, run: str, tag: str, series: Any) -> tuple[Any, ...]:
        """Returns what changes when there is more to read."""
        return (self._experiment, run, tag, series.max_step, series.max_wall_time)

    def _content(self, run: str, tag: str, series: Any) -> dict[str, Any] | None:
        try:
            return _decode(bytes(series.plugin_content))
        except ValueError as error:
            self.report(run, f"{tag!r} cannot be read. {error}")
            return None

    def _list(
        self,
        method: Any,
        plugin: str,
        runs: Collection[str] | None,
        tags: Collection[str] | None,
    ) -> dict[str, dict[str, Any]]:
        frozen = [None if names is None else frozenset(names) for names in (runs, tags)]
        key = (plugin, *frozen)
        if key not in self._listed:
            self._listed[key] = method(
                self._context,
                experiment_id=self._experiment,
                plugin_name=plugin,
                run_tag_filter=RunTagFilter(runs, tags),
            )
        return self._listed[key]

    def _read_tensors(self, plugin: str, run: str, tag: str) -> list[Any]:
        data = self._provider.read_tensors(
            self._context,
            experiment_id=self._experiment,
            plugin_name=plugin,
            downsample=_ALL,
            run_tag_filter=RunTagFilter([run], [tag]),
        )
        return list(data.get(run, {}).get(tag, []))


_decode = functools.lru_cache(maxsize=4096)(schema.decode_content)


def _layers_of(content: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(name) for name in content.get("layers", ()))


def _bytes_of(stacked: tuple[Vectors, int]) -> int:
    return int(stacked[0].values.nbytes) + 1000


def _stack(data: list[Any], layers: tuple[str, ...]) -> tuple[Vectors, int]:
    """Returns the vectors that have a value per layer, and how many have not."""
    fitting = [d for d in data if d.numpy.shape == (len(layers),)]
    steps = np.array([d.step for d in fitting], int)
    values = np.array([d.numpy for d in fitting], np.float32)
    steps, values = _latest(steps, values.reshape(len(fitting), len(layers)))
    return Vectors(steps, layers, values), len(data) - len(fitting)


def _latest(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns them by increasing step; of several at one step, what came last."""
    unique, reversed_first = np.unique(steps[::-1], return_index=True)
    return unique, values[::-1][reversed_first]
