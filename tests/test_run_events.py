"""What is in the log of a long training, and how large it becomes."""

import json

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util.tensor_util import make_ndarray

from keras_diagnostics import schema
from keras_extras.records.finding import Finding
from keras_extras.records.step_records import StepRecords
from keras_extras.summaries.run_events import RunEvents
from keras_extras.summaries.spacing import Spacing

STATISTICS = 17
VECTOR = schema.tag_of("activation_statistic_0")


def records_at(step, layers=3, bad=False):
    names = tuple(f"dense_{number}" for number in range(layers))
    statistics = {
        f"activation_statistic_{k}": np.full((1, layers), 1.0 + step)
        for k in range(STATISTICS)
    }
    statistics["gradient_nonfinite_fraction"] = np.full((1, layers), float(bad))
    return StepRecords(
        np.array([step]), names, statistics, {}, {"learning_rate": np.array([0.1])}
    )


def finding(code="dead-units", evidence=""):
    return Finding(code, "error", "dense_1", 0, 1, evidence, "Do this.", 0.9)


class Log:
    """What a run would write."""

    def __init__(self):
        self.run = RunEvents()
        self.size = 0
        self.events = []

    def write(self, events):
        for event in events:
            self.size += len(event) + 16
            self.events.append(Event.FromString(event))

    def record(self, steps, thin=True, **about):
        for step in steps:
            self.write(self.run.records(records_at(step, **about), 0, thin))

    def flush(self, last=False):
        self.write(self.run.last_words(last))

    def steps(self, tag):
        return [
            event.step
            for event in self.events
            if any(value.tag == tag for value in event.summary.value)
        ]

    def documents(self, tag):
        return [
            json.loads(value.tensor.string_val[0])
            for event in self.events
            for value in event.summary.value
            if value.tag == tag
        ]


@pytest.mark.parametrize("layers", [3, 21])
@pytest.mark.parametrize("every", [50, 250])
def test_long_training_takes_four_bytes_of_log_per_step(layers, every):
    log, steps = Log(), 200_000
    log.record(range(10), layers=layers)
    for step in range(every, steps, every):
        log.record([step], layers=layers)
        if step % 500 == 0:
            logs = {"loss": 1 / 3, "accuracy": 2 / 3, "val_loss": 1 / 7}
            log.write(log.run.epoch(step, step // 500, logs))
        if step % 2000 == 0:
            log.write(log.run.findings(step, [finding(evidence=str(step))]))
            log.flush()
    log.flush(last=True)
    assert 1.0 < log.size / steps <= 4.0
    assert len(log.steps(VECTOR)) >= 50


def test_steps_that_were_asked_for_are_all_written():
    log = Log()
    log.record(range(3000), thin=False)
    assert log.steps(VECTOR) == list(range(3000))
    assert log.steps("activation_statistic_0/dense_2") == list(range(3000))


def test_first_samples_are_all_written():
    log = Log()
    log.record(range(12), layers=1000)
    assert log.steps(VECTOR) == list(range(12))
    assert log.steps("activation_statistic_0/dense_999") == list(range(12))


def test_samples_of_a_long_training_get_sparse_slowly():
    log = Log()
    log.record(range(0, 100_000, 10))
    steps = np.array(log.steps(VECTOR))
    assert len(steps) < 1000
    gaps = np.diff(steps)
    assert (gaps[16:] <= steps[17:] / 6).all()


def test_last_sample_is_written_in_full():
    log = Log()
    log.record([*range(0, 20_000, 10), 20_001])
    assert log.steps(VECTOR)[-1] < 20_001
    log.flush(last=True)
    for tag in (VECTOR, "activation_statistic_0/dense_2", "learning_rate"):
        assert log.steps(tag)[-1] == 20_001
        assert len(log.steps(tag)) == len(set(log.steps(tag)))


def test_step_at_which_values_cease_to_be_finite_is_written_and_the_one_before():
    log = Log()
    log.record(range(0, 20_000, 10))
    assert log.steps(VECTOR)[-1] < 19_990
    log.record([20_000], bad=True)
    assert log.steps(VECTOR)[-2:] == [19_990, 20_000]
    assert log.steps("activation_statistic_0/dense_2")[-2:] == [19_990, 20_000]


def test_log_stays_small_where_values_are_often_not_finite():
    log = Log()
    for step in range(0, 200_000, 50):
        log.record([step], bad=step % 100 == 0)
    assert log.size / 200_000 <= 4.0


def test_callbacks_are_thinned_each_on_its_own():
    log = Log()
    for step in range(100):
        log.record([step])
        log.record([step], layers=2)
    assert log.steps(VECTOR)[:32] == [step for step in range(16) for _ in range(2)]


def test_epochs_are_all_written_unless_there_are_hundreds():
    log = Log()
    for epoch in range(1000):
        log.write(log.run.epoch(10 * epoch, epoch, {"loss": 1.0}))
    log.flush(last=True)
    epochs = [document["epoch"] for document in log.documents(schema.EPOCH_TAG)]
    assert epochs[:256] == list(range(256))
    assert 256 < len(epochs) < 1000
    assert epochs[-1] == 999


def test_other_findings_are_written_at_the_next_flush():
    log = Log()
    for step in range(0, 100_000, 100):
        code = "vanishing-gradient" if step > 60_000 else "dead-units"
        log.write(log.run.findings(step, [finding(code, evidence=str(step))]))
        log.flush()
    written = log.documents(schema.FINDINGS_TAG)
    assert len(written) < 100
    steps = log.steps(schema.FINDINGS_TAG)
    assert 60_100 in steps
    assert written[steps.index(60_100)][0]["code"] == "vanishing-gradient"
    log.flush(last=True)
    assert log.documents(schema.FINDINGS_TAG)[-1][0]["evidence"] == "99900"


def test_document_of_the_run_counts_what_was_left_out():
    log = Log()
    for step in range(0, 50_000, 10):
        log.record([step])
        log.flush()
    log.flush(last=True)
    documents = log.documents(schema.RUN_TAG)
    assert documents[-1]["recorded"] == 5000
    assert documents[-1]["last_step"] == 49_990
    assert len(documents) < 200


def test_spacing():
    spacing = Spacing(first=2, base=100.0, rate=1.0)
    for step in (0, 1):
        assert spacing.is_due(step)
        spacing.wrote(step, 500)
    spacing.wrote(1000, 500)  # there is room for 1.1 or so bytes per step
    assert not spacing.is_due(1001)
    assert not spacing.is_due(1450)
    assert spacing.is_due(1500)
    assert spacing.is_due(0)  # begins anew
    spacing.wrote(1000, 50_000)
    assert not spacing.is_due(1999)
    assert spacing.is_due(2000)  # twice as long


def test_numbers_are_written_as_they_are():
    norm = np.array([[1.5, np.nan, np.inf], [-2.0, 1e300, 0.0]])
    values = {"learning_rate": np.array([0.5, np.nan])}
    records = StepRecords(
        np.array([7, 8]), ("a", "b/c", "d"), {"norm": norm}, {}, values
    )
    log = Log()
    for row in range(2):
        log.write(log.run.records(records, row, thin=False))
    scalars = [
        {v.tag: v.simple_value for v in event.summary.value if not v.HasField("tensor")}
        for event in log.events
    ]
    assert scalars == [
        {"learning_rate": 0.5, "norm/a": 1.5, "norm/d": np.inf},
        {"norm/a": -2.0, "norm/b/c": np.inf, "norm/d": 0.0},
    ]
    vectors = [
        (v.tag, make_ndarray(v.tensor), v.HasField("metadata"))
        for event in log.events
        for v in event.summary.value
        if v.HasField("tensor")
    ]
    for row, (tag, vector, has_metadata) in enumerate(vectors):
        assert tag == schema.tag_of("norm")
        assert vector.dtype == np.float32
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(vector, norm[row].astype(np.float32))
        assert has_metadata == (row == 0)
    assert [event.step for event in log.events] == [7, 8]


def test_records_of_no_layers():
    records = StepRecords(np.array([3]), (), {}, {}, {"learning_rate": np.array([0.5])})
    log = Log()
    log.write(log.run.records(records, 0, thin=True))
    assert log.steps("learning_rate") == [3]
    log.write(log.run.records(StepRecords(np.array([4])), 0, thin=False))
    assert len(log.events) == 1
