"""What a dry run on torch brings back is what the step itself computes."""

import threading

import keras
import numpy as np
import pytest
import torch
import torch_models as models
from keras import layers
from keras import ops

from keras_extras.backends.contract import CannotInspectError
from keras_extras.backends.contract import Wanted
from keras_extras.backends.torch.backend import TorchBackend
from keras_extras.backends.torch.dry_run import TorchDryRun
from keras_extras.backends.torch.torch_optimizers import torch_optimizers_of
from keras_extras.callbacks import TrainingDiagnostics


def compiled(build, **arguments):
    keras.utils.set_random_seed(3)
    model = build()
    x, y = map(torch.as_tensor, models.data())
    model(x[:2])
    if hasattr(model, "prepare"):
        model.prepare()
    model.compile(keras.optimizers.SGD(0.1), "mse", **arguments)
    model.optimizer.build(model.trainable_variables)
    model.make_train_function()
    return model, (x[:8], y[:8])


def look(model, batch, layers=(), **wanted):
    variables = tuple(model.trainable_variables)
    wanted = {"variables": variables, "weights": variables, **wanted}
    run = TorchDryRun(model, Wanted(layers=tuple(layers), **wanted))
    (found,) = run(None, batch)
    return found


def by_member(stacks):
    return {m: values for stack in stacks for m, values in zip(*stack)}


STEPS = ["hands_over", "optimized_by_torch", "adds_up", "foreign", "draws_everywhere"]


@pytest.mark.parametrize("name", STEPS)
def test_gradients_are_those_of_the_step_to_the_bit(name):
    model, batch = compiled(models.MODELS[name])
    for _ in range(3):  # gradients that add up do so in the second and third
        found = by_member(look(model, batch).gradients)
        seen = {}

        def note(*arguments, seen=seen):
            for number, variable in enumerate(model.trainable_variables):
                seen[number] = variable.value.grad.clone().numpy().ravel()

        if name == "adds_up":
            kept = [v.value.grad for v in model.trainable_variables]
            kept = [None if g is None else g.clone() for g in kept]
            loss = None
            draws = torch.get_rng_state()
            loss = model.loss_of(batch)
            (loss / 2).backward()
            note()
            torch.set_rng_state(draws)
            for variable, gradient in zip(model.trainable_variables, kept):
                variable.value.grad = gradient
            model.train_function([batch])
        else:
            model.train_function([batch])
            note()
        assert set(found) == set(seen)
        for number, gradient in seen.items():
            np.testing.assert_array_equal(found[number], gradient)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_outputs_are_those_of_the_step_its_dropout_masks_too(dtype):
    heard = []

    class Hears(layers.Layer):
        def call(self, x):
            heard.append(x.detach().float().numpy().copy())
            return x

    def build():
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(dtype)
        try:
            drops = [layers.Dropout(0.4), layers.SpatialDropout1D(0.4, seed=1)]
            stack = [layers.Dense(20, "relu"), drops[0], Hears()]
            stack += [layers.Reshape((4, 5)), drops[1], Hears(), layers.Flatten()]
            return keras.Sequential([keras.Input((6,)), *stack, layers.Dense(1)])
        finally:
            keras.config.set_dtype_policy(policy)

    model, batch = compiled(build)
    measured = [model.layers[number] for number in (1, 4)]
    for _ in range(2):
        found = look(model, batch, measured)
        heard.clear()
        model.train_function([batch])
        outputs = by_member(found.outputs)
        assert found.calls == (0, 1)
        assert 0 < np.mean(heard[0] == 0) < 1
        for number in (0, 1):
            expected = heard[number].reshape(outputs[number].shape)
            np.testing.assert_array_equal(outputs[number], expected)


def test_weights_are_those_before_the_step():
    model, batch = compiled(models.MODELS["hands_over"])
    before = [np.array(v) for v in model.trainable_variables]
    found = by_member(look(model, batch).weights)
    read = TorchBackend().weight_reader(model.trainable_variables)
    model.train_function([batch])
    after = by_member(read())
    for number, value in enumerate(before):
        np.testing.assert_array_equal(found[number], value.ravel())
        assert np.any(after[number] != found[number])


class Positions(layers.Layer):
    """Returns rows of its weight: no copy of them."""

    def build(self, shape):
        self.table = self.add_weight(shape=(9, 6), initializer="ones", name="table")

    def call(self, x):
        return self.table.value[: len(x)]


class WithPositions(models.Net):
    def __init__(self):
        super().__init__()
        self.positions = Positions()

    def call(self, x, training=None):
        return super().call(x + self.positions(x), training=training)


def test_outputs_that_share_memory_with_weights_stay_what_they_were():
    model, batch = compiled(WithPositions)
    found = look(model, batch, [model.positions])
    model.train_function([batch])
    (output,) = by_member(found.outputs).values()
    assert np.any(np.array(model.positions.table)[:8] != 1.0)
    np.testing.assert_array_equal(output, np.ones((8, 6)))


def test_in_place_functions_do_not_change_what_was_seen():
    module = torch.nn.Sequential(torch.nn.ReLU(inplace=True))

    def build():
        wrapped = layers.TorchModuleWrapper(module, output_shape=(None, 8))
        shift = layers.Lambda(lambda x: x + 0.0)
        stack = [layers.Dense(8), shift, wrapped, layers.Dense(1)]
        return keras.Sequential([keras.Input((6,)), *stack])

    model, batch = compiled(build)
    found = by_member(look(model, batch, model.layers[1:3]).outputs)
    assert found[0].min() < 0.0
    np.testing.assert_array_equal(np.maximum(found[0], 0.0), found[1])


def test_sparse_gradients_come_row_by_row_or_whole():
    module = torch.nn.EmbeddingBag(7, 3, sparse=True)

    class Words(keras.Model):
        def __init__(self):
            super().__init__()
            self.words = layers.TorchModuleWrapper(module)

        def call(self, x):
            return self.words(x)

        def train_step(self, data):
            raise NotImplementedError

    model = Words()
    words = torch.tensor([[1, 1], [4, 1]])
    model(words)
    model.compile("sgd", "mse")
    loss = ops.sum(model(words) ** 2)
    loss.backward()
    model.train_step = lambda data: model.optimizer.apply(
        [model.words.trainable_variables[0].value.grad], model.trainable_variables
    )
    for dense, size in ((False, 6), (True, 21)):
        (stack,) = look(model, (words, words), dense=dense).gradients
        assert stack.values.shape == (1, size)


def test_the_batch_that_a_loss_was_computed_from():
    model, (x, y) = compiled(models.Net)
    found = look(model, (x, y, torch.ones(8)), rows=5).batch
    assert found.weighted
    assert found.rows == 8
    for kind, expected in (("x", x), ("y", y)):
        ((values, shape, dtype),) = found.tensors[kind]
        np.testing.assert_array_equal(values, expected[:5])
        assert (shape, dtype) == (tuple(expected.shape[1:]), "float32")


def test_a_compiled_step_that_draws_is_refused_and_one_that_does_not_is_not():
    model, batch = compiled(lambda: models.with_layer(layers.Dropout(0.5)))
    model.jit_compile = True
    with pytest.raises(CannotInspectError, match="jit_compile=True"):
        look(model, batch)
    model, batch = compiled(lambda: models.with_layer(layers.Dense(4)))
    model.jit_compile = True
    assert look(model, batch).gradients


def test_optimizers_of_torch_are_known_wherever_they_are_held():
    model, batch = compiled(models.OptimizedByTorch)
    assert torch_optimizers_of(model) == [model.adam]
    hidden = model.adam
    del model.adam
    assert torch_optimizers_of(model) == []
    model.train_step = lambda data: step_with(hidden, model, data)
    before = [np.array(v) for v in model.variables]
    look(model, batch)
    assert torch_optimizers_of(model) == [hidden]
    assert not hidden.state
    for variable, value in zip(model.variables, before):
        np.testing.assert_array_equal(np.array(variable), value)


def step_with(optimizer, model, data):
    try:
        optimizer.zero_grad()
        model.loss_of(data).backward()
        optimizer.step()
    except Exception:  # as a step may that goes on after a fault
        return {}
    raise AssertionError("a dry run went on")


def test_what_another_thread_trains_meanwhile_is_not_ended():
    model, batch = compiled(models.OptimizedByTorch)
    other, other_batch = compiled(models.OptimizedByTorch)
    trained = []

    def train_the_other():
        other.train_function([other_batch])
        trained.append(True)

    def step(data):
        thread = threading.Thread(target=train_the_other)
        thread.start()
        thread.join()
        return type(model).train_step(model, data)

    model.train_step = step
    before = np.array(model.head.kernel)
    assert look(model, batch).gradients
    assert trained
    assert np.any(np.array(other.head.kernel) != before)
    np.testing.assert_array_equal(np.array(model.head.kernel), before)


def test_a_scale_of_the_loss_is_in_the_gradients():
    model, batch = compiled(lambda: models.with_layer(layers.Dense(3)))
    plain = by_member(look(model, batch).gradients)
    model.optimizer.loss_scale_factor = 8.0
    scaled = by_member(look(model, batch).gradients)
    for number, gradient in plain.items():
        np.testing.assert_allclose(scaled[number], 8 * gradient, rtol=1e-6)


def test_statistics_equal_numpys():
    model, _ = compiled(lambda: models.with_layer(layers.Dropout(0.3)))
    diagnostics = TrainingDiagnostics(every=1, verbose=0)
    rates, updates = [], []

    class Around(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.before = [np.array(v) for v in self.model.layers[0].variables]

        def on_train_batch_end(self, batch, logs=None):
            after = [np.array(v) for v in self.model.layers[0].variables]
            moved = [a - b for a, b in zip(after, self.before)]
            updates.append(
                np.sqrt(sum(np.sum(m.astype("float64") ** 2) for m in moved))
            )
            rates.append(float(self.model.optimizer.learning_rate))

    x, y = models.data()
    model.fit(x, y, batch_size=8, callbacks=[Around(), diagnostics], verbose=0)
    history = diagnostics.history
    np.testing.assert_allclose(history["update_norm"][:, 0], updates, rtol=1e-4)
    # Plain gradient descent: the update is the gradient times the rate.
    expected = np.array(updates) / np.array(rates)
    np.testing.assert_allclose(history["gradient_norm"][:, 0], expected, rtol=1e-4)
