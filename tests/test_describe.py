"""What is told of a model before it is judged."""

import contextlib

import keras
import numpy as np
import pytest
from backend_in_use import JIT
from backend_in_use import NAME
from keras import layers

from keras_extras.diagnostics.describe import describe
from keras_extras.diagnostics.describe import describe_layers


def described(model, x, y, loss="mse", **settings):
    model.compile("sgd", loss, jit_compile=JIT, **settings)
    parts = describe_layers(model)
    model.train_on_batch(x, y)
    return describe(model, parts, fresh=True)


X = np.zeros((4, 6), "float32")
Y = np.zeros((4, 1), "float32")


def test_layers_of_a_chain():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(
                8,
                "relu",
                kernel_initializer=keras.initializers.Constant(0.5),
                kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2),
                name="first",
            ),
            layers.Dropout(0.3, name="drop"),
            layers.Dense(1, name="last"),
        ]
    )
    seen = described(model, X, Y, metrics=["mae"])
    first, drop, last = seen.layers
    assert (first.kind, first.activation, first.inputs) == ("Dense", "relu", ())
    assert (first.kernel.fan_in, first.kernel.units) == (6, 8)
    assert first.kernel.alike
    assert first.kernel.rms == pytest.approx(0.5)
    assert first.kernel.initializer == "Constant(value=0.5)"
    assert first.head == "Dense(8"
    assert (first.l1, first.l2) == pytest.approx((0.1, 0.2))
    assert (drop.rate, drop.inputs) == (0.3, ("first",))
    assert last.inputs == ("drop",)
    assert not last.kernel.alike
    (output,) = seen.outputs
    assert (output.loss, output.activation) == ("mean_squared_error", "linear")
    assert (output.layer, output.units) == ("last", 1)
    assert output.metrics == ("mae",)
    assert seen.optimizer == "SGD"


def test_nested_models_are_linked_with_what_is_around_them():
    inner = keras.Sequential(
        [keras.Input((6,)), layers.Dense(5, name="a"), layers.ReLU(name="b")],
        name="inner",
    )
    start = keras.Input((6,))
    outside = layers.Rescaling(2.0, name="scale")(start)
    outcome = layers.Dense(1, "sigmoid", name="end")(inner(outside))
    outcome = layers.Reshape((1,), name="same")(outcome)
    seen = described(keras.Model(start, outcome), X, Y)
    inputs = {part.name: part.inputs for part in seen.layers}
    assert inputs == {
        "scale": (),
        "inner/a": ("scale",),
        "inner/b": ("inner/a",),
        "end": ("inner/b",),
        "same": ("end",),
    }
    assert seen.outputs[0].activation == "sigmoid"
    assert [part.name for part in seen.after("inner/b")] == ["end"]


def test_several_outputs_with_losses_of_their_own():
    start = keras.Input((6,))
    shared = layers.Dense(4, "relu", name="shared")(start)
    outputs = [
        layers.Dense(1, "sigmoid", name="yes")(shared),
        layers.Activation("softmax", name="kind")(layers.Dense(3)(shared)),
    ]
    model = keras.Model(start, outputs)
    y = [Y, np.eye(3)[np.zeros(4, int)]]
    losses = [
        keras.losses.BinaryCrossentropy(from_logits=True),
        "categorical_crossentropy",
    ]
    warns = pytest.warns(UserWarning, match="from_logits")
    # Keras sees the activation behind the values on TensorFlow only.
    with warns if NAME == "tensorflow" else contextlib.nullcontext():
        first, second = described(model, X, y, losses).outputs
    assert (first.loss, first.from_logits) == ("binary_crossentropy", True)
    assert (second.loss, second.activation) == ("categorical_crossentropy", "softmax")
    assert (first.layer, second.layer) == ("yes", "kind")


def test_sum_of_branches_has_no_activation_that_is_known():
    start = keras.Input((6,))
    branches = [layers.Dense(1, "sigmoid")(start), layers.Dense(1, "tanh")(start)]
    (output,) = described(
        keras.Model(start, layers.Add()(branches)), X, Y, metrics=["mae"]
    ).outputs
    assert output.activation is None


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(4, "relu", name="hidden")
        self.end = layers.Dense(1, name="end")

    def call(self, x):
        return self.end(self.hidden(x))


def own_loss(targets, predictions):
    return keras.ops.mean(keras.ops.abs(targets - predictions))


def test_model_without_a_graph_and_loss_of_ones_own():
    model = Own()
    model(X)
    seen = described(model, X, Y, own_loss)
    assert [part.inputs for part in seen.layers] == [None, None]
    (output,) = seen.outputs
    assert (output.loss, output.activation, output.layer) == ("custom", None, None)


def test_recurrent_and_convolutional_kernels():
    model = keras.Sequential(
        [
            keras.Input((8, 3)),
            layers.Conv1D(5, 2, name="conv"),
            layers.LSTM(4, name="lstm"),
            layers.Dense(1),
        ]
    )
    conv, lstm, _ = described(model, np.zeros((4, 8, 3)), Y).layers
    assert (conv.kernel.fan_in, conv.kernel.units) == (6, 5)
    assert conv.head == "Conv1D(5, 2"
    assert (lstm.kernel.fan_in, lstm.kernel.units) == (5, 16)
    assert lstm.head == "LSTM(4"


def test_transposed_convolution_has_its_units_elsewhere():
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), layers.Conv2DTranspose(5, 2, name="up")]
    )
    (up,) = describe_layers(model)
    assert (up.kernel.fan_in, up.kernel.units) == (12, 5)


def test_subclass_of_a_layer_counts_as_that_layer():
    class Mine(layers.Dense):
        pass

    model = keras.Sequential([keras.Input((6,)), Mine(1)])
    (part,) = described(model, X, Y).layers
    assert part.kind == "Dense"


class LossOfOnesOwn(keras.losses.BinaryCrossentropy):
    def call(self, targets, predictions):
        return super().call(targets, keras.ops.sigmoid(predictions))


@pytest.mark.parametrize(
    ("loss", "facts"),
    [
        (
            keras.losses.BinaryCrossentropy(label_smoothing=0.2),
            ("binary_crossentropy", 0.2, 1.0),
        ),
        (
            keras.losses.MeanSquaredError(reduction="sum"),
            ("mean_squared_error", 0.0, np.nan),
        ),
        (LossOfOnesOwn(), ("custom", 0.0, 1.0)),
    ],
)
def test_what_a_loss_makes_of_its_rows(loss, facts):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
    model.compile("sgd", loss)
    model.compute_loss(X, Y, model(X))
    (output,) = describe(model, describe_layers(model), fresh=True).outputs
    known = (output.loss, output.smoothing, output.weight)
    np.testing.assert_equal(known, facts)


def test_mean_over_steps_that_are_not_masked_is_no_plain_mean():
    for sequences, weight in ((True, np.nan), (False, 1.0)):
        model = keras.Sequential(
            [
                keras.Input((5, 2)),
                layers.Masking(),
                layers.SimpleRNN(1, return_sequences=sequences),
            ]
        )
        model.compile("sgd", "mse")
        x = np.ones((4, 5, 2), "float32")
        y = np.ones((4, 5, 1) if sequences else (4, 1), "float32")
        model.compute_loss(x, y, model(x))
        (output,) = describe(model, describe_layers(model), fresh=True).outputs
        np.testing.assert_equal(output.weight, weight)
