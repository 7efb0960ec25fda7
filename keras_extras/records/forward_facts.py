from __future__ import annotations

from dataclasses import dataclass

from keras_extras.records.constant_layer import ConstantLayer
from keras_extras.records.moving_statistics import MovingStatistics


@dataclass(frozen=True)
class ForwardFacts:
    """Says what a few calls of the model on a few rows have shown.

    Attributes:
        unowned: Paths of the trainable variables that the model reads and does not
            own.
        drawn_by: Names of the layers that drew random numbers in inference.
        drawn_on_purpose: Whether these are layers of keras_extras, or the training
            has terms of its own, as that of a variational model.
        varies: Float. By how much two evaluations of the same rows differ, as a part
            of the largest prediction.
        depends: Float. By how much the prediction for a row differs alone and among
            others, likewise.
        compared: Shapes of targets and predictions that the loss broadcasts against
            each other, or `None` if they fit.
        copies: Whether no layer between input and output gives up the positions of a
            sequence, so that the model can copy its input.
        trainable_read: Paths of the trainable variables that were read; `None` if no
            call was possible.
        looks_ahead: Float. By how much the first half of a sequence of predictions
            changes with the second half of the inputs, where targets are inputs one
            place ahead, as a part of the largest prediction.
        padding: Float. By how much predictions change when what stands for padding
            is embedded as another token, likewise.
        constant: Layers that return the same whatever they are given.
        fresh: Names of frozen layers whose weights are as their initializers drew
            them.
        moving: Moving statistics of the batch normalisations that were called.
    """

    unowned: tuple[str, ...] = ()
    drawn_by: tuple[str, ...] = ()
    drawn_on_purpose: bool = False
    varies: float = 0.0
    depends: float = 0.0
    compared: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    copies: bool = False
    trainable_read: frozenset[str] | None = None
    looks_ahead: float = 0.0
    padding: float = 0.0
    constant: tuple[ConstantLayer, ...] = ()
    fresh: tuple[str, ...] = ()
    moving: tuple[MovingStatistics, ...] = ()
