from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import Protocol

from keras_extras.backends.contract import Backend
from keras_extras.inspection import measures as m
from keras_extras.inspection.monitored_layers import MonitoredLayer
from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.inspection.row_layout import RowLayout
from keras_extras.keras_internals.building import is_ready


class Chooser(Protocol):
    """A callback that says which layers it wants measured."""

    measures: frozenset[str]

    def choose(self, layers: list[MonitoredLayer]) -> list[MonitoredLayer]:
        """Returns the layers that it wants measured."""


class Layouts:
    """The layers of a model, as soon as it has any, and what is measured of them.

    Args:
        model: The model.
        backend: The backend in use.
        choosers: The callbacks that measure; more may join.
    """

    def __init__(
        self, model: Any, backend: Backend, choosers: Sequence[Chooser]
    ) -> None:
        self._model = model
        self._backend = backend
        self._choosers = choosers
        self._waited = False
        self._layers: tuple[MonitoredLayer, ...] | None = None
        self._chosen: tuple[MonitoredLayer, ...] = ()
        self._known: dict[frozenset[str], RowLayout] = {}

    def forget(self) -> None:
        """Forgets the layers: the model, or who measures, is another from here."""
        self._layers, self._known = None, {}

    def look_if_built(self) -> None:
        """Finds the layers of a model that is built already."""
        if is_ready(self._model):
            self._look()

    def prepare(self, data: tuple[Any, ...]) -> bool:
        """Finds the layers of a model about to train; returns whether there are any.

        What Keras cannot build in advance the first step builds, which nobody sees.
        Layers that are not built then are never called.

        Args:
            data: What Keras hands the train function beside the state.
        """
        if self._layers is not None:
            return True
        if not self._waited:  # a step has built what can be built
            self._backend.build(self._model, data)
        if not (is_ready(self._model) or self._waited):
            self._waited = True
            return False
        self._look()
        return True

    def of(self, measures: frozenset[str]) -> RowLayout:
        """Returns the layout of a row with these measurements, always the same one."""
        if measures not in self._known:
            # The global norm is that of all layers, whichever are wanted.
            whole = m.GRADIENTS in measures
            layers = (self._layers or ()) if whole else self._chosen
            self._known[measures] = RowLayout(layers, measures)
        return self._known[measures]

    def _look(self) -> None:
        layers = tuple(find_layers(self._model))
        wanted = {
            id(layer)
            for chooser in self._choosers
            for layer in chooser.choose(list(layers))
        }
        self._chosen = tuple(layer for layer in layers if id(layer) in wanted)
        self._layers, self._known = layers, {}
