from __future__ import annotations

from dataclasses import dataclass

from keras_extras.records.batch_tensor import BatchTensor


@dataclass(frozen=True)
class BatchRows:
    """A few rows of what the loss of one step was computed from.

    Attributes:
        step: Value of `optimizer.iterations` before the step.
        loss: Float. The loss of the whole batch, penalties included.
        penalty: Float. The part of the loss that regularisers and `add_loss` add.
        inputs: The model's inputs, in the order in which Keras flattens them.
        targets: The targets, likewise; empty without targets.
        predictions: What the model returned, likewise.
        weighted: Whether some rows count more than others in the loss.
    """

    step: int
    loss: float
    penalty: float
    inputs: tuple[BatchTensor, ...]
    targets: tuple[BatchTensor, ...]
    predictions: tuple[BatchTensor, ...]
    weighted: bool = False
