from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keras.src.backend.common import global_state

_NAME = "global_seed_generator"


@contextmanager
def global_generator_is(generator: Any | None) -> Iterator[None]:
    """Has `keras.random` draw from a generator where it is given no seed.

    In this thread alone, where the generator of the user is neither read nor moved.

    Args:
        generator: A `keras.random.SeedGenerator`, or `None` to change nothing.
    """
    if generator is None:
        yield
        return
    before = global_state.get_global_attribute(_NAME)
    global_state.set_global_attribute(_NAME, generator)
    try:
        yield
    finally:
        global_state.set_global_attribute(_NAME, before)
