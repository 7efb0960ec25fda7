"""What the rules get to see of the batches that were sampled."""

import numpy as np
import pytest

from keras_extras.diagnostics.observation_collector import ObservationCollector
from keras_extras.records.batch_rows import BatchRows


@pytest.mark.parametrize(
    ("count", "early", "recent"),
    [
        (0, [], []),
        (1, [0], []),
        (7, [0, 1, 2, 3], [4, 5, 6]),
        (24, range(12), range(12, 24)),
        (100, range(12), range(88, 100)),
    ],
)
def test_early_and_recent_batches_of_short_and_long_trainings(count, early, recent):
    collector = ObservationCollector()
    for step in range(count):
        collector.add_batch(BatchRows(step, 1.0, 0.0, (), (), ()))
    seen = collector.as_observed()
    np.testing.assert_array_equal([b.step for b in seen["early"]], [*early])
    np.testing.assert_array_equal([b.step for b in seen["recent"]], [*recent])
