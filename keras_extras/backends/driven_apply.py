from __future__ import annotations

from collections.abc import Callable
from typing import Any


class DrivenApply:
    """Stands in the place of an optimizer's `apply`, and sets numbers for its time.

    A proxy is a float, so that files hold what it stands for. But functions of torch
    read a float past its Python methods, and many of JAX do. So proxies give way, for
    as long as an update lasts, to something that acts with the value of that update.

    Args:
        optimizer: The optimizer, none that wraps others.
        value_of: Returns what takes the place of a proxy, once for each update.
        wrap: What to wrap the update in. Defaults to `None`.
    """

    def __init__(
        self,
        optimizer: Any,
        value_of: Callable[[Any], Any],
        wrap: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
    ) -> None:
        self._optimizer = optimizer
        self._own: Callable[..., Any] = optimizer.apply
        self._value_of = value_of
        self._names: list[str] = []
        self._run = self._apply if wrap is None else wrap(self._apply)

    def add(self, name: str) -> None:
        """Lets the proxy in an attribute of the optimizer act on each update."""
        self._names.append(name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(*args, **kwargs)

    def _apply(self, *args: Any, **kwargs: Any) -> Any:
        attributes = vars(self._optimizer)
        proxies = {name: attributes[name] for name in self._names}
        values = {name: self._value_of(proxy) for name, proxy in proxies.items()}
        attributes.update(values)
        try:
            return self._own(*args, **kwargs)
        finally:
            attributes.update(proxies)
