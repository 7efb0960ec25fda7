"""What a case is, and the register that holds all of them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import keras

from keras_extras.records.finding_codes import FINDING_CODES

CODES = tuple(code.name for code in FINDING_CODES)


@dataclass
class Setup:
    """One training, ready to start.

    Attributes:
        model: Compiled model.
        x: What `fit` takes: arrays, a dataset, or a `keras.utils.PyDataset`.
        y: Targets, or `None` where `x` holds them.
        validation: What `fit` takes as `validation_data`, or `None`.
        fit: Further arguments of `fit`.
        score: Function from the trained model and the history to how good it is, 1 at
            best; `None` leaves that to the metrics.
    """

    model: Any
    x: Any
    y: Any = None
    validation: Any = None
    fit: dict[str, Any] = field(default_factory=dict)
    score: Callable[[Any, Any], float] | None = None

    def train(self, callbacks: Iterable[Any] = ()) -> Any:
        """Trains and returns the history."""
        arguments = dict(self.fit)
        own = arguments.pop("callbacks", [])
        return self.model.fit(
            self.x,
            self.y,
            validation_data=self.validation,
            verbose=0,
            callbacks=[*own, *callbacks],
            **arguments,
        )


@dataclass(frozen=True)
class Case:
    """One training set-up of which it is known what is wrong with it, if anything.

    Attributes:
        id: String, unique.
        make: Function from an integer seed to a `Setup`.
        labels: Codes that name the cause; none for a healthy case.
        accept: Further codes that a correct diagnosis may name: known consequences.
        note: What there is to know about the case.
        twin: Id of the healthy case that this one spoils, or `None`.
        part: Half that the case belongs to, where it is not the hash's to say.
    """

    id: str
    make: Callable[[int], Setup]
    labels: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    note: str = ""
    twin: str | None = None
    part: str | None = None

    @property
    def healthy(self) -> bool:
        return not self.labels

    @property
    def half(self) -> str:
        """Its part, or `"tuned"` or `"untouched"` by a hash: by nobody's choice."""
        return self.part or ("tuned", "untouched")[self._hash]

    @property
    def look(self) -> str:
        """Whether its part may be learnt from with it in view: by nobody's choice."""
        return ("first", "unseen")[self._hash]

    @property
    def _hash(self) -> int:
        return zlib.crc32(self.id.encode()) % 2


CASES: dict[str, Case] = {}


# How cases are compiled: without XLA, which takes longer to compile than most of them
# take to train. JAX is nothing without.
JIT = "auto" if keras.backend.backend() == "jax" else False


def healthy(
    id: str,
    note: str = "",
    part: str | None = None,
    bound_to: str | None = None,
    **arguments: Any,
) -> Callable[[Any], Any]:
    """Registers what the decorated function builds as a case without a fault.

    Args:
        id: String, unique.
        note: What there is to know about the case.
        part: Half that the case belongs to; `None` leaves it to the hash.
        bound_to: The one backend that the case is written for, on others it is none.
        **arguments: Passed to the decorated function.
    """
    if bound_to not in (None, keras.backend.backend()):
        return lambda build: build
    return _register(id, (), (), note, None, part, arguments)


def faulty(
    id: str,
    labels: str | tuple[str, ...],
    accept: tuple[str, ...] = (),
    note: str = "",
    twin: str | None = None,
    part: str | None = None,
    bound_to: str | None = None,
    **arguments: Any,
) -> Callable[[Any], Any]:
    """Registers what the decorated function builds as a case with a fault.

    Args:
        id: String, unique.
        labels: Code or codes that name the cause.
        accept: Codes of known consequences.
        note: What there is to know about the case.
        twin: Id of the healthy case that this one spoils.
        part: Half that the case belongs to; `None` leaves it to the hash.
        bound_to: The one backend that the case is written for, on others it is none.
        **arguments: Passed to the decorated function.
    """
    if bound_to not in (None, keras.backend.backend()):
        return lambda build: build
    named = (labels,) if isinstance(labels, str) else tuple(labels)
    if not named:
        raise ValueError(f"`labels` must name a cause. Received: labels={labels!r}")
    return _register(id, named, accept, note, twin, part, arguments)


def _register(
    id: str,
    labels: tuple[str, ...],
    accept: tuple[str, ...],
    note: str,
    twin: str | None,
    part: str | None,
    arguments: dict[str, Any],
) -> Callable[[Any], Any]:
    accept = tuple(code for code in dict.fromkeys(accept) if code not in labels)
    unknown = sorted({*labels, *accept} - set(CODES))
    if unknown:
        raise ValueError(f"`labels` and `accept` must be codes. Received: {unknown}")
    if id in CASES:
        raise ValueError(f"`id` must be unique. Received: id={id!r} twice")

    def decorate(build: Callable[..., Setup]) -> Callable[..., Setup]:
        def make(seed: int) -> Setup:
            keras.config.set_dtype_policy("float32")
            keras.utils.clear_session()
            keras.utils.set_random_seed(seed)
            return build(**arguments)

        CASES[id] = Case(id, make, labels, accept, note, twin, part)
        return build

    return decorate
