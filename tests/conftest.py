"""Settings for the whole suite: the CPU, little chatter, no garbage."""

import gc
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import pytest


@pytest.fixture(autouse=True)
def clean_process():
    """Names layers from the start, and frees the graphs of the test before.

    Graphs are cycles: left to themselves they pile up until a collection takes
    as long as a hundred tests. Some stay for good after each training, even one of
    plain Keras. Frozen, like all that is imported, they cost later tests nothing.
    """
    keras.utils.clear_session(free_memory=False)
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def plugin_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs of real trainings, for the tests of the TensorBoard tab."""
    import plugin_logs

    root = tmp_path_factory.mktemp("plugin_logs")
    plugin_logs.write_logs(root)
    return root
