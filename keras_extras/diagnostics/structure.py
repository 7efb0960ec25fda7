"""Describes a model as plain values: what the rules may know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from keras_extras.records.data_facts import DataFacts
from keras_extras.records.forward_facts import ForwardFacts

# The activation functions of a layer that computes a linear function.
LINEAR = (None, "linear")


@dataclass(frozen=True)
class Kernel:
    """The weights of a layer before the training.

    Attributes:
        fan_in: Number of weights that lead to one unit.
        units: Number of units.
        rms: Root mean square of the weights.
        alike: Whether all units have the same weights.
        initializer: What made them, as code, or `None` if that is not known.
    """

    fan_in: int
    units: int
    rms: float
    alike: bool
    initializer: str | None = None


@dataclass(frozen=True)
class LayerSpec:
    """One layer.

    Attributes:
        name: Path of the layer, as in the statistics.
        kind: Name of the nearest Keras class: `"Dense"` for a subclass of it too.
        activation: Name of its activation function, or `None` without one.
        trainable: Whether it is trained.
        weights: Number of its own weights.
        inputs: Names of the layers before it, or `None` if that is not known.
        kernel: Facts about its weights, for dense, convolutional and recurrent ones.
        rate: Share of dropped units, 0 for other layers.
        l1: Strength of its l1 penalty.
        l2: Strength of its l2 penalty.
        constraint: Class of the constraint of its kernel, or `None` without one.
        head: The layer as code up to its first optional argument: `"Dense(300"`.
        reused: Whether it was frozen at some time, so that it was trained before.
        precision: Type that it computes in, such as `"float16"`.
    """

    name: str
    kind: str
    activation: str | None = None
    trainable: bool = True
    weights: int = 0
    inputs: tuple[str, ...] | None = None
    kernel: Kernel | None = None
    rate: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    constraint: str | None = None
    head: str = ""
    reused: bool = False
    precision: str = "float32"


@dataclass(frozen=True)
class Output:
    """One output and what it is judged by.

    Attributes:
        loss: Name of the loss function, such as `"binary_crossentropy"`; `"custom"`
            for one that Keras does not know, `""` without one.
        from_logits: Whether the loss takes logits.
        activation: Name of the last activation function, `"linear"` without one,
            or `None` if that is not known.
        layer: Name of the layer that makes the output, or `None`.
        units: Size of the last axis, or `None`.
        metrics: Names of the metrics of the model.
        ignored: Class that the loss leaves out, or `None`.
        smoothing: Share of the targets that the loss spreads over all classes.
        weight: What the mean loss of the rows is multiplied with; NaN where the loss
            is no such mean, but a sum, or the mean of the steps that are not masked.
        name: Name of its loss among several, before `_loss` in Keras' logs.
    """

    loss: str = ""
    from_logits: bool = False
    activation: str | None = None
    layer: str | None = None
    units: int | None = None
    metrics: tuple[str, ...] = ()
    ignored: int | None = None
    smoothing: float = 0.0
    weight: float = 1.0
    name: str = ""


@dataclass(frozen=True)
class Structure:
    """A model and how it is trained.

    Attributes:
        layers: The layers, in model order.
        outputs: The outputs, in the order of the predictions.
        optimizer: Name of the optimizer's class.
        settings: Numbers of the optimizer, such as `clipnorm`.
        fresh: Whether no step was trained before with this optimizer.
        stale: Whether one was, but not with these weights, which are as drawn.
        forward: What a few calls of the model have shown.
        data: What the arrays that `fit` was given have shown.
    """

    layers: tuple[LayerSpec, ...] = ()
    outputs: tuple[Output, ...] = ()
    optimizer: str = ""
    settings: Mapping[str, float] = field(default_factory=dict)
    fresh: bool = True
    stale: bool = False
    forward: ForwardFacts = field(default_factory=ForwardFacts)
    data: DataFacts = field(default_factory=DataFacts)

    def layer(self, name: str | None) -> LayerSpec | None:
        """Returns the layer of that name, if any."""
        return next((spec for spec in self.layers if spec.name == name), None)

    def after(self, name: str) -> list[LayerSpec]:
        """Returns the layers that are known to take the output of another."""
        return [spec for spec in self.layers if name in (spec.inputs or ())]

    @property
    def last_layers(self) -> set[str | None]:
        """Names of the layers that make the outputs."""
        return {output.layer for output in self.outputs}
