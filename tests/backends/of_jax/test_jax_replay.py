"""Going back to earlier batches on JAX, and what is put back afterwards."""

import jax
import jax_models
import keras
import numpy as np
import pytest
from keras import layers
from keras import ops

from keras_extras.backends.jax.batch_ring import BatchRing
from keras_extras.backends.jax.variables import VariablesKept
from keras_extras.callbacks import TrainingDiagnostics


class Overflows(layers.Layer):
    """Takes a logarithm of 0 where dropout and a marker in the data meet."""

    def call(self, x):
        return ops.where(x[:, :1] > 90.0, ops.log(ops.zeros_like(x)), x)


class Marks(layers.Layer):
    """Puts a marker beside what is cut off."""

    def call(self, x):
        marker = ops.where(x[:, :1] > 50.0, 100.0, 0.0)
        return ops.concatenate([marker, ops.minimum(x, 9.0)], axis=-1)


class SteepAtFifty(layers.Layer):
    """Has a gradient there that is not finite, and an output that is."""

    def call(self, x):
        return x + ops.sqrt(ops.abs(x - 50.0)) * 0.0


def marked():
    inputs = keras.Input((6,))
    x = Marks()(inputs)
    h = layers.BatchNormalization()(layers.Dropout(0.3)(layers.Dense(6)(x)))
    bad = Overflows(name="bad")(layers.Concatenate()([x, h]))
    return keras.Model(inputs, layers.Dense(1)(bad))


def rows(spoilt, value):
    x, y = jax_models.data(rows=160)  # twenty batches
    if spoilt is not None:
        x[8 * spoilt] = value
    return x, y


def trained(build, x, y, callbacks, **arguments):
    model = jax_models.net(keras.optimizers.Adam(0.01), build, **arguments)
    model.fit(
        x, y, batch_size=8, epochs=2, callbacks=callbacks, verbose=0, shuffle=False
    )
    return jax_models.state_of(model)


CASES = {
    "healthy": (None, 0.0, 1, None),
    "layer": (3, 100.0, 3, (3, "bad")),
    "layer, late": (17, 100.0, 1, (17, "bad")),
    "layer, short execution": (18, 100.0, 3, (18, "bad")),
    "input": (5, np.nan, 1, (5, None)),
}


@pytest.mark.parametrize("name", CASES)
def test_nan_is_found_and_all_is_put_back(name):
    spoilt, value, steps, expected = CASES[name]
    x, y = rows(spoilt, value)
    diagnostics = TrainingDiagnostics(every=1000, verbose=0, replay=True)
    found = [
        trained(marked, x, y, used, steps_per_execution=steps)
        for used in ([], [diagnostics])
    ]
    jax_models.assert_same(*found)
    origin = diagnostics.observations.nonfinite
    assert (origin and (origin.step, origin.layer)) == expected
    if name == "input":
        assert origin.kind == "input"


def test_a_gradient_that_is_not_finite_is_found_though_only_the_next_loss_is():
    def build():
        inputs = keras.Input((6,))
        hidden = layers.Dense(6, kernel_initializer="identity", name="a")(inputs)
        steep = SteepAtFifty(name="steep")(hidden)
        return keras.Model(inputs, layers.Dense(1, name="b")(steep))

    x, y = rows(None, 0.0)
    x[8 * 4 :] = np.clip(x[8 * 4 :], -1, 1)
    x[8 * 4 + 1, 0] = 50.0
    diagnostics = TrainingDiagnostics(every=1000, verbose=0, replay=True)
    model = jax_models.net(keras.optimizers.SGD(0.0), build)
    model.fit(x, y, batch_size=8, verbose=0, shuffle=False, callbacks=[diagnostics])
    origin = diagnostics.observations.nonfinite
    assert (origin.step, origin.kind, origin.layer) == (4, "gradient", "a")


def test_the_step_is_known_without_a_replay_and_a_training_can_be_stopped():
    x, y = rows(3, np.nan)
    diagnostics = TrainingDiagnostics(verbose=0, replay=False, actions="stop")
    model = jax_models.net(keras.optimizers.SGD(0.01), marked)
    model.fit(x, y, batch_size=8, verbose=0, shuffle=False, callbacks=[diagnostics])
    assert [f.code for f in diagnostics.findings if f.severity == "error"]
    # The loss is read late, but not at the end of the epoch only.
    assert 4 <= int(model.optimizer.iterations.numpy()) <= 4 + 13 < len(x) // 8
    assert diagnostics.observations.nonfinite is not None


def test_what_an_action_raises_ends_the_training():
    def give_up(errors):
        raise RuntimeError(errors[0].code)

    x, y = rows(2, np.nan)
    diagnostics = TrainingDiagnostics(verbose=0, actions=give_up)
    with pytest.raises(RuntimeError, match="nan"):
        trained(marked, x, y, [diagnostics])


class Iterator:
    """What a ring asks of Keras' iterator."""

    steps_per_execution = 1

    def __init__(self, batches):
        self.source = batches

    def _get_iterator(self):
        return self.source


def read(iterator):
    return list(iter(iterator._get_iterator()))


def test_a_ring_keeps_the_last_batches_and_passes_all_on():
    batches = [(np.full(2**19, n, "float32"),) for n in range(70)]  # 2 MiB each
    iterator = Iterator(batches)
    ring = BatchRing(iterator)
    passed = read(iterator)
    assert all(a is b for a, b in zip(passed, batches, strict=True))
    assert ring.capacity == 32
    kept = ring.batches()
    assert len(kept) >= ring.capacity + 5  # until a late loss is read
    assert all(a is b for a, b in zip(kept, batches[-len(kept) :], strict=True))
    ring.detach()
    assert ring.batches() == []
    assert "_get_iterator" not in vars(iterator)
    assert read(iterator) == batches


@pytest.mark.parametrize("arrays", [1, 3])
def test_batches_in_the_same_memory_are_copied(arrays):
    memory = [np.zeros(3, "float32") for _ in range(arrays)]

    def batches():
        for n in range(8):
            memory[n % arrays][:] = n
            yield (memory[n % arrays],)

    iterator = Iterator(batches())
    ring = BatchRing(iterator)
    read(iterator)
    kept = [float(x[0]) for (x,) in ring.batches()]
    assert kept == [float(n) for n in range(arrays, 8)]


def test_a_snapshot_holds_all_that_a_training_changes():
    model = jax_models.net("adam")
    x, y = jax_models.data()
    model.fit(x, y, batch_size=8, verbose=0)
    before = jax_models.state_of(model)
    kept = VariablesKept(model)
    assert kept.is_finite()
    model.fit(x, y, batch_size=8, verbose=0)
    kept.restore()
    jax_models.assert_same(jax_models.state_of(model), before)
    kept.restore()  # nobody has written to what it holds
    jax_models.assert_same(jax_models.state_of(model), before)
    model.layers[1].kernel.assign(jax.numpy.full((6, 8), np.nan))
    assert not VariablesKept(model).is_finite()
