"""Batches and samples of what users hand to `fit`: loaders of torch."""

import keras
import numpy as np
import pytest
from mc_models import rows

from keras_extras.data.batches import batches
from keras_extras.data.batches import count_batches
from keras_extras.data.batches import is_dataset
from keras_extras.data.training_sample import FirstBatches
from keras_extras.data.training_sample import shares_order

torch = pytest.importorskip("torch", reason="loaders are of torch, on any backend")


def loader(x, **arguments):
    dataset = torch.utils.data.TensorDataset(torch.as_tensor(x), torch.zeros(len(x)))
    return torch.utils.data.DataLoader(dataset, batch_size=4, **arguments)


def test_batches_of_a_loader_are_those_that_it_yields():
    x = rows(10, 3)
    data = loader(x)
    assert is_dataset(data)
    assert count_batches(data, None) == 3
    found = [keras.ops.convert_to_numpy(batch) for batch in batches(data, None)]
    assert [len(batch) for batch in found] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(found), x)


def test_first_rows_of_a_loader_are_read_without_a_trace():
    x = rows(10, 3)
    generator = torch.get_rng_state()
    sample = FirstBatches(loader(x), 6)
    assert torch.equal(torch.get_rng_state(), generator)
    np.testing.assert_array_equal(
        np.concatenate([b[0] for b in sample._batches]), x[:6]
    )


def test_loaders_share_an_order_if_they_share_a_generator():
    generator, other = torch.Generator(), torch.Generator()
    trained_on = loader(rows(8, 3), shuffle=True, generator=generator)
    assert shares_order(trained_on, trained_on)
    assert shares_order(loader(rows(8, 3), generator=generator), trained_on)
    assert not shares_order(loader(rows(8, 3), generator=other), trained_on)
    assert not shares_order(loader(rows(8, 3)), loader(rows(8, 3)))
