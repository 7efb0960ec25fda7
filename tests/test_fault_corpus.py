"""The corpus of `benchmarks/faults`: consistent, and some of it trained a step."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from faults import CASES
from faults.case import CODES


def test_there_are_enough_cases_and_half_of_them_are_healthy():
    healthy = sum(case.healthy for case in CASES.values())
    assert len(CASES) >= 120
    assert healthy >= len(CASES) / 2


HALVES = ["tuned", "untouched", "fresh", "unseen", "posted", "silent", "programs"]


@pytest.mark.parametrize("half", HALVES)
def test_each_half_holds_both_kinds(half):
    kinds = [case.healthy for case in CASES.values() if case.half == half]
    assert kinds.count(True) >= 40
    assert kinds.count(False) >= 20


def test_labels_are_codes_and_say_nothing_twice():
    for case in CASES.values():
        named = [*case.labels, *case.accept]
        assert set(named) <= set(CODES), case.id
        assert len(set(named)) == len(named), case.id
        assert case.labels or not case.accept, case.id


def test_each_code_is_the_cause_of_some_case():
    causes = [label for case in CASES.values() for label in case.labels]
    consequences = {"not-learning", "oscillating-loss", "saturated-activation"}
    for code in set(CODES) - consequences:
        assert code in causes, code


@pytest.mark.parametrize("half", ["silent", "programs"])
@pytest.mark.parametrize("look", ["first", "unseen"])
def test_both_looks_hold_both_kinds(half, look):
    cases = [case for case in CASES.values() if (case.half, case.look) == (half, look)]
    healthy = sum(case.healthy for case in cases)
    assert healthy >= 25
    assert len(cases) - healthy >= 20


def test_faults_of_the_new_parts_have_a_twin():
    for case in CASES.values():
        if case.half in ("silent", "programs"):
            assert case.healthy or case.twin, case.id


def test_twins_are_healthy_cases():
    for case in CASES.values():
        assert case.twin is None or CASES[case.twin].healthy, case.id


@pytest.mark.parametrize(
    "id",
    ["xor-four-points", "iris-logistic", "rate-line-sgd-2", "labels-curve-shuffled"],
)
def test_a_case_builds_and_trains_a_step(id):
    setup = CASES[id].make(0)
    examples = 8
    setup.x, setup.y, setup.validation = setup.x[:examples], setup.y[:examples], None
    setup.fit = {"epochs": 1, "batch_size": examples}
    before = [np.array(weight) for weight in setup.model.trainable_weights]
    history = setup.train()
    after = [np.array(weight) for weight in setup.model.trainable_weights]
    assert len(history.history["loss"]) == 1
    assert any((a != b).any() for a, b in zip(after, before))
