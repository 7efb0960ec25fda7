"""Settings for the whole suite: the CPU, little chatter, no garbage, one backend."""

import atexit
import functools
import gc
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Models this small are trained fastest by one thread in each of the processes.
if os.environ.get("KERAS_BACKEND") == "jax":
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    # Tests compile the same programs again and again: once is enough for all of them,
    # in whatever process.
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        programs = tempfile.mkdtemp(prefix="keras_extras-programs-")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = programs
        atexit.register(shutil.rmtree, programs, ignore_errors=True)
elif os.environ.get("KERAS_BACKEND") == "torch":
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import keras
import other_backends
import pytest
from backend_in_use import NAME

TESTS = Path(__file__).parent
REFUSAL = other_backends.refuse()

if NAME == "torch":
    import torch

    # Some of its convolutions write past their memory, without any callback: torch 2.13
    # on an AMD EPYC.
    torch.backends.mkldnn.enabled = False

# Files that are about one backend, and why; they are skipped on the others.
OF_ONE_BACKEND = {
    "backends/test_dry_run.py": ("tensorflow", "the inspection there"),
    "backends/test_hand_over.py": ("tensorflow", "iterators of `tf.data`"),
    "backends/test_replica_batches.py": ("tensorflow", "batches of `tf.distribute`"),
    "test_batch_queue.py": ("tensorflow", "queues of TensorFlow"),
    "test_distribute.py": ("tensorflow", "`tf.distribute`"),
    "test_distribute_steering.py": ("tensorflow", "`tf.distribute`"),
}
# What must hold on every backend, in a few minutes; marked `core`, as is what is about
# one backend alone.
CORE = {
    "test_backends.py",
    "test_files.py",
    "test_keras_internals.py",
    "test_mc_samplers.py",
    "test_steering.py",
    "test_tuner_failures.py",
}
# What Keras refuses on a backend, in its own words: no test of it can run there.
REFUSED_BY_KERAS = {
    "torch": ["`steps_per_execution` must be 1 with the PyTorch backend"],
}


class OfAnotherBackend(pytest.Module):
    """A file that is not imported, since it could not be."""

    reason = ""

    def collect(self):
        pytest.skip(self.reason, allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    path = module_path.relative_to(TESTS).as_posix()
    inside = path.partition("backends/of_")[2].partition("/")[0]
    backend, about = OF_ONE_BACKEND.get(path, (inside or NAME, "the inspection there"))
    if backend == NAME:
        return None
    module = OfAnotherBackend.from_parent(parent, path=module_path)
    module.reason = f"{backend} only: it is about {about}"
    return module


def pytest_collection_modifyitems(items):
    for item in items:
        path = item.path.relative_to(TESTS).as_posix()
        takes_long = item.get_closest_marker("takes_long") is not None
        if path in CORE or (path.startswith("backends/") and not takes_long):
            item.add_marker(pytest.mark.core)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except ValueError as error:
        for words in REFUSED_BY_KERAS.get(NAME, []):
            if words in str(error):
                pytest.skip(f"Keras on {NAME}: {words}")
        raise


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


@pytest.fixture(autouse=NAME == "torch")
def torch_compiles_in_moments(monkeypatch):
    """Lets `jit_compile=True` trace on torch, and run what it traced as it stands.

    Its own way to run a graph takes minutes to compile a first one.
    """
    monkeypatch.setattr(
        torch, "compile", functools.partial(torch.compile, backend="eager")
    )


@pytest.fixture(autouse=True)
def other_backends_are_left_alone():
    """Ends a test in which our package wanted another backend than the one in use."""
    REFUSAL.refused.clear()
    yield
    assert not REFUSAL.refused


@pytest.fixture(scope="session")
def plugin_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs of real trainings, for the tests of the TensorBoard tab."""
    import plugin_logs

    root = tmp_path_factory.mktemp("plugin_logs")
    plugin_logs.write_logs(root)
    return root


@pytest.fixture(scope="session")
def browser():
    """A Chromium for the tests of what people see."""
    import board

    try:
        import playwright.sync_api as playwright
    except ImportError:
        board.give_up("playwright is not installed")
    path = board.chromium()
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=board.FLAGS)
        yield browser
        browser.close()
