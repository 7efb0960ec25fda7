"""The user's train function gets the batches that were fetched, in its own trace."""

import gc
import threading
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_extras.backends.tensorflow import local_batches
from keras_extras.backends.tensorflow.hand_over import HandOver

ROWS = 11
rng = np.random.default_rng(0)
X = rng.normal(size=(ROWS, 6)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def slices(tensors, batch=4):
    return tf.data.Dataset.from_tensor_slices(tensors).batch(batch)


def ragged():
    values = tf.RaggedTensor.from_row_lengths(tf.range(17), [0, 5, 2, 4, 6])
    return slices((values, tf.range(5)), 2)


def ragged_strings():
    words = tf.ragged.constant([["a"], [], ["b", "c"]])
    return slices({"words": words, "length": words.row_lengths()}, 2)


def sparse():
    x = tf.sparse.from_dense(np.eye(5, dtype="float32"))
    return slices((x, tf.range(5)), 2)


def optional():
    spec = (tf.TensorSpec([None, 6]), tf.OptionalSpec(None))

    def generate():
        for start in (0, 4):
            yield X[start : start + 4], tf.experimental.Optional.empty(None)

    return tf.data.Dataset.from_generator(generate, output_signature=spec)


def full_optional():
    return tf.data.Dataset.range(3).map(
        lambda n: (n, tf.experimental.Optional.from_value((n, n + 1)))
    )


KINDS = {
    "tuple": lambda: slices((X, Y)),
    "one tensor": lambda: slices(X),
    "nested": lambda: slices(({"a": X, "b": (Y, X[:, 0])}, {"c": Y}, None)),
    "dtypes": lambda: slices(
        tuple(
            tf.cast(X * 3, dtype)
            for dtype in (
                *(tf.float16, tf.bfloat16, tf.float64, tf.complex64, tf.bool),
                *(tf.int8, tf.uint8, tf.int32, tf.int64),
            )
        )
    ),
    "strings": lambda: slices(tf.strings.as_string(X)),
    "scalars": lambda: tf.data.Dataset.range(3),
    "other lengths": lambda: tf.data.Dataset.range(1, 4).map(lambda n: tf.range(n)),
    "known shapes": lambda: slices((X, Y)).take(2).map(lambda x, y: (x[:3], y[:3])),
    "ragged": ragged,
    "ragged strings": ragged_strings,
    "sparse": sparse,
    "optional": optional,
    "full optional": full_optional,
}


class Consumer:
    """A function traced with an iterator, as Keras' is; it counts its traces."""

    def __init__(self):
        self.traces = 0
        self.function = tf.function(self.step, reduce_retracing=True)

    def step(self, iterator):
        self.traces += 1
        return iterator.get_next()

    def __call__(self, iterator):
        return self.function(iterator)


def plain(batch):
    """The numbers of a batch, whatever holds them."""
    if isinstance(batch, tf.experimental.Optional):
        return plain(batch.get_value()) if bool(batch.has_value()) else "nothing"
    if isinstance(batch, tf.SparseTensor):
        return [batch.indices.numpy().tolist(), batch.values.numpy().tolist()]
    if isinstance(batch, tf.RaggedTensor):
        return batch.to_list()
    if isinstance(batch, dict):
        return {name: plain(value) for name, value in batch.items()}
    if isinstance(batch, tuple | list):
        return [plain(value) for value in batch]
    return None if batch is None else [str(batch.dtype), batch.numpy().tolist()]


@pytest.fixture(params=["loaded", "queue"])
def way(request, monkeypatch):
    """The two ways in which batches are given: at first, and in the long run."""
    loads = 100 if request.param == "loaded" else 0
    monkeypatch.setattr(local_batches, "_LOADS_BEFORE_A_QUEUE", loads)
    return request.param


@pytest.mark.parametrize("kind", KINDS)
def test_each_batch_arrives_in_the_trace_that_is_there(kind, way):
    dataset = KINDS[kind]()
    expected = [plain(batch) for batch in dataset]
    assert len(expected) > 1
    consumer = Consumer()
    consumer(iter(dataset))
    iterator = iter(dataset)
    hand_over = HandOver(iterator)
    seen = []
    while (batches := hand_over.fetch((iterator,))) is not None:
        (again,) = hand_over.give(*batches)
        assert again.element_spec == iterator.element_spec
        seen.append(plain(consumer(again)))
    (other,) = hand_over.give_in_another_way(next(iter(dataset)))
    assert plain(consumer(other)) == expected[0]
    assert seen == expected
    assert consumer.traces == 1


def test_the_way_changes_and_the_batches_do_not():
    dataset = slices(X, 1).repeat(5)
    consumer = Consumer()
    iterator = iter(dataset)
    hand_over = HandOver(iterator)
    given = set()
    for expected in dataset:
        (again,) = hand_over.give(*hand_over.fetch((iterator,)))
        given.add(id(again))
        np.testing.assert_array_equal(consumer(again), expected)
    assert len(given) == 2
    assert consumer.traces == 1


def test_tensors_are_not_copied(way):
    iterator = iter(slices(tf.zeros([8, 1000])))
    hand_over = HandOver(iterator)
    (batch,) = hand_over.fetch((iterator,))
    (again,) = hand_over.give(batch)
    address = batch.numpy().__array_interface__["data"]
    assert again.get_next().numpy().__array_interface__["data"] == address


def test_after_the_batches_comes_an_end_and_more_may_follow(way):
    iterator = iter(slices(X, 2))
    hand_over = HandOver(iterator)
    first, second, third = hand_over.fetch((iterator,), 3)
    for batches in ((first, second), (), (third,), (), ()):
        (again,) = hand_over.give(*batches)
        for batch in batches:
            np.testing.assert_array_equal(again.get_next(), batch)
        assert not again.get_next_as_optional().has_value()
        with pytest.raises(tf.errors.OutOfRangeError):
            again.get_next()


def test_the_end_of_the_data():
    iterator = iter(slices(X, 4))
    hand_over = HandOver(iterator)
    assert [len(hand_over.fetch((iterator,), 2)) for _ in range(2)] == [2, 1]
    assert hand_over.fetch((iterator,), 2) is None
    assert hand_over.error is None


def test_it_knows_what_it_was_made_for():
    hand_over = HandOver(iter(slices(X)))
    assert hand_over.fits(iter(slices(X)))
    assert hand_over.fits(iter(slices(X, 3)))
    assert not hand_over.fits(iter(slices(X).map(lambda x: x[:, :2])))
    assert not hand_over.fits(iter([X]))


def fails_at(number):
    def check(n):
        return tf.debugging.check_numerics(1 / (n - number), "bad row")

    return tf.data.Dataset.range(4).map(lambda n: tf.cast(n, "float32")).map(check)


@pytest.mark.parametrize("place", [0, 1])
def test_what_the_pipeline_raises_comes_after_the_batches_before_it(place):
    iterator = iter(fails_at(place))
    hand_over = HandOver(iterator)
    assert len(hand_over.fetch((iterator,), 3)) == place
    met = []

    def own(iterator):
        with pytest.raises(tf.errors.FailedPreconditionError):
            iterator.get_next()
        met.append(iterator)
        raise RuntimeError("as the user's function would")

    with pytest.raises(tf.errors.InvalidArgumentError, match="bad row"):
        hand_over.raise_error(own)
    assert len(met) == 1
    assert hand_over.error is None


def test_an_iterator_outlives_its_hand_over(way):
    iterator = iter(slices(X))
    hand_over = HandOver(iterator)
    (batch,) = hand_over.fetch((iterator,))
    (again,) = hand_over.give(batch)
    del hand_over
    gc.collect()
    np.testing.assert_array_equal(again.get_next(), batch)


def test_nothing_is_left_of_a_hand_over(way):
    dataset = slices(X)

    def use():
        iterator = iter(dataset)
        hand_over = HandOver(iterator)
        (batch,) = hand_over.fetch((iterator,))
        (again,) = hand_over.give(batch)
        again.get_next_as_optional()
        hand_over.give(batch)  # which nobody takes
        return [weakref.ref(part) for part in (hand_over, again, batch)]

    use()
    threads = threading.active_count()
    left = [part for _ in range(20) for part in use()]
    gc.collect()
    assert not [part for part in left if part() is not None]
    assert threading.active_count() == threads


class Swap(keras.callbacks.Callback):
    """Hands each batch over by way of us."""

    def __init__(self, give):
        super().__init__()
        self.give = give
        self.hand_over = None
        self.batches = 0

    def on_train_begin(self, logs=None):
        own = self.model.train_function

        def train(iterator):
            self.hand_over = self.hand_over or HandOver(iterator)
            steps = self.model.steps_per_execution
            batches = self.hand_over.fetch((iterator,), steps)
            if batches is None:
                return own(iterator)
            self.batches += len(batches)
            return self.give(own, self.hand_over, batches)

        self.own = own
        self.model.train_function = train

    def on_train_end(self, logs=None):
        self.model.train_function = self.own


def together(own, hand_over, batches):
    return own(*hand_over.give(*batches))


def one_by_one(own, hand_over, batches):
    for batch in batches:
        logs = own(*hand_over.give(batch))
    return logs


def in_another_way(own, hand_over, batches):
    return own(*hand_over.give_in_another_way(*batches))


def numbers_model():
    inputs = keras.Input((6,))
    x = layers.Dense(8)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.3)(layers.ReLU()(x))
    return keras.Model(inputs, layers.Dense(1)(x))


def sparse_model():
    inputs = keras.Input((5,), sparse=True)
    return keras.Model(inputs, layers.Dense(1)(layers.Dense(4)(inputs)))


class RaggedModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.embed = layers.Embedding(20, 4)
        self.head = layers.Dense(1)

    def call(self, x):
        return self.head(tf.reduce_mean(self.embed(x.to_tensor()), axis=1))


def generator():
    for _ in range(2):
        for start in (0, 4, 8):
            yield X[start : start + 4], Y[start : start + 4], None


ONES = np.ones((5, 1), "float32")
TRAININGS = {
    "known length": (numbers_model, lambda: {"x": slices((X, Y)).shuffle(3, seed=1)}),
    "arrays": (numbers_model, lambda: {"x": X, "y": Y, "batch_size": 4}),
    "unknown length": (
        numbers_model,
        lambda: {"x": slices((X, Y)).filter(lambda x, y: True)},
    ),
    "optional weights": (numbers_model, lambda: {"x": generator()}),
    "sparse": (
        sparse_model,
        lambda: {
            "x": tf.data.Dataset.zip(sparse().map(lambda x, _: x), slices(ONES, 2))
        },
    ),
    "ragged": (
        RaggedModel,
        lambda: {
            "x": tf.data.Dataset.zip(ragged().map(lambda x, _: x), slices(ONES, 2))
        },
    ),
}


def train(name, steps, compiled, callbacks):
    make, data = TRAININGS[name]
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(3)
    model = make()
    model.compile(
        "sgd" if compiled else "adam",
        "mse",
        metrics=["mae"],
        steps_per_execution=steps,
        jit_compile=compiled,
    )
    traces = []
    step = model.train_step

    def counted(batch):
        traces.append(1)
        return step(batch)

    model.train_step = counted
    epochs = 1 if name == "optional weights" else 2
    history = model.fit(
        **data(), epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks
    )
    state = [np.array(v.value) for v in model.variables]
    return [*state, *history.history.values()], len(traces)


# Of Keras, at the end of data whose length it does not know.
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize(
    ("name", "steps", "compiled", "ways"),
    [
        ("known length", 1, False, (together, in_another_way)),
        ("known length", 2, False, (together, one_by_one, in_another_way)),
        ("known length", 2, True, (one_by_one,)),
        ("arrays", 1, False, (together,)),
        ("unknown length", 1, False, (together,)),
        ("unknown length", 2, False, (one_by_one,)),
        ("optional weights", 2, False, (one_by_one,)),
        ("sparse", 1, False, (together,)),
        ("ragged", 2, False, (together,)),
    ],
)
def test_a_training_stays_the_same_to_the_bit(name, steps, compiled, ways, monkeypatch):
    monkeypatch.setattr(local_batches, "_LOADS_BEFORE_A_QUEUE", 2)
    theirs, their_traces = train(name, steps, compiled, [])
    for way in ways:
        swap = Swap(way)
        ours, our_traces = train(name, steps, compiled, [swap])
        assert swap.batches == 6
        assert our_traces == their_traces
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs):
            np.testing.assert_array_equal(mine, other)
