"""What is frozen when, what is left after `fit`, and what goes on after a restart."""

import keras
import models
import numpy as np
import pytest
from backend_in_use import JIT
from keras import layers

from keras_extras.callbacks import ActivationLogger
from keras_extras.callbacks import ExponentialDecayScheduler
from keras_extras.callbacks import FreezeUnfreeze
from keras_extras.callbacks import GradientLogger
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.callbacks import PerformanceScheduler
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.keras_internals import frozen_for_now
from keras_extras.keras_internals.optimizer_variables import follow
from keras_extras.keras_internals.rates import set_rate
from keras_extras.transfer.groups import frozen_groups
from keras_extras.transfer.stages import Stages

optimizers = keras.optimizers
Schedule = optimizers.schedules.ExponentialDecay


class Trouble(Exception):
    pass


def reused():
    """Three layers, one of them frozen on purpose, within a model, and a head."""
    stack = [
        layers.Dense(6, activation="relu", name="one"),
        layers.Dense(5, activation="relu", name="purpose", trainable=False),
        layers.Dense(4, activation="relu", name="two"),
    ]
    base = keras.Sequential([keras.Input((6,)), *stack], name="base")
    return keras.Sequential([base, layers.Dense(1, name="head")])


def compiled(optimizer="sgd", build=reused, **arguments):
    keras.utils.set_random_seed(7)
    model = build()
    model.compile(optimizer, "mse", jit_compile=JIT, **arguments)
    return model


def fit(model, *callbacks, epochs=3, **arguments):
    x, y = models._plain_data()
    return model.fit(
        x,
        y,
        batch_size=12,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
        **arguments,
    )


def trained_layers(model):
    return [v.path.split("/")[-2] for v in model.trainable_variables][::2]


class Looks(keras.callbacks.Callback):
    """Notes after each epoch which layers train."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        count = int(self.model.optimizer.iterations)
        self.seen.append((*trained_layers(self.model), count))


def state_of(model):
    return [np.array(v) for v in [*model.variables, *model.optimizer.variables]]


def by_path(model):
    variables = [*model.variables, *model.optimizer.variables]
    return {v.path: np.array(v) for v in variables}


def assert_same(ours, theirs):
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_layers_come_back_from_the_last_and_all_is_left_consistent(tmp_path, capsys):
    model, looks = compiled(optimizers.SGD(0.1, momentum=0.9)), Looks()
    # "purpose" makes a group of its own, of which nothing comes back.
    unfreeze = FreezeUnfreeze([1, 2, 3], factor=0.5, verbose=1)
    assert unfreeze.stage is None
    fit(model, unfreeze, looks, epochs=4)
    assert looks.seen == [
        ("head", 3),
        ("two", "head", 3),
        ("two", "head", 3),
        ("one", "two", "head", 3),
    ]
    assert unfreeze.stage == 3
    assert model.get_layer("base").trainable
    assert float(model.optimizer.learning_rate) == pytest.approx(0.0125)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "epoch 2: 1 layers unfrozen (two), 4 variables" in lines[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_same(state_of(model), state_of(loaded))
    fit(model, epochs=1)
    assert not frozen_for_now._held


def test_dict_says_what_comes_back_and_the_rest_stays_frozen():
    model, looks = compiled(), Looks()
    fit(model, FreezeUnfreeze({1: "base/t.*"}, reset_optimizer=False), looks, epochs=2)
    assert looks.seen == [("head", 3), ("two", "head", 6)]
    assert not model.get_layer("base").get_layer("one").trainable


def test_stopped_in_the_first_stage(tmp_path):
    model = compiled("adam")
    base = [np.array(w) for w in model.get_layer("base").weights]
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", True)
    )
    fit(model, FreezeUnfreeze(2), stop)
    assert trained_layers(model) == ["head"]
    assert_same(base, model.get_layer("base").weights)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_same(state_of(model), state_of(loaded))
    looks = Looks()
    fit(model, FreezeUnfreeze(1), looks, epochs=2)  # "purpose" is remembered
    assert looks.seen == [("head", 6), ("one", "two", "head", 3)]


def test_model_that_was_frozen_by_hand_is_unfrozen():
    model, looks = compiled(), Looks()
    model.get_layer("base").trainable = False
    fit(model, FreezeUnfreeze(1, layers="base"), looks, epochs=2)
    assert looks.seen == [("head", 3), ("one", "purpose", "two", "head", 3)]


@pytest.mark.parametrize("crash", ["epoch2-begin", "epoch3-begin"])
def test_backup_is_restored_to_the_same_end(crash, tmp_path):
    def trained(*callbacks):
        model = compiled(optimizers.Adam(0.05))
        unfreeze = FreezeUnfreeze(2, learning_rate=0.01)
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / crash))
        fit(model, unfreeze, backup, *callbacks, epochs=4)
        return state_of(model)

    def fail(epoch, logs=None):
        if epoch == int(crash[5]):
            raise Trouble

    whole = trained()
    with pytest.raises(Trouble):
        trained(keras.callbacks.LambdaCallback(on_epoch_begin=fail))
    assert not frozen_for_now._held
    assert_same(trained(), whole)


@pytest.mark.parametrize("begin", [1, 3])
def test_loaded_model_goes_on_in_its_stage(begin, tmp_path):
    def part(model, first, last):
        unfreeze = FreezeUnfreeze(2, layers=["one", "two"], factor=0.5)
        fit(model, unfreeze, initial_epoch=first, epochs=last)

    def build():
        model = reused()
        model.get_layer("base").get_layer("purpose").trainable = True
        return model

    whole = compiled(optimizers.Adam(0.05), build)
    part(whole, 0, 4)
    model = compiled(optimizers.Adam(0.05), build)
    if begin == 3:
        part(model, 0, begin)
    else:
        with pytest.warns(UserWarning, match="`unfreeze_at` must be below"):
            part(model, 0, begin)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    part(loaded, begin, 4)
    assert_same(state_of(loaded), state_of(whole))


def test_later_epoch_with_a_new_optimizer_has_the_lower_rate():
    model = compiled(optimizers.SGD(0.1))
    fit(model, FreezeUnfreeze(2, factor=0.1), initial_epoch=3, epochs=4)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert trained_layers(model) == ["one", "two", "head"]


def monitors():
    return [
        TrainingDiagnostics(every=1, verbose=0),
        GradientLogger(every=2),
        ActivationLogger(every=2),
    ]


@pytest.mark.parametrize("first", [True, False])
def test_monitors_see_all_stages_and_raise_no_alarm(first):
    plain = compiled(optimizers.SGD(0.01, momentum=0.9))
    fit(plain, FreezeUnfreeze(2), epochs=4)
    model = compiled(optimizers.SGD(0.01, momentum=0.9))
    own, used = FreezeUnfreeze(2), monitors()
    fit(model, *([own, *used] if first else [*used, own]), epochs=4)
    assert_same(state_of(model), state_of(plain))
    history = used[1].history
    assert history.layers == ("base/one", "base/two", "head")
    assert history.steps.tolist() == [0, 2, 4, 6, 8, 10]
    frozen = np.isnan(history.gradient_norm)
    assert frozen.tolist() == [[True, True, False]] * 3 + [[False] * 3] * 3
    assert np.array_equal(np.isnan(history.weight_norm), frozen)
    assert np.isfinite(used[2].history.activation_mean).all()
    assert used[0].findings == []
    assert used[0].observations.steps.tolist() == list(range(12))


def test_schedulers_and_eager_steps_go_with_it():
    eager = compiled(optimizers.SGD(0.1, momentum=0.9), run_eagerly=True)
    model = compiled(optimizers.SGD(0.1, momentum=0.9))
    for each in (eager, model):
        own = FreezeUnfreeze(1, reset_optimizer=False)
        cycle = OneCycleScheduler(max_rate=0.1, verbose=0)
        fit(each, own, cycle, epochs=2)
        assert int(each.optimizer.iterations) == 6
    for mine, other in zip(state_of(model), state_of(eager), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)
    fit(model, FreezeUnfreeze(1, learning_rate=0.02), PerformanceScheduler("loss"))
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)  # put back
    before = state_of(model)
    fit(model, epochs=1)
    assert sum(not np.array_equal(a, b) for a, b in zip(before, state_of(model))) > 6


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.Nadam(0.1, use_ema=True),
        optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=2),
        optimizers.LossScaleOptimizer(optimizers.RMSprop(0.1)),
        optimizers.Muon(0.1),
        optimizers.ScheduleFreeAdamW(0.1),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_optimizer_keeps_what_it_knows_or_starts_anew(optimizer):
    model = reused()
    head = list(model.get_layer("head").trainable_variables)
    optimizer.build(head)
    for variable in optimizer.variables:
        if not variable.path.endswith("learning_rate"):  # it is no state
            variable.assign(keras.ops.full(variable.shape, 2, variable.dtype))
    known = {v.path: np.array(v) for v in optimizer.variables}
    # Keras counts up the names of variables that have none.
    known = {path: value for path, value in known.items() if "/" in path}
    follow(optimizer, model.trainable_variables, keep=True)
    now = {v.path: np.array(v) for v in optimizer.variables}
    assert len(now) == len(optimizer.variables) > len(known)
    product = keras.ops.convert_to_numpy(getattr(optimizer, "_u_product", 2.0))
    assert float(product) == 2.0
    for path, value in known.items():
        assert np.array_equal(now[path], value)
    fresh = type(optimizer).from_config(optimizer.get_config())
    fresh.build(model.trainable_variables)
    follow(optimizer, model.trainable_variables, keep=False)
    assert_same(optimizer.variables, fresh.variables)
    if getattr(optimizer, "use_ema", False):
        follow(optimizer, head, keep=True)
        optimizer.iterations.assign(5)
        follow(optimizer, model.trainable_variables, keep=True)
        averages = optimizer._model_variables_moving_average
        assert_same(averages[:2], model.trainable_variables[:2])


def test_averages_begin_at_the_weights_of_layers_that_come_back():
    # With a momentum of 1 they stay there; a `fit` ends with them as the weights.
    model = compiled(optimizers.SGD(0.1, use_ema=True, ema_momentum=1.0))
    before = [np.array(w) for w in model.get_layer("base").weights]
    fit(model, FreezeUnfreeze(1, reset_optimizer=False), epochs=2)
    assert int(model.optimizer.iterations) == 6
    assert_same(before, model.get_layer("base").weights)


@pytest.mark.parametrize("new", [0.5, Schedule(0.5, 2, 0.5)])
@pytest.mark.parametrize("old", [0.1, Schedule(0.1, 2, 0.5)])
def test_any_rate_takes_the_place_of_any_other(old, new):
    model = reused()
    optimizer, fresh = optimizers.SGD(old, 0.9), optimizers.SGD(new, 0.9)
    fresh.build(model.trainable_variables)
    set_rate(optimizer, new)
    follow(optimizer, model.trainable_variables, keep=False)
    assert_same(optimizer.variables, fresh.variables)
    assert float(optimizer.learning_rate) == 0.5


def test_groups_keep_together_what_belongs_together():
    wrapped = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="both")
    stack = [
        layers.Dense(3, name="a"),
        layers.BatchNormalization(name="norm"),
        wrapped,
        layers.MultiHeadAttention(1, 2, name="attention"),
    ]
    x = inputs = keras.Input((4, 3))
    for layer in stack:
        x = layer(x, x) if layer.name == "attention" else layer(x)
    model = keras.Model(inputs, layers.Dense(1, name="head")(x))
    groups = frozen_groups(model, None, [1, 2, 3])
    assert [len(group) for group in groups] == [4, 2, 2, 0]
    assert [layer.name for layer in groups[2]] == ["a", "norm"]
    stages = Stages(model, groups)
    for stage in range(4):
        stages.enter(stage)
        assert len(stages.frozen_for_now()) + len(model.trainable_variables) == 20
    assert stages.group(3)[0].name == "a"


BAD_ARGUMENTS = [
    ((0,), "`unfreeze_at` must be an integer >= 1"),
    (([3, 2],), "`unfreeze_at` must be"),
    (([],), "`unfreeze_at` must be"),
    ((2.5,), "`unfreeze_at` must be"),
    ((2, None, -0.1), "`learning_rate` must be a number > 0"),
    (([1, 2], None, [0.1]), "`learning_rate` must have one rate for each"),
    ((2, None, 0.1, 0.5), "`factor` must be None where"),
    ((2, None, None, 0.0), "`factor` must be a number > 0"),
    ((2, None, None, None, "yes"), "`reset_optimizer` must be a boolean"),
    ((2, None, None, None, True, "inference"), "`batch_normalization` must be one of"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_ARGUMENTS)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        FreezeUnfreeze(*arguments)


def several():
    return optimizers.MultiOptimizer(
        optimizers.OptimizerMap(optimizers.SGD(), {"base/.*": optimizers.Adam()})
    )


CANNOT_WORK = [
    ("sgd", FreezeUnfreeze(1, "none"), [], "`layers` must hold layers of the model"),
    ("sgd", FreezeUnfreeze(1, ["base", "head"]), [], "`layers` must leave some layer"),
    ("sgd", FreezeUnfreeze({1: "head"}), [], "`unfreeze_at` must name layers"),
    ("sgd", FreezeUnfreeze([1, 2, 3, 4]), [], "at most one epoch for each of the 3"),
    (several, FreezeUnfreeze(1, None, 0.1), [], "for a `MultiOptimizer`"),
    (
        lambda: optimizers.MultiOptimizer(lambda v: optimizers.SGD()),
        FreezeUnfreeze(1),
        [],
        "returns the same optimizer",
    ),
    (
        lambda: optimizers.SGD(Schedule(0.1, 2, 0.5)),
        FreezeUnfreeze(1, factor=0.1),
        [],
        "`factor` needs an optimizer whose",
    ),
    (
        "sgd",
        FreezeUnfreeze(1),
        [OneCycleScheduler(max_rate=0.1)],
        "`reset_optimizer` must be False",
    ),
    (
        "sgd",
        FreezeUnfreeze(1, factor=0.1, reset_optimizer=False),
        [ExponentialDecayScheduler(decay_steps=5)],
        "must be None where another callback",
    ),
]


@pytest.mark.parametrize(("optimizer", "own", "others", "message"), CANNOT_WORK)
def test_what_cannot_work_fails_before_training(optimizer, own, others, message):
    model = compiled(optimizer() if callable(optimizer) else optimizer)
    # By names: Keras may build the optimizer before, and it has more variables then.
    before = by_path(model)
    with pytest.raises(ValueError, match=message):
        fit(model, *others, own)
    now = by_path(model)
    assert_same(before.values(), [now[path] for path in before])
    assert trained_layers(model) == ["one", "two", "head"]
