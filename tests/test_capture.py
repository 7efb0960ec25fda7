"""A few rows of the batches of sampled steps reach the host as they were."""

import keras
import numpy as np
import pytest
from backend_in_use import JIT
from backend_in_use import WritesVariables
from keras import layers
from keras import ops

from keras_extras.callbacks import TrainingDiagnostics

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype("float32")
Y = RNG.integers(0, 3, 40)


def model(**settings):
    keras.utils.set_random_seed(0)
    built = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(4, "relu", kernel_regularizer=keras.regularizers.L2(0.5)),
            layers.Dense(3, "softmax"),
        ]
    )
    known = {"jit_compile": JIT}
    built.compile("sgd", "sparse_categorical_crossentropy", **{**known, **settings})
    return built


def batches_of(trained, x=X, y=Y, **arguments):
    diagnostics = TrainingDiagnostics(every=1, verbose=0)
    known = {"batch_size": 16, "shuffle": False, "verbose": 0}
    trained.fit(x, y, callbacks=[diagnostics], **{**known, **arguments})
    seen = diagnostics.observations
    return [*seen.early, *seen.recent]


@pytest.mark.parametrize(
    "settings", [{}, {"jit_compile": True}, {"run_eagerly": True}], ids=str
)
def test_rows_are_those_of_the_batch(settings):
    trained = model(**settings)
    weights = trained.get_weights()
    found = batches_of(trained)
    assert [b.step for b in found] == [0, 1, 2]
    for place, batch in enumerate(found):
        rows = slice(16 * place, 16 * place + 16)
        np.testing.assert_array_equal(batch.inputs[0].values, X[rows])
        np.testing.assert_array_equal(batch.targets[0].values[:, 0], Y[rows])
    fresh = model()
    fresh.set_weights(weights)
    expected = ops.convert_to_numpy(fresh(X[:16]))
    np.testing.assert_allclose(found[0].predictions[0].values, expected, rtol=1e-5)
    data = keras.losses.sparse_categorical_crossentropy(Y[:16], expected)
    penalty = 0.5 * np.sum(weights[0] ** 2)
    np.testing.assert_allclose(found[0].penalty, penalty, rtol=1e-5)
    np.testing.assert_allclose(found[0].loss, ops.mean(data) + penalty, rtol=1e-5)


def test_weights_of_rows_are_noticed():
    assert not any(batch.weighted for batch in batches_of(model()))
    found = batches_of(model(), class_weight={0: 1.0, 1: 5.0, 2: 1.0})
    assert all(batch.weighted for batch in found)


def test_several_inputs_and_targets():
    one, two = keras.Input((6,), name="one"), keras.Input((2, 3), name="two")
    both = layers.Concatenate()([one, layers.Flatten()(two)])
    outputs = {"a": layers.Dense(1)(both), "b": layers.Dense(2)(both)}
    trained = keras.Model({"one": one, "two": two}, outputs)
    trained.compile("sgd", {"a": "mse", "b": "mae"}, jit_compile=JIT)
    x = {"one": X, "two": X.reshape(40, 2, 3)}
    y = {"a": X[:, :1], "b": X[:, :2]}
    (first, *_) = batches_of(trained, x, y)
    assert [t.shape for t in first.inputs] == [(6,), (2, 3)]
    np.testing.assert_array_equal(first.inputs[1].values, X[:16])
    np.testing.assert_array_equal(first.targets[1].values, X[:16, :2])
    assert len(first.predictions) == 2


def test_sequences_of_any_length_and_integers():
    tokens = np.arange(40 * 5).reshape(40, 5) % 11
    trained = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(11, 4),
            layers.GlobalAveragePooling1D(),
            layers.Dense(3, "softmax"),
        ]
    )
    trained.compile("sgd", "sparse_categorical_crossentropy", jit_compile=JIT)
    (first, *_) = batches_of(trained, tokens)
    assert first.inputs[0].dtype.startswith("int")
    np.testing.assert_array_equal(first.inputs[0].values[:, :5], tokens[:16])


def test_large_rows_are_thinned_out():
    images = RNG.normal(size=(8, 40, 40, 3)).astype("float32")
    trained = keras.Sequential([keras.Input((40, 40, 3)), layers.Flatten()])
    trained.add(layers.Dense(1))
    trained.compile("sgd", "mse", jit_compile=JIT)
    (first, *_) = batches_of(trained, images, np.zeros((8, 1)))
    flat = images.reshape(8, -1)
    step = flat.shape[1] // 1024
    np.testing.assert_array_equal(first.inputs[0].values, flat[:, ::step][:, :1024])


def test_step_of_ones_own_shows_nothing_and_trains_on():
    class Own(WritesVariables):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.dense(x)

        def learn(self, data):
            return {"loss": ops.mean(self(data[0]))}

    trained = Own()
    trained.compile("sgd", jit_compile=JIT)
    assert batches_of(trained) == []


def test_failure_to_look_ends_no_training(monkeypatch):
    from keras_extras.inspection import decode

    def broken(*arguments):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(decode, "_features", broken)
    with pytest.warns(UserWarning, match="ZeroDivisionError: a defect"):
        assert batches_of(model()) == []
