"""Keeps samplers for as long as what was compiled for them is up to date."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

from keras_extras.keras_internals.baked_in import BakedIn
from keras_extras.uncertainty.sampler import Sampler

_KEPT = 8  # of each model

_Samplers = dict[Any, tuple[Sampler, BakedIn]]
_cache: weakref.WeakKeyDictionary[Any, _Samplers] = weakref.WeakKeyDictionary()
_lock = threading.RLock()


def cached_sampler(model: Any, key: Any, make: Callable[[], Sampler]) -> Sampler:
    """Returns the sampler that was made for a model and a key, or makes it.

    Args:
        model: The model, which is held weakly.
        key: Beside the model, all that the sampler is made for.
        make: Makes the sampler.
    """
    with _lock:
        samplers = _cache.setdefault(model, {})
        if key in samplers and samplers[key][1].is_current(model):
            return samplers[key][0]
        samplers.pop(key, None)
        while len(samplers) >= _KEPT:
            samplers.pop(next(iter(samplers)))
        sampler = make()
        # Afterwards: the first call of a layer sets attributes of it.
        samplers[key] = sampler, BakedIn(model)
        return sampler
