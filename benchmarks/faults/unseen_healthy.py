"""Unseen and healthy: tables, as notebooks and companies' code have them."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from faults import case
from faults import data
from faults import unseen_data
from faults.build import BINARY
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import Setup
from faults.unseen_parts import Places

healthy = functools.partial(case.healthy, part="unseen")
layers = keras.layers
losses = keras.losses
optimizers = keras.optimizers
callbacks = keras.callbacks
regularizers = keras.regularizers
schedules = keras.optimizers.schedules
ERROR = ("mae",)


@healthy(
    "cars-normalised-line", note="a line, Adam of 0.1, miles as they are", widths=()
)
@healthy("cars-normalised-net", note="64 units twice", widths=(64, 64), rate=2e-3)
def cars(widths: tuple[int, ...], rate: float = 0.1) -> Setup:
    (x, y), held_out = unseen_data.cars()
    scale = layers.Normalization()
    scale.adapt(x)
    hidden = [layers.Dense(n, "relu") for n in widths]
    model = chain((8,), scale, *hidden, layers.Dense(1))
    optimizer = optimizers.Adam(rate)
    return ready(model, ((x, y), held_out), "mae", optimizer, 60, metrics=("mse",))


def people(numbers: Any) -> Any:
    """Returns the inputs of `loans` and their parts, numbers as given."""
    inputs = {
        "numbers": keras.Input((4,), name="numbers"),
        "purpose": keras.Input((1,), dtype="int32", name="purpose"),
        "region": keras.Input((1,), dtype="int32", name="region"),
    }
    return inputs, numbers(inputs["numbers"])


@healthy("loans-embeddings-batch-norm", note="raw numbers through batch norm first")
def loans_embeddings() -> Setup:
    inputs, numbers = people(layers.BatchNormalization(momentum=0.9))
    parts = [
        numbers,
        layers.Reshape((3,))(layers.Embedding(7, 3)(inputs["purpose"])),
        layers.Reshape((5,))(layers.Embedding(12, 5)(inputs["region"])),
    ]
    hidden = layers.Concatenate()(parts)
    for width in (48, 24):
        hidden = layers.Dense(width, use_bias=False)(hidden)
        hidden = layers.BatchNormalization(momentum=0.9)(hidden)
        hidden = layers.Dropout(0.1)(layers.ReLU()(hidden))
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(hidden))
    metrics = ("accuracy", keras.metrics.AUC(name="auc"))
    table = unseen_data.loans()
    return ready(model, table, BINARY, "rmsprop", 10, metrics=metrics)


@healthy("loans-encoded-categories", note="normalised numbers, one-hot categories")
def loans_encoded() -> Setup:
    table = unseen_data.loans()
    scale = layers.Normalization()
    scale.adapt(table[0][0]["numbers"])
    inputs, numbers = people(scale)
    kinds = [
        layers.CategoryEncoding(7, "one_hot")(inputs["purpose"]),
        layers.CategoryEncoding(12, "one_hot")(inputs["region"]),
    ]
    hidden = layers.Dense(32, "relu")(layers.Concatenate()([numbers, *kinds]))
    hidden = layers.Dropout(0.5)(hidden)
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(hidden))
    return ready(model, table, BINARY, optimizers.Adam(3e-3), 15)


@healthy("loans-attention-over-columns", note="each column a token, one block")
def loans_tokens() -> Setup:
    table = unseen_data.loans()
    scale = layers.Normalization()
    scale.adapt(table[0][0]["numbers"])
    inputs, numbers = people(scale)
    tokens = [
        layers.Dense(16)(layers.Reshape((4, 1))(numbers)),
        layers.Embedding(7, 16)(inputs["purpose"]),
        layers.Embedding(12, 16)(inputs["region"]),
    ]
    tokens = layers.Concatenate(axis=1)(tokens)
    tokens = Places()(tokens)
    seen = layers.MultiHeadAttention(2, 8)(tokens, tokens)
    tokens = layers.LayerNormalization()(tokens + seen)
    wide = layers.Dense(16)(layers.Dense(32, "gelu")(tokens))
    tokens = layers.LayerNormalization()(tokens + wide)
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(layers.Flatten()(tokens)))
    optimizer = optimizers.AdamW(3e-3, weight_decay=1e-3)
    return ready(model, table, BINARY, optimizer, 10)


@healthy("churn-bias-of-odds", note="the output's bias starts at the odds", mode="bias")
@healthy("churn-class-weight-batches-of-256", mode="weight", batch=256, epochs=30)
@healthy("churn-oversampled", note="as many who leave as who stay", mode="double")
def churn(mode: str, batch: int = 64, epochs: int = 12) -> Setup:
    (x, y), held_out = unseen_data.fitted(unseen_data.churn())
    share = y.mean()
    start = keras.initializers.Constant(math.log(share / (1 - share)))
    extra: dict[str, Any] = {}
    if mode == "weight":
        extra["class_weight"] = {0: 0.5 / (1 - share), 1: 0.5 / share}
    if mode == "double":
        more = np.flatnonzero(y)[np.random.default_rng(1).integers(0, y.sum(), 700)]
        x, y = np.concatenate([x, x[more]]), np.concatenate([y, y[more]])
    model = chain(
        (11,),
        layers.Dense(24, "relu"),
        layers.Dropout(0.3),
        layers.Dense(
            1, "sigmoid", bias_initializer=start if mode == "bias" else "zeros"
        ),
    )
    metrics = ("accuracy", keras.metrics.AUC(name="auc"))
    table, optimizer = ((x, y), held_out), optimizers.Adam(4e-3)
    return ready(model, table, BINARY, optimizer, epochs, batch, metrics, **extra)


@healthy("churn-logistic-ftrl", note="logistic regression with a little L1")
def churn_ftrl() -> Setup:
    table = unseen_data.fitted(unseen_data.churn())
    model = dense(11, (), 1, "sigmoid")
    optimizer = optimizers.Ftrl(0.1, l1_regularization_strength=1e-3)
    return ready(model, table, BINARY, optimizer, 10)


@healthy("bikes-log-of-rides", note="the logarithm of a count; GELU")
def bikes_log() -> Setup:
    rides = data.with_targets(unseen_data.bikes(), np.log1p)
    model = dense(6, (48, 48), 1, None, "gelu")
    return ready(model, rides, "mse", optimizers.Nadam(2e-3), 20, metrics=ERROR)


def negative_binomial(target: Any, forecast: Any) -> Any:
    """Negative log likelihood of counts; the columns are log mean and log shape."""
    mean, shape = ops.split(ops.exp(ops.clip(forecast, -6.0, 8.0)), 2, axis=-1)
    below = _log_gamma(target + shape) - _log_gamma(shape) - _log_gamma(target + 1)
    together = ops.log(shape + mean)
    spread = shape * (ops.log(shape) - together) + target * (ops.log(mean) - together)
    return -ops.mean(below + spread, axis=-1)


def _log_gamma(x: Any) -> Any:
    """Stirling's series, after a step up by four."""
    rises = sum(ops.log(x + i) for i in range(4))
    x = x + 4
    return (x - 0.5) * ops.log(x) - x + 0.919 + 1 / (12 * x) - rises


@healthy("bikes-negative-binomial", note="a likelihood of two outputs; 5.0 is chance")
def bikes_counts() -> Setup:
    start = keras.initializers.Constant([3.5, 0.0])
    model = chain(
        (6,), layers.Dense(32, "swish"), layers.Dense(2, bias_initializer=start)
    )
    rides, optimizer = unseen_data.bikes(), optimizers.Adam(5e-3)
    return ready(model, rides, negative_binomial, optimizer, 20, metrics=())


@healthy("claims-gamma-deviance", note="exponential output; 0.9 is chance")
def claims() -> Setup:
    def deviance(target: Any, forecast: Any) -> Any:
        ratio = target / (forecast + 1e-6)
        return 2 * ops.mean(ratio - ops.log(ratio + 1e-6) - 1, axis=-1)

    model = dense(6, (32, 16), 1, "exponential", "elu")
    amounts, optimizer = unseen_data.claims(), optimizers.Adam(3e-3)
    return ready(model, amounts, deviance, optimizer, 15, metrics=ERROR)


@healthy("lifetimes-weibull", note="shape and scale by softplus; 1.7 is chance")
def weibull() -> Setup:
    def likelihood(target: Any, forecast: Any) -> Any:
        time, failed = target[:, 0] + 0.01, target[:, 1]
        scale, shape = forecast[:, 0] + 0.01, forecast[:, 1] + 0.1
        ratio = ops.power(time / scale, shape)
        density = ops.log(shape / time) + ops.log(ratio + 1e-9)
        return ratio - failed * density

    model = dense(7, (24,), 2, "softplus", "tanh")
    lives, optimizer = unseen_data.lifetimes(), optimizers.Adam(5e-3)
    return ready(model, lives, likelihood, optimizer, 20, metrics=())


@healthy("lifetimes-hazards", note="a hazard for each of eight years; 1.7 is chance")
def hazards() -> Setup:
    years = np.arange(8)

    def by_year(y: Any) -> Any:
        """At risk or not, and failed or not, for each year."""
        last = np.minimum(y[:, :1], 7.99)
        risk = years <= last
        failed = (years == np.floor(last)) & (y[:, 1:] > 0) & (y[:, :1] < 8)
        return np.concatenate([risk, failed], 1).astype("float32")

    def likelihood(target: Any, forecast: Any) -> Any:
        risk, failed = ops.split(target, 2, axis=-1)
        hazard = ops.clip(forecast, 1e-6, 1 - 1e-6)
        known = failed * ops.log(hazard) + (1 - failed) * ops.log(1 - hazard)
        return -ops.sum(risk * known, axis=-1)

    lives = data.with_targets(unseen_data.lifetimes(), by_year)
    model = dense(7, (32,), 8, "sigmoid")
    return ready(model, lives, likelihood, optimizers.Adam(4e-3), 15, metrics=())


@healthy("lifetimes-cox", note="partial likelihood of 150 at a time; 2.5 is chance")
def cox() -> Setup:
    def partial(target: Any, forecast: Any) -> Any:
        time, failed, risk = target[:, 0], target[:, 1], forecast[:, 0]
        later = ops.cast(time[None, :] >= time[:, None], "float32")
        total = ops.logsumexp(risk[None, :] + ops.log(later + 1e-9), axis=1)
        return failed * (total - risk)

    (x, y), (xv, yv) = unseen_data.lifetimes()
    model = chain((7,), layers.Dense(24, "relu"), layers.Dropout(0.2), layers.Dense(1))
    lives = (x, y), (xv, yv)
    setup = ready(model, lives, partial, optimizers.Adam(5e-3), 25, 150, ())
    setup.fit["validation_batch_size"] = 150
    return setup


@healthy("ratings-dot-product", note="embeddings, biases, sigmoid of their product")
def factors() -> Setup:
    inputs = keras.Input((2,), dtype="int32")
    small = lambda: regularizers.L2(1e-6)
    start = "he_normal"
    user, film = inputs[:, 0], inputs[:, 1]
    table = lambda n, m: layers.Embedding(n, m, start, small())
    match = layers.Dot(1)([table(60, 8)(user), table(80, 8)(film)])
    total = layers.Add()([match, table(60, 1)(user), table(80, 1)(film)])
    model = keras.Model(inputs, layers.Activation("sigmoid")(total))
    scores = data.with_targets(unseen_data.ratings(), lambda y: (y - 1) / 4)
    return ready(model, scores, BINARY, optimizers.Adam(5e-3), 10, 64, ERROR)


@healthy("ratings-two-towers", note="stars as they are, 1 to 5; linear output")
def towers() -> Setup:
    inputs = keras.Input((2,), dtype="int32")
    user = layers.Embedding(60, 12, "he_normal")(inputs[:, 0])
    film = layers.Embedding(80, 12, "he_normal")(inputs[:, 1])
    hidden = layers.Concatenate()([user, film, user * film])
    hidden = layers.Dense(32, "relu")(hidden)
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    optimizer = optimizers.Adamax(0.01)
    return ready(model, unseen_data.ratings(), "mse", optimizer, 8, 64, ERROR)


@healthy("clicks-factorisation-machine", note="all pairs by a difference of squares")
def machine() -> Setup:
    inputs = keras.Input((4,), dtype="int32")
    place = inputs + np.arange(4) * 10
    vectors, single = layers.Embedding(40, 4)(place), layers.Embedding(40, 1)(place)
    pairs = ops.square(ops.sum(vectors, 1)) - ops.sum(ops.square(vectors), 1)
    total = ops.sum(single, 1) + 0.5 * ops.sum(pairs, -1, keepdims=True)
    model = keras.Model(inputs, layers.Activation("sigmoid")(total))
    return ready(model, unseen_data.clicks(), BINARY, optimizers.Adam(0.01), 15, 64)


@healthy("clicks-cross-network", note="two cross layers beside a deep part, logits")
def cross() -> Setup:
    inputs = keras.Input((4,), dtype="int32")
    first = layers.Flatten()(layers.Embedding(40, 4)(inputs + np.arange(4) * 10))
    crossed = first
    for _ in range(2):
        crossed = first * layers.Dense(16)(crossed) + crossed
    deep = layers.Dense(16, "relu")(layers.Dense(32, "relu")(first))
    model = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()([crossed, deep])))
    loss = losses.BinaryCrossentropy(from_logits=True)
    metrics = (keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy"),)
    optimizer = optimizers.Nadam(5e-3)
    return ready(model, unseen_data.clicks(), loss, optimizer, 15, 64, metrics)


def residual_table(blocks: int, width: int = 32, drop: float = 0.1) -> Any:
    """Returns a net of residual blocks with layer norm before each."""
    inputs = keras.Input((10,))
    hidden = layers.Dense(width)(inputs)
    for _ in range(blocks):
        inner = layers.LayerNormalization()(hidden)
        inner = layers.Dropout(drop)(layers.Dense(2 * width, "relu")(inner))
        hidden = layers.Add()([hidden, layers.Dense(width)(inner)])
    hidden = layers.ReLU()(layers.LayerNormalization()(hidden))
    return keras.Model(inputs, layers.Dense(1, "sigmoid")(hidden))


@healthy("shell-residual-restarts", note="cosine decay with warm restarts")
def restarts() -> Setup:
    rate = schedules.CosineDecayRestarts(5e-3, 100, 2.0, 0.8)
    table = unseen_data.shell()
    return ready(residual_table(3), table, BINARY, optimizers.AdamW(rate), 12)


@healthy("shell-fifth-of-labels-wrong", note="a fifth turned over: 0.8 is all there is")
def flipped() -> Setup:
    table = unseen_data.shell(2000, flipped=0.2)
    rate = schedules.PolynomialDecay(6e-3, 470, 1e-4)
    model = residual_table(2)
    return ready(model, table, BINARY, optimizers.Adam(rate), 10)


@healthy("shell-gated-units", note="half of each layer gates the other half")
def gated() -> Setup:
    inputs = keras.Input((10,))
    hidden = inputs
    for _ in range(2):
        value, gate = ops.split(layers.Dense(64)(hidden), 2, axis=-1)
        hidden = value * ops.sigmoid(gate)
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(hidden))
    return ready(model, unseen_data.shell(), BINARY, optimizers.Adam(4e-3), 15)


@healthy("shell-four-experts", note="a softmax decides how much each expert counts")
def experts() -> Setup:
    inputs = keras.Input((10,))
    outputs = [layers.Dense(12, "relu")(inputs) for _ in range(4)]
    weights = layers.Dense(4, "softmax", name="gate")(inputs)
    mixed = ops.sum(ops.stack(outputs, 1) * ops.expand_dims(weights, -1), 1)
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(mixed))
    return ready(model, unseen_data.shell(), BINARY, optimizers.Adam(5e-3), 20)


@healthy("cancer-self-normalising", note="SELU, LeCun's start, alpha dropout")
def self_normalising() -> Setup:
    block = lambda n: [
        layers.Dense(n, "selu", kernel_initializer="lecun_normal"),
        layers.AlphaDropout(0.05),
    ]
    model = chain((30,), *block(32), *block(32), *block(16), layers.Dense(2, "softmax"))
    optimizer = optimizers.SGD(0.02, momentum=0.9)
    return ready(model, data.table("cancer"), SPARSE, optimizer, 12)


@healthy("cancer-elastic-net", note="a little of L1 and L2 on a logistic regression")
def elastic() -> Setup:
    held = regularizers.L1L2(1e-3, 1e-3)
    model = chain((30,), layers.Dense(1, "sigmoid", kernel_regularizer=held))
    return ready(model, data.table("cancer"), BINARY, optimizers.SGD(0.05), 20, 16)


@healthy("exercise-twenty-rows", note="linnerud: three targets; no rows held out")
def exercise() -> Setup:
    from sklearn.datasets import load_linnerud

    x, y = load_linnerud(return_X_y=True)
    rows = data.standard(x), data.standard(y)
    model = dense(3, (12,), 3, None, "tanh")
    optimizer = optimizers.Adam(0.02)
    return ready(model, (rows, rows), "mse", optimizer, 60, 20, ERROR, validate=False)


@healthy("impedance-logarithms", note="logarithms of columns, target by its spread")
def impedance() -> Setup:
    table = unseen_data.impedance()
    table = data.with_inputs(table, lambda x: np.log1p(np.maximum(x, 0)))
    table = unseen_data.fitted(data.with_targets(table, lambda y: y / 380))
    model = dense(4, (32, 32), 1, None, "softplus")
    optimizer = optimizers.Adam(5e-3)
    return ready(model, table, losses.Huber(0.5), optimizer, 25, metrics=ERROR)


@healthy("diabetes-mean-and-variance", note="Gaussian likelihood; 0.5 is chance")
def variance() -> Setup:
    def likelihood(target: Any, forecast: Any) -> Any:
        mean, raw = ops.split(forecast, 2, axis=-1)
        spread = ops.softplus(raw) + 1e-3
        return ops.mean(
            ops.log(spread) + 0.5 * ops.square((target - mean) / spread), -1
        )

    table = data.table("diabetes", target="standard")
    model = dense(10, (16,), 2, None, "tanh")
    return ready(model, table, likelihood, optimizers.Adam(3e-3), 25, metrics=())


@healthy("diabetes-quantile-heads", note="three outputs, a pinball loss each; 0.75")
def quantiles() -> Setup:
    def pinball(q: float) -> Any:
        def loss(target: Any, forecast: Any) -> Any:
            error = target - forecast
            return ops.mean(ops.maximum(q * error, (q - 1) * error), axis=-1)

        return loss

    inputs = keras.Input((10,))
    hidden = layers.Dense(16, "relu")(inputs)
    outputs = {f"q{q}": layers.Dense(1, name=f"q{q}")(hidden) for q in (10, 50, 90)}
    model = keras.Model(inputs, outputs)
    table = data.table("diabetes", target="standard")
    table = data.with_targets(table, lambda y: dict.fromkeys(outputs, y))
    loss = {name: pinball(int(name[1:]) / 100) for name in outputs}
    return ready(model, table, loss, optimizers.Adam(5e-3), 25, metrics=())


@healthy("flats-log-price", note="logarithm of a price; the bias starts at its mean")
def flats() -> Setup:
    (x, y), held_out = data.with_targets(unseen_data.flats(), np.log)
    start = keras.initializers.Constant(float(y.mean()))
    model = chain(
        (9,), layers.Dense(48, "relu"), layers.Dense(1, bias_initializer=start)
    )
    prices, optimizer = ((x, y), held_out), optimizers.Adam(5e-3)
    return ready(model, prices, "mse", optimizer, 12, metrics=ERROR)


@healthy("flats-scaled-by-median", note="prices in 150,000 euros; relative error")
def flats_relative() -> Setup:
    prices = data.with_targets(unseen_data.flats(), lambda y: y / 150_000)
    model = dense(9, (32, 32), 1, "softplus")
    metrics = ("mape",)
    return ready(model, prices, "mae", optimizers.Lion(1e-3), 12, metrics=metrics)


@healthy("flats-transformed-target", note="a fixed scale layer after the last one")
def flats_rescaled() -> Setup:
    (x, y), held_out = unseen_data.flats()
    model = chain(
        (9,),
        layers.Dense(48, "relu"),
        layers.Dense(1),
        layers.Rescaling(float(y.std()), offset=float(y.mean())),
    )
    relative = lambda a, b: ops.mean(ops.square((a - b) / float(y.std())), axis=-1)
    prices, optimizer = ((x, y), held_out), optimizers.Adam(5e-3)
    return ready(model, prices, relative, optimizer, 12, metrics=ERROR)


@healthy("expert-cloned-tanh", note="pushes of -2..2, two times a tanh")
def cloned() -> Setup:
    model = chain(
        (3,),
        layers.Dense(32, "tanh"),
        layers.Dense(32, "tanh"),
        layers.Dense(1, "tanh"),
        layers.Rescaling(2.0),
    )
    return ready(
        model, unseen_data.controls(), "mse", optimizers.Adam(4e-3), 10, metrics=ERROR
    )


@healthy("pendulum-change-of-state", note="the next state less this one")
def dynamics() -> Setup:
    model = dense(2, (32, 32), 2, None, "swish")
    rate = schedules.CosineDecay(1e-3, 300, warmup_target=0.01, warmup_steps=30)
    states = unseen_data.pendulum()
    return ready(model, states, "mse", optimizers.Adam(rate), 15, metrics=ERROR)


@dataclass
class _Rounds(Setup):
    """Fits again and again, an epoch each, with what one fit would report."""

    rounds: int = 8

    def train(self, callbacks: Any = ()) -> Any:
        history = super().train(callbacks)
        for _ in range(self.rounds - 1):
            more = super().train(callbacks).history
            for name, values in more.items():
                history.history[name] = history.history[name] + values
        return history


@healthy("expert-cloned-in-rounds", note="eight fits of an epoch, as agents do")
def rounds() -> Setup:
    model = dense(3, (32, 32), 1)
    optimizer = optimizers.RMSprop(3e-3)
    made = ready(model, unseen_data.controls(), "huber", optimizer, 1, metrics=ERROR)
    return _Rounds(**vars(made))


@healthy("spectra-few-rows-many-columns", note="195 rows; targets of 0 to 0.1 by ten")
def spectra() -> Setup:
    curves = data.with_targets(unseen_data.spectra(), lambda y: 10 * y)
    model = chain(
        (80,),
        layers.GaussianNoise(0.05),
        layers.Dense(24, "elu"),
        layers.Dense(2),
    )
    return ready(model, curves, "mse", optimizers.Adam(5e-3), 15, 16, ERROR)


@healthy("sparse-columns-lasso", note="four of forty columns count; L1 of 0.01")
def lasso() -> Setup:
    from sklearn.datasets import make_sparse_uncorrelated

    x, y = make_sparse_uncorrelated(400, 40, random_state=97)
    table = data.split(x.astype("float32"), y[:, None].astype("float32"))
    held = regularizers.L1(0.01)
    model = chain((40,), layers.Dense(1, kernel_regularizer=held))
    return ready(model, table, "mse", optimizers.SGD(0.03), 12, metrics=ERROR)


@healthy("shell-two-tasks", note="two tasks, weights of 1 and 0.5")
def two_tasks() -> Setup:
    (x, y), (xv, yv) = unseen_data.shell()
    both = lambda x, y: {"far": y, "sum": (x[:, :3].sum(1, keepdims=True) / 2)}
    inputs = keras.Input((10,))
    shared = layers.Dense(64, "relu")(inputs)
    far = layers.Dense(1, "sigmoid", name="far")(layers.Dense(32, "relu")(shared))
    total = layers.Dense(1, name="sum")(layers.Dense(16, "relu")(shared))
    model = keras.Model(inputs, {"far": far, "sum": total})
    table = (x, both(x, y)), (xv, both(xv, yv))
    loss, metrics = {"far": BINARY, "sum": "mse"}, {"far": ["accuracy"]}
    weights = {"loss_weights": {"far": 1.0, "sum": 0.5}}
    return ready(model, table, loss, "adam", 15, metrics=metrics, compiled=weights)


@healthy(
    "digits-whitened-components", note="20 principal components, each of unit size"
)
def components() -> Setup:
    from sklearn.decomposition import PCA

    (x, y), (xv, yv) = data.digits()
    pca = PCA(20, whiten=True, random_state=0).fit(x)
    turn = lambda a: pca.transform(a).astype("float32")
    model = dense(20, (48,), 10, "softmax", "leaky_relu")
    parts = (turn(x), y), (turn(xv), yv)
    return ready(model, parts, SPARSE, optimizers.Adafactor(0.02), 8)


@healthy("digits-sum-of-two", note="one tower for two pictures; their sum, 0 to 18")
def sums() -> Setup:
    def pairs(x: Any, y: Any) -> Any:
        other = np.random.default_rng(1).permutation(len(x))
        return {"one": x, "two": x[other]}, (y + y[other])[:, None].astype("float32")

    tower = dense(64, (64, 16), 1, None)
    inputs = {name: keras.Input((64,), name=name) for name in ("one", "two")}
    total = layers.Add()([tower(inputs["one"]), tower(inputs["two"])])
    model = keras.Model(inputs, total)
    train, held_out = data.digits()
    made = pairs(*train), pairs(*held_out)
    return ready(model, made, "mse", optimizers.Adam(5e-3), 12, metrics=ERROR)


@healthy("digits-frozen-random-features", note="only the last layer learns")
def random_features() -> Setup:
    start = keras.initializers.RandomNormal(stddev=0.25)
    frozen = layers.Dense(400, "relu", kernel_initializer=start, trainable=False)
    model = chain((64,), frozen, layers.Dense(10, "softmax"))
    return ready(model, data.digits(), SPARSE, optimizers.Adam(5e-3), 6)


@healthy("digits-batches-of-all", note="one batch of all rows, 40 steps")
def full_batch() -> Setup:
    model = dense(64, (40,), 10, "softmax", "tanh")
    return ready(model, data.digits(), SPARSE, optimizers.Adam(0.03), 40, 1348)
