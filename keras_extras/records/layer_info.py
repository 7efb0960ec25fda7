from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerInfo:
    """Describes a layer to the statistics and the rules, without Keras.

    Attributes:
        name: Path of the layer from the model's root, such as `"encoder/dense"`.
        class_name: Name of its class, such as `"Dense"`.
        activation: Name of its activation function, or `None` without one.
        variables: Paths of its own trainable variables.
        sizes: Number of elements of each of these variables.
    """

    name: str
    class_name: str = "Layer"
    activation: str | None = None
    variables: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
