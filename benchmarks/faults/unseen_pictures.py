"""Unseen and healthy: pictures."""

from __future__ import annotations

import functools
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from faults import case
from faults import data
from faults import unseen_data
from faults.build import BINARY
from faults.build import ONE_HOT
from faults.build import SPARSE
from faults.build import chain
from faults.build import dense
from faults.build import ready
from faults.case import JIT
from faults.case import Setup
from faults.unseen_parts import Places
from faults.unseen_parts import block

healthy = functools.partial(case.healthy, part="unseen")
layers = keras.layers
losses = keras.losses
optimizers = keras.optimizers
schedules = keras.optimizers.schedules
ERROR = ("mae",)


@healthy("clothes-vision-transformer", note="49 patches of 2 by 2, one block")
def vision_transformer() -> Setup:
    inputs = keras.Input((14, 14, 1))
    patches = layers.Conv2D(32, 2, 2)(inputs)
    tokens = Places()(layers.Reshape((49, 32))(patches))
    tokens = block(tokens, 2, 64)
    pooled = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(tokens))
    model = keras.Model(inputs, layers.Dense(10)(pooled))
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = optimizers.AdamW(2e-3, weight_decay=1e-4)
    return ready(model, unseen_data.clothes(1200), loss, optimizer, 6)


@healthy("clothes-mixer", note="nets across patches and across channels by turns")
def mixer() -> Setup:
    inputs = keras.Input((14, 14, 1))
    tokens = layers.Reshape((49, 24))(layers.Conv2D(24, 2, 2)(inputs))
    for _ in range(2):
        turned = layers.Permute((2, 1))(layers.LayerNormalization()(tokens))
        turned = layers.Dense(49)(layers.Dense(32, "gelu")(turned))
        tokens = tokens + layers.Permute((2, 1))(turned)
        wide = layers.Dense(48, "gelu")(layers.LayerNormalization()(tokens))
        tokens = tokens + layers.Dense(24)(wide)
    pooled = layers.GlobalAveragePooling1D()(tokens)
    model = keras.Model(inputs, layers.Dense(10, "softmax")(pooled))
    return ready(model, unseen_data.clothes(1200), SPARSE, optimizers.Lamb(0.01), 6)


@healthy("clothes-depthwise-blocks", note="ConvNeXt in small: layer scale, GELU")
def next_blocks() -> Setup:
    class Scale(layers.Layer):
        def build(self, shape: Any) -> None:
            start = keras.initializers.Constant(0.1)
            self.scale = self.add_weight(shape=(shape[-1],), initializer=start)

        def call(self, x: Any) -> Any:
            return x * self.scale

    inputs = keras.Input((14, 14, 1))
    hidden = layers.LayerNormalization()(layers.Conv2D(16, 2, 2)(inputs))
    for _ in range(2):
        inner = layers.DepthwiseConv2D(5, padding="same")(hidden)
        inner = layers.Dense(48, "gelu")(layers.LayerNormalization()(inner))
        hidden = hidden + Scale()(layers.Dense(16)(inner))
    pooled = layers.LayerNormalization()(layers.GlobalAveragePooling2D()(hidden))
    model = keras.Model(inputs, layers.Dense(10, "softmax")(pooled))
    return ready(model, unseen_data.clothes(1200), SPARSE, optimizers.Adam(5e-3), 7)


class _OneCycle(schedules.LearningRateSchedule):
    """Up to the peak in three tenths of the steps, and down to nothing."""

    def __init__(self, peak: float, steps: int) -> None:
        self.peak, self.steps = peak, float(steps)

    def __call__(self, step: Any) -> Any:
        done = ops.cast(step, "float32") / self.steps
        turn = lambda share: 0.5 - 0.5 * ops.cos(math.pi * ops.clip(share, 0.0, 1.0))
        return self.peak * (0.04 + 0.96 * turn(done / 0.3)) * turn((1 - done) / 0.7)


@healthy("clothes-residual-one-cycle", note="batch norm; the rate peaks at 0.02")
def residual() -> Setup:
    def normed(x: Any, filters: int, stride: int = 1) -> Any:
        x = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    inputs = keras.Input((14, 14, 1))
    hidden = layers.ReLU()(normed(inputs, 8))
    for filters in (8, 16):
        stride = 1 + (filters == 16)
        inner = normed(layers.ReLU()(normed(hidden, filters, stride)), filters)
        if stride == 2:
            hidden = normed(hidden, filters, 2)
        hidden = layers.ReLU()(inner + hidden)
    pooled = layers.GlobalAveragePooling2D()(hidden)
    model = keras.Model(inputs, layers.Dense(10, "softmax")(pooled))
    optimizer = optimizers.Adam(_OneCycle(0.02, 228))
    return ready(model, unseen_data.clothes(1200), SPARSE, optimizer, 6)


@healthy("clothes-inception-squeezed", note="three widths at once, channels weighed")
def inception() -> Setup:
    inputs = keras.Input((14, 14, 1))
    parts = [
        layers.Conv2D(8, 1, 2, padding="same", activation="relu")(inputs),
        layers.Conv2D(12, 3, 2, padding="same", activation="relu")(inputs),
        layers.Conv2D(8, 5, 2, padding="same", activation="relu")(inputs),
        layers.MaxPooling2D(2)(inputs),
    ]
    hidden = layers.Concatenate()(parts)
    weights = layers.Dense(8, "relu")(layers.GlobalAveragePooling2D()(hidden))
    weights = layers.Dense(29, "sigmoid")(weights)
    hidden = hidden * layers.Reshape((1, 1, 29))(weights)
    hidden = layers.Dropout(0.3)(layers.Flatten()(hidden))
    model = keras.Model(inputs, layers.Dense(10, "softmax")(hidden))
    return ready(model, unseen_data.clothes(), SPARSE, optimizers.Adam(2e-3), 6)


def small_convnet(outputs: int = 10, output: Any = "softmax") -> Any:
    """Returns two convolutions and a dense layer for half-size clothes."""
    return chain(
        (14, 14, 1),
        layers.Conv2D(12, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(24, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(32, "relu"),
        layers.Dense(outputs, output),
    )


class _Mixed(keras.utils.PyDataset):
    """Batches in which each picture is blended with another, and the labels too."""

    def __init__(self, x: Any, y: Any, size: int = 32) -> None:
        super().__init__()
        self.x, self.y, self.size = x, y, size
        self.rng = np.random.default_rng(5)

    def __len__(self) -> int:
        return len(self.x) // self.size

    def __getitem__(self, i: int) -> Any:
        one, two = self.rng.integers(0, len(self.x), (2, self.size))
        share = self.rng.beta(0.4, 0.4, self.size).astype("float32")
        blend = lambda a, s: s * a[one] + (1 - s) * a[two]
        x = blend(self.x, share[:, None, None, None])
        return x, blend(self.y, share[:, None])


@healthy("clothes-mixed-up", note="training is harder than validation")
def mixed_up() -> Setup:
    clothes = data.one_hot(unseen_data.clothes(), 10)
    made = ready(small_convnet(), clothes, ONE_HOT, optimizers.Adam(2e-3), 8, None)
    return Setup(made.model, _Mixed(*clothes[0]), None, clothes[1], {"epochs": 8})


@healthy("clothes-turned-and-shifted", note="augmentation by layers of the model")
def augmented() -> Setup:
    model = keras.Sequential(
        [
            keras.Input((14, 14, 1)),
            layers.RandomFlip("horizontal", seed=1),
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant", seed=2),
            *small_convnet().layers,
        ]
    )
    return ready(model, unseen_data.clothes(), SPARSE, optimizers.Adam(3e-3), 7)


@healthy("clothes-group-norm-muon", note="batches of 16, group norm, Muon")
def group_norm() -> Setup:
    model = chain(
        (14, 14, 1),
        layers.Conv2D(16, 3, 2),
        layers.GroupNormalization(4),
        layers.ReLU(),
        layers.Conv2D(32, 3),
        layers.GroupNormalization(4),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dense(10, "softmax"),
    )
    optimizer = optimizers.Muon(0.01, adam_lr_ratio=0.3)
    return ready(model, unseen_data.clothes(1200), SPARSE, optimizer, 4, 16)


@healthy("clothes-spectral-norm", note="each kernel's greatest gain held at 1")
def spectral() -> Setup:
    held = layers.SpectralNormalization
    model = chain(
        (14, 14, 1),
        held(layers.Conv2D(16, 3, 2, activation="leaky_relu")),
        layers.Flatten(),
        held(layers.Dense(48, "leaky_relu")),
        layers.Dense(10),
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return ready(model, unseen_data.clothes(), loss, optimizers.Adam(3e-3), 8)


@healthy("clothes-one-epoch", note="one epoch of 4000 pictures, and it shows")
def one_epoch() -> Setup:
    model, optimizer = small_convnet(), optimizers.Adam(2e-3)
    return ready(model, unseen_data.clothes(4000), SPARSE, optimizer, 1, 32)


@healthy("clothes-batches-of-1000", batch=1000, epochs=20, rate=0.01, n=2000)
@healthy("clothes-batches-of-2", batch=2, epochs=2, rate=5e-4, n=700)
def batches(batch: int, epochs: int, rate: float, n: int) -> Setup:
    model, optimizer = small_convnet(), optimizers.Adam(rate)
    return ready(model, unseen_data.clothes(n), SPARSE, optimizer, epochs, batch)


@healthy("clothes-smoothed-warm-up-ema", note="all at once, as recipes have it")
def recipe() -> Setup:
    rate = schedules.CosineDecay(1e-4, 200, warmup_target=4e-3, warmup_steps=40)
    optimizer = optimizers.AdamW(
        rate, weight_decay=0.01, clipnorm=1.0, use_ema=True, ema_overwrite_frequency=47
    )
    clothes = data.one_hot(unseen_data.clothes(), 10)
    loss = losses.CategoricalCrossentropy(label_smoothing=0.1)
    return ready(small_convnet(), clothes, loss, optimizer, 6)


@healthy("clothes-accumulated-gradients", note="batches of 8, a step every fourth")
def accumulated() -> Setup:
    optimizer = optimizers.SGD(
        0.1, momentum=0.8, nesterov=True, gradient_accumulation_steps=4
    )
    return ready(small_convnet(), unseen_data.clothes(), SPARSE, optimizer, 4, 8)


@healthy("clothes-cosine-classifier", note="angles between unit vectors, times 12")
def cosines() -> Setup:
    model = chain(
        (14, 14, 1),
        layers.Flatten(),
        layers.Dense(64, "relu"),
        layers.Dense(24),
        layers.UnitNormalization(),
        layers.Dense(10, use_bias=False, kernel_constraint="unit_norm"),
        layers.Rescaling(12.0),
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return ready(model, unseen_data.clothes(), loss, "adam", 8)


def triplets(target: Any, code: Any) -> Any:
    """Semi-hard in spirit: the farthest of one's own, the mean of the others."""
    target = ops.reshape(target, (-1,))
    apart = 2 - 2 * ops.matmul(code, ops.transpose(code))
    same = ops.cast(target[:, None] == target[None, :], "float32")
    own = ops.max(apart * same, axis=1)
    other = ops.sum(apart * (1 - same), 1) / (ops.sum(1 - same, 1) + 1e-6)
    return ops.relu(own - other + 0.5)


@healthy("clothes-triplets", note="a margin of 0.5 on the unit sphere; 0.5 is collapse")
def triplet() -> Setup:
    model = chain(
        (14, 14, 1),
        layers.Flatten(),
        layers.Dense(64, "relu"),
        layers.Dense(16),
        layers.UnitNormalization(),
    )
    clothes = unseen_data.clothes(1200)
    return ready(model, clothes, triplets, optimizers.Adam(1e-3), 8, 64, ())


class _Contrast(keras.Model):
    """Two blurred views of each picture, to be found among those of the others."""

    def __init__(self) -> None:
        super().__init__(name="contrast")
        self.tower = chain(
            (196,),
            layers.GaussianNoise(0.1),
            layers.Dropout(0.2),
            layers.Dense(64, "relu"),
            layers.Dense(16),
            layers.UnitNormalization(),
        )

    def call(self, x: Any, training: bool = False) -> Any:
        return self.tower(x, training=training)

    def compute_loss(self, x: Any = None, *others: Any, **kwargs: Any) -> Any:
        one, two = self.tower(x, training=True), self.tower(x, training=True)
        alike = ops.matmul(one, ops.transpose(two)) / 0.2
        return -ops.mean(ops.diagonal(ops.log_softmax(alike)))


@healthy("clothes-contrasted-views", note="64 at a time: a loss of 4.2 is chance")
def contrast() -> Setup:
    model = _Contrast()
    model.compile(optimizer=optimizers.Adam(2e-3), jit_compile=JIT)
    (x, _), _ = unseen_data.clothes()
    return Setup(
        model, x.reshape(len(x), -1), None, None, {"epochs": 8, "batch_size": 64}
    )


class _Student(keras.Model):
    """Learns from the labels, and from the softened answers of a teacher."""

    def __init__(self, teacher: Any) -> None:
        super().__init__(name="student")
        self.teacher, self.net = teacher, dense(196, (16,), 10, None)
        teacher.trainable = False

    def call(self, x: Any) -> Any:
        return self.net(x)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        *others: Any,
        **kwargs: Any,
    ) -> Any:
        hard = super().compute_loss(x, y, y_pred, *others, **kwargs)
        soft = ops.softmax(self.teacher(x, training=False) / 3)
        told = -ops.mean(ops.sum(soft * ops.log_softmax(y_pred / 3), axis=-1))
        return 0.3 * hard + 0.7 * told


@healthy("clothes-student-of-a-teacher", note="logits at a temperature of 3")
def student() -> Setup:
    flat = data.with_inputs(unseen_data.clothes(), lambda x: x.reshape(len(x), -1))
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    teacher = dense(196, (96,), 10, None)
    ready(teacher, flat, loss, epochs=4, validate=False).train()
    return ready(_Student(teacher), flat, loss, optimizers.Adam(3e-3), 8)


@healthy("clothes-second-half-fine-tuned", note="learnt on 0 to 4, tuned on 5 to 9")
def fine_tuned() -> Setup:
    base = small_convnet(5)
    first = unseen_data.clothes(600, tuple(range(5)))
    ready(base, first, SPARSE, epochs=3, validate=False).train()
    frozen = keras.Sequential([keras.Input((14, 14, 1)), *base.layers[:-2]])
    frozen.trainable = False
    model = chain(
        (14, 14, 1), frozen, layers.Dense(24, "relu"), layers.Dense(5, "softmax")
    )
    second = unseen_data.clothes(300, tuple(range(5, 10)))
    return ready(model, second, SPARSE, optimizers.Adam(2e-3), 8)


@healthy("clothes-features-of-a-frozen-net", note="the net's answers, and one layer")
def features() -> Setup:
    base = small_convnet()
    clothes = unseen_data.clothes()
    ready(base, clothes, SPARSE, epochs=3, validate=False).train()
    head = keras.Model(base.inputs, base.layers[-2].output)
    turned = data.with_inputs(clothes, lambda x: head.predict(x, verbose=0))
    model = chain((32,), layers.Dropout(0.2), layers.Dense(10, "softmax"))
    return ready(model, turned, SPARSE, optimizers.Adam(5e-3), 8)


@healthy("clothes-long-tail", note="each class two thirds of the one before; weights")
def long_tail() -> Setup:
    (x, y), held_out = unseen_data.clothes(4000)
    rng = np.random.default_rng(1)
    kept = rng.random(len(y)) < (2 / 3) ** y
    x, y = x[kept], y[kept]
    many = np.bincount(y, minlength=10)
    weights = {k: float(np.sqrt(len(y) / 10 / many[k])) for k in range(10)}
    few = (x, y), held_out
    optimizer = optimizers.Adam(2e-3)
    return ready(small_convnet(), few, SPARSE, optimizer, 8, class_weight=weights)


@healthy("clothes-shirt-or-not", note="one in ten is a shirt, and hard to tell")
def shirts() -> Setup:
    shirt = data.with_targets(unseen_data.clothes(2000), lambda y: (y == 6) * 1.0)
    metrics = ("accuracy", keras.metrics.AUC(name="auc"))
    model = small_convnet(1, "sigmoid")
    return ready(model, shirt, BINARY, optimizers.Adam(2e-3), 5, metrics=metrics)


@healthy("clothes-labels-partly-wrong", note="a quarter wrong; a bounded loss")
def bounded() -> Setup:
    def bent(target: Any, forecast: Any) -> Any:
        right = ops.sum(target * forecast, axis=-1)
        return (1 - ops.power(right + 1e-6, 0.5)) / 0.5

    (x, y), (xv, yv) = data.one_hot(unseen_data.clothes(2000), 10)
    rng = np.random.default_rng(2)
    wrong = rng.random(len(y)) < 0.25
    y = np.where(wrong[:, None], np.eye(10)[rng.integers(0, 10, len(y))], y)
    clothes = (x, y.astype("float32")), (xv, yv)
    return ready(small_convnet(), clothes, bent, optimizers.Adam(2e-3), 5)


@healthy("clothes-which-way-up", note="turned by quarters; the turn is the label")
def turned() -> Setup:
    def turn(x: Any) -> Any:
        y = np.arange(len(x)) % 4
        turns = [np.rot90(picture, k) for picture, k in zip(x, y)]
        return np.stack(turns), y.astype("int32")

    (x, _), (xv, _) = unseen_data.clothes()
    both, optimizer = (turn(x), turn(xv)), optimizers.Adam(2e-3)
    return ready(small_convnet(4), both, SPARSE, optimizer, 6)


@healthy("boxes-kind-and-place", note="two heads: softmax, and a box by Huber's loss")
def detection() -> Setup:
    inputs = keras.Input((20, 20, 1))
    hidden = layers.Conv2D(12, 3, 2, activation="relu")(inputs)
    hidden = layers.Conv2D(24, 3, 2, activation="relu")(hidden)
    hidden = layers.Dense(64, "relu")(layers.Flatten()(hidden))
    outputs = {
        "kind": layers.Dense(2, "softmax", name="kind")(hidden),
        "box": layers.Dense(4, "sigmoid", name="box")(hidden),
    }
    model = keras.Model(inputs, outputs)
    loss = {"kind": SPARSE, "box": losses.Huber(0.1)}
    metrics = {"kind": ["accuracy"], "box": ["mae"]}
    weights = {"loss_weights": {"kind": 1.0, "box": 20.0}}
    pictures, optimizer = unseen_data.boxes(), optimizers.Adam(3e-3)
    return ready(
        model, pictures, loss, optimizer, 12, metrics=metrics, compiled=weights
    )


@healthy("cells-counted", note="how many dots there are; Poisson")
def counted() -> Setup:
    x, maps = unseen_data.cells()
    many = np.round(maps.sum((1, 2)))
    model = chain(
        (20, 20, 1),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.AveragePooling2D(4),
        layers.Conv2D(8, 1, activation="relu"),
        layers.Flatten(),
        layers.Dense(1, "softplus"),
    )
    pictures = data.split(x, many)
    return ready(model, pictures, "poisson", optimizers.Adam(0.01), 8, metrics=ERROR)


@healthy("cells-density-map", note="a map that sums to the count, times 100")
def density() -> Setup:
    x, maps = unseen_data.cells()
    conv = lambda n, size: layers.Conv2D(n, size, padding="same", activation="relu")
    model = chain((20, 20, 1), conv(8, 5), conv(8, 3), layers.Conv2D(1, 1))
    pictures = data.split(x, 100 * maps)
    return ready(model, pictures, "mse", optimizers.Adam(5e-3), 6, metrics=ERROR)


def dice_and_entropy(target: Any, forecast: Any) -> Any:
    """Mean cross-entropy of the pixels, and how little the classes overlap."""
    truth = ops.one_hot(ops.cast(target, "int32"), 3)
    shared = ops.sum(truth * forecast, (1, 2))
    total = ops.sum(truth, (1, 2)) + ops.sum(forecast, (1, 2))
    dice = 1 - ops.mean((2 * shared + 1) / (total + 1), axis=-1)
    pixels = losses.sparse_categorical_crossentropy(target, forecast)
    return dice + ops.mean(pixels, axis=(1, 2))


@healthy(
    "streets-dilated", note="three classes a pixel, holes in the kernels", own=False
)
@healthy("streets-dice-and-entropy", note="a loss of two parts", own=True)
def streets(own: bool) -> Setup:
    conv = lambda n, d: layers.Conv2D(
        n, 3, padding="same", activation="relu", dilation_rate=d
    )
    output = layers.Conv2D(3, 1, activation="softmax")
    model = chain((16, 16, 3), conv(12, 1), conv(12, 2), conv(12, 4), output)
    loss = dice_and_entropy if own else SPARSE
    optimizer = optimizers.Adam(3e-3)
    return ready(model, unseen_data.streets(), loss, optimizer, 10, 16)


@healthy("plates-three-softmaxes", note="an answer of 3 by 10, softmax along the last")
def plates() -> Setup:
    model = chain(
        (8, 24, 1),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(24, 3, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(64, "relu"),
        layers.Dense(30),
        layers.Reshape((3, 10)),
        layers.Softmax(),
    )
    return ready(model, unseen_data.plates(), SPARSE, optimizers.Adam(3e-3), 8)


@healthy(
    "photograph-sine-units", note="a picture as a function of place; no validation"
)
def sine_units() -> Setup:
    def layer(n: int, fan: int, first: bool = False) -> Any:
        reach = 1 / fan if first else math.sqrt(6 / fan) / 12
        start = keras.initializers.RandomUniform(-reach, reach)
        return layers.Dense(n, lambda x: ops.sin(12 * x), kernel_initializer=start)

    model = chain((2,), layer(48, 2, True), layer(48, 48), layers.Dense(1))
    places = unseen_data.photograph()
    optimizer = optimizers.Adam(2e-3)
    return ready(
        model, (places, places), "mse", optimizer, 25, metrics=ERROR, validate=False
    )


@healthy("photograph-fourier-features", note="fixed waves of the place, then ReLU")
def fourier() -> Setup:
    waves = np.random.default_rng(3).normal(0, 4, (2, 48))

    def lift(x: Any) -> Any:
        return np.concatenate([np.sin(x @ waves), np.cos(x @ waves)], 1).astype(
            "float32"
        )

    places = data.split(*unseen_data.photograph(), share=0.1)
    model, optimizer = dense(96, (64, 64), 1), optimizers.Adam(2e-3)
    lifted = data.with_inputs(places, lift)
    return ready(model, lifted, "mse", optimizer, 10, metrics=ERROR)


@healthy("petals-in-colour", note="colours of a photograph from its greys")
def colours() -> Setup:
    conv = lambda n: layers.Conv2D(n, 3, padding="same", activation="relu")
    output = layers.Conv2D(3, 1, activation="sigmoid")
    model = chain((12, 12, 1), conv(16), conv(16), output)
    patches = unseen_data.petals()
    return ready(model, patches, "mse", optimizers.Adam(5e-3), 6, 16, ERROR)


@healthy("petals-without-noise", note="the net says what to take away")
def cleaned() -> Setup:
    patches = unseen_data.petals(noise=0.1)
    patches = data.with_targets(patches, lambda y: y.mean(-1, keepdims=True))
    inputs = keras.Input((12, 12, 1))
    hidden = layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
    hidden = layers.Conv2D(16, 3, padding="same", activation="relu")(hidden)
    model = keras.Model(inputs, inputs - layers.Conv2D(1, 3, padding="same")(hidden))
    return ready(model, patches, "mse", optimizers.Adam(3e-3), 7, 16, ERROR)
