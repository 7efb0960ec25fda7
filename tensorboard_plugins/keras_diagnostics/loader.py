"""Makes the plugin; TensorBoard's entry point names this module.

TensorBoard does not start when the import of an entry point fails, so this module
imports nothing but TensorBoard's base class; all else is imported in `load`.
"""

from __future__ import annotations

import logging
from typing import Any

from tensorboard.plugins import base_plugin

_SAMPLES = 1000  # TensorBoard keeps 10 or 100 of a plugin's steps unless told


class Loader(base_plugin.TBLoader):
    """Makes the plugin, or says why there is none."""

    def fix_flags(self, flags: Any) -> None:
        """Asks for enough samples, unless the user has said how many."""
        samples = getattr(flags, "samples_per_plugin", None)
        if isinstance(samples, dict):
            samples.setdefault("keras_diagnostics", _SAMPLES)

    def load(self, context: Any) -> Any:
        """Returns the plugin, or `None` if it cannot be made."""
        try:
            from keras_diagnostics.plugin import DiagnosticsPlugin

            return DiagnosticsPlugin(context)
        except Exception as error:
            logging.getLogger("tensorboard").warning(
                "The Diagnostics tab of keras_extras is not available: %s: %s",
                type(error).__name__,
                error,
            )
            return None
