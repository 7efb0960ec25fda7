from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from typing import Protocol

from keras_extras.inspection import measures as m
from keras_extras.inspection.monitored_layers import MonitoredLayer
from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.inspection.row_layout import RowLayout


class Chooser(Protocol):
    """A callback that says which layers it wants measured."""

    measures: frozenset[str]

    def choose(self, layers: list[MonitoredLayer]) -> list[MonitoredLayer]:
        """Returns the layers that it wants measured."""


class Layouts:
    """The layers of a model, and what is measured of them.

    Args:
        model: A model that is built.
        choosers: The callbacks that measure.
    """

    def __init__(self, model: Any, choosers: Iterable[Chooser]) -> None:
        self.layers = tuple(find_layers(model))
        wanted = {
            id(layer)
            for chooser in choosers
            for layer in chooser.choose(list(self.layers))
        }
        self._chosen = tuple(layer for layer in self.layers if id(layer) in wanted)
        self._known: dict[frozenset[str], RowLayout] = {}

    def of(self, measures: frozenset[str]) -> RowLayout:
        """Returns the layout of a row with these measurements, always the same one."""
        if measures not in self._known:
            # The global norm is that of all layers, whichever are wanted.
            whole = m.GRADIENTS in measures
            layers = self.layers if whole else self._chosen
            self._known[measures] = RowLayout(layers, measures)
        return self._known[measures]
