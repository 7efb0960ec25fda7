"""The machine and the versions that a measurement belongs to."""

from __future__ import annotations

import os
import platform
from importlib import import_module
from pathlib import Path

import keras

_NAMES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "torch"}


def machine() -> str:
    """Returns processor, cores and versions, to print above a table."""
    name = keras.backend.backend()
    version = import_module(name).__version__
    return (
        f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{_NAMES[name]} {version}, Keras {keras.__version__}"
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
