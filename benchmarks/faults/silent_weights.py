"""Silent: weights without gradient, not known, not updated, never trained."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from faults.build import SPARSE
from faults.case import Setup
from faults.silent_parts import faulty
from faults.silent_parts import healthy
from faults.silent_parts import input_of
from faults.silent_parts import net
from faults.silent_parts import output
from faults.silent_parts import picture
from faults.silent_parts import series
from faults.silent_parts import table
from faults.silent_parts import text
from faults.silent_parts import trained

layers = keras.layers
optimizers = keras.optimizers
IDLE = ("not-learning",)
CUT, UNKNOWN, STILL = "no-gradient", "untracked-variables", "not-updated"
RANDOM, CLIPPED, STATE = (
    "frozen-random-weights",
    "clipping-too-strong",
    "optimizer-state",
)


# No gradient


class Features(layers.Layer):
    """Passes features on, detached or as whole numbers where asked for."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def call(self, x: Any) -> Any:
        if self.how == "detached":
            return ops.stop_gradient(x)
        if self.how == "rounded":
            return ops.round(x)
        if self.how == "cast":
            return ops.cast(ops.cast(4 * x, "int32"), "float32") / 4
        if self.how == "sign":
            return ops.sign(x)
        return x


@faulty("silent-table-features-detached", CUT, IDLE, twin="silent-table-features")
@healthy("silent-table-features", how="none")
def table_features(how: str = "detached") -> Setup:
    hidden = [layers.Dense(3, "tanh"), layers.Dense(6, "tanh"), Features(how)]
    return trained("table", net("table", *hidden, layers.Dense(24, "relu")))


@faulty("silent-picture-rounded", CUT, IDLE, twin="silent-picture-two-maps")
@healthy("silent-picture-two-maps", how="none")
def picture_rounded(how: str = "rounded") -> Setup:
    hidden = [
        layers.Conv2D(2, 3, activation="relu"),
        layers.Conv2D(3, 3, activation="relu"),
        Features(how),
        layers.GlobalMaxPooling2D() if how == "rounded" else layers.Flatten(),
        layers.Dense(32, "relu"),
    ]
    return trained("picture", net("picture", *hidden))


@faulty("silent-figures-cast-to-integers", CUT, IDLE, twin="silent-figures-narrow")
@faulty(
    "silent-figures-binary-code", CUT, IDLE, twin="silent-figures-narrow", how="sign"
)
@healthy("silent-figures-narrow", how="none")
def figures_cast(how: str = "cast") -> Setup:
    hidden = [layers.Dense(8, "tanh"), layers.Dense(4, "tanh"), Features(how)]
    return trained("figures", net("figures", *hidden, layers.Dense(16, "relu")))


class Chosen(layers.Layer):
    """Attention that picks one word, by argmax or by softmax."""

    def __init__(self, hard: bool) -> None:
        super().__init__()
        self.hard, self.query = hard, layers.Dense(1)

    def call(self, x: Any) -> Any:
        score = ops.squeeze(self.query(x), -1)
        if self.hard:
            weights = ops.one_hot(ops.argmax(score, -1), ops.shape(x)[1])
        else:
            weights = ops.softmax(score)
        return ops.sum(x * ops.expand_dims(weights, -1), 1)


@faulty("silent-text-hard-attention", CUT, IDLE, twin="silent-text-soft-attention")
@healthy("silent-text-soft-attention", hard=False)
def text_attention(hard: bool = True) -> Setup:
    hidden = [layers.Embedding(60, 8), Chosen(hard), layers.Dense(24, "relu")]
    return trained("text", net("text", *hidden))


class Encoded(keras.Model):
    """A decoder that starts from what the encoder has seen, unless it is dropped."""

    def __init__(self, dropped: bool) -> None:
        super().__init__()
        self.dropped = dropped
        self.encoder = layers.GRU(12, return_state=True)
        self.decoder = layers.GRU(12)
        self.outcome = layers.Dense(1)

    def call(self, x: Any) -> Any:
        _, state = self.encoder(x[:, :-1])
        start = None if self.dropped else state
        return self.outcome(self.decoder(x[:, -1:], initial_state=start))


@faulty("silent-series-encoder-dropped", CUT, IDLE, twin="silent-series-encoder")
@healthy("silent-series-encoder", dropped=False)
def series_encoder(dropped: bool = True) -> Setup:
    return trained("series", Encoded(dropped))


# Variables that the model does not own


class Blocks:
    """Keeps layers, as a plain object."""

    def __init__(self, *kept: Any) -> None:
        self.kept = kept

    def __call__(self, x: Any) -> Any:
        for layer in self.kept:
            x = layer(x)
        return x


class Holder(keras.Model):
    """Applies layers that it keeps in an object, or in a list that Keras knows."""

    def __init__(self, family: str, hidden: list[Any], known: bool) -> None:
        super().__init__()
        shape = input_of(family)
        Blocks(*hidden)(shape)  # builds them
        self.blocks = list(hidden) if known else Blocks(*hidden)
        self.outcome = output(family)

    def call(self, x: Any) -> Any:
        blocks = self.blocks if callable(self.blocks) else Blocks(*self.blocks)
        return self.outcome(blocks(x))


@faulty("silent-table-layers-in-an-object", UNKNOWN, IDLE, twin="silent-table-list")
@healthy("silent-table-list", known=True)
def table_object(known: bool = False) -> Setup:
    hidden = [layers.Dense(3, "tanh"), layers.Dense(8, "tanh")]
    return trained("table", Holder("table", hidden, known))


@faulty("silent-series-cell-in-an-object", UNKNOWN, IDLE, twin="silent-series-list")
@healthy("silent-series-list", known=True)
def series_object(known: bool = False) -> Setup:
    hidden = [layers.LSTM(4), layers.Dense(3, "relu")]
    return trained("series", Holder("series", hidden, known))


@faulty("silent-picture-layers-in-a-lambda", UNKNOWN, IDLE, twin="silent-picture-known")
@healthy("silent-picture-known", known=True)
def picture_closure(known: bool = False) -> Setup:
    inner = [layers.Conv2D(2, 3, activation="relu"), layers.Conv2D(3, 3, strides=2)]
    Blocks(*inner)(input_of("picture"))
    hidden = inner if known else [layers.Lambda(lambda x: inner[1](inner[0](x)))]
    return trained("picture", net("picture", *hidden, layers.Flatten()))


class Table(layers.Layer):
    """Looks words up in a variable of its own, or in one of somebody else's."""

    def __init__(self, shared: Any = None) -> None:
        super().__init__()
        self.place = {"words": shared} if shared is not None else {}
        if shared is not None:
            object.__setattr__(self, "place", (lambda: shared,))

    def build(self, shape: Any) -> None:
        if not self.place:
            self.words = self.add_weight(shape=(60, 2), initializer="normal")

    def call(self, x: Any) -> Any:
        words = self.place[0]() if self.place else self.words
        return ops.take(ops.convert_to_tensor(words), x, axis=0)


@faulty("silent-text-vectors-outside", UNKNOWN, IDLE, twin="silent-text-vectors")
@healthy("silent-text-vectors", known=True)
def text_outside(known: bool = False) -> Setup:
    start = np.random.default_rng(1).normal(0, 0.05, (60, 2)).astype("float32")
    shared = None if known else keras.Variable(start)
    return trained("text", net("text", Table(shared), layers.GRU(12)))


class Shifted(layers.Layer):
    """Subtracts learnt centres, kept as attributes or behind a function."""

    def __init__(self, known: bool) -> None:
        super().__init__()
        weights = [keras.Variable(np.ones((6, 12), "float32") * 0.01 * i) for i in (0,)]
        self.get = (lambda: weights[0]) if not known else None
        if known:
            self.kernel = weights[0]

    def call(self, x: Any) -> Any:
        kernel = self.get() if self.get else self.kernel
        wave = ops.cos(ops.matmul(x, ops.convert_to_tensor(kernel)) + 1.0)
        return wave


@faulty("silent-figures-kernel-behind-a-function", UNKNOWN, IDLE, twin="silent-waves")
@healthy("silent-waves", known=True)
def figures_function(known: bool = False) -> Setup:
    model = net("figures", Shifted(known), layers.Dense(24, "relu"))
    return trained("figures", model)


# Not updated


class Undone(keras.callbacks.Callback):
    """Puts back "the best" weights, which it never has kept."""

    def __init__(self, on: bool) -> None:
        super().__init__()
        self.on = on

    def on_train_begin(self, logs: Any = None) -> None:
        self.best = self.model.get_weights()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.on:
            self.model.set_weights(self.best)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.best = self.best if self.on else self.model.get_weights()


@faulty("silent-picture-weights-put-back", STILL, IDLE, twin="silent-picture-kept")
@healthy("silent-picture-kept", on=False)
def picture_undone(on: bool = True) -> Setup:
    return trained("picture", net("picture"), callbacks=[Undone(on)])


@faulty("silent-table-rate-of-integers", STILL, IDLE, twin="silent-table-rate")
@healthy("silent-table-rate", shares=lambda epoch: 0.02 * 0.9**epoch)
def table_rate(shares: Any = lambda epoch: 0.02 * (1 // (epoch + 2))) -> Setup:
    schedule = keras.callbacks.LearningRateScheduler(shares)
    return trained("table", net("table"), callbacks=[schedule])


@faulty("silent-text-weights-of-0", STILL, IDLE, twin="silent-text-weights")
@healthy("silent-text-weights", whole=False)
def text_weights(whole: bool = True) -> Setup:
    (_, y), _ = text()
    shares = np.bincount(y) / len(y)
    weight = (1 - shares)[y]
    weight = np.floor(weight) if whole else 2 * weight
    return trained("text", net("text"), sample_weight=weight.astype("float32"))


@faulty("silent-figures-never-accumulated", STILL, IDLE, twin="silent-figures-by-two")
@healthy("silent-figures-by-two", steps=2)
def figures_accumulated(steps: int = 1000) -> Setup:
    optimizer = optimizers.Adam(8e-3, gradient_accumulation_steps=steps)
    return trained("figures", net("figures"), optimizer=optimizer)


class OwnStep(keras.Model):
    """A training step written out, which updates the head alone or all."""

    def __init__(self, head_only: bool) -> None:
        super().__init__()
        self.head_only = head_only
        self.encoder = layers.LSTM(4)
        self.head = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.head(self.encoder(x))

    def train_step(self, data: Any) -> Any:
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            said = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=said)
        part = self.head if self.head_only else self
        found = tape.gradient(loss, part.trainable_variables)
        self.optimizer.apply(found, part.trainable_variables)
        for metric in self.metrics:
            metric.update_state(*((loss,) if metric.name == "loss" else (y, said)))
        return {metric.name: metric.result() for metric in self.metrics}


@faulty(
    "silent-series-encoder-forgotten",
    STILL,
    IDLE,
    twin="silent-series-own-step",
    bound_to="tensorflow",
)
@healthy("silent-series-own-step", bound_to="tensorflow", head_only=False)
def series_own_step(head_only: bool = True) -> Setup:
    return trained("series", OwnStep(head_only), optimizer=optimizers.Adam(0.01))


# Frozen, but never trained or loaded


@faulty("silent-picture-base-not-loaded", RANDOM, IDLE, twin="silent-picture-base")
@healthy("silent-picture-base", loaded=True, note="a frozen base that was trained")
def picture_base(loaded: bool = False) -> Setup:
    (x, y), _ = picture()
    base = keras.Sequential(
        [
            input_of("picture"),
            layers.Conv2D(12, 3, activation="relu"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
        ]
    )
    if loaded:
        early = keras.Sequential([base, layers.Dense(5, "softmax")])
        early.compile("adam", SPARSE, jit_compile=False)
        low = y < 5
        early.fit(x[low], y[low], epochs=8, verbose=0)
    base.trainable = False
    return trained("picture", keras.Sequential([base, output("picture")]))


@faulty("silent-text-vectors-not-loaded", RANDOM, IDLE, twin="silent-text-vectors-read")
@healthy("silent-text-vectors-read", loaded=True, note="vectors by meaning")
def text_vectors(loaded: bool = False) -> Setup:
    vectors = layers.Embedding(60, 3, trainable=False)
    vectors.build((None,))
    if loaded:
        x = np.random.default_rng(2).normal(0, 0.1, (60, 3))
        for k, few in enumerate(([1, 2, 3], [4, 5, 6], [7, 8, 9])):
            x[few, k] += 1
        vectors.set_weights([x])
    return trained("text", net("text", vectors, layers.GRU(12)))


@faulty("silent-series-frozen-encoder", RANDOM, IDLE, twin="silent-series-old-encoder")
@healthy("silent-series-old-encoder", loaded=True, note="an encoder of another task")
def series_frozen(loaded: bool = False) -> Setup:
    (x, _), _ = series()
    encoder = [keras.Input((None, 1)), layers.LSTM(32), layers.Dense(4)]
    encoder = keras.Sequential(encoder)
    if loaded:
        early = keras.Sequential([encoder, layers.Dense(2)])
        early.compile(optimizers.Adam(0.01), "mse", jit_compile=False)
        early.fit(
            x[:, :16], np.stack([x[:, 17, 0], x[:, 19, 0]], 1), epochs=8, verbose=0
        )
    encoder.trainable = False
    return trained("series", keras.Sequential([encoder, layers.Dense(1)]))


class Distilled(keras.Model):
    """A small net that learns what a teacher says of each row."""

    def __init__(self, teacher: Any) -> None:
        super().__init__()
        self.teacher, self.student = teacher, net("table")
        teacher.trainable = False

    def call(self, x: Any) -> Any:
        return self.student(x)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **k: Any
    ):
        wanted = self.teacher(x, training=False)
        return ops.mean(keras.losses.kl_divergence(wanted, y_pred))


@faulty("silent-table-teacher-not-trained", RANDOM, IDLE, twin="silent-table-teacher")
@healthy("silent-table-teacher", known=True, note="distillation")
def table_teacher(known: bool = False) -> Setup:
    (x, y), _ = table()
    wide = [layers.Dense(96, "relu"), layers.Dense(96, "relu")]
    teacher = net("table", *wide)
    if known:
        teacher.compile(optimizers.Adam(5e-3), SPARSE, jit_compile=False)
        teacher.fit(x, y, epochs=8, verbose=0)
    return trained("table", Distilled(teacher), loss=None)


# Clipping


@faulty(
    "silent-table-norm-of-a-ten-thousandth",
    CLIPPED,
    ("learning-rate-too-low", *IDLE),
    twin="silent-table-norm-of-1",
    norm=1e-4,
)
@healthy("silent-table-norm-of-1", norm=1.0)
def table_clipped(norm: float) -> Setup:
    optimizer = optimizers.SGD(0.2, momentum=0.9, clipnorm=norm)
    return trained("table", net("table"), optimizer=optimizer)


@faulty(
    "silent-picture-values-of-a-millionth",
    CLIPPED,
    ("learning-rate-too-low", *IDLE),
    twin="silent-picture-values-of-a-half",
    value=1e-6,
)
@healthy("silent-picture-values-of-a-half", value=0.5)
def picture_clipped(value: float) -> Setup:
    optimizer = optimizers.SGD(0.1, momentum=0.9, clipvalue=value)
    return trained("picture", net("picture"), optimizer=optimizer)


@faulty(
    "silent-series-global-norm-of-a-thousandth",
    CLIPPED,
    ("learning-rate-too-low", *IDLE),
    twin="silent-series-global-norm-of-1",
    norm=1e-4,
)
@healthy("silent-series-global-norm-of-1", norm=1.0)
def series_clipped(norm: float) -> Setup:
    optimizer = optimizers.SGD(0.1, momentum=0.9, global_clipnorm=norm)
    return trained("series", net("series"), optimizer=optimizer)


@faulty(
    "silent-figures-norm-of-a-hundred-thousandth",
    CLIPPED,
    ("learning-rate-too-low", *IDLE),
    twin="silent-figures-norm-of-5",
    norm=1e-5,
)
@healthy("silent-figures-norm-of-5", norm=5.0)
def figures_clipped(norm: float) -> Setup:
    optimizer = optimizers.SGD(0.05, nesterov=True, momentum=0.9, clipnorm=norm)
    return trained("figures", net("figures"), optimizer=optimizer)


# What the optimizer starts from, or steps on


@faulty(
    "silent-table-schedule-free",
    STATE,
    IDLE,
    note="its copy of the weights is lost under `fit` unless it is built before",
    twin="silent-table-schedule-free-built",
    bound_to="tensorflow",
)
@faulty(
    "silent-figures-schedule-free",
    STATE,
    IDLE,
    twin="silent-figures-schedule-free-built",
    bound_to="tensorflow",
    family="figures",
)
@healthy("silent-table-schedule-free-built", bound_to="tensorflow", built=True)
@healthy(
    "silent-figures-schedule-free-built",
    bound_to="tensorflow",
    built=True,
    family="figures",
)
def schedule_free(built: bool = False, family: str = "table") -> Setup:
    model, optimizer = net(family), optimizers.ScheduleFreeAdamW(0.01)
    if built:
        optimizer.build(model.trainable_variables)
    return trained(family, model, optimizer=optimizer)


@faulty("silent-figures-slots-of-raw-targets", STATE, IDLE, twin="silent-figures-slots")
@healthy("silent-figures-slots", scale=1.0, note="slots of an earlier training")
def figures_slots(scale: float = 1e7) -> Setup:
    model, optimizer = net("figures"), optimizers.Adam(5e-3, beta_2=0.9999)
    optimizer.build(model.trainable_variables)
    for variable in optimizer.variables:
        if "velocity" in variable.path:
            variable.assign(np.full(variable.shape, 1e-4 * scale, "float32"))
    optimizer.iterations.assign(2000)
    return trained("figures", model, optimizer=optimizer)


@faulty("silent-picture-average-too-slow", STATE, IDLE, twin="silent-picture-average")
@healthy("silent-picture-average", momentum=0.95)
def picture_average(momentum: float = 0.99999) -> Setup:
    optimizer = optimizers.Adam(5e-3, use_ema=True, ema_momentum=momentum)
    return trained("picture", net("picture"), optimizer=optimizer)


class Copied(keras.Model):
    """Steps on the variables of a copy that was made too early, or on its own."""

    def __init__(self, own: bool) -> None:
        super().__init__()
        self.inner = net("text")
        copy = keras.models.clone_model(self.inner)
        object.__setattr__(self, "stepped", (lambda: self.inner if own else copy))

    def call(self, x: Any) -> Any:
        return self.inner(x)

    def train_step(self, data: Any) -> Any:
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            said = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=said)
        found = tape.gradient(loss, self.inner.trainable_variables)
        self.optimizer.apply(found, self.stepped().trainable_variables)
        for metric in self.metrics:
            metric.update_state(*((loss,) if metric.name == "loss" else (y, said)))
        return {metric.name: metric.result() for metric in self.metrics}


@faulty(
    "silent-text-steps-on-a-copy",
    STATE,
    (*IDLE, STILL),
    twin="silent-text-steps-on-its-own",
    bound_to="tensorflow",
)
@healthy("silent-text-steps-on-its-own", bound_to="tensorflow", own=True)
def text_copy(own: bool = False) -> Setup:
    model = Copied(own)
    model.build((None, 16))
    return trained("text", model)
