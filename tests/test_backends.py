"""The package asks for no backend but the one that Keras trains on."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import other_backends
import pytest
from backend_in_use import NAME

TESTS = Path(__file__).parent
EVERY_MODULE = """
import json, pkgutil, sys
from importlib import import_module
import other_backends

refusal = other_backends.refuse()
imported = []
for root in other_backends.OURS:
    package = import_module(root)
    for module in pkgutil.walk_packages(package.__path__, f"{root}."):
        if not other_backends.OTHERS & set(module.name.split(".")):
            import_module(module.name)
            imported.append(module.name)
print(json.dumps([imported, refusal.refused]))
"""
NO_BACKEND = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == {NAME!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
import keras_extras
"""


def in_a_fresh_process(code):
    paths = [TESTS, TESTS.parent, TESTS.parent / "tensorboard_plugins"]
    found = os.pathsep.join([*map(str, paths), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": found},
        cwd=TESTS.parent,
    )


def test_every_module_is_imported_without_another_backend():
    done = in_a_fresh_process(EVERY_MODULE)
    assert done.returncode == 0, done.stderr
    imported, refused = json.loads(done.stdout.splitlines()[-1])
    assert len(imported) > 200
    assert {"keras_extras.tuner", "keras_extras.uncertainty"} <= set(imported)
    assert refused == []


def test_without_the_backend_the_error_says_what_to_install():
    done = in_a_fresh_process(NO_BACKEND)
    assert done.returncode != 0
    said = done.stderr.splitlines()[-1]
    assert said.startswith("ImportError: ")
    assert f"pip install {NAME}." in said
    assert "KERAS_BACKEND" in said


@pytest.mark.parametrize(
    "line", ["import {other}", "from tensorboard.compat import tf; tf.io"]
)
def test_an_import_of_another_backend_is_noticed(line, monkeypatch):
    other = "jax" if NAME == "tensorflow" else "tensorflow"
    if NAME == "tensorflow" and "tensorboard" in line:
        pytest.skip("on TensorFlow `tensorboard.compat.tf` is what it should be")
    for module in [m for m in sys.modules if m.split(".")[0] == other]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, "tensorboard.compat", raising=False)
    refusal = other_backends.Refusal()
    monkeypatch.setattr(sys, "meta_path", [refusal, *sys.meta_path])
    for module, blamed in (("keras_extras.some", 1), ("keras.some", 0)):
        with contextlib.suppress(ImportError):
            exec(line.format(other=other), {"__name__": module})
        assert len(refusal.refused) == blamed, module
        refusal.refused.clear()
