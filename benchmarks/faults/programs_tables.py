"""After published programs: tables, ratings, policies and densities."""

from __future__ import annotations

import math
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
from faults.case import Setup
from faults.programs_parts import ERROR
from faults.programs_parts import EXPLODING
from faults.programs_parts import HIDDEN
from faults.programs_parts import HIGH
from faults.programs_parts import IDLE
from faults.programs_parts import LABELS
from faults.programs_parts import LOW
from faults.programs_parts import NAN
from faults.programs_parts import RAW
from faults.programs_parts import SATURATED
from faults.programs_parts import TARGET
from faults.programs_parts import WILD
from faults.programs_parts import WRONG
from faults.programs_parts import accuracy_score
from faults.programs_parts import explained_score
from faults.programs_parts import faulty
from faults.programs_parts import healthy
from faults.programs_parts import mean_square

layers = keras.layers
optimizers = keras.optimizers
Adam = optimizers.Adam


@healthy("program-house-prices", note="columns and prices standardised")
@faulty(
    "program-house-prices-as-they-are",
    (TARGET, NAN, EXPLODING),
    WILD,
    twin="program-house-prices",
    mistake="target",
)
@faulty(
    "program-house-prices-raw-columns",
    RAW,
    WILD,
    twin="program-house-prices",
    mistake="columns",
)
@faulty(
    "program-house-prices-of-a-sigmoid",
    WRONG,
    (SATURATED, TARGET),
    twin="program-house-prices",
    mistake="sigmoid",
)
@faulty(
    "program-house-prices-no-activation",
    HIDDEN,
    (IDLE,),
    twin="program-house-prices",
    mistake="linear",
)
def houses(mistake: str = "") -> Setup:
    rng = np.random.default_rng(41)
    n = 900
    x = np.stack(
        [
            rng.uniform(40, 250, n),
            rng.integers(1, 9, n),
            rng.uniform(0, 90, n),
            rng.uniform(0.1, 25, n),
        ],
        1,
    )
    z = (x - x.mean(0)) / x.std(0)
    y = z[:, 0] * np.cos(z[:, 3] * 1.5) + 0.5 * np.abs(z[:, 2]) + 0.3 * z[:, 1] ** 2
    y = (y - y.mean() + 0.15 * rng.normal(size=n))[:, None]
    target = 2e5 + 6e4 * y if mistake == "target" else y
    columns = x * [30, 1, 20, 4] if mistake == "columns" else z
    rows = data.split(columns.astype("float32"), target.astype("float32"))
    last = "sigmoid" if mistake == "sigmoid" else None
    inner = "linear" if mistake == "linear" else "relu"
    optimizer = optimizers.SGD(0.03, momentum=0.9)
    model = dense(4, (32, 32), 1, last, inner)
    made = ready(model, rows, "mse", optimizer, 12, metrics=ERROR)
    made.score = explained_score(*rows[1])
    return made


@healthy("program-income-columns-by-name", note="inputs in a dict; categories embedded")
@faulty(
    "program-income-columns-not-scaled",
    RAW,
    (IDLE, *WILD),
    twin="program-income-columns-by-name",
    unit=1000.0,
)
def income(unit: float = 1.0) -> Setup:
    rng = np.random.default_rng(42)
    n = 1200
    age, hours = rng.normal(size=n), rng.normal(size=n)
    job, place = rng.integers(0, 6, n), rng.integers(0, 9, n)
    odds = age + np.sin(2 * hours) + (job % 3 - 1) * 1.5 + 0.5 * (place > 4)
    y = (odds + rng.normal(0, 0.5, n) > 0.2).astype("float32")
    x = {
        "age": (unit * (age + 1))[:, None].astype("float32"),
        "hours": (unit * (hours + 1))[:, None].astype("float32"),
        "job": job[:, None].astype("int32"),
        "place": place[:, None].astype("int32"),
    }
    rows = fresh_data.split_named(x, y)
    inputs = {k: keras.Input((1,), dtype=str(v.dtype), name=k) for k, v in x.items()}
    table = lambda k, n: layers.Flatten()(layers.Embedding(n, 4)(inputs[k]))
    h = [inputs["age"], inputs["hours"], table("job", 6), table("place", 9)]
    h = layers.Dense(24, "relu")(layers.Concatenate()(h))
    h = layers.Dropout(0.2)(layers.Dense(24, "relu")(h))
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(h))
    optimizer = optimizers.SGD(0.05, momentum=0.9) if unit > 1 else Adam(5e-3)
    return ready(model, rows, BINARY, optimizer, 10)


@healthy("program-wide-deep-cross", note="a linear part, a cross part, a deep part")
def wide_deep() -> Setup:
    rows = fresh_data.mushrooms()
    inputs = keras.Input((24,))
    cross = inputs
    for _ in range(2):
        cross = inputs * layers.Dense(24)(cross) + cross
    deep = layers.Dense(16, "relu")(layers.Dense(32, "relu")(inputs))
    h = layers.Concatenate()([inputs, cross, deep])
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(h))
    return ready(model, rows, BINARY, Adam(3e-3), 8)


@healthy("program-card-fraud-weighted", note="one in fifty; weights by class, recall")
@faulty(
    "program-card-fraud-accuracy",
    "imbalanced-classes",
    twin="program-card-fraud-weighted",
    weighted=False,
)
def fraud(weighted: bool = True) -> Setup:
    rng = np.random.default_rng(43)
    y = (rng.random(2000) < 0.025).astype("int32")
    x = rng.normal(size=(2000, 10)) + y[:, None] * rng.normal(0, 0.8, 10)
    rows = data.split(x.astype("float32"), y)
    share = rows[0][1].mean()
    weights = {0: 1 / (1 - share) / 2, 1: 1 / share / 2} if weighted else None
    metrics = (keras.metrics.Recall(name="recall"),) if weighted else ("accuracy",)
    model = chain(
        (10,), layers.Dense(24, "relu"), layers.Dropout(0.3), layers.Dense(1, "sigmoid")
    )
    made = ready(model, rows, BINARY, Adam(2e-3), 6, 64, metrics, class_weight=weights)
    (xv, yv) = rows[1]

    def score(model: Any, history: Any) -> float:
        found = said_of(model, xv).ravel() > 0.5
        return float((found[yv == 1].mean() + 1 - found[yv == 0].mean()) / 2)

    made.score = score
    return made


@healthy("program-film-ratings", note="ratings of 0 to 1, biases, a sigmoid")
@faulty(
    "program-film-ratings-five-stars",
    (WRONG, TARGET),
    (SATURATED, IDLE),
    twin="program-film-ratings",
    stars=True,
)
def ratings(stars: bool = False) -> Setup:
    (x, y), (xv, yv) = unseen_data.ratings()
    scale = (lambda y: y) if stars else (lambda y: (y - 1) / 4)
    inputs = keras.Input((2,), dtype="int32")
    table = lambda n, m, k: layers.Embedding(n, m, "he_normal")(inputs[:, k])
    match = layers.Dot(1)([table(60, 8, 0), table(80, 8, 1)])
    total = match + table(60, 1, 0) + table(80, 1, 1)
    model = keras.Model(inputs, layers.Activation("sigmoid")(total))
    rows = (x, scale(y)), (xv, scale(yv))
    made = ready(model, rows, "mse", Adam(5e-3), 6, 64, ERROR)
    made.score = explained_score(xv, scale(yv))
    return made


@healthy("program-soft-decision-tree", note="sigmoids route each row to eight leaves")
def tree() -> Setup:
    class Tree(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.gates = layers.Dense(7, "sigmoid")

        def build(self, shape: Any) -> None:
            self.leaves = self.add_weight(shape=(8, 3), name="leaves")
            self.gates.build(shape)

        def call(self, x: Any) -> Any:
            p = self.gates(x)
            share = ops.ones_like(p[:, :1])
            first = 0
            for depth in range(3):
                gate = p[:, first : first + 2**depth]
                both = ops.stack([share * gate, share * (1 - gate)], -1)
                share = ops.reshape(both, (-1, 2 ** (depth + 1)))
                first += 2**depth
            return ops.matmul(share, ops.softmax(self.leaves))

    rows = data.table("wine")
    model = chain((13,), layers.BatchNormalization(momentum=0.9), Tree())
    return ready(model, rows, SPARSE, Adam(0.03), 20, 16)


@healthy("program-gated-residuals", note="gates decide how much of each block counts")
def gated() -> Setup:
    rows = unseen_data.shell()
    inputs = keras.Input((10,))
    h = layers.Dense(24)(inputs)
    for _ in range(2):
        inner = layers.Dense(24)(layers.Dense(24, "elu")(h))
        inner = layers.Dropout(0.1)(inner)
        linear, gate = layers.Dense(24)(inner), layers.Dense(24, "sigmoid")(inner)
        h = layers.LayerNormalization()(h + linear * gate)
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(h))
    return ready(model, rows, BINARY, Adam(4e-3), 8)


@healthy("program-mixture-density", note="three Gaussians for each row")
@faulty(
    "program-mixture-log-of-0",
    NAN,
    (EXPLODING, WRONG, HIGH, IDLE),
    twin="program-mixture-density",
    safe=False,
    note="densities are multiplied and then logged",
)
def mixture(safe: bool = True) -> Setup:
    def loss(target: Any, said: Any) -> Any:
        logits, mean, raw = ops.split(said, 3, axis=-1)
        spread = ops.softplus(raw) + 1e-3
        square = ops.square((target - mean) / spread)
        if not safe:
            share = ops.softmax(logits)
            density = ops.exp(-0.5 * 40 * square) / spread
            return -ops.log(ops.sum(share * density, -1))
        log = ops.log_softmax(logits) - ops.log(spread) - 0.5 * square
        return -ops.logsumexp(log, axis=-1)

    rng = np.random.default_rng(44)
    y = rng.uniform(-2, 2, (900, 1))
    x = y + 0.8 * np.sin(3 * y) + rng.normal(0, 0.05, y.shape)
    rows = data.split(x.astype("float32"), y.astype("float32"))
    model = dense(1, (32,), 9, None, "tanh")
    made = ready(model, rows, loss, Adam(8e-3), 12, metrics=())

    def score(model: Any, history: Any) -> float:
        last = history["val_loss"][-1]
        return -float(last) if np.isfinite(last) else -1e9

    made.score = score
    return made


@healthy("program-quantiles", note="the tenth, the middle and the ninetieth per cent")
def quantiles() -> Setup:
    levels = np.array([0.1, 0.5, 0.9], "float32")

    def loss(target: Any, said: Any) -> Any:
        over = target - said
        return ops.mean(ops.maximum(levels * over, (levels - 1) * over), -1)

    rows = fresh_data.uneven()
    model = dense(1, (32, 32), 3)
    return ready(model, rows, loss, Adam(5e-3), 15, metrics=())


@healthy("program-ordered-grades", note="is it above 0, above 1, above 2 ...")
def grades() -> Setup:
    above = lambda y: (y[:, None] > np.arange(4)).astype("float32")
    rows = data.with_targets(fresh_data.stars(), above)
    model = dense(6, (24,), 4, "sigmoid")
    return ready(model, rows, BINARY, Adam(6e-3), 10, metrics=("binary_accuracy",))


@healthy("program-counts", note="Poisson with a log link")
@faulty(
    "program-counts-logs-of-logs",
    WRONG,
    (IDLE, HIGH, EXPLODING, NAN, TARGET, "dead-units", "oscillating-loss"),
    twin="program-counts",
    last="softmax",
)
def counts(last: str = "exponential") -> Setup:
    rows = data.counts()
    model = dense(5, (24,), 1, last, "tanh")
    made = ready(model, rows, "poisson", Adam(8e-3), 12, metrics=ERROR)
    made.score = explained_score(*rows[1])
    return made


@healthy("program-policy-gradient", note="actions weighted by what they earned")
def policy() -> Setup:
    rng = np.random.default_rng(45)
    x = rng.normal(size=(1200, 4)).astype("float32")
    action = rng.integers(0, 3, 1200)
    best = np.digitize(x[:, 0] + x[:, 1], [-0.7, 0.7])
    gain = (action == best).astype("float32") + 0.1
    action, best = action.astype("int32"), best.astype("int32")
    rows = (x[:1000], action[:1000]), (x[1000:], best[1000:])
    model = dense(4, (24, 24), 3, "softmax")
    made = ready(model, rows, SPARSE, Adam(5e-3), 10, sample_weight=gain[:1000])
    made.score = accuracy_score(*rows[1])
    return made


class Valued(keras.Model):
    """Learns values of actions of which one at a time is known."""

    def __init__(self, unit: float) -> None:
        super().__init__()
        self.inner, self.unit = dense(4, (32, 32), 3), unit

    def call(self, x: Any) -> Any:
        return self.inner(x)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **k: Any
    ) -> Any:
        chosen = ops.one_hot(ops.cast(y[:, 0], "int32"), 3)
        said = ops.sum(chosen * y_pred, -1)
        return mean_square(said, y[:, 1])


@healthy("program-action-values", note="only the chosen action has a target")
@faulty(
    "program-action-values-not-scaled",
    TARGET,
    (IDLE, LOW, HIGH, EXPLODING, "oscillating-loss"),
    twin="program-action-values",
    unit=1e3,
)
def values(unit: float = 1.0) -> Setup:
    rng = np.random.default_rng(46)
    x = rng.normal(size=(1000, 4)).astype("float32")
    action = rng.integers(0, 3, 1000)
    gain = np.stack([np.sin(x[:, 0]), x[:, 1] * x[:, 2], np.abs(x[:, 3]) - 0.8], 1)
    y = np.stack([action, unit * (gain[np.arange(1000), action] + 1)], 1)
    rows = (x[:800], y[:800].astype("float32")), (x[800:], y[800:].astype("float32"))
    made = ready(Valued(unit), rows, None, Adam(4e-3), 10, metrics=None)

    def score(model: Any, history: Any) -> float:
        said = said_of(model, x[800:]) / unit - 1
        return float(1 - np.mean((said - gain[800:]) ** 2) / np.var(gain[800:]))

    made.score = score
    return made


@healthy("program-two-tasks", note="two losses, two weights, in lists")
@faulty(
    "program-two-tasks-exchanged",
    LABELS,
    (IDLE, WRONG, TARGET),
    twin="program-two-tasks",
    exchanged=True,
    note="the targets of the one went to the other",
)
def two_tasks(exchanged: bool = False) -> Setup:
    rng = np.random.default_rng(47)
    x = rng.normal(size=(1000, 8)).astype("float32")
    one = (x[:, 0] * x[:, 1] > 0).astype("float32")[:, None]
    two = (x[:, 2] + x[:, 3] > 0).astype("float32")[:, None]
    rng.shuffle(order := np.arange(750))
    kept = one[:750][order] if exchanged else one[:750]
    targets = [kept, two[:750]]
    inputs = keras.Input((8,))
    h = layers.Dense(32, "relu")(layers.Dense(32, "relu")(inputs))
    outputs = [layers.Dense(1, "sigmoid", name=n)(h) for n in ("a", "b")]
    model = keras.Model(inputs, outputs)
    rows = (x[:750], targets), (x[750:], [one[750:], two[750:]])
    weights = {"loss_weights": [1.0, 0.5]}
    made = ready(
        model, rows, [BINARY, BINARY], Adam(5e-3), 14, metrics=None, compiled=weights
    )

    def score(model: Any, history: Any) -> float:
        said = said_of(model, x[750:])[0] > 0.5
        return float(np.mean(said == one[750:]))

    made.score = score
    return made


@healthy("program-anomalies-of-a-table", note="ten columns through three numbers")
def anomalies() -> Setup:
    rng = np.random.default_rng(48)
    code = rng.normal(size=(900, 3))
    x = np.tanh(code @ rng.normal(size=(3, 10))) + 0.05 * rng.normal(size=(900, 10))
    x = data.standard(x)
    model = chain(
        (10,),
        layers.Dense(16, "elu"),
        layers.Dense(3),
        layers.Dense(16, "elu"),
        layers.Dense(10),
    )
    rows = (x[:700], x[:700]), (x[700:], x[700:])
    made = ready(model, rows, "mae", Adam(6e-3), 12, metrics=())
    made.score = explained_score(*rows[1])
    return made


@healthy("program-flow-of-moons", note="coupling layers, own step")
def flow() -> Setup:
    class Flow(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.nets = [dense(2, (24, 24), 4, None, "tanh") for _ in range(4)]

        def call(self, x: Any) -> Any:
            total = 0.0
            for i, net in enumerate(self.nets):
                mask = ops.convert_to_tensor([[1.0, 0.0]] if i % 2 else [[0.0, 1.0]])
                scale, move = ops.split(net(x * mask), 2, axis=-1)
                scale = ops.tanh(scale) * (1 - mask)
                x = x * ops.exp(scale) + move * (1 - mask)
                total = total + ops.sum(scale, -1)
            return ops.concatenate([x, ops.expand_dims(total, -1)], -1)

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **k: Any
        ) -> Any:
            code, total = y_pred[:, :2], y_pred[:, 2]
            log = -0.5 * ops.sum(ops.square(code), -1) - math.log(2 * math.pi)
            return -ops.mean(log + total)

    (x, _), (xv, _) = data.plane("moons")
    rows = (x, x), (xv, xv)
    return ready(Flow(), rows, None, Adam(4e-3), 10, 64, metrics=None)


@healthy("program-sets-by-their-mean", note="a net for each member, the mean of all")
@faulty(
    "program-sets-mean-over-rows",
    ("rows-not-independent", "constant-output"),
    (IDLE,),
    twin="program-sets-by-their-mean",
    axis=0,
)
def sets(axis: int = 1) -> Setup:
    class Pool(layers.Layer):
        def call(self, x: Any) -> Any:
            if axis == 1:
                return ops.mean(x, 1)
            return ops.mean(x, 0, keepdims=True)[:, 0] + 0 * x[:, 0]

    rng = np.random.default_rng(49)
    x = rng.normal(size=(800, 10, 2)) * rng.uniform(0.3, 2, (800, 1, 1))
    y = (x.std((1, 2)) > 1.1).astype("float32")
    rows = data.split(x.astype("float32"), y)
    model = chain(
        (10, 2),
        layers.Dense(16, "relu"),
        layers.Dense(16, "relu"),
        Pool(),
        layers.Dense(16, "relu"),
        layers.Dense(1, "sigmoid"),
    )
    return ready(model, rows, BINARY, Adam(5e-3), 8)


@healthy("program-one-column", note="one feature, the start that Keras chooses")
@faulty(
    "program-one-column-flat-targets",
    "broadcast-loss",
    (IDLE,),
    twin="program-one-column",
    flat=True,
)
def one_column(flat: bool = False) -> Setup:
    class Log(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.log(ops.cosh(y_true - y_pred))

    rng = np.random.default_rng(50)
    x = rng.uniform(-1, 1, (600, 1)).astype("float32")
    y = (np.sin(3 * x) + 0.1 * rng.normal(size=x.shape)).astype("float32")
    rows = data.split(x, y[:, 0] if flat else y)
    model = dense(1, (32, 32), 1)
    made = ready(model, rows, Log(), Adam(5e-3), 15, metrics=())
    made.score = explained_score(*rows[1])
    return made
