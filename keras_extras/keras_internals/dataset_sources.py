from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def with_sources(dataset: Any) -> Iterator[Any]:
    """Yields a `tf.data.Dataset` and all that it was made from."""
    yield dataset
    for source in getattr(dataset, "_inputs", list)():
        yield from with_sources(source)
