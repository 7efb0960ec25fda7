"""After published programs: texts and other sequences of symbols."""

from __future__ import annotations

import functools
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
from faults.build import ready
from faults.build import said_of
from faults.case import Setup
from faults.programs_parts import HIGH
from faults.programs_parts import IDLE
from faults.programs_parts import LABELS
from faults.programs_parts import LOW
from faults.programs_parts import TIGHT
from faults.programs_parts import WILD
from faults.programs_parts import Places
from faults.programs_parts import accuracy_score
from faults.programs_parts import encoder_block
from faults.programs_parts import faulty
from faults.programs_parts import healthy

layers = keras.layers
optimizers = keras.optimizers
Adam = optimizers.Adam
LOGITS = functools.partial(keras.losses.SparseCategoricalCrossentropy, from_logits=True)


@healthy("program-bag-of-words", note="counts of words, two dense layers")
@faulty(
    "program-bag-of-words-one-side-first",
    "unshuffled-data",
    ("overfitting", "validation-differs"),
    twin="program-bag-of-words",
    ordered=True,
)
def bag(ordered: bool = False) -> Setup:
    (x, y), (xv, yv) = fresh_data.reviews()
    count = lambda x: np.stack([np.bincount(r, minlength=300) for r in x])[:, 1:]
    x, y = count(x).astype("float32"), y
    if ordered:
        order = np.argsort(y, kind="stable")
        x, y = x[order], y[order]
    model = chain(
        (299,),
        layers.Dense(16, "relu"),
        layers.Dense(16, "relu"),
        layers.Dense(1, "sigmoid"),
    )
    rows = (x, y), (count(xv).astype("float32"), yv)
    made = ready(model, rows, BINARY, optimizers.RMSprop(1e-3), 8, validate=not ordered)
    if ordered:
        made.fit["validation_split"] = 0.4
    made.score = accuracy_score(*rows[1])
    return made


@healthy("program-bidirectional", note="padded in front; two directions of LSTM")
@faulty(
    "program-bidirectional-labels-mixed",
    LABELS,
    (IDLE, "overfitting"),
    twin="program-bidirectional",
    mixed=True,
)
def bidirectional(mixed: bool = False) -> Setup:
    (x, y), held_out = fresh_data.reviews()
    y = np.random.default_rng(1).permutation(y) if mixed else y
    model = chain(
        (30,),
        layers.Embedding(300, 16),
        layers.Bidirectional(layers.LSTM(12)),
        layers.Dense(1, "sigmoid"),
    )
    return ready(model, ((x, y), held_out), BINARY, Adam(4e-3), 5)


@healthy(
    "program-text-convolutions", note="convolutions, the greatest of each, dropout"
)
@faulty(
    "program-text-convolutions-rate-of-2",
    HIGH,
    WILD,
    twin="program-text-convolutions",
    rate=2.0,
)
@faulty(
    "program-text-convolutions-penalty",
    TIGHT,
    (IDLE, "dominant-loss-term"),
    twin="program-text-convolutions",
    penalty=1.0,
)
def text_convolutions(rate: float = 3e-3, penalty: float = 0.0) -> Setup:
    held = keras.regularizers.L2(penalty) if penalty else None
    model = chain(
        (30,),
        layers.Embedding(300, 16),
        layers.Conv1D(24, 5, activation="relu", kernel_regularizer=held),
        layers.GlobalMaxPooling1D(),
        layers.Dense(16, "relu", kernel_regularizer=held),
        layers.Dropout(0.3),
        layers.Dense(1, "sigmoid"),
    )
    return ready(model, fresh_data.reviews(), BINARY, Adam(rate), 7)


@healthy("program-text-transformer", note="one block, mean of all words")
@faulty(
    "program-text-transformer-rate-of-a-half",
    HIGH,
    WILD,
    twin="program-text-transformer",
    rate=0.5,
)
def text_transformer(rate: float = 2e-3) -> Setup:
    inputs = keras.Input((30,), dtype="int32")
    h = Places()(layers.Embedding(300, 16)(inputs))
    h = layers.GlobalAveragePooling1D()(encoder_block(h))
    h = layers.Dense(12, "relu")(layers.Dropout(0.1)(h))
    model = keras.Model(inputs, layers.Dense(2, "softmax")(h))
    return ready(model, fresh_data.reviews(), SPARSE, Adam(rate), 6)


def tags() -> Any:
    return fresh_data.tagged()


@healthy("program-named-entities", note="a tag for each word; padding does not count")
@faulty(
    "program-named-entities-one-off",
    LABELS,
    (IDLE, "overfitting"),
    twin="program-named-entities",
    shift=1,
    note="tags begin with the second word",
)
def entities(shift: int = 0) -> Setup:
    (x, y), (xv, yv) = tags()
    turned = np.roll(y, shift, 1)
    inputs = keras.Input((12,), dtype="int32")
    h = layers.Embedding(60, 16)(inputs)
    h = layers.Conv1D(24, 1 if shift else 2, padding="same", activation="relu")(h)
    model = keras.Model(inputs, layers.Dense(4, "softmax")(h))

    def loss(target: Any, said: Any) -> Any:
        each = keras.losses.sparse_categorical_crossentropy(target, said)
        known = ops.cast(target >= 0, each.dtype)
        return ops.sum(each * known) / ops.sum(known)

    rows = (x, turned), (xv, np.roll(yv, shift, 1))
    made = ready(model, rows, loss, Adam(6e-3), 10)
    made.score = accuracy_score(xv, yv)
    return made


@functools.cache
def sums(n: int = 1800) -> Any:
    """Sums of two digits as symbols, "3+9", and their results, "12"."""
    rng = np.random.default_rng(82)
    a, b = rng.integers(0, 10, (2, n))
    x = np.stack([a, np.full(n, 10), b], 1)
    y = np.stack([(a + b) // 10, (a + b) % 10], 1)
    code = np.eye(11, dtype="float32")
    return data.split(code[x], y.astype("int32"))


@healthy("program-sums-as-text", note="encoder, repeated, decoder; one-hot letters")
@faulty(
    "program-sums-as-text-sgd",
    LOW,
    (IDLE,),
    twin="program-sums-as-text",
    slow=True,
)
def sums_as_text(slow: bool = False) -> Setup:
    model = chain(
        (3, 11),
        layers.LSTM(48),
        layers.RepeatVector(2),
        layers.LSTM(48, return_sequences=True),
        layers.Dense(10, "softmax"),
    )
    optimizer = optimizers.SGD(1e-3) if slow else Adam(0.01)
    return ready(model, sums(), SPARSE, optimizer, 8)


def translation_model(mask: bool = True) -> Any:
    inputs = keras.Input((5,), dtype="int32", name="text")
    before = keras.Input((5,), dtype="int32", name="before")
    memory = Places()(layers.Embedding(12, 24)(inputs))
    h = Places()(layers.Embedding(13, 24)(before))
    own = layers.MultiHeadAttention(2, 12)(h, h, use_causal_mask=mask)
    h = layers.LayerNormalization()(h + own)
    seen = layers.MultiHeadAttention(2, 12)(h, memory)
    h = layers.LayerNormalization()(h + seen)
    h = layers.LayerNormalization()(h + layers.Dense(24)(layers.Dense(48, "relu")(h)))
    return keras.Model({"text": inputs, "before": before}, layers.Dense(12)(h))


@healthy("program-translation", note="cross attention; the decoder is a word behind")
@faulty(
    "program-translation-not-behind",
    "leaked-target",
    twin="program-translation",
    behind=False,
    note="the decoder is fed the word it is to say",
)
def translation(behind: bool = True) -> Setup:
    rng = np.random.default_rng(83)
    x = rng.integers(0, 12, (1500, 5))
    book = rng.permutation(12)
    y = book[x[:, ::-1]]
    before = np.concatenate([np.full((1500, 1), 12), y[:, :-1]], 1)
    fed = before if behind else y
    cut = 1200
    take = lambda part, fed: {"text": x[part], "before": fed[part]}
    rows = (
        (take(slice(cut), fed), y[:cut]),
        (take(slice(cut, None), fed), y[cut:]),
    )
    made = ready(translation_model(), rows, LOGITS(), Adam(5e-3), 7)
    made.score = accuracy_score(take(slice(cut, None), before), y[cut:])
    return made


@functools.cache
def rhyme(length: int = 13) -> Any:
    """Windows of the letters of a rhyme."""
    text = fresh_data.RHYME * 5
    names = sorted(set(text))
    codes = np.array([names.index(letter) for letter in text], "int32")
    x = np.stack([codes[i : i + length] for i in range(len(codes) - length)])
    return np.random.default_rng(1).permutation(x), len(names)


@healthy("program-miniature-gpt", note="the next letter at each place")
@faulty(
    "program-miniature-gpt-no-mask",
    "leaked-target",
    twin="program-miniature-gpt",
    causal=False,
)
@faulty(
    "program-miniature-gpt-no-shift",
    "target-equals-input",
    twin="program-miniature-gpt",
    shift=0,
)
def miniature(causal: bool = True, shift: int = 1) -> Setup:
    x, letters = rhyme()
    inputs = keras.Input((12,), dtype="int32")
    h = Places()(layers.Embedding(letters, 24)(inputs))
    h = encoder_block(h, causal=causal)
    model = keras.Model(inputs, layers.Dense(letters)(h))
    pair = lambda x: (x[:, :-1], x[:, shift : shift + 12])
    rows = pair(x[:400]), pair(x[400:])
    made = ready(model, rows, LOGITS(), Adam(8e-3), 12)

    def score(model: Any, history: Any) -> float:
        """Foretells the seventh letter, the later ones not being there yet."""
        seen = x[400:, :-1].copy()
        seen[:, 7:] = 0
        said = said_of(model, seen)[:, 6].argmax(-1)
        return float(np.mean(said == x[400:, 7]))

    made.score = score
    return made


@healthy("program-tied-embeddings", note="words are looked up and scored by one table")
def tied() -> Setup:
    x, letters = rhyme()
    table = layers.ReversibleEmbedding(letters, 24)
    inputs = keras.Input((12,), dtype="int32")
    h = layers.GRU(24, return_sequences=True)(table(inputs))
    model = keras.Model(inputs, table(layers.Dense(24)(h), reverse=True))
    rows = (x[:400, :-1], x[:400, 1:]), (x[400:, :-1], x[400:, 1:])
    return ready(model, rows, LOGITS(), Adam(0.01), 12)


@healthy("program-letters-lstm", note="one-hot letters, the next one, temperature")
@faulty(
    "program-letters-lstm-of-relu",
    HIGH,
    WILD,
    twin="program-letters-lstm",
    rate=0.5,
    note="a rate fifty times the usual",
)
def letters_lstm(rate: float = 0.01) -> Setup:
    x, letters = rhyme()
    code = np.eye(letters, dtype="float32")
    model = chain((12, letters), layers.LSTM(32), layers.Dense(letters, "softmax"))
    rows = (code[x[:400, :-1]], x[:400, -1]), (code[x[400:, :-1]], x[400:, -1])
    return ready(model, rows, SPARSE, optimizers.RMSprop(rate), 14)


@healthy("program-masked-words", note="an eighth is hidden; only those count")
def masked_words() -> Setup:
    x, letters = rhyme()
    rng = np.random.default_rng(84)
    hidden = rng.random(x.shape) < 0.15
    seen, weight = np.where(hidden, letters, x), hidden.astype("float32")
    inputs = keras.Input((13,), dtype="int32")
    h = encoder_block(Places()(layers.Embedding(letters + 1, 24)(inputs)))
    model = keras.Model(inputs, layers.Dense(letters, "softmax")(h))
    rows = (seen[:400], x[:400]), (seen[400:], x[400:], weight[400:])
    only = {"weighted_metrics": ["accuracy"]}
    made = ready(model, rows, SPARSE, Adam(8e-3), 20, metrics=(), compiled=only)
    made.fit["sample_weight"] = weight[:400]
    return made


@healthy("program-skip-grams", note="two tables, a dot product, negative samples")
@faulty(
    "program-skip-grams-no-negatives",
    (LABELS, "imbalanced-classes"),
    (IDLE, "leaked-target"),
    twin="program-skip-grams",
    negatives=False,
    note="all pairs are true ones: the answer is always yes",
)
def skip_grams(negatives: bool = True) -> Setup:
    rng = np.random.default_rng(85)
    group = rng.integers(0, 6, (4000, 1))
    words = 10 * group + rng.integers(0, 10, (4000, 2))
    y = np.ones(4000)
    y[::2] = 0
    random = rng.integers(0, 60, 2000)
    pairs = words.copy()
    pairs[::2, 1] = random
    rows = data.split(pairs.astype("int32"), y.astype("float32"))
    clean = rows[1]
    if not negatives:
        rows = data.split(words.astype("int32"), np.ones(4000, "float32"))
    inputs = keras.Input((2,), dtype="int32")
    one = layers.Embedding(60, 8, name="word")(inputs[:, 0])
    two = layers.Embedding(60, 8, name="context")(inputs[:, 1])
    model = keras.Model(inputs, layers.Activation("sigmoid")(layers.Dot(1)([one, two])))
    made = ready(model, rows, BINARY, Adam(0.01), 7, 64)
    made.score = accuracy_score(*clean)
    return made


@healthy("program-padded-behind", note="recurrent, padding masked")
@faulty(
    "program-padded-behind-not-masked",
    "padding-not-masked",
    (IDLE,),
    twin="program-padded-behind",
    masked=False,
)
def padded(masked: bool = True) -> Setup:
    rng = np.random.default_rng(86)
    (x, y), (xv, yv) = data.tokens(classes=3)

    def fill(x: Any) -> Any:
        sizes = rng.integers(14, 21, (len(x), 1))
        x = np.where(np.arange(20) < sizes, x, 0)
        return np.pad(x, ((0, 0), (0, 40)))

    rows = (fill(x), y), (fill(xv), yv)
    model = chain(
        (60,),
        layers.Embedding(100, 12, mask_zero=masked),
        layers.SimpleRNN(16),
        layers.Dense(3, "softmax"),
    )
    return ready(model, rows, SPARSE, Adam(3e-3), 8)


@healthy("program-alike-sentences", note="one tower, cosine, in batches against all")
def alike() -> Setup:
    class InBatch(keras.Model):
        """Each row's partner must be the nearest of the batch."""

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **k: Any
        ) -> Any:
            one, two = ops.normalize(y_pred[:, 0]), ops.normalize(y_pred[:, 1])
            near = ops.matmul(one, ops.transpose(two)) * 8.0
            right = ops.arange(ops.shape(near)[0])
            each = keras.losses.sparse_categorical_crossentropy(right, near, True)
            return ops.mean(each)

    rng = np.random.default_rng(87)
    kind = rng.integers(0, 30, (1200, 1, 1))
    x = np.where(
        rng.random((1200, 2, 8)) < 0.5,
        3 * kind + rng.integers(0, 3, (1200, 2, 8)),
        rng.integers(0, 90, (1200, 2, 8)),
    ).astype("int32")
    inputs = keras.Input((2, 8), dtype="int32")
    h = ops.mean(layers.Embedding(90, 16)(inputs), 2)
    model = InBatch(inputs, layers.Dense(16)(h))
    rows = (x[:1136], np.zeros(1136, "float32")), (x[1136:], np.zeros(64, "float32"))
    made = ready(model, rows, None, Adam(5e-3), 6, 32, None)
    made.fit["validation_batch_size"] = 32
    return made


@healthy("program-subword-averages", note="a bag of hashed pairs of letters")
def subwords() -> Setup:
    (x, y), (xv, yv) = unseen_data.names()
    pairs = lambda x: (x[:, :-1] * 31 + x[:, 1:]) % 150
    model = chain(
        (13,),
        layers.Embedding(150, 16),
        layers.GlobalAveragePooling1D(),
        layers.Dense(4, "softmax"),
    )
    return ready(model, ((pairs(x), y), (pairs(xv), yv)), SPARSE, Adam(0.01), 10)


@healthy("program-fourier-text", note="a Fourier transform in place of attention")
def fourier() -> Setup:
    class Mixed(layers.Layer):
        def call(self, x: Any) -> Any:
            real, _ = ops.fft2((x, ops.zeros_like(x)))
            return real / 20.0

    (x, y), held_out = data.tokens(classes=3)
    inputs = keras.Input((20,), dtype="int32")
    h = Places()(layers.Embedding(100, 16)(inputs))
    h = layers.LayerNormalization()(h + Mixed()(h))
    h = layers.LayerNormalization()(h + layers.Dense(16)(layers.Dense(32, "relu")(h)))
    h = layers.GlobalAveragePooling1D()(h)
    model = keras.Model(inputs, layers.Dense(3, "softmax")(h))
    return ready(model, ((x, y), held_out), SPARSE, Adam(4e-3), 8)


@healthy("program-switched-experts", note="each word goes to the better of two nets")
def switched() -> Setup:
    class Switch(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.gate = layers.Dense(2, "softmax")
            self.nets = [layers.Dense(16, "relu"), layers.Dense(16, "relu")]

        def call(self, x: Any) -> Any:
            share = self.gate(x)
            best = ops.one_hot(ops.argmax(share, -1), 2) * share
            self.add_loss(0.01 * ops.sum(ops.square(ops.mean(share, (0, 1)))))
            return sum(best[..., i : i + 1] * n(x) for i, n in enumerate(self.nets))

    (x, y), held_out = data.tokens(classes=3)
    inputs = keras.Input((20,), dtype="int32")
    h = layers.Embedding(100, 16)(inputs)
    h = layers.LayerNormalization()(h + Switch()(h))
    h = layers.Dropout(0.2)(layers.GlobalAveragePooling1D()(h))
    model = keras.Model(inputs, layers.Dense(3, "softmax")(h))
    return ready(model, ((x, y), held_out), SPARSE, Adam(5e-3), 8)
