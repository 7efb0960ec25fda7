"""Training data evaluated like validation data, and nothing else changed."""

import copy
import csv
import pickle

import keras
import models
import numpy as np
import pytest
from backend_in_use import batches_of
from backend_in_use import beside_keras_tensorboard
from backend_in_use import only_on
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util.tensor_util import make_ndarray

from keras_extras.callbacks import InferenceModeEvaluation

CASES = {
    "dropout_and_batch_norm": ("functional_cnn", {}),
    "several_outputs": ("many_inputs_and_outputs", {}),
    "own_test_step": ("own_train_step", {}),
    "several_steps_per_execution": ("embedding", {"steps_per_execution": 3}),
    "subclassed": ("subclassed", {"metrics": ["mae"], "weighted_metrics": ["mse"]}),
}


class Reads(keras.callbacks.Callback):
    """Keeps what a callback further on in the list sees."""

    def on_train_begin(self, logs=None):
        self.logs, self.states = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))
        self.states.append([np.array(v) for v in self.model.metrics_variables])


def trained(name, callbacks, compile_arguments=None, data=None, **arguments):
    model, x, y = models.make(name, **(compile_arguments or {}))
    if data is not None:
        x, y = data(x, y), None
    else:
        arguments = {"batch_size": models.BATCH, **arguments}
    keras.utils.set_random_seed(11)
    reads = Reads()
    model.fit(x, y, epochs=2, verbose=0, callbacks=[*callbacks, reads], **arguments)
    return model, reads


def all_values(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(v) for v in variables]


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("case", "validation_split"),
    [
        ("dropout_and_batch_norm", 0.25),
        ("several_outputs", 0.0),
        ("own_test_step", 0.25),
        ("several_steps_per_execution", 0.0),
        ("subclassed", 0.0),
    ],
)
def test_training_and_metrics_are_the_same_bit_for_bit(case, validation_split):
    name, compiled = CASES[case]
    plain, seen = trained(name, [], compiled, validation_split=validation_split)
    evaluation = InferenceModeEvaluation(sample_size=10)
    ours, ours_seen = trained(
        name, [evaluation], compiled, validation_split=validation_split
    )
    assert_same(all_values(ours), all_values(plain))
    for logs, expected in zip(ours_seen.logs, seen.logs):
        added = {k for k in logs if k.startswith("train_eval_")}
        assert {k: v for k, v in logs.items() if k not in added} == expected
        assert added == {f"train_eval_{k}" for k in expected if "val_" not in k}
    for states, expected in zip(ours_seen.states, seen.states):
        assert_same(states, expected)
    assert evaluation.history["epoch"] == [0, 1]


def regularised():
    keras.utils.set_random_seed(0)
    penalty = keras.regularizers.L2(0.01)
    hidden = keras.layers.Dense(8, "relu", kernel_regularizer=penalty)
    head = keras.layers.Dense(3, "softmax")
    model = keras.Sequential(
        [keras.Input((6,)), hidden, keras.layers.Dropout(0.5), head]
    )
    model.compile(
        "sgd",
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=True,  # nothing to trace
    )
    return model


X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
Y = X[:, :3].argmax(axis=1)
WEIGHTS = np.linspace(0.5, 2.0, 40)


def test_values_are_those_of_evaluate_without_class_weights():
    model = regularised()
    evaluation = InferenceModeEvaluation(sample_size=None)
    history = model.fit(
        X,
        Y,
        class_weight={0: 5.0, 1: 1.0, 2: 0.1},
        validation_data=(X, Y),
        verbose=0,
        callbacks=[evaluation],
    ).history
    assert history["train_eval_loss"] == history["val_loss"]
    assert history["train_eval_accuracy"] == history["val_accuracy"]
    assert history["train_eval_loss"] != history["loss"]
    model.fit(X, Y, sample_weight=WEIGHTS, verbose=0, callbacks=[evaluation])
    expected = model.evaluate(X, Y, sample_weight=WEIGHTS, verbose=0, return_dict=True)
    assert evaluation.history["train_eval_loss"] == [expected["loss"]]


def test_sample_is_of_the_rows_trained_on_and_fixed():
    # The targets tell the rows apart: each costs its own square.
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse", run_eagerly=True)
    model.layers[0].set_weights([np.zeros((1, 1)), np.zeros(1)])
    y = 2.0 ** (np.arange(20) / 2)
    evaluation = InferenceModeEvaluation(sample_size=5)

    def fit():
        model.fit(
            np.ones((20, 1)),
            y,
            epochs=2,
            validation_split=0.5,
            verbose=0,
            callbacks=[evaluation],
        )
        return [round(5 * v) for v in evaluation.history["train_eval_loss"]]

    first, second = fit()
    assert first == second
    assert bin(first).count("1") == 5
    assert first < 2**10
    assert fit() == [first, second]
    evaluation.seed = 1
    assert fit()[0] != first


class Rows(keras.utils.PyDataset):
    def __init__(self):
        super().__init__()

    @property
    def num_batches(self):
        return 5

    def __getitem__(self, index):
        rows = slice(8 * index, 8 * index + 8)
        return X[rows], Y[rows], WEIGHTS[rows]


def batches():
    return batches_of(X, Y, WEIGHTS, size=8)


@pytest.mark.parametrize("dataset", [batches, Rows])
@pytest.mark.parametrize(("size", "rows"), [(12, 12), (None, 40), (100, 40)])
def test_datasets_are_read_from_their_beginning(dataset, size, rows):
    model = regularised()
    evaluation = InferenceModeEvaluation(dataset(), sample_size=size)
    model.fit(X, Y, batch_size=20, verbose=0, callbacks=[evaluation])
    expected = model.evaluate(
        X[:rows], Y[:rows], sample_weight=WEIGHTS[:rows], verbose=0
    )
    found = evaluation.history
    np.testing.assert_allclose(found["train_eval_loss"], expected[:1], rtol=1e-6)
    np.testing.assert_allclose(found["train_eval_accuracy"], expected[1:], rtol=1e-6)


def fit(dataset, *callbacks):
    model = regularised()
    model.fit(dataset, epochs=2, shuffle=False, verbose=0, callbacks=list(callbacks))
    return model


@only_on("tensorflow", because="it is about `tf.data`, which shuffles by itself")
def test_a_shuffled_dataset_that_is_trained_on_is_refused():
    shuffled = batches().unbatch().shuffle(40).batch(8)
    for sample in (shuffled, shuffled.take(2)):
        with pytest.raises(ValueError, match="does not share its shuffling"):
            fit(shuffled, InferenceModeEvaluation(sample))


@only_on("tensorflow", because="it is about `tf.data`, which shuffles by itself")
def test_order_of_a_shuffled_training_is_kept():
    import tensorflow as tf

    def shuffled():
        keras.utils.set_random_seed(5)
        return rows.shuffle(40).batch(8)

    rows = tf.data.Dataset.from_tensor_slices((X, Y, WEIGHTS))
    ours = fit(shuffled(), InferenceModeEvaluation(rows.batch(8), sample_size=16))
    assert_same(all_values(ours), all_values(fit(shuffled())))


def test_data_that_cannot_be_learnt_must_be_given():
    kind = type(batches()).__name__
    with pytest.raises(ValueError, match=rf"`x` must be given.*trains on {kind}"):
        fit(batches(), InferenceModeEvaluation())


def lines(log_dir, run, tag):
    """Returns what TensorBoard draws, by step."""
    accumulator = event_accumulator.EventAccumulator(str(log_dir / "board" / run))
    if tag in accumulator.Reload().Tags()["scalars"]:
        return {event.step: event.value for event in accumulator.Scalars(tag)}
    events = accumulator.Tensors(tag)
    return {e.step: float(make_ndarray(e.tensor_proto)) for e in events}


@beside_keras_tensorboard
def test_keras_callbacks_use_the_values(tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path / "board")
    evaluation = InferenceModeEvaluation(log_dir=board)
    table = tmp_path / "log.csv"
    stop = keras.callbacks.EarlyStopping(
        "train_eval_loss", mode="min", min_delta=100.0, patience=2
    )
    history = regularised().fit(
        X,
        Y,
        epochs=6,
        validation_data=(X, Y),
        verbose=0,
        callbacks=[evaluation, board, keras.callbacks.CSVLogger(table), stop],
    )
    assert history.epoch == evaluation.history["epoch"] == [0, 1, 2]
    values = history.history["train_eval_loss"]
    rows = csv.DictReader(table.read_text().splitlines())
    assert [float(row["train_eval_loss"]) for row in rows] == values
    assert list(lines(tmp_path, "train_evaluation", "epoch_loss")) == [0, 1, 2]
    ours = list(lines(tmp_path, "train_evaluation", "epoch_accuracy").values())
    np.testing.assert_allclose(ours, evaluation.history["train_eval_accuracy"])
    assert list(lines(tmp_path, "validation", "epoch_loss")) == [0, 1, 2]
    assert list(lines(tmp_path, "train", "epoch_train_eval_loss")) == [0, 1, 2]


def test_epochs_between_are_left_out():
    evaluation = InferenceModeEvaluation(every=2)
    history = regularised().fit(X, Y, epochs=3, verbose=0, callbacks=[evaluation])
    assert evaluation.history["epoch"] == [1]
    assert len(history.history["train_eval_loss"]) == 1


def test_copies_share_the_data_and_can_be_stored():
    evaluation = InferenceModeEvaluation(X, Y, prefix="fixed_")
    clone = copy.deepcopy(evaluation)
    assert clone.x is X
    assert clone.history is not evaluation.history
    regularised().fit(X, Y, verbose=0, callbacks=[clone])
    assert set(clone.history) == {"epoch", "fixed_loss", "fixed_accuracy"}
    assert pickle.loads(pickle.dumps(clone)).history == clone.history


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sample_size": 0}, "`sample_size` must be an integer >= 1"),
        ({"every": 0}, "`every` must be an integer >= 1"),
        ({"prefix": "val_"}, "`prefix` must be a string"),
        ({"y": Y}, "`y` and `sample_weight` must be None unless"),
        ({"x": X, "y": Y[:3]}, r"the same number of rows. Received: \[3, 40\]"),
        ({"x": [[1.0], [2.0]]}, "must be arrays"),
    ],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises(ValueError, match=words):
        InferenceModeEvaluation(**arguments)


def test_targets_that_were_forgotten_are_asked_for():
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 2), "float32")
    with pytest.raises(ValueError, match="`y` must be given with `x`"):
        model.fit(x, x[:, :1], verbose=0, callbacks=[InferenceModeEvaluation(x)])
