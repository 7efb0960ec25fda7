"""What a dry run on JAX brings back is what the step itself computes."""

from contextlib import nullcontext

import jax
import jax.numpy as jnp
import jax_models
import keras
import numpy as np
import pytest
from backend_in_use import gradients_of
from jax.experimental import io_callback
from keras import layers
from keras import ops

from keras_extras.backends.contract import CannotInspectError
from keras_extras.backends.contract import Wanted
from keras_extras.backends.jax.backend import JaxBackend
from keras_extras.backends.jax.dry_run import JaxDryRun
from keras_extras.backends.jax.state import state_of_variables
from keras_extras.callbacks import TrainingDiagnostics

BACKEND = JaxBackend()


def built(build=None, optimizer="sgd", **arguments):
    model = jax_models.net(optimizer, build, **arguments)
    x, y = jax_models.data()
    model._symbolic_build(data_batch=(x[:8], y[:8]))
    return model, (x[:8], y[:8])


def dry_run(model, layers=(), **wanted):
    variables = tuple(model.trainable_variables)
    wanted = {"variables": variables, "weights": variables, **wanted}
    return JaxDryRun(model, Wanted(layers=tuple(layers), **wanted))


def by_member(stacks):
    return {m: values for stack in stacks for m, values in zip(*stack)}


def assert_close(found, expected):
    scale = max(np.abs(value).max() for value in expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.ravel(), rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize("build", [jax_models.penalized, jax_models.OwnStep])
def test_gradients_are_those_of_the_loss(build):
    model, (x, y) = built(build)
    run = dry_run(model)
    state = state_of_variables(model)
    (found,) = run(state, (x, y))
    own = build is jax_models.OwnStep

    def loss():
        y_pred = model(x, training=True)
        if own:
            return ops.mean(ops.square(y_pred - y))
        return model.compute_loss(x=x, y=y, y_pred=y_pred, training=True)

    expected = gradients_of(loss, model.trainable_variables)
    gradients = by_member(found.gradients)
    assert_close([gradients[n] for n in range(len(expected))], expected)
    assert found.trained == tuple(range(len(expected)))
    assert run.optimizers == (model.optimizer,)


class Scales(layers.Layer):
    """Has weights with a gradient of 0, and weights without any."""

    def build(self, shape):
        names = ("used", "times_zero", "behind_a_stop", "unused")
        self.scales = [self.add_weight(shape=shape[1:], name=n) for n in names]
        self.unused_number = self.add_weight(shape=(), name="unused_number")

    def call(self, x):
        used, times_zero, behind_a_stop, _ = self.scales
        stopped = ops.stop_gradient(behind_a_stop)
        return x * (used + times_zero * 0.0 + stopped)


def test_a_gradient_of_0_is_told_from_none():
    model, batch = built(lambda: keras.Sequential([keras.Input((6,)), Scales()]))
    (found,) = dry_run(model)(state_of_variables(model), batch)
    gradients = by_member(found.gradients)
    assert sorted(gradients) == [0, 1]
    assert gradients[0].any()
    assert not gradients[1].any()
    assert found.trained == (0, 1, 2, 3, 4)


def test_outputs_are_those_of_the_step_its_dropout_masks_too():
    model, (x, y) = built(jax_models.Net)
    measured = (model.hidden, model.drop, model.head)
    state = state_of_variables(model)
    (found,) = dry_run(model, measured)(state, (x, y))
    with keras.StatelessScope([(v, v.value) for v in model.variables]):
        hidden = model.hidden(x)
        dropped = model.drop(hidden, training=True)
        expected = [hidden, dropped, model.head(dropped)]
    assert found.calls == (0, 1, 2)
    outputs = by_member(found.outputs)
    for number, value in enumerate(expected):
        np.testing.assert_allclose(outputs[number], value, rtol=1e-5, atol=1e-6)
    assert 0 < np.mean(outputs[1] == 0) < 1


def test_rows_and_loss_are_those_of_the_batch():
    model, (x, y) = built()
    model.make_train_function()
    state = state_of_variables(model)
    (some,) = dry_run(model, rows=3)(state, (x, y))
    (found,) = dry_run(model, rows=8)(state, (x, y))
    loss = float(model.train_function(state, iter([(x, y)]))[0]["loss"])
    ((y_pred, _, _),) = found.batch.tensors["y_pred"]
    penalty = loss - np.mean((y_pred - y) ** 2)
    for batch in (some.batch, found.batch):
        np.testing.assert_allclose([batch.loss, batch.penalty], [loss, penalty], 1e-5)
        assert (batch.rows, batch.weighted) == (8, False)
    ((rows, shape, dtype),) = some.batch.tensors["x"]
    np.testing.assert_array_equal(rows, x[:3])
    assert (shape, dtype) == ((6,), "float32")
    ((rows, _, _),) = some.batch.tensors["y_pred"]
    np.testing.assert_array_equal(rows, y_pred[:3])


def test_weights_are_those_before_the_step_whose_memory_they_do_not_share():
    model, batch = built()
    model.make_train_function()
    before = [np.array(v).ravel() for v in model.trainable_variables]
    state = state_of_variables(model)
    (found,) = dry_run(model)(state, batch)
    result = model.train_function(state, iter([batch]))
    read = BACKEND.weight_reader(model.trainable_variables)
    with BACKEND.values(model, BACKEND.outcome(result)[1]):
        after = by_member(read())
    kept = by_member(found.weights)
    for number, value in enumerate(before):
        np.testing.assert_array_equal(kept[number], value)
        assert np.any(after[number] != value)


def test_what_is_in_a_branch_is_left_out():
    model, batch = built(jax_models.branches)
    branch = model.layers[1]
    run = dry_run(model, (branch.inner, branch, model.layers[2]))
    (found,) = run(state_of_variables(model), batch)
    assert found.calls == (1, 2)
    assert len(by_member(found.gradients)) == 4


class Two(jax_models.Net):
    """Has an optimizer for each layer; the second loss sees what the first did."""

    def __init__(self):
        super().__init__()
        self.second = keras.optimizers.SGD(0.5)

    def build(self, shape):
        self.hidden.build(shape)
        self.head.build((None, 8))

    def train_step(self, state, data):
        trainable, fixed, slots, metrics = state
        x, y = data
        first, last = trainable[:2], trainable[2:]
        loss = lambda some, others: jnp.mean((self.of(some + others, x) - y) ** 2)
        gradients = jax.grad(loss)(first, last)
        first, slots = self.optimizer.stateless_apply(slots, gradients, first)
        gradients = jax.grad(lambda last: loss(first, last))(last)
        held = [v.value for v in self.second.variables]
        last, _ = self.second.stateless_apply(held, gradients, last)
        return {"loss": loss(first, last)}, (first + last, fixed, slots, metrics)

    def of(self, values, x):
        a, b, c, d = values
        return jnp.tanh(x @ a + b) @ c + d


def test_a_second_optimizer_sees_what_the_first_has_done():
    x, y = jax_models.data()
    model = jax_models.net(keras.optimizers.SGD(0.5), Two)
    model.build((None, 6))
    variables = model.trainable_variables
    model.optimizer.build(variables[:2])
    model.second.build(variables[2:])
    run = dry_run(model)
    state = state_of_variables(model)
    (found,) = run(state, (x[:8], y[:8]))
    assert run.optimizers == (model.optimizer, model.second)
    _, after = jax.jit(model.train_step)(state, (x[:8], y[:8]))
    updates = [(old - new) / 0.5 for old, new in zip(state[0], after[0])]
    gradients = by_member(found.gradients)
    for number, update in enumerate(updates):
        expected = np.array(update).ravel()
        np.testing.assert_allclose(gradients[number], expected, atol=1e-6)


class Acts(layers.Layer):
    """Acts on the world while it computes."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def call(self, x):
        self.act(x)
        return x


heard = []
ACTS = {
    "debug_print": lambda x: jax.debug.print("{}", x[0, 0]),
    "debug_callback": lambda x: jax.debug.callback(heard.append, x[0, 0]),
    "io_callback": lambda x: io_callback(heard.append, None, x[0, 0]),
    "while": lambda x: jax.lax.fori_loop(
        0, 2, lambda n, _: jax.debug.callback(heard.append, n), None
    ),
}


@pytest.mark.parametrize("name", ACTS)
def test_a_step_that_acts_on_the_world_is_refused_once_and_trains_on(name):
    found, counts = [], []
    for used in ([], [TrainingDiagnostics(every=1, verbose=0)]):
        heard.clear()
        build = lambda: keras.Sequential(
            [keras.Input((6,)), Acts(ACTS[name]), layers.Dense(1)]
        )
        model = jax_models.net("adam", build)
        x, y = jax_models.data(rows=16)
        warns = (
            pytest.warns(UserWarning, match="side effect") if used else nullcontext()
        )
        with warns as said:
            model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=used)
        jax.effects_barrier()
        found.append(jax_models.state_of(model))
        counts.append(len(heard))
    jax_models.assert_same(*found)
    assert counts[0] == counts[1]
    operation = {"while": "debug_callback"}.get(name, name)
    (warning,) = [w for w in said if "side effect" in str(w.message)]
    assert f"side effect, `{operation}`" in str(warning.message)
    recorded = set(used[0].history)
    assert "learning_rate" in recorded
    assert not any(name.startswith(("gradient", "activation")) for name in recorded)


def test_an_eager_step_that_needs_values_is_refused_before_it_runs():
    class Decides(jax_models.Net):
        def call(self, x, training=None):
            if training and float(ops.mean(x)) > 9.0:
                return self.head(x)
            return super().call(x, training=training)

    model, batch = built(Decides, run_eagerly=True)
    with pytest.raises(CannotInspectError, match=r"cannot be traced .*Concretization"):
        dry_run(model)(state_of_variables(model), batch)


def test_shapes_that_are_new_are_dear_until_they_come_often():
    model, (x, y) = built()
    run = dry_run(model)
    short = x[:4], y[:4]
    assert not run.is_dear(short)  # whichever comes first
    run(state_of_variables(model), (x, y))
    assert not run.is_dear((x, y))
    assert [run.is_dear(short) for _ in range(4)] == [True, True, True, False]
    run(state_of_variables(model), short)
    assert not run.is_dear(short)


def test_a_short_last_batch_is_not_compiled_for_unless_it_is_asked_for():
    x, y = jax_models.data(rows=12)  # batches of eight rows and of four
    for every, expected in (("auto", [0]), (1, [0, 1])):
        diagnostics = TrainingDiagnostics(every=every, verbose=0)
        jax_models.net().fit(x, y, batch_size=8, verbose=0, callbacks=[diagnostics])
        assert diagnostics.history.steps.tolist() == expected


def test_a_trace_leaves_nothing_in_variables_nor_in_generators():
    class Leaks(jax_models.Net):
        def train_step(self, state, data):
            self._loss_tracker.total.assign(data[0].sum())
            return super().train_step(state, data)

    model, batch = built(Leaks)
    values = [v._value for v in model.metrics_variables]
    python, numpy = np.random.get_state()[1].tolist(), keras.random.uniform((1,))
    dry_run(model)(state_of_variables(model), batch)
    assert all(
        a is b for a, b in zip(values, (v._value for v in model.metrics_variables))
    )
    assert np.random.get_state()[1].tolist() == python
    assert numpy.shape == (1,)
    assert "call" not in vars(model.hidden)
    assert not {"apply", "stateless_apply"} & set(vars(model.optimizer))
