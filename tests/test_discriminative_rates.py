"""Each variable trains at the rate of its group, also after loading and on a curve."""

import keras
import models
import numpy as np
import pytest
from backend_in_use import JIT
from keras import layers

from keras_extras.callbacks import FreezeUnfreeze
from keras_extras.callbacks import OneCycleScheduler
from keras_extras.optimizers import discriminative_learning_rates

optimizers = keras.optimizers


def deep():
    """Five layers with weights, one of them normalisation, in two models."""
    stack = [
        layers.Dense(6, name="one"),
        layers.BatchNormalization(name="norm"),
        layers.Dense(5, name="two"),
        layers.Dense(4, name="three"),
    ]
    encoder = keras.Sequential([keras.Input((6,)), *stack], name="encoder")
    return keras.Sequential([encoder, layers.Dense(1, name="head")])


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return deep()


def rates_of(optimizer, model):
    """Returns the rate of each layer, from the optimizers that its variables have."""
    optimizer.build(model.trainable_variables)
    found = {}
    for variable in model.trainable_variables:
        owners = [
            part
            for part in optimizer.optimizers
            if part._var_key(variable) in part._trainable_variables_indices
        ]
        assert len(owners) == 1
        layer = variable.path.split("/")[-2]
        found.setdefault(layer, set()).add(round(float(owners[0].learning_rate), 7))
    assert all(len(rates) == 1 for rates in found.values())
    return {name: rates.pop() for name, rates in found.items()}


def close(rates):
    return {name: pytest.approx(rate, rel=1e-4) for name, rate in rates.items()}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, {"one": 1, "norm": 1, "two": 1, "three": 2, "head": 3}),
        ({"groups": "layer"}, {"one": 1, "norm": 1, "two": 2, "three": 3, "head": 4}),
        ({"groups": 1}, dict.fromkeys(("one", "norm", "two", "three", "head"), 1.0)),
        (
            {"groups": [["one", "encoder/norm"], "t.*"]},
            {"one": 1, "norm": 1, "two": 2, "three": 2, "head": 3},
        ),
        (
            {"factors": {"encoder": 0.1}},
            {"one": 0.1, "norm": 0.1, "two": 0.1, "three": 0.1, "head": 1.0},
        ),
        (
            {"factors": {layers.BatchNormalization: 0.5, "head": 2.0}},
            {"one": 1.0, "norm": 0.5, "two": 1.0, "three": 1.0, "head": 2.0},
        ),
    ],
    ids=["three-groups", "by-layer", "one-group", "named", "factor", "class"],
)
def test_rates_fall_towards_the_input(model, arguments, expected):
    base = 0.27
    if "factors" not in arguments:
        arguments["decay"] = 0.4
        if max(expected.values()) > 1.0:  # written as the place of the group
            last = max(expected.values())
            expected = {n: 0.4 ** (last - place) for n, place in expected.items()}
    optimizer = discriminative_learning_rates(model, optimizers.SGD(base), **arguments)
    rates = rates_of(optimizer, model)
    assert rates == close({name: base * factor for name, factor in expected.items()})


def test_copies_have_all_else_of_the_optimizer(model):
    given = optimizers.AdamW(1e-3, weight_decay=0.02, clipnorm=2.0, beta_1=0.8)
    given.exclude_from_weight_decay(var_names=["bias"])
    optimizer = discriminative_learning_rates(model, given)
    assert [part.name for part in optimizer.optimizers] == [
        f"{given.name}_{number}" for number in (1, 2, 3)
    ]
    for part in optimizer.optimizers:
        assert (part.weight_decay, part.clipnorm, part.beta_1) == (0.02, 2.0, 0.8)
        assert not part._use_weight_decay(model.get_layer("head").bias)
        assert part._use_weight_decay(model.get_layer("head").kernel)


def test_one_step_moves_each_layer_by_its_share(model):
    x, y = models._plain_data()
    plain = deep()
    plain.set_weights(model.get_weights())
    before = model.get_weights()
    optimizer = discriminative_learning_rates(model, optimizers.SGD(0.1), decay=0.5)
    model.compile(optimizer, "mse", jit_compile=JIT)
    plain.compile(optimizers.SGD(0.1), "mse", jit_compile=JIT)
    model.fit(x, y, batch_size=len(x), verbose=0)
    plain.fit(x, y, batch_size=len(x), verbose=0)
    for old, mine, other, variable in zip(
        before, model.get_weights(), plain.get_weights(), model.weights
    ):
        share = {"one": 0.25, "norm": 0.25, "two": 0.25, "three": 0.5, "head": 1.0}
        if variable.trainable:
            wanted = (other - old) * share[variable.path.split("/")[-2]]
            np.testing.assert_allclose(mine - old, wanted, rtol=1e-3, atol=1e-6)


def test_saves_loads_and_follows_one_cycle(model, tmp_path):
    x, y = models._plain_data()
    optimizer = discriminative_learning_rates(model, optimizers.SGD(0.1), decay=0.5)
    model.compile(optimizer, "mse", jit_compile=JIT)
    cycle = OneCycleScheduler(max_rate=0.08, verbose=0)
    logs = model.fit(x, y, batch_size=12, epochs=4, callbacks=[cycle], verbose=0)
    rates = [v for k, v in logs.history.items() if k.startswith("learning_rate")]
    np.testing.assert_allclose(rates[0], np.array(rates[2]) * 0.25, rtol=1e-5)
    np.testing.assert_allclose(rates[1], np.array(rates[2]) * 0.5, rtol=1e-5)
    assert max(rates[2]) > 0.04
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for mine, other in zip(
        loaded.optimizer.variables, model.optimizer.variables, strict=True
    ):
        assert np.array_equal(np.array(mine), np.array(other))
    model.fit(x, y, shuffle=False, verbose=0)
    loaded.fit(x, y, shuffle=False, verbose=0)
    for mine, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(mine, other)


def test_goes_together_with_unfreezing(model):
    x, y = models._plain_data()
    optimizer = discriminative_learning_rates(model, optimizers.Adam(0.1), decay=0.5)
    model.compile(optimizer, "mse", jit_compile=JIT)
    before = [np.array(w) for w in model.get_layer("encoder").trainable_weights]
    one_cycle = OneCycleScheduler(max_rate=0.02, verbose=0)
    unfreeze = FreezeUnfreeze(1, reset_optimizer=False)
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(
            [np.array(w) for w in model.get_layer("encoder").weights]
        )
    )
    model.fit(
        x, y, epochs=2, callbacks=[unfreeze, one_cycle, look], verbose=0, batch_size=12
    )
    now = model.get_layer("encoder").trainable_weights
    assert len(now) == len(before)
    assert not any(np.array_equal(a, np.array(b)) for a, b in zip(before, now))
    first = [w for w in seen[0] if any(np.array_equal(w, b) for b in before)]
    assert len(first) >= len(before)
    counts = {int(part.iterations) for part in optimizer.optimizers}
    assert counts == {6}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decay": 0.0}, "`decay` must be"),
        ({"decay": 1.5}, "`decay` must be"),
        ({"groups": 0}, "`groups` must be"),
        ({"groups": ["one", "encoder"]}, "`groups` must name each layer once"),
        ({"groups": ["none"]}, "`groups` must hold layers of the model"),
        ({"factors": {"one": -1}}, "`factors` must be a number > 0"),
        ({"optimizer": optimizers.SGD(lambda: 0.1)}, "`optimizer` must be a plain"),
    ],
)
def test_bad_arguments_are_named(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        discriminative_learning_rates(model, **arguments)


def test_model_must_be_built():
    with pytest.raises(ValueError, match="`model` must be a built"):
        discriminative_learning_rates(models.unbuilt_sequential())


def test_layers_of_one_name_must_be_in_one_group():
    halves = [
        keras.Sequential([keras.Input((4,)), layers.Dense(4, name="same")], name=name)
        for name in ("a", "b")
    ]
    model = keras.Sequential([*halves, layers.Dense(1)])
    with pytest.raises(ValueError, match="must have different names"):
        discriminative_learning_rates(model)
