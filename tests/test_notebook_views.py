"""What notebooks show: escaped, left-aligned, readable in light and in dark."""

import copy
import pickle
import re

import numpy as np
import pytest
import synthetic_logs as logs

from keras_diagnostics import docs_link
from keras_diagnostics.views import lines
from keras_diagnostics.views.figure import step_axis
from keras_diagnostics.views.svg import svg
from keras_extras.callbacks import TrainingDiagnostics
from keras_extras.diagnostics.diagnosis import Diagnosis
from keras_extras.diagnostics.observations import Observations
from keras_extras.finder.sweep import LearningRateSweep
from keras_extras.records.findings import Findings
from keras_extras.records.layer_info import LayerInfo
from keras_extras.uncertainty.mc_prediction import MCPrediction
from keras_extras.uncertainty.running import Running

# Jupyter's own style, and the colours of a notebook around ours.
AROUND = """<!doctype html><html lang="en"><title>Notebook</title><style>
:root { color-scheme: light dark } body { background: Canvas; margin: 8px }
.out td, .out th { text-align: right }</style><main class="out">%s</main></html>"""
STYLE = """() => {
    const box = document.querySelector(".keras-extras");
    const cell = document.querySelector(".keras-extras td:not(.number)");
    const style = getComputedStyle(box);
    return [style.backgroundColor, style.color, getComputedStyle(cell).textAlign];
}"""


def findings():
    cause = logs.finding("bad-initialization", layer=logs.HOSTILE)
    effect = logs.finding(
        layer=logs.HOSTILE, cause="bad-initialization", evidence=logs.HOSTILE
    )
    return Findings([cause, effect])


def diagnosis():
    steps, names = np.arange(12), ("first", logs.HOSTILE, "head")
    norms = np.broadcast_to(np.geomspace(1e-6, 1e-3, 3), (12, 3)).copy()
    norms[9:, 1] = np.nan
    shares = np.isnan(norms).astype(float)
    observations = Observations(
        layers=tuple(LayerInfo(name, "Dense", "relu") for name in names),
        steps=steps,
        statistics={"gradient_norm": norms, "gradient_nonfinite_fraction": shares},
        last_step=11,
        losses=np.array([2.0] * 9 + [np.nan] * 3),
        loss_counts=np.ones(12, int),
        epochs={"loss": np.array([np.nan]), "val_loss": np.array([1.5])},
    )
    return Diagnosis(observations, findings())


def sweep():
    rates = np.geomspace(1e-6, 10.0, 40)
    losses = np.where(rates < 0.5, 1.0 / (1 + 20 * rates), 5 * rates)
    return LearningRateSweep(rates, losses, 0.5, 40, "edge")


def prediction():
    mean, none = np.full((5, 3), 1 / 3, np.float32), np.zeros((5, 3), np.float32)
    entropy = np.ones(5, np.float32)
    running = Running(
        mean=mean,
        squares=none,
        entropy=entropy,
        votes=none + 4,
        label_entropy=none,
        label_votes=none,
        low=np.float32(1 / 3),
        high=np.float32(1 / 3),
        excess=0.0,
        aleatoric=none,
    )
    return MCPrediction([running], [4], strategy=logs.HOSTILE)


VIEWS = {
    "findings": findings,
    "diagnosis": diagnosis,
    "callback": lambda: TrainingDiagnostics(),
    "sweep": sweep,
    "prediction": prediction,
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_hold_nothing_that_runs_and_ask_nobody(name):
    html = VIEWS[name]()._repr_html_()
    assert "<script" not in html
    assert "http" not in html
    assert not re.search(r"<[^>]* on\w+=", html)


def test_findings_are_a_list_that_shows_code_as_code():
    found = findings()
    assert found == list(found)
    assert pickle.loads(pickle.dumps(found)) == copy.deepcopy(found) == found
    html = found._repr_html_()
    assert "<code>relu</code>" in html
    assert "&lt;script&gt;" in html
    assert 'class="depth-1"' in html
    assert "No findings" in Findings()._repr_html_()


def test_codes_lead_to_their_page_where_there_is_a_site(monkeypatch):
    site = ["Source, https://example.org/code", "Documentation, https://example.org/x/"]
    monkeypatch.setattr(docs_link.metadata, "metadata", lambda name: _Metadata(site))
    docs_link._site.cache_clear()
    try:
        page = "https://example.org/x/findings.html#bad-initialization"
        assert f'href="{page}"' in findings()._repr_html_()
        assert docs_link.page_of_finding('"><script>') is None
    finally:
        docs_link._site.cache_clear()


class _Metadata:
    def __init__(self, urls):
        self.urls = urls

    def get_all(self, name):
        return self.urls if name == "Project-URL" else None


def test_diagnosis_says_how_it_went_and_draws_it():
    shown = diagnosis()
    html = shown._repr_html_()
    assert "Failing: bad-initialization" in html
    assert "NaN from step 9" in html
    assert html.count("<svg") == 2
    assert html.count('fill="var(--alarm)"') >= 3  # cells, and crosses of the loss
    assert str(shown) == shown.report()


def test_prediction_shows_what_its_output_allows():
    html = prediction()._repr_html_()
    for name in ("mean", "std", "predictive_entropy", "mutual_information"):
        assert f"<code>{name}</code>" in html
    assert "5 \u00d7 3" in html


def test_a_figure_as_svg_has_all_its_lines():
    at = np.arange(5)
    charts = {
        "loss & co": {"run": (at, at / 1e6)},
        "rate": {"run": (at, at * 0 + 1e-6)},
    }
    panel = lines.stacked_panel(charts, {"run": 0}, "step", step_axis(), 64)
    drawn = svg(panel.figure, '"<label>"')
    assert drawn.count("<path") == 2
    assert ">1e-6<" in drawn
    assert ">4e-6<" in drawn
    assert ">loss &amp; co<" in drawn
    assert "&quot;&lt;label&gt;&quot;" in drawn
    assert drawn.count("NaN") == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_views_are_readable_in_light_and_dark(browser, theme):
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(color_scheme=theme, viewport={"width": 760, "height": 900})
    try:
        views = "".join(make()._repr_html_() for make in VIEWS.values())
        page.set_content(AROUND % views)
        back, text, aligned = page.evaluate(STYLE)
        dark = back.startswith("rgb(3")
        assert dark == (theme == "dark")
        assert (text != back, aligned) == (True, "left")
        found = Axe().run(page).response["violations"]
        grave = [f["id"] for f in found if f["impact"] in ("serious", "critical")]
        assert not grave
        width = "document.documentElement.scrollWidth"
        assert page.evaluate(width) <= 760
    finally:
        page.close()
