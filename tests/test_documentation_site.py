"""The site: its links are checked, and texts of the repository fit in."""

import importlib
import inspect
import re
import runpy

import keras
import pytest
from documented import ROOT

links = runpy.run_path(str(ROOT / "docs" / "check_links.py"))
hooks = runpy.run_path(str(ROOT / "docs" / "hooks.py"))

PAGE = """
<html><head><link rel="stylesheet" href="style.css"></head><body>
<h1 id="top">Title</h1><a href="#top">up</a> <a href="other.html#part">there</a>
<a href="https://example.org/anything">outside</a> <img src="data:image/png;base64,x">
</body></html>
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "other.html").write_text('<h2 id="part">Part</h2><a href=".">home</a>')
    (tmp_path / "style.css").write_text("")
    return tmp_path


def test_site_whose_links_lead_somewhere(site, capsys):
    assert links["problems"](site) == []
    assert links["main"]([str(site)]) == 0
    assert "lead somewhere" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ('<a href="gone.html">', "gone.html: there is no such file"),
        ('<a href="other.html#gone">', "other.html#gone: there is no such anchor"),
        ('<a href="#gone">', "#gone: there is no such anchor"),
        ('<a href="/index.html">', "/index.html: leads to the root of a server"),
        ('<img srcset="gone.png 2x">', "gone.png: there is no such file"),
        ('<script src="https://example.org/a.js">', "is loaded from another host"),
        ('<link rel="stylesheet" href="//example.org/a">', "is loaded from another"),
    ],
)
def test_what_is_wrong_with_a_site_is_found(site, capsys, element, expected):
    (site / "index.html").write_text(PAGE + element)
    (found,) = links["problems"](site)
    assert found.startswith("index.html: ")
    assert expected in found
    assert links["main"]([str(site)]) == 1
    assert expected in capsys.readouterr().out


def test_folder_without_a_site(tmp_path, capsys):
    assert links["main"]([str(tmp_path)]) == 1
    assert "make docs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](../README.md#schedules)", "[a](../index.md#schedules)"),
        ("[a](../docs/tensorboard.md)", "[a](../tensorboard.md)"),
        ("[a](\nREADME.md#diagnosis)", "[a](../benchmarks.md#diagnosis)"),
        ("[a](../tests/models.py)", "a"),
        ("[a](https://example.org)", "[a](https://example.org)"),
        ("[a](#here)", "[a](#here)"),
        ('<img src="docs/images/a.png">', '<img src="../images/a.png">'),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(text, expected):
    turned = hooks["_from_repository"](text, "benchmarks/README.md", "guides/a.md")
    assert turned == expected


def test_pages_of_what_does_not_exist_are_left_out():
    assert hooks["exists"]("callbacks.TrainingDiagnostics")
    assert hooks["exists"]("layers")
    assert not hooks["exists"]("callbacks.Nothing")
    assert not hooks["exists"]("nothing")
    assert hooks["_is_page"]("guides/nan-loss.md")


def test_public_names_lead_to_where_they_are_defined():
    origin = hooks["_origin"]("uncertainty.reliability_curve")
    assert origin == "keras_extras.uncertainty.reliability_curve.reliability_curve"
    assert "TrainingDiagnostics" in hooks["namespaces"]()["callbacks"]
    assert "instrumentation" not in hooks["namespaces"]()


def test_section_that_is_gone_is_named():
    with pytest.raises(ValueError, match=r"README.md has no section 'gone'"):
        hooks["_section"]("README.md", "gone")
    assert "TensorBoard" in hooks["_section"]("README.md", "top")


def rows_of_names():
    """Yields what other packages call something, and what we do."""
    for line in (ROOT / "docs" / "names-elsewhere.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and "`" in line:
            yield cells[:2]


def test_names_elsewhere_have_names_here():
    ours = " ".join(here for _, here in rows_of_names())
    found = re.findall(r"`([a-z]+)\.([A-Za-z_]+)(?:\((\w+)=)?", ours)
    found = [names for names in found if names[0] != "layer"]
    assert len(found) > 30
    for module, name, argument in found:
        public = importlib.import_module(f"keras_extras.{module}")
        assert name in public.__all__
        if argument:
            assert argument in inspect.signature(getattr(public, name)).parameters


def test_names_of_keras_are_there():
    theirs = " ".join(there for there, _ in rows_of_names())
    for path in re.findall(r"`(keras\.[\w.]+)", theirs):
        found = keras
        for name in path.split(".")[1:]:
            found = getattr(found, name)
