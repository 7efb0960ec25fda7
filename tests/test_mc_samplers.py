"""How samples are computed: what is compiled when, threads, seeds, generators."""

import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras import layers
from mc_models import BACKEND
from mc_models import called
from mc_models import rows
from mc_models import sequential

from keras_extras.uncertainty import UncertaintyLogger
from keras_extras.uncertainty import mc_dropout
from keras_extras.uncertainty import mc_predict

STRATEGIES = ["auto", "cached", "tiled", "loop"]
RATE = 0.4


class Counts(layers.Layer):
    """Counts how often Keras calls it: in a compiled function, when it is traced."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._calls = []

    @property
    def calls(self):
        return len(self._calls)

    def call(self, x):
        self._calls.append(1)
        return x


def counting():
    counter = Counts()
    stack = [layers.Dropout(RATE), counter, layers.Dense(3, activation="softmax")]
    return sequential(*stack, shape=(4,)), counter


def shows_its_masks():
    """Returns what stands before its dropout and behind it, beside its outputs."""
    inputs = keras.Input((4,))
    hidden = layers.Dense(6, activation="sigmoid", name="hidden")(inputs)
    dropped = layers.Dropout(RATE)(hidden)
    outputs = layers.Dense(3, activation="softmax", name="last")(dropped)
    return keras.Model(inputs, [hidden, dropped, outputs])


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_loop_in_numpy_with_the_same_masks_finds_the_same(strategy, shared):
    model, x, count = shows_its_masks(), rows(11, 4), 30
    arguments = {"strategy": strategy, "batch_size": 4, "shared_masks": shared}
    if shared and strategy == "tiled" and BACKEND != "jax":
        with pytest.raises(ValueError, match="`strategy` must be 'auto', 'cached' or"):
            mc_predict(model, x, count, seed=1, **arguments)
        return
    kept = mc_predict(model, x, count, seed=1, return_samples=True, **arguments)
    kernel, bias = (
        w.astype("float64") for w in model.get_layer("hidden").get_weights()
    )
    hidden = 1 / (1 + np.exp(-(x @ kernel + bias)))
    np.testing.assert_allclose(kept[0].mean, hidden, atol=1e-6)
    masks = kept[1].samples_array / hidden > 0.5
    assert len(np.unique(masks.reshape(count, -1), axis=0)) > count / 3
    assert (masks == masks[:, :1]).all() == shared
    samples = []
    for mask in masks:
        kernel, bias = model.get_layer("last").get_weights()
        logits = (hidden * mask / (1 - RATE)) @ kernel.astype("float64") + bias
        exp = np.exp(logits - logits.max(axis=-1, keepdims=True))
        samples.append(exp / exp.sum(axis=-1, keepdims=True))
    samples = np.array(samples)
    np.testing.assert_allclose(kept[2].samples_array, samples, atol=2e-6)
    found = mc_predict(model, x, count, seed=1, **arguments)[2]
    np.testing.assert_allclose(found.mean, samples.mean(axis=0), atol=2e-6)
    np.testing.assert_allclose(found.variance, samples.var(axis=0), atol=2e-6)
    each = -(samples * np.log(samples)).sum(axis=-1)
    np.testing.assert_allclose(found.expected_entropy, each.mean(axis=0), atol=4e-6)
    votes = [np.bincount(v, minlength=3).max() for v in samples.argmax(axis=-1).T]
    np.testing.assert_allclose(
        found.variation_ratio, 1 - np.array(votes) / count, atol=1e-6
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_linear_model_with_two_dropouts_has_the_moments_of_theory(strategy):
    keras.utils.set_random_seed(7)  # four deviations are passed now and then
    model = sequential(
        layers.Dropout(0.3),
        layers.Dense(5),
        layers.Dropout(0.5),
        layers.Dense(2),
        shape=(8,),
    )
    x, count = rows(3, 8), 4000
    first, a, second, b = (w.astype("float64") for w in model.get_weights())
    hidden = x @ first + a
    spread = 0.3 / 0.7 * np.einsum("ni,ij,ik->njk", x**2.0, first, first)
    # A dropped unit is 2 h or 0: its variance is that of h, twice, and its mean's.
    own = np.einsum("njj->nj", spread)
    spread = spread + np.einsum("nj,jk->njk", own + hidden**2, np.eye(5))
    mean = hidden @ second + b
    variance = np.einsum("njk,jo,ko->no", spread, second, second)
    draws = mc_predict(
        model, x, count, seed=3, strategy=strategy, return_samples=True
    ).samples_array.astype("float64")
    assert (abs(draws.mean(axis=0) - mean) < 4 * np.sqrt(variance / count)).all()
    fourth = ((draws - mean) ** 4).mean(axis=0)
    deviation = np.sqrt((fourth - variance**2) / count)
    assert (abs(draws.var(axis=0) - variance) < 4 * deviation).all()


def test_a_model_is_compiled_once_for_batches_of_any_size():
    model, counter = counting()
    mc_predict(model, rows(11, 4), 7, batch_size=4, seed=0)
    first = counter.calls
    mc_predict(model, rows(11, 4), 7, batch_size=4, seed=1)
    mc_predict(model, rows(7, 4), 7, batch_size=4, seed=1)
    mc_predict(model, rows(11, 4), 7, batch_size=4, seed=1, tolerance=1e-9)
    if BACKEND == "torch":  # computes as it is told: in two, two and three batches
        assert counter.calls - first <= 7 * 7
    else:
        assert counter.calls == first


def test_nearly_equal_numbers_of_rows_are_compiled_once():
    model, counter = counting()
    mc_predict(model, rows(100, 4), 7, seed=0)
    first = counter.calls
    for count in (97, 101, 112):
        mc_predict(model, rows(count, 4), 7, seed=0)
    assert BACKEND == "torch" or counter.calls == first


def test_a_training_compiles_once_for_all_epochs():
    model, counter = counting()
    model.compile("sgd", "sparse_categorical_crossentropy")
    calls = []

    class AfterEpoch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            calls.append(counter.calls)

    x, y = rows(16, 4), np.arange(16) % 3
    logger = UncertaintyLogger(x, y, samples=5)
    model.fit(x, y, epochs=4, verbose=0, callbacks=[logger, AfterEpoch()])
    if BACKEND == "torch":
        # A forward pass of the training and one chunk of samples: nothing is tried.
        assert set(np.diff(calls)) == {2}
    else:
        assert set(np.diff(calls)) == {0}


@pytest.mark.skipif(BACKEND != "jax", reason="rows of a batch are samples elsewhere")
def test_a_sample_is_the_same_whatever_is_computed_beside_it():
    model, x = shows_its_masks(), rows(6, 4)
    wanted = mc_predict(model, x, 9, seed=0, return_samples=True)[2].samples_array
    others = [
        mc_predict(model, x, 9, seed=0, return_samples=True, **arguments)
        for arguments in (
            {"memory_limit": 1e-4, "batch_size": 6},
            {"strategy": "loop"},
            {"strategy": "tiled", "batch_size": 100},
        )
    ]
    others.append(mc_predict(model, x, 20, seed=0, return_samples=True))
    for other in others:
        np.testing.assert_allclose(other[2].samples_array[:9], wanted, atol=1e-6)


def test_rows_that_fill_up_a_batch_do_not_count():
    """Filled up rows would be copies of the last one, which has the extreme values."""
    model = sequential(
        layers.GaussianNoise(0.1), layers.Activation("linear"), shape=(2,)
    )
    x = np.array([[0.5, 0.5]] * 4 + [[0.5, 0.5]], "float32")
    found = mc_predict(model, x, 30, batch_size=4, seed=0, return_samples=True)
    assert found.mean.shape == (5, 2)
    sums = found.samples_array.sum(axis=-1)
    excess = max(float(batch.excess) for batch in found._batches)
    low = min(float(batch.low) for batch in found._batches)
    assert excess == pytest.approx(abs(sums - 1).max(), rel=1e-5)
    assert low == pytest.approx(found.samples_array.min(), rel=1e-5)


def compiles_anew(model, x):
    model.compile("sgd", "mse")


def exchanges_the_activation(model, x):
    model.get_layer("dense").activation = keras.activations.tanh


def adds_lora(model, x):
    model.get_layer("dense").enable_lora(1)
    model.set_weights([w + 0.1 for w in model.get_weights()])


def adapts_again(model, x):
    model.get_layer("normalization").adapt(x * 3 + 1)


def changes_its_own(model, x):
    model.get_layer("scales").factor = 3.0


class Scales(layers.Layer):
    factor = 1.0

    def call(self, x):
        return x * self.factor


@pytest.mark.parametrize(
    "change", [exchanges_the_activation, adds_lora, adapts_again, changes_its_own]
)
@pytest.mark.parametrize("strategy", ["auto", "loop"])
def test_what_was_compiled_is_dropped_when_a_layer_is_changed(change, strategy):
    x = rows(6, 4)
    normalise = layers.Normalization(name="normalization")
    normalise.adapt(x)
    model = sequential(
        normalise,
        Scales(name="scales"),
        layers.Dense(3, name="dense"),
        layers.Dropout(0.5),
        shape=(4,),
    )
    before = mc_predict(model, x, 5, seed=0, strategy=strategy).mean
    change(model, x)
    after = mc_predict(model, x, 5, seed=0, strategy=strategy).mean
    assert not np.allclose(before, after)
    model.compile("sgd", "mse")  # Keras forgets what it compiled
    plain = model.predict(x, verbose=0)
    samples = mc_predict(
        model, x, 5, seed=0, strategy=strategy, return_samples=True
    ).samples_array
    is_dropped = np.isclose(samples, 0, atol=1e-6)
    np.testing.assert_allclose(samples, np.where(is_dropped, 0, 2 * plain), atol=1e-5)
    np.testing.assert_allclose(samples.mean(axis=0), after, rtol=0, atol=1e-5)


def test_compile_drops_what_was_compiled():
    """As it makes `predict` read again what Keras cannot know of."""
    factors = [1.0]

    class Reads(layers.Layer):
        def call(self, x):
            return x * factors[0]

    model, x = sequential(Reads(), layers.Dropout(0.5), shape=(40,)), np.ones((2, 40))
    assert mc_predict(model, x, 5, seed=0).mean.max() <= 2.001
    factors[0] = 10.0
    model.compile("sgd", "mse")
    assert mc_predict(model, x, 5, seed=0).mean.max() >= 4


def test_what_assigns_before_the_first_dropout_assigns_nothing():
    class CountsSteps(layers.Layer):
        def build(self, shape):
            self.steps = self.add_weight(shape=(), trainable=False)

        def call(self, x):
            self.steps.assign(self.steps + 1)
            return x + self.steps

    inputs = keras.Input((4, 2))
    x = layers.SimpleRNN(3)(CountsSteps()(inputs))
    model = keras.Model(inputs, layers.Dropout(0.5)(x))
    before = [np.array(v) for v in model.variables]
    for strategy in ("auto", "loop"):
        mc_predict(model, rows(5, 4, 2), 5, seed=0, strategy=strategy)
    for old, new in zip(before, model.variables):
        np.testing.assert_array_equal(old, np.array(new))


def in_threads(*tasks):
    """Runs all tasks at the same time, and returns what they return."""
    barrier = threading.Barrier(len(tasks))

    def run(task):
        barrier.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result() for future in [pool.submit(run, t) for t in tasks]]


def recurrent():
    return sequential(
        layers.LSTM(3, dropout=0.3),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
        layers.Dense(2),
        shape=(3, 2),
    )


def test_threads_that_sample_one_model_do_not_hear_of_each_other():
    model, x = recurrent(), rows(6, 3, 2)
    plain = model.predict(x, verbose=0)
    wanted = [mc_predict(model, x, 6, seed=seed).mean for seed in (1, 2)]
    before = [np.array(v) for v in model.variables]
    fresh = recurrent()
    fresh.set_weights(model.get_weights())

    def sampled(seed):
        return [mc_predict(fresh, x, 6, seed=seed).mean for _ in range(3)]

    def context():
        with mc_dropout(fresh, seed=0):
            # On JAX, Keras' `predict` takes the values out of the variables meanwhile.
            other = called if BACKEND == "jax" else keras.Model.predict
            return [called(fresh, x), other(fresh, x)]

    first, second, predicted, in_context = in_threads(
        lambda: sampled(1),
        lambda: sampled(2),
        lambda: [called(fresh, x, training=False) for _ in range(3)],
        context,
    )
    for found, expected in ((first, wanted[0]), (second, wanted[1])):
        for mean in found:
            np.testing.assert_allclose(mean, expected, atol=1e-5)
    for outputs in (*predicted, fresh.predict(x, verbose=0)):
        np.testing.assert_allclose(outputs, plain, atol=1e-5)
    assert not np.allclose(in_context[0], plain, atol=1e-3)
    assert not np.allclose(in_context[1], plain, atol=1e-3)
    for old, new in zip(before, model.variables):
        np.testing.assert_array_equal(old, np.array(new))


def test_predict_in_another_thread_is_not_sampled_within_the_context():
    model, x = sequential(layers.Dropout(0.5), shape=(20,)), np.ones((3, 20), "float32")
    with mc_dropout(model, seed=0):
        sampled = model.predict(x, verbose=0)
        (plain,) = in_threads(lambda: model.predict(x, verbose=0))
        again = model.predict(x, verbose=0)
    np.testing.assert_array_equal(plain, x)
    for found in (sampled, again):
        assert set(np.unique(found)) == {0.0, 2.0}
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)


def test_contexts_may_end_in_any_order():
    model, x = sequential(layers.Dropout(0.5), shape=(20,)), np.ones((3, 20), "float32")
    first_is_in, second_is_in = threading.Event(), threading.Event()
    first_is_out = threading.Event()

    def first():
        with mc_dropout(model, seed=0):
            first_is_in.set()
            assert second_is_in.wait(60)
        first_is_out.set()

    def second():
        assert first_is_in.wait(60)
        with mc_dropout(model, seed=0):
            second_is_in.set()
            assert first_is_out.wait(60)
            return called(model, x)

    _, sample = in_threads(first, second)
    assert set(np.unique(sample)) == {0.0, 2.0}
    np.testing.assert_array_equal(called(model, x), x)
    assert "call" not in vars(model.layers[0])


def test_a_model_compiled_within_the_context_does_not_go_on_sampling():
    model, x = sequential(layers.Dropout(0.5), shape=(20,)), np.ones((3, 20), "float32")
    model.predict(x, verbose=0)
    with mc_dropout(model, seed=0):
        model.compile("sgd", "mse")
        assert set(np.unique(model.predict(x, verbose=0))) == {0.0, 2.0}
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)


def test_samples_within_a_context_are_not_kept_for_later():
    model = sequential(
        layers.Dropout(0.5, name="a"), layers.Dropout(0.5, name="b"), shape=(40,)
    )
    x = np.ones((3, 40), "float32")
    with mc_dropout(model, layers=["a"], seed=0):
        both = mc_predict(model, x, 20, seed=0, layers=["b"], return_samples=True)
    one = mc_predict(model, x, 20, seed=0, layers=["b"], return_samples=True)
    assert set(np.unique(both.samples_array)) == {0.0, 4.0}
    assert set(np.unique(one.samples_array)) == {0.0, 2.0}


def draws():
    """Numbers of all global generators that may have been used."""
    found = [np.random.random(3)]
    if BACKEND == "torch":
        import torch

        found.append(torch.rand(3).numpy())
    return np.concatenate(found)


@pytest.mark.parametrize("seed", [None, 5])
def test_the_generators_of_the_user_are_as_before(seed):
    model, x = recurrent(), rows(4, 3, 2)
    keras.utils.set_random_seed(1)
    expected = draws()
    keras.utils.set_random_seed(1)
    for strategy in STRATEGIES:
        mc_predict(model, x, 4, seed=seed or 0, strategy=strategy)
    with mc_dropout(model, seed=seed):
        called(model, x)
    np.testing.assert_array_equal(draws(), expected)


@pytest.mark.parametrize("own_seed", [None, 7])
def test_a_seed_decides_all_of_the_samples_of_a_context(own_seed):
    model = sequential(
        layers.Dropout(0.5, seed=own_seed),
        layers.GaussianNoise(0.5, seed=own_seed),
        shape=(20,),
    )
    x, samples = np.ones((3, 20), "float32"), []
    for seed in (1, 1, 2, 2**40 + 1):
        with mc_dropout(model, seed=seed):
            samples.append([called(model, x), model.predict(x, verbose=0)])
    np.testing.assert_array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[0], samples[2])
    assert not np.array_equal(samples[0][0], samples[0][1])


@pytest.mark.skipif(BACKEND != "torch", reason="others have no generator of a process")
def test_generators_of_a_device_without_objects_are_kept():
    import torch

    from keras_extras.uncertainty.torch import generators

    class Module:
        get_rng_state = staticmethod(torch.get_rng_state)
        set_rng_state = staticmethod(torch.set_rng_state)
        manual_seed = staticmethod(torch.manual_seed)

    only = generators._OnlyGenerator(Module)
    state = only.get_state()
    only.manual_seed(3)
    assert not torch.equal(only.get_state(), state)
    only.set_state(state)
    assert torch.equal(torch.get_rng_state(), state)
