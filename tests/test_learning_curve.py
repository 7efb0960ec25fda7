"""Scores by the number of rows trained on, with rows that never overlap."""

import random

import keras
import numpy as np
import pytest
from backend_in_use import WritesVariables
from backend_in_use import draw_of_the_backend
from backend_in_use import seed_the_backend
from keras import layers

from keras_extras.evaluation import LearningCurve
from keras_extras.evaluation import learning_curve
from keras_extras.evaluation.subsets import checked_sizes

ROWS = 50
# Each row carries its number, so that what a model is given can be told.
X = np.arange(ROWS, dtype="float32")[:, None]
Y = (X > ROWS / 2).astype("float32")


MADE = []


class Remembers(WritesVariables):
    """Keeps the rows that it is trained on, and how often."""

    def __init__(self, fails=()):
        super().__init__()
        self.head = layers.Dense(1, "sigmoid")
        self.head.build((None, 1))
        self.seen, self.batches = [], 0
        self.seeds = keras.random.SeedGenerator()
        MADE.append(self)
        if len(MADE) in fails:
            raise MemoryError("no room")

    def call(self, x):
        return self.head(x / ROWS)

    def learn(self, data):
        self.seen += np.asarray(data[0])[:, 0].astype(int).tolist()
        self.batches += 1
        noise = keras.random.normal((1, 1), seed=self.seeds)
        self.head.kernel.assign_add(noise)  # in the place of a training
        return self.compute_metrics(*data[:2], self(data[0]))


def build(fails=(), metrics=("accuracy",)):
    model = Remembers(fails)
    model.compile("sgd", "binary_crossentropy", metrics=metrics, run_eagerly=True)
    return model


@pytest.fixture(autouse=True)
def nothing_made():
    MADE.clear()


def curve(**arguments):
    standard = {"epochs": 2, "batch_size": 10, "verbose": 0, "repeats": 2}
    return learning_curve(build, X, Y, **{**standard, "sizes": (8, 40), **arguments})


def rows_seen():
    return [set(model.seen) for model in MADE]


def test_subsets_are_nested_and_apart_from_what_is_held_out():
    found = curve(sizes=(0.2, 0.5, 1.0))
    assert found.sizes.tolist() == [8, 20, 40]
    assert found.train_scores.shape == found.validation_scores.shape == (3, 2)
    assert np.isfinite(found.validation_scores).all()
    assert [model.batches for model in MADE] == [8] * 6
    seen = rows_seen()
    assert [len(rows) for rows in seen] == [8, 20, 40] * 2
    assert seen[0] < seen[1] < seen[2]
    assert seen[3] < seen[4] < seen[5]
    assert seen[2] == seen[5]  # the other ten are held out, for all
    assert seen[0] != seen[3]


def test_all_sizes_can_get_the_same_number_of_epochs():
    curve(budget="epochs", repeats=1)
    assert [model.batches for model in MADE] == [2, 8]


def test_scores_are_those_of_evaluate_on_the_rows_of_each_part():
    validation = (X[:5] + 0.25, Y[:5])
    found = curve(
        sizes=(4, 50), repeats=1, validation_data=validation, metric="accuracy"
    )
    assert found.higher_is_better
    for size, model in enumerate(MADE):
        rows = sorted(set(model.seen))
        for scores, (x, y) in {
            "train_scores": (X[rows], Y[rows]),
            "validation_scores": validation,
        }.items():
            expected = model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"]
            assert getattr(found, scores)[size, 0] == pytest.approx(expected)


def test_seeds_make_it_repeatable_and_leave_the_generators_as_they_were():
    random.seed(1)
    np.random.seed(1)
    seed_the_backend(1)
    expected = random.random(), np.random.rand(), draw_of_the_backend()
    random.seed(1)
    np.random.seed(1)
    seed_the_backend(1)
    first = curve(sizes=(20,), repeats=1)
    assert expected == (random.random(), np.random.rand(), draw_of_the_backend())
    again = curve(sizes=(20,), repeats=1)
    np.testing.assert_array_equal(first.validation_scores, again.validation_scores)
    other = curve(sizes=(20,), repeats=1, seed=1)
    assert not np.allclose(first.validation_scores, other.validation_scores)


def test_interruption_keeps_what_is_done():
    class Interrupts(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            if len(MADE) == 3:
                raise KeyboardInterrupt

    found = curve(callbacks=lambda: [Interrupts()])
    assert not found.complete
    assert np.isfinite(found.validation_scores).tolist() == [[True, False]] * 2
    assert "interrupted" in found.report()


def test_interruption_before_anything_is_done_is_one():
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learning_curve(stop, X, Y, verbose=0)


def test_a_training_that_fails_leaves_the_others():
    with pytest.warns(UserWarning, match="on 40 rows failed.*MemoryError: no room"):
        found = learning_curve(
            lambda: build(fails=(2,)), X, Y, (8, 40), epochs=1, repeats=2, verbose=0
        )
    assert np.isnan(found.validation_scores).tolist() == [[False, False], [True, False]]
    assert found.complete
    assert np.isfinite(found.mean["validation"]).all()
    assert "ended in NaN: 1" in found.report()


def test_the_first_failure_is_an_error():
    with pytest.raises(MemoryError):
        learning_curve(lambda: build(fails=(1,)), X, Y, verbose=0)


def test_progress_is_shown(capsys):
    curve(repeats=1, verbose=1)
    assert "2/2" in capsys.readouterr().out


def test_nested_inputs_weights_and_callbacks():
    def two_inputs():
        inputs = {name: keras.Input((1,), name=name) for name in "ab"}
        joined = layers.Concatenate()([inputs["a"], inputs["b"]])
        model = keras.Model(inputs, layers.Dense(1)(joined))
        model.compile("sgd", "mse", run_eagerly=True)
        return model

    stops = []

    def callbacks():
        stops.append(keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=9))
        return stops[-1:]

    found = learning_curve(
        two_inputs,
        {"a": X / ROWS, "b": Y},
        Y,
        sizes=(1.0,),
        sample_weight=np.linspace(1, 2, ROWS),
        repeats=1,
        epochs=3,
        callbacks=callbacks,
        verbose=0,
    )
    assert np.isfinite(found.train_scores).all()
    assert [stop.stopped_epoch for stop in stops] == [1]


def made_up(validation, train=None, higher=True):
    validation = np.array(validation, float)
    train = np.ones_like(validation) if train is None else np.array(train, float)
    return LearningCurve(np.array([10, 20]), train, validation, "accuracy", higher)


RISING = [[0.5, 0.52, 0.51], [0.7, 0.71, 0.72]]
FLAT = [[0.7, 0.72, 0.71], [0.71, 0.71, 0.715]]


def test_report_says_whether_more_data_would_help():
    assert "more data would help." in made_up(RISING).report()
    assert "help little" in made_up(FLAT).report()
    falling = made_up(RISING[::-1], higher=False)
    assert "more data would help." in falling.report()
    assert "help little" in made_up(RISING, higher=False).report()
    assert "cannot be told from one repeat" in made_up([[0.5], [0.7]]).report()
    assert "number" in made_up(np.full((2, 3), np.nan)).report()


def test_report_says_whether_the_model_overfits():
    assert "overfitting" in made_up(FLAT).report()
    assert "Both agree" in made_up(FLAT, train=FLAT).report()


def test_means_leave_nan_out_and_the_figure_has_both_lines():
    found = made_up([[0.5, np.nan], [0.7, 0.9]])
    np.testing.assert_allclose(found.mean["validation"], [0.5, 0.8])
    np.testing.assert_allclose(found.std["validation"], [np.nan, np.sqrt(0.02)])
    figure = found.plot()
    assert [trace.name for trace in figure.data] == ["train", "validation"]
    np.testing.assert_allclose(figure.data[1].y, [0.5, 0.8])
    assert list(figure.data[1].x) == [10, 20]


def test_sizes_are_counts_or_shares():
    assert checked_sizes((0.1, 0.5, 1.0), 40) == [4, 20, 40]
    assert checked_sizes(np.array([1, 40]), 40) == [1, 40]
    assert checked_sizes([5, 1.0], 40) == [5, 40]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sizes": (0, 10)}, "`sizes` must be from 1"),
        ({"sizes": (10, 41)}, "`sizes` must be from 1 to the number of rows"),
        ({"sizes": (0.5, 1.5)}, "`sizes` must be integers >= 1, or floats"),
        ({"sizes": (20, 10)}, "`sizes` must be increasing"),
        ({"sizes": ()}, "`sizes` must be"),
        ({"repeats": 0}, "`repeats` must be an integer >= 1"),
        ({"budget": "time"}, "`budget` must be one of 'steps', 'epochs'"),
        ({"validation_split": 1.0}, "`validation_split` must be a number above 0"),
        ({"validation_data": X}, "`validation_data` must be a tuple"),
        ({"metric": "auc"}, r"`metric` must be one of \['accuracy', 'loss'\]"),
        ({"callbacks": []}, "`callbacks` must be a function"),
    ],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises(ValueError, match=words):
        curve(**arguments)


def test_build_must_return_new_compiled_models():
    with pytest.raises(ValueError, match="`build` must be a function"):
        learning_curve(build(), X, Y)
    with pytest.raises(ValueError, match="`build` must return a new compiled model"):
        learning_curve(keras.Sequential, X, Y, verbose=0)
