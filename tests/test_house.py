"""The house stays in order: small files and classes, and no import behind the layers.

Which layer may import which is checked by import-linter, in `make lint`.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [
    path.relative_to(ROOT).as_posix()
    for folder in ("keras_extras", "tensorboard_plugins")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
MOST_LINES = 350
MOST_ATTRIBUTES = 14
# They import by name, on first use, what stands above them or takes long.
LAZY = {
    "keras_extras/__init__.py",
    "keras_extras/finder/__init__.py",
    "keras_extras/optimizers/__init__.py",
    "keras_extras/uncertainty/__init__.py",
    "tensorboard_plugins/keras_diagnostics/plugin.py",
}


def tree_of(path):
    return ast.parse((ROOT / path).read_text())


def attributes(node):
    """Returns the attributes of instances that a class sets or declares itself."""
    found = {n.target.id for n in node.body if isinstance(n, ast.AnnAssign)}
    for inner in ast.walk(node):
        is_attribute = isinstance(inner, ast.Attribute)
        if is_attribute and isinstance(inner.ctx, ast.Store):
            if ast.unparse(inner.value) == "self":
                found.add(inner.attr)
        elif isinstance(inner, ast.FunctionDef):
            decorators = [ast.unparse(each) for each in inner.decorator_list]
            if any(each.endswith("cached_property") for each in decorators):
                found.add(inner.name)
    return found


def test_there_is_a_house():
    assert len(FILES) > 200


@pytest.mark.parametrize("path", FILES)
def test_file_is_short(path):
    assert len((ROOT / path).read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", FILES)
def test_classes_have_few_attributes(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ClassDef):
            found = attributes(node)
            assert len(found) <= MOST_ATTRIBUTES, (node.name, sorted(found))


def test_attributes_are_counted():
    source = """
class Some:
    field: int

    def __init__(self):
        self.one, (self.two, other.three) = 1, (2, 3)
        for self.four in ():
            self.five += 1

    @functools.cached_property
    def six(self):
        return self.seven
"""
    node = ast.parse(source).body[0]
    assert attributes(node) == {"field", "one", "two", "four", "five", "six"}


def test_only_few_import_by_name_where_the_linter_cannot_see_it():
    names = ("import_module", "__import__")
    found = {
        path for path in FILES if any(n in (ROOT / path).read_text() for n in names)
    }
    assert found == LAZY
