"""Random numbers that no other thread shares."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_TAKE_A_GENERATOR = {
    "rand",
    "randn",
    "randint",
    "randperm",
    "normal",
    "bernoulli",
    "multinomial",
    "poisson",
    "binomial",
    "_standard_gamma",
    "_sample_dirichlet",
    "bernoulli_",
    "normal_",
    "uniform_",
    "exponential_",
    "cauchy_",
    "geometric_",
    "log_normal_",
    "random_",
}
_LIKE = {"rand_like": "uniform_", "randn_like": "normal_"}


class OwnDraws(TorchFunctionMode):
    """Draws from generators of its own what would come from those of the process.

    It acts in the thread that enters it alone. What torch gives no generator to, such
    as `alpha_dropout`, still draws from those of the process.

    Args:
        seed: Where to start. Every device starts there.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed
        self._generators: dict[torch.device, torch.Generator] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.nn.functional.dropout:
            return self._dropout(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name in _LIKE:
            empty = torch.empty_like(*args, **{**kwargs, "requires_grad": False})
            drawn = getattr(empty, _LIKE[name])(generator=self._on(empty.device))
            return drawn.requires_grad_(kwargs.get("requires_grad", False))
        if name in _TAKE_A_GENERATOR and kwargs.get("generator") is None:
            kwargs = {**kwargs, "generator": self._on(_device(args, kwargs))}
        return func(*args, **kwargs)

    def _dropout(
        self,
        input: torch.Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> torch.Tensor:
        if not training or p in (0, 1) or inplace:
            return torch.nn.functional.dropout(input, p, training, inplace)
        mask = torch.empty_like(input)
        mask.bernoulli_(1 - p, generator=self._on(input.device))
        return input * mask.div_(1 - p)

    def _on(self, device: torch.device) -> torch.Generator:
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]


def _device(args: Any, kwargs: dict[str, Any]) -> torch.device:
    """Returns where a function draws: as its first tensor is, or as it is told."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, torch.Tensor):
            return value.device
    told = kwargs.get("device")
    return torch.get_default_device() if told is None else torch.device(told)
