"""The report: one file, with nothing from outside and nothing to be run from logs."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import synthetic_logs as logs

from keras_diagnostics import assets
from keras_diagnostics import log_files
from keras_diagnostics import report


@pytest.fixture(scope="module")
def log_dir(tmp_path_factory):
    root = tmp_path_factory.mktemp("logs")
    layers = (logs.HOSTILE, "hidden", "head")
    found = logs.finding(layer=logs.HOSTILE, evidence=logs.HOSTILE)
    ill = logs.records(layers=layers, broken_from=4)
    logs.write_run(root / "1-<img src=x>", ill, [found], epochs=2)
    logs.write_run(root / "2-well", logs.records(), [], epochs=2)
    return root


def write(log_dir, path, *more):
    assert report.main([str(log_dir), "-o", str(path), *more]) == 0
    return path.read_text("utf-8")


class Tags(HTMLParser):
    """Collects elements, and their attributes that name something else."""

    def __init__(self):
        super().__init__()
        self.tags = []
        self.sources = []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [v for k, v in attributes if k in ("src", "href")]


def parsed(text):
    parser = Tags()
    parser.feed(re.sub(r"(<script[^>]*>).*?(</script>)", r"\1\2", text, flags=re.S))
    return parser


def figures_of(text):
    (data,) = re.findall(r'id="figures">(.*?)</script>', text, flags=re.S)
    return json.loads(data)


def test_report_is_one_file_without_anything_from_elsewhere(log_dir, tmp_path):
    text = write(log_dir, tmp_path / "report.html")
    page = parsed(text)
    assert page.tags.count("script") == 3
    assert page.sources
    assert all(source.startswith("data:") for source in page.sources)
    assert "default-src 'none'" in text
    assert "img" not in page.tags


def test_findings_come_first_and_names_stay_text(log_dir, tmp_path):
    text = write(log_dir, tmp_path / "report.html", "--no-charts")
    assert text.index("vanishing-gradient") < text.index("Gradient flow")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<code>relu</code>" in text
    assert parsed(text).tags.count("script") == 0


def test_figures_are_those_of_the_tab_in_both_themes(log_dir, tmp_path):
    figures = figures_of(write(log_dir, tmp_path / "report.html"))
    board = report.read_board(log_dir)
    from keras_diagnostics.cards import answer
    from keras_diagnostics.request import Request

    shown = answer(board, Request("gradients", ("2-well",)), "light")
    expected = shown["panels"][0]["figure"]
    assert any(figure["data"] == expected["data"] for figure in figures)
    for figure in figures:
        assert figure["dark"]["layout"] != figure["layout"]
        assert len(figure["dark"]["data"]) == len(figure["data"])


def test_report_without_plotly_has_tables_and_a_hint(
    log_dir, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(assets.Plotly, "path", None)
    text = write(log_dir, tmp_path / "report.html")
    assert "pip install" in text
    assert "pip install" in capsys.readouterr().err
    assert "<details open>" in text
    assert 'class="chart"' not in text


def test_json_and_markdown(log_dir, tmp_path):
    found = json.loads(write(log_dir, tmp_path / "f.json", "--format", "json"))
    assert [f["code"] for f in found] == ["vanishing-gradient"]
    text = write(log_dir, tmp_path / "f.md", "--format", "markdown")
    assert "| vanishing-gradient |" in text


def test_errors_are_one_line(tmp_path, capsys):
    assert report.main([str(tmp_path / "none")]) == 1
    assert "must be a directory" in capsys.readouterr().err
    assert report.main([str(tmp_path)]) == 1
    assert "no logs of keras_extras" in capsys.readouterr().err


def test_long_runs_are_thinned_out_but_keep_their_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(log_files, "_MOST", 50)
    logs.write_run(tmp_path, logs.records(steps=231))
    board = report.read_board(tmp_path)
    vectors = board.source.vectors(".", "gradient_norm")
    assert 25 <= len(vectors.steps) <= 51
    assert (vectors.steps[0], vectors.steps[-1]) == (0, 230)
    assert np.isfinite(vectors.values).all()
    assert board.about(".")["recorded"] == 231


def test_command_imports_no_tensorflow(log_dir, tmp_path):
    output = tmp_path / "report.html"
    command = [sys.executable, "-X", "importtime", "-m", "keras_extras.report"]
    done = subprocess.run(
        [*command, str(log_dir), "-o", str(output)], capture_output=True, timeout=120
    )
    imported = re.findall(r"\| +(\S+)$", done.stderr.decode(), flags=re.M)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert "keras_diagnostics.report" in imported
    assert not {"tensorflow", "keras", "plotly"} & set(imported)
    assert b"1 finding in 1 of 2 runs" in done.stdout
    assert output.stat().st_size > 1_000_000
