"""Patterns for layers mean what `re` means, and take linear time."""

import itertools
import random
import re
import time

import pytest

from keras_diagnostics.layer_pattern import LayerPattern

NAMES = (
    "",
    "a",
    "dense_1",
    "block/dense_12",
    "Conv2D",
    "a.b",
    "x\ny",
    "ÄÖ",
    "aaab",
    "1",
)
NAMES += ("a-b", "{2}", "tail ", "_", "block1/conv2/kernel", "]", "^")
PATTERNS = (
    *("", "dense", "DENSE", "^dense", "dense_\\d+$", "a|b|conv", "(a|b)c?", "[a-c]\\d"),
    *("[^a-z]", ".", "a.b", "\\.", "a{2}", "a{2,}b", "a{,1}b", "a{1,2}b", "(ab)*"),
    *("(a*)*b", "\\bdense", "\\Bense", "\\w+/\\w+", "\\s$", "\\W", "\\D", "\\S\\s"),
    *(
        "(?:block)/",
        "[]]",
        "[a\\-z]",
        "[\\d_]+$",
        "^$",
        "a*?b",
        "x{",
        "\\x61",
        "\\u00e4",
    ),
    *("(?P<n>conv)2", "a||b", "()", "[^]]", "\\^", "(dense|conv)(_\\d+)?$", "[-a]b"),
    *("\\Ablock\\d?", "1\\Z"),
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_finds_what_re_finds(pattern):
    found = LayerPattern(pattern)
    expected = re.compile(pattern, re.IGNORECASE)
    for name in NAMES:
        assert found.is_in(name) == (expected.search(name) is not None), name


def test_all_short_patterns_mean_the_same_or_nothing():
    names = ("", "a", "b", "ab", "ba", "aab", "a|", "(b", "abab")
    for letters in itertools.product("ab|*()^$?", repeat=4):
        pattern = "".join(letters)
        try:
            expected = re.compile(pattern, re.IGNORECASE)
        except re.error:
            with pytest.raises(ValueError, match="`layers`"):
                LayerPattern(pattern)
            continue
        try:
            found = LayerPattern(pattern)
        except ValueError:  # `re` repeats anchors, and what may be nothing at once
            assert re.search(r"[*?][*?]|\(\?", pattern), pattern
            continue
        for name in names:
            assert found.is_in(name) == (expected.search(name) is not None), pattern


@pytest.mark.parametrize(
    "pattern", ["(?=a)", "(?!a)", "(?<=a)b", "(a)\\1", "(?i)a", "\\k"]
)
def test_what_needs_backtracking_is_refused(pattern):
    with pytest.raises(ValueError, match="`layers` must be a regular expression"):
        LayerPattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a|aa)+$", "(a+)+b", "(.*)*(.*)*(.*)*x", "(a|a|a|a)*b", "(a?){80}b"]
)
def test_what_takes_re_for_ever_is_found_to_be_absent(pattern):
    before = time.process_time()
    found = LayerPattern(pattern)
    assert not any(found.is_in("a" * length + "!") for length in range(200, 250))
    assert time.process_time() - before < 5.0


def test_more_work_than_a_second_is_refused():
    found = LayerPattern("(a|b)*a(a|b){60}c")
    chance = random.Random(0)
    names = ["".join(chance.choices("ab", k=900)) for _ in range(300)]
    with pytest.raises(ValueError, match="quick to search"):
        list(map(found.is_in, names))


@pytest.mark.parametrize(
    "pattern", ["((a{60}){60}){60}", "a{5000}", "(" * 90 + ")" * 90]
)
def test_programs_that_are_large_are_refused(pattern):
    with pytest.raises(ValueError, match="`layers`"):
        LayerPattern(pattern)
