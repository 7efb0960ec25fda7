"""`keras_extras.diagnose`, and what `TrainingDiagnostics` does on its own."""

import keras
import numpy as np
import pytest
from backend_in_use import JIT
from keras import layers

import keras_extras
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.diagnostics import Diagnosis

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 6)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def model(activation="sigmoid", loss="binary_crossentropy", optimizer="adam"):
    keras.utils.set_random_seed(0)
    built = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, "relu"),
            layers.Dropout(0.2),
            layers.Dense(1, activation),
        ]
    )
    built.compile(optimizer, loss, jit_compile=JIT)
    return built


@pytest.fixture(scope="module")
def ill():
    return keras_extras.diagnose(model(loss="mape"), X, Y, steps=30, batch_size=16)


def test_diagnosis_names_what_is_wrong(ill):
    assert isinstance(ill, Diagnosis)
    assert ill.findings[0].code == "output-loss-mismatch"
    assert "output-loss-mismatch" in ill.report()
    assert repr(ill) == "<Diagnosis: output-loss-mismatch>"
    assert ill.statistics["gradient_norm"].shape == (len(ill.steps), len(ill.layers))
    assert len(ill.steps) == 30


def test_notebook_shows_text_as_text(ill):
    html = ill._repr_html_()
    assert "<table" in html
    assert "mean_absolute_percentage_error" in html
    assert "<script>" not in html
    finding = keras_extras.diagnostics.Finding(
        "nan-loss", "error", "<script>", 0, 1, "a < b", "do", 0.5
    )
    shown = Diagnosis(ill.observations, [finding])._repr_html_()
    assert "&lt;script&gt;" in shown


def test_plot_shows_loss_and_gradients(ill):
    pytest.importorskip("plotly", reason="Plotly is an extra, for figures alone")
    scatter, heatmap = ill.plot().data
    np.testing.assert_allclose(scatter.y, ill.observations.losses)
    assert list(heatmap.y) == [name for name in ill.layers if "dense" in name]


def trained_weights(diagnosed):
    trained = model()
    if diagnosed:
        keras_extras.diagnose(trained, X, Y, steps=5, batch_size=16)
        assert int(trained.optimizer.iterations) == 0
    trained.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    return [*trained.get_weights(), int(trained.optimizer.iterations)]


def test_training_afterwards_is_the_same_bit_for_bit():
    for plain, after in zip(trained_weights(False), trained_weights(True)):
        np.testing.assert_array_equal(plain, after)


def test_model_is_put_back_when_training_fails():
    trained = model()
    before = trained.get_weights()

    class Failing(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 3:
                raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        keras_extras.diagnose(trained, X, Y, batch_size=16, callbacks=[Failing()])
    for old, new in zip(before, trained.get_weights()):
        np.testing.assert_array_equal(old, new)


def test_steps_must_be_a_count():
    with pytest.raises(ValueError, match=r"`steps`.*steps=0"):
        keras_extras.diagnose(model(), X, Y, steps=0)


def trained_with(**settings):
    diagnostics = TrainingDiagnostics(every=1, verbose=0, **settings)
    trained = model("softmax")
    with pytest.warns(UserWarning, match="softmax"):
        history = trained.fit(
            X, Y, epochs=4, batch_size=16, verbose=0, callbacks=[diagnostics]
        )
    return history, diagnostics


def test_error_can_stop_the_training():
    history, diagnostics = trained_with(actions="stop")
    assert diagnostics.findings[0].severity == "error"
    assert len(history.epoch) < 4


def test_error_can_call_a_function_once():
    calls = []
    history, _ = trained_with(actions=calls.append)
    assert len(history.epoch) == 4
    (errors,) = calls
    assert [finding.code for finding in errors] == ["output-loss-mismatch"]


def test_model_that_cannot_be_described_is_trained_all_the_same(monkeypatch):
    from keras_extras.diagnostics import evidence_of_model

    def broken(*arguments):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(evidence_of_model, "describe_layers", broken)
    monkeypatch.setattr(evidence_of_model, "describe", broken)
    diagnostics = TrainingDiagnostics(every=1, verbose=0)
    with pytest.warns(UserWarning, match="ZeroDivisionError: a defect") as caught:
        history = model().fit(X, Y, epochs=2, verbose=0, callbacks=[diagnostics])
    assert len(history.epoch) == 2
    ours = [w for w in caught if "a defect" in str(w.message)]
    assert len(ours) == 2  # of the weights, and of the outputs, once each


def test_actions_must_be_known():
    with pytest.raises(ValueError, match=r"`actions` must be.*actions='mail'"):
        TrainingDiagnostics(actions="mail")


def test_weights_of_the_best_epoch_are_kept_by_another_callback():
    diagnostics = TrainingDiagnostics(verbose=0)
    stop = keras.callbacks.EarlyStopping("loss", restore_best_weights=True)
    model().fit(X, Y, epochs=1, verbose=0, callbacks=[diagnostics, stop])
    assert diagnostics.observations.keeps_best
