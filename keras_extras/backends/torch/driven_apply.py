from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from keras_extras.backends.torch.step_value import StepValue


class DrivenApply:
    """Stands in the place of an optimizer's `apply`, and sets numbers for its time.

    The functions of torch that update all variables at once read a number past its
    Python methods: a proxy would act as the number that it stands for. So it gives
    way, for as long as an update lasts, to a plain one with the value of that update.

    Args:
        optimizer: The optimizer, none that wraps others.
        is_compiled: Whether the step is compiled by torch: an update is not, for it
            would be compiled again for each value.
    """

    def __init__(self, optimizer: Any, is_compiled: bool) -> None:
        self._optimizer = optimizer
        self._own: Callable[..., Any] = optimizer.apply
        self._names: list[str] = []
        self._run = self._apply
        if is_compiled:
            self._run = torch.compiler.disable(self._apply)

    def add(self, name: str) -> None:
        """Lets the proxy in an attribute of the optimizer act on each update."""
        self._names.append(name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(*args, **kwargs)

    def _apply(self, *args: Any, **kwargs: Any) -> Any:
        attributes = vars(self._optimizer)
        proxies = {name: attributes[name] for name in self._names}
        attributes.update(
            {
                name: StepValue(float(proxy), float.__float__(proxy))
                for name, proxy in proxies.items()
            }
        )
        try:
            return self._own(*args, **kwargs)
        finally:
            attributes.update(proxies)
