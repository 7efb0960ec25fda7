"""Every statistic equals its recomputation to 1e-5, in models of many kinds."""

import functools

import keras
import numpy as np
import pytest
import recompute
from backend_in_use import NAME

from keras_extras.callbacks import TrainingDiagnostics

optimizers = keras.optimizers
# Random draws, normalisation, sums, shared layers, losses of layers, weights of rows.
# Without attention: the gradient of a key's bias is 0 but for rounding.
WITH_GRADIENTS = [
    "activity_regularizers",
    "bidirectional",
    "embedding",
    "group_normalization",
    "mixture_of_experts",
    "residual_convolutions",
    "sample_weights",
    "several_outputs",
    "shared_batch_normalization",
    "siamese",
    "text_convolutions",
    "u_net",
    "vae",
    "weight_regularizers",
]
WITH_ACTIVATIONS = [
    "augmentation",
    "autoencoder",
    "convolutions",
    "gru_with_masking",
    "mlp",
    "residual_convolutions",
    "self_normalizing",
    "text_convolutions",
    "transformer",
    "u_net",
]
WITH_RANDOM_DRAWS = {"augmentation", "autoencoder", "convolutions", "transformer"}


@functools.cache
def record(name, optimizer=None):
    diagnostics = TrainingDiagnostics(every=1, verbose=0)
    recording = recompute.Recording(name, diagnostics, optimizer)
    assert recording.history.steps.tolist() == list(range(recompute.STEPS))
    return recording


def assert_close(found, expected, scale, what):
    """Compares to 1e-5; what is next to nothing beside `scale` is mere rounding."""
    np.testing.assert_allclose(
        found, expected, rtol=1e-5, atol=1e-6 * scale, err_msg=what
    )


def assert_rows_close(found, expected, what):
    assert_close(found, expected, np.nanmax(np.abs(expected), initial=0), what)


@pytest.mark.parametrize("name", WITH_GRADIENTS)
def test_gradients_and_updates(name):
    recording = record(name)
    for step in range(recompute.STEPS):
        expected = recording.gradients(step)
        assert np.isfinite(expected["gradient_norm"]).any()
        for statistic in recompute.GRADIENTS:
            found = recording.history[statistic][step]
            if statistic == "gradient_zero_fraction" and NAME == "jax":
                # XLA rounds as what it compiles together allows: to 0 or next to it.
                apart = np.abs(found - expected[statistic])
                noise = expected["mere_rounding"]
                assert (apart[noise > 0] <= noise[noise > 0] + 1e-6).all()
                found = np.where(noise > 0, expected[statistic], found)
            assert_rows_close(found, expected[statistic], f"{statistic}, step {step}")
        whole = np.sqrt(np.nansum(np.square(expected["gradient_norm"])))
        found = recording.history.global_gradient_norm[step]
        assert_close(found, whole, whole, f"global norm, step {step}")


@pytest.mark.parametrize("name", WITH_ACTIVATIONS)
def test_activations_with_the_random_draws_of_the_step(name):
    recording = record(name)
    for step in range(recompute.STEPS):
        outputs = recording.activations(step)
        assert len(outputs) >= 3
        for layer, output in outputs.items():
            column = recording.history.layers.index(layer)
            scale = np.abs(output).max()
            for statistic, expected in recompute.of_output(output).items():
                found = recording.history[statistic][step, column]
                assert_close(found, expected, scale, f"{layer} {statistic} {step}")


@pytest.mark.parametrize("name", sorted(WITH_RANDOM_DRAWS))
def test_a_step_later_the_draws_are_others(name):
    """Shows that the test above would notice other masks."""
    recording = record(name)
    first, again = recording.activations(0), recording.activations(0)
    other = recording.activations(0, draws_of=1)
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not all(np.array_equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: optimizers.AdamW(0.01, weight_decay=0.1),
        lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=0.1),
        lambda: optimizers.Adam(
            0.01, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2
        ),
        lambda: optimizers.LossScaleOptimizer(optimizers.RMSprop(0.01)),
    ],
    ids=["decay", "clipped", "averaged", "scaled"],
)
def test_whatever_the_optimizer_does_gradients_and_updates_are_those(optimizer):
    recording = record("max_norm", optimizer)
    for step in range(recompute.STEPS):
        expected = recording.gradients(step)
        for statistic in recompute.GRADIENTS:
            found = recording.history[statistic][step]
            assert_rows_close(found, expected[statistic], f"{statistic}, step {step}")


def test_share_of_units_at_the_limit():
    recording = record("max_norm", lambda: optimizers.SGD(0.5))
    shares = []
    for before in recording.snapshots.before:
        norms = np.linalg.norm(before[0], axis=0)
        shares.append(np.mean(norms > 0.7 * (1 - 1e-5)))
    assert 0 < np.max(shares) < 1
    found = recording.history.weight_at_limit_fraction[:, 0]
    np.testing.assert_allclose(found, shares, rtol=1e-5)
