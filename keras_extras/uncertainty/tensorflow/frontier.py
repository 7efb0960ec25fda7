from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from keras_extras.keras_internals.graph import mask_of
from keras_extras.keras_internals.graph import set_mask
from keras_extras.uncertainty.stochastic import CannotTile
from keras_extras.uncertainty.tensorflow.tensors import Tensor
from keras_extras.uncertainty.tensorflow.tensors import repeat_rows


@dataclass(frozen=True)
class Frontier:
    """The tensors that all samples of a batch start from, with their Keras masks.

    They are handed on as a flat list: first the tensors, then the masks of those that
    have one.

    Attributes:
        batched: For each tensor whether its first axis is that of the batch.
        masked: For each tensor whether it has a mask.
    """

    batched: tuple[bool, ...]
    masked: tuple[bool, ...]

    @classmethod
    def of(
        cls, tensors: Sequence[Tensor], batched: Sequence[bool]
    ) -> tuple[Frontier, list[Tensor]]:
        """Returns the frontier of tensors, and the flat list that they make."""
        masks = [mask_of(tensor) for tensor in tensors]
        frontier = cls(tuple(batched), tuple(mask is not None for mask in masks))
        return frontier, [tf.identity(t) for t in [*tensors, *masks] if t is not None]

    def rows(self, flat: Sequence[Tensor]) -> Tensor:
        """Returns the number of rows of the batch, as a tensor."""
        if True not in self.batched:
            raise CannotTile
        return tf.shape(flat[self.batched.index(True)])[0]

    def tile(self, flat: Sequence[Tensor], count: Tensor) -> list[Tensor]:
        """Repeats the batch `count` times, masks included."""
        batched = self._batched_with_masks()
        return [repeat_rows(t, count) if b else t for t, b in zip(flat, batched)]

    def join(self, parts: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Joins the flat lists of parts of a batch to that of all of it."""
        return [
            tf.concat(tensors, axis=0) if batched else tensors[0]
            for batched, tensors in zip(self._batched_with_masks(), zip(*parts))
        ]

    def with_masks(self, flat: Sequence[Tensor]) -> list[Tensor]:
        """Returns the tensors, each with its mask on it."""
        count = len(self.masked)
        # Masks are set on objects of our own: `tf.identity` makes new ones.
        tensors = [tf.identity(t) for t in flat[:count]]
        masks = iter(flat[count:])
        for tensor, masked in zip(tensors, self.masked):
            if masked:
                set_mask(tensor, next(masks))
        return tensors

    def _batched_with_masks(self) -> list[bool]:
        masked = [b for b, m in zip(self.batched, self.masked) if m]
        return [*self.batched, *masked]
