"""Cases of another corpus, in its own words.

A folder with a `cases.py` whose `select()` returns cases with `id`, `labels`,
`accept`, `healthy` and `make()`; what `make` returns has `model`, `x`, `y`, `x_val`,
`y_val` and `fit_kwargs`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from faults.case import Case
from faults.case import Setup

# Their words for our codes.
CODE_OF = {
    "vanishing_gradient": "vanishing-gradient",
    "exploding_gradient": "exploding-gradient",
    "dead_relu": "dead-units",
    "saturated_activation": "saturated-activation",
    "nan_loss": "nan-loss",
    "not_learning_lr_low": "learning-rate-too-low",
    "diverging_lr_high": "learning-rate-too-high",
    "oscillating_loss": "oscillating-loss",
    "wrong_output_activation_or_loss": "output-loss-mismatch",
    "wrong_hidden_activation": "hidden-activation",
    "unnormalised_input": "unnormalized-input",
    "unscaled_target": "unscaled-target",
    "bad_initialisation": "bad-initialization",
    "over_regularised": "over-regularized",
    "wrong_labels": "wrong-labels",
    "overfitting": "overfitting",
}


def external_cases(folder: str) -> dict[str, Case]:
    """Returns the cases of a folder, under ids that begin with `external/`."""
    path = Path(folder) / "cases.py"
    specification = importlib.util.spec_from_file_location("external_cases", path)
    if specification is None or specification.loader is None or not path.exists():
        raise ValueError(
            f"`--external` must be a folder with a cases.py. Received: {folder}"
        )
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return {case.id: case for case in map(_translated, module.select())}


def _translated(theirs: Any) -> Case:
    def make(seed: int) -> Setup:
        made = theirs.make() if seed == 0 else theirs.make(seed)
        validation = None if made.x_val is None else (made.x_val, made.y_val)
        fit = {k: v for k, v in made.fit_kwargs.items() if k != "verbose"}
        return Setup(made.model, made.x, made.y, validation, fit)

    labels = () if theirs.healthy else tuple(CODE_OF[word] for word in theirs.labels)
    accept = tuple(CODE_OF[word] for word in theirs.accept)
    return Case(f"external/{theirs.id}", make, labels, accept, part="external")
