"""Refuses callbacks that cannot both be meant to act on one learning rate."""

from __future__ import annotations

from typing import Any

SETS, SETS_ALONE, SHAPES = "sets", "sets alone", "shapes"
COOLS, RECOVERS, LOWERS = "cools", "recovers", "lowers"


def check_pair(one: Any, other: Any) -> None:
    """Raises an error if two callbacks act on the same rate in ways that clash.

    Args:
        one: A scheduler, with its `role` and `ends_at_zero`.
        other: Another of the same optimizer, or the same one once more.
    """
    both = f"Received: {_name(one)} and {_name(other)}"
    if one is other:
        raise ValueError(
            "A callback can be given to `fit` once only. Received: the same "
            f"{_name(one)} twice. Leave one of them out"
        )
    roles = one.role, other.role
    ends = [c.ends_at_zero for c in (one, other) if c.role == SHAPES]
    # A decay without an end is meant as a factor of the curve that sets the rate.
    decays = {*roles} == {SETS, SHAPES} and not any(ends)
    if all(role in (SETS, SETS_ALONE, SHAPES) for role in roles) and not decays:
        sets = SHAPES not in roles
        clash = "which both set it" if sets else "which would be multiplied"
        raise ValueError(
            f"The learning rate can follow one curve only. {both}, {clash}. Leave "
            "one of them out, or take "
            '`HyperparameterScheduler("learning_rate", curve)` alone, with a curve '
            "that is the product of both"
        )
    same = roles[0] == roles[1]
    if roles[0] == LOWERS and same:  # two that watch different values can be meant
        same = (one.monitor, one.every) == (other.monitor, other.every)
    if same and roles[0] in (COOLS, RECOVERS, LOWERS):
        raise ValueError(
            f"One callback of a kind can act on an optimizer. {both}, which would both "
            "lower its learning rate. Leave one of them out; `optimizer=` takes a list"
        )
    if COOLS in roles and (one.ends_at_zero or other.ends_at_zero):
        curve = one if other.role == COOLS else other
        raise ValueError(
            f"The learning rate can come down once only. {both}, which would both "
            f"bring it down at the end. Leave {_name(curve)} out where the training "
            "may end sooner, else CooldownAtStop"
        )


def _name(callback: Any) -> str:
    return type(callback).__name__
