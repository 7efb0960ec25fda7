"""Where Keras gets the batches of an epoch from, without keeping that alive."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable
from typing import Any


def source_of_epochs(epoch_iterator: Any) -> Callable[[], Any]:
    """Returns what `_get_iterator` of Keras' iterator over epochs is now.

    A replacement that stands on the iterator must not hold it: `FitGuard` notices the
    end of a `fit` by the iterator going.
    """
    source = epoch_iterator._get_iterator
    if not isinstance(source, types.MethodType):
        return source  # a replacement already, such as that of another ring
    method = weakref.WeakMethod(source)

    def get() -> Any:
        bound = method()
        assert bound is not None
        return bound()

    return get
