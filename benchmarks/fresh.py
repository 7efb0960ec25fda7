"""Runs functions in fresh processes, where nothing was traced or started before.

The processes import TensorFlow themselves, before anything is measured: a forked one
copies the page of each object that it touches first, at the cost of who touches it.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

_SPAWN = multiprocessing.get_context("spawn")


def in_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Returns what `function` returns, which must be possible to pickle.

    Raises:
        RuntimeError: If the process ends without a result.
    """
    ours, theirs = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=_send, args=(theirs, function, arguments))
    process.start()
    theirs.close()
    try:
        result = ours.recv()
    except EOFError:
        result = None
    process.join()
    if process.exitcode != 0:
        raise RuntimeError(f"The process ended with {process.exitcode}.")
    return result


def _send(pipe: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    pipe.send(function(*arguments))
    pipe.close()
