"""Overrides of methods that hold in one thread and leave all others alone.

What stands on an object for a time is a hook that asks, at each call, what its own
thread wants: other threads, and what is traced or compiled in them, see the method of
the object. Contexts may nest and overlap in any order, and the hook goes with the last.
"""

from __future__ import annotations

import functools
import itertools
import threading
import types
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from keras_extras.keras_internals.overrides import Overrides

_Key = tuple[int, str]
_MARK = "asks its thread"


@dataclass(frozen=True)
class Override:
    """Says what to put in the place of one method of one object.

    Attributes:
        owner: The object.
        method: Name of the method.
        make: Function of the owner and of the method as it is, that returns the other.
    """

    owner: Any
    method: str
    make: Callable[[Any, Callable[..., Any]], Callable[..., Any]]


@dataclass
class _Hook:
    """Stands on an object: its method, how to take the hook off, who needs it."""

    method: Callable[..., Any]
    attribute: Overrides
    users: int = 0


@dataclass(frozen=True)
class _Context:
    """What a thread has overridden, and a number that no other time of it has."""

    number: int
    methods: Mapping[_Key, Callable[..., Any]]


_lock = threading.Lock()
_hooks: dict[_Key, _Hook] = {}
_numbers = itertools.count(1)
_nothing = _Context(0, {})
_in_this_thread: ContextVar[_Context] = ContextVar("overrides", default=_nothing)
_in_all_threads: dict[_Key, Callable[..., Any]] = {}


@contextmanager
def overridden(
    overrides: Sequence[Override], in_all_threads: bool = False
) -> Iterator[None]:
    """Overrides methods for as long as the context lasts, the first one innermost.

    Args:
        overrides: What to override.
        in_all_threads: Whether threads that this one starts need the overrides too,
            as those of a `tf.distribute.Strategy` do; all other threads then have
            them as well.
    """
    with _lock:
        keys = [_take_hook(override) for override in overrides]
    methods, for_all = dict(_in_this_thread.get().methods), dict(_in_all_threads)
    token = _in_this_thread.set(_Context(next(_numbers), methods))
    try:
        for key, override in zip(keys, overrides):
            method = methods.get(key, _hooks[key].method)
            methods[key] = override.make(override.owner, method)
        if in_all_threads:
            _in_all_threads.update(methods)
        yield
    finally:
        if in_all_threads:
            _in_all_threads.clear()
            _in_all_threads.update(for_all)
        _in_this_thread.reset(token)
        with _lock:
            for key in keys:
                _let_go(key)


def context_of_thread() -> int:
    """Returns a number for what this thread has overridden, 0 for nothing."""
    return _in_this_thread.get().number


def is_hook(value: Any) -> bool:
    """Returns whether an attribute of an object stands there for `overridden`."""
    return isinstance(value, types.FunctionType) and _MARK in vars(value)


def _take_hook(override: Override) -> _Key:
    """Puts a hook on a method, if there is none, and keeps it there."""
    key = id(override.owner), override.method
    if key not in _hooks:
        method = getattr(override.owner, override.method)
        hook = _Hook(method, Overrides())
        hook.attribute.set(
            override.owner, override.method, _asks_its_thread(key, method)
        )
        _hooks[key] = hook
    _hooks[key].users += 1
    return key


def _let_go(key: _Key) -> None:
    hook = _hooks[key]
    hook.users -= 1
    if not hook.users:
        hook.attribute.restore()
        del _hooks[key]


def _asks_its_thread(key: _Key, method: Callable[..., Any]) -> Callable[..., Any]:
    # Keras reads the arguments of `call` from the signature, which `wraps` keeps.
    @functools.wraps(method)
    def hook(*args: Any, **kwargs: Any) -> Any:
        known = _in_this_thread.get().methods.get(key) or _in_all_threads.get(key)
        return (known or method)(*args, **kwargs)

    vars(hook)[_MARK] = True
    return hook
