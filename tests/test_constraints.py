"""Max-norm limits what comes into each unit, whatever the layer."""

import keras
import numpy as np
import pytest
from backend_in_use import JIT
from keras import layers

from keras_extras.constraints import apply_max_norm
from keras_extras.constraints import max_norm_for
from keras_extras.constraints import share_at_limit

LIMIT = 0.5


def columns(kernel):
    """Every kernel whose last axis is that of the units."""
    return kernel.reshape(-1, kernel.shape[-1]).T


def transposed(kernel):
    return columns(np.swapaxes(kernel, -1, -2))


def depthwise(kernel):
    return kernel.reshape(-1, kernel.shape[-2] * kernel.shape[-1]).T


def heads(kernel):
    """Kernel of a projection to heads: a unit for each head and dimension."""
    return kernel.reshape(kernel.shape[0], -1).T


# Layer, shape of an input, and for each kernel the weights into each unit, as rows.
LAYERS = {
    "dense": (lambda: layers.Dense(5), (6,), [columns]),
    "conv1d": (lambda: layers.Conv1D(4, 3), (7, 2), [columns]),
    "conv2d": (lambda: layers.Conv2D(4, 3), (6, 6, 2), [columns]),
    "conv2d_groups": (lambda: layers.Conv2D(4, 3, groups=2), (6, 6, 2), [columns]),
    "conv3d": (lambda: layers.Conv3D(4, 2), (4, 4, 4, 2), [columns]),
    "conv1d_transpose": (lambda: layers.Conv1DTranspose(4, 3), (7, 2), [transposed]),
    "conv2d_transpose": (lambda: layers.Conv2DTranspose(4, 3), (5, 5, 2), [transposed]),
    "conv3d_transpose": (
        lambda: layers.Conv3DTranspose(4, 2),
        (3, 3, 3, 2),
        [transposed],
    ),
    "depthwise_conv1d": (
        lambda: layers.DepthwiseConv1D(3, depth_multiplier=2),
        (7, 2),
        [depthwise],
    ),
    "depthwise_conv2d": (
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
        (6, 6, 2),
        [depthwise],
    ),
    "separable_conv1d": (
        lambda: layers.SeparableConv1D(4, 3),
        (7, 2),
        [depthwise, columns],
    ),
    "separable_conv2d": (
        lambda: layers.SeparableConv2D(4, 3),
        (6, 6, 2),
        [depthwise, columns],
    ),
    "einsum_dense": (
        lambda: layers.EinsumDense("abc,cde->abde", (4, 2, 3)),
        (4, 5),
        [heads],
    ),
    "einsum_dense_units_first": (
        lambda: layers.EinsumDense("ab,cb->ac", 5),
        (4,),
        [lambda kernel: kernel],
    ),
    "simple_rnn": (lambda: layers.SimpleRNN(4), (3, 2), [columns] * 2),
    "gru": (lambda: layers.GRU(4), (3, 2), [columns] * 2),
    "lstm": (lambda: layers.LSTM(4), (3, 2), [columns] * 2),
    "bidirectional": (
        lambda: layers.Bidirectional(layers.GRU(3)),
        (3, 2),
        [columns] * 4,
    ),
    "stacked_cells": (
        lambda: layers.RNN([layers.LSTMCell(3), layers.SimpleRNNCell(2)]),
        (3, 2),
        [columns] * 4,
    ),
    "time_distributed": (
        lambda: layers.TimeDistributed(layers.Dense(4)),
        (3, 2),
        [columns],
    ),
    "conv_lstm1d": (lambda: layers.ConvLSTM1D(3, 2), (2, 5, 2), [columns] * 2),
    "conv_lstm2d": (lambda: layers.ConvLSTM2D(3, 2), (2, 4, 4, 2), [columns] * 2),
    "conv_lstm3d": (lambda: layers.ConvLSTM3D(2, 2), (2, 3, 3, 3, 1), [columns] * 2),
}


class SelfAttention(layers.Layer):
    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def build(self, shape):
        self.attention.build(shape, shape)

    def call(self, x):
        return self.attention(x, x)


LAYERS |= {
    "multi_head_attention": (
        lambda: SelfAttention(layers.MultiHeadAttention(2, 3)),
        (4, 5),
        [heads, heads, heads, columns],
    ),
    "group_query_attention": (
        lambda: SelfAttention(layers.GroupQueryAttention(3, 2, 1)),
        (4, 5),
        [heads, heads, heads, columns],
    ),
}


def compiled(layer, shape):
    model = keras.Sequential([keras.Input(shape), layer, layers.Flatten()])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    return model


def data(model, shape, rows=8):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, *shape)).astype("float32")
    return x, 30 * rng.normal(size=(rows, *model.output_shape[1:])).astype("float32")


def kernels(model):
    return [w for w in model.trainable_variables if "kernel" in w.path]


def norms(model, into_units):
    found = kernels(model)
    assert len(found) == len(into_units)
    return [
        np.linalg.norm(units(np.array(kernel)), axis=1)
        for kernel, units in zip(found, into_units)
    ]


@pytest.mark.parametrize("name", LAYERS)
def test_units_are_held_at_the_limit_and_left_alone_below_it(name):
    make, shape, into_units = LAYERS[name]
    model = compiled(make(), shape)
    x, y = data(model, shape)
    before = [np.array(kernel) for kernel in kernels(model)]
    apply_max_norm(model, 1e3)  # leaves alone what is below it
    for old, kernel in zip(before, kernels(model), strict=True):
        np.testing.assert_allclose(np.array(kernel), old, rtol=1e-5)
    paths = apply_max_norm(model, LIMIT)
    assert len(paths) == len(into_units)
    assert max(n.max() for n in norms(model, into_units)) <= LIMIT * (1 + 1e-5)
    model.fit(x, y, epochs=2, verbose=0)
    after = norms(model, into_units)
    assert max(n.max() for n in after) <= LIMIT * (1 + 1e-5)
    # The limit acts on whole units: some are held at it, none far below by another's.
    assert max(n.max() for n in after) > 0.9 * LIMIT


CLASSES = [name for name in LAYERS if name.split("_")[0] in ("dense", "gru", "lstm")]
CLASSES += ["conv1d", "conv2d", "conv3d", "conv1d_transpose", "conv2d_transpose"]
CLASSES += ["conv3d_transpose", "depthwise_conv1d", "depthwise_conv2d", "conv_lstm2d"]


@pytest.mark.parametrize("name", CLASSES)
def test_constraint_of_a_class_limits_each_unit(name):
    make, shape, into_units = LAYERS[name]
    plain = make()
    limit = max_norm_for(type(plain), LIMIT)
    model = compiled(plain, shape)
    kernel = np.array(kernels(model)[0])
    rows = into_units[0](kernel)
    wanted = rows * np.minimum(1, LIMIT / np.linalg.norm(rows, axis=1, keepdims=True))
    found = into_units[0](np.array(limit(kernel)))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_axes_are_those_of_the_kernels_of_keras():
    axes = lambda *args, **kwargs: max_norm_for(*args, **kwargs).axis
    assert axes(layers.Dense) == [0]
    assert axes(layers.Conv2D) == axes(
        layers.Conv2D(1, 1, data_format="channels_first")
    )
    assert axes(layers.Conv2DTranspose) == [0, 1, 3]
    assert axes(layers.Embedding) == [1]
    assert axes(layers.SeparableConv2D, weight="depthwise_kernel") == [0, 1]
    assert axes(layers.SeparableConv2D, weight="pointwise_kernel") == [0, 1, 2]
    assert axes(layers.EinsumDense("abc,cde->abde", (None, 2, 3))) == [0]
    assert axes(layers.EinsumDense("abcd,cde->abe", (None, 3))) == [0, 1]
    assert axes(layers.EinsumDense("...x,xy->...y", 3)) == [0]
    assert axes(layers.LSTMCell) == axes(layers.GRU) == [0]


def test_constraints_are_saved_as_keras_own(tmp_path):
    model = compiled(layers.Conv2D(4, 3), (6, 6, 2))
    apply_max_norm(model, LIMIT)
    model.save(tmp_path / "model.keras")
    constraint = keras.saving.load_model(tmp_path / "model.keras").layers[0]
    constraint = constraint.kernel_constraint
    assert type(constraint) is keras.constraints.MaxNorm
    assert (constraint.max_value, constraint.axis) == (LIMIT, [0, 1, 2])


def test_limit_can_be_changed_and_taken_away():
    make, shape, into_units = LAYERS["dense"]
    model = compiled(make(), shape)
    x, y = data(model, shape)
    apply_max_norm(model, 0.1)
    model.fit(x, y, epochs=1, verbose=0)  # compiles a step with that limit
    apply_max_norm(model, LIMIT)
    model.fit(x, y, epochs=3, verbose=0)
    assert 0.1 < norms(model, into_units)[0].max() <= LIMIT * (1 + 1e-5)
    apply_max_norm(model, None)
    model.fit(x, y, epochs=1, verbose=0)
    assert norms(model, into_units)[0].max() > LIMIT


def test_layers_can_be_chosen():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(5, name="first"),
            layers.Dense(3, name="last"),
        ]
    )
    model.compile("sgd", "mse")
    (path,) = apply_max_norm(model, LIMIT, layers=["last"])
    assert path == model.layers[1].kernel.path
    assert model.layers[0].kernel_constraint is None
    assert len(apply_max_norm(model, LIMIT, layers=[layers.Dense])) == 2
    with pytest.raises(ValueError, match="'middle', which is none of"):
        apply_max_norm(model, LIMIT, layers="middle")


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "1", True])
def test_bad_limits_are_named(value):
    model = compiled(layers.Dense(2), (3,))
    for call in (
        lambda: apply_max_norm(model, value),
        lambda: max_norm_for(layers.Dense, value),
    ):
        with pytest.raises(ValueError, match="`max_value` must be a number > 0"):
            call()


@pytest.mark.parametrize(
    "thing",
    [
        layers.Dropout,
        layers.MultiHeadAttention,
        layers.EinsumDense,
        layers.Flatten(),
        3,
    ],
)
def test_layers_without_a_fixed_axis_are_named(thing):
    with pytest.raises(ValueError, match=r"`layer_or_class` must be .* Received"):
        max_norm_for(thing)


def test_what_cannot_be_limited_is_said():
    with pytest.raises(ValueError, match="`weight` must be 'depthwise_kernel' or"):
        max_norm_for(layers.SeparableConv1D)
    with pytest.raises(ValueError, match=r"`weight` must be one of \['kernel'\]"):
        max_norm_for(layers.Dense, weight="bias")
    with pytest.raises(ValueError, match="`model` must be a built"):
        apply_max_norm(keras.Sequential([layers.Dense(1)]), 1.0)
    with pytest.raises(ValueError, match="at least one kernel"):
        apply_max_norm(compiled(layers.Dropout(0.5), (3,)), 1.0)
    taken = compiled(layers.Dense(2, kernel_constraint="non_neg"), (3,))
    with pytest.raises(ValueError, match="no constraint of another kind"):
        apply_max_norm(taken, 1.0)


def test_share_of_units_at_the_limit():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(5, name="limited"),
            layers.Dense(3, name="free"),
        ]
    )
    model.compile("sgd", "mse")
    kernel = np.zeros((4, 5), "float32")
    kernel[0, :2] = 10
    model.layers[0].kernel.assign(kernel)
    apply_max_norm(model, 2.0, layers="limited")
    assert share_at_limit(model.layers[0].trainable_variables) == pytest.approx(0.4)
    assert share_at_limit(model.layers[1].trainable_variables) is None


def test_a_limit_on_a_model_within_another_holds_in_the_training_of_that():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model = keras.Sequential([keras.Input((4,)), inner, layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=JIT)
    x, y = np.ones((8, 4), "float32"), np.full((8, 1), 100.0, "float32")
    model.fit(x, y * 0, verbose=0)
    apply_max_norm(inner, LIMIT)
    model.fit(x, y, verbose=0)
    kernel = np.array(inner.layers[0].kernel)
    assert np.linalg.norm(kernel, axis=0).max() <= LIMIT * 1.001


def test_quantized_kernels_are_refused_and_left_as_they_are():
    model = keras.Sequential([keras.Input((8,)), layers.Dense(4), layers.Dense(2)])
    for layer in model.layers:  # `model.quantize` warns of its input layer
        layer.quantize("int8")
    before = [np.array(weight) for weight in model.get_weights()]
    with pytest.raises(ValueError, match="`layers` must have plain kernels"):
        apply_max_norm(model, 3.0)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)
