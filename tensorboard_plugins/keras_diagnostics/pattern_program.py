"""Compiles regular expressions into programs that run in linear time.

What RE2 knows is understood: characters, classes, groups, alternatives, repetition and
anchors. What needs backtracking, such as references back and looking around, is not.
"""

from __future__ import annotations

from dataclasses import dataclass

_LARGEST = 4_000  # instructions
_DEEPEST = 50  # groups in one another
_CATEGORIES = "dDwWsS"
_ANCHORS = {"A": "start", "Z": "end", "b": "edge", "B": "inside"}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_CODES = {"x": 2, "u": 4, "U": 8}


@dataclass(frozen=True)
class Characters:
    r"""A set of characters, whatever their case.

    Attributes:
        items: Pairs of the first and the last of a range, and letters of categories,
            as in `\d`.
        negated: Whether it is all others.
    """

    items: tuple[tuple[str, str] | str, ...]
    negated: bool = False

    def __contains__(self, character: str) -> bool:
        forms = {character, character.lower(), character.upper()}
        return self.negated != any(self._has(form) for form in forms)

    def _has(self, character: str) -> bool:
        return any(
            _is_of(character, item)
            if isinstance(item, str)
            else item[0] <= character <= item[1]
            for item in self.items
        )


@dataclass
class Instruction:
    """One step of a program.

    Attributes:
        kind: `"read"` a character of `characters`, `"fork"` to `targets`, go on at the
            first of `targets` if the place is `"start"`, `"end"`, `"edge"` or
            `"inside"`, or `"found"`.
        targets: Indices of instructions.
        characters: A `Characters`, for `"read"`.
    """

    kind: str
    targets: tuple[int, ...] = ()
    characters: Characters | None = None


class PatternProgram:
    """The instructions for a regular expression, the first of which is the start.

    Args:
        pattern: String.

    Attributes:
        instructions: List of `Instruction`.

    Raises:
        ValueError: If it is none, or needs what takes more than linear time.
    """

    def __init__(self, pattern: str) -> None:
        self.instructions: list[Instruction] = []
        self._pattern, self._at, self._depth = pattern, 0, 0
        tree = self._alternatives()
        if self._at < len(pattern):
            raise ValueError(f"unbalanced parenthesis at position {self._at}")
        self._start = self._add("fork")
        end = self._emit(tree, self._add("found"))
        self.instructions[self._start].targets = (end,)

    # Parsing: a tree of tuples, whose first item says what it is.

    def _alternatives(self) -> tuple:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} groups in one another")
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        self._depth -= 1
        return ("any", branches)

    def _sequence(self) -> tuple:
        parts: list[tuple] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            part = self._atom()
            repeated = self._repetition()
            if repeated is not None:
                if part[0] == "place":
                    raise ValueError(f"nothing to repeat at position {self._at}")
                part = ("repeat", part, *repeated)
                if self._repetition() is not None:
                    raise ValueError(f"multiple repeat at position {self._at}")
            parts.append(part)
        return ("all", parts)

    def _atom(self) -> tuple:
        where = self._at
        character = self._next()
        if character in "*+?":
            raise ValueError(f"nothing to repeat at position {where}")
        if character == "(":
            self._open_group()
            inner = self._alternatives()
            if not self._take(")"):
                raise ValueError(f"missing ), unterminated group at position {where}")
            return inner
        if character == "[":
            return ("read", self._class(where))
        if character == ".":
            return ("read", Characters((("\n", "\n"),), negated=True))
        if character in "^$":
            return ("place", "start" if character == "^" else "end")
        if character == "\\":
            return self._escape()
        return ("read", Characters(((character, character),)))

    def _open_group(self) -> None:
        if not self._take("?"):
            return
        if self._take(":"):
            return
        if self._take("P<"):
            end = self._pattern.find(">", self._at)
            if end > 0 and self._pattern[self._at : end].isidentifier():
                self._at = end + 1
                return
        raise ValueError(f"group that would need backtracking at position {self._at}")

    def _escape(self) -> tuple:
        where = self._at - 1
        character = self._next()
        if character in _ANCHORS:
            return ("place", _ANCHORS[character])
        return ("read", Characters((self._escaped(character, where),)))

    def _escaped(self, character: str, where: int) -> tuple[str, str] | str:
        if character in _CATEGORIES:
            return character
        if character in _CONTROLS:
            character = _CONTROLS[character]
        elif character in _CODES:
            digits = self._pattern[self._at : self._at + _CODES[character]]
            self._at += len(digits)
            try:
                character = chr(int(digits, 16))
            except (ValueError, OverflowError):
                raise ValueError(f"bad escape at position {where}") from None
        elif character.isalnum():
            raise ValueError(f"unknown escape \\{character} at position {where}")
        return (character, character)

    def _class(self, where: int) -> Characters:
        negated = self._take("^")
        items: list[tuple[str, str] | str] = []
        while not items or not self._take("]"):
            if self._at >= len(self._pattern):
                raise ValueError(f"unterminated character set at position {where}")
            first = self._class_item()
            is_range = self._pattern[self._at : self._at + 2] not in ("-]", "-", "")
            if is_range and not isinstance(first, str) and self._take("-"):
                last = self._class_item()
                if isinstance(last, str) or last[1] < first[0]:
                    raise ValueError(f"bad character range at position {where}")
                first = (first[0], last[1])
            items.append(first)
        return Characters(tuple(items), negated)

    def _class_item(self) -> tuple[str, str] | str:
        where = self._at
        character = self._next()
        if character == "\\":
            return self._escaped(self._next(), where)
        return (character, character)

    def _repetition(self) -> tuple[int, int | None] | None:
        counts: tuple[int, int | None] | None = None
        for sign, low, high in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self._take(sign):
                counts = (low, high)
                break
        else:
            counts = self._counted()
        if counts is not None:
            self._take("?")  # the shortest: it is there if the longest is
        return counts

    def _counted(self) -> tuple[int, int | None] | None:
        end = self._pattern.find("}", self._at)
        if end < 0 or not self._pattern.startswith("{", self._at):
            return None
        low, comma, high = self._pattern[self._at + 1 : end].partition(",")
        texts = [text for text in (low, high) if text]
        if not texts or not all(t.isascii() and t.isdigit() for t in texts):
            return None  # as in Python, a brace that counts nothing is a character
        self._at = end + 1
        numbers = [int(text[:9]) for text in texts]
        if max(numbers) > _LARGEST:
            raise ValueError(f"repeats more than {_LARGEST} times")
        least = int(low) if low else 0
        most = int(high) if high else None if comma else least
        if most is not None and most < least:
            raise ValueError("min repeat greater than max repeat")
        return least, most

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            raise ValueError("unexpected end")
        self._at += 1
        return self._pattern[self._at - 1]

    def _take(self, text: str) -> bool:
        is_next = self._pattern.startswith(text, self._at)
        self._at += len(text) if is_next else 0
        return is_next

    # Writing instructions, from the end to the start: each knows what follows it.

    def _add(self, kind: str, *targets: int, of: Characters | None = None) -> int:
        if len(self.instructions) >= _LARGEST:
            raise ValueError("too many repetitions")
        self.instructions.append(Instruction(kind, targets, of))
        return len(self.instructions) - 1

    def _emit(self, tree: tuple, after: int) -> int:
        kind, content = tree[:2]
        if kind == "read":
            return self._add("read", after, of=content)
        if kind == "place":
            return self._add(content, after)
        if kind == "all":
            for part in reversed(content):
                after = self._emit(part, after)
            return after
        if kind == "any":
            starts = [self._emit(branch, after) for branch in content]
            return starts[0] if len(starts) == 1 else self._add("fork", *starts)
        least, most = tree[2:]
        return self._emit_repeat(content, least, most, after)

    def _emit_repeat(self, part: tuple, least: int, most: int | None, end: int) -> int:
        after = end
        if most is None:
            fork = self._add("fork", after)
            self.instructions[fork].targets = (self._emit(part, fork), after)
            after = fork
        else:
            for _ in range(most - least):
                after = self._add("fork", self._emit(part, after), end)
        for _ in range(least):
            after = self._emit(part, after)
        return after


def is_word(character: str) -> bool:
    r"""Returns whether a character is of `\w`."""
    return character.isalnum() or character == "_"


def _is_of(character: str, category: str) -> bool:
    lower = category.lower()
    if lower == "d":
        there = character.isdecimal()
    else:
        there = character.isspace() if lower == "s" else is_word(character)
    return there == (category == lower)
