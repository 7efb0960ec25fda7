from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

from keras_extras.keras_internals.graph import mask_of
from keras_extras.keras_internals.graph import set_mask

Tensor = Any


@dataclass(frozen=True)
class Frontier:
    """The tensors that all samples of a batch start from, with their Keras masks.

    They are handed on as a flat list: first the tensors, then the masks of those that
    have one.

    Attributes:
        batched: For each tensor whether its first axis is that of the batch.
        masked: For each tensor whether it has a mask.
        present: For each place whether there is a tensor: an optional input that is
            `None` has none.
    """

    batched: tuple[bool, ...] = ()
    masked: tuple[bool, ...] = ()
    present: tuple[bool, ...] = ()

    @classmethod
    def of(
        cls, tensors: Sequence[Tensor], batched: Sequence[bool]
    ) -> tuple[Frontier, list[Tensor]]:
        """Returns the frontier of tensors, and the flat list that they make."""
        present = tuple(tensor is not None for tensor in tensors)
        there = [tensor for tensor in tensors if tensor is not None]
        batched = tuple(b for b, is_there in zip(batched, present) if is_there)
        masks = [mask_of(tensor) for tensor in there]
        frontier = cls(batched, tuple(mask is not None for mask in masks), present)
        return frontier, [t for t in [*there, *masks] if t is not None]

    def first_batched(self) -> int | None:
        """Returns the place of a tensor that has a row for each input, if any does."""
        return self.batched.index(True) if True in self.batched else None

    def batched_with_masks(self) -> list[bool]:
        """Returns for each tensor of the flat list whether it has rows."""
        masked = [b for b, m in zip(self.batched, self.masked) if m]
        return [*self.batched, *masked]

    def join(self, parts: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Joins the flat lists of parts of a batch to that of all of it."""
        return [
            ops.concatenate(tensors, axis=0) if batched else tensors[0]
            for batched, tensors in zip(self.batched_with_masks(), zip(*parts))
        ]

    def with_masks(self, flat: Sequence[Tensor]) -> list[Tensor]:
        """Returns the tensors, each with its mask on it.

        Args:
            flat: The flat list, whose tensors must be objects of the caller's own.
        """
        count = len(self.masked)
        tensors, masks = list(flat[:count]), iter(flat[count:])
        for tensor, masked in zip(tensors, self.masked):
            if masked:
                set_mask(tensor, next(masks))
        rest = iter(tensors)
        return [next(rest) if is_there else None for is_there in self.present]
