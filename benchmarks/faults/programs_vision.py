"""After published programs: pictures."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from faults import data
from faults import unseen_data
from faults.build import BINARY
from faults.build import ONE_HOT
from faults.build import SPARSE
from faults.build import chain
from faults.build import ready
from faults.build import said_of
from faults.case import Setup
from faults.programs_parts import DEAD
from faults.programs_parts import ERROR
from faults.programs_parts import HIGH
from faults.programs_parts import IDLE
from faults.programs_parts import LABELS
from faults.programs_parts import LOW
from faults.programs_parts import RAW
from faults.programs_parts import SATURATED
from faults.programs_parts import TARGET
from faults.programs_parts import TIGHT
from faults.programs_parts import WILD
from faults.programs_parts import WRONG
from faults.programs_parts import Places
from faults.programs_parts import accuracy_score
from faults.programs_parts import encoder_block
from faults.programs_parts import explained_score
from faults.programs_parts import faulty
from faults.programs_parts import healthy

layers = keras.layers
optimizers = keras.optimizers
Adam = optimizers.Adam


def clothes() -> Any:
    return unseen_data.clothes()


@healthy("program-first-net", note="flatten, one wide layer, dropout; two epochs")
@faulty(
    "program-first-net-rate-of-1", HIGH, WILD, twin="program-first-net", optimizer=1.0
)
@faulty(
    "program-first-net-softmax-hidden",
    "hidden-activation",
    (IDLE, "vanishing-gradient", LOW),
    twin="program-first-net",
    activation="softmax",
)
def first_net(optimizer: float = 1e-3, activation: str = "relu") -> Setup:
    rows = clothes()
    model = chain(
        (14, 14, 1),
        layers.Flatten(),
        layers.Dense(128, activation),
        layers.Dropout(0.2),
        layers.Dense(10),
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return ready(model, rows, loss, Adam(optimizer), 6)


@healthy("program-simple-convnet", note="the first convnet of every course")
@faulty(
    "program-simple-convnet-dropout-of-95",
    TIGHT,
    (IDLE, "oscillating-loss"),
    twin="program-simple-convnet",
    drop=0.97,
)
@faulty(
    "program-simple-convnet-labels-mixed",
    LABELS,
    (IDLE, "overfitting"),
    twin="program-simple-convnet",
    mixed=True,
)
def convnet(drop: float = 0.5, mixed: bool = False) -> Setup:
    rows = data.one_hot(clothes(), 10)
    if mixed:
        (x, y), held_out = rows
        rows = (x, np.random.default_rng(3).permutation(y)), held_out
    model = chain(
        (14, 14, 1),
        layers.Conv2D(12, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(24, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(drop),
        layers.Dense(10, "softmax"),
    )
    return ready(model, rows, ONE_HOT, Adam(3e-3), 5, 32)


@healthy("program-residual-from-scratch", note="blocks of two, batch norm, average")
@faulty(
    "program-residual-statistics-lag",
    "frozen-statistics",
    ("overfitting",),
    twin="program-residual-from-scratch",
    momentum=0.9999,
)
@faulty(
    "program-residual-penalty-of-1",
    TIGHT,
    (IDLE, "dominant-loss-term"),
    twin="program-residual-from-scratch",
    penalty=3.0,
)
def residual(momentum: float = 0.9, penalty: float = 1e-4) -> Setup:
    held = lambda: keras.regularizers.L2(penalty)
    norm = lambda: layers.BatchNormalization(momentum=momentum)
    convolve = lambda n, step=1: layers.Conv2D(
        n, 3, step, padding="same", use_bias=False, kernel_regularizer=held()
    )
    inputs = keras.Input((14, 14, 1))
    h = layers.ReLU()(norm()(convolve(8)(inputs)))
    for width in (8, 12):
        step = 1 if width == 8 else 2
        inner = layers.ReLU()(norm()(convolve(width, step)(h)))
        inner = norm()(convolve(width)(inner))
        if step == 2:
            h = layers.Conv2D(width, 1, 2, use_bias=False)(h)
        h = layers.ReLU()(h + inner)
    h = layers.GlobalAveragePooling2D()(h)
    head = layers.Dense(10, "softmax", kernel_regularizer=held())
    optimizer = optimizers.SGD(0.05, momentum=0.9, nesterov=True)
    return ready(keras.Model(inputs, head(h)), clothes(), SPARSE, optimizer, 4)


@healthy("program-mobile-blocks", note="depthwise, relu of 6, squeeze and excitation")
def mobile() -> Setup:
    inputs = keras.Input((14, 14, 1))
    h = layers.Conv2D(12, 3, 2, padding="same", activation="relu6")(inputs)
    for _ in range(2):
        wide = layers.Conv2D(24, 1, activation="relu6")(h)
        wide = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(wide)
        gate = layers.Dense(6, "relu")(layers.GlobalAveragePooling2D()(wide))
        gate = layers.Reshape((1, 1, 24))(layers.Dense(24, "hard_sigmoid")(gate))
        h = h + layers.Conv2D(12, 1)(wide * gate)
    h = layers.Dense(10, "softmax")(layers.GlobalAveragePooling2D()(h))
    return ready(keras.Model(inputs, h), clothes(), SPARSE, Adam(5e-3), 5)


@healthy("program-vision-transformer", note="patches of 2, two blocks, AdamW")
@faulty(
    "program-vision-transformer-rate-of-a-third",
    HIGH,
    WILD,
    twin="program-vision-transformer",
    rate=0.3,
)
def vision_transformer(rate: float = 2e-3) -> Setup:
    inputs = keras.Input((8, 8, 1))
    h = layers.Conv2D(24, 2, 2)(inputs)
    h = Places()(layers.Reshape((16, 24))(h))
    h = encoder_block(encoder_block(h))
    h = layers.Dropout(0.2)(layers.Flatten()(h))
    model = keras.Model(inputs, layers.Dense(10)(h))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = optimizers.AdamW(rate, weight_decay=1e-4)
    return ready(model, data.digits(flat=False), loss, optimizer, 7)


@healthy("program-mixer", note="nets over places, then over channels")
@faulty(
    "program-mixer-labels-shifted",
    LABELS,
    (IDLE, "overfitting"),
    twin="program-mixer",
    shift=1,
    note="the list of labels lost its first line",
)
def mixer(shift: int = 0) -> Setup:
    (x, y), held_out = data.digits(flat=False)
    rows = (x, np.roll(y, -shift)), held_out
    inputs = keras.Input((8, 8, 1))
    h = layers.Reshape((16, 24))(layers.Conv2D(24, 2, 2)(inputs))
    for _ in range(2):
        mixed = layers.Permute((2, 1))(layers.LayerNormalization()(h))
        mixed = layers.Dense(16)(layers.Dense(24, "gelu")(mixed))
        h = h + layers.Permute((2, 1))(mixed)
        inner = layers.Dense(48, "gelu")(layers.LayerNormalization()(h))
        h = h + layers.Dense(24)(inner)
    h = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(h))
    model = keras.Model(inputs, layers.Dense(10, "softmax")(h))
    return ready(model, rows, SPARSE, Adam(3e-3), 7)


def spots(n: int = 500, size: int = 16) -> Any:
    """Pictures with a bright rectangle on noise, its mask, and its box in pixels."""
    rng = np.random.default_rng(81)
    x = rng.normal(0.2, 0.15, (n, size, size, 1))
    mask, box = np.zeros((n, size, size, 1)), np.zeros((n, 4))
    for k in range(n):
        top, left = rng.integers(0, size - 6, 2)
        high, wide = rng.integers(4, 7, 2)
        mask[k, top : top + high, left : left + wide] = 1
        box[k] = top, left, high, wide
    x = (x + 0.5 * mask).astype("float32")
    return x, mask.astype("float32"), box.astype("float32")


def halves(x: Any, y: Any) -> Any:
    cut = len(x) * 3 // 4
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


@healthy("program-segmentation", note="down, up, a skip; a pixel at a time")
@faulty(
    "program-segmentation-masks-mixed",
    LABELS,
    (IDLE,),
    twin="program-segmentation",
    mistake="mixed",
)
@faulty(
    "program-segmentation-masks-of-255",
    (WRONG, TARGET),
    WILD,
    twin="program-segmentation",
    mistake="bytes",
)
@faulty(
    "program-segmentation-softmax-of-one",
    (WRONG, "constant-output"),
    (IDLE,),
    twin="program-segmentation",
    mistake="softmax",
)
def segmentation(mistake: str = "") -> Setup:
    x, mask, _ = spots()
    clean = halves(x, mask)
    rows = clean
    if mistake == "mixed":
        rows = halves(x, np.random.default_rng(4).permutation(mask))
    elif mistake == "bytes":
        rows = halves(x, 255 * mask)
    inputs = keras.Input((16, 16, 1))
    convolve = lambda n: layers.Conv2D(n, 3, padding="same", activation="relu")
    fine = convolve(8)(inputs)
    coarse = convolve(16)(layers.MaxPooling2D()(fine))
    up = layers.Conv2DTranspose(8, 2, 2)(coarse)
    h = convolve(8)(layers.Concatenate()([fine, up]))
    last = "softmax" if mistake == "softmax" else "sigmoid"
    model = keras.Model(inputs, layers.Conv2D(1, 1, activation=last)(h))
    made = ready(model, rows, BINARY, Adam(3e-3), 8)
    (xv, yv) = clean[1]

    def score(model: Any, history: Any) -> float:
        said = said_of(model, xv) > 0.5
        both = np.sum(said * yv)
        return float(2 * both / (np.sum(said) + np.sum(yv) + 1))

    made.score = score
    return made


@healthy("program-box-regression", note="a box as shares of the picture; sigmoid")
@faulty(
    "program-box-in-pixels",
    (WRONG, TARGET),
    (IDLE, SATURATED),
    twin="program-box-regression",
    unit=1.0,
)
def box(unit: float = 1 / 16) -> Setup:
    x, _, places = spots(700)
    rows = halves(x, places * unit)
    model = chain(
        (16, 16, 1),
        layers.Conv2D(8, 3, activation="relu"),
        layers.Conv2D(16, 3, 2, activation="relu"),
        layers.Flatten(),
        layers.Dense(32, "relu"),
        layers.Dense(4, "sigmoid"),
    )
    made = ready(model, rows, "mse", Adam(3e-3), 12, metrics=ERROR)
    made.score = explained_score(*rows[1])
    return made


@healthy("program-transfer-head", note="a trained base, frozen; a new head")
@faulty(
    "program-transfer-not-loaded",
    "frozen-random-weights",
    (IDLE,),
    twin="program-transfer-head",
    mistake="random",
)
@faulty(
    "program-transfer-rate-of-a-millionth",
    LOW,
    (IDLE,),
    twin="program-transfer-head",
    mistake="slow",
)
@faulty(
    "program-transfer-pictures-of-255",
    RAW,
    (IDLE, "validation-differs", *WILD),
    twin="program-transfer-head",
    mistake="raw",
)
def transfer(mistake: str = "") -> Setup:
    (x, y), (xv, yv) = clothes()
    base = chain(
        (14, 14, 1),
        layers.Conv2D(8, 3, 2, activation="relu"),
        layers.Conv2D(6, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(12, "relu"),
    )
    early = keras.Sequential([base, layers.Dense(10, "softmax")])
    early.compile(Adam(5e-3), SPARSE, jit_compile=False)
    if mistake != "random":
        early.fit(x, y, epochs=4, verbose=0)
    base.trainable = False
    inputs = keras.Input((14, 14, 1))
    head = layers.Dense(2, "softmax")(base(inputs, training=False))
    upper = np.isin(y, (0, 2, 4, 6)).astype("int32")
    upper_v = np.isin(yv, (0, 2, 4, 6)).astype("int32")
    unit = 255.0 if mistake == "raw" else 1.0
    rows = (unit * x, upper), (unit * xv, upper_v)
    rate = 1e-6 if mistake == "slow" else 5e-3
    made = ready(keras.Model(inputs, head), rows, SPARSE, Adam(rate), 6)
    made.score = accuracy_score(xv, upper_v)
    return made


@healthy("program-fine-tuning", note="all layers of a trained net at a low rate")
def fine_tuned() -> Setup:
    (x, y), held_out = clothes()
    model = chain(
        (14, 14, 1),
        layers.Conv2D(8, 3, 2, activation="relu"),
        layers.Flatten(),
        layers.Dense(24, "relu"),
        layers.Dense(10, "softmax"),
    )
    model.compile(Adam(5e-3), SPARSE, jit_compile=False)
    model.fit(x, y, epochs=4, verbose=0)
    return ready(model, ((x, y), held_out), SPARSE, Adam(2e-5), 5)


@healthy("program-siamese", note="same or not, by a learnt distance")
@faulty(
    "program-siamese-all-the-same",
    (LABELS, "imbalanced-classes"),
    (IDLE, "leaked-target"),
    twin="program-siamese",
    same=0.97,
    note="the pairs were drawn so that nearly all are of one class",
)
def siamese(same: float = 0.5) -> Setup:
    rng = np.random.default_rng(5)
    (x, y), (xv, yv) = data.digits()

    def pairs(x: Any, y: Any, n: int, share: float) -> Any:
        one = rng.integers(0, len(x), n)
        alike = rng.random(n) < share
        by_class = [np.flatnonzero(y == k) for k in range(10)]
        other = np.array(
            [
                rng.choice(by_class[y[i] if s else (y[i] + rng.integers(1, 10)) % 10])
                for i, s in zip(one, alike)
            ]
        )
        return {"a": x[one], "b": x[other]}, alike.astype("float32")

    rows = pairs(x, y, 1600, same), pairs(xv, yv, 400, 0.5)
    tower = chain((64,), layers.Dense(48, "relu"), layers.Dense(24))
    a, b = keras.Input((64,), name="a"), keras.Input((64,), name="b")
    apart = ops.abs(tower(a) - tower(b))
    model = keras.Model({"a": a, "b": b}, layers.Dense(1, "sigmoid")(apart))
    made = ready(model, rows, BINARY, Adam(5e-3), 8)
    made.score = accuracy_score(*rows[1])
    return made


@healthy("program-cosine-margin", note="cosines times ten, less a margin, for faces")
def cosine() -> Setup:
    class Cosine(layers.Layer):
        def build(self, shape: Any) -> None:
            self.kinds = self.add_weight(shape=(shape[-1], 10), name="kinds")

        def call(self, x: Any) -> Any:
            both = ops.matmul(ops.normalize(x), ops.normalize(self.kinds, axis=0))
            return 10.0 * both

    def loss(target: Any, cosines: Any) -> Any:
        code = ops.one_hot(ops.cast(target[:, 0], "int32"), 10)
        return keras.losses.categorical_crossentropy(
            code, cosines - 2.0 * code, from_logits=True
        )

    (x, y), (xv, yv) = data.digits()
    model = chain((64,), layers.Dense(64, "relu"), layers.Dense(16), Cosine())
    rows = (x, y[:, None]), (xv, yv[:, None])
    made = ready(model, rows, loss, Adam(3e-3), 8, metrics=())
    made.score = accuracy_score(xv, yv)
    return made


@healthy("program-convolutional-autoencoder", note="down and up; pixels as shares")
@faulty(
    "program-autoencoder-of-centred-pixels",
    WRONG,
    (IDLE, TARGET),
    twin="program-convolutional-autoencoder",
    mistake="centred",
)
@faulty(
    "program-autoencoder-dead-bottleneck",
    DEAD,
    (IDLE, "constant-output", "bad-initialization", "vanishing-gradient"),
    twin="program-convolutional-autoencoder",
    mistake="dead",
)
def autoencoder(mistake: str = "") -> Setup:
    (x, _), (xv, _) = data.digits(flat=False)
    if mistake == "centred":
        x, xv = 4 * x - 2, 4 * xv - 2
    bias = keras.initializers.Constant(-4.0 if mistake == "dead" else 0.0)
    model = chain(
        (8, 8, 1),
        layers.Conv2D(12, 3, 2, padding="same", activation="relu"),
        layers.Conv2D(8, 3, padding="same", activation="relu", bias_initializer=bias),
        layers.Conv2DTranspose(12, 3, 2, padding="same", activation="relu"),
        layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    )
    loss = "mse" if mistake == "centred" else BINARY
    rows = (x, x), (xv, xv)
    made = ready(model, rows, loss, Adam(5e-3), 10, metrics=ERROR)
    made.score = explained_score(xv, xv)
    return made


@healthy("program-denoising", note="noisy in, clean out")
@faulty(
    "program-denoising-noisy-targets",
    "target-equals-input",
    twin="program-denoising",
    again=True,
)
def denoising(again: bool = False) -> Setup:
    rng = np.random.default_rng(6)
    (x, _), (xv, _) = data.digits(flat=False)
    noisy = lambda x: (x + rng.normal(0, 0.35, x.shape)).astype("float32")
    a, b = noisy(x), noisy(xv)
    model = chain(
        (8, 8, 1),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(1, 1),
    )
    rows = (a, a if again else x), (b, b if again else xv)
    made = ready(model, rows, "mse", Adam(5e-3), 8, metrics=ERROR)
    made.score = explained_score(b, xv)
    return made


@healthy("program-super-resolution", note="depth to space; shares of light")
@faulty(
    "program-super-resolution-bytes",
    (TARGET, WRONG),
    (IDLE, SATURATED),
    twin="program-super-resolution",
    unit=255.0,
)
def super_resolution(unit: float = 1.0) -> Setup:
    (x, _), (xv, _) = data.digits(flat=False)
    small = lambda x: x.reshape(-1, 4, 2, 4, 2, 1).mean((2, 4))
    inputs = keras.Input((4, 4, 1))
    h = layers.Conv2D(24, 3, padding="same", activation="relu")(inputs)
    h = layers.Conv2D(4, 3, padding="same", activation="sigmoid")(h)
    h = layers.Reshape((4, 4, 2, 2))(h)
    h = layers.Reshape((8, 8, 1))(layers.Permute((1, 3, 2, 4))(h))
    rows = (small(x), unit * x), (small(xv), unit * xv)
    made = ready(keras.Model(inputs, h), rows, "mse", Adam(8e-3), 10, metrics=ERROR)
    made.score = explained_score(small(xv), unit * xv)
    return made


@healthy("program-several-labels", note="which of four shapes are in the picture")
@faulty(
    "program-several-labels-softmax",
    WRONG,
    (IDLE,),
    twin="program-several-labels",
    last="softmax",
)
def several(last: str = "sigmoid") -> Setup:
    rng = np.random.default_rng(7)
    y = (rng.random((900, 4)) < 0.45).astype("float32")
    x = rng.normal(0, 0.2, (900, 12, 12, 1))
    forms = np.zeros((4, 4, 4, 1))
    forms[0, 1] = forms[1, :, 1] = forms[2, np.arange(4), np.arange(4)] = 1
    forms[3, 1:3, 1:3] = 1
    for row, wanted in zip(x, y):
        for k in np.flatnonzero(wanted):
            i, j = 6 * (k // 2) + rng.integers(0, 3), 6 * (k % 2) + rng.integers(0, 3)
            row[i : i + 4, j : j + 4] += forms[k]
    rows = halves(x.astype("float32"), y)
    model = chain(
        (12, 12, 1),
        layers.Conv2D(12, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(32, "relu"),
        layers.Dense(4, last),
    )
    loss = BINARY if last == "sigmoid" else ONE_HOT
    made = ready(model, rows, loss, Adam(4e-3), 9, metrics=("binary_accuracy",))
    made.score = accuracy_score(*rows[1])
    return made


@healthy("program-mixed-up", note="sums of two pictures and of their labels")
def mixed_up() -> Setup:
    class Mixed(keras.utils.PyDataset):
        def __init__(self, x: Any, y: Any) -> None:
            super().__init__()
            self.x, self.y, self.rng = x, y, np.random.default_rng(9)

        def __len__(self) -> int:
            return 40

        def __getitem__(self, i: int) -> Any:
            one, two = self.rng.integers(0, len(self.x), (2, 32))
            part = self.rng.beta(0.3, 0.3, 32)[:, None].astype("float32")
            x = part * self.x[one] + (1 - part) * self.x[two]
            return x, part * self.y[one] + (1 - part) * self.y[two]

    (x, y), held_out = data.one_hot(data.digits(), 10)
    model = chain((64,), layers.Dense(64, "relu"), layers.Dense(10, "softmax"))
    made = ready(model, ((x, y), held_out), ONE_HOT, Adam(4e-3), 8)
    made.x, made.y, made.fit = Mixed(x, y), None, {"epochs": 8}
    return made


@healthy("program-augmented", note="turned and zoomed in the model; rescaled from 255")
@faulty(
    "program-augmented-held-out-scaled-twice",
    "validation-differs",
    ("overfitting",),
    twin="program-augmented",
    unit=1 / 255,
)
def augmented(unit: float = 1.0) -> Setup:
    (x, y), (xv, yv) = clothes()
    x, clean = 255 * x, 255 * xv
    model = chain(
        (14, 14, 1),
        layers.Rescaling(1 / 255),
        layers.RandomRotation(0.05),
        layers.RandomZoom(0.1),
        layers.Conv2D(12, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(32, "relu"),
        layers.Dense(10, "softmax"),
    )
    rows = (x, y), (unit * clean, yv)
    return ready(model, rows, SPARSE, Adam(3e-3), 5)


@healthy("program-two-heads", note="what it is and how bright, losses by name")
@faulty(
    "program-two-heads-brightness-of-255",
    "dominant-loss-term",
    (IDLE, TARGET, "oscillating-loss"),
    twin="program-two-heads",
    unit=5e3,
)
def two_heads(unit: float = 1.0) -> Setup:
    (x, y), (xv, yv) = data.digits()
    rng = np.random.default_rng(31)
    light, light_v = (
        rng.uniform(0.4, 1, (len(r), 1)).astype("float32") for r in (x, xv)
    )
    inputs = keras.Input((64,))
    h = layers.Dense(48, "relu")(inputs)
    outputs = {
        "light": layers.Dense(1, name="light")(h),
        "kind": layers.Dense(10, "softmax", name="kind")(h),
    }
    model = keras.Model(inputs, outputs)
    rows = (
        (x * light, {"kind": y, "light": unit * light}),
        (xv * light_v, {"kind": yv, "light": unit * light_v}),
    )
    loss = {"kind": SPARSE, "light": "mse"}
    made = ready(model, rows, loss, Adam(4e-3), 10, metrics={"kind": "accuracy"})

    def score(model: Any, history: Any) -> float:
        said = said_of(model, rows[1][0])["kind"]
        return float(np.mean(said.argmax(-1) == yv))

    made.score = score
    return made


@healthy("program-colours", note="three channels; batch norm on the raw bytes")
def colours() -> Setup:
    rng = np.random.default_rng(32)
    y = rng.integers(0, 4, 700)
    tints = np.array([[200, 60, 60], [60, 180, 60], [60, 60, 200], [180, 180, 60]])
    x = np.clip(tints[y][:, None, None] + rng.normal(0, 60, (700, 8, 8, 3)), 0, 255)
    rows = data.split(x.astype("float32"), y.astype("int32"))
    model = chain(
        (8, 8, 3),
        layers.BatchNormalization(momentum=0.9),
        layers.SeparableConv2D(8, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(4, "softmax"),
    )
    return ready(model, rows, SPARSE, Adam(0.01), 8)


@healthy("program-bytes-in-uint8", note="pictures of 0..255 as bytes, rescaled inside")
def whole_numbers() -> Setup:
    (x, y), (xv, yv) = data.digits(flat=False)
    whole = lambda x: (255 * x).astype("uint8")
    inputs = keras.Input((8, 8, 1), dtype="uint8")
    h = layers.Rescaling(1 / 127.5, -1)(inputs)
    h = layers.Conv2D(12, 3, activation="relu")(h)
    h = layers.Dense(24, "relu")(layers.Flatten()(h))
    model = keras.Model(inputs, layers.Dense(10, "softmax")(h))
    rows = (whole(x), y), (whole(xv), yv)
    return ready(model, rows, SPARSE, Adam(3e-3), 7)


@healthy("program-next-frame", note="a convolutional LSTM foretells the next picture")
def next_frame() -> Setup:
    x, _ = unseen_frames()
    model = chain(
        (4, 8, 8, 1),
        layers.ConvLSTM2D(6, 3, padding="same"),
        layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    )
    rows = halves(x[:, :4], x[:, 4])
    return ready(model, rows, BINARY, Adam(0.01), 5, metrics=())


def unseen_frames() -> Any:
    """A bar that moves to the right, a column at a time."""
    rng = np.random.default_rng(33)
    start, top = rng.integers(0, 8, 400), rng.integers(0, 6, 400)
    x = np.zeros((400, 5, 8, 8, 1), "float32")
    for k in range(400):
        for t in range(5):
            x[k, t, top[k] : top[k] + 3, (start[k] + t) % 8] = 1
    return x, start


@healthy("program-reads-three-digits", note="CTC over columns of a strip")
@faulty(
    "program-reads-after-a-softmax",
    WRONG,
    (IDLE, "vanishing-gradient", LOW),
    twin="program-reads-three-digits",
    last="softmax",
    note="the loss takes logits",
)
def reads(last: str | None = None) -> Setup:
    (x, y), (xv, yv) = data.digits(flat=False)
    rng = np.random.default_rng(34)

    def strips(x: Any, y: Any, n: int) -> Any:
        picked = rng.integers(0, len(x), (n, 2))
        strip = np.concatenate([x[picked[:, 0]], x[picked[:, 1]]], 2)
        return strip[..., 0].transpose(0, 2, 1), (y[picked] + 1).astype("int32")

    rows = strips(x, y, 900), strips(xv, yv, 200)
    inputs = keras.Input((16, 8))
    h = layers.Conv1D(32, 5, padding="same", activation="relu")(inputs)
    h = layers.Bidirectional(layers.GRU(24, return_sequences=True))(h)
    model = keras.Model(inputs, layers.Dense(11, last)(h))
    made = ready(model, rows, keras.losses.CTC(), Adam(0.01), 8, metrics=())

    def score(model: Any, history: Any) -> float:
        said = said_of(model, rows[1][0]).argmax(-1)
        right = 0
        for row, wanted in zip(said, rows[1][1]):
            kept = [k for i, k in enumerate(row) if k and (not i or k != row[i - 1])]
            right += kept == list(wanted)
        return right / len(said)

    made.score = score
    return made
