"""A black box in every step: where the first non-finite value came from.

The step pays for one sum over a few gradients of every layer and one branch. Only
when that sum is not finite does the branch look at every output and note which of
them hold NaN or infinity. The host reads the box when the loss tells it to.

Weights are not looked at, and large gradients only through their sum: an update
waits for whatever else reads its weights, and cannot reuse the memory of a gradient
that someone else still holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from keras_extras.instrumentation import measure
from keras_extras.instrumentation.backend import Backend
from keras_extras.instrumentation.backend import Buffer
from keras_extras.instrumentation.layer_table import Site
from keras_extras.instrumentation.plan import ITERATION_BASE
from keras_extras.instrumentation.plan import join_iteration
from keras_extras.instrumentation.plan import split_iteration
from keras_extras.instrumentation.recording import float_tensors
from keras_extras.records.nonfinite_origin import NonFiniteOrigin

# filled, first batch (two parts), last batch (two parts), inputs
_HEADER = 6
_LAST = slice(3, 5)
_NOT_SEEN = -1.0
_SMALL = 2048


class Watch:
    """Listens to one step and fills the black box if the step went wrong."""

    def __init__(
        self,
        sites: tuple[Site, ...],
        backend: Backend,
        buffer: Buffer,
        batch: Any,
        skips_bad_steps: bool,
        order: list[str],
    ) -> None:
        self._sites = sites
        self._backend = backend
        self._buffer = buffer
        self._batch = batch
        self._skips_bad_steps = skips_bad_steps
        self._order = order
        self._scope = backend.scope()
        self._inputs: list[Any] = []
        self._outputs: dict[int, list[Any]] = {}

    def on_inputs(self, inputs: Any) -> None:
        self._inputs += float_tensors(inputs, self._backend, self._scope)

    def on_loss(self, arguments: dict[str, Any], loss: Any) -> None:
        """A bad loss shows in its gradients."""

    def on_output(self, site: Site, output: Any) -> None:
        tensors = float_tensors(output, self._backend, self._scope)
        self._outputs.setdefault(id(site.layer), []).extend(tensors)
        if site.info.name not in self._order:
            self._order.append(site.info.name)

    def on_update(
        self, optimizer: Any, gradients: list[Any], variables: list[Any]
    ) -> Callable[[], None]:
        present = {
            id(v): _values(g) for g, v in zip(gradients, variables) if g is not None
        }
        probes = [self._probe(site, present) for site in self._sites]
        sizes = [0 if probe is None else probe.shape[0] for probe in probes]
        if not any(sizes):
            return lambda: None
        probed = ops.concatenate([probe for probe in probes if probe is not None])
        outputs = [self._outputs.get(id(site.layer), []) for site in self._sites]
        groups = [self._inputs, *outputs]

        def note(old: Any, probed: Any, batch: Any, *tensors: Any) -> Any:
            flags = _flags_of_groups(tensors, [len(group) for group in groups])
            flags = [flags, _flags_of_parts(probed, sizes)]
            return self._note(old, batch, ops.concatenate(flags))

        self._buffer.write_unless(
            ops.isfinite(ops.sum(probed)),
            note,
            [probed, self._batch, *(tensor for group in groups for tensor in group)],
        )
        return lambda: None

    def _probe(self, site: Site, gradients: dict[int, Any]) -> Any:
        """Returns a vector that holds NaN or infinity if the layer's gradients do.

        NaN in what flows back through a layer is in the gradient of its bias.
        """
        own = [gradients[id(v)] for v in site.variables if id(v) in gradients]
        if not own:
            return None
        smallest = min(own, key=_static_size)
        values = measure.as_float(smallest)
        if _static_size(smallest) > _SMALL:
            return ops.reshape(ops.sum(values), (1,))
        return values if len(values.shape) == 1 else ops.reshape(values, (-1,))

    def finish(self) -> None:
        """Everything was written in `on_update`."""

    def _note(self, old: Any, batch: Any, seen: Any) -> Any:
        now = ops.cast(ops.stack(split_iteration(batch)), "float32")
        filled = ops.reshape(ops.max(ops.cast(seen > 0.0, "float32")), (1,))
        fresh = ops.concatenate([filled, now, now, seen])
        new = ops.where(filled > 0.0, fresh, old)
        if self._skips_bad_steps:
            return new
        distance = np.zeros(fresh.shape, "float32")
        distance[_LAST] = ITERATION_BASE, 1.0
        since = ops.sum((fresh - old) * distance)
        goes_on = ops.logical_and(old[:1] > 0.0, since <= 1.0)
        return ops.where(goes_on, ops.where(distance > 0.0, fresh, old), new)


def box_width(sites: tuple[Site, ...]) -> int:
    """Returns the number of values that the black box of `sites` holds."""
    return _HEADER + 2 * len(sites)


def open_box(
    row: np.ndarray,
    sites: tuple[Site, ...],
    order: list[str],
    batches_per_step: int,
) -> NonFiniteOrigin | None:
    """Returns what the black box tells, or `None` when it is empty.

    Values flow forwards through the layers and gradients flow backwards, so the
    origin is the first layer with a bad output, or else the last with a bad gradient.

    Args:
        row: What the box holds.
        sites: The layers it was made for.
        order: Names of the layers in the order in which they return.
        batches_per_step: Number of batches that make one update.
    """
    if not row[0]:
        return None
    step = int(join_iteration(row[1], row[2])) // batches_per_step
    flags = row[_HEADER - 1 :]
    inputs, outputs, gradients = np.split(flags, [1, 1 + len(sites)])
    names = [site.info.name for site in sites]
    if inputs[0] > 0:
        return NonFiniteOrigin(step, "input", None)
    if (outputs > 0).any():
        bad = {name for name, flag in zip(names, outputs) if flag > 0}
        return NonFiniteOrigin(step, "activation", next(n for n in order if n in bad))
    if (gradients[gradients != _NOT_SEEN] > 0).all():
        return NonFiniteOrigin(step, "loss", None)
    return NonFiniteOrigin(
        step, "gradient", names[int(np.flatnonzero(gradients > 0)[-1])]
    )


def _values(gradient: Any) -> Any:
    return getattr(gradient, "values", gradient)


def _static_size(tensor: Any) -> float:
    return math.prod(math.inf if n is None else n for n in tensor.shape)


def _flags_of_groups(tensors: tuple[Any, ...], sizes: list[int]) -> Any:
    """Returns a flag for each group of `tensors`; the groups have these sizes."""
    if not tensors:
        return ops.zeros((len(sizes),))
    finite = [ops.all(ops.isfinite(tensor)) for tensor in tensors]
    return _flags(ops.stack(finite), sizes, 0.0)


def _flags_of_parts(vector: Any, sizes: list[int]) -> Any:
    """Returns a flag for each part of `vector`; the parts have these sizes."""
    return _flags(ops.isfinite(vector), sizes, _NOT_SEEN)


def _flags(finite: Any, sizes: list[int], of_nothing: float) -> Any:
    """Returns 1.0 for each part of `finite` that is not all true, else 0.0."""
    bad = ops.cast(ops.logical_not(finite), "float32")
    parts = np.repeat(np.arange(len(sizes)), sizes)
    flags = ops.segment_max(bad, parts, len(sizes))
    return ops.where(np.array(sizes) > 0, flags, of_nothing)
