"""Samples are what theory says, statistics are those of the samples."""

import keras
import numpy as np
import pytest
from keras import layers
from mc_models import BACKEND
from mc_models import TWO_OUTCOMES
from mc_models import DropPath
from mc_models import RandomInInference
from mc_models import everything
from mc_models import rows
from mc_models import sequential

from keras_extras.uncertainty import mc_predict

STRATEGIES = ["auto", "cached", "tiled", "loop"]


def classifier():
    return sequential(
        layers.Dense(8, activation="relu"),
        layers.Dropout(0.4),
        layers.Dense(5, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(3, activation="softmax"),
        shape=(6,),
    )


def entropy(p):
    return -(p * np.log(p)).sum(axis=-1)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_statistics_are_those_of_the_samples(strategy):
    x = rows(7, 6)
    kept = mc_predict(
        classifier(), x, 33, seed=1, strategy=strategy, return_samples=True
    )
    samples = kept.samples_array.astype("float64")
    assert samples.shape == (33, 7, 3)
    np.testing.assert_allclose(kept.mean, samples.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(kept.variance, samples.var(axis=0), atol=1e-6)
    np.testing.assert_allclose(kept.std, samples.std(axis=0), atol=1e-6)
    error = samples.std(axis=0, ddof=1) / np.sqrt(33)
    np.testing.assert_allclose(kept.standard_error, error, atol=1e-6)
    total, expected = entropy(samples.mean(axis=0)), entropy(samples).mean(axis=0)
    np.testing.assert_allclose(kept.predictive_entropy, total, atol=2e-6)
    np.testing.assert_allclose(kept.expected_entropy, expected, atol=2e-6)
    np.testing.assert_allclose(kept.mutual_information, total - expected, atol=3e-6)
    votes = [np.bincount(v, minlength=3).max() for v in samples.argmax(axis=-1).T]
    np.testing.assert_allclose(
        kept.variation_ratio, 1 - np.array(votes) / 33, atol=1e-6
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_streamed_statistics_equal_those_with_samples_kept(strategy):
    model, x = classifier(), rows(7, 6)
    kept = mc_predict(model, x, 33, seed=1, strategy=strategy, return_samples=True)
    streamed = mc_predict(model, x, 33, seed=1, strategy=strategy)
    np.testing.assert_allclose(streamed.mean, kept.mean, atol=1e-6)
    np.testing.assert_allclose(streamed.variance, kept.variance, atol=1e-6)
    with pytest.raises(ValueError, match="return_samples=True"):
        _ = streamed.samples_array


def test_bits_are_nats_divided_by_log_2():
    model, x = classifier(), rows(4, 6)
    nats = mc_predict(model, x, 20, seed=1)
    bits = mc_predict(model, x, 20, seed=1, unit="bits")
    for name in ("predictive_entropy", "expected_entropy", "mutual_information"):
        np.testing.assert_allclose(
            getattr(bits, name), getattr(nats, name) / np.log(2), rtol=1e-4, atol=1e-6
        )


def alpha_moments(x, rate):
    low = -1.6732632423543772 * 1.0507009873554804
    a = ((1 - rate) * (1 + rate * low**2)) ** -0.5
    mean = a * ((1 - rate) * x + rate * low) - a * low * rate
    return mean, a**2 * rate * (1 - rate) * (x - low) ** 2


# Layer: mean and variance of each of its outputs, at a rate (or deviation) of 0.3.
MOMENTS = {
    layers.Dropout: lambda x: (x, 0.3 / 0.7 * x**2),
    layers.GaussianDropout: lambda x: (x, 0.3 / 0.7 * x**2),
    layers.GaussianNoise: lambda x: (x, 0.3**2 * np.ones_like(x)),
    layers.AlphaDropout: lambda x: alpha_moments(x, 0.3),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("layer", MOMENTS)
def test_samples_of_a_linear_model_have_the_moments_of_theory(layer, strategy):
    keras.utils.set_random_seed(7)  # four deviations are passed now and then
    model = sequential(layer(0.3), layers.Dense(2), shape=(20,))
    x, copies, count = rows(5, 20), 50, 40  # 2000 draws of each row
    kernel, bias = model.get_weights()
    means, variances = MOMENTS[layer](x.astype("float64"))
    mean, variance = means @ kernel + bias, variances @ kernel**2
    many = np.repeat(x, copies, axis=0)
    found = mc_predict(
        model, many, count, seed=2, strategy=strategy, return_samples=True
    ).samples_array
    draws = found.reshape(count, 5, copies, 2).swapaxes(1, 2).reshape(-1, 5, 2)
    assert (abs(draws.mean(axis=0) - mean) < 4 * np.sqrt(variance / 2000)).all()
    fourth = ((draws - mean) ** 4).mean(axis=0)
    deviation = np.sqrt((fourth - variance**2) / 2000)
    assert (abs(draws.var(axis=0) - variance) < 4 * deviation).all()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("strategy", ["auto", "loop"])
@pytest.mark.parametrize("name", TWO_OUTCOMES)
def test_each_kind_of_layer_and_model_is_switched_on(name, strategy, shared):
    make, shape, outcomes = TWO_OUTCOMES[name]
    keras.utils.set_random_seed(3)
    model, x = make(), rows(6, *shape, seed=4) + 0.2
    none, double = outcomes(model, x)
    found = mc_predict(
        model,
        x,
        40,
        seed=5,
        strategy=strategy,
        shared_masks=shared,
        return_samples=True,
    ).samples_array
    axes = tuple(range(2, found.ndim))
    is_none = np.isclose(found, none, atol=1e-5).all(axis=axes)
    is_double = np.isclose(found, double, atol=1e-5).all(axis=axes)
    assert (is_none ^ is_double).all()
    dropped = is_none.mean(axis=0)
    # Of 40 fair draws; a 4-sigma band around a half.
    assert (abs(dropped - 0.5) < 4 * 0.5 / np.sqrt(40)).all()
    all_alike = (is_none == is_none[:, :1]).all()
    assert all_alike == shared


@pytest.mark.parametrize(
    "layer",
    [
        layers.AlphaDropout(0.5),
        layers.GaussianDropout(0.5),
        layers.GaussianNoise(0.5),
        layers.Dropout(0.5, noise_shape=(None, 1)),
        layers.SpatialDropout1D(0.5),
    ],
)
def test_shared_masks_are_the_same_for_all_rows_and_batches(layer):
    shape = (3, 4) if isinstance(layer, layers.SpatialDropout1D) else (4,)
    model = sequential(layer, shape=shape)
    x = np.ones((10, *shape), "float32")
    found = mc_predict(
        model, x, 20, 3, seed=0, shared_masks=True, return_samples=True
    ).samples_array
    np.testing.assert_array_equal(found, np.repeat(found[:, :1], 10, axis=1))
    assert len(np.unique(found.reshape(20, -1), axis=0)) > 1


@pytest.mark.parametrize("kind", [layers.SimpleRNN, layers.GRU, layers.LSTM])
def test_recurrent_dropout_acts_from_the_second_step_on(kind):
    x = rows(4, 3, 2)
    for steps, acts in ((1, False), (3, True)):
        model = sequential(kind(8, recurrent_dropout=0.5), shape=(steps, 2))
        found = mc_predict(model, x[:, :steps], 20, seed=0)
        assert (found.std.max() > 1e-3) == acts


def test_recurrent_dropout_has_the_moments_of_theory():
    keras.utils.set_random_seed(7)
    layer = layers.SimpleRNN(
        6, activation="linear", recurrent_dropout=0.4, use_bias=False
    )
    model = sequential(layer, shape=(2, 3))
    x = rows(5, 2, 3)
    kernel, recurrent = layer.get_weights()
    first, second = x[:, 0] @ kernel, x[:, 1] @ kernel
    mean = second + first @ recurrent
    variance = 0.4 / 0.6 * first**2 @ recurrent**2
    found = mc_predict(model, x, 2000, seed=0)
    assert (abs(found.mean - mean) < 4 * np.sqrt(variance / 2000)).all()
    np.testing.assert_allclose(found.variance, variance, rtol=0.25)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_masks_differ_between_samples_rows_batches_and_layers(strategy):
    inputs = keras.Input((30,))
    both = [layers.Dropout(0.5)(inputs), layers.Dropout(0.5)(inputs)]
    model = keras.Model(inputs, layers.Concatenate()(both))
    found = mc_predict(
        model,
        np.ones((6, 30), "float32"),
        9,
        batch_size=3,
        seed=0,
        strategy=strategy,
        return_samples=True,
    ).samples_array
    masks = found.reshape(9 * 6 * 2, 30)
    assert len(np.unique(masks, axis=0)) == 9 * 6 * 2


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_inputs_of_a_batch_do_not_influence_each_other(strategy):
    model, x = classifier(), rows(6, 6)
    other = x.copy()
    other[1:] = rows(5, 6, seed=9)
    first = mc_predict(model, x, 20, seed=0, strategy=strategy)
    second = mc_predict(model, other, 20, seed=0, strategy=strategy)
    np.testing.assert_allclose(first.mean[0], second.mean[0], atol=1e-6)
    assert not np.allclose(first.mean[1], second.mean[1])


def test_the_seed_decides():
    model, x = classifier(), rows(6, 6)
    first, again, other = (mc_predict(model, x, 20, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.mean, again.mean)
    assert not np.array_equal(first.mean, other.mean)


def test_without_a_seed_the_one_of_keras_decides():
    model, x = classifier(), rows(6, 6)
    means = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        means.append(mc_predict(model, x, 20).mean)
    np.testing.assert_array_equal(means[0], means[1])
    assert not np.array_equal(means[0], means[2])


def test_batches_and_rounds_of_samples_change_no_moment():
    model, x = classifier(), rows(9, 6)
    all_at_once = mc_predict(model, x, 4000, seed=0)
    in_parts = mc_predict(model, x, 4000, 2, seed=0, memory_limit=1e-4)
    error = np.hypot(all_at_once.standard_error, in_parts.standard_error)
    assert (abs(all_at_once.mean - in_parts.mean) < 4.5 * error + 1e-6).all()
    assert in_parts.strategy.endswith("1 sample at a time")
    # Several at once would be no faster with JAX on a CPU.
    assert all_at_once.strategy.endswith("1 sample at a time") == (BACKEND == "jax")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_variable_changes(strategy):
    model = everything()
    before = [np.array(v) for v in model.variables]
    compiled = model.predict_function
    mc_predict(model, rows(4, 8, 8, 1), 12, seed=0, strategy=strategy)
    for old, variable in zip(before, model.variables):
        np.testing.assert_array_equal(old, np.array(variable), variable.path)
    assert model.predict_function is compiled
    overridden = [
        layer.name
        for layer in model._flatten_layers()
        if {"call", "inner_loop"} & set(vars(layer))
    ]
    assert overridden == []


def test_what_is_not_dropout_stays_in_inference_mode():
    model = everything()
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = rows(16, 8, 8, 1)
    model.fit(x, np.arange(16) % 3, epochs=2, verbose=0)  # averages that differ
    for layer in model._flatten_layers():
        for name in ("rate", "stddev", "dropout", "recurrent_dropout"):
            if vars(layer).get(name):
                setattr(layer, name, 1e-7)  # on, but next to nothing
    plain = model.predict(x, verbose=0)
    for strategy in STRATEGIES:
        found = mc_predict(model, x, 5, seed=0, strategy=strategy)
        np.testing.assert_allclose(found.mean, plain, atol=1e-4)


def test_predict_is_as_before():
    model, x = everything(), rows(4, 8, 8, 1)
    before = model.predict(x, verbose=0)
    mc_predict(model, x, 4, seed=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


def test_the_deterministic_part_is_computed_once():
    """On torch at each call once, elsewhere once for all when it is compiled."""
    calls = []

    class Counts(layers.Layer):
        def call(self, x):
            calls.append(1)
            return x

    base = sequential(Counts(), layers.Dropout(0.5), layers.Dense(2), shape=(3,))
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Dense(1)(base(Counts()(inputs))))
    if BACKEND == "torch":  # which tries the model out at first
        mc_predict(model, rows(2, 3), 2, seed=0)
    calls.clear()
    found = mc_predict(model, rows(2, 3), 10, seed=0)
    assert found.strategy.startswith("deterministic prefix cached")
    assert len(calls) == 2  # once each: in the prefix, nested or not


def test_a_rate_that_was_changed_is_obeyed():
    model, x = sequential(layers.Dropout(0.1), shape=(50,)), np.ones((4, 50), "float32")
    before = mc_predict(model, x, 50, seed=0).variance.mean()
    model.layers[0].rate = 0.5
    after = mc_predict(model, x, 50, seed=0).variance.mean()
    assert before < 0.2 < 0.8 < after


def test_new_weights_are_used_without_compiling_anew():
    model, x = classifier(), rows(3, 6)
    first = mc_predict(model, x, 20, seed=0).mean
    model.set_weights([w * 2 for w in model.get_weights()])
    assert not np.allclose(mc_predict(model, x, 20, seed=0).mean, first)


def test_layers_can_be_chosen():
    model = sequential(
        layers.Dropout(0.5, name="first"), layers.Dropout(0.5, name="last"), shape=(40,)
    )
    x = np.ones((5, 40), "float32")
    first = mc_predict(model, x, 30, seed=0, layers=["first"], return_samples=True)
    assert set(np.unique(first.samples_array)) == {0.0, 2.0}
    by_class = mc_predict(model, x, 30, seed=0, layers=[layers.Dropout])
    assert by_class.variance.mean() > 2
    with pytest.raises(ValueError, match="'middle', which is none of"):
        mc_predict(model, x, layers=["middle"])


def test_a_layer_of_ones_own_can_be_named():
    model = sequential(DropPath(name="path"), layers.Dropout(0.5), shape=(3,))
    found = mc_predict(
        model,
        np.ones((4, 3), "float32"),
        30,
        seed=0,
        layers=["path"],
        return_samples=True,
    ).samples_array
    assert set(np.unique(found)) == {0.0, 2.0}
    np.testing.assert_array_equal(found, np.repeat(found[..., :1], 3, axis=-1))
    with pytest.raises(ValueError, match="`shared_masks` must be False"):
        mc_predict(model, np.ones((4, 3)), layers=["path"], shared_masks=True)


def test_layers_that_are_random_in_inference_differ_from_sample_to_sample():
    model = sequential(RandomInInference(), layers.Dense(1), shape=(3,))
    assert mc_predict(model, rows(4, 3), 30, seed=0).std.min() > 0.01


def test_a_mask_of_fixed_shape_still_differs_between_samples():
    model = sequential(layers.Dropout(0.5, noise_shape=(1, 20)), shape=(20,))
    found = mc_predict(
        model, np.ones((4, 20), "float32"), 10, seed=0, return_samples=True
    )
    assert len(np.unique(found.samples_array[:, 0], axis=0)) == 10
    np.testing.assert_array_equal(
        found.samples_array, np.repeat(found.samples_array[:, :1], 4, axis=1)
    )
    if BACKEND == "jax":  # where no layer sees several samples
        tiled = mc_predict(
            model, np.ones((4, 20)), 10, seed=0, strategy="tiled", return_samples=True
        )
        np.testing.assert_array_equal(tiled.samples_array, found.samples_array)
        return
    with pytest.raises(ValueError, match="Received: strategy='tiled'"):
        mc_predict(model, np.ones((4, 20)), strategy="tiled")


def test_dropout_of_a_table_differs_between_samples():
    class AddsTable(layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(shape=(1, shape[-1]), initializer="ones")
            self.drop = layers.Dropout(0.5)

        def call(self, x, training=None):
            return x + self.drop(self.table, training=training)

    model = sequential(AddsTable(), shape=(20,))
    found = mc_predict(
        model, np.zeros((4, 20), "float32"), 10, seed=0, return_samples=True
    )
    assert len(np.unique(found.samples_array[:, 0], axis=0)) == 10


def test_a_stateful_model_starts_from_its_state_and_keeps_it():
    inputs = keras.Input(batch_shape=(4, 3, 2))
    outputs = layers.LSTM(3, stateful=True, dropout=0.5)(inputs)
    model = keras.Model(inputs, outputs)
    x = rows(4, 3, 2)
    model.predict(x, verbose=0, batch_size=4)
    before = [np.array(v) for v in model.variables]
    states = [np.array(s) for s in model.layers[1].states]
    assert mc_predict(model, x, 10, seed=0).std.max() > 0
    for old, new in zip(before, model.variables):
        np.testing.assert_array_equal(old, np.array(new))
    for old, new in zip(states, model.layers[1].states):
        np.testing.assert_array_equal(old, np.array(new))


def test_masks_of_sequences_are_kept():
    inputs = keras.Input((5,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(inputs)
    x = layers.GaussianNoise(1e-4)(x)
    model = keras.Model(inputs, layers.LSTM(3)(x))
    words = np.array([[1, 2, 3, 0, 0], [4, 0, 0, 0, 0], [5, 6, 7, 8, 1]])
    plain = model.predict(words, verbose=0)
    for strategy in STRATEGIES:
        found = mc_predict(model, words, 4, seed=0, strategy=strategy)
        np.testing.assert_allclose(found.mean, plain, atol=1e-3)


def test_it_stops_when_the_standard_error_is_small_enough():
    model, x = classifier(), rows(8, 6)
    found = mc_predict(model, x, 5000, batch_size=4, seed=0, tolerance=0.02)
    assert found.standard_error.max() <= 0.02
    assert 10 <= found.samples < 5000
    assert found.sample_counts.shape == (8,)
    never = mc_predict(model, x, 20, seed=0, tolerance=1e-9)
    assert never.samples == 20


def test_mixed_precision_is_accumulated_in_single_precision():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, dtype="mixed_bfloat16"),
            layers.Dropout(0.5, dtype="mixed_bfloat16"),
            layers.Dense(3, activation="softmax", dtype="float32"),
        ]
    )
    found = mc_predict(model, rows(4, 6), 50, seed=0)
    assert found.mean.dtype == np.float32
    np.testing.assert_allclose(found.mean.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("strategy", ["auto", "loop"])
def test_tolerance_is_looked_at_after_every_ten_samples(strategy):
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dropout(0.3), keras.layers.Dense(2)]
    )
    x = np.random.default_rng(0).normal(size=(6, 8)).astype("float32")
    counts = mc_predict(
        model, x, samples=1000, tolerance=10.0, seed=0, verbose=0, strategy=strategy
    ).sample_counts
    assert set(counts) == {10}


def test_errors_tell_of_all_rows_that_were_given():
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dropout(0.3), keras.layers.Dense(2)]
    )
    for x, words in (
        (np.zeros((3, 5)), r"shape \(3, 5\)"),
        (np.full((3, 8), np.nan), "in 3 of 3 rows"),
        (None, "x=None"),
    ):
        with pytest.raises(ValueError, match=words):
            mc_predict(model, x, verbose=0)
