"""Logs of trainings that never were, written with the project's own writer."""

from __future__ import annotations

import functools

import numpy as np

from keras_extras.records.finding import Finding
from keras_extras.records.step_records import StepRecords
from keras_extras.summaries.events import vector_value
from keras_extras.summaries.writer import open_writer

LAYERS = ("conv", "block/dense", "dense_1", "head")
HOSTILE = "<script>alert(1)</script>"
SHARES = (
    "activation_dead_fraction",
    "activation_saturated_fraction",
    "gradient_nonfinite_fraction",
    "activation_nonfinite_fraction",
)


def finding(code="vanishing-gradient", severity="error", layer="conv", **more):
    values = {
        "code": code,
        "severity": severity,
        "layer": layer,
        "first_step": 3,
        "last_step": 17,
        "evidence": "norm 1e-9 (limit 1e-7)",
        "remedy": "Use `relu`.",
        "confidence": 0.9,
        "cause": None,
    }
    return Finding(**{**values, **more})


def records(steps=20, layers=LAYERS, every=1, broken_from=None, histograms=False):
    """Returns records whose gradients fall with depth, NaN from some row on."""
    shape = (steps, len(layers))
    wave = 1 + 0.1 * np.sin(np.arange(steps))[:, None]
    norms = np.broadcast_to(np.geomspace(1e-6, 1e-3, len(layers)), shape) * wave
    statistics = {
        "gradient_norm": norms,
        "update_ratio": np.full(shape, 1e-3) * wave,
        **{name: np.zeros(shape) for name in SHARES},
    }
    statistics["activation_dead_fraction"][:, 1] = 0.75
    statistics["activation_saturated_fraction"][:] = np.nan  # nothing saturates
    if broken_from is not None:
        statistics["gradient_norm"][broken_from:, 2] = np.nan
        statistics["gradient_nonfinite_fraction"][broken_from:, 2] = 1.0
    return StepRecords(
        steps=np.arange(steps) * every,
        layers=layers,
        statistics={k: v.astype(np.float32) for k, v in statistics.items()},
        scalars={"global_gradient_norm": norms.max(axis=1)},
        hyperparameters={
            "learning_rate": np.linspace(0.1, 0.01, steps),
            "momentum": np.full(steps, 0.9),
        },
        histograms=_histograms(steps, layers) if histograms else {},
    )


def _histograms(steps, layers):
    counts = np.tile(np.arange(1.0, 31.0), (steps, 1))
    table = np.hstack([np.full((steps, 1), -1.0), np.full((steps, 1), 2.0), counts])
    return {"activation": dict.fromkeys(layers, table)}


def write_run(directory, of_records=None, findings=(), epochs=0, **about):
    """Writes a run as the callbacks do; `findings=None` for one nobody examined."""
    of_records = records() if of_records is None else of_records
    writer = open_writer(str(directory))
    writer.about({"optimizer": "SGD", "learning_rate": 0.1, **about})
    writer.records(of_records)
    last = int(of_records.steps[-1])
    for epoch in range(epochs):
        logs = {"loss": 2.0 / (epoch + 1), "val_loss": 2.5 / (epoch + 1)}
        writer.epoch((epoch + 1) * (last + 1) // epochs, epoch, logs)
    if findings is not None:
        writer.findings(last, list(findings))
    writer.close()


def write_vectors(directory, of_records, statistics):
    """Writes only what the plugin reads: without scalars for each layer."""
    writer = open_writer(str(directory))
    for row, step in enumerate(of_records.steps.tolist()):
        values = {name: of_records.statistics[name][row] for name in statistics}
        writer._put(step, functools.partial(_vectors, of_records.layers, values))
    writer.close()


def _vectors(layers, values):
    return [vector_value(name, layers, value) for name, value in values.items()]


def write_uncertainty(directory, epochs=5):
    names = ("mc_accuracy", "mc_entropy", "mc_bald", "mc_ece", "mc_nll")
    writer = open_writer(str(directory))
    for epoch in range(epochs):
        values = (1 - 0.5 / (epoch + 1), *(0.5 / (epoch + 1) for _ in names[1:]))
        writer.scalars(epoch, dict(zip(names, values)))
    writer.close()


def write_sweep(directory, points=40):
    rates = np.geomspace(1e-6, 10.0, points)
    losses = np.where(rates < 0.5, 1.0 / (1 + 20 * rates), 5 * rates)
    sweep = {
        "rates": rates.tolist(),
        "losses": losses.tolist(),
        "smoothed": losses.tolist(),
        "rule": "edge",
        "suggestion": 0.05,
        "suggestions": {"edge": 0.05, "valley": 0.02},
    }
    writer = open_writer(str(directory))
    writer.sweep(points - 1, sweep)
    writer.close()


def write_full(directory):
    """Writes a run that has something for every card, in one file."""
    writer = open_writer(str(directory))
    write_run(directory, records(histograms=True), [finding()], epochs=3)
    write_sweep(directory)
    write_uncertainty(directory)
    series = {"steps": list(range(20)), "values": {"loss": [1.0] * 20}}
    writer.curve(19, {"logs": series, "hyperparameters": series})
    writer.close()


def event_file(directory):
    (path,) = (p for p in directory.iterdir() if "tfevents" in p.name)
    return path
