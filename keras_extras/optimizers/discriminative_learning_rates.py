from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import checks
from keras_extras.keras_internals.building import is_built
from keras_extras.keras_internals.layer_tree import matching_layers
from keras_extras.keras_internals.layer_tree import own_trainable
from keras_extras.keras_internals.layer_tree import units_of
from keras_extras.keras_internals.layer_tree import weighted_layers
from keras_extras.keras_internals.optimizer_variables import keep_settings
from keras_extras.keras_internals.rates import has_number
from keras_extras.transfer.groups import blocks_of


def discriminative_learning_rates(
    model: Any,
    optimizer: Any = "adam",
    decay: float = 1 / 2.6,
    groups: int | str | Sequence[Any] = 3,
    factors: Mapping[Any, float] | None = None,
) -> Any:
    """Returns an optimizer with lower learning rates for the layers near the input.

    In a pretrained model the first layers are the most general and need the smallest
    changes. Each group of layers gets its own copy of `optimizer`. Its learning rate is
    that of the next group times `decay`; the last group has the rate of `optimizer`.
    Use it to fine-tune a whole model, from the start or after
    `keras_extras.callbacks.FreezeUnfreeze` has trained the head. Do not use it to train
    from scratch, or to correct a learning rate that is too high for all layers.

    The result is a `keras.optimizers.MultiOptimizer`: models that use it can be saved,
    loaded and trained further without this package. Its `optimizers` are the copies,
    from the input to the output. The schedulers of `keras_extras.callbacks` scale all
    rates
    together: with `OneCycleScheduler(max_rate=0.01)` the last group follows the cycle,
    and each other group a fixed share of it.

    Each copy clips separately: `clipnorm` and `clipvalue` act on single variables as
    usual, but `global_clipnorm` limits the norm of each group, not that of all
    gradients.

    Args:
        model: Built Keras model. Frozen layers belong to their groups too, so they may
            be unfrozen later.
        optimizer: Keras optimizer that has not been used yet, or the name of one; its
            learning rate must be a number, and is that of the last group. Defaults to
            `"adam"`.
        decay: Float > 0 and <= 1, the learning rate of a group divided by that of the
            next one. Defaults to `1 / 2.6`.
        groups: Integer, number of groups: the last layer that has weights is the last
            group, and the others are split evenly; a normalisation layer is in the
            group of the layer that it normalises. `"layer"` makes each layer a group;
            use it for models of few layers, since rates fall by `decay` with each. A
            list says what each group consists of, from the input on: layers, classes,
            names, paths, regular expressions for these, or lists of them; the other
            layers are the last group. Defaults to `3`.
        factors: Dict from such a choice of layers to a float > 0, the learning rate of
            these divided by that of `optimizer`, instead of `decay` and `groups`; other
            layers have the factor 1. Defaults to `None`.

    Returns:
        A `keras.optimizers.MultiOptimizer` for `model.compile`.

    Raises:
        ValueError: If an argument has no valid value, if the model is not built or does
            not have such layers, if a layer belongs to two groups, or if two variables
            in different groups have the same path, by which Keras tells them apart.

    Example:

    ```python
    optimizer = keras_extras.optimizers.discriminative_learning_rates(
        model, keras.optimizers.Adam(1e-3)
    )
    model.compile(optimizer, "mse")
    print([float(part.learning_rate) for part in optimizer.optimizers])
    ```

    References:
        Howard & Ruder (2018), "Universal Language Model Fine-tuning for Text
        Classification", arXiv:1801.06146.
    """
    if not isinstance(model, keras.Model) or not is_built(model):
        raise ValueError(f"`model` must be a built Keras model. Received: {model!r}")
    optimizer = _check_optimizer(optimizer)
    decay = _check_decay(decay)
    if factors is not None:
        found = _groups_of_factors(model, factors)
    else:
        members = _groups(model, groups)
        powers = range(len(members) - 1, -1, -1)
        found = [(group, decay**n) for group, n in zip(members, powers)]
    members = [group for group, _ in found]
    _check_names(model, members)
    patterns = _patterns(members)
    copies = [
        _copy(optimizer, factor, f"{optimizer.name}_{number}")
        for number, (_, factor) in enumerate(found, start=1)
    ]
    pairs = dict(zip(patterns[:-1], copies[:-1]))
    return keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(copies[-1], pairs)
    )


def _groups(model: Any, groups: Any) -> list[list[Any]]:
    """Returns the layers of each group, from the input to the output."""
    layers = _trained_layers(model)
    if isinstance(groups, Sequence) and not isinstance(groups, str):
        checks.check_list("groups", groups)
        chosen = [matching_layers(model, g, "groups") for g in groups]
        return _named_groups("groups", layers, chosen)
    blocks = blocks_of(model, layers)
    if groups == "layer":
        return blocks
    count = min(checks.check_count("groups", groups), len(blocks))
    if count == 1:
        return [layers]
    body, head = blocks[:-1], blocks[-1]
    edges = [round(i * len(body) / (count - 1)) for i in range(count)]
    parts = [body[start:end] for start, end in itertools.pairwise(edges)]
    return [[layer for block in part for layer in block] for part in parts] + [head]


def _groups_of_factors(
    model: Any, factors: Mapping[Any, float]
) -> list[tuple[list[Any], float]]:
    if not isinstance(factors, Mapping) or not factors:
        raise ValueError(
            "`factors` must be a dict from layers to numbers > 0. "
            f"Received: factors={factors!r}"
        )
    wrong = [k for k, v in factors.items() if not checks.is_number(v) or not v > 0]
    if wrong:
        raise ValueError(
            "`factors` must be a number > 0 for each choice of layers. "
            f"Received: {factors[wrong[0]]!r} for {wrong[0]!r}"
        )
    values = [float(factor) for factor in factors.values()]
    chosen = [matching_layers(model, choice, "factors") for choice in factors]
    members = _named_groups("factors", _trained_layers(model), chosen)
    # The rest has a factor of its own, also if there is none of it.
    values += [1.0] * (len(members) - len(values))
    return list(zip(members, values))


def _trained_layers(model: Any) -> list[Any]:
    return [layer for layer in weighted_layers(model) if own_trainable(layer)]


def _named_groups(
    name: str, layers: list[Any], chosen: list[list[Any]]
) -> list[list[Any]]:
    taken: set[int] = set()
    for group in chosen:
        twice = [layer.name for layer in group if id(layer) in taken]
        if twice:
            raise ValueError(
                f"`{name}` must name each layer once. Received: {twice} in two groups"
            )
        taken |= {id(layer) for layer in group}
    rest = [layer for layer in layers if id(layer) not in taken]
    return [*chosen, rest] if rest else chosen


def _check_names(model: Any, groups: list[list[Any]]) -> None:
    """Raises an error if layers of one name are in different groups.

    In a model that was loaded from a file, the paths of variables begin there.
    """
    place = {id(layer): n for n, group in enumerate(groups) for layer in group}
    owners: dict[str, set[int]] = {}
    for unit in units_of(model):
        numbers = {place[id(x)] for x in weighted_layers(unit) if id(x) in place}
        owners.setdefault(unit.name, set()).update(numbers)
        alike = [other for other in units_of(model) if other.name == unit.name]
        if len(alike) > 1 and len(owners[unit.name]) > 1:
            raise ValueError(
                "Layers in different groups must have different names, by which Keras "
                f"tells their variables apart. Received: two named {unit.name!r}"
            )


def _patterns(groups: list[list[Any]]) -> list[str]:
    """Returns for each group a regular expression that fits its variables' paths.

    It fits the ends of paths, as short as tells them apart: the names of models
    before the name of a layer are missing after loading.
    """
    paths = [[v.path for x in g for v in own_trainable(x)] for g in groups]
    patterns = []
    for number, own in enumerate(paths):
        others = [p for other in paths[:number] + paths[number + 1 :] for p in other]
        ends = dict.fromkeys(_end(path, others) for path in own)
        patterns.append(f"(?:.*/)?(?:{'|'.join(re.escape(end) for end in ends)})")
    return patterns


def _end(path: str, others: list[str]) -> str:
    """Returns the shortest end of a path, of two names at least, that no other has."""
    names = path.split("/")
    for count in range(2, len(names)):
        end = "/".join(names[-count:])
        if not any(f"/{other}".endswith(f"/{end}") for other in others):
            return end
    return path


def _copy(optimizer: Any, factor: float, name: str) -> Any:
    config = optimizer.get_config()
    rate = float(config["learning_rate"]) * factor
    copy = type(optimizer).from_config({**config, "learning_rate": rate, "name": name})
    keep_settings(optimizer, copy)
    return copy


def _check_optimizer(optimizer: Any) -> Any:
    try:
        found = keras.optimizers.get(optimizer)
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, keras.optimizers.Optimizer):
        raise ValueError(
            "`optimizer` must be a Keras optimizer or the name of one. "
            f"Received: optimizer={optimizer!r}"
        )
    wraps = hasattr(found, "inner_optimizer") or hasattr(found, "optimizers")
    if wraps or not has_number(found):
        raise ValueError(
            "`optimizer` must be a plain Keras optimizer with a number as learning "
            "rate: `compile` adds what mixed precision needs, and schedulers such as "
            "`keras_extras.callbacks.OneCycleScheduler` let all rates follow a curve. "
            f"Received: optimizer={optimizer!r}"
        )
    return found


def _check_decay(decay: Any) -> float:
    if not checks.is_number(decay) or not 0 < decay <= 1:
        raise ValueError(
            f"`decay` must be a number > 0 and <= 1. Received: decay={decay!r}"
        )
    return float(decay)
