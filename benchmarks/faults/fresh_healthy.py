"""Fresh and healthy: what tutorials and course notebooks train."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from faults import case
from faults import data
from faults import fresh_data
from faults.build import BINARY
from faults.build import ONE_HOT
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import JIT
from faults.case import Setup

healthy = functools.partial(case.healthy, part="fresh")
layers = keras.layers
losses = keras.losses
optimizers = keras.optimizers
callbacks = keras.callbacks
schedules = keras.optimizers.schedules
ERROR = ("mae",)


# Tables


@healthy("quickstart-clothes", note="flatten, 128 units, dropout of 0.2, logits")
def quickstart() -> Setup:
    model = chain(
        (28, 28, 1),
        layers.Flatten(),
        layers.Dense(128, "relu"),
        layers.Dropout(0.2),
        layers.Dense(10),
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return ready(model, data.fashion(), loss, epochs=5)


@healthy("clothes-two-epochs", note="stopped early on, but well under way")
def two_epochs() -> Setup:
    model = chain(
        (28, 28, 1), layers.Flatten(), layers.Dense(64, "relu"), layers.Dense(10)
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return ready(model, data.fashion(), loss, epochs=2, batch=16)


@healthy("patients-12-8-1", note="the first net of many a course; batches of 10")
def patients() -> Setup:
    model = dense(8, (12, 8), 1, "sigmoid")
    return ready(model, fresh_data.patients(), BINARY, epochs=12, batch=10)


@healthy("patients-batches-of-4", batch=4, epochs=4)
@healthy("patients-batches-of-192", batch=192, epochs=40, rate=0.01)
def batches(batch: int, epochs: int, rate: float = 3e-3) -> Setup:
    model = dense(8, (16, 8), 1, "sigmoid")
    patients = fresh_data.patients()
    return ready(model, patients, BINARY, optimizers.Adam(rate), epochs, batch)


@healthy("patients-100-rows", note="a hundred rows, with dropout")
def hundred_rows() -> Setup:
    (x, y), held_out = fresh_data.patients()
    model = chain(
        (8,),
        layers.Dense(16, "relu"),
        layers.Dropout(0.3),
        layers.Dense(1, "sigmoid"),
    )
    few = (x[:100], y[:100]), held_out
    return ready(model, few, BINARY, optimizers.Adam(3e-3), 30, 10)


@healthy("patients-gaussian-noise", note="noise on the inputs, 5 % of labels wrong")
def gaussian_noise() -> Setup:
    model = chain(
        (8,),
        layers.GaussianNoise(0.2),
        layers.Dense(32, "relu"),
        layers.Dense(32, "relu"),
        layers.Dense(1, "sigmoid"),
    )
    patients = fresh_data.patients(flipped=0.1)
    return ready(model, patients, BINARY, "rmsprop", 15)


@healthy("wine-60-rows-100-epochs", note="learnt by heart, to no great harm")
def tiny_table() -> Setup:
    (x, y), held_out = data.table("wine")
    model = dense(13, (16, 8), 3, "softmax")
    return ready(model, ((x[:60], y[:60]), held_out), SPARSE, epochs=100, batch=20)


@healthy("iris-keras-classifier", note="one-hot, 8 units, batches of 5")
def iris() -> Setup:
    iris = data.one_hot(data.table("iris", None), 3)
    model = dense(4, (8,), 3, "softmax")
    return ready(model, iris, ONE_HOT, optimizers.Adam(0.01), 30, 5)


@healthy("rings-batch-norm-dropout")
def rings() -> Setup:
    block = lambda n: [
        layers.Dense(n),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Dropout(0.1),
    ]
    model = chain((4,), *block(48), *block(48), layers.Dense(3, "softmax"))
    return ready(model, fresh_data.rings(), SPARSE, optimizers.Adam(3e-3), 20)


@healthy("rings-maxout", note="the greatest of three linear units")
def maxout() -> Setup:
    inputs = keras.Input((4,))
    pieces = [layers.Dense(24)(inputs) for _ in range(3)]
    hidden = layers.Maximum()(pieces)
    outputs = layers.Dense(3, "softmax")(hidden)
    model = keras.Model(inputs, outputs)
    return ready(model, fresh_data.rings(), SPARSE, optimizers.Adam(0.01), 20)


@healthy("rings-tanh-decay", note="the rate decays to a tenth over the training")
def exponential_decay() -> Setup:
    rate = schedules.ExponentialDecay(0.02, 200, 0.5)
    model = dense(4, (32, 32), 3, "softmax", "tanh")
    return ready(model, fresh_data.rings(), SPARSE, optimizers.Adam(rate), 25)


class _Radial(layers.Layer):
    """Gaussian bumps around centres that are learnt."""

    def __init__(self, units: int, sharpness: float = 1.0) -> None:
        super().__init__()
        self.units, self.sharpness = units, sharpness

    def build(self, shape: Any) -> None:
        self.centres = self.add_weight(
            shape=(self.units, shape[-1]), initializer="random_normal", name="centres"
        )

    def call(self, x: Any) -> Any:
        apart = ops.expand_dims(x, 1) - self.centres
        return ops.exp(-self.sharpness * ops.sum(ops.square(apart), axis=-1))


@healthy("circles-radial-basis", note="a layer of our own, small initial centres")
def radial() -> Setup:
    model = chain((2,), _Radial(16), layers.Dense(1, "sigmoid"))
    return ready(model, data.plane("circles"), BINARY, optimizers.Adam(0.02), 15)


@healthy("mushrooms-one-hot", note="categories only, 24 columns of 0 and 1")
def mushrooms() -> Setup:
    model = dense(24, (32, 16), 1, "sigmoid")
    return ready(model, fresh_data.mushrooms(), BINARY, optimizers.Adam(5e-3), 15)


@healthy("topics-word-counts", note="counts of words as they are")
def topics() -> Setup:
    model = dense(120, (32,), 4, "softmax")
    return ready(model, fresh_data.word_counts(), SPARSE, epochs=10)


@healthy("census-embeddings", note="numbers and embedded categories")
def census() -> Setup:
    numbers = keras.Input((3,), name="numbers")
    job = keras.Input((1,), dtype="int32", name="job")
    school = keras.Input((1,), dtype="int32", name="school")
    parts = [
        numbers,
        layers.Flatten()(layers.Embedding(8, 4)(job)),
        layers.Flatten()(layers.Embedding(5, 3)(school)),
    ]
    hidden = layers.Dense(32, "relu")(layers.Concatenate()(parts))
    hidden = layers.Dropout(0.2)(hidden)
    outputs = layers.Dense(1, "sigmoid")(hidden)
    model = keras.Model({"numbers": numbers, "job": job, "school": school}, outputs)
    return ready(model, fresh_data.census(), BINARY, epochs=15)


@healthy("census-wide-and-deep", note="one-hot straight to the output, and a deep part")
def wide_and_deep() -> Setup:
    inputs = {
        "numbers": keras.Input((3,), name="numbers"),
        "job": keras.Input((1,), dtype="int32", name="job"),
        "school": keras.Input((1,), dtype="int32", name="school"),
    }
    wide = [
        inputs["numbers"],
        layers.CategoryEncoding(8, "one_hot")(inputs["job"]),
        layers.CategoryEncoding(5, "one_hot")(inputs["school"]),
    ]
    wide = layers.BatchNormalization()(layers.Concatenate()(wide))
    deep = wide
    for units in (32, 32):
        deep = layers.Dense(units)(deep)
        deep = layers.BatchNormalization()(deep)
        deep = layers.ReLU()(deep)
        deep = layers.Dropout(0.2)(deep)
    outputs = layers.Dense(1, "sigmoid")(layers.Concatenate()([wide, deep]))
    model = keras.Model(inputs, outputs)
    return ready(model, fresh_data.census(), BINARY, epochs=15)


@healthy("fraud-class-weight", weights={0: 0.53, 1: 10.0})
@healthy("fraud-unweighted", weights=None, note="one in twenty, and still found")
def fraud(weights: dict[int, float] | None) -> Setup:
    model = dense(10, (32, 16), 1, "sigmoid")
    metrics = (keras.metrics.AUC(name="auc"), keras.metrics.Recall(name="recall"))
    return ready(
        model,
        fresh_data.fraud(),
        BINARY,
        optimizers.Adam(3e-3),
        12,
        metrics=metrics,
        class_weight=weights,
    )


@healthy("fraud-focal", note="focal loss; small from the start")
def focal() -> Setup:
    model = dense(10, (32, 16), 1, "sigmoid")
    loss = losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.75)
    metrics = (keras.metrics.AUC(name="auc"),)
    optimizer = optimizers.Adam(3e-3)
    return ready(model, fresh_data.fraud(), loss, optimizer, 12, metrics=metrics)


@healthy("subjects-multi-label", note="word counts, five sigmoids")
def subjects() -> Setup:
    model = dense(30, (48,), 5, "sigmoid")
    metrics = ("binary_accuracy",)
    return ready(model, fresh_data.subjects(), BINARY, epochs=15, metrics=metrics)


@healthy("stars-ordinal", note="four sigmoids: more than 0, 1, 2, 3 stars")
def ordinal() -> Setup:
    above = lambda y: (y[:, None] > np.arange(4)).astype("float32")
    stars = data.with_targets(fresh_data.stars(), above)
    model = dense(6, (24, 24), 4, "sigmoid")
    metrics = ("binary_accuracy",)
    return ready(model, stars, BINARY, optimizers.Adam(3e-3), 15, metrics=metrics)


@healthy("stars-smoothed-labels")
def smoothed() -> Setup:
    stars = data.one_hot(fresh_data.stars(), 5)
    loss = losses.CategoricalCrossentropy(label_smoothing=0.1)
    model = dense(6, (32, 32), 5, "softmax", "elu")
    return ready(model, stars, loss, optimizers.Nadam(3e-3), 15)


@healthy("stars-distilled", note="soft labels, and divergence from them")
def distilled() -> Setup:
    (x, y), (xv, yv) = fresh_data.stars()
    soft = lambda y: np.exp(-((y[:, None] - np.arange(5)) ** 2.0))
    soften = lambda y: (soft(y) / soft(y).sum(1, keepdims=True)).astype("float32")
    pairs = (x, soften(y)), (xv, soften(yv))
    model = dense(6, (32, 32), 5, "softmax")
    loss = losses.KLDivergence()
    return ready(model, pairs, loss, optimizers.Adam(3e-3), 15)


# Regression


@healthy("friedman-mse", loss="mse")
@healthy("friedman-huber", loss="huber")
@healthy("friedman-log-cosh", loss="log_cosh")
@healthy("friedman-mae-rmsprop", loss="mae", optimizer="rmsprop")
def friedman(loss: str, optimizer: str = "adam") -> Setup:
    model = dense(10, (64, 64), 1)
    table = fresh_data.friedman()
    return ready(model, table, loss, optimizer, 30, metrics=ERROR)


@healthy("friedman-features-to-10", note="features of 0..10, as they are")
def features_to_ten() -> Setup:
    table = data.with_inputs(fresh_data.friedman(), lambda x: 10 * x)
    return ready(dense(10, (32, 32), 1), table, "mse", epochs=30, metrics=ERROR)


@healthy("friedman-targets-to-100", note="targets of 0..100, as they are")
def targets_to_hundred() -> Setup:
    percent = lambda y: (y * 100 / 30).clip(0, 100)
    table = data.with_targets(fresh_data.friedman(), percent)
    optimizer = optimizers.Adam(5e-3)
    return ready(dense(10, (64, 64), 1), table, "mse", optimizer, 40, metrics=ERROR)


@healthy("houses-normalization", note="raw columns, scaled in the model; price to 5")
def houses() -> Setup:
    houses = fresh_data.houses(unit=0.01)
    scale = layers.Normalization()
    scale.adapt(houses[0][0])
    model = chain(
        (4,), scale, layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(1)
    )
    return ready(model, houses, "mean_absolute_error", epochs=20, metrics=ERROR)


@healthy("uneven-likelihood", note="mean and spread; the loss goes below 0")
def heteroscedastic() -> Setup:
    def likelihood(target: Any, forecast: Any) -> Any:
        mean, raw = ops.split(forecast, 2, axis=-1)
        spread = ops.softplus(raw) + 1e-3
        return ops.mean(0.5 * ops.square((target - mean) / spread) + ops.log(spread))

    optimizer = optimizers.Adam(5e-3)
    model = dense(1, (32, 32), 2, None, "tanh")
    return ready(model, fresh_data.uneven(), likelihood, optimizer, 25, metrics=())


@healthy("uneven-three-quantiles", note="a column for each of three quantiles")
def quantiles() -> Setup:
    def pinball(target: Any, forecast: Any) -> Any:
        levels = ops.convert_to_tensor([0.1, 0.5, 0.9])
        error = target - forecast
        return ops.mean(ops.maximum(levels * error, (levels - 1) * error), axis=-1)

    optimizer = optimizers.Adam(0.01)
    model = dense(1, (32, 32), 3, None, "swish")
    return ready(model, fresh_data.uneven(), pinball, optimizer, 25, metrics=())


@healthy("visitors-poisson", note="rates of 2 to 60, exponential output")
def visitors() -> Setup:
    model = dense(9, (24,), 1, "exponential")
    optimizer = optimizers.Adam(5e-3)
    return ready(model, fresh_data.visitors(), "poisson", optimizer, 20, metrics=ERROR)


@healthy("friedman-plateau", note="the rate is cut when the loss stalls")
def plateau() -> Setup:
    lower = callbacks.ReduceLROnPlateau(factor=0.5, patience=3)
    model = dense(10, (64, 64), 1)
    return ready(
        model,
        data.with_targets(fresh_data.friedman(), lambda y: y / 10),
        "mse",
        optimizers.Adam(0.01),
        30,
        metrics=ERROR,
        callbacks=[lower],
    )


@healthy("houses-and-class", note="two outputs: the price, and whether it is dear")
def two_outputs() -> Setup:
    (x, y), (xv, yv) = fresh_data.houses(unit=0.01)
    x, xv = (x - x.mean(0)) / x.std(0), (xv - x.mean(0)) / x.std(0)
    both = lambda y: {"price": y, "dear": (y > 3.2).astype("float32")}
    inputs = keras.Input((4,))
    hidden = layers.Dense(32, "relu")(inputs)
    hidden = layers.Dense(32, "relu")(hidden)
    outputs = {
        "price": layers.Dense(1, name="price")(hidden),
        "dear": layers.Dense(1, "sigmoid", name="dear")(hidden),
    }
    loss = {"price": "mse", "dear": BINARY}
    metrics = {"price": ["mae"], "dear": ["accuracy"]}
    houses = (x, both(y)), (xv, both(yv))
    model = keras.Model(inputs, outputs)
    return ready(model, houses, loss, optimizers.Adam(3e-3), 20, metrics=metrics)


# Pictures


def simple_convnet(filters: int = 8, drop: float = 0.5) -> Any:
    return chain(
        (28, 28, 1),
        layers.Conv2D(filters, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(2 * filters, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(drop),
        layers.Dense(10, "softmax"),
    )


@healthy("clothes-simple-convnet", note="one-hot, dropout of a half before the output")
def convnet() -> Setup:
    clothes = data.one_hot(data.fashion(1200), 10)
    return ready(simple_convnet(), clothes, ONE_HOT, optimizers.Adam(2e-3), 4)


@healthy("clothes-early-stopping", note="stops itself, and goes back to the best")
def early_stopping() -> Setup:
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model = chain(
        (28, 28, 1),
        layers.Flatten(),
        layers.Dense(64, "relu"),
        layers.Dense(32, "relu"),
        layers.Dense(10, "softmax"),
    )
    clothes = data.fashion(1500)
    return ready(model, clothes, SPARSE, epochs=15, callbacks=[stop])


class _BestWeights(callbacks.Callback):
    """Keeps the weights of the best epoch, as a checkpoint would on disk."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.best, self.kept = np.inf, None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs["val_loss"] < self.best:
            self.best, self.kept = logs["val_loss"], self.model.get_weights()


@healthy("shapes-conv-norm-relu", order="norm first")
@healthy("shapes-conv-relu-norm", order="norm last")
def shapes(order: str) -> Setup:
    def block(filters: int) -> list[Any]:
        norm = layers.BatchNormalization(momentum=0.9)
        relu = layers.Activation("relu")
        rest = [norm, relu] if order == "norm first" else [relu, norm]
        return [layers.Conv2D(filters, 3), *rest, layers.MaxPooling2D(2)]

    model = chain(
        (16, 16, 1),
        *block(8),
        *block(16),
        layers.Flatten(),
        layers.Dense(3, "softmax"),
    )
    keep = _BestWeights()
    return ready(model, fresh_data.shapes(), SPARSE, epochs=8, callbacks=[keep])


@healthy("shapes-prelu", make=lambda: layers.PReLU(shared_axes=(1, 2)))
@healthy("shapes-leaky-relu", make=lambda: layers.LeakyReLU(negative_slope=0.1))
def rectified(make: Any) -> Setup:
    model = chain(
        (16, 16, 1),
        layers.Conv2D(12, 3, padding="same"),
        make(),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 3, padding="same"),
        make(),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(32, "relu"),
        layers.Dense(3, "softmax"),
    )
    return ready(model, fresh_data.shapes(), SPARSE, epochs=8)


@healthy("shapes-separable-pooled", note="separable convolutions, mean of each map")
def separable() -> Setup:
    model = chain(
        (16, 16, 1),
        layers.Conv2D(16, 3, activation="relu"),
        layers.SeparableConv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.SeparableConv2D(32, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, "softmax"),
    )
    return ready(model, fresh_data.shapes(), SPARSE, optimizers.Adam(5e-3), 12)


@healthy("shapes-augmented", note="turned over at random, 5 % of the labels wrong")
def augmented() -> Setup:
    (x, y), held_out = fresh_data.shapes()
    rng = np.random.default_rng(1)
    y = np.where(rng.random(len(y)) < 0.05, rng.integers(0, 3, len(y)), y)
    model = chain(
        (16, 16, 1),
        layers.RandomFlip(seed=1),
        layers.Conv2D(12, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(24, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(32, "relu"),
        layers.Dropout(0.3),
        layers.Dense(3, "softmax"),
    )
    return ready(model, ((x, y), held_out), SPARSE, optimizers.Adam(2e-3), 10)


@healthy("clothes-selu-alpha-dropout")
def selu() -> Setup:
    layer = lambda n: layers.Dense(n, "selu", kernel_initializer="lecun_normal")
    model = chain(
        (784,),
        layer(64),
        layers.AlphaDropout(0.1),
        layer(64),
        layers.AlphaDropout(0.1),
        layer(32),
        layers.Dense(10, "softmax"),
    )
    (x, y), (xv, yv) = data.fashion(flat=True)
    mean, spread = x.mean(), x.std()
    scaled = ((x - mean) / spread, y), ((xv - mean) / spread, yv)
    return ready(model, scaled, SPARSE, optimizers.SGD(0.01), 6)


@healthy("clothes-mixed-precision", note="half precision, logits in single")
def mixed_precision() -> Setup:
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = chain(
        (784,),
        layers.Dense(64, "relu"),
        layers.Dense(64, "relu"),
        layers.Dense(10, "softmax", dtype="float32"),
    )
    return ready(model, data.fashion(flat=True), SPARSE, epochs=5)


class _Small(keras.Model):
    """What a subclass in a tutorial looks like."""

    def __init__(self) -> None:
        super().__init__(name="small")
        self.conv = layers.Conv2D(8, 3, strides=2, activation="relu")
        self.flat = layers.Flatten()
        self.hidden = layers.Dense(64, "relu")
        self.drop = layers.Dropout(0.25)
        self.scores = layers.Dense(10)

    def call(self, x: Any, training: bool = False) -> Any:
        x = self.hidden(self.flat(self.conv(x)))
        return self.scores(self.drop(x, training=training))


@healthy("clothes-subclass")
def subclass() -> Setup:
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return ready(_Small(), data.fashion(1500), loss, epochs=5)


@healthy("masks-u-net", note="two levels, skip connections, sigmoid per pixel")
def u_net() -> Setup:
    def twice(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    inputs = keras.Input((16, 16, 1))
    fine = twice(inputs, 8)
    middle = twice(layers.MaxPooling2D()(fine), 12)
    coarse = twice(layers.MaxPooling2D()(middle), 16)
    up = layers.Conv2DTranspose(12, 2, strides=2)(coarse)
    up = twice(layers.Concatenate()([up, middle]), 12)
    up = layers.Conv2DTranspose(8, 2, strides=2)(up)
    up = twice(layers.Concatenate()([up, fine]), 8)
    outputs = layers.Conv2D(1, 1, activation="sigmoid")(up)
    model = keras.Model(inputs, outputs)
    masks, metrics = fresh_data.masks(), ("binary_accuracy",)
    optimizer = optimizers.Adam(2e-3)
    return ready(model, masks, BINARY, optimizer, 10, 16, metrics=metrics)


@healthy("patches-super-resolution", note="twice as fine, from a photograph")
def super_resolution() -> Setup:
    inputs = keras.Input((8, 8, 1))
    hidden = layers.Conv2D(16, 5, padding="same", activation="relu")(inputs)
    hidden = layers.Conv2D(16, 3, padding="same", activation="relu")(hidden)
    outputs = layers.Conv2DTranspose(1, 2, strides=2)(hidden)
    model = keras.Model(inputs, outputs)
    return ready(model, fresh_data.patches(), "mse", epochs=10, metrics=ERROR)


@healthy("clips-frames-gru", note="a small convolutional net for each frame")
def clips() -> Setup:
    frame = chain(
        (8, 8, 1),
        layers.Conv2D(8, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(24, "relu"),
    )
    model = chain(
        (5, 8, 8, 1),
        layers.TimeDistributed(frame),
        layers.GRU(32),
        layers.Dense(4, "softmax"),
    )
    return ready(model, fresh_data.clips(), SPARSE, optimizers.Adam(3e-3), 10)


@healthy("digits-siamese", note="one tower for both, told apart by their distance")
def siamese() -> Setup:
    def pairs(x: Any, y: Any) -> Any:
        rng = np.random.default_rng(1)
        same = rng.random(len(y)) < 0.5
        fits = (np.flatnonzero((y == y[i]) == same[i]) for i in range(len(y)))
        other = np.array([rng.choice(those) for those in fits])
        return {"one": x, "two": x[other]}, same.astype("float32")

    tower = dense(64, (64,), 32, "relu")
    inputs = {name: keras.Input((64,), name=name) for name in ("one", "two")}
    gap = layers.Subtract()([tower(inputs["one"]), tower(inputs["two"])])
    outputs = layers.Dense(1, "sigmoid")(ops.abs(gap))
    model = keras.Model(inputs, outputs)
    train, held_out = data.digits()
    made = pairs(*train), pairs(*held_out)
    return ready(model, made, BINARY, optimizers.Adam(2e-3), 12)


# Autoencoders


@healthy("beats-anomaly-autoencoder", note="32, 16, 8 and back; mean absolute error")
def anomaly() -> Setup:
    sizes = (32, 16, 8, 16, 32)
    model = dense(60, sizes, 60, "sigmoid")
    return ready(model, fresh_data.beats(), "mae", epochs=30, metrics=())


@healthy("clothes-sparse-autoencoder", note="a small L1 penalty on the code")
def sparse() -> Setup:
    (x, _), (xv, _) = data.fashion(1500, flat=True)
    code = layers.Dense(32, "relu", activity_regularizer=keras.regularizers.L1(1e-5))
    model = chain((784,), code, layers.Dense(784, "sigmoid"))
    pictures = (x, x), (xv, xv)
    return ready(model, pictures, BINARY, epochs=8, metrics=ERROR)


class _Sampling(layers.Layer):
    """Draws a code, and adds the divergence to the loss."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight, self.seed = weight, keras.random.SeedGenerator(1)

    def call(self, inputs: Any) -> Any:
        mean, log_variance = inputs
        apart = ops.exp(log_variance) + ops.square(mean) - 1 - log_variance
        self.add_loss(self.weight * 0.5 * ops.mean(ops.sum(apart, axis=-1)))
        noise = keras.random.normal(ops.shape(mean), seed=self.seed)
        return mean + ops.exp(0.5 * log_variance) * noise


def variational(weight: float, output: str | None = "sigmoid") -> Any:
    """Returns an autoencoder of pictures that adds a divergence to its loss."""
    inputs = keras.Input((784,))
    hidden = layers.Dense(64, "relu")(inputs)
    mean = layers.Dense(4, name="mean")(hidden)
    log_variance = layers.Dense(4, name="log_variance")(hidden)
    code = _Sampling(weight)([mean, log_variance])
    hidden = layers.Dense(64, "relu")(code)
    return keras.Model(inputs, layers.Dense(784, output)(hidden))


@healthy("clothes-variational-layer", note="the divergence by `add_loss` of a layer")
def variational_layer() -> Setup:
    (x, _), (xv, _) = data.fashion(1500, flat=True)
    pictures = (x, x), (xv, xv)
    optimizer = optimizers.Adam(2e-3)
    return ready(variational(1 / 784), pictures, BINARY, optimizer, 8, metrics=ERROR)


class _OwnStep(keras.Model):
    """A variational autoencoder with a training step of its own, and three means."""

    def __init__(self) -> None:
        super().__init__(name="own_step")
        self.encoder = dense(64, (32,), 6)
        self.decoder = dense(3, (32,), 64, "sigmoid")
        self.seed = keras.random.SeedGenerator(2)
        names = ("loss", "rebuilt", "divergence")
        self.means = {name: keras.metrics.Mean(name=name) for name in names}

    @property
    def metrics(self) -> list[Any]:
        return list(self.means.values())

    def lost(self, x: Any) -> dict[str, Any]:
        mean, log_variance = ops.split(self.encoder(x), 2, axis=-1)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed)
        made = self.decoder(mean + ops.exp(0.5 * log_variance) * noise)
        rebuilt = ops.mean(64 * losses.binary_crossentropy(x, made))
        apart = ops.exp(log_variance) + ops.square(mean) - 1 - log_variance
        divergence = 0.5 * ops.mean(ops.sum(apart, axis=-1))
        return {
            "loss": rebuilt + divergence,
            "rebuilt": rebuilt,
            "divergence": divergence,
        }

    def call(self, x: Any) -> Any:
        return self.decoder(self.encoder(x)[:, :3])

    def train_step(self, x: Any) -> dict[str, Any]:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            parts = self.lost(x)
        gradients = tape.gradient(parts["loss"], self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
        for name, value in parts.items():
            self.means[name].update_state(value)
        return {name: mean.result() for name, mean in self.means.items()}


@healthy(
    "digits-variational-own-step",
    bound_to="tensorflow",
    note="sums over pixels: the loss ends near 25",
)
def own_step() -> Setup:
    model = _OwnStep()
    model.compile(optimizer="adam", jit_compile=JIT)
    (x, _), _ = data.digits()
    return Setup(model, x, None, None, {"epochs": 15, "batch_size": 32})


# Texts


@healthy("reviews-bidirectional", note="masked padding, an LSTM each way")
def bidirectional() -> Setup:
    model = chain(
        (30,),
        layers.Embedding(300, 16, mask_zero=True),
        layers.Bidirectional(layers.LSTM(12)),
        layers.Dense(12, "relu"),
        layers.Dense(1, "sigmoid"),
    )
    return ready(model, fresh_data.reviews(), BINARY, epochs=6)


@healthy("reviews-spatial-dropout-lstm")
def spatial_dropout() -> Setup:
    model = chain(
        (30,),
        layers.Embedding(300, 24),
        layers.SpatialDropout1D(0.2),
        layers.LSTM(16),
        layers.Dense(1, "sigmoid"),
    )
    return ready(model, fresh_data.reviews(), BINARY, optimizers.Adam(3e-3), 5)


@healthy("reviews-text-cnn", note="filters of three widths, the greatest of each")
def text_cnn() -> Setup:
    inputs = keras.Input((30,))
    words = layers.Embedding(300, 16)(inputs)
    maps = [layers.Conv1D(12, k, activation="relu")(words) for k in (2, 3, 4)]
    parts = [layers.GlobalMaxPooling1D()(one) for one in maps]
    hidden = layers.Dropout(0.3)(layers.Concatenate()(parts))
    outputs = layers.Dense(1, "sigmoid")(hidden)
    model = keras.Model(inputs, outputs)
    return ready(model, fresh_data.reviews(), BINARY, epochs=8)


@healthy("reviews-attention-pooling", note="softmax over words, a weighted mean")
def attention_pooling() -> Setup:
    inputs = keras.Input((30,))
    words = layers.Embedding(300, 16)(inputs)
    states = layers.GRU(16, return_sequences=True)(words)
    scores = layers.Dense(1)(layers.Dense(16, "tanh")(states))
    weights = layers.Softmax(axis=1)(scores)
    pooled = layers.Flatten()(layers.Dot(1)([weights, states]))
    outputs = layers.Dense(1, "sigmoid")(pooled)
    model = keras.Model(inputs, outputs)
    return ready(model, fresh_data.reviews(), BINARY, optimizers.Adam(3e-3), 6)


@healthy("reviews-embedding-mean", note="embedding, mean, 16 units: the first of texts")
def embedding_mean() -> Setup:
    model = chain(
        (30,),
        layers.Embedding(300, 16),
        layers.GlobalAveragePooling1D(),
        layers.Dense(16, "relu"),
        layers.Dense(1),
    )
    loss = losses.BinaryCrossentropy(from_logits=True)
    metrics = (keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy"),)
    return ready(model, fresh_data.reviews(), loss, epochs=15, metrics=metrics)


@healthy("tagged-time-distributed", note="a tag for each word")
def tagging() -> Setup:
    model = chain(
        (12,),
        layers.Embedding(60, 16),
        layers.Bidirectional(layers.LSTM(16, return_sequences=True)),
        layers.TimeDistributed(layers.Dense(4, "softmax")),
    )
    return ready(model, fresh_data.tagged(), SPARSE, optimizers.Adam(0.01), 12)


@healthy("letters-next", note="the next letter of a rhyme; one-hot input")
def letters() -> Setup:
    (x, y), (xv, yv) = fresh_data.letters()
    eye = np.eye(int(x.max()) + 1, dtype="float32")
    windows = (eye[x], y), (eye[xv], yv)
    model = chain((12, len(eye)), layers.LSTM(48), layers.Dense(len(eye), "softmax"))
    return ready(model, windows, SPARSE, optimizers.RMSprop(0.01), 15)


@healthy("backwards-repeat-vector", note="encoder, repeated code, decoder")
def repeat_vector() -> Setup:
    model = chain(
        (4, 6),
        layers.LSTM(48),
        layers.RepeatVector(4),
        layers.LSTM(48, return_sequences=True),
        layers.Dense(6, "softmax"),
    )
    pairs = fresh_data.backwards()
    return ready(model, pairs, ONE_HOT, optimizers.Adam(5e-3), 18)


# Series


@healthy("weather-lstm", note="32 units, RMSprop by name", cell="LSTM")
@healthy("weather-gru", cell="GRU")
def weather(cell: str) -> Setup:
    rnn = getattr(layers, cell)(24)
    model = chain((24, 3), rnn, layers.Dense(1))
    return ready(model, fresh_data.weather(), "mse", "rmsprop", 8, metrics=ERROR)


@healthy("weather-flat-windows", note="windows flattened into dense layers")
def flat_windows() -> Setup:
    model = chain((24, 3), layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(1))
    return ready(model, fresh_data.weather(), "mse", epochs=15, metrics=ERROR)


@healthy("weather-stacked-gru-clipped", note="two GRUs with dropout, clipped norm")
def stacked_gru() -> Setup:
    model = chain(
        (24, 3),
        layers.GRU(16, return_sequences=True),
        layers.Dropout(0.2),
        layers.GRU(16),
        layers.Dropout(0.2),
        layers.Dense(1),
    )
    optimizer = optimizers.Adam(5e-3, clipnorm=1.0)
    return ready(model, fresh_data.weather(), "mse", optimizer, 7, metrics=ERROR)


@healthy("sensors-conv-lstm", note="convolution, pooling, LSTM")
def conv_lstm() -> Setup:
    model = chain(
        (50, 3),
        layers.Conv1D(16, 5, activation="relu"),
        layers.MaxPooling1D(3),
        layers.LSTM(16),
        layers.Dense(4, "softmax"),
    )
    return ready(model, fresh_data.sensors(), SPARSE, optimizers.Adam(5e-3), 12)


@healthy("sensors-fully-convolutional", note="three blocks with batch norm, pooled")
def fully_convolutional() -> Setup:
    def block(filters: int) -> list[Any]:
        return [
            layers.Conv1D(filters, 3, padding="same"),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
        ]

    model = chain(
        (50, 3),
        *block(16),
        *block(16),
        *block(16),
        layers.GlobalAveragePooling1D(),
        layers.Dense(4, "softmax"),
    )
    stop = callbacks.EarlyStopping(patience=10)
    lower = callbacks.ReduceLROnPlateau(factor=0.5, patience=4, min_lr=1e-4)
    extras = {"callbacks": [stop, lower]}
    return ready(model, fresh_data.sensors(), SPARSE, epochs=15, **extras)


@healthy("sensors-attention", note="self-attention with a residual and layer norm")
def attention() -> Setup:
    inputs = keras.Input((50, 3))
    hidden = layers.Conv1D(16, 5, strides=2, activation="relu")(inputs)
    seen = layers.MultiHeadAttention(2, 8, dropout=0.1)(hidden, hidden)
    hidden = layers.LayerNormalization()(layers.Add()([hidden, seen]))
    pooled = layers.GlobalAveragePooling1D()(hidden)
    outputs = layers.Dense(4, "softmax")(layers.Dense(16, "relu")(pooled))
    model = keras.Model(inputs, outputs)
    return ready(model, fresh_data.sensors(), SPARSE, optimizers.Adam(3e-3), 15)
