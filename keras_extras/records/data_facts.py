from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DataFacts:
    """Says what the arrays that `fit` was given show, as far as it was given arrays.

    Attributes:
        constant: Float. Loss of the best constant prediction over all rows, each
            with its weight; NaN if it is not known.
        missing: Float. Share of the rows of the validation data whose class is not
            among those of the training data.
        missing_classes: These classes, a few of them.
        split: Whether Keras has split the validation data off itself.
        scale: Float. Spread of the inputs of the validation data, as a multiple of
            that of the training data: the median over the columns; 1 if not known.
        shift: Float. By how many such spreads their middle lies elsewhere, likewise.
        rows: Integer. Number of rows of the training data; 0 if not known.
        leaked: Float. Share of the rows of the validation data that are rows of the
            training data too, in all columns.
        leaked_rows: Integer. How many that are, of those that were compared.
        repeated: Float. Share of the rows of the training data that are there twice;
            0 where a column has a value of its own for nearly each row, so that rows
            cannot be equal by chance.
    """

    constant: float = np.nan
    missing: float = 0.0
    missing_classes: tuple[float, ...] = ()
    split: bool = False
    scale: float = 1.0
    shift: float = 0.0
    rows: int = 0
    leaked: float = 0.0
    leaked_rows: int = 0
    repeated: float = 0.0
