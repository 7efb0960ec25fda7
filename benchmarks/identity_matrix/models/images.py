"""Networks of convolutions."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from identity_matrix import data
from identity_matrix.case import case
from identity_matrix.case import classification


def _normalized(x: Any, filters: int, size: int = 3, strides: int = 1) -> Any:
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def _head(inputs: Any, x: Any) -> Any:
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def _validated_pictures() -> dict[str, Any]:
    return {**data.pictures(), "validation_split": 0.2}


def _large_pictures() -> dict[str, Any]:
    return {"x": data.features(32, 32, 3), "y": data.classes()}


@case(_validated_pictures, classification)
def convolutions() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(3),
        ]
    )


@case(data.pictures, classification)
def residual_convolutions() -> Any:
    inputs = keras.Input((8, 8, 3))
    x = layers.ReLU()(_normalized(inputs, 4))
    for filters, strides in ((4, 1), (8, 2)):
        h = layers.ReLU()(_normalized(x, filters, strides=strides))
        h = _normalized(h, filters)
        short = x if strides == 1 else _normalized(x, filters, 1, strides)
        x = layers.ReLU()(layers.Add()([short, h]))
    return _head(inputs, x)


@case(data.pictures, classification)
def group_normalization() -> Any:
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same")(inputs)
    x = layers.Activation("silu")(layers.GroupNormalization(4)(x))
    h = layers.GroupNormalization(-1)(layers.Conv2D(8, 3, padding="same")(x))
    return _head(inputs, layers.Add()([x, h]))


@case(data.pictures, classification)
def squeeze_and_excite() -> Any:
    inputs = keras.Input((8, 8, 3))
    x = layers.ReLU()(_normalized(inputs, 8))
    x = layers.SeparableConv2D(8, 3, padding="same", activation="relu")(x)
    weight = layers.Dense(2, activation="relu")(layers.GlobalAveragePooling2D()(x))
    weight = layers.Dense(8, activation="sigmoid")(weight)
    return _head(inputs, layers.Multiply()([x, layers.Reshape((1, 1, 8))(weight)]))


def _masks() -> dict[str, Any]:
    pictures = data.features(8, 8, 3)
    return {"x": pictures, "y": (pictures[..., 0] > 0).astype("int32")}


@case(_masks, classification)
def u_net() -> Any:
    inputs = keras.Input((8, 8, 3))
    high = layers.ReLU()(_normalized(inputs, 4))
    low = layers.ReLU()(_normalized(layers.MaxPooling2D()(high), 8))
    low = layers.Dropout(0.2)(low)
    up = layers.Conv2DTranspose(4, 2, strides=2)(low)
    x = layers.Concatenate()([high, up, layers.UpSampling2D()(low)])
    return keras.Model(inputs, layers.Conv2D(2, 1)(layers.ReLU()(_normalized(x, 4))))


@case(data.pictures, classification)
def augmentation() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.2, 0.2),
            layers.RandomContrast(0.2),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


@case(_large_pictures, classification, seconds=10)
def mobilenet_v2() -> Any:
    base = keras.applications.MobileNetV2(
        (32, 32, 3), alpha=0.35, include_top=False, weights=None, pooling="avg"
    )
    return keras.Sequential([keras.Input((32, 32, 3)), base, layers.Dense(3)])


@case(_large_pictures, classification, seconds=20)
def efficientnet_b0() -> Any:
    return keras.applications.EfficientNetB0(
        input_shape=(32, 32, 3), weights=None, classes=3, classifier_activation=None
    )


def _scaled_pictures() -> dict[str, Any]:
    return {"x": data.features(8, 8, 3) * 50 + 100, "y": data.classes()}


@case(_scaled_pictures, classification)
def normalized_input() -> Any:
    adapted = layers.Normalization()
    adapted.adapt(data.features(8, 8, 3) * 50 + 100)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            adapted,
            layers.RandomRotation(0.1),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(3),
        ]
    )
