"""Puts what the examples print into examples/README.md, between its markers.

Run as `python examples/readme.py` for all of them, `python examples/readme.py NAME...`
for some. `--from FOLDER` runs nothing: what was printed is read from `FOLDER/NAME.txt`,
and where there is no such file, the README stays as it is. A marker is the command in
a comment above the block of text; NAME is that of the script, with what follows it, as
in `mc_dropout_data_fashion_mnist`.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
README = FOLDER / "README.md"
BLOCK = re.compile(
    r"(?P<marker><!-- output of (?P<command>.+?) -->\n)```text\n(?P<text>.*?)```\n",
    re.DOTALL,
)


def name_of(command: str) -> str:
    """Returns the name of a command: "a.py --data b" is "a_data_b"."""
    return "_".join(re.findall(r"\w+", command.replace(".py", "")))


def blocks(readme: str) -> dict[str, str]:
    """Returns what a README shows of each command, by the name of the command."""
    found = BLOCK.finditer(readme)
    return {name_of(block["command"]): block["text"] for block in found}


def filled(readme: str, texts: dict[str, str]) -> str:
    """Returns a README with these texts below the markers of their commands."""

    def fill(block: re.Match[str]) -> str:
        text = texts.get(name_of(block["command"]), block["text"]).strip("\n")
        return f"{block['marker']}```text\n{text}\n```\n"

    return BLOCK.sub(fill, readme)


def run(command: str) -> str:
    script, *arguments = shlex.split(command)
    called = [sys.executable, str(FOLDER / script), *arguments]
    return subprocess.run(called, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="defaults to all")
    parser.add_argument("--from", dest="folder", type=Path, help="printed texts")
    options = parser.parse_args(argv)
    readme = README.read_text()
    commands = {name_of(b["command"]): b["command"] for b in BLOCK.finditer(readme)}
    unknown = sorted(set(options.names) - set(commands))
    if unknown:
        parser.error(f"NAME must be one of {sorted(commands)}. Received: {unknown}")
    for name in options.names or commands:
        saved = options.folder / f"{name}.txt" if options.folder else None
        if saved is not None and not saved.exists():
            print(f"{name}: not in {options.folder}, left as it is")
            continue
        text = saved.read_text() if saved else run(commands[name])
        README.write_text(filled(README.read_text(), {name: text}))
        print(f"{name}: {len(text.splitlines())} lines")


if __name__ == "__main__":
    main()
