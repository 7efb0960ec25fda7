from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

_CACHE_BYTES = 256_000_000


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
