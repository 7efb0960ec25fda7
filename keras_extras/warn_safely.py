from __future__ import annotations

import sys
import warnings


def warn_safely(text: str, stacklevel: int = 1) -> None:
    """Warns of what went wrong in a training that is to go on.

    Where warnings are errors (`python -W error`), the text is printed instead: the
    exception would end the training.

    Args:
        text: What to say.
        stacklevel: As in `warnings.warn`, for the caller of this function.
    """
    try:
        warnings.warn(text, stacklevel=stacklevel + 1)
    except Warning:
        print(f"keras_extras: {text}", file=sys.stderr)
