"""After published programs: series, graphs, sets, and nets that make things up."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from faults import data
from faults import fresh_data
from faults import unseen_data
from faults.build import BINARY
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.build import said_of
from faults.case import JIT
from faults.case import Setup
from faults.programs_parts import ERROR
from faults.programs_parts import EXPLODING
from faults.programs_parts import HIDDEN
from faults.programs_parts import HIGH
from faults.programs_parts import IDLE
from faults.programs_parts import LABELS
from faults.programs_parts import LOW
from faults.programs_parts import RAW
from faults.programs_parts import SATURATED
from faults.programs_parts import TARGET
from faults.programs_parts import VANISHING
from faults.programs_parts import WILD
from faults.programs_parts import Trained
from faults.programs_parts import accuracy_score
from faults.programs_parts import encoder_block
from faults.programs_parts import explained_score
from faults.programs_parts import faulty
from faults.programs_parts import healthy
from faults.programs_parts import mean_square

layers = keras.layers
optimizers = keras.optimizers
Adam = optimizers.Adam


# Series


@healthy("program-weather-forecast", note="three series, the last hours, one LSTM")
@faulty(
    "program-weather-raw",
    RAW,
    (SATURATED, IDLE, TARGET, LOW, VANISHING),
    twin="program-weather-forecast",
    raw=True,
)
@faulty(
    "program-weather-rate-of-a-millionth",
    LOW,
    (IDLE,),
    twin="program-weather-forecast",
    rate=2e-6,
)
def weather(raw: bool = False, rate: float = 5e-3) -> Setup:
    (x, y), (xv, yv) = fresh_data.weather(raw=raw)
    y, yv = (y - y.mean()) / y.std(), (yv - y.mean()) / y.std()
    rows = (x, y), (xv, yv)
    model = chain((24, 3), layers.LSTM(16), layers.Dense(1))
    made = ready(model, rows, "mse", Adam(rate), 7, metrics=ERROR)
    made.score = explained_score(xv, yv)
    return made


@healthy("program-sensor-convolutions", note="three convolutions, batch norm, average")
@faulty(
    "program-sensor-labels-of-other-rows",
    LABELS,
    (IDLE, "overfitting"),
    twin="program-sensor-convolutions",
    mixed=True,
)
@faulty(
    "program-sensor-rate-of-3",
    HIGH,
    WILD,
    twin="program-sensor-convolutions",
    rate=3.0,
)
def sensors(mixed: bool = False, rate: float = 5e-3) -> Setup:
    (x, y), held_out = fresh_data.sensors()
    y = np.random.default_rng(2).permutation(y) if mixed else y
    block = lambda: [
        layers.Conv1D(16, 3, padding="same"),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]
    model = chain(
        (50, 3),
        *block(),
        *block(),
        layers.GlobalAveragePooling1D(),
        layers.Dense(4, "softmax"),
    )
    return ready(model, ((x, y), held_out), SPARSE, Adam(rate), 10)


@healthy("program-series-transformer", note="attention over a series, a small head")
def series_transformer() -> Setup:
    inputs = keras.Input((50, 3))
    h = layers.Conv1D(16, 5, 5)(inputs)
    h = encoder_block(encoder_block(h))
    h = layers.Dropout(0.2)(layers.GlobalAveragePooling1D()(h))
    h = layers.Dense(16, "relu")(h)
    model = keras.Model(inputs, layers.Dense(4, "softmax")(h))
    return ready(model, fresh_data.sensors(), SPARSE, Adam(3e-3), 10)


@healthy("program-dilated-causal", note="gated causal convolutions, each next value")
@faulty(
    "program-dilated-not-causal",
    "leaked-target",
    twin="program-dilated-causal",
    padding="same",
)
def dilated(padding: str = "causal") -> Setup:
    rng = np.random.default_rng(51)
    value = np.zeros(1000)
    for t in range(2, 1000):
        value[t] = 1.5 * value[t - 1] - 0.8 * value[t - 2] + rng.normal(0, 0.5)
    value = (value / value.std()).astype("float32")
    x = np.stack([value[i : i + 24, None] for i in range(0, 900, 2)])
    y = np.stack([value[i + 1 : i + 25, None] for i in range(0, 900, 2)])
    inputs = keras.Input((24, 1))
    h = layers.Dense(12)(inputs)
    for step in (1, 2, 4):
        gate = layers.Conv1D(12, 2, padding=padding, dilation_rate=step)
        wide = layers.Conv1D(12, 3, padding=padding, dilation_rate=step)
        h = h + ops.tanh(wide(h)) * ops.sigmoid(gate(h))
    model = keras.Model(inputs, layers.Dense(1)(h))
    rows = (x[:350], y[:350]), (x[350:], y[350:])
    made = ready(model, rows, "mse", Adam(6e-3), 14, 16, metrics=ERROR)

    def score(model: Any, history: Any) -> float:
        """Foretells the thirteenth value, later ones not being there."""
        seen = x[350:].copy()
        seen[:, 12:] = 0
        said, right = said_of(model, seen)[:, 11], y[350:, 11]
        return float(1 - np.mean((said - right) ** 2) / np.var(right))

    made.score = score
    return made


@healthy("program-recurrent-depth", note="three recurrent layers, clipped")
@faulty(
    "program-recurrent-of-relu",
    (EXPLODING, HIGH),
    (*WILD, HIDDEN),
    twin="program-recurrent-depth",
    activation="relu",
    scale=2.0,
    note="relu in place of tanh, and a start twice the usual",
)
def recurrent(activation: str = "tanh", scale: float = 1.0) -> Setup:
    start = keras.initializers.Orthogonal(scale)
    cell = lambda more: layers.SimpleRNN(
        16, activation, recurrent_initializer=start, return_sequences=more
    )
    model = chain((24, 1), cell(True), cell(False), layers.Dense(1))
    clip = {"clipnorm": 1.0} if scale == 1.0 else {}
    optimizer = optimizers.SGD(0.05, momentum=0.9, **clip)
    made = ready(model, data.waves(), "mse", optimizer, 10, metrics=ERROR)
    made.score = explained_score(*data.waves()[1])
    return made


@healthy("program-anomalies-of-a-series", note="convolutions down and up again")
def anomalies() -> Setup:
    (x, _), (xv, _) = data.waves(700, 32)
    model = chain(
        (32, 1),
        layers.Conv1D(12, 5, 2, padding="same", activation="relu"),
        layers.Dropout(0.1),
        layers.Conv1D(6, 5, 2, padding="same", activation="relu"),
        layers.Conv1DTranspose(6, 5, 2, padding="same", activation="relu"),
        layers.Conv1DTranspose(12, 5, 2, padding="same", activation="relu"),
        layers.Conv1D(1, 5, padding="same"),
    )
    made = ready(model, ((x, x), (xv, xv)), "mse", Adam(5e-3), 10, metrics=ERROR)
    made.score = explained_score(xv, xv)
    return made


@healthy("program-spoken-words", note="spectrograms, normalised inside, convolutions")
@faulty(
    "program-spoken-words-decibels",
    RAW,
    (IDLE, *WILD),
    twin="program-spoken-words",
    inside=False,
)
def spoken(inside: bool = True) -> Setup:
    rows = unseen_data.keywords()
    scale = layers.Normalization()
    scale.adapt(rows[0][0])
    first = [scale] if inside else []
    shape = rows[0][0].shape[1:]
    model = chain(
        shape,
        *first,
        layers.Reshape((*shape[:2], 1)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(6, "softmax"),
    )
    optimizer = optimizers.SGD(0.02, momentum=0.9)
    return ready(model, rows, SPARSE, optimizer, 8)


@healthy("program-several-steps-ahead", note="encoder and repeated decoder, six values")
def ahead() -> Setup:
    rows = data.waves(700, 24, 6)
    model = chain(
        (24, 1),
        layers.GRU(16),
        layers.RepeatVector(6),
        layers.GRU(16, return_sequences=True),
        layers.Dense(1),
        layers.Flatten(),
    )
    made = ready(model, rows, "mae", Adam(6e-3), 9, metrics=())
    made.score = explained_score(*rows[1])
    return made


@healthy("program-motion-by-steps", note="a net for the change, taken five times")
def motion() -> Setup:
    class Steps(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = layers.Dense(24, "tanh"), layers.Dense(2)

        def call(self, x: Any) -> Any:
            for _ in range(5):
                x = x + 0.2 * self.last(self.first(x))
            return x

    rng = np.random.default_rng(52)
    x = rng.normal(size=(800, 2))
    turn = np.array([[np.cos(0.8), -np.sin(0.8)], [np.sin(0.8), np.cos(0.8)]])
    y = x @ turn * 0.9
    rows = data.split(x.astype("float32"), y.astype("float32"))
    made = ready(chain((2,), Steps()), rows, "mse", Adam(4e-3), 10, metrics=ERROR)
    made.score = explained_score(*rows[1])
    return made


# Graphs


class Neighbours(layers.Layer):
    """The mean of the features of one's neighbours, and of one's own."""

    def __init__(self, links: Any, units: int, activation: Any = None) -> None:
        super().__init__()
        self.links = ops.convert_to_tensor(links)
        self.own, self.others = layers.Dense(units), layers.Dense(units)
        self.activation = keras.activations.get(activation)

    def call(self, x: Any) -> Any:
        return self.activation(self.own(x) + self.others(ops.matmul(self.links, x)))


@healthy("program-citations", note="nodes in one batch, not shuffled")
@faulty(
    "program-citations-nodes-of-another-order",
    LABELS,
    (IDLE, "overfitting"),
    twin="program-citations",
    mixed=True,
)
def citations(mixed: bool = False) -> Setup:
    x, weights, y = unseen_data.community(240)
    known = (np.random.default_rng(3).random(240) < 0.4).astype("float32")
    wanted = np.random.default_rng(4).permutation(y) if mixed else y
    model = chain(
        (12,),
        layers.Dropout(0.2),
        Neighbours(weights, 16, "relu"),
        layers.Dropout(0.2),
        Neighbours(weights, 4),
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    only = {"weighted_metrics": ["accuracy"]}
    rows = (x, wanted), (x, y, 1 - known)
    made = ready(model, rows, loss, Adam(0.01), 60, 240, (), compiled=only)
    made.fit.update(sample_weight=known, shuffle=False)

    def score(model: Any, history: Any) -> float:
        said = model.predict(x, batch_size=240, verbose=0).argmax(-1)
        return float(np.mean(said[known == 0] == y[known == 0]))

    made.score = score
    return made


def molecules(n: int = 700, atoms: int = 12) -> Any:
    """Graphs of 5 to 12 atoms: kinds, links, and how many rings of a kind."""
    rng = np.random.default_rng(53)
    kind = rng.integers(1, 5, (n, atoms))
    sizes = rng.integers(5, atoms + 1, n)
    there = np.arange(atoms) < sizes[:, None]
    links = rng.random((n, atoms, atoms)) < 0.25
    links = (links | links.transpose(0, 2, 1)) & there[:, None] & there[:, :, None]
    kind = np.where(there, kind, 0)
    near = (kind[:, None, :] == 2) & links & (kind[:, :, None] == 3)
    y = np.log1p(near.sum((1, 2)))
    x = {"kind": kind.astype("int32"), "links": links.astype("float32")}
    return x, ((y - y.mean()) / y.std())[:, None].astype("float32")


@healthy("program-molecules", note="messages along links; atoms summed, padding not")
@faulty(
    "program-molecules-linear",
    HIDDEN,
    (IDLE,),
    twin="program-molecules",
    activation="linear",
)
def molecules_net(activation: str = "relu") -> Setup:
    x, y = molecules()
    rows = fresh_data.split_named(x, y)
    kind = keras.Input((12,), dtype="int32", name="kind")
    links = keras.Input((12, 12), name="links")
    there = ops.cast(ops.expand_dims(kind, -1) > 0, "float32")
    h = layers.Embedding(5, 12)(kind)
    for _ in range(2):
        message = ops.matmul(links, layers.Dense(16, activation)(h))
        h = layers.Dense(16, activation)(layers.Concatenate()([h, message]))
    h = ops.sum(h * there, 1) / 6.0
    model = keras.Model({"kind": kind, "links": links}, layers.Dense(1)(h))
    made = ready(model, rows, "mse", Adam(5e-3), 10, metrics=ERROR)
    made.score = explained_score(*rows[1])
    return made


@healthy("program-graph-attention", note="neighbours weighted by what they are")
def graph_attention() -> Setup:
    class Attends(layers.Layer):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.kernel = layers.Dense(units)
            self.one, self.two = layers.Dense(1), layers.Dense(1)

        def call(self, x: Any, links: Any) -> Any:
            h = self.kernel(x)
            score = self.one(h) + ops.transpose(self.two(h), (0, 2, 1))
            score = ops.leaky_relu(score, 0.2) - 1e9 * (1 - links)
            return ops.matmul(ops.softmax(score), h)

    x, y = molecules()
    x["links"] = np.minimum(x["links"] + np.eye(12, dtype="float32"), 1)
    rows = fresh_data.split_named(x, y)
    kind = keras.Input((12,), dtype="int32", name="kind")
    links = keras.Input((12, 12), name="links")
    h = layers.Embedding(5, 16)(kind)
    h = ops.elu(Attends(24)(h, links)) + layers.Dense(24)(h)
    h = layers.Dense(24, "relu")(h)
    there = ops.cast(ops.expand_dims(kind, -1) > 0, "float32")
    h = layers.Dense(16, "relu")(ops.sum(h * there, 1) / 6.0)
    model = keras.Model({"kind": kind, "links": links}, layers.Dense(1)(h))
    made = ready(model, rows, "mse", Adam(5e-3), 10, metrics=ERROR)
    made.score = explained_score(*rows[1])
    return made


@healthy("program-points-turned", note="points are turned by a net that starts at 1")
@faulty(
    "program-points-of-other-clouds",
    LABELS,
    (IDLE, "overfitting"),
    twin="program-points-turned",
    mixed=True,
)
def points(mixed: bool = False) -> Setup:
    (x, y), held_out = unseen_data.clouds()
    y = np.random.default_rng(5).permutation(y) if mixed else y
    inputs = keras.Input((32, 2))
    start = keras.initializers.Constant(np.eye(2).ravel())
    small = layers.GlobalMaxPooling1D()(layers.Conv1D(16, 1, activation="relu")(inputs))
    turn = layers.Dense(4, kernel_initializer="zeros", bias_initializer=start)(small)
    h = ops.matmul(inputs, layers.Reshape((2, 2))(turn))
    h = layers.Conv1D(24, 1)(h)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    h = layers.GlobalMaxPooling1D()(layers.Conv1D(48, 1, activation="relu")(h))
    h = layers.Dropout(0.2)(layers.Dense(24, "relu")(h))
    model = keras.Model(inputs, layers.Dense(3, "softmax")(h))
    return ready(model, ((x, y), held_out), SPARSE, Adam(4e-3), 9)


# Made up


class Variational(Trained):
    """Encoder, drawn code, decoder; metrics of its own."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.encoder = dense(64, (48,), 12)
        self.decoder = dense(6, (48,), 64, "sigmoid")
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, x: Any) -> Any:
        return self.decoder(ops.split(self.encoder(x), 2, axis=-1)[0])

    def losses_of(self, data: Any) -> Any:
        x = data[0] if isinstance(data, tuple) else data
        mean, log = ops.split(self.encoder(x), 2, axis=-1)
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        said = self.decoder(mean + ops.exp(0.5 * log) * noise)
        apart = 0.5 * ops.mean(ops.sum(ops.square(mean) + ops.exp(log) - log - 1, -1))
        close = ops.mean(ops.sum(keras.losses.binary_crossentropy(x, said)))
        return close * 2 + self.factor * apart


@healthy(
    "program-variational",
    bound_to="tensorflow",
    note="a step of its own, two losses",
    factor=1.0,
)
@faulty(
    "program-variational-code-unused",
    "dominant-loss-term",
    (IDLE, "no-gradient", "constant-output"),
    twin="program-variational",
    bound_to="tensorflow",
    factor=1e4,
)
def variational(factor: float) -> Setup:
    (x, _), (xv, _) = data.digits()
    model = Variational(factor)
    model.build((None, 64))
    model.compile(optimizer=Adam(4e-3), jit_compile=JIT)
    made = Setup(model, x, None, None, {"epochs": 10, "batch_size": 32})
    made.score = explained_score(xv, xv)
    return made


class Pair(keras.Model):
    """A maker and a judge of points of the plane, each with an optimizer."""

    def __init__(self, forgets: bool) -> None:
        super().__init__()
        self.maker, self.judge = dense(4, (24, 24), 2), dense(2, (24, 24), 1)
        self.forgets, self.makers = forgets, Adam(2e-3, beta_1=0.5)
        self.seeds = keras.random.SeedGenerator(4)
        self.makers.build(self.maker.trainable_variables)

    def call(self, x: Any) -> Any:
        return self.maker(x)

    def train_step(self, data: Any) -> Any:
        import tensorflow as tf

        real = data[0] if isinstance(data, tuple) else data
        rows = ops.shape(real)[0]
        entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        with tf.GradientTape(persistent=True) as tape:
            made = self.maker(keras.random.normal((rows, 4), seed=self.seeds))
            one, other = self.judge(real), self.judge(made)
            judged = entropy(ops.ones((rows, 1)), one)
            judged += entropy(ops.zeros((rows, 1)), other)
            fooled = entropy(ops.ones((rows, 1)), other)
        found = tape.gradient(judged, self.judge.trainable_variables)
        self.optimizer.apply(found, self.judge.trainable_variables)
        if not self.forgets:
            found = tape.gradient(fooled, self.maker.trainable_variables)
            self.makers.apply(found, self.maker.trainable_variables)
        return {"judge": judged, "maker": fooled}


@healthy("program-adversarial-points", bound_to="tensorflow", note="two optimizers")
@faulty(
    "program-adversarial-maker-forgotten",
    "not-updated",
    (IDLE, "no-gradient"),
    twin="program-adversarial-points",
    bound_to="tensorflow",
    forgets=True,
)
def adversarial(forgets: bool = False) -> Setup:
    (x, _), _ = data.plane("moons")
    model = Pair(forgets)
    model.compile(optimizer=Adam(2e-3, beta_1=0.5), jit_compile=JIT)
    model.optimizer.build(model.judge.trainable_variables)
    made = Setup(model, x - x.mean(0), None, None, {"epochs": 14, "batch_size": 32})

    def score(model: Any, history: Any) -> float:
        noise = np.random.default_rng(1).normal(size=(500, 4)).astype("float32")
        points = said_of(model, noise)
        apart = lambda a, b: (
            np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1)).min(1).mean()
        )
        real = made.x[:400]
        return -float(apart(real, points) + apart(points, real))

    made.score = score
    return made


@healthy("program-denoising-steps", note="what noise was added, at ten levels")
@faulty(
    "program-denoising-noise-of-50",
    TARGET,
    (IDLE, LOW, "oscillating-loss", EXPLODING),
    twin="program-denoising-steps",
    unit=500.0,
)
def diffusion(unit: float = 1.0) -> Setup:
    rng = np.random.default_rng(54)
    (x, _), _ = data.plane("moons")
    x = np.tile((x - x.mean(0)) / x.std(0), (2, 1))
    level, noise = rng.uniform(0.05, 0.95, (len(x), 1)), rng.normal(size=x.shape)
    dirty = np.sqrt(1 - level) * x + np.sqrt(level) * noise
    inputs = np.concatenate([dirty, level], 1).astype("float32")
    rows = data.split(inputs, (unit * noise).astype("float32"))
    optimizer = Adam(4e-3) if unit == 1 else optimizers.SGD(1e-3)
    model = dense(3, (48, 48), 2, None, "swish")
    made = ready(model, rows, "mse", optimizer, 9, metrics=ERROR)
    made.score = explained_score(*rows[1])
    return made


class Book(layers.Layer):
    """Takes the nearest of 32 vectors, with the gradient of what it replaced."""

    def __init__(self, passes: bool) -> None:
        super().__init__()
        self.passes = passes

    def build(self, shape: Any) -> None:
        self.book = self.add_weight(
            shape=(32, shape[-1]), initializer="uniform", name="book"
        )

    def call(self, x: Any) -> Any:
        apart = ops.sum(ops.square(ops.expand_dims(x, -2) - self.book), -1)
        taken = ops.take(self.book, ops.argmin(apart, -1), axis=0)
        self.add_loss(0.25 * mean_square(x, ops.stop_gradient(taken)))
        self.add_loss(mean_square(ops.stop_gradient(x), taken))
        if not self.passes:
            return ops.stop_gradient(taken)
        return x + ops.stop_gradient(taken - x)


@healthy("program-codes-of-a-book", note="straight through the choice of a code")
def book() -> Setup:
    (x, _), (xv, _) = data.digits()
    model = chain(
        (64,),
        layers.Dense(32, "relu"),
        layers.Dense(16),
        layers.Reshape((4, 4)),
        Book(True),
        layers.Flatten(),
        layers.Dense(32, "relu"),
        layers.Dense(64, "sigmoid"),
    )
    made = ready(model, ((x, x), (xv, xv)), "mse", Adam(5e-3), 12, metrics=())
    made.score = explained_score(xv, xv)
    return made


class Reconstructs(keras.Model):
    """An autoencoder that computes its loss itself, detached or not."""

    def __init__(self, detached: bool) -> None:
        super().__init__()
        self.detached = detached
        self.encoder, self.decoder = dense(64, (32,), 3), dense(3, (32,), 64, "sigmoid")

    def call(self, x: Any) -> Any:
        code = self.encoder(x)
        code = ops.stop_gradient(code) if self.detached else code
        return self.decoder(code)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **k: Any
    ) -> Any:
        return mean_square(x, y_pred)


@healthy("program-own-loss-of-inputs", note="compute_loss without targets")
@faulty(
    "program-own-loss-detached-code",
    "no-gradient",
    (IDLE,),
    twin="program-own-loss-of-inputs",
    detached=True,
)
def own_loss(detached: bool = False) -> Setup:
    (x, _), (xv, _) = data.digits()
    model = Reconstructs(detached)
    model.compile(optimizer=Adam(5e-3), jit_compile=JIT)
    made = Setup(model, x, x, (xv, xv), {"epochs": 12, "batch_size": 32})
    made.score = explained_score(xv, xv)
    return made


class Contrasted(keras.Model):
    """Two noisy views of a row are to be nearest among all of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.head = dense(64, (48,), 24), dense(24, (24,), 12)
        self.seeds = keras.random.SeedGenerator(9)

    def call(self, x: Any) -> Any:
        return self.encoder(x)

    def train_step(self, data: Any) -> Any:
        import tensorflow as tf

        x = data[0] if isinstance(data, tuple) else data
        view = lambda: (
            x
            * ops.cast(
                keras.random.uniform(ops.shape(x), seed=self.seeds) > 0.3, x.dtype
            )
        )
        with tf.GradientTape() as tape:
            one = ops.normalize(self.head(self.encoder(view(), training=True)))
            two = ops.normalize(self.head(self.encoder(view(), training=True)))
            near = ops.matmul(one, ops.transpose(two)) / 0.2
            right = ops.arange(ops.shape(x)[0])
            entropy = keras.losses.sparse_categorical_crossentropy
            loss = ops.mean(entropy(right, near, from_logits=True))
            loss += ops.mean(entropy(right, ops.transpose(near), from_logits=True))
        found = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(found, self.trainable_variables)
        return {"loss": loss}


@healthy("program-contrasted-views", bound_to="tensorflow", note="no labels at all")
def contrasted() -> Setup:
    (x, _), _ = data.digits()
    model = Contrasted()
    model.compile(optimizer=Adam(3e-3), jit_compile=JIT)
    return Setup(model, x, None, None, {"epochs": 8, "batch_size": 64})


@healthy("program-distillation", bound_to="tensorflow", note="a trained teacher")
@faulty(
    "program-distillation-of-a-random-teacher",
    "frozen-random-weights",
    (IDLE,),
    twin="program-distillation",
    bound_to="tensorflow",
    taught=False,
)
def distillation(taught: bool = True) -> Setup:
    class Distiller(keras.Model):
        def __init__(self, teacher: Any) -> None:
            super().__init__()
            self.teacher, self.student = teacher, dense(64, (12,), 10)
            teacher.trainable = False

        def call(self, x: Any) -> Any:
            return self.student(x)

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **k: Any
        ) -> Any:
            soft = ops.softmax(self.teacher(x, training=False) / 3)
            apart = keras.losses.kl_divergence(soft, ops.softmax(y_pred / 3))
            hard = keras.losses.sparse_categorical_crossentropy(y, y_pred, True)
            return ops.mean(9 * apart + 0.02 * hard)

    (x, y), held_out = data.digits()
    teacher = dense(64, (96, 96), 10)
    if taught:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        teacher.compile(Adam(4e-3), loss, jit_compile=False)
        teacher.fit(x, y, epochs=5, verbose=0)
    made = ready(Distiller(teacher), ((x, y), held_out), None, Adam(5e-3), 8)
    made.score = accuracy_score(*held_out)
    return made


@healthy("program-picture-as-a-function", note="sines of places, one picture by heart")
def field() -> Setup:
    places, light = unseen_data.photograph(24)
    model = chain(
        (2,),
        layers.Lambda(lambda x: ops.concatenate([ops.sin(5 * x), ops.cos(5 * x)], -1)),
        layers.Dense(48, "relu"),
        layers.Dense(48, "relu"),
        layers.Dense(1),
    )
    rows = (places, light), (places, light)
    made = ready(model, rows, "mse", Adam(4e-3), 15, 32, ERROR, validate=False)
    made.score = explained_score(places, light)
    return made


@healthy("program-states-kept", note="recurrent, its state goes on between batches")
def stateful() -> Setup:
    rng = np.random.default_rng(55)
    value = np.sin(np.arange(8 * 40 * 10 + 8) / 7) + 0.05 * rng.normal(size=3208)
    rows = value[:3200].reshape(8, 40, 10).transpose(1, 0, 2).reshape(320, 10, 1)
    after = np.append(value[1:3200], value[3200]).reshape(8, 40, 10)
    after = after.transpose(1, 0, 2).reshape(320, 10)[:, -1:]
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(8, 10, 1)),
            layers.GRU(12, stateful=True),
            layers.Dense(1),
        ]
    )
    x, y = rows.astype("float32"), after.astype("float32")
    made = ready(
        model, ((x, y), (x, y)), "mse", Adam(5e-3), 8, 8, ERROR, validate=False
    )
    made.fit["shuffle"] = False
    return made


@healthy("program-binary-weights", note="signs of weights, gradients straight through")
def binary() -> Setup:
    class Signs(layers.Layer):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.units = units

        def build(self, shape: Any) -> None:
            self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

        def call(self, x: Any) -> Any:
            hard = ops.sign(self.kernel)
            kernel = self.kernel + ops.stop_gradient(hard - self.kernel)
            return ops.matmul(x, kernel) / x.shape[-1] ** 0.5

    model = chain(
        (64,),
        Signs(64),
        layers.BatchNormalization(momentum=0.9),
        layers.Activation("tanh"),
        layers.Dense(10, "softmax"),
    )
    return ready(model, data.digits(), SPARSE, Adam(4e-3), 8)


@healthy("program-curriculum", note="a second fit on harder rows goes on")
def curriculum() -> Setup:
    (x, y), held_out = data.plane("spirals")
    model = dense(2, (32, 32), 1, "sigmoid")
    inner = np.hypot(*x.T) < 0.6
    model.compile(Adam(6e-3), BINARY, jit_compile=False)
    model.fit(x[inner], y[inner], epochs=8, verbose=0)
    return ready(model, ((x, y), held_out), BINARY, Adam(6e-3), 10)
