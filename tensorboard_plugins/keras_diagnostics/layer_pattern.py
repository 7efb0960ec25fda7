from __future__ import annotations

import re

from keras_diagnostics.pattern_program import PatternProgram
from keras_diagnostics.pattern_program import is_word

_LONGEST_PATTERN = 200
_LONGEST_NAME = 1_000
_MOST_WORK = 1_000_000  # characters: about half a second
_WORK_OF_INSTRUCTION = 10
_MOST_KNOWN = 20_000
_PLAIN = re.compile(r"[\w\s/:,;@#%&=<>!~'\"-]*")

_States = frozenset[int]


class LayerPattern:
    """Finds names that contain what a regular expression describes, in linear time.

    Python's `re` backtracks: `(a|aa)+$` on a name of 44 letters keeps it, and the lock
    that all of TensorBoard's threads share, for hours. Both the pattern, from a link
    that somebody shared, and the names, from a log, may have been made for that. So
    this has the semantics of RE2: all ways through the pattern are followed at once,
    sets of them are remembered, and what that takes is counted and limited.

    Args:
        pattern: String. Upper and lower case are the same.

    Raises:
        ValueError: If it is no regular expression, is too long, or needs backtracking.
    """

    def __init__(self, pattern: str) -> None:
        if len(pattern) > _LONGEST_PATTERN:
            raise ValueError(
                f"`layers` must have at most {_LONGEST_PATTERN} characters. "
                f"Received: {len(pattern)}"
            )
        self._pattern = pattern
        self._is_plain = _PLAIN.fullmatch(pattern) is not None
        self._known: dict[tuple[_States, str, str], tuple[_States, bool]] = {}
        self._work = 0
        try:
            self._program = PatternProgram(pattern).instructions
        except ValueError as error:
            raise ValueError(
                f"`layers` must be a regular expression: {error}. Received: {pattern!r}"
            ) from None

    def is_in(self, name: str) -> bool:
        """Returns whether a name contains it.

        Raises:
            ValueError: If it would take too long to tell.
        """
        name = name[:_LONGEST_NAME]
        if self._is_plain:
            return self._pattern.lower() in name.lower()
        states, before = frozenset[int](), "start"
        for character in (*name, ""):
            states, found = self._step(states, before, character)
            if found:
                return True
            before = "word" if character and is_word(character) else "other"
        return False

    def _step(
        self, states: _States, before: str, character: str
    ) -> tuple[_States, bool]:
        """Returns the states after a character, `""` at the end, and if it is found."""
        key = (states, before, character)
        self._count(1)
        if key not in self._known:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            self._known[key] = self._follow(*key)
        return self._known[key]

    def _follow(
        self, states: _States, before: str, character: str
    ) -> tuple[_States, bool]:
        reached, waiting = set[int](), [0, *states]  # it may begin at each character
        following = set[int]()
        while waiting:
            number = waiting.pop()
            if number in reached:
                continue
            reached.add(number)
            step = self._program[number]
            self._count(_WORK_OF_INSTRUCTION * (1 + len(step.targets)))
            if step.kind == "found":
                return frozenset(), True
            if step.kind == "read":
                assert step.characters is not None
                if character and character in step.characters:
                    following.update(step.targets)
            elif step.kind == "fork" or _holds(step.kind, before, character):
                waiting += step.targets
        return frozenset(following), False

    def _count(self, work: int) -> None:
        self._work += work
        if self._work > _MOST_WORK:
            raise ValueError(
                "`layers` must be a pattern that is quick to search for in these names "
                f"of layers. Received: {self._pattern!r}"
            )


def _holds(place: str, before: str, character: str) -> bool:
    if place == "start":
        return before == "start"
    if place == "end":
        return not character
    is_edge = (before == "word") != (bool(character) and is_word(character))
    return is_edge == (place == "edge")
