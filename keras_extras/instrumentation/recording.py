"""Turns what happens in one step into one row of numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_extras.constraints.limits import is_limited
from keras_extras.constraints.limits import units_at_limit
from keras_extras.instrumentation import measure
from keras_extras.instrumentation import plan as plans
from keras_extras.instrumentation.backend import Backend
from keras_extras.instrumentation.backend import Buffer
from keras_extras.instrumentation.bundle import Bundle
from keras_extras.instrumentation.layer_table import Site
from keras_extras.instrumentation.plan import Plan
from keras_extras.keras_internals import hyperparameters

# What stands for a variable without a gradient: no magnitude is negative.
_NO_GRADIENT = (0.0, -1.0, 0.0, 0.0, 0.0, 0.0)
# Nor is a norm: that of a variable which is frozen for now is not measured.
_NO_UPDATE = (-1.0, 0.0)


_Rows = list[tuple[list[Any], Any]]


class Recording:
    """Listens to one step and writes the row that its plan asks for."""

    def __init__(self, model: Any, plan: Plan, backend: Backend, buffer: Buffer):
        self._model = model
        self._plan = plan
        self._backend = backend
        self._buffer = buffer
        self._scope = backend.scope()
        self._gradients: dict[int, Any] = {}
        self._gradient_rows: _Rows = []
        self._update_rows: _Rows = []
        self._moments: dict[int, list[measure.Moments]] = {}
        self._outputs: dict[int, list[Any]] = {}
        self._optimizer = hyperparameters.optimizers_of(model)[0]
        self._batch = _copy(hyperparameters.raw_iterations(self._optimizer))
        self._started_at = _copy(self._optimizer.iterations)
        self._hyperparameters = self._read_hyperparameters()
        self._limits = self._measure_limits()
        self._scale: Any = 1.0

    def _read_hyperparameters(self) -> list[Any]:
        """Returns those that the plan does not know already, as they act now."""
        if plans.HYPERPARAMETERS not in self._plan.blocks:
            return []
        values = hyperparameters.read(self._optimizer)
        known = self._plan.hyperparameters
        return [_copy(values[name]) for name in known if known[name] is None]

    def _measure_limits(self) -> Any:
        """Returns how many units max-norm holds back, before the step moves them."""
        if plans.LIMITS not in self._plan.blocks:
            return None
        rows = []
        for variable in self._plan.variables:
            held = units_at_limit(variable) if is_limited(variable) else ops.zeros(0)
            rows.append(_floats([measure.count(held), ops.size(held)]))
        return ops.stack(rows)

    def on_inputs(self, inputs: Any) -> None:
        """Inputs have no statistics of their own."""

    def on_loss(self, arguments: dict[str, Any], loss: Any) -> None:
        """The loss has no statistics of its own."""

    def on_output(self, site: Site, output: Any) -> None:
        if not self._plan.measures & {plans.ACTIVATIONS, plans.ACTIVATION_HISTOGRAMS}:
            return
        if not any(site is planned for planned in self._plan.sites):
            return
        key, axis = id(site.layer), _unit_axis(site.layer)
        for tensor in float_tensors(output, self._backend, self._scope):
            y = measure.as_float(tensor)
            moments = measure.activation_moments(y, site.info.activation, axis)
            self._moments.setdefault(key, []).append(moments)
            self._outputs.setdefault(key, []).append(y)

    def on_update(
        self, optimizer: Any, gradients: list[Any], variables: list[Any]
    ) -> Callable[[], None]:
        wanted = {id(v) for v in self._plan.variables}
        pairs = [(g, v) for g, v in zip(gradients, variables) if id(v) in wanted]
        if plans.GRADIENTS not in self._plan.measures or not pairs:
            return lambda: None
        self._scale = _copy(hyperparameters.loss_scale(optimizer))
        self._measure_gradients(optimizer, pairs)
        own = [v for _, v in pairs]
        if plans.UPDATES not in self._plan.measures:
            weights = self._bundle(own).square_sum()
            table = ops.stack([weights, ops.zeros_like(weights)], axis=1)
            self._update_rows.append((own, table))
            return lambda: None
        before = [_copy(v) for v in own]
        return functools.partial(self._measure_updates, own, before)

    def _measure_gradients(self, optimizer: Any, pairs: list[tuple[Any, Any]]) -> None:
        present = [(g, v) for g, v in pairs if g is not None]
        used = [self._gradient_in_use(optimizer, g, v) for g, v in present]
        used = self._backend.sum_over_replicas(used)
        own = [v for _, v in present]
        self._gradients.update({id(v): g for g, v in zip(used, own)})
        if used:
            sums = measure.gradient_sums(self._bundle(used))
            self._gradient_rows.append((own, ops.stack(sums, axis=1)))

    def _bundle(self, tensors: list[Any]) -> Bundle:
        floats = [ops.cast(tensor, "float32") for tensor in tensors]
        return Bundle(floats, self._backend.half_square_sum)

    def _gradient_in_use(self, optimizer: Any, gradient: Any, variable: Any) -> Any:
        pending = hyperparameters.pending_gradient(optimizer, variable)
        whole = pending is not None or self._backend.replicas(self._model) > 1
        dense = self._backend.as_dense(
            gradient, variable, whole or bool(self._model.jit_compile)
        )
        dense = ops.cast(dense, "float32")
        if pending is None:
            return dense
        steps = hyperparameters.accumulation_steps(optimizer)
        return (dense + ops.cast(pending, "float32") * self._scale) / steps

    def _measure_updates(self, variables: list[Any], before: list[Any]) -> None:
        old, new = self._bundle(before), self._bundle(variables)
        change = new.map(ops.subtract, old)
        table = ops.stack([old.square_sum(), change.square_sum()], axis=1)
        self._update_rows.append((variables, table))

    def finish(self) -> None:
        """Writes the row; called at the end of the step."""
        pieces = [self._header()]
        blocks = {
            plans.HYPERPARAMETERS: lambda: _floats(self._hyperparameters),
            plans.GRADIENTS: self._gradient_block,
            plans.LIMITS: lambda: self._limits,
            plans.ACTIVATIONS: self._activation_block,
            plans.GRADIENT_HISTOGRAMS: self._gradient_histograms,
            plans.ACTIVATION_HISTOGRAMS: self._activation_histograms,
        }
        pieces += [ops.reshape(blocks[name](), (-1,)) for name in self._plan.blocks]
        self._buffer.write(ops.concatenate(pieces))

    def _header(self) -> Any:
        numbers = [
            *plans.split_iteration(self._batch),
            _copy(self._optimizer.iterations) - self._started_at,
            self._scale,
        ]
        return _floats(numbers)

    def _gradient_block(self) -> Any:
        variables = self._plan.variables
        return ops.concatenate(
            [
                _table(variables, self._gradient_rows, _NO_GRADIENT),
                _table(variables, self._update_rows, _NO_UPDATE),
            ],
            axis=1,
        )

    def _activation_block(self) -> Any:
        merged = {
            key: functools.reduce(measure.merge_moments, calls)
            for key, calls in self._moments.items()
        }
        empty = ops.zeros((len(measure.ACTIVATION_FIELDS),))
        dead = self._dead_fractions({key: m.peak for key, m in merged.items()})
        nonfinite = self._nonfinite_outputs(merged)
        rows = []
        for site in self._plan.sites:
            key = id(site.layer)
            if key not in merged:
                rows.append(empty)
                continue
            units = ops.size(merged[key].peak)
            numbers = [*merged[key][:-1], nonfinite[key], dead[key], units]
            rows.append(_floats(numbers))
        return ops.stack(rows)

    def _dead_fractions(self, peaks: dict[int, Any]) -> dict[int, Any]:
        summed = self._backend.sum_over_replicas(list(peaks.values()))
        return {
            key: ops.mean(ops.cast(ops.equal(peak, 0.0), "float32"))
            for key, peak in zip(peaks, summed)
        }

    def _nonfinite_outputs(self, merged: dict[int, measure.Moments]) -> dict[int, Any]:
        calls = [(key, y) for key, ys in self._outputs.items() for y in ys]
        if not calls:
            return {}
        counts = measure.nonfinite_counts(
            [y for _, y in calls], [m.mean for m in merged.values()]
        )
        totals: dict[int, Any] = {}
        for (key, _), number in zip(calls, ops.unstack(counts, len(calls))):
            totals[key] = totals.get(key, 0.0) + number
        return totals

    def _gradient_histograms(self) -> Any:
        return self._histograms(
            [
                [
                    self._gradients[id(v)]
                    for v in site.variables
                    if id(v) in self._gradients
                ]
                for site in self._plan.trained
            ]
        )

    def _activation_histograms(self) -> Any:
        return self._histograms(
            [self._outputs.get(id(site.layer), []) for site in self._plan.sites]
        )

    def _histograms(self, tensors_of_layers: list[list[Any]]) -> Any:
        empty = ops.zeros((measure.HISTOGRAM_BINS + 2,))
        rows = []
        for tensors in tensors_of_layers:
            flat = [ops.reshape(t, (-1,)) for t in tensors]
            rows.append(measure.histogram(ops.concatenate(flat)) if flat else empty)
        return ops.stack(rows)


def float_tensors(output: Any, backend: Backend, scope: Any) -> list[Any]:
    """Returns the floating-point tensors of `output` that the step itself holds."""
    return [
        tensor
        for tensor in keras.tree.flatten(output)
        if backend.within(tensor, scope)
        and keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))
    ]


def _table(variables: list[Any], rows: _Rows, default: tuple[float, ...]) -> Any:
    """Returns one row for each of `variables`: its last one, or `default`."""
    tables = [ops.reshape(ops.convert_to_tensor(default, "float32"), (1, -1))]
    place: dict[int, int] = {}
    offset = 1
    for measured, table in rows:
        place.update({id(v): offset + i for i, v in enumerate(measured)})
        tables.append(table)
        offset += len(measured)
    wanted = [place.get(id(v), 0) for v in variables]
    return ops.take(ops.concatenate(tables), wanted, axis=0)


def _floats(numbers: list[Any]) -> Any:
    return ops.stack([ops.cast(number, "float32") for number in numbers])


def _copy(value: Any) -> Any:
    """Returns `value` as it is now; a variable itself would be read too late."""
    return ops.copy(ops.convert_to_tensor(value))


def _unit_axis(layer: Any) -> int:
    return 1 if getattr(layer, "data_format", None) == "channels_first" else -1
