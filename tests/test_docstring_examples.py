"""What the documentation shows runs as it stands there."""

import inspect
import pkgutil
from importlib import import_module
from pathlib import Path

import documented
import keras
import keras_tuner
import plotly.basedatatypes
import pytest
from documented import Example

import keras_extras

EXAMPLES = documented.examples_in_docstrings()
PAGES = documented.pages()


class OneTrial(keras_tuner.RandomSearch):
    """A search that is over after one trial, whatever the example asks for."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{**kwargs, "max_trials": 1})


@pytest.fixture(scope="module", autouse=True)
def quick_graphs():
    """Leaves out what TensorFlow does to graphs that run for longer than these."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    optimizer = tf.config.optimizer
    before = optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    optimizer.set_experimental_options({"disable_meta_optimizer": before})


@pytest.fixture(autouse=True)
def like_a_reader(monkeypatch, tmp_path):
    """An empty directory, short searches, figures that are made but not shown."""
    monkeypatch.setattr(keras_tuner, "RandomSearch", OneTrial)
    show = plotly.basedatatypes.BaseFigure.to_json
    monkeypatch.setattr(plotly.basedatatypes.BaseFigure, "show", show)
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.owner}:{e.line}")
def test_example_of_a_docstring_runs(example):
    example.run(documented.given_names())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_of_a_page_run_in_order(page):
    names = None
    for example in documented.examples_in(page.read_text(), page):
        if example.mark.startswith("not run"):
            continue
        if names is None or example.mark == "starts anew":
            names = documented.given_names()
        example.run(names)


def namespaces():
    """Returns the public namespaces, however many there are."""
    found = []
    for module in pkgutil.iter_modules(keras_extras.__path__, "keras_extras."):
        if module.ispkg and hasattr(import_module(module.name), "__all__"):
            found.append(import_module(module.name))
    return found


def documented_things():
    """Yields all public names, their methods and properties, as docstrings."""
    for module in (keras_extras, *namespaces()):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isroutine(thing):
                yield thing.__qualname__, inspect.getdoc(thing)
            if inspect.isclass(thing):
                for method, value in vars(thing).items():
                    yield f"{thing.__qualname__}.{method}", inspect.getdoc(value)


def test_namespaces_are_those_that_the_package_names():
    names = {module.__name__.removeprefix("keras_extras.") for module in namespaces()}
    assert names >= {"callbacks", "diagnostics", "layers", "uncertainty"}
    listed = {*keras_extras.__all__, *keras_extras._OPTIONAL} - {"diagnose"}
    assert listed - set(keras_extras._FUNCTIONS) <= names


def test_every_public_example_is_among_those_that_run():
    found = [f"{e.owner}\n{e.code}" for e in EXAMPLES]
    checked = 0
    for name, text in documented_things():
        for example in documented.examples_in(text or "", Path("docstring")):
            assert any(f".{name}\n" in f and f.endswith(example.code) for f in found), (
                name
            )
            checked += 1
    assert checked > 50


def test_examples_and_their_marks_are_found():
    text = (
        "a\n<!-- example: starts anew -->\n\n```python\nif a:\n    b\n```\n```\nc\n```"
    )
    assert documented.examples_in(text, Path("page.md"), 7) == [
        Example(Path("page.md"), 11, "if a:\n    b", mark="starts anew")
    ]
    reason = text.replace("starts anew", "not run, no network")
    (example,) = documented.examples_in(reason, Path("page.md"))
    assert example.mark == "not run, no network"
    (example,) = documented.examples_in(
        text.replace("anew -->\n", "anew -->\ntext\n"), Path("p")
    )
    assert example.mark == ""
    with pytest.raises(AssertionError, match="no end"):
        documented.examples_in("```python", Path("page.md"))


def test_error_in_an_example_names_its_line():
    example = Example(Path("page.md"), 40, "a = 1\nb = c")
    with pytest.raises(NameError) as raised:
        example.run({})
    assert raised.traceback[-1].lineno + 1 == 41


def test_the_model_that_examples_are_given_can_be_tuned():
    names = documented.given_names()
    assert names["build_model"](keras_tuner.HyperParameters()).optimizer is not None
    assert {"x", "y", "x_test", "y_test", "model"} <= set(names)
