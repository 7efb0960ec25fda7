"""Every example runs, prints what it announces, and is shown in the README."""

import importlib
import os
import re
import sys
from pathlib import Path

import keras
import nbclient
import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
NOTEBOOKS = sorted((EXAMPLES / "notebooks").glob("*.ipynb"))
SHARED = {"common", "readme"}
ELSEWHERE = {"distributed_search"}  # test_tuner_distributed.py kills its workers too
NAMES = sorted({path.stem for path in EXAMPLES.glob("*.py")} - SHARED)

# Regular expressions for what an example prints with `--quick`.
ANNOUNCED: dict[str, list[str]] = {
    "demo": ["vanishing-gradient", "bad-initialization", "dead-units", "4-repaired"],
    "gradient_clipping": [r"\[0\.9\s+1\. *\], cosine 0\.749", r"cosine 1\.000"],
    "gradient_problems": ["sigmoid, Glorot .* vanishing-gradient", "ReLU, He .* -  "],
    "optimizers": ["SGD", "Nesterov", "AdaGrad", "RMSprop", "Adam ", "AdaMax", "Nadam"],
    "schedules": ["power", "exponential", "piecewise", "performance", "1cycle"],
    "regularization": ["l1 of", "l2 of", "max-norm of"],
    "scikit_learn": [r"accuracy \d+\.\d%", "findings of 2 fits", "of the test images"],
    "tuner": ["ended in epoch"],
}

FIGURE, PAGE = "application/vnd.plotly.v1+json", "text/html"
IN_NOTEBOOKS = {
    "first_training": ["ERROR vanishing-gradient", "No findings"],
    "one_cycle": [r"Top of the cycle: \d", r"\n +15 "],
    "tensorboard_in_colab": ["ERROR vanishing-gradient", "No findings", "report.html"],
}
SHOWN = {"tensorboard_in_colab": PAGE}  # what else but a figure
STARTS_TENSORBOARD = "starts-tensorboard"  # a cell that leaves a process behind


@pytest.fixture
def example(monkeypatch, tmp_path):
    """Imports an example as a script is imported, in an empty directory."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module
    keras.utils.enable_interactive_logging()
    for name in [*NAMES, *SHARED]:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def shown():
    """The README of the examples, and what it shows of each of them."""
    text = (EXAMPLES / "README.md").read_text()
    sys.path.insert(0, str(EXAMPLES))
    try:
        blocks = importlib.import_module("readme").blocks(text)
        return text, {n: blocks.get(n) or blocks.get(f"{n}_quick", "") for n in NAMES}
    finally:
        sys.path.remove(str(EXAMPLES))
        sys.modules.pop("readme")


def headers(text):
    """Returns the names of the columns of each table, as sets."""
    above_rule = re.findall(r"^(.*\S.*)\n--+(?: +--+)*$", text, re.MULTILINE)
    return [set(re.split(r"\s{2,}", line.strip())) for line in above_rule]


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ELSEWHERE])
def test_example_runs_and_prints_what_it_announces(name, example, shown, capsys):
    assert example(name).main(["--quick"]) in (None, 0)
    printed = capsys.readouterr().out
    assert re.search(r"\d", printed)
    assert not re.search(r"(?<![\w-])(nan|inf)(?![\w-])", printed)
    for pattern in ANNOUNCED.get(name, []):
        assert re.search(pattern, printed), pattern
    full = headers(shown[1][name])
    for columns in headers(printed):  # the quick run may leave rows and columns out
        assert any(columns <= others for others in full), "run examples/readme.py"


def test_readme_has_a_section_with_output_for_every_example(shown):
    text, outputs = shown
    scripts = {Path(target).stem for target in re.findall(r"\]\((\w+\.py)\)", text)}
    assert scripts - SHARED == set(NAMES)
    missing = {n for n in NAMES if not outputs[n].strip()} - ELSEWHERE
    assert not missing
    for notebook in NOTEBOOKS:
        assert f"(notebooks/{notebook.name})" in text
    assert "(examples/README.md)" in (ROOT / "README.md").read_text()


def test_readme_is_filled_between_its_markers_only(example):
    readme = example("readme")
    before = "# A\n\n<!-- output of a.py --data b -->\n```text\nold\n```\n\nAfter.\n"
    after = readme.filled(before, {"a_data_b": "new\nlines\n", "c": "of another"})
    assert after == before.replace("old", "new\nlines")
    assert readme.filled(after, {}) == after


def test_table_compares_seed_by_seed(example):
    common = example("common")
    results = {"a": {"score": [0.5, 0.7]}, "b": {"score": [0.6, 0.6]}}
    text = common.table(results, {"score": ".2f"}, versus="score")
    assert "0.60 ± 0.14" in text
    assert "+0.00 (up 1 of 2)" in text
    assert common.spread(["x", "y", "x"]) == "x (2 of 3)"


def test_seed_decides_the_split_and_no_image_is_in_two_parts(example):
    common = example("common")
    one, same, other = (common.load("digits", seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.x, same.x)
    assert not np.array_equal(one.y, other.y)
    images = np.concatenate([one.x, one.x_val, one.x_test])
    assert len(images) == 1797
    assert one.x.mean() == pytest.approx(0.0, abs=1e-5)
    assert one.x.std() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebook_runs_and_shows_no_path_of_a_machine(path, tmp_path, monkeypatch):
    ours = [str(ROOT), str(ROOT / "tensorboard_plugins")]
    paths = [*ours, os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("PYTHONWARNINGS", "error::FutureWarning")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not re.search(r"/(home|root|Users|tmp|work)/", path.read_text())
    notebook.cells = [
        cell
        for cell in notebook.cells
        if STARTS_TENSORBOARD not in cell.metadata.get("tags", [])
    ]
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    shown = SHOWN.get(path.stem, FIGURE)
    assert any(shown in output.get("data", {}) for output in outputs)
    printed = "".join(output.get("text", "") for output in outputs)
    for pattern in IN_NOTEBOOKS[path.stem]:
        assert re.search(pattern, printed), pattern
