"""The table of all pairs."""

from __future__ import annotations

from collections import Counter

from identity_matrix.pair import Outcome
from identity_matrix.pair import Pair

HEADER = """\
Steps recorded, with gradients, with activations: by default / every=1 / loggers.
Traced: how often the train function was, and plainly where that differs.
Plain and extra: seconds of processor time of a training, and beyond it.

| model | set-up | outcome | steps | gradients | activations | traced | plain | extra |
|---|---|---|---|---|---|---|---|---|"""
_SHOWN = 3


def row(pair: Pair) -> str:
    """Returns a pair as a row of the table."""
    outcomes = list(pair.outcomes.values())
    recorded = ["/".join(str(o.recorded[i]) for o in outcomes) for i in range(3)]
    seconds = "/".join(f"{each.seconds:.1f}" for each in outcomes)
    cells = [
        f"{pair.case:25}",
        f"{pair.setup:16}",
        f"{pair.status:7}",
        *recorded,
        _tracings(outcomes),
        f"{pair.seconds:.1f}",
        seconds,
    ]
    return f"| {' | '.join(cells)} |"


def _tracings(outcomes: list[Outcome]) -> str:
    found = [ours for each in outcomes for ours in each.tracings[:1]]
    plain = {theirs for each in outcomes for theirs in each.tracings[1:]}
    if len({*found, *plain}) <= 1:
        return str(*{*found, *plain})
    return f"{'/'.join(str(each) for each in found)}, plain {'/'.join(map(str, plain))}"


def details(pair: Pair, verbose: bool) -> str:
    """Returns what differs, what failed, and what was said, indented."""
    lines = [pair.reason] if pair.reason else []
    for name, outcome in pair.outcomes.items():
        lines += [f"{name}: {outcome.error}"] if outcome.error else []
        lines += _differing(name, outcome, verbose)
        said = list(dict.fromkeys(outcome.warnings))
        lines += [f"{name} warns: {w if verbose else w[:200]}" for w in said]
    return "".join(f"    {line}\n" for line in lines)


def _differing(name: str, outcome: Outcome, verbose: bool) -> list[str]:
    if not outcome.differing:
        return []
    worst = sorted(outcome.differing.items(), key=lambda item: -item[1])
    shown = worst if verbose else worst[:_SHOWN]
    named = ", ".join(f"{array} by {by:.2g}" for array, by in shown)
    return [f"{name}: {len(worst)} arrays differ: {named}"]


def summary(pairs: list[Pair]) -> str:
    """Returns how many pairs there are, differ, and recorded nothing."""
    counted = [pair for pair in pairs if pair.counts]
    statuses = Counter(pair.status for pair in pairs)
    left_out = [
        f"{status}: {count}"
        for status, count in statuses.items()
        if not any(pair.status == status for pair in counted)
    ]
    empty = sum(pair.recorded_nothing for pair in counted)
    more = sum(pair.traced_more for pair in counted)
    line = (
        f"{len(counted)} pairs, {sum(pair.bad for pair in counted)} differ or fail, "
        f"{empty} recorded nothing, {more} traced the train function more often"
    )
    return f"{line} (not counted: {', '.join(left_out)})" if left_out else line
