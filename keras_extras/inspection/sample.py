from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

import numpy as np

from keras_extras.inspection.row_layout import RowLayout
from keras_extras.records.batch_rows import BatchRows


@dataclass
class Sample:
    """What was measured in one step: numbers, not decoded yet.

    Attributes:
        step: Number of optimizer steps before this one.
        layout: What the blocks were measured for.
        blocks: For each family an array with a row for each variable or layer.
        histograms: For each kind a row for each layer.
        hyperparameters: Learning rate and the like.
        loss_scale: Factor by which the gradients are scaled.
        batch: A few rows of the batch, or `None`.
        is_finite: Whether the loss and all gradients are, as far as they were measured.
    """

    step: int
    layout: RowLayout
    blocks: dict[str, np.ndarray] = field(default_factory=dict)
    histograms: dict[str, np.ndarray] = field(default_factory=dict)
    hyperparameters: dict[str, float] = field(default_factory=dict)
    loss_scale: float = 1.0
    batch: BatchRows | None = None
    is_finite: bool = True
