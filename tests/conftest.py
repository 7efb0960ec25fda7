"""Settings for the whole suite: the CPU, little chatter, no garbage."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import pytest

# What is imported stays; leaving it out makes the collections below quick.
gc.collect()
gc.freeze()


@pytest.fixture(autouse=True)
def clean_process():
    """Names layers from the start, and frees the graphs of a test after it.

    Graphs are cycles: left to themselves they pile up until a collection takes
    as long as a hundred tests.
    """
    keras.utils.clear_session(free_memory=False)
    yield
    gc.collect()
