"""The page of the finding codes says of each what the code does."""

import ast
import dataclasses
import re
from pathlib import Path

import documented
import numpy as np
import pytest
import test_diagnosis as by_hand
import test_rules as by_statistics

from keras_extras.diagnostics.examine import examine
from keras_extras.records.finding_codes import FINDING_CODES

PAGE = (documented.ROOT / "docs" / "findings.md").read_text()
RULES = Path(documented.ROOT / "keras_extras" / "diagnostics" / "rules")
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
GUIDE = (documented.ROOT / "docs" / "guides" / "diagnosis.md").read_text()
PARTS = ("Seen", "Usual causes", "Remedies", "Explained by", "Silent", "Source")
_CODE = re.compile(r"[a-z]+(-[a-z]+)+|overfitting")


def codes_of_the_rules():
    """Returns all strings in the rules that have the form of a code."""
    found = set()
    for path in RULES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and _CODE.fullmatch(str(node.value)):
                found.add(node.value)
    return found


def limits():
    """Yields code, text and value of each limit that the page names."""
    for code, text in SECTIONS.items():
        table = text.partition("| limit | value |\n|---|---|\n")[2].partition("\n\n")[0]
        for name, value in re.findall(r"^\| (.*) \| (.*) \|$", table, re.M):
            number = float(value.removesuffix(" %"))
            yield code, name, number / 100 if value.endswith("%") else number


def test_every_code_has_a_section_and_every_section_a_code():
    registered = [code.name for code in FINDING_CODES]
    assert set(SECTIONS) == codes_of_the_rules() == set(registered)
    assert len(SECTIONS) == len(registered) == 37


def test_codes_explain_those_that_come_after_them():
    names = [code.name for code in FINDING_CODES]
    for code in FINDING_CODES:
        assert set(code.explains) <= set(names) - {code.name}
        assert len(set(code.explains)) == len(code.explains)


@pytest.mark.parametrize("text", [PAGE, GUIDE], ids=["page", "guide"])
def test_tables_have_the_groups_of_the_register(text):
    rows = {
        row[0]: row[1] for row in re.findall(r"^\| ([a-z ]+) \| (.*) \|$", text, re.M)
    }
    for group in {code.group for code in FINDING_CODES}:
        codes = {code.name for code in FINDING_CODES if code.group == group}
        assert set(re.findall(r"`([a-z-]+)`", rows[group])) == codes


@pytest.mark.parametrize("code", FINDING_CODES, ids=lambda code: code.name)
def test_section_names_the_source_of_the_register(code):
    said = SECTIONS[code.name].partition("**Source.**")[2].partition("\n\n")[0]
    assert " ".join(said.split()) == code.source


@pytest.mark.parametrize("code", SECTIONS)
def test_section_is_complete(code):
    for part in PARTS:
        assert re.search(rf"^\*\*{part}\b", SECTIONS[code], re.M), part
    assert f"[`{code}`](#{code})" in PAGE


@pytest.mark.parametrize("code", SECTIONS)
def test_section_names_what_explains_the_finding(code):
    said = SECTIONS[code].partition("**Explained by**")[2].partition("\n\n")[0]
    causes = {cause.name for cause in FINDING_CODES if code in cause.explains}
    assert set(re.findall(r"`([a-z-]+)`", said)) == causes
    assert ("nothing" in said.split(".")[0]) is not bool(causes)


def by_statistic(**statistics):
    """Returns a training that fails, in which nothing else is ill."""
    return by_statistics.observe(**statistics)


def start(gain):
    """Returns a training whose first layer starts with so many times He's scale."""
    rms = gain * np.sqrt(2.0 / 8)
    first = by_hand.dense("first", kernel=by_hand.kernel(rms=rms))
    built = by_hand.structure(layers=(first, by_hand.HIDDEN[1], by_hand.head()))
    return by_hand.observe(built, **by_hand.BAD)


def chain(change):
    """Returns a training of ten layers that change the scale of a signal together."""
    rms = change ** (1 / 10) * np.sqrt(2.0 / 8)
    names = [f"layer_{i}" for i in range(10)]
    layers = [
        by_hand.dense(name, names[i - 1 : i], kernel=by_hand.kernel(rms=rms))
        for i, name in enumerate(names)
    ]
    head = dataclasses.replace(by_hand.head(), inputs=(names[-1],))
    return by_hand.observe(by_hand.structure(layers=(*layers, head)), **by_hand.BAD)


def penalised(share):
    penalty = 0.7 * share / (1.0 - share)
    strong = by_hand.dense("first", l2=0.1)
    built = by_hand.structure(layers=(strong, by_hand.HIDDEN[1], by_hand.head()))
    seen = by_hand.batches(penalty=penalty)
    return by_hand.observe(built, seen, first=0.7 + penalty, last=0.69 + penalty)


def decayed(share):
    built = by_hand.structure(settings={"weight_decay": share / 0.1})
    seen = by_hand.observe(built, **by_hand.BAD)
    rates = {**seen.statistics, "learning_rate": np.full(30, 0.1)}
    return dataclasses.replace(seen, statistics=rates)


def dropped(rate):
    drop = by_hand.LayerSpec("drop", "Dropout", inputs=("second",), rate=rate)
    parts = (*by_hand.HIDDEN, drop, by_hand.head())
    return by_hand.observe(by_hand.structure(layers=parts), **by_hand.BAD)


def sized_inputs(size):
    x = by_hand.X / np.sqrt(np.mean(by_hand.X**2)) * size
    return by_hand.observe(seen=by_hand.batches(x=x), **by_hand.BAD)


def sized_targets(size):
    y = by_hand.NUMBERS / np.sqrt(np.mean(by_hand.NUMBERS**2)) * size
    built = by_hand.structure("mean_squared_error", "linear")
    loss = float(np.var(y))
    return by_hand.observe(built, by_hand.batches(y=y), first=loss, last=loss)


def same_targets(rows):
    rows = int(rows)
    batch = dataclasses.replace(
        by_hand.batches()[0],
        inputs=(by_hand.tensor(by_hand.X[:rows]),),
        targets=(by_hand.tensor(np.ones((rows, 1))),),
        predictions=(by_hand.tensor(np.full((rows, 1), 0.5)),),
    )
    seen = by_hand.observe(seen=(batch,), last=0.0)
    return dataclasses.replace(seen, recent=())


def path(share):
    """Returns 300 steps that can have moved the weights by a share of their norm."""
    return by_statistic(update_norm=3.0 * share / 291)


def faded(ratio):
    return by_statistic(gradient_norm=by_statistics.in_layer(0, ratio, 1.0))


def gradient_of(ratio):
    return by_statistic(gradient_norm=3.0 * ratio, update_norm=1.0)


def update_of(share, gradient=0.3):
    return by_statistic(update_norm=3.0 * share, gradient_norm=3.0 * gradient)


def dead(share, values=32.0):
    layer = by_statistics.in_layer(1, share, 0.1)
    return by_statistic(
        activation_dead_fraction=layer, activation_values_per_unit=values
    )


def flat(share):
    return by_statistic(
        activation_saturated_fraction=by_statistics.in_layer(2, share, 0.1)
    )


def jumping(rise):
    losses = [0.7, *(0.69 * (1.0 + rise * (i % 2)) for i in range(11))]
    return by_hand.observe(epochs={"loss": losses}, **by_hand.BAD)


def risen(multiple):
    epochs = {
        "loss": np.geomspace(0.7, 0.01, 12),
        "val_loss": [0.69, 0.62, *[0.55] * 3, *[0.55 * multiple] * 7],
    }
    return by_hand.observe(epochs=epochs)


def trained(steps):
    """Returns a training of so many steps that has learnt nothing."""
    seen = by_hand.observe(samples=12, interval=1, **by_hand.BAD)
    return dataclasses.replace(seen, last_step=int(steps) - 1)


# For each limit of the page, a training that has the value named.
TRAININGS = {
    ("bad-initialization", "root mean square of the weights"): start,
    ("bad-initialization", "the same, where the training fails"): start,
    ("bad-initialization", "change of scale"): chain,
    ("over-regularized", "share of penalties"): penalised,
    ("over-regularized", "share of the weights"): decayed,
    ("over-regularized", "dropout rate"): dropped,
    ("unnormalized-input", "root mean square of the inputs: "): sized_inputs,
    ("unnormalized-input", "root mean square of the inputs that"): sized_inputs,
    ("unscaled-target", "root mean square"): sized_targets,
    ("wrong-labels", "targets that are all the same"): same_targets,
    ("learning-rate-too-high", "share of the weights"): update_of,
    ("learning-rate-too-low", "path of the weights"): path,
    ("vanishing-gradient", "gradient norm"): faded,
    ("exploding-gradient", "gradient norm"): gradient_of,
    ("exploding-gradient", "share of the weights"): lambda share: update_of(share, 20),
    ("dead-units", "share of dead units"): dead,
    ("dead-units", "values per unit"): lambda values: dead(0.9, values),
    ("saturated-activation", "share of saturated outputs"): flat,
    ("oscillating-loss", "rise of the loss"): jumping,
    ("overfitting", "validation loss"): risen,
    ("not-learning", "steps before it is said"): trained,
}


def training_of(code, name):
    (made,) = [m for (c, n), m in TRAININGS.items() if c == code and name.startswith(n)]
    return made


@pytest.mark.parametrize(("code", "name", "limit"), list(limits()))
def test_rule_speaks_beyond_the_limit_of_the_page_and_not_within(code, name, limit):
    training = training_of(code, name)
    below, above = limit * 0.97, limit * 1.03
    if limit >= 16 and float(limit).is_integer():
        below, above = limit - 1, limit + 1
    # "before it is said" and "at least" name what a rule waits for.
    waits = "before it" in name
    beyond, within = (above, below) if waits or "at most" in name else (below, above)
    assert code in [f.code for f in examine(training(beyond))]
    assert code not in [f.code for f in examine(training(within))]


def test_every_training_is_one_of_a_limit():
    used = {training_of(code, name) for code, name, _ in limits()}
    assert used == set(TRAININGS.values())
