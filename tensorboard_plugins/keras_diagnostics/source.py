"""Reads an experiment through TensorBoard's data provider, as arrays and documents."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_diagnostics import documents
from keras_diagnostics import schema
from keras_diagnostics import tensors
from keras_diagnostics.cache import Cache
from keras_diagnostics.undecoded import Point
from keras_diagnostics.undecoded import UndecodedReader

_WORTH_PREFETCHING = 4
_AT_ONCE = 60  # series in one request
_LONGEST_NAME = 500  # of a layer
_MOST_DOCUMENTS = 10_000  # of one tag
_OTHER_LAYERS = "it is of a model with other layers than the run began with"

Damage = Counter[str]  # why values were left out, and how many


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
        self._reader = UndecodedReader(provider, context, experiment)
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
        return self._list("tensors", plugin, runs, tags)

    def scalars(
        self, runs: Collection[str] | None, tags: Collection[str]
    ) -> dict[str, dict[str, Any]]:
        """Returns those of `tags` that are scalars, by run and tag."""
        return self._list("scalars", "scalars", runs, tags)

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
        vectors, damage = self._cache.get(
            self._key(run, tag, series),
            lambda: _stack(self._read(schema.PLUGIN_NAME, run, tag), layers),
            _bytes_of,
        )
        self._report_damage(run, statistic, damage)
        return vectors if len(vectors.steps) else None

    def prefetch(self, runs: Collection[str], statistics: Iterable[str]) -> None:
        """Reads statistics of many runs at once, which is quicker than one by one."""
        for run, tag, read in self._together(runs, map(schema.tag_of, statistics)):
            series = self._ours()[run][tag]
            content = self._content(run, tag, series)
            if content is not None:
                stacked = _stack(self._points(run, tag, read), _layers_of(content))
                self._cache.put(self._key(run, tag, series), stacked, _bytes_of)

    def prefetch_documents(self, runs: Collection[str], tags: Iterable[str]) -> None:
        """Reads documents of many runs at once."""
        for run, tag, read in self._together(runs, tags):
            key = self._key(run, tag, self._ours()[run][tag])
            parsed = _parse(self._points(run, tag, read))
            self._cache.put(key, parsed, _bytes_of_parsed)

    def _together(
        self, runs: Collection[str], tags: Iterable[str]
    ) -> Iterator[tuple[str, str, list[Point] | Exception]]:
        """Yields run, tag and series of all that the cache lacks, some runs at a time.

        If one of them cannot be read with the others, it costs those some time only.
        """
        listed, wanted = self._ours(), list(tags)
        missing = [
            (run, tag)
            for run in runs
            for tag in wanted
            if tag in listed.get(run, {})
            and self._key(run, tag, listed[run][tag]) not in self._cache
        ]
        if len(missing) < _WORTH_PREFETCHING:
            return
        for first in range(0, len(missing), _AT_ONCE):
            pairs = missing[first : first + _AT_ONCE]
            read = self._reader.tensors(schema.PLUGIN_NAME, pairs)
            yield from ((run, tag, read[run, tag]) for run, tag in pairs)

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

    def last_step(self, run: str, tags: Iterable[str]) -> int:
        """Returns the last step of any of some of our tags of a run."""
        listed = self._ours().get(run, {})
        there = [listed[tag].max_step or 0 for tag in tags if tag in listed]
        return max([0, *there])

    def documents(self, run: str, tag: str) -> list[tuple[int, Any]]:
        """Returns the steps and JSON documents of one of our tags."""
        if not self.has(run, tag):
            return []
        series = self._ours()[run][tag]
        found, damage = self._cache.get(
            self._key(run, tag, series),
            lambda: _parse(self._read(schema.PLUGIN_NAME, run, tag)),
            _bytes_of_parsed,
        )
        self._report_damage(run, tag.split("/")[-1], damage)
        return [(step, document) for step, document, _ in found]

    def document(self, run: str, tag: str) -> Any:
        """Returns the last JSON document of one of our tags, or `None`."""
        documents = self.documents(run, tag)
        return documents[-1][1] if documents else None

    def scalar(self, run: str, tag: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns the steps and values of a scalar series."""
        points = self._points(run, tag, self._reader.scalars(run, tag))
        values, damage = _each(points, tensors.number_of)
        self._report_damage(run, tag, damage)
        steps = np.array([step for step, _ in values], int)
        return _latest(steps, np.array([value for _, value in values], float))

    def histograms(self, run: str, tag: str) -> list[tuple[int, np.ndarray]]:
        """Returns the steps and buckets (left, right, count) of a stock histogram."""
        arrays, damage = _each(self._read("histograms", run, tag), tensors.numbers_of)
        self._report_damage(run, tag, damage)
        return [(step, array) for step, array in arrays if array.ndim == 2]

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
        kind: str,
        plugin: str,
        runs: Collection[str] | None,
        tags: Collection[str] | None,
    ) -> dict[str, dict[str, Any]]:
        frozen = [None if names is None else frozenset(names) for names in (runs, tags)]
        key = (plugin, *frozen)
        if key not in self._listed:
            self._listed[key] = self._reader.listed(kind, plugin, runs, tags)
        return self._listed[key]

    def _read(self, plugin: str, run: str, tag: str) -> list[Point]:
        read = self._reader.tensors(plugin, [(run, tag)])
        return self._points(run, tag, read[run, tag])

    def _points(self, run: str, tag: str, read: list[Point] | Exception) -> list[Point]:
        if isinstance(read, Exception):
            self.report(run, f"{tag!r} cannot be read. {type(read).__name__}: {read}")
            return []
        return read

    def _report_damage(self, run: str, what: str, damage: Damage) -> None:
        for reason, count in damage.items():
            many = "1 value" if count == 1 else f"{count:,} values"
            self.report(run, f"{many} of {what!r} left out as damaged: {reason}.")


@functools.lru_cache(maxsize=4096)
def _decode(content: bytes) -> dict[str, Any]:
    return schema.decode_content(content)


def _layers_of(content: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name[:_LONGEST_NAME] for name in content["layers"])


def _bytes_of(stacked: tuple[Vectors, Damage]) -> int:
    return int(stacked[0].values.nbytes) + 1000


def _bytes_of_parsed(parsed: tuple[list[tuple[int, Any, int]], Damage]) -> int:
    return 10 * sum(size for *_, size in parsed[0]) + 1000


def _each(
    points: Iterable[Point], decode: Callable[[Any], Any]
) -> tuple[list[tuple[int, Any]], Damage]:
    """Returns steps and what was decoded, each on its own, and what was not and why."""
    decoded, damage = [], Counter[str]()
    for step, _, value in points:
        if step < 0:
            damage["it has a negative step"] += 1
            continue
        try:
            decoded.append((int(step), decode(value)))
        except ValueError as error:
            damage[str(error)] += 1
    return decoded, damage


def _parse(points: list[Point]) -> tuple[list[tuple[int, Any, int]], Damage]:
    """Returns step, document and size of each, and what is damaged."""

    def read(value: Any) -> tuple[Any, int]:
        text = tensors.bytes_of(value)
        return documents.parse(text), len(text)

    parsed, damage = _each(points[-_MOST_DOCUMENTS:], read)
    return [(step, document, size) for step, (document, size) in parsed], damage


def _stack(points: list[Point], layers: tuple[str, ...]) -> tuple[Vectors, Damage]:
    """Returns the vectors that have a value per layer, and what was left out."""
    arrays, damage = _each(points, tensors.numbers_of)
    fitting = [(step, array) for step, array in arrays if array.shape == (len(layers),)]
    if len(fitting) < len(arrays):
        # Another model was trained into the same directory.
        damage[_OTHER_LAYERS] += len(arrays) - len(fitting)
    steps = np.array([step for step, _ in fitting], int)
    with np.errstate(over="ignore"):
        values = np.array([array for _, array in fitting], np.float32)
    steps, values = _latest(steps, values.reshape(len(fitting), len(layers)))
    return Vectors(steps, layers, values), damage


def _latest(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns them by increasing step; of several at one step, what came last."""
    unique, reversed_first = np.unique(steps[::-1], return_index=True)
    return unique, values[::-1][reversed_first]
