"""The machine and the versions that a measurement belongs to."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import keras
import tensorflow as tf


def machine() -> str:
    """Returns processor, cores and versions, to print above a table."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}"
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
