"""What `mc_predict` takes and returns, and what it says of what it cannot take."""

import importlib.util

import keras
import numpy as np
import pytest
from keras import layers
from mc_models import BACKEND
from mc_models import rows
from mc_models import sequential

from keras_extras.uncertainty import MCPrediction
from keras_extras.uncertainty import mc_predict


def dropout_model(units=3, activation="softmax"):
    return sequential(
        layers.Dropout(0.5), layers.Dense(units, activation=activation), shape=(4,)
    )


def two_inputs(as_dict):
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    x = layers.Dropout(0.5)(layers.Concatenate()([a, b]))
    inputs = {"a": a, "b": b} if as_dict else [a, b]
    return keras.Model(inputs, layers.Dense(1)(x))


def is_installed(module):
    return importlib.util.find_spec(module) is not None


def tf_datasets(*parts):
    if not is_installed("tensorflow"):
        return []
    from tensorflow.data import Dataset

    whole = [Dataset.from_tensor_slices(parts[0])]
    whole += [Dataset.from_tensor_slices(parts[:n]) for n in range(2, len(parts) + 1)]
    return [dataset.batch(4) for dataset in whole]


def torch_loaders(*parts):
    if not is_installed("torch"):
        return []
    import torch
    from torch.utils.data import DataLoader
    from torch.utils.data import TensorDataset

    tensors = [torch.as_tensor(part) for part in parts]
    whole = [TensorDataset(*tensors[:n]) for n in range(1, len(parts) + 1)]
    return [DataLoader(dataset, batch_size=4) for dataset in whole]


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        x = rows(8, 4)[index * 4 : index * 4 + 4]
        return x, np.zeros(4)


class OneBatch(keras.utils.PyDataset):
    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.batch


class NoBatch(Batches):
    def __len__(self):
        return 0


def test_all_forms_of_the_same_data_give_the_same_samples():
    model, x = dropout_model(), rows(8, 4)
    expected = mc_predict(model, x, 20, batch_size=4, seed=0).mean
    zeros = np.zeros(8)
    forms = [
        keras.ops.convert_to_tensor(x),
        x.astype("float64"),
        *tf_datasets(x, zeros, zeros),
        *torch_loaders(x, zeros, zeros),
        Batches(),
    ]
    assert len(forms) >= 3  # more where TensorFlow or torch is installed
    for form in forms:
        size = 4 if hasattr(form, "shape") else None
        found = mc_predict(model, form, 20, batch_size=size, seed=0).mean
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_several_inputs():
    a, b = rows(6, 2), rows(6, 2, seed=1)
    by_list, by_dict = two_inputs(False), two_inputs(True)
    by_dict.set_weights(by_list.get_weights())
    expected = mc_predict(by_list, [a, b], 20, seed=0).mean
    np.testing.assert_array_equal(
        mc_predict(by_list, (a, b), 20, seed=0).mean, expected
    )
    in_dict = {"b": b, "a": a}
    np.testing.assert_allclose(mc_predict(by_dict, in_dict, 20, seed=0).mean, expected)
    batches = OneBatch((in_dict, np.zeros(6)))
    np.testing.assert_allclose(mc_predict(by_dict, batches, 20, seed=0).mean, expected)
    for batches in tf_datasets(in_dict, np.zeros(6))[1:]:
        found = mc_predict(by_dict, batches.unbatch().batch(6), 20, seed=0).mean
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("strategy", ["auto", "tiled", "loop"])
def test_several_outputs_have_the_structure_of_the_models(strategy):
    inputs = keras.Input((4,))
    x = layers.Dropout(0.5)(inputs)
    outputs = {
        "classes": layers.Dense(3, activation="softmax")(x),
        "value": layers.Dense(1)(x),
        "fixed": layers.Dense(2)(inputs),
    }
    model, x = keras.Model(inputs, outputs), rows(5, 4)
    found = mc_predict(model, x, 20, seed=0, strategy=strategy)
    plain = model.predict(x, verbose=0)
    # Keras sorts them on torch.
    assert list(found) == (sorted(outputs) if BACKEND == "torch" else list(outputs))
    assert all(isinstance(part, MCPrediction) for part in found.values())
    assert found["classes"].mutual_information.shape == (5,)
    np.testing.assert_allclose(found["fixed"].mean, plain["fixed"], atol=1e-6)
    assert found["fixed"].std.max() < 1e-6 < found["value"].std.max()


def test_outputs_with_axes_of_space():
    model = sequential(
        layers.SpatialDropout2D(0.5),
        layers.Conv2D(3, 1, activation="softmax"),
        shape=(4, 5, 2),
    )
    found = mc_predict(model, rows(3, 4, 5, 2), 10, seed=0, return_samples=True)
    assert found.mean.shape == (3, 4, 5, 3)
    assert found.predictive_entropy.shape == found.variation_ratio.shape == (3, 4, 5)
    p = found.samples_array
    expected = -(p * np.log(p)).sum(axis=-1).mean(axis=0)
    np.testing.assert_allclose(found.expected_entropy, expected, atol=1e-5)


def test_logits_need_an_activation():
    logits, x = dropout_model(activation=None), rows(5, 4)
    model = dropout_model()
    model.set_weights(logits.get_weights())
    found = mc_predict(logits, x, 20, seed=0, activation="softmax")
    expected = mc_predict(model, x, 20, seed=0)
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-6)
    plain = mc_predict(logits, x, 20, seed=0)
    for name in (
        "predictive_entropy",
        "expected_entropy",
        "mutual_information",
        "variation_ratio",
    ):
        with pytest.raises(ValueError, match=f"`{name}` needs probabilities"):
            getattr(plain, name)


def test_one_probability_of_two_classes():
    model, x = dropout_model(1, "sigmoid"), rows(5, 4)
    found = mc_predict(model, x, 30, seed=0, return_samples=True)
    p = found.samples_array[..., 0]
    both = np.stack([p, 1 - p], axis=-1)
    expected = -(both * np.log(both)).sum(axis=-1)
    np.testing.assert_allclose(found.expected_entropy, expected.mean(axis=0), atol=1e-5)
    share = (p > 0.5).mean(axis=0)
    np.testing.assert_allclose(
        found.variation_ratio, np.minimum(share, 1 - share), atol=1e-6
    )


@pytest.mark.parametrize("head", ["variance", "log_variance"])
def test_aleatoric_and_epistemic_variance(head):
    model = dropout_model(2, "softplus" if head == "variance" else None)
    x = rows(6, 4)
    raw = mc_predict(model, x, 50, seed=0, return_samples=True).samples_array
    found = mc_predict(model, x, 50, seed=0, variance=head)
    noise = np.exp(raw[..., 1:]) if head == "log_variance" else raw[..., 1:]
    np.testing.assert_allclose(found.aleatoric_variance, noise.mean(axis=0), rtol=1e-5)
    epistemic = raw[..., :1].var(axis=0)
    np.testing.assert_allclose(found.epistemic_variance, epistemic, atol=1e-5)
    np.testing.assert_allclose(
        found.total_variance, noise.mean(axis=0) + epistemic, rtol=1e-4
    )
    np.testing.assert_allclose(found.mean, raw[..., :1].mean(axis=0), atol=1e-5)
    with pytest.raises(ValueError, match="`aleatoric_variance` needs a model"):
        _ = mc_predict(model, x, 5, seed=0).aleatoric_variance


def test_sequences_of_different_lengths():
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, layers.LSTM(3, dropout=0.5)(inputs))
    for steps in (2, 5):
        assert mc_predict(model, rows(3, steps, 2), 10, seed=0).mean.shape == (3, 3)


def test_memory_does_not_grow_with_the_number_of_samples():
    model, x = dropout_model(), rows(64, 4)

    def elements(samples):
        found = mc_predict(model, x, samples, seed=0)
        kept = [vars(found)["mean"], vars(found)["variance"]]
        kept += [field for batch in found._batches for field in batch]
        return sum(np.size(field) for field in kept)

    assert elements(10) == elements(200)


class NeverBuilt(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)


BAD_ARGUMENTS = {
    "samples": [1, 0, 2.5, None, True, "100"],
    "batch_size": [0, -1, 2.5],
    "seed": [-1, 1.5],
    "strategy": ["fast", None],
    "unit": ["bit", None],
    "variance": ["std"],
    "tolerance": [0, -1.0, "small"],
    "memory_limit": [0, None],
    "verbose": [2, None],
}


@pytest.mark.parametrize(
    ("name", "value"), [(n, v) for n, values in BAD_ARGUMENTS.items() for v in values]
)
def test_bad_arguments_are_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
        mc_predict(dropout_model(), rows(2, 4), **{name: value})


@pytest.mark.parametrize(
    "stack", [[layers.Dense(2)], [layers.Dropout(0.0)], [layers.GaussianNoise(0.0)]]
)
def test_a_model_without_dropout_is_refused(stack):
    model = sequential(*stack, shape=(4,))
    with pytest.raises(ValueError, match="at least one layer that drops or adds noise"):
        mc_predict(model, rows(2, 4))


@pytest.mark.parametrize("model", [NeverBuilt(), keras.Sequential([layers.Dense(1)])])
def test_a_model_without_weights_is_refused(model):
    with pytest.raises(ValueError, match="`model` must be built"):
        mc_predict(model, rows(2, 4))


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match=r"`model` must be a `keras\.Model`"):
        mc_predict(layers.Dropout(0.5), rows(2, 4))


@pytest.mark.parametrize("shape", [(3, 5), (3, 4, 2), (4,)])
def test_inputs_of_the_wrong_shape_are_named(shape):
    with pytest.raises(ValueError, match=r"must have the shape \(None, 4\).*Received"):
        mc_predict(dropout_model(), rows(*shape))


def test_inputs_that_are_missing_are_named():
    with pytest.raises(ValueError, match=r"keys \['a', 'b'\]. Received: \['a'\]"):
        mc_predict(two_inputs(True), {"a": rows(2, 2)})
    with pytest.raises(ValueError, match=r"must have 2 part\(s\).* Received: 1 part"):
        mc_predict(two_inputs(False), rows(2, 2))


@pytest.mark.parametrize(
    "x", [np.zeros((0, 4)), {"a": rows(2, 2), "b": rows(3, 2)}, np.float32(1)]
)
def test_inputs_without_rows_or_of_different_lengths_are_refused(x):
    with pytest.raises(ValueError, match="`x` must have at least one row"):
        mc_predict(two_inputs(True), x)


def test_nan_is_found_and_infinity_is_not_mistaken_for_it():
    x = rows(10, 4)
    x[7, 2] = np.nan
    with pytest.raises(ValueError, match="first one row 7 of `x`"):
        mc_predict(dropout_model(), x, batch_size=4)
    x[7, 2] = 1e38
    x[8, 2] = 3e38
    mc_predict(dropout_model(), x, 2, seed=0)


def test_a_dataset_has_batches_of_its_own():
    for data in (Batches(), *tf_datasets(rows(4, 4)), *torch_loaders(rows(4, 4))):
        with pytest.raises(ValueError, match="`batch_size` must be None for a dataset"):
            mc_predict(dropout_model(), data, batch_size=2)
    empty = [data.take(0) for data in tf_datasets(rows(4, 4))]
    for data in (NoBatch(), *empty, *torch_loaders(rows(4, 4)[:0])):
        with pytest.raises(ValueError, match="at least one batch"):
            mc_predict(dropout_model(), data)


def test_samples_of_a_tolerance_cannot_be_kept():
    with pytest.raises(ValueError, match="`return_samples` must be False"):
        mc_predict(dropout_model(), rows(2, 4), tolerance=0.1, return_samples=True)


def test_activation_and_variance_must_fit_the_outputs():
    model = dropout_model()
    with pytest.raises(ValueError, match="`activation` must be one activation, or one"):
        mc_predict(model, rows(2, 4), activation=["softmax", "softmax"])
    with pytest.raises(ValueError, match="`variance` needs outputs whose last axis"):
        mc_predict(model, rows(2, 4), variance="variance")


def test_a_cache_needs_a_graph():
    class Plain(keras.Model):
        def __init__(self):
            super().__init__()
            self.drop = layers.Dropout(0.5)

        def call(self, x, training=None):
            return self.drop(x, training=training)

    model = Plain()
    model(rows(2, 4))
    assert mc_predict(model, rows(2, 4), 5, seed=0).std.max() > 0
    with pytest.raises(ValueError, match="no graph of which to cache a part"):
        mc_predict(model, rows(2, 4), strategy="cached")


def test_a_bar_is_shown_when_asked_for(capsys):
    mc_predict(dropout_model(), rows(40, 4), 50, batch_size=10, verbose=0)
    assert capsys.readouterr().out == ""
    mc_predict(dropout_model(), rows(40, 4), 50, batch_size=10, verbose=1)
    assert "200/200" in capsys.readouterr().out


def test_models_are_not_kept_alive():
    import gc
    import weakref

    model = dropout_model()
    mc_predict(model, rows(2, 4), 3, seed=0)
    seen = weakref.ref(model)
    del model
    keras.utils.clear_session(free_memory=False)
    gc.collect()
    assert seen() is None


def test_prediction_tells_what_it_is():
    found = mc_predict(dropout_model(), rows(5, 4), 20, seed=0)
    assert len(found) == 5
    text = repr(found)
    assert "(5, 3)" in text
    assert "20 samples" in text
