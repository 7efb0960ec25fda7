from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.fit_guard import FitGuard
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.steering.driven import DrivenRate
from keras_extras.steering.driven import DrivenSchedule
from keras_extras.steering.driven import DrivenValue
from keras_extras.steering.law import Clock
from keras_extras.steering.law import Curve
from keras_extras.steering.law import Law
from keras_extras.steering.rates import shares_of_rate

RATE = "learning_rate"
_NOT_DRIVEN = frozenset(
    {"loss_scale_factor", "gradient_accumulation_steps", "ema_overwrite_frequency"}
)

_live: weakref.WeakValueDictionary[int, Steering] = weakref.WeakValueDictionary()


class Steering:
    """Drives the hyperparameters of one model during one `fit`.

    All callbacks of the `fit` share it, so that a curve of one and a factor of
    another act together, and the optimizer is put back once, when the last of them
    has ended. In between, the model trains with a train function of its own, traced
    with the driven values; the one from before is put back too.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._callbacks: weakref.ref[Any] | None = None  # the `fit` holds them
        self._plans: list[Callable[[Steering], None]] = []
        self._undo: list[Callable[[], None]] = []
        self._laws: dict[tuple[int, str], Law] = {}
        self._clocks: dict[int, Clock] = {}
        self._owners: dict[tuple[int, str], str] = {}
        self._places: list[tuple[dict[str, Any], str, Any]] = []
        self._own_function: Any = None
        self._guard: weakref.ref[FitGuard] | None = None  # the `fit` holds it
        self._kept: list[tuple[Any, str, float]] = []
        self._replaced: dict[tuple[int, str], tuple[int, float]] = {}
        self._shares: dict[int, float] = {}
        self.installed = False

    @classmethod
    def join(cls, model: Any, plan: Callable[[Steering], None]) -> Steering:
        """Returns the steering of the `fit` that is about to start.

        Args:
            model: The model to be trained.
            plan: Called with the steering once all callbacks have begun, to call
                `drive` and `multiply`: what others restore is there by then.
        """
        callbacks = callbacks_of_fit()
        steering = _live.get(id(model))
        if steering is not None and (
            steering._model is not model
            or callbacks is None
            or steering._callback_list() is not callbacks
        ):
            steering.end()  # it is of a `fit` that has failed
            steering = None
        if steering is None:
            steering = _live[id(model)] = cls(model)
            if callbacks is not None:
                steering._callbacks = weakref.ref(callbacks)
                guard = FitGuard(steering._begin, steering._end)
                guard.watch(callbacks)
                steering._guard = weakref.ref(guard)
        steering._plans.append(plan)
        if callbacks is None:
            steering._begin()
        return steering

    def parts(self) -> list[Any]:
        """Returns the optimizers that do the work."""
        return hyperparameters.parts(self._model.optimizer)

    def drive(self, optimizer: Any, name: str, curve: Curve, owner: str) -> None:
        """Lets a hyperparameter follow `curve`.

        Optimizers that differ in nothing but their learning rate follow one of the
        rate in their proportion: the largest is on the curve.

        Args:
            optimizer: One of `parts()`.
            name: Name of the hyperparameter.
            curve: Function of `optimizer.iterations`.
            owner: Who asks for it, for messages.

        Raises:
            ValueError: If another callback drives it already, or the optimizer has
                no such number.
        """
        law, key = self._law(optimizer, name), (id(optimizer), name)
        if law.curve is not None:
            raise ValueError(
                f"`{name}` of {optimizer.name!r} can follow one curve only. Received: "
                f"{self._owners[key]} and {owner}, which both set it"
            )
        share = self._share_of_rate(optimizer) if name == RATE else 1.0
        law.curve = curve if share == 1.0 else lambda step: share * curve(step)
        self._owners[key] = owner

    def _share_of_rate(self, optimizer: Any) -> float:
        if not self._shares:
            shares = shares_of_rate(self.parts())
            self._shares = {id(p): share for p, share in zip(self.parts(), shares)}
        return self._shares[id(optimizer)]

    def multiply(self, optimizer: Any, name: str, factor: Curve) -> None:
        """Multiplies a hyperparameter by what `factor` gives, whatever else acts."""
        self._law(optimizer, name).factors.append(factor)

    def at_end(self, undo: Callable[[], None]) -> None:
        """Calls `undo` when all is put back, after `fit` or an exception in it."""
        self._undo.append(undo)

    def callbacks(self) -> list[Any]:
        """Returns all callbacks of this `fit`, as far as they can be found."""
        found = self._callback_list()
        return [] if found is None else list(found.callbacks)

    def _callback_list(self) -> Any:
        return None if self._callbacks is None else self._callbacks()

    def follows_a_curve(self, optimizer: Any, name: str) -> bool:
        """Whether what the user set, a number, has no part in the value."""
        law = self._law(optimizer, name)
        return law.curve is not None or not isinstance(law.base, keras.Variable)

    def value_of_last_step(self, optimizer: Any, name: str) -> float:
        """Returns the value that acted on the step that was trained last."""
        step, value = self._replaced.get((id(optimizer), name), (None, 0.0))
        last = _last_step(optimizer)
        return value if step == last else value_at(optimizer, name, last)

    def replacing(self, optimizer: Any, name: str) -> None:
        """Remembers the value of the last step, before another takes its place."""
        value = self.value_of_last_step(optimizer, name)
        self._replaced[id(optimizer), name] = _last_step(optimizer), value

    def keep(self, optimizer: Any, name: str) -> None:
        """Leaves a hyperparameter at its present value when all is put back."""
        self._kept.append((optimizer, name, present_value(optimizer, name)))

    def end(self) -> None:
        """Puts everything back."""
        guard = None if self._guard is None else self._guard()
        if guard is not None:
            guard.end()
        else:
            self._end()

    def _begin(self) -> None:
        self._own_function = vars(self._model).get("train_function")
        self.installed = True
        try:
            for plan in self._plans:
                plan(self)
        except BaseException:
            self.end()
            raise
        self._plans = []
        # The function at hand may be traced already, with the values as constants.
        self._model.make_train_function(force=True)

    def _end(self) -> None:
        if not self.installed:
            return
        self.installed = False
        for attributes, name, own in reversed(self._places):
            attributes[name] = own
        for law in self._laws.values():
            law.end()
        self._model.train_function = self._own_function
        for undo in self._undo:
            undo()
        for optimizer, name, value in self._kept:
            _set(optimizer, name, value)
            self._model.train_function = None  # traced with the value from before
        self._places, self._laws, self._undo, self._kept = [], {}, [], []
        self._replaced, self._shares = {}, {}
        self._own_function = None
        self._callbacks = None
        if _live.get(id(self._model)) is self:
            del _live[id(self._model)]

    def _law(self, optimizer: Any, name: str) -> Law:
        key = id(optimizer), name
        if key not in self._laws:
            self._laws[key] = self._install(optimizer, name)
        return self._laws[key]

    def _install(self, optimizer: Any, name: str) -> Law:
        attribute = "_learning_rate" if name == RATE else name
        own = vars(optimizer).get(attribute)
        check_drivable(optimizer, name)
        clock = self._clocks.setdefault(id(optimizer), Clock(optimizer))
        law = Law(optimizer, own, clock)
        driven: Any
        if isinstance(own, LearningRateSchedule):
            driven = DrivenSchedule(own, law)
        elif name == RATE:
            driven = DrivenRate(hyperparameters.number(own), law)
        else:
            driven = DrivenValue(own, law)
        # Not through the optimizer: it would stop tracking its rate, and files
        # saved in mid-training would miss a variable.
        vars(optimizer)[attribute] = driven
        self._places.append((vars(optimizer), attribute, own))
        return law


def present_value(optimizer: Any, name: str) -> float:
    """Returns the value of a hyperparameter that acts on the next step."""
    return value_at(optimizer, name, hyperparameters.batches_seen(optimizer))


def value_at(optimizer: Any, name: str, batches: int) -> float:
    """Returns the value of a hyperparameter at a number of batches."""
    value = vars(optimizer)["_learning_rate" if name == RATE else name]
    step = keras.ops.convert_to_tensor(batches, optimizer._iterations.dtype)
    if isinstance(value, LearningRateSchedule):
        value = value(step)
    elif isinstance(value, DrivenValue):
        value = value.law.at(step)
    return hyperparameters.number(value)


def _last_step(optimizer: Any) -> int:
    return max(hyperparameters.batches_seen(optimizer) - 1, 0)


def _set(optimizer: Any, name: str, value: float) -> None:
    if name == RATE:
        optimizer.learning_rate = value
    else:
        setattr(optimizer, name, value)


def check_drivable(optimizer: Any, name: str) -> None:
    """Raises an error unless the optimizer has a number of that name."""
    if name == RATE:
        rate = vars(optimizer).get("_learning_rate")
        if not isinstance(rate, keras.Variable | LearningRateSchedule):
            raise ValueError(
                "The optimizer's learning rate must be a number or a "
                f"`LearningRateSchedule`. Received: learning_rate={rate!r}"
            )
        return
    value = vars(optimizer).get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and name not in _NOT_DRIVEN:
        return
    have = [
        key
        for key, held in vars(optimizer).items()
        if isinstance(held, float)
        and not key.startswith("_")
        and key not in _NOT_DRIVEN
    ]
    known = ", ".join(sorted({RATE, *have}))
    raise ValueError(
        f"`name` must be a hyperparameter of the optimizer that is a number when "
        f"training starts; {type(optimizer).__name__} has: {known}. "
        f"Received: name={name!r}, with value {value!r}"
    )


def check_model(model: Any) -> None:
    """Raises an error unless the hyperparameters of a model can be driven.

    Raises:
        NotImplementedError: On a backend other than TensorFlow.
        ValueError: If the model has no optimizer.
    """
    if keras.backend.backend() != "tensorflow":
        raise NotImplementedError(
            "keras_extras drives hyperparameters on the TensorFlow backend only, for "
            f"now. Received: keras.backend.backend()={keras.backend.backend()!r}"
        )
    if getattr(model, "optimizer", None) is None:
        raise ValueError(
            "Schedules need a model that is compiled with an optimizer. "
            f"Received: model={model!r}, model.optimizer=None"
        )
