"""Going back to earlier batches on torch, and what is put back afterwards."""

import keras
import numpy as np
import pytest
import torch
import torch_models as models
from keras import layers
from keras import ops

from keras_extras.backends.torch import batch_ring
from keras_extras.backends.torch.batch_ring import BatchRing
from keras_extras.backends.torch.batch_ring import as_in_training
from keras_extras.backends.torch.variables_kept import VariablesKept
from keras_extras.callbacks import TrainingDiagnostics


class Overflows(layers.Layer):
    """Takes a logarithm of 0 where dropout and a marker in the data meet."""

    def call(self, x):
        return ops.where(x[:, :1] > 90.0, ops.log(ops.zeros_like(x)), x)


def rows(spoil_step=None):
    x, y = models.data()
    if spoil_step is not None:
        x[8 * spoil_step] = 100.0
    return x, y


class Steps(models.OptimizedByTorch):
    """An optimizer of torch, modules with buffers, and dropout that decides."""

    def __init__(self):
        super().__init__()
        norm = torch.nn.BatchNorm1d(8, momentum=0.5)
        self.norm = keras.layers.TorchModuleWrapper(norm, output_shape=(None, 8))
        self.bad = Overflows(name="bad")

    def call(self, x, training=None):
        h = self.norm(self.hidden(ops.minimum(x, 9.0)), training=training)
        marker = ops.where(x[:, :1] > 50.0, 100.0, 0.0)
        h = ops.concatenate([marker, self.drop(h, training=training)], axis=-1)
        return self.head(self.bad(h))


def trained(build, x, y, callbacks, epochs=2):
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(7)
    model = build()
    model(x[:2])
    if hasattr(model, "prepare"):
        model.prepare()
    model.compile(keras.optimizers.Adam(0.01), "mse")
    history = model.fit(
        x,
        y,
        batch_size=8,
        epochs=epochs,
        callbacks=callbacks,
        verbose=0,
        shuffle=False,
    )
    return models.state_of(model, history)


def plain():
    norm = torch.nn.BatchNorm1d(6, momentum=0.5)
    wrapped = keras.layers.TorchModuleWrapper(norm, output_shape=(None, 6))

    class Marked(layers.Layer):
        def call(self, x):
            marker = ops.where(x[:, :1] > 50.0, 100.0, 0.0)
            return ops.concatenate([marker, ops.minimum(x, 9.0)], axis=-1)

    inputs = keras.Input((6,))
    marked = Marked()(inputs)
    h = layers.Dropout(0.3)(wrapped(layers.Dense(6)(marked)))
    bad = Overflows(name="bad")(ops.concatenate([marked, h], axis=-1))
    return keras.Model(inputs, layers.Dense(1)(bad))


@pytest.mark.parametrize("build", [plain, Steps], ids=["keras", "torch"])
@pytest.mark.parametrize("spoilt", [3, None])
def test_nan_is_found_and_all_is_put_back(build, spoilt):
    x, y = rows(spoilt)
    diagnostics = TrainingDiagnostics(every=1000, verbose=0, replay=True)
    ours = trained(build, x, y, [diagnostics])
    theirs = trained(build, x, y, [])
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        assert one.tobytes() == other.tobytes()
    found = [f for f in diagnostics.findings if f.code == "nan-loss"]
    assert [(f.first_step, f.layer) for f in found] == (
        [] if spoilt is None else [(3, "bad")]
    )


def test_a_snapshot_holds_all_that_a_training_changes():
    x, y = rows()
    keras.utils.set_random_seed(1)
    model = Steps()
    model(x[:2])
    model.prepare()
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(x, y, batch_size=8, verbose=0)

    def state():
        adam = [t for s in model.adam.state.values() for t in s.values()]
        tensors = [*model.parameters(), *model.norm.buffers(), *adam]
        return [t.detach().clone() for t in tensors], model.adam.param_groups[0]["lr"]

    before, rate = state()
    kept = VariablesKept(model)
    assert kept.is_finite()
    expected = torch.rand(3)
    torch.set_rng_state(kept._draws._cpu)
    model.fit(x, y, batch_size=8, verbose=0)
    assert any(not torch.equal(a, b) for a, b in zip(before, state()[0]))
    kept.restore()
    now, rate_now = state()
    assert all(torch.equal(a, b) for a, b in zip(before, now))
    assert rate_now == rate
    assert torch.equal(torch.rand(3), expected)
    with torch.no_grad():
        model.hidden.kernel.value[0, 0] = torch.nan
    assert not VariablesKept(model).is_finite()


class Iterator:
    """What a ring asks of Keras' iterator."""

    def __init__(self, batches, adapter="ArrayDataAdapter"):
        self.data_adapter = type(adapter, (), {})()
        self.source = batches

    def _get_iterator(self):
        return self.source


def read(iterator):
    return list(iter(iterator._get_iterator()))


def test_a_ring_keeps_the_last_batches_and_passes_all_on():
    batches = [(torch.full((2**19,), float(n)),) for n in range(70)]  # 2 MiB each
    iterator = Iterator(batches)
    ring = BatchRing(iterator)
    passed = read(iterator)
    assert all(a is b for a, b in zip(passed, batches, strict=True))
    assert ring.capacity == 32
    kept = [as_in_training(batch) for batch in ring.batches()]
    assert all(a is b for a, b in zip(kept, batches[-32:], strict=True))
    ring.detach()
    assert ring.batches() == []
    assert "_get_iterator" not in vars(iterator)
    assert read(iterator) == batches


@pytest.mark.parametrize(("size", "capacity"), [(1, 256), (2**25, 8)])
def test_how_many_batches_there_is_room_for(size, capacity):
    iterator = Iterator([{"x": torch.empty(size, dtype=torch.uint8)}, None])
    ring = BatchRing(iterator)
    next(iter(iterator._get_iterator()))
    assert ring.capacity == capacity


@pytest.mark.parametrize("has_accelerator", [False, True])
def test_batches_bring_their_draws_along(monkeypatch, has_accelerator):
    monkeypatch.setattr(batch_ring, "_has_accelerator", lambda: has_accelerator)
    iterator = Iterator([(torch.zeros(1),), (torch.ones(1),)])
    ring = BatchRing(iterator)
    drawn = []
    for _ in iterator._get_iterator():
        drawn.append([torch.rand(2), torch.randn(3)])  # the second keeps one for later
        torch.rand(5)  # of a loader
    for batch, expected in zip(ring.batches(), drawn, strict=True):
        as_in_training(batch)
        assert torch.equal(torch.rand(2), expected[0])
        assert torch.equal(torch.randn(3), expected[1])


def test_data_that_writes_to_the_same_memory_cannot_be_gone_back_to():
    memory = np.zeros(3, "float32")
    batches = [(torch.as_tensor(memory),) for _ in range(3)]
    for adapter, known in (("GeneratorDataAdapter", 0), ("ArrayDataAdapter", 3)):
        iterator = Iterator(batches, adapter)
        ring = BatchRing(iterator)
        read(iterator)
        assert len(ring.batches()) == known


def test_a_ring_does_not_keep_the_iterator_alive():
    import gc
    import weakref

    iterator = Iterator([])
    ring = BatchRing(iterator)
    alive = weakref.ref(iterator)
    gc.disable()
    try:
        del iterator
        assert alive() is None
    finally:
        gc.enable()
    ring.detach()
