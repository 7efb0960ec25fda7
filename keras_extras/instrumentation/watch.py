"""A black box in every step: where the first non-finite value came from.

The step pays for one sum over the smallest gradient of every layer and one
branch. Only when that sum is not finite does the branch look at every output and
gradient and note which of them hold NaN or infinity. The host reads the box when
the loss tells it to.

The weights themselves are not looked at: reading them would make their update wait
until all gradients are there, which costs more than all the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from keras_extras.instrumentation import measure
from keras_extras.instrumentation.backend import Backend
from keras_extras.instrumentation.backend import Buffer
from keras_extras.instrumentation.layer_table import Site
from keras_extras.instrumentation.plan import join_iteration
from keras_extras.instrumentation.plan import split_iteration
from keras_extras.instrumentation.recording import float_tensors

# filled, first iteration (two parts), last iteration (two parts), inputs
_HEADER = 6


@dataclass(frozen=True)
class NonFinite:
    """Where NaN or infinity first appeared.

    Attributes:
        step: Integer. Value of `optimizer.iterations` at the step it appeared in.
        kind: `"input"`, `"activation"`, `"loss"`, `"gradient"` or `"unknown"`: what
            was not finite although what it was computed from still was.
        layer: Name of the layer, or `None` for the input and the loss.
    """

    step: int
    kind: str
    layer: str | None


class Watch:
    """Listens to one step and fills the black box if the step went wrong."""

    def __init__(
        self,
        sites: tuple[Site, ...],
        backend: Backend,
        buffer: Buffer,
        iterations: Callable[[], Any],
        skips_bad_steps: bool,
        order: list[str],
    ) -> None:
        self._sites = sites
        self._backend = backend
        self._buffer = buffer
        self._iterations = iterations
        self._skips_bad_steps = skips_bad_steps
        self._order = order
        self._scope = backend.scope()
        self._inputs: list[Any] = []
        self._outputs: dict[int, list[Any]] = {}

    def on_inputs(self, inputs: Any) -> None:
        self._inputs += float_tensors(inputs, self._backend, self._scope)

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
        probes = self._smallest_of_each_layer(present)
        if probes:
            healthy = ops.isfinite(ops.sum(ops.concatenate(probes)))
            self._buffer.write_if(
                ops.logical_not(healthy), lambda old: self._note(old, present)
            )
        return lambda: None

    def _smallest_of_each_layer(self, gradients: dict[int, Any]) -> list[Any]:
        """Returns what holds NaN or infinity if anything in a backward pass does.

        NaN in what flows back through a layer is in the gradient of its bias.
        """
        probes = []
        for site in self._sites:
            own = [gradients[id(v)] for v in site.variables if id(v) in gradients]
            if own:
                smallest = min(own, key=_static_size)
                probes.append(ops.reshape(ops.cast(smallest, "float32"), (-1,)))
        return probes

    def finish(self) -> None:
        """Everything was written in `on_update`."""

    def _note(self, old: Any, gradients: dict[int, Any]) -> Any:
        now = [
            ops.cast(part, "float32") for part in split_iteration(self._iterations())
        ]
        outputs = [self._outputs.get(id(s.layer), []) for s in self._sites]
        variables = [v for s in self._sites for v in s.variables]
        flags = [
            _spoilt(self._inputs),
            *(_spoilt(tensors) for tensors in outputs),
            *(
                _spoilt([gradients[id(v)]] if id(v) in gradients else [])
                for v in variables
            ),
        ]
        new = ops.stack([ops.ones(()), *now, *now, *flags])
        if self._skips_bad_steps:
            return new
        since = (now[0] - old[3]) * split_iteration_base() + now[1] - old[4]
        goes_on = ops.logical_and(old[0] > 0.0, since <= 1.0)
        continued = ops.concatenate([old[:3], ops.stack(now), old[5:]])
        return ops.where(goes_on, continued, new)


def split_iteration_base() -> float:
    """Returns the factor between the two parts of a split iteration."""
    return float(join_iteration(1, 0))


def box_width(sites: tuple[Site, ...]) -> int:
    """Returns the number of values that the black box of `sites` holds."""
    variables = sum(len(site.variables) for site in sites)
    return _HEADER + len(sites) + variables


def open_box(
    row: np.ndarray, sites: tuple[Site, ...], order: list[str]
) -> NonFinite | None:
    """Returns what the black box tells, or `None` when it is empty.

    Values flow forwards through the layers and gradients flow backwards, so the
    origin is the first layer with a bad output, or else the last with a bad gradient.

    Args:
        row: What the box holds.
        sites: The layers it was made for.
        order: Names of the layers in the order in which they return.
    """
    if not row[0]:
        return None
    step = join_iteration(row[1], row[2])
    flags = row[_HEADER - 1 :] > 0
    bad_inputs, bad_outputs, bad_gradients = np.split(flags, [1, 1 + len(sites)])
    if bad_inputs.any():
        return NonFinite(step, "input", None)
    if bad_outputs.any():
        bad = {site.info.name for site, flag in zip(sites, bad_outputs) if flag}
        return NonFinite(step, "activation", next(n for n in order if n in bad))
    if bad_gradients.all():
        return NonFinite(step, "loss", None)
    owners = [site.info.name for site in sites for _ in site.variables]
    return NonFinite(step, "gradient", owners[int(np.flatnonzero(bad_gradients)[-1])])


def _values(gradient: Any) -> Any:
    return getattr(gradient, "values", gradient)


def _static_size(tensor: Any) -> float:
    return math.prod(math.inf if n is None else n for n in tensor.shape)


def _spoilt(tensors: list[Any]) -> Any:
    """Returns 1.0 where any of `tensors` holds NaN or infinity, else 0.0."""
    if not tensors:
        return ops.zeros(())
    finite = [ops.all(ops.isfinite(measure.as_float(t))) for t in tensors]
    return ops.cast(ops.logical_not(ops.all(ops.stack(finite))), "float32")
