from __future__ import annotations

import weakref
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any
from typing import TypeAlias

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras.backends.load_steering import load_steering
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.fit_guard import FitGuard
from keras_extras.keras_internals.overrides import Overrides
from keras_extras.keras_internals.rates import RATE
from keras_extras.keras_internals.rates import attribute_of
from keras_extras.keras_internals.rates import shares_of_rate
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.steering.checks import check_drivable
from keras_extras.steering.effective_value import Curve
from keras_extras.steering.effective_value import EffectiveValue
from keras_extras.steering.live_number import LiveNumber
from keras_extras.steering.proxies import RateProxy
from keras_extras.steering.proxies import ScheduleProxy
from keras_extras.steering.proxies import ValueProxy
from keras_extras.steering.update_counter import UpdateCounter
from keras_extras.steering.values import last_step
from keras_extras.steering.values import present_value
from keras_extras.steering.values import set_value
from keras_extras.steering.values import value_at

_live: weakref.WeakValueDictionary[int, HyperparameterController]
_live = weakref.WeakValueDictionary()
Plan: TypeAlias = "Callable[[HyperparameterController], None]"


class HyperparameterController:
    """Drives the hyperparameters of one model during one `fit`.

    All callbacks of the `fit` share it, so that a curve of one and a factor of
    another act together, and the optimizer is put back once, when the last of them
    has ended. In between, the model trains with a train function of its own, traced
    with the driven values; the one from before is put back too.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._callbacks: weakref.ref[Any] | None = None  # the `fit` holds them
        self._plans: list[Plan] = []
        self._undo: list[Callable[[], None]] = []
        self._effective_values: dict[tuple[int, str], EffectiveValue] = {}
        self._counters: dict[int, UpdateCounter] = {}
        self._numbers: list[LiveNumber] = []
        self._proxies = Overrides()
        self._own_function: Any = None
        self._guard: weakref.ref[FitGuard] | None = None  # the `fit` holds it
        self._kept: list[tuple[Any, str, float]] = []
        self._replaced: dict[tuple[int, str], tuple[int, float]] = {}
        self._shares: dict[int, float] = {}
        self.installed = False

    @classmethod
    def join(cls, model: Any, plan: Plan) -> HyperparameterController:
        """Returns the controller of the `fit` that is about to start.

        Args:
            model: The model to be trained.
            plan: Called with the controller once all callbacks have begun, to call
                `drive` and `multiply`: what others restore is there by then.
        """
        callbacks = callbacks_of_fit()
        controller = _live.get(id(model))
        if controller is not None and (
            controller._model is not model
            or callbacks is None
            or controller._callback_list() is not callbacks
        ):
            controller.end()  # it is of a `fit` that has failed
            controller = None
        if controller is None:
            controller = _live[id(model)] = cls(model)
            if callbacks is not None:
                controller._callbacks = weakref.ref(callbacks)
                guard = FitGuard(controller._begin, controller._end)
                guard.watch(callbacks)
                controller._guard = weakref.ref(guard)
                load_steering().take_back_counts(model, callbacks)
        controller._plans.append(plan)
        if callbacks is None:
            controller._begin()
        return controller

    def share_rates(self, parts: list[Any]) -> None:
        """Keeps the proportions of the rates of these optimizers, driven together."""
        shares = shares_of_rate(parts)
        self._shares |= {id(part): share for part, share in zip(parts, shares)}

    def drives_several(self) -> bool:
        """Returns whether more than one optimizer is driven, whoever drives it."""
        return len(self._counters) > 1

    def drive(
        self,
        optimizer: Any,
        name: str,
        curve: Curve,
        owner: str,
        numbers: Iterable[LiveNumber] = (),
    ) -> None:
        """Lets a hyperparameter follow `curve`.

        Optimizers that differ in nothing but their learning rate follow one of the
        rate in their proportion: the largest is on the curve.

        Args:
            optimizer: A Keras optimizer, none that wraps others.
            name: Name of the hyperparameter.
            curve: Function of `optimizer.iterations`.
            owner: Who asks for it, for messages.
            numbers: What the curve reads.

        Raises:
            ValueError: If another callback drives it already, or the optimizer has
                no such number.
        """
        effective = self._effective_value(optimizer, name)
        if effective.curve is not None:
            raise ValueError(
                f"Only one callback can set `{name}` of {optimizer.name!r}. Received: "
                f"{effective.owner} and {owner}, which both set it. Leave one of "
                "them out"
            )
        share = self._shares.get(id(optimizer), 1.0) if name == RATE else 1.0
        effective.curve = curve if share == 1.0 else lambda step: share * curve(step)
        effective.owner = owner
        self._read(numbers)

    def multiply(
        self,
        optimizer: Any,
        name: str,
        factor: Curve | LiveNumber,
        numbers: Iterable[LiveNumber] = (),
    ) -> None:
        """Multiplies a hyperparameter by what `factor` gives, whatever else acts.

        Args:
            optimizer: A Keras optimizer, none that wraps others.
            name: Name of the hyperparameter.
            factor: A number, or a function of `optimizer.iterations`.
            numbers: What that function reads.
        """
        factors = self._effective_value(optimizer, name).factors
        self._read(numbers)
        if isinstance(factor, LiveNumber):
            self._numbers.append(factor)
            factors.append(lambda step: factor.tensor())
        else:
            factors.append(factor)

    def _read(self, numbers: Iterable[LiveNumber]) -> None:
        known = [id(number) for number in self._numbers]
        self._numbers.extend(n for n in numbers if id(n) not in known)

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
        """Returns whether what the user set, a number, has no part in the value."""
        effective = self._effective_value(optimizer, name)
        return effective.curve is not None or not isinstance(
            effective.base, keras.Variable
        )

    def value_of_last_step(self, optimizer: Any, name: str) -> float:
        """Returns the value that acted on the step that was trained last."""
        step, value = self._replaced.get((id(optimizer), name), (None, 0.0))
        last = last_step(optimizer)
        return value if step == last else value_at(optimizer, name, last)

    def replacing(self, optimizer: Any, name: str) -> None:
        """Remembers the value of the last step, before another takes its place."""
        value = self.value_of_last_step(optimizer, name)
        self._replaced[id(optimizer), name] = last_step(optimizer), value

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
        self.retrace()

    def retrace(self) -> None:
        """Makes the train function anew, with the values that are driven."""
        load_steering().new_train_function(self._model, self._numbers)

    def _end(self) -> None:
        if not self.installed:
            return
        self.installed = False
        self._proxies.restore()
        for effective in self._effective_values.values():
            effective.end()
        self._model.train_function = self._own_function
        for undo in self._undo:
            undo()
        for optimizer, name, value in self._kept:
            set_value(optimizer, name, value)
            self._model.train_function = None  # traced with the value from before
        self._effective_values, self._undo, self._kept = {}, [], []
        self._replaced, self._shares, self._numbers = {}, {}, []
        self._own_function = None
        self._callbacks = None
        if _live.get(id(self._model)) is self:
            del _live[id(self._model)]

    def _effective_value(self, optimizer: Any, name: str) -> EffectiveValue:
        key = id(optimizer), name
        if key not in self._effective_values:
            self._effective_values[key] = self._install(optimizer, name)
        return self._effective_values[key]

    def _install(self, optimizer: Any, name: str) -> EffectiveValue:
        attribute = attribute_of(name)
        own = vars(optimizer).get(attribute)
        check_drivable(optimizer, name)
        counter = self._counters.setdefault(id(optimizer), UpdateCounter(optimizer))
        effective = EffectiveValue(optimizer, own, counter)
        proxy: Any
        if isinstance(own, LearningRateSchedule):
            proxy = ScheduleProxy(own, effective)
        elif name == RATE:
            proxy = RateProxy(hyperparameters.number(own), effective)
        else:
            proxy = ValueProxy(own, effective)
        # Not through the optimizer: it would stop tracking its rate, and files
        # saved in mid-training would miss a variable.
        self._proxies.set(optimizer, attribute, proxy)
        if isinstance(proxy, ValueProxy):
            load_steering().let_act(self._model, optimizer, attribute, self._proxies)
        return effective


def retrace(model: Any) -> None:
    """Makes the train function of a model anew, which another was traced for.

    Args:
        model: The model; a controller of the `fit` that runs may drive its optimizer.
    """
    controller = _live.get(id(model))
    if controller is not None and controller._model is model and controller.installed:
        controller.retrace()
    else:
        load_steering().new_train_function(model, ())
