"""Networks of dense layers."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from identity_matrix import data
from identity_matrix.case import case
from identity_matrix.case import classification


@case(data.vectors)
def mlp() -> Any:
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(5, activation="tanh"),
            layers.Dense(1),
        ]
    )


@case(data.labelled_vectors, classification)
def dense_bn_relu() -> Any:
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(16),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Dense(3),
        ]
    )


@case(data.vectors)
def unbuilt_sequential() -> Any:
    return keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])


@case(data.vectors)
def residual_mlp() -> Any:
    inputs = keras.Input((6,))
    h = layers.Dense(8)(inputs)
    for _ in range(3):
        h = layers.Add()([h, layers.Dense(8)(layers.Dense(8, activation="relu")(h))])
    return keras.Model(inputs, layers.Dense(1)(h))


@case(data.vectors)
def wide_and_deep() -> Any:
    inputs = keras.Input((6,))
    deep = layers.Dense(1)(layers.Dense(8, activation="relu")(inputs))
    return keras.Model(inputs, layers.Add()([layers.Dense(1)(inputs), deep]))


@case(data.vectors)
def densely_connected() -> Any:
    inputs = h = keras.Input((6,))
    for _ in range(3):
        h = layers.Concatenate()([h, layers.Dense(4, activation="elu")(h)])
    return keras.Model(inputs, layers.Dense(1)(h))


class SumOfTwo(layers.Layer):
    """Adds the outputs of two layers up."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.left, self.right = layers.Dense(units), layers.Dense(units)

    def call(self, x: Any) -> Any:
        return self.left(x) + self.right(x)


@case(data.vectors)
def sum_inside_a_layer() -> Any:
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dense(1)(SumOfTwo(8)(SumOfTwo(8)(inputs))))


@case(data.vectors)
def nested() -> Any:
    inner = keras.Sequential(
        [keras.Input((8,)), layers.Dense(8, activation="gelu"), layers.Dense(4)]
    )
    middle_in = keras.Input((6,))
    middle = keras.Model(middle_in, inner(layers.Dense(8)(middle_in)))
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dense(1)(layers.ReLU()(middle(inputs))))


@case(data.vectors)
def shared_layer() -> Any:
    shared = layers.Dense(6, activation="tanh")
    inputs = keras.Input((6,))
    twice = layers.Add()([shared(inputs), shared(shared(inputs))])
    return keras.Model(inputs, layers.Dense(1)(twice))


@case(data.vectors)
def shared_batch_normalization() -> Any:
    shared = layers.BatchNormalization(momentum=0.8)
    inputs = keras.Input((6,))
    left = shared(layers.Dense(8)(inputs))
    right = shared(layers.Dense(8, activation="relu")(left))
    return keras.Model(inputs, layers.Dense(1)(layers.Add()([left, right])))


@case(data.vectors)
def self_normalizing() -> Any:
    hidden = [
        each
        for _ in range(3)
        for each in (
            layers.Dense(8, activation="selu", kernel_initializer="lecun_normal"),
            layers.AlphaDropout(0.1),
        )
    ]
    return keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(1)])


@case(data.vectors)
def mixture_of_experts() -> Any:
    inputs = keras.Input((6,))
    gate = layers.Dense(3, activation="softmax")(inputs)
    experts = [layers.Dense(4, activation="relu")(inputs) for _ in range(3)]
    together = keras.ops.stack(experts, axis=1)
    mixed = keras.ops.sum(together * keras.ops.expand_dims(gate, -1), axis=1)
    return keras.Model(inputs, layers.Dense(1)(mixed))


@case(data.vectors)
def weight_regularizers() -> Any:
    def dense(units: int) -> Any:
        return layers.Dense(
            units,
            kernel_regularizer=keras.regularizers.L1L2(1e-3, 1e-2),
            bias_regularizer="l2",
        )

    return keras.Sequential(
        [keras.Input((6,)), dense(8), layers.BatchNormalization(), dense(1)]
    )


@case(data.vectors)
def max_norm() -> Any:
    limit = keras.constraints.MaxNorm(0.7)
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", kernel_constraint=limit),
            layers.Dense(8, activation="relu", kernel_constraint="unit_norm"),
            layers.Dense(1, kernel_constraint="non_neg"),
        ]
    )


@case(data.vectors)
def activity_regularizers() -> Any:
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", activity_regularizer="l2"),
            layers.ActivityRegularization(l1=1e-3),
            layers.Dense(1),
        ]
    )


@case(data.vectors)
def spectral_normalization() -> Any:
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.SpectralNormalization(layers.Dense(8, activation="relu")),
            layers.SpectralNormalization(layers.Dense(1)),
        ]
    )


@case(data.vectors)
def low_rank_adaptation() -> Any:
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(8, activation="relu"),
            layers.Dense(1),
        ]
    )
    model.layers[0].enable_lora(2)
    model.layers[1].enable_lora(3)
    return model


@case(data.vectors)
def quantized_base() -> Any:
    base = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(8)]
    )
    base.quantize("int8")
    base.trainable = False
    head = layers.Dense(1)
    return keras.Sequential([keras.Input((6,)), base, layers.ReLU(), head])


@case(lambda: {"x": data.features(6), "y": data.features(6)})
def autoencoder() -> Any:
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.GaussianNoise(0.1),
            layers.Dense(4, activation="relu"),
            layers.Dense(2, name="code"),
            layers.Dense(4, activation="relu"),
            layers.Dense(6),
        ]
    )
