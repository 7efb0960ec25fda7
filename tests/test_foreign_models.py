"""Sampling of models as others build them: own cells, states, steps and layers."""

import warnings

import keras
import numpy as np
import pytest
from backend_in_use import only_on
from keras import layers
from mc_models import called
from mc_models import rows
from mc_models import sequential

from keras_extras.uncertainty import mc_dropout
from keras_extras.uncertainty import mc_predict
from keras_extras.uncertainty import to_mc

BACKEND = keras.backend.backend()


class DropsInEachStep(layers.Layer):
    """A recurrent cell with a dropout layer inside it."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.state_size = units
        self.drop = layers.Dropout(0.5)

    def call(self, inputs, states, training=False):
        output = self.drop(inputs, training=training)
        return output, [output]


class WithGenerator(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(0)

    def call(self, x, training=False):
        return keras.random.dropout(x, 0.5, seed=self.generator) if training else x


class WithoutGenerator(layers.Layer):
    def call(self, x, training=False):
        return keras.random.dropout(x, 0.5) if training else x


def variables_of(model):
    states = [s for x in model.layers for s in getattr(x, "states", None) or []]
    return [np.array(v) for v in [*model.variables, *states]]


def test_dropout_within_a_cell_draws_anew_in_each_step_and_sample():
    cell = layers.RNN(DropsInEachStep(), return_sequences=True)
    model = sequential(cell, shape=(6, 4))
    ones = np.ones((5, 6, 4), "float32")
    found = mc_predict(model, ones, 40, seed=0, return_samples=True).samples_array
    assert set(np.unique(found)) == {0.0, 2.0}
    for axis in (0, 1, 2):  # samples, rows, steps
        moved = np.moveaxis(found, axis, 0)
        assert 0.4 < np.mean(moved[1:] == moved[:-1]) < 0.6
    again = mc_predict(model, ones, 40, seed=0, return_samples=True).samples_array
    np.testing.assert_array_equal(found, again)


def test_a_recurrent_layer_may_be_called_twice():
    shared = layers.RNN(DropsInEachStep(), return_sequences=True)
    one, other = keras.Input((6, 4)), keras.Input((6, 4))
    model = keras.Model([one, other], [shared(one), shared(other)])
    ones = np.ones((5, 6, 4), "float32")
    found = mc_predict(model, [ones, ones], 20, seed=0, return_samples=True)
    first, second = (each.samples_array for each in found)
    assert 0.4 < np.mean(first == second) < 0.6


@pytest.mark.parametrize("first", [True, False])
def test_a_stateful_model_goes_on_from_batch_to_batch(first):
    keras.utils.set_random_seed(0)
    stack = [layers.Dropout(0.001), layers.LSTM(8, stateful=True)]
    inputs = keras.Input(batch_shape=(4, 5, 3))
    x = inputs
    for layer in stack if first else stack[::-1]:
        x = layer(x)
    model = keras.Model(inputs, layers.Dense(1)(x))
    data = rows(12, 5, 3)
    lstm = stack[1]
    # Batch by batch: Keras' own `predict` forgets the state on JAX.
    plain = np.concatenate([called(model, data[k : k + 4]) for k in (0, 4, 8)])
    lstm.reset_states()
    before = variables_of(model)
    mean = mc_predict(model, data, 30, seed=0, batch_size=4).mean
    np.testing.assert_allclose(mean, plain, atol=0.03)
    for old, new in zip(before, variables_of(model)):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(ValueError, match="`tolerance`"):
        mc_predict(model, data, 30, tolerance=0.1, batch_size=4)


@only_on("tensorflow", "torch", because="on JAX a step returns variables too")
def test_a_predict_step_of_ones_own_is_used():
    class InCents(keras.Model):
        def predict_step(self, data):
            return super().predict_step(data) * 100.0

    inputs = keras.Input((6,))
    hidden = layers.Dropout(0.01)(layers.Dense(8)(inputs))
    model = InCents(inputs, layers.Dense(1)(hidden))
    plain = model.predict(rows(8, 6), verbose=0)
    mean = mc_predict(model, rows(8, 6), 30, seed=0).mean
    np.testing.assert_allclose(mean, plain, atol=0.2 * np.abs(plain).max())
    with pytest.raises(ValueError, match="`strategy`"):
        mc_predict(model, rows(8, 6), 30, strategy="cached")


def test_a_model_that_must_run_eagerly_is_sampled():
    class ReadsValues(keras.Model):
        def __init__(self):
            super().__init__()
            self.drop = layers.Dropout(0.5)

        def call(self, x, training=False):
            factor = 2.0 if float(keras.ops.convert_to_numpy(x).mean()) > 0 else 1.0
            return self.drop(x * factor, training=training)

    model, x = ReadsValues(), np.ones((8, 6), "float32")
    model(x)
    model.compile("sgd", "mse", run_eagerly=True)
    found = mc_predict(model, x, 5, seed=0, return_samples=True)
    assert set(np.unique(found.samples_array)) == {0.0, 4.0}


def two_outputs():
    inputs = keras.Input((6,))
    hidden = layers.Dropout(0.3)(layers.Dense(8)(inputs))
    heads = {"classes": layers.Dense(4)(hidden), "value": layers.Dense(2)(hidden)}
    return keras.Model(inputs, heads)


def test_each_output_gets_its_own_activation_and_variance():
    model, x = two_outputs(), rows(8, 6)
    plain = mc_predict(model, x, 5, seed=0)
    found = mc_predict(model, x, 5, seed=0, activation={"classes": "softmax"})
    np.testing.assert_allclose(found["classes"].mean.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(found["value"].mean, plain["value"].mean, atol=1e-6)
    for variance in ("log_variance", {"value": "log_variance"}):
        found = mc_predict(model, x, 5, seed=0, variance=variance)
        assert found["classes"].mean.shape == (8, 4)
        assert found["value"].total_variance.shape == (8, 1)
    for argument, value in (("activation", "softmax"), ("variance", "variance")):
        with pytest.raises(ValueError, match=f"`{argument}`.*'clases'"):
            mc_predict(model, x, 5, **{argument: {"clases": value}})


@pytest.mark.parametrize("names", [None, [WithoutGenerator], [WithGenerator]])
def test_an_own_layer_is_random_or_the_error_names_the_output(names):
    kind = names[0] if names else WithGenerator
    if BACKEND == "jax" and kind is WithoutGenerator:
        pytest.skip("Keras refuses to draw without a generator in compiled functions")
    model = sequential(layers.Dense(8), kind(), layers.Dense(1, name="end"), shape=(6,))
    x = rows(16, 6)
    if names is None:
        with pytest.raises(ValueError, match="all samples are equal of output 'end'"):
            mc_predict(model, x, 20, seed=0)
        return
    found = [mc_predict(model, x, 20, seed=s, layers=names).mean for s in (0, 0, 1)]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 0


def test_a_layer_that_draws_nothing_is_named():
    model = sequential(layers.Dense(8, name="hidden"), layers.Dropout(0.5), shape=(6,))
    with pytest.raises(ValueError, match=r"`layers`.*'hidden'"):
        mc_predict(model, rows(4, 6), 5, layers=["hidden"])
    with pytest.raises(ValueError, match="`layers`"):
        mc_predict(model, rows(4, 6), 5, layers=[])


def test_few_samples_that_are_equal_by_chance_are_no_error():
    model = sequential(layers.Dropout(1e-3), shape=(1,))
    stds = [mc_predict(model, np.ones((1, 1)), 2, seed=s).std.max() for s in (0, 1)]
    assert min(stds) == 0


def test_a_seed_decides_what_layers_without_a_generator_draw():
    if BACKEND == "jax":
        pytest.skip("Keras refuses to draw without a generator in compiled functions")
    keras.utils.set_random_seed(5)
    expected = keras.ops.convert_to_numpy(keras.random.uniform((3,)))
    keras.utils.set_random_seed(5)
    model = sequential(WithoutGenerator(), shape=(20,))
    x = np.ones((2, 20), "float32")
    with mc_dropout(model, layers=[WithoutGenerator], seed=3):
        first = called(model, x)
    with mc_dropout(model, layers=[WithoutGenerator], seed=3):
        np.testing.assert_array_equal(called(model, x), first)
    mc_predict(model, x, 5, seed=0, layers=[WithoutGenerator])
    after = keras.ops.convert_to_numpy(keras.random.uniform((3,)))
    np.testing.assert_array_equal(after, expected)


class LessTheMean(layers.Layer):
    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


def test_rows_that_depend_on_each_other_see_those_of_their_own_sample():
    model = sequential(layers.Dropout(0.5), LessTheMean(), shape=(6,))
    found = mc_predict(model, np.ones((3, 6)), 20, seed=0, return_samples=True)
    sums = found.samples_array.sum(axis=1)
    np.testing.assert_allclose(sums, 0, atol=1e-5)
    if BACKEND != "jax":  # samples have an axis of their own there
        with pytest.raises(ValueError, match="`strategy`"):
            mc_predict(model, np.ones((3, 6)), 5, strategy="tiled")


def inputs_by_name():
    two, four = keras.Input((2,), name="two"), keras.Input((4,), name="four")
    x = layers.Concatenate()([four, two])
    return keras.Model([four, two], layers.Dense(1)(layers.Dropout(0.3)(x)))


class Plus(layers.Layer):
    def call(self, first, second=None):
        return first if second is None else first + second


def test_inputs_as_predict_takes_them():
    x, model = rows(8, 6), inputs_by_name()
    expected = mc_predict(model, [x[:, :4], x[:, 4:]], 5, seed=0).mean
    named = {"two": x[:, 4:], "four": x[:, :4], "more": x}
    np.testing.assert_array_equal(mc_predict(model, named, 5, seed=0).mean, expected)
    with pytest.raises(ValueError, match=r"`x`.*'two'"):
        mc_predict(model, {"four": x[:, :4]}, 5)

    one, other = keras.Input((6,)), keras.Input((6,), optional=True)
    hidden = layers.Dropout(0.3)(Plus()(one, other))
    optional = keras.Model([one, other], layers.Dense(1)(hidden))
    assert mc_predict(optional, [x, None], 5, seed=0).mean.shape == (8, 1)
    with pytest.raises(ValueError, match="`x`"):
        mc_predict(optional, [None, x], 5)


def test_batches_of_a_generator_and_a_number_of_steps():
    x = rows(8, 6)
    model = sequential(layers.Dropout(0.3), layers.Dense(1), shape=(6,))

    def endless():
        while True:
            yield (x,)

    found = mc_predict(model, endless(), 5, seed=0, steps=3)
    assert found.mean.shape == (24, 1)
    assert mc_predict(model, x, 5, batch_size=2, steps=2).mean.shape == (4, 1)


@only_on("tensorflow", because="`tf.data` knows that it has no end")
def test_an_endless_dataset_needs_a_number_of_steps():
    import tensorflow as tf

    model = sequential(layers.Dropout(0.3), shape=(6,))
    endless = tf.data.Dataset.from_tensor_slices(rows(8, 6)).batch(4).repeat()
    with pytest.raises(ValueError, match="`steps`"):
        mc_predict(model, endless, 5)
    assert mc_predict(model, endless, 5, steps=3).mean.shape == (12, 6)
    sparse = tf.sparse.from_dense(np.ones((4, 6), "float32"))
    assert mc_predict(model, sparse, 5).mean.shape == (4, 6)
    with pytest.raises(ValueError, match="`x` must not be ragged"):
        mc_predict(model, tf.ragged.constant([[1.0], [2.0, 3.0]]), 5)


@only_on("tensorflow", because="others compile for a shape, or not at all")
def test_sequences_of_all_lengths_are_compiled_once(monkeypatch):
    from keras_extras.uncertainty.tensorflow.sampler import TensorFlowSampler

    made = []
    make = TensorFlowSampler.__init__
    monkeypatch.setattr(
        TensorFlowSampler,
        "__init__",
        lambda self, *args: made.append(make(self, *args)),
    )
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, layers.GRU(2)(layers.Dropout(0.3)(inputs)))
    for length in (2, 5, 9):
        mc_predict(model, rows(4, length, 3), 4, seed=0)
    assert len(made) == 1


def adapted(x):
    scale = layers.Normalization()
    scale.adapt(x)
    return scale


def test_a_copy_has_what_layers_have_adapted_and_added():
    x = rows(64, 4) * 50 + 300
    keras.utils.set_random_seed(0)
    stack = [adapted(x), layers.Dense(8, "relu"), layers.Dropout(0.001)]
    model = sequential(*stack, layers.Dense(1), shape=(4,))
    stack[1].enable_lora(2)
    stack[1].lora_kernel_b.assign(rows(2, 8))
    plain = model.predict(x, verbose=0)
    copy = to_mc(model)
    apart = np.abs(np.mean([called(copy, x) for _ in range(20)], axis=0) - plain)
    assert np.median(apart) < 0.02 * np.abs(plain).max()


@only_on("tensorflow", because="strings are of TensorFlow")
def test_a_copy_has_the_tables_of_lookups():
    import tensorflow as tf

    words = layers.StringLookup()
    words.adapt(np.array(["a", "b", "c"]))
    inputs = keras.Input((1,), dtype="string")
    hidden = layers.Flatten()(layers.Embedding(5, 4)(words(inputs)))
    model = keras.Model(inputs, layers.Dropout(0.001)(hidden))
    data = tf.constant([["a"], ["b"], ["c"]])
    plain = model.predict(data, verbose=0)
    apart = np.abs(called(to_mc(model), data) - plain)
    assert np.median(apart) < 1e-3 * np.abs(plain).max() + 1e-4


@keras.saving.register_keras_serializable("foreign")
class MakesItsDropout(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.drop = layers.Dropout(0.5, name="inside")

    def call(self, x, training=False):
        return self.drop(x, training=training)


def test_what_a_saved_copy_loses_is_said_when_it_is_made():
    model = sequential(MakesItsDropout(), shape=(6,))
    with pytest.warns(UserWarning, match="inside"):
        copy = to_mc(model)
    assert np.ptp([called(copy, np.ones((2, 6))) for _ in range(5)], axis=0).any()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        to_mc(sequential(layers.LSTM(2, dropout=0.5), shape=(3, 2)))
        inputs = keras.Input((3, 4))
        attention = layers.GroupQueryAttention(4, 2, 1, dropout=0.5)
        copy = to_mc(keras.Model(inputs, attention(inputs, inputs)))
    assert "MCGroup" in type(copy.layers[-1]).__name__


def test_equal_samples_end_no_training():
    from keras_extras.uncertainty import UncertaintyLogger

    dead = layers.Dense(4, activation="relu", bias_initializer=constant(-1e9))
    stack = [dead, layers.Dropout(0.5), layers.Dense(2, activation="softmax")]
    model, x, y = sequential(*stack, shape=(6,)), rows(8, 6), np.arange(8) % 2
    model.compile("sgd", "sparse_categorical_crossentropy")
    logger = UncertaintyLogger(x, y, samples=3)
    model.fit(x, y, verbose=0, callbacks=[logger])
    assert logger.history["mc_bald"] == [0.0]
    with pytest.raises(ValueError, match="all samples are equal"):
        mc_predict(model, x, 3, seed=0)


def constant(value):
    return keras.initializers.Constant(value)
