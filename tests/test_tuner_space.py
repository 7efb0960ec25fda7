"""One line each puts a part of this package into a search space."""

import keras
import keras_tuner
import numpy as np
import pytest
import searches

from keras_extras import callbacks
from keras_extras import layers
from keras_extras import tuner


def values_of(hp):
    return {space.name: space for space in hp.space}


def set_to(**values):
    hp = keras_tuner.HyperParameters()
    hp.values.update({name.replace("__", "/"): v for name, v in values.items()})
    return hp


def test_dropout_and_mc_dropout():
    hp = set_to(dropout=0.3, mc_dropout=0.1 + 0.2)
    plain, sampling = tuner.dropout(hp), tuner.mc_dropout(hp)
    assert type(plain) is keras.layers.Dropout
    assert plain.rate == 0.3
    assert type(sampling) is layers.MCDropout
    assert sampling.rate == 0.3
    assert values_of(hp)["dropout"].values == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    with pytest.raises(ValueError, match="`max_rate` must be a number above 0 and"):
        tuner.dropout(hp, max_rate=1.0)


def test_max_norm_is_off_or_has_the_axis_of_the_layer():
    assert tuner.max_norm(set_to(max_norm=False)) is None
    hp = set_to(max_norm=True, max_norm__value=2.0)
    limit = tuner.max_norm(hp, keras.layers.Conv2D)
    assert limit.max_value == 2.0
    assert list(limit.axis) == [0, 1, 2]
    with pytest.raises(ValueError, match="`min_value` must be less than `max_value`"):
        tuner.max_norm(hp, min_value=8.0)


def test_initializer_suits_the_activation():
    hp = keras_tuner.HyperParameters()
    names = ("relu", "selu", "tanh")
    suits = {"relu": "he_normal", "selu": "lecun_normal", "tanh": "glorot_uniform"}
    assert values_of(hp) == {}
    for name in names:
        found = tuner.initializer_and_activation(set_to(activation=name))
        assert found == {"activation": name, "kernel_initializer": suits[name]}
        keras.layers.Dense(2, **found)
    tuner.initializer_and_activation(hp)
    assert values_of(hp)["activation"].values == list(names)
    with pytest.raises(ValueError, match="`activations` must be a list of relu"):
        tuner.initializer_and_activation(hp, ("sigmoid",))


def test_batch_size():
    assert tuner.batch_size(set_to(batch_size=64)) == 64
    with pytest.raises(ValueError, match="`sizes` must be an integer >= 1"):
        tuner.batch_size(keras_tuner.HyperParameters(), (16, 0))


def test_each_optimizer_has_rates_of_its_own():
    hp = keras_tuner.HyperParameters()
    tuner.optimizer(hp, ("sgd", "nesterov", "adam", "lion"), 1e-4, 1e-2)
    spaces = values_of(hp)
    lowest = {
        kind: spaces[f"optimizer/{kind}/learning_rate"].min_value
        for kind in ("sgd", "adam", "lion")
    }
    assert lowest == pytest.approx({"sgd": 1e-3, "adam": 1e-4, "lion": 1e-5})

    hp.values.update({"optimizer": "nesterov"})
    hp.values["optimizer/nesterov/learning_rate"] = 0.02
    hp.values["optimizer/nesterov/momentum"] = 0.9
    made = tuner.optimizer(hp, ("sgd", "nesterov", "adam", "lion"), 1e-4, 1e-2)
    assert isinstance(made, keras.optimizers.SGD)
    assert made.nesterov
    assert made.momentum == 0.9
    assert float(made.learning_rate) == pytest.approx(0.02)
    fixed = tuner.optimizer(set_to(), ("adamw",), learning_rate=0.5)
    assert float(fixed.learning_rate) == 0.5
    with pytest.raises(ValueError, match="`kinds` must be a list of sgd"):
        tuner.optimizer(hp, ("adamax",))


def test_exponential_decay():
    hp = set_to(exponential_decay__initial=0.1, exponential_decay__factor=0.5)
    curve = tuner.exponential_decay(hp, decay_steps=10)
    assert float(curve(10)) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="`min_rate` must be less than `max_rate`"):
        tuner.exponential_decay(hp, 10, min_rate=1.0)


def test_one_cycle_searches_for_what_is_not_fixed():
    hp = set_to(one_cycle__max_rate=0.5, one_cycle__min_momentum=0.8)
    cycle = tuner.one_cycle(hp, phases=3)
    assert cycle.rate.max_rate == 0.5
    assert cycle.momentum.min_momentum == 0.8
    assert set(values_of(hp)) == {"one_cycle/max_rate", "one_cycle/min_momentum"}


class Rates(keras.callbacks.Callback):
    """Records the rates of the steps of each trial."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def __deepcopy__(self, memo):
        return Rates(self.seen)

    def on_train_begin(self, logs=None):
        self.seen.append([])

    def on_train_batch_begin(self, batch, logs=None):
        self.seen[-1].append(float(self.model.optimizer.learning_rate))


# Of Keras: `Hyperband` loads the weights of a model whose optimizer has no variables.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_one_cycle_in_the_rounds_of_hyperband(tmp_path):
    class Cycles(keras_tuner.HyperModel):
        def build(self, hp):
            return searches.classifier(0.1, hp.Choice("units", [3, 4, 5]))

        def fit(self, hp, model, *args, callbacks=(), **kwargs):
            cycle = tuner.one_cycle(hp, 0.1, 0.2, min_momentum=0.9, phases=3)
            return model.fit(*args, callbacks=[cycle, *callbacks], **kwargs)

    search = keras_tuner.Hyperband(
        Cycles(), "val_loss", max_epochs=2, factor=2, directory=str(tmp_path), seed=1
    )
    seen = []
    searches.search(search, [Rates(seen)])
    per_epoch = searches.ROWS // searches.BATCH
    rounds = set()
    for trial, rates in zip(search.oracle.trials.values(), seen, strict=True):
        values = trial.hyperparameters.values
        first, last = values["tuner/initial_epoch"], values["tuner/epochs"]
        cycle = callbacks.OneCycleScheduler(
            last * per_epoch,
            max_rate=values["one_cycle/max_rate"],
            min_momentum=0.9,
            phases=3,
        )
        steps = np.arange(first * per_epoch, last * per_epoch)
        np.testing.assert_allclose(rates, cycle.rate(steps), rtol=1e-5)
        rounds.add((first, last))
    assert rounds == {(0, 1), (1, 2), (0, 2)}


def test_finder_runs_once_per_architecture(tmp_path, monkeypatch):
    from keras_extras.tuner import one_cycle_hyper_model as module

    found = []

    def spy(model, *args, **kwargs):
        found.append(model.layers[0].units)
        return find(model, *args, **kwargs)

    find = module.find_learning_rate
    monkeypatch.setattr(module, "find_learning_rate", spy)
    build = lambda hp: searches.classifier(0.1, hp.Choice("units", [4, 6]))
    hypermodel = tuner.OneCycleHyperModel(
        build, 2.0, {"phases": 3}, {"min_rate": 1e-4, "steps": 60}
    )
    make = lambda: keras_tuner.RandomSearch(
        hypermodel, "val_loss", 4, seed=3, directory=str(tmp_path), project_name="p"
    )
    seen = []
    search = searches.search(make(), [Rates(seen)], epochs=1)
    assert sorted(found) == [4, 6]
    files = list((tmp_path / "p" / "learning_rates").glob("*.json"))
    assert len(files) == 2
    suggestions = set()
    for trial, rates in zip(search.oracle.trials.values(), seen, strict=True):
        values = trial.hyperparameters.values
        assert 0.5 <= values["max_rate_factor"] <= 2.0
        suggestions.add(
            (values["units"], round(rates[0] / values["max_rate_factor"], 6))
        )
    assert len(suggestions) == 2  # one for each architecture


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"span": 1.0}, "`span` must be a number > 1"),
        ({"one_cycle": {"phases": 7}}, "`phases` must be"),
    ],
)
def test_wrong_arguments_of_one_cycle_hyper_model(arguments, message):
    with pytest.raises(ValueError, match=message):
        tuner.OneCycleHyperModel(searches.build, **arguments)
