"""Makes the pages of the site that are no files in `docs/`, and joins them to the rest.

The API comes from the docstrings, a page for each namespace; benchmarks, changelog and
parts of the README from the repository, with their links turned to pages of the site.
"""

from __future__ import annotations

import ast
import functools
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
PACKAGE = "keras_extras"
# Texts of the repository that become pages.
TEXTS = {
    "benchmarks/README.md": "benchmarks.md",
    "benchmarks/faults/README.md": "fault-corpus.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
EXAMPLES = "examples/README.md"
FINDINGS = "findings.md"

_INCLUDE = re.compile(r"<!-- include: (\S+)#(\S+) -->")
_FILE = re.compile(r"<!-- code: (\S+) -->")
_API = re.compile(r"<!-- api: (\S+) -->")
_CODE = re.compile(r"(?<!\[)`([a-z]+(?:-[a-z]+)*)`(?!\])")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(\s*([^)\s]+)\s*\)")
_IMAGE = re.compile(r'(src|srcset)="docs/')
_OPTIONAL_PAGE = re.compile(r"\A---\n(?:.*\n)*?needs: (.+)\n(?:.*\n)*?---\n")


def namespaces() -> dict[str, list[str]]:
    """Returns the public names of each namespace, by its name."""
    found = {}
    for path in sorted((ROOT / PACKAGE).glob("*/__init__.py")):
        names = _names_of(path)
        if names:
            found[path.parent.name] = names
    return found


def _origin(name: str) -> str:
    """Returns where a name is defined: a module may be called like what it holds."""
    namespace, _, member = name.partition(".")
    text = (ROOT / PACKAGE / namespace / "__init__.py").read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and member in map(_name, node.names):
            return f"{node.module}.{member}"
    return f"{PACKAGE}.{name}"


def _name(alias: ast.alias) -> str:
    return alias.asname or alias.name


def _names_of(path: Path) -> list[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


def exists(name: str) -> bool:
    """Whether `namespace` or `namespace.name` is public."""
    namespace, _, member = name.partition(".")
    known = namespaces()
    return namespace in known and (not member or member in known[namespace])


def on_config(config: Any) -> Any:
    """Adds the pages that are made here to the navigation, and drops what is not."""
    config.nav = [_kept(entry) for entry in config.nav]
    api = [{f"{PACKAGE}.{name}": f"api/{name}.md"} for name in namespaces()]
    config.nav.append({"API": [{PACKAGE: "api/index.md"}, *api]})
    project = [{"How it works": "how-it-works.md"}, {"Examples": "examples.md"}]
    titles = ("Benchmarks", "The corpus of faults", "Contributing", "Changelog")
    project += [{title: page} for title, page in zip(titles, TEXTS.values())]
    config.nav.append({"Project": project})
    return config


def _kept(entry: Any) -> Any:
    """Returns an entry of the navigation without pages of what does not exist."""
    if isinstance(entry, dict):
        return {
            title: [p for p in pages if isinstance(p, dict) or _is_page(p)]
            if isinstance(pages, list)
            else pages
            for title, pages in entry.items()
        }
    return entry


def _is_page(page: str) -> bool:
    needed = _OPTIONAL_PAGE.match((ROOT / "docs" / page).read_text())
    return needed is None or any(exists(n.strip()) for n in needed[1].split(","))


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that are made here."""
    for file in list(files.documentation_pages()):
        if not _is_page(file.src_uri):
            files.remove(file)
    made = {f"api/{name}.md": _api_page(name) for name in namespaces()}
    made["api/index.md"] = _api_index()
    made["examples.md"] = _examples()
    for source, page in TEXTS.items():
        made[page] = _from_repository((ROOT / source).read_text(), source, page)
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Puts in what a page takes from elsewhere."""
    here = page.file.src_uri
    markdown = _INCLUDE.sub(
        lambda m: _from_repository(_section(m[1], m[2]), m[1], here), markdown
    )
    markdown = _FILE.sub(
        lambda m: f"```python\n{(ROOT / m[1]).read_text()}```", markdown
    )
    markdown = _API.sub(lambda m: _entry(m[1]) if exists(m[1]) else "", markdown)
    markdown = markdown.replace("<!-- guides -->", _guides(config.nav))
    findings = posixpath.relpath(FINDINGS, posixpath.dirname(here) or ".")
    return _CODE.sub(lambda m: _linked(m, findings), markdown)


def _linked(match: re.Match[str], findings: str) -> str:
    """Returns the code of a finding, in prose, as a link to its section."""
    code = match[1]
    return f"[`{code}`]({findings}#{code})" if code in _finding_codes() else match[0]


@functools.cache
def _finding_codes() -> set[str]:
    text = (ROOT / "docs" / FINDINGS).read_text()
    return set(re.findall(r"^## (\S+)$", text, re.MULTILINE))


def _section(source: str, slug: str) -> str:
    """Returns a section of a text without its title; `top` is all before the first."""
    text = (ROOT / source).read_text()
    parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
    if slug == "top":
        return re.sub(r"\A# .*\n", "", parts[0])
    for title, body in zip(parts[1::2], parts[2::2]):
        if title.strip().lower().replace(" ", "-") == slug:
            return body
    raise ValueError(f"{source} has no section {slug!r}")


def _from_repository(text: str, source: str, page: str) -> str:
    """Returns a text with its links as they must be in a page of the site.

    Files of the repository that are no pages lose their link: the site may be read
    where the repository is not.
    """
    folder, here = posixpath.dirname(source), posixpath.dirname(page)

    def turned(match: re.Match[str]) -> str:
        image, label, target = match.groups()
        if re.match(r"\w+:|#", target):
            return match[0]
        path, _, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(folder, path))
        found = _page_of(path)
        if found is None:
            return label
        link = posixpath.relpath(found, here or ".")
        return f"{image}[{label}]({link}{'#' + anchor if anchor else ''})"

    return _IMAGE.sub(
        rf'\1="{posixpath.relpath(".", here or ".")}/', _LINK.sub(turned, text)
    )


def _page_of(path: str) -> str | None:
    if path in TEXTS:
        return TEXTS[path]
    if path == "README.md":
        return "index.md"
    if path.startswith("examples"):
        return "examples.md"
    if path.startswith("docs/") and (ROOT / path).is_file():
        return path.removeprefix("docs/")
    return None


def _api_index() -> str:
    rows = "\n".join(
        f"| [`{PACKAGE}.{name}`]({name}.md) | {_summary(name)} |"
        for name in namespaces()
    )
    return (
        f"# API\n\n| namespace | holds |\n|---|---|\n{rows}\n\n"
        f"`{PACKAGE}.find_learning_rate` is that of [`finder`](finder.md).\n\n"
        "What the examples take as given stands in "
        "[getting started](../getting-started.md#names-in-the-examples).\n\n"
        f"::: {PACKAGE}.dry_run.diagnose.diagnose\n"
    )


def _summary(namespace: str) -> str:
    text = (ROOT / PACKAGE / namespace / "__init__.py").read_text()
    return (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]


def _api_page(namespace: str) -> str:
    entries = "".join(_entry(f"{namespace}.{name}") for name in namespaces()[namespace])
    return f"# {PACKAGE}.{namespace}\n\n{_summary(namespace)}\n\n{entries}"


def _entry(name: str) -> str:
    return f"::: {_origin(name)}\n\n"


def _examples() -> str:
    """Returns the README of the examples, or else what each says of itself."""
    if (ROOT / EXAMPLES).is_file():
        return _from_repository((ROOT / EXAMPLES).read_text(), EXAMPLES, "examples.md")
    text = "# Examples\n\nScripts in the folder `examples` of the repository.\n"
    for path in sorted((ROOT / "examples").glob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        text += f"\n## {path.name}\n\n{docstring}\n"
    return text


def _guides(nav: list[Any]) -> str:
    """Returns a list of the guides in their order, from what they say of themselves."""
    groups = [pages for entry in nav for pages in entry.values()]
    pages = [page for group in groups if isinstance(group, list) for page in group]
    lines = []
    for name in pages:
        if isinstance(name, str) and name.startswith("guides/"):
            text = (ROOT / "docs" / name).read_text()
            (title,) = re.findall(r"^# (.*)$", text.partition("\n```")[0], re.MULTILINE)
            (said,) = re.findall(r"^description: (.*)$", text, re.MULTILINE)
            lines.append(f"- **[{title}]({name})**<br>{said}\n")
    return "\n".join(lines)
