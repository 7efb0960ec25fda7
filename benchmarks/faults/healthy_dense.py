"""Healthy: classifiers of dense layers, in all the forms that people write."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from faults import data
from faults.build import BINARY
from faults.build import ONE_HOT
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import Setup
from faults.case import healthy

layers = keras.layers
losses = keras.losses


@healthy("digits-one-hot")
def one_hot() -> Setup:
    digits = data.one_hot(data.digits(), 10)
    return ready(dense(64, (64,), 10, "softmax"), digits, ONE_HOT)


@healthy("digits-one-hot-logits")
def one_hot_logits() -> Setup:
    digits = data.one_hot(data.digits(), 10)
    loss = losses.CategoricalCrossentropy(from_logits=True)
    return ready(dense(64, (64,), 10), digits, loss)


@healthy("digits-label-smoothing", note="the loss cannot come near 0")
def label_smoothing() -> Setup:
    digits = data.one_hot(data.digits(), 10)
    loss = losses.CategoricalCrossentropy(label_smoothing=0.2)
    return ready(dense(64, (64, 64), 10, "softmax"), digits, loss, epochs=15)


@healthy("fashion-gelu", activation="gelu")
@healthy("fashion-swish", activation="swish")
@healthy("fashion-tanh", activation="tanh")
@healthy("fashion-sigmoid", activation="sigmoid", note="two layers still work")
@healthy("fashion-relu", activation="relu")
def activations(activation: str) -> Setup:
    model = dense(784, (64, 32), 10, "softmax", activation)
    return ready(model, data.fashion(flat=True), SPARSE, epochs=6)


@healthy("fashion-deep-selu")
def deep_selu() -> Setup:
    model = dense(
        784,
        (40,) * 12,
        10,
        "softmax",
        "selu",
        kernel_initializer="lecun_normal",
    )
    train = data.with_inputs(data.fashion(flat=True), lambda x: (x - 0.29) / 0.35)
    return ready(model, train, SPARSE, keras.optimizers.SGD(0.01), epochs=6)


@healthy("fashion-deep-relu-he")
def deep_relu() -> Setup:
    model = dense(784, (48,) * 6, 10, "softmax", kernel_initializer="he_normal")
    return ready(model, data.fashion(flat=True), SPARSE, epochs=6)


@healthy("fashion-leaky-relu", make=lambda: layers.LeakyReLU(negative_slope=0.2))
@healthy("fashion-prelu", make=lambda: layers.PReLU())
@healthy("fashion-activation-layers", make=lambda: layers.Activation("relu"))
def separate_activations(make: Any) -> Setup:
    model = chain(
        (28, 28, 1),
        layers.Flatten(),
        layers.Dense(64),
        make(),
        layers.Dense(32),
        make(),
        layers.Dense(10),
        layers.Softmax(),
    )
    return ready(model, data.fashion(), SPARSE, epochs=5)


@healthy("fashion-batch-norm", note="no activation in the layers before the norm")
def batch_norm() -> Setup:
    def block(units: int) -> list[Any]:
        return [
            layers.Dense(units, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
        ]

    model = chain(
        (784,), *block(64), *block(32), *block(32), layers.Dense(10, "softmax")
    )
    return ready(model, data.fashion(flat=True), SPARSE, epochs=5)


@healthy("fashion-norm-after-activation")
def norm_after_activation() -> Setup:
    model = chain(
        (784,),
        layers.BatchNormalization(),
        layers.Dense(64, "relu"),
        layers.BatchNormalization(),
        layers.Dense(32, "relu"),
        layers.BatchNormalization(),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.fashion(flat=True), SPARSE, epochs=5)


@healthy("digits-layer-norm")
def layer_norm() -> Setup:
    model = chain(
        (64,),
        layers.Dense(48),
        layers.LayerNormalization(),
        layers.Activation("gelu"),
        layers.Dense(48),
        layers.LayerNormalization(),
        layers.Activation("gelu"),
        layers.Dense(10),
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return ready(model, data.digits(), loss, epochs=8)


@healthy("fashion-raw-rescaling", note="pixels of 0..255, scaled inside the model")
def rescaling() -> Setup:
    model = chain(
        (28, 28, 1),
        layers.Rescaling(1 / 255),
        layers.Flatten(),
        layers.Dense(64, "relu"),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.fashion(scale=1.0), SPARSE, epochs=5)


@healthy("wine-raw-normalization", note="raw features up to 1680, scaled in the model")
def normalization() -> Setup:
    wine = data.table("wine", scale=None)
    norm = layers.Normalization()
    norm.adapt(wine[0][0])
    model = chain((13,), norm, layers.Dense(16, "relu"), layers.Dense(3, "softmax"))
    return ready(model, wine, SPARSE, keras.optimizers.Adam(5e-3), 25, 8)


@healthy("wine-raw-batch-norm", note="raw features, normalised by the first layer")
def raw_batch_norm() -> Setup:
    model = chain(
        (13,),
        layers.BatchNormalization(),
        layers.Dense(16, "relu"),
        layers.Dense(3, "softmax"),
    )
    wine = data.table("wine", scale=None)
    return ready(model, wine, SPARSE, keras.optimizers.Adam(5e-3), 30, 8)


@healthy("iris-raw", note="raw features of 0.1 to 8 do no harm")
def iris_raw() -> Setup:
    iris = data.table("iris", scale=None)
    optimizer = keras.optimizers.Adam(0.01)
    return ready(dense(4, (16, 8), 3, "softmax"), iris, SPARSE, optimizer, 30, 8)


@healthy("iris-standard", scale="standard")
def iris(scale: str) -> Setup:
    optimizer = keras.optimizers.Adam(0.01)
    table = data.table("iris", scale)
    return ready(dense(4, (10,), 3, "softmax"), table, SPARSE, optimizer, 30, 8)


@healthy("iris-logistic", note="no hidden layer")
def softmax_regression() -> Setup:
    optimizer = keras.optimizers.SGD(0.1)
    model = dense(4, (), 3, "softmax")
    return ready(model, data.table("iris"), SPARSE, optimizer, 30, 8)


@healthy("cancer-logistic", note="no hidden layer")
def logistic_regression() -> Setup:
    optimizer = keras.optimizers.SGD(0.05)
    cancer = data.table("cancer")
    return ready(dense(30, (), 1, "sigmoid"), cancer, BINARY, optimizer, 20)


@healthy("cancer-sigmoid", output="sigmoid", outputs=1, loss=BINARY)
@healthy(
    "cancer-logits",
    output=None,
    outputs=1,
    loss=lambda: losses.BinaryCrossentropy(from_logits=True),
)
@healthy("cancer-two-units", output="softmax", outputs=2, loss=SPARSE)
def binary(output: str | None, outputs: int, loss: Any) -> Setup:
    loss = loss() if callable(loss) else loss
    model = dense(30, (16,), outputs, output)
    return ready(model, data.table("cancer"), loss, epochs=20)


@healthy("cancer-hinge", note="labels of -1 and 1, tanh and hinge loss belong together")
def hinge() -> Setup:
    cancer = data.with_targets(data.table("cancer"), lambda y: 2.0 * y - 1)
    model = dense(30, (16,), 1, "tanh")
    compared = keras.metrics.BinaryAccuracy(threshold=0.0)
    del compared  # labels of -1 and 1 have no accuracy in Keras
    return ready(model, cancer, "hinge", epochs=20, metrics=())


@healthy("moons-sigmoid", name="moons", activation="sigmoid", widths=(16,), rate=0.1)
@healthy("moons-tanh", name="moons", activation="tanh", widths=(16,))
@healthy("circles-relu", name="circles", activation="relu", widths=(16, 8))
@healthy("xor-relu", name="xor", activation="relu", widths=(16,))
@healthy("xor-tanh-narrow", name="xor", activation="tanh", widths=(4,))
@healthy("spirals-relu", name="spirals", activation="relu", widths=(32, 32))
def plane(
    name: str, activation: str, widths: tuple[int, ...], rate: float = 0.02
) -> Setup:
    optimizer = keras.optimizers.Adam(rate)
    model = dense(2, widths, 1, "sigmoid", activation)
    return ready(model, data.plane(name), BINARY, optimizer, 20)


@healthy("blobs-tanh")
def blobs() -> Setup:
    model = dense(2, (12,), 3, "softmax", "tanh")
    optimizer = keras.optimizers.Adam(0.01)
    return ready(model, data.plane("blobs"), SPARSE, optimizer, 12)


@healthy("xor-four-points", note="four examples, learnt by heart")
def xor_four() -> Setup:
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = np.array([[0], [1], [1], [0]], "float32")
    model = dense(2, (8,), 1, "sigmoid", "tanh")
    optimizer = keras.optimizers.Adam(0.05)
    return ready(model, ((x, y), None), BINARY, optimizer, 150, 4, validate=False)


@healthy("fashion-dropout-half")
def dropout() -> Setup:
    model = chain(
        (784,),
        layers.Dense(128, "relu"),
        layers.Dropout(0.5),
        layers.Dense(64, "relu"),
        layers.Dropout(0.5),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.fashion(flat=True), SPARSE, epochs=8)


@healthy("digits-narrow", widths=(6,))
@healthy("digits-deep", widths=(32, 32, 32, 32, 32))
def shapes(widths: tuple[int, ...]) -> Setup:
    model = dense(64, widths, 10, "softmax")
    return ready(model, data.digits(), SPARSE, keras.optimizers.Adam(3e-3), 12)


@healthy("noisy-labels-30", share=0.3, note="70 % is all that can be reached")
def noisy(share: float) -> Setup:
    model = dense(10, (8,), 1, "sigmoid")
    noise = data.noisy(share=share)
    return ready(model, noise, BINARY, keras.optimizers.Adam(3e-3), 15)


@healthy("rare-class-weighted", weights={0: 1.0, 1: 14.0})
def rare(weights: dict[int, float] | None) -> Setup:
    model = dense(8, (16,), 1, "sigmoid")
    metrics = ("accuracy", keras.metrics.AUC(name="auc"))
    return ready(
        model, data.rare(), BINARY, epochs=12, metrics=metrics, class_weight=weights
    )


@healthy("cancer-sample-weight")
def sample_weight() -> Setup:
    cancer = data.table("cancer")
    weights = np.random.default_rng(0).uniform(0.2, 2, len(cancer[0][0]))
    model = dense(30, (16,), 1, "sigmoid")
    return ready(model, cancer, BINARY, epochs=20, sample_weight=weights)


@healthy("tags-multi-label")
def multi_label() -> Setup:
    model = dense(12, (32,), 5, "sigmoid")
    metrics = ("binary_accuracy",)
    return ready(model, data.tags(), BINARY, "adam", 25, metrics=metrics)


@healthy("digits-no-metrics-no-validation")
def no_metrics() -> Setup:
    model = dense(64, (32,), 10, "softmax")
    return ready(model, data.digits(), SPARSE, metrics=(), validate=False)


@healthy("digits-learnt-by-heart", note="a small set: train 1.0, validation 0.9")
def by_heart() -> Setup:
    (x, y), held_out = data.digits()
    model = dense(64, (64,), 10, "softmax")
    return ready(model, ((x[:300], y[:300]), held_out), SPARSE, epochs=25)


@healthy("digits-dataset", bound_to="tensorflow")
def dataset() -> Setup:
    import tensorflow as tf

    (x, y), held_out = data.digits()
    setup = ready(dense(64, (32,), 10, "softmax"), ((x, y), held_out), SPARSE)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(2000, seed=1)
    setup.x, setup.y = batches.batch(32), None
    setup.fit = {"epochs": 10}
    return setup


@healthy("digits-generator")
def generator() -> Setup:
    (x, y), held_out = data.digits()
    setup = ready(dense(64, (32,), 10, "softmax"), ((x, y), held_out), SPARSE)

    def draw() -> Any:
        rng = np.random.default_rng(1)
        while True:
            chosen = rng.integers(0, len(x), 32)
            yield x[chosen], y[chosen]

    setup.x, setup.y = draw(), None
    setup.fit = {"epochs": 8, "steps_per_epoch": 42}
    return setup


class _Batches(keras.utils.PyDataset):
    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self._x, self._y = x, y

    def __len__(self) -> int:
        return len(self._x) // 32

    def __getitem__(self, index: int) -> Any:
        place = slice(32 * index, 32 * index + 32)
        return self._x[place], self._y[place]


@healthy("digits-py-dataset")
def py_dataset() -> Setup:
    (x, y), held_out = data.digits()
    setup = ready(dense(64, (32,), 10, "softmax"), ((x, y), held_out), SPARSE)
    setup.x, setup.y, setup.fit = _Batches(x, y), None, {"epochs": 8}
    return setup


class _Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Dense(48, "relu")
        self.second = layers.Dense(48, "relu")
        self.last = layers.Dense(10)

    def call(self, inputs: Any) -> Any:
        hidden = self.first(inputs)
        return keras.ops.softmax(self.last(hidden + self.second(hidden)))


@healthy("digits-subclassed")
def subclassed() -> Setup:
    return ready(_Subclassed(), data.digits(), SPARSE)


@healthy("digits-residual", note="linear projection on the short cut")
def residual() -> Setup:
    inputs = keras.Input((64,))
    hidden = layers.Dense(32)(inputs)
    for _ in range(4):
        branch = layers.LayerNormalization()(hidden)
        branch = layers.Dense(32, "relu")(branch)
        branch = layers.Dense(32)(branch)
        hidden = layers.Add()([hidden, branch])
    outputs = layers.Dense(10, "softmax")(hidden)
    return ready(keras.Model(inputs, outputs), data.digits(), SPARSE)


@healthy("digits-bottleneck", note="a linear projection to 8, as in factorised layers")
def bottleneck() -> Setup:
    model = chain(
        (64,),
        layers.Dense(64, "relu"),
        layers.Dense(8, use_bias=False, name="projection"),
        layers.Dense(64, "relu"),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.digits(), SPARSE)


@healthy("digits-two-inputs-two-outputs")
def two_by_two() -> Setup:
    (x, y), (xv, yv) = data.digits()
    top, bottom = keras.Input((32,), name="top"), keras.Input((32,), name="bottom")
    joined = layers.Concatenate()(
        [layers.Dense(32, "relu")(top), layers.Dense(32, "relu")(bottom)]
    )
    hidden = layers.Dense(32, "relu")(joined)
    digit = layers.Dense(10, "softmax", name="digit")(hidden)
    odd = layers.Dense(1, "sigmoid", name="odd")(hidden)
    model = keras.Model([top, bottom], {"digit": digit, "odd": odd})

    def parts(x: Any, y: Any) -> Any:
        inputs = {"top": x[:, :32], "bottom": x[:, 32:]}
        return inputs, {"digit": y, "odd": (y % 2).astype("float32")[:, None]}

    return ready(
        model,
        (parts(x, y), parts(xv, yv)),
        {"digit": SPARSE, "odd": BINARY},
        metrics={"digit": ["accuracy"], "odd": ["accuracy"]},
        compiled={"loss_weights": {"digit": 1.0, "odd": 0.3}},
    )


@healthy("words-bag-of-counts", note="400 columns, nearly all of them 0")
def bag_of_words() -> Setup:
    (x, y), (xv, yv) = data.tokens(words=400)

    def counted(x: Any) -> Any:
        return np.stack([np.bincount(row, minlength=400) for row in x]).astype(
            "float32"
        )

    bags = (counted(x), y), (counted(xv), yv)
    return ready(dense(400, (16,), 1, "sigmoid"), bags, BINARY, epochs=8)
