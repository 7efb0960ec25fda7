"""The examples of docstrings and pages, as code that can run."""

from __future__ import annotations

import ast
import functools
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETUP = ROOT / "docs" / "example_setup.py"
_FENCE = re.compile(r"^( *)```(.*)$")
_MARK = re.compile(r"<!-- example: (starts anew|not run, \S.*) -->")


@dataclass(frozen=True)
class Example:
    """A block of code in a text.

    Attributes:
        path: The file that it stands in.
        line: Number of its first line there, from 1.
        code: The code, without its indentation.
        owner: What it documents, such as `"keras_extras.records.history.History"`.
        mark: What the comment before it says: `"starts anew"` takes back what
            earlier blocks of the page defined, `"not run, ..."` leaves it out.
    """

    path: Path
    line: int
    code: str
    owner: str = ""
    mark: str = ""

    def run(self, names: dict) -> None:
        """Runs it in the namespace `names`; a traceback shows its true lines."""
        lines = "\n" * (self.line - 1) + self.code
        exec(compile(lines, str(self.path), "exec"), names)


@functools.cache
def _setup():
    return compile(SETUP.read_text(), str(SETUP), "exec")


def given_names() -> dict:
    """Returns a namespace of what an example need not define."""
    names = {"__name__": "__main__"}
    exec(_setup(), names)
    return names


def examples_in(text: str, path: Path, line: int = 1, owner: str = "") -> list[Example]:
    """Returns the blocks of Python in a text whose first line has a number."""
    found, mark, begin, code = [], "", 0, None
    for number, text_line in enumerate(text.splitlines(), line):
        fence = _FENCE.match(text_line)
        if fence is None:
            if code is not None:
                code.append(text_line)
            elif text_line.strip():
                marked = _MARK.search(text_line)
                mark = marked[1] if marked else ""
        elif code is None:
            begin, code, language = number + 1, [], fence[2].strip()
        else:
            if language == "python":
                block = textwrap.dedent("\n".join(code))
                found.append(Example(path, begin, block, owner, mark))
            code, mark = None, ""
    assert code is None, f"{path}:{begin}: this block has no end"
    return found


def examples_in_docstrings() -> list[Example]:
    """Returns the examples of all docstrings of the package, in order."""
    found = []
    for path in sorted((ROOT / "keras_extras").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found += _of_node(ast.parse(path.read_text()), path, module)
    return found


def _of_node(node: ast.AST, path: Path, name: str) -> list[Example]:
    found = []
    if ast.get_docstring(node):
        docstring = node.body[0].value
        found += examples_in(docstring.value, path, docstring.lineno, name)
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef):
            found += _of_node(child, path, f"{name}.{child.name}")
    return found


def pages() -> list[Path]:
    """Returns the texts in Markdown whose code must run."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
