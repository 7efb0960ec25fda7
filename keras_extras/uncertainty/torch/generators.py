"""The random generators of torch, from which unseeded dropout draws its masks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from keras_extras.uncertainty.torch.own_draws import OwnDraws

# They belong to the process: what one thread seeds, another would draw from. So what
# can be drawn from other generators is, and these are for the rest.
_one_at_a_time = threading.RLock()
_contexts: list[object] = []  # that are open, in any thread
_before: list[tuple[Any, torch.Tensor]] = []  # of the first of them


@contextmanager
def one_sampling_thread(seed: int) -> Iterator[None]:
    """Seeds all generators, which no other thread of ours does meanwhile."""
    with _one_at_a_time, generators_kept(seed):
        yield


@contextmanager
def generators_kept(seed: int | None = None) -> Iterator[None]:
    """Puts all generators back at the end, and seeds them at the start if asked to.

    What this thread draws meanwhile comes from generators of its own wherever it can.
    """
    with _one_at_a_time:
        states = [(generator, generator.get_state()) for generator in _generators()]
        if not _contexts:
            _before.extend(states)
        _contexts.append(object())
        if seed is None:  # go on from where they are
            seed = int(torch.randint(2**31, ()))
        else:
            for generator, _ in states:
                generator.manual_seed(seed)
    try:
        with OwnDraws(seed):
            yield
    finally:
        with _one_at_a_time:
            _put_back(states)
            _contexts.pop()
            if not _contexts:
                # What a context found, that of another thread may have left there.
                _put_back(_before)
                _before.clear()


def _put_back(states: list[tuple[Any, torch.Tensor]]) -> None:
    for generator, state in states:
        generator.set_state(state)


def _generators() -> list[Any]:
    """Returns the generators that are in use: one of the CPU, one of each device."""
    found = [torch.default_generator]
    for device in (torch.cuda, getattr(torch, "xpu", None)):
        if device is not None and device.is_available() and device.is_initialized():
            found += device.default_generators
    if torch.backends.mps.is_available():
        found.append(_OnlyGenerator(torch.mps))
    return found


class _OnlyGenerator:
    """The one generator of a kind of device, which its module gives no object for."""

    def __init__(self, module: Any) -> None:
        self.get_state = module.get_rng_state
        self.set_state = module.set_rng_state
        self.manual_seed = module.manual_seed
